/* SPDX-License-Identifier: Apache-2.0 */
/* Internal state of the fs service: moved to another process, and refused when it is not right. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/state.h"
#include "fs_driver.h"

#define ROOT FUSE_ROOT_ID

/* A driver that has made something, and the state of its service. */
struct moved {
	struct fs_driver from, to;
	uint64_t dir, file, forgotten, fh, reader, released, dir_fh;
	uint8_t *bytes;
	size_t len;
};

static int start_in(void **state, bool directory)
{
	struct moved *m = calloc(1, sizeof(*m));

	*state = m;
	fs_driver_start(&m->from, directory);
	assert_int_equal(fs_driver_mkdir(&m->from, ROOT, "dir", &m->dir), 0);
	assert_int_equal(fs_driver_create(&m->from, m->dir, "file", O_RDWR, &m->file, &m->fh), 0);
	assert_int_equal(fs_driver_write(&m->from, m->fh, 0, "before", 6), 0);
	assert_int_equal(fs_driver_open(&m->from, m->file, O_RDONLY, &m->reader), 0);
	assert_int_equal(fs_driver_opendir(&m->from, m->dir, &m->dir_fh), 0);
	/* numbers that must not be used again */
	assert_int_equal(fs_driver_mkdir(&m->from, m->dir, "gone", &m->forgotten), 0);
	assert_int_equal(fs_driver_opendir(&m->from, m->forgotten, &m->released), 0);
	assert_int_equal(fs_driver_release(&m->from, m->released, true), 0);
	assert_int_equal(fs_driver_remove(&m->from, m->dir, "gone", true), 0);
	fs_driver_forget(&m->from, m->forgotten, 1);
	assert_int_equal(vu_fs_service.save(m->from.s, &m->bytes, &m->len), 0);
	fs_driver_again(&m->to, &m->from, false);
	return 0;
}

static int in_memory(void **state)
{
	return start_in(state, false);
}

static int in_directory(void **state)
{
	return start_in(state, true);
}

static int stop(void **state)
{
	struct moved *m = *state;

	fs_driver_stop(&m->to, false);
	fs_driver_stop(&m->from, true);
	free(m->bytes);
	free(m);
	return 0;
}

static void everything_goes_on(struct moved *m)
{
	struct fs_driver *d = &m->to;
	uint8_t entries[256];
	struct fuse_attr attr;
	uint64_t node, fh;
	char text[16];

	assert_int_equal(fs_driver_read(d, m->fh, 0, text, 6), 0);
	assert_memory_equal(text, "before", 6);
	assert_int_equal(fs_driver_write(d, m->fh, 6, " after", 6), 0);
	assert_int_equal(fs_driver_write(d, m->reader, 0, "no", 2), -EBADF);
	assert_int_equal(fs_driver_read(d, m->reader, 0, text, sizeof(text)), 0);
	assert_int_equal(d->len, 12);
	assert_int_equal(fs_driver_getattr(d, m->file, &attr), 0);
	assert_int_equal(attr.mode, S_IFREG | 0666);
	assert_int_equal(fs_driver_lookup(d, m->dir, "file", &node), 0);
	assert_int_equal(node, m->file);
	assert_int_equal(fs_driver_readdir(d, m->dir_fh, 2, entries, sizeof(entries)), 0);
	assert_int_equal(d->len, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + strlen("file")));
	assert_int_equal(fs_driver_open(d, m->file, O_RDONLY, &fh), 0);
	assert_true(fh > m->released);
	assert_int_equal(fs_driver_mkdir(d, ROOT, "other", &node), 0);
	assert_true(node > m->forgotten);
	/* two lookups, two handles, then the node is gone */
	assert_int_equal(fs_driver_release(d, fh, false), 0);
	assert_int_equal(fs_driver_release(d, m->fh, false), 0);
	assert_int_equal(fs_driver_release(d, m->reader, false), 0);
	fs_driver_forget(d, m->file, 1);
	assert_int_equal(fs_driver_getattr(d, m->file, &attr), 0);
	fs_driver_forget(d, m->file, 1);
	assert_int_equal(fs_driver_getattr(d, m->file, &attr), -ESTALE);
}

static void what_was_open_goes_on(void **state)
{
	struct moved *m = *state;

	assert_int_equal(vu_fs_service.load(m->to.s, m->bytes, m->len), 0);
	everything_goes_on(m);
}

/* The source is gone by then, and nothing but the bytes and the directory is left of it. */
static void what_was_open_goes_on_in_another_process(void **state)
{
	struct moved *m = *state;
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		vu_fs_service.close(m->from.s);
		if (vu_fs_service.load(m->to.s, m->bytes, m->len) == 0)
			everything_goes_on(m);
		vu_fs_service.close(m->to.s);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	if (*m->from.root)
		assert_int_equal(access(fs_driver_path(&m->from, "other"), F_OK), 0);
}

static void saving_changes_nothing(void **state)
{
	struct moved *m = *state;
	uint8_t *bytes;
	size_t len;
	char text[6];

	assert_int_equal(vu_fs_service.save(m->from.s, &bytes, &len), 0);
	assert_int_equal(len, m->len);
	assert_memory_equal(bytes, m->bytes, len);
	free(bytes);
	assert_int_equal(vu_fs_service.load(m->to.s, m->bytes, m->len), 0);
	assert_int_equal(vu_fs_service.save(m->to.s, &bytes, &len), 0);
	assert_int_equal(len, m->len);
	assert_memory_equal(bytes, m->bytes, len);
	free(bytes);
	assert_int_equal(fs_driver_read(&m->from, m->fh, 0, text, 6), 0);
	assert_memory_equal(text, "before", 6);
}

static void a_thousand_nodes_move(void **state)
{
	struct moved *m = *state;
	struct fuse_attr attr;
	uint64_t node = 0;
	uint8_t *bytes;
	char name[16];
	size_t len;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(fs_driver_mkdir(&m->from, ROOT, name, &node), 0);
	}
	assert_int_equal(vu_fs_service.save(m->from.s, &bytes, &len), 0);
	assert_int_equal(vu_fs_service.load(m->to.s, bytes, len), 0);
	assert_int_equal(fs_driver_getattr(&m->to, node, &attr), 0);
	assert_int_equal(fs_driver_getattr(&m->to, node + 1, &attr), -ESTALE);
	free(bytes);
}

/* What stands in for "without harm": the service still has just what it had. */
static void assert_refused(struct moved *m, const uint8_t *bytes, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1), *after;
	size_t after_len;

	assert_non_null(exact);
	memcpy(exact, bytes, len);
	assert_true(vu_fs_service.load(m->from.s, exact, len) < 0);
	free(exact);
	assert_int_equal(vu_fs_service.save(m->from.s, &after, &after_len), 0);
	assert_int_equal(after_len, m->len);
	assert_memory_equal(after, m->bytes, m->len);
	free(after);
}

static void state_that_was_cut_short_is_refused(void **state)
{
	struct moved *m = *state;

	for (size_t len = 0; len < m->len; len++)
		assert_refused(m, m->bytes, len);
}

static void state_that_was_mangled_is_refused(void **state)
{
	struct moved *m = *state;

	for (size_t i = 0; i < m->len; i++) {
		m->bytes[i] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(vu_fs_service.load(m->to.s, m->bytes, m->len), -EINVAL);
		m->bytes[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(vu_fs_service.load(m->to.s, m->bytes, m->len), 0);
}

static void state_of_another_tree_is_refused(void **state)
{
	struct moved *m = *state;
	struct fs_driver other;
	uint64_t node;

	fs_driver_start(&other, !*m->from.root);
	assert_int_equal(vu_fs_service.load(other.s, m->bytes, m->len), -EINVAL);
	assert_int_equal(fs_driver_mkdir(&other, ROOT, "dir", &node), 0);
	fs_driver_stop(&other, true);
	if (!*m->from.root)
		return;
	fs_driver_start(&other, true);
	assert_int_equal(vu_fs_service.load(other.s, m->bytes, m->len), -ENOENT);
	fs_driver_stop(&other, true);
}

static void writing_is_not_restored_where_all_is_read_only(void **state)
{
	struct moved *m = *state;
	struct fs_driver reader;

	fs_driver_again(&reader, &m->from, true);
	assert_int_equal(vu_fs_service.load(reader.s, m->bytes, m->len), -EROFS);
	fs_driver_stop(&reader, false);
}

/* Another process could not open it again; a node alone that is gone does no harm. */
static void what_is_open_without_a_name_cannot_be_saved(void **state)
{
	struct moved *m = *state;
	struct fuse_attr attr;
	uint8_t *bytes = NULL;
	size_t len;

	assert_int_equal(fs_driver_remove(&m->from, m->dir, "file", false), 0);
	assert_int_equal(vu_fs_service.save(m->from.s, &bytes, &len), -ESTALE);
	assert_null(bytes);
	assert_int_equal(fs_driver_release(&m->from, m->fh, false), 0);
	assert_int_equal(fs_driver_release(&m->from, m->reader, false), 0);
	assert_int_equal(vu_fs_service.save(m->from.s, &bytes, &len), 0);
	assert_int_equal(vu_fs_service.load(m->to.s, bytes, len), 0);
	assert_int_equal(fs_driver_getattr(&m->to, m->file, &attr), -ESTALE);
	assert_int_equal(fs_driver_getattr(&m->to, m->dir, &attr), 0);
	free(bytes);
}

/* State in a right frame whose contents are wrong, as only somebody hostile would make it. */

struct forged {
	uint64_t next_node, node;
	const char *path;
	uint64_t next_handle, fh, of;
	uint64_t flags, more;
};

static int load_forged(struct moved *m, const struct forged *f)
{
	struct vu_state_writer w = { 0 };
	uint8_t *bytes;
	size_t len;
	int ret;

	vu_state_put_bytes(&w, "directory", strlen("directory"));
	vu_state_put_number(&w, 1);
	vu_state_put_number(&w, f->next_node);
	vu_state_put_number(&w, 1);
	vu_state_put_number(&w, f->node);
	vu_state_put_number(&w, 1);
	vu_state_put_bytes(&w, f->path, strlen(f->path));
	vu_state_put_number(&w, f->next_handle);
	vu_state_put_number(&w, 1 + f->more);
	vu_state_put_number(&w, f->fh);
	vu_state_put_number(&w, f->of);
	vu_state_put_number(&w, f->flags);
	assert_int_equal(vu_state_finish(&w, "vringer-fs", 1, &bytes, &len), 0);
	ret = vu_fs_service.load(m->to.s, bytes, len);
	free(bytes);
	return ret;
}

static void state_that_was_forged_is_refused(void **state)
{
	const struct forged right = { 5, 4, "dir/file", 9, 8, 4, O_RDWR, 0 };
	struct moved *m = *state;
	struct forged f;

	assert_int_equal(load_forged(m, &right), 0);
#define refuse(field, value)                         \
	do {                                         \
		f = right;                           \
		f.field = (value);                   \
		assert_true(load_forged(m, &f) < 0); \
	} while (0)
	refuse(path, "../../etc/passwd");
	refuse(path, "/etc/passwd");
	refuse(path, "dir//file");
	refuse(path, "dir/../dir/file");
	refuse(path, "dir/file/");
	refuse(path, "dir/.");
	refuse(path, "nothing");
	refuse(path, "");
	refuse(path, "dir");
	refuse(node, 0);
	refuse(node, ROOT);
	refuse(node, 5);
	refuse(next_node, 0);
	refuse(next_node, 1);
	refuse(next_node, UINT64_MAX);
	refuse(fh, 0);
	refuse(fh, 9);
	refuse(of, 3);
	refuse(of, ROOT);
	refuse(flags, O_ACCMODE);
	refuse(flags, O_TRUNC);
	refuse(flags, UINT64_MAX);
	refuse(flags, O_DIRECTORY);
	refuse(next_handle, 0);
	refuse(next_handle, UINT64_MAX);
	refuse(more, 1);
	refuse(more, UINT64_C(1) << 40);
	f = right;
	f.node = f.of = ROOT;
	f.path = "dir";
	f.flags = O_DIRECTORY;
	assert_true(load_forged(m, &f) < 0);
	assert_int_equal(load_forged(m, &right), 0);
}

#define memory_test(f)                                   \
	{                                                \
#f " (memory)", f, in_memory, stop, NULL \
	}
#define directory_test(f)                                      \
	{                                                      \
#f " (directory)", f, in_directory, stop, NULL \
	}
#define both(f) memory_test(f), directory_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(what_was_open_goes_on),
		both(what_was_open_goes_on_in_another_process),
		both(saving_changes_nothing),
		both(a_thousand_nodes_move),
		both(state_that_was_cut_short_is_refused),
		both(state_that_was_mangled_is_refused),
		both(state_of_another_tree_is_refused),
		directory_test(writing_is_not_restored_where_all_is_read_only),
		both(what_is_open_without_a_name_cannot_be_saved),
		directory_test(state_that_was_forged_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
