/* SPDX-License-Identifier: Apache-2.0 */
/* The fs service: every operation, on a shared directory and on the tree in memory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_fs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/device.h"
#include "devices/fs_session.h"
#include "fs_driver.h"

#define ROOT FUSE_ROOT_ID
#define MB (UINT64_C(1) << 20)

static const char greeting[] = "Hello from behind the ring.\n";

static int start_in(void **state, bool directory)
{
	struct fs_driver *d = calloc(1, sizeof(*d));

	*state = d;
	fs_driver_start(d, directory);
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
	fs_driver_stop(*state, true);
	free(*state);
	return 0;
}

static void host_writes(const struct fs_driver *d, const char *name, const char *text)
{
	int fd = open(fs_driver_path(d, name), O_WRONLY | O_CREAT, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void hello_is_there_however_requests_are_cut(void **state)
{
	struct fs_driver *d = *state;
	uint64_t node, fh;

	for (d->piece = 0; d->piece < 90; d->piece++) {
		char text[64];

		assert_int_equal(fs_driver_lookup(d, ROOT, "hello", &node), 0);
		assert_int_equal(fs_driver_open(d, node, O_RDONLY, &fh), 0);
		assert_int_equal(fs_driver_read(d, fh, 0, text, sizeof(text)), 0);
		assert_int_equal(d->len, strlen(greeting));
		assert_memory_equal(text, greeting, d->len);
		assert_int_equal(fs_driver_read(d, fh, 6, text, 4), 0);
		assert_memory_equal(text, "from", 4);
		assert_int_equal(fs_driver_read(d, fh, 1000, text, 4), 0);
		assert_int_equal(d->len, 0);
		assert_int_equal(fs_driver_release(d, fh, false), 0);
	}
	assert_int_equal(fs_driver_lookup(d, ROOT, "goodbye", &node), -ENOENT);
	assert_int_equal(fs_driver_lookup(d, 77, "hello", &node), -ESTALE);
}

static void what_was_written_is_read(void **state)
{
	struct fs_driver *d = *state;
	static uint8_t data[FUSE_MIN_READ_BUFFER * 8], back[sizeof(data)];
	struct fuse_attr attr;
	uint64_t node, fh, reader;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 256);
	d->piece = 1021;
	assert_int_equal(fs_driver_create(d, ROOT, "file", O_WRONLY | O_EXCL, &node, &fh), 0);
	assert_int_equal(fs_driver_write(d, fh, 5, data, sizeof(data)), 0);
	assert_int_equal(fs_driver_read(d, fh, 0, back, 1), -EBADF);
	assert_int_equal(fs_driver_open(d, node, O_RDONLY, &reader), 0);
	assert_int_equal(fs_driver_read(d, reader, 5, back, sizeof(back)), 0);
	assert_memory_equal(back, data, sizeof(data));
	assert_int_equal(fs_driver_write(d, reader, 0, data, 1), -EBADF);
	assert_int_equal(fs_driver_getattr(d, node, &attr), 0);
	assert_int_equal(attr.size, sizeof(data) + 5);
	assert_int_equal(attr.mode, S_IFREG | 0666);
	assert_int_equal(fs_driver_release(d, fh, false), 0);
	assert_int_equal(fs_driver_write(d, fh, 0, data, 1), -EBADF);
	assert_int_equal(fs_driver_create(d, ROOT, "file", O_WRONLY | O_EXCL, &node, &fh), -EEXIST);
}

static void open_truncates_and_appends(void **state)
{
	struct fs_driver *d = *state;
	uint64_t node, fh, again;
	char text[16];

	assert_int_equal(fs_driver_create(d, ROOT, "log", O_RDWR | O_APPEND, &node, &fh), 0);
	assert_int_equal(fs_driver_write(d, fh, 0, "one", 3), 0);
	assert_int_equal(fs_driver_write(d, fh, 0, "two", 3), 0);
	assert_int_equal(fs_driver_read(d, fh, 0, text, sizeof(text)), 0);
	assert_int_equal(d->len, 6);
	assert_memory_equal(text, "onetwo", 6);
	assert_int_equal(fs_driver_create(d, ROOT, "log", O_RDWR | O_TRUNC, &node, &again), 0);
	assert_int_equal(fs_driver_read(d, fh, 0, text, sizeof(text)), 0);
	assert_int_equal(d->len, 0);
	assert_int_equal(fs_driver_open(d, node, O_ACCMODE, &again), -EINVAL);
}

static int setattr(struct fs_driver *d, uint64_t node, struct fuse_setattr_in in,
		   struct fuse_attr *attr)
{
	struct fuse_attr_out out = { 0 };
	int ret =
		fs_driver_call(d, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0, &out, sizeof(out));

	*attr = out.attr;
	return ret;
}

static void attributes_are_set(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_setattr_in mode = { .valid = FATTR_MODE, .mode = S_IFREG | 0640 };
	struct fuse_setattr_in size = { .valid = FATTR_SIZE | FATTR_FH, .size = 4321 };
	struct fuse_setattr_in time = { .valid = FATTR_MTIME, .mtime = 1234567, .mtimensec = 89 };
	struct fuse_setattr_in huge = { .valid = FATTR_SIZE, .size = UINT64_MAX };
	struct fuse_attr attr;
	uint64_t node, fh, dir;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &fh), 0);
	assert_int_equal(setattr(d, node, mode, &attr), 0);
	assert_int_equal(attr.mode, S_IFREG | 0640);
	assert_int_equal(setattr(d, node, size, &attr), 0);
	assert_int_equal(attr.size, 4321);
	assert_int_equal(setattr(d, node, time, &attr), 0);
	assert_int_equal(attr.mtime, 1234567);
	assert_int_equal(attr.mtimensec, 89);
	assert_int_equal(setattr(d, node, huge, &attr), -EFBIG);
	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), 0);
	assert_int_equal(setattr(d, dir, size, &attr), -EISDIR);
	if (!*d->root) {
		assert_int_equal(setattr(d, dir, mode, &attr), -EPERM);
		return;
	}
	assert_int_equal(setattr(d, dir, mode, &attr), 0);
	assert_int_equal(attr.mode, S_IFDIR | 0640);
}

static void directories_are_made_and_removed(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_attr attr;
	uint64_t dir, below, node, fh;

	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), 0);
	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &below), -EEXIST);
	assert_int_equal(fs_driver_mkdir(d, dir, "below", &below), 0);
	assert_int_equal(fs_driver_getattr(d, below, &attr), 0);
	assert_int_equal(attr.mode, S_IFDIR | 0777);
	assert_int_equal(fs_driver_create(d, below, "file", O_RDWR, &node, &fh), 0);
	assert_int_equal(fs_driver_mkdir(d, node, "no", &node), -ENOTDIR);
	assert_int_equal(fs_driver_remove(d, ROOT, "dir", true), -ENOTEMPTY);
	assert_int_equal(fs_driver_remove(d, dir, "below", false), -EISDIR);
	assert_int_equal(fs_driver_remove(d, below, "file", true), -ENOTDIR);
	assert_int_equal(fs_driver_remove(d, below, "file", false), 0);
	assert_int_equal(fs_driver_remove(d, dir, "below", true), 0);
	assert_int_equal(fs_driver_remove(d, ROOT, "dir", true), 0);
	assert_int_equal(fs_driver_remove(d, ROOT, "dir", true), -ENOENT);
	assert_int_equal(fs_driver_getattr(d, dir, &attr), -ESTALE);
	assert_int_equal(fs_driver_lookup(d, dir, "below", &node), -ESTALE);
}

/* Names of the entries in @bytes, each with a space behind it; the offset to go on from. */
static uint64_t names(const uint8_t *bytes, size_t len, char list[128])
{
	size_t end = strlen(list);
	struct fuse_dirent entry;
	uint64_t offset = 0;

	for (size_t at = 0; at < len; at += FUSE_DIRENT_SIZE(&entry)) {
		memcpy(&entry, bytes + at, FUSE_NAME_OFFSET);
		assert_true(at + FUSE_DIRENT_SIZE(&entry) <= len);
		assert_int_not_equal(entry.ino, 0);
		end += (size_t)snprintf(list + end, 128 - end, "%.*s ", (int)entry.namelen,
					(const char *)bytes + at + FUSE_NAME_OFFSET);
		assert_true(end < 128);
		offset = entry.off;
	}
	return offset;
}

static void directories_are_read_in_parts(void **state)
{
	struct fs_driver *d = *state;
	char all[128] = "", parts[128] = "";
	uint8_t bytes[1024];
	uint64_t dir, node, fh, offset = 0;

	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), 0);
	assert_int_equal(fs_driver_mkdir(d, dir, "b", &node), 0);
	assert_int_equal(fs_driver_mkdir(d, dir, "a long name", &node), 0);
	assert_int_equal(fs_driver_mkdir(d, node, "deeper", &node), 0);
	assert_int_equal(fs_driver_opendir(d, dir, &fh), 0);
	assert_int_equal(fs_driver_readdir(d, fh, 0, bytes, sizeof(bytes)), 0);
	names(bytes, d->len, all);
	assert_string_equal(all, ". .. a long name b ");
	while (!fs_driver_readdir(d, fh, offset, bytes, 40) && d->len)
		offset = names(bytes, d->len, parts);
	assert_string_equal(parts, all);
	assert_int_equal(fs_driver_readdir(d, fh, 0, bytes, 16), -EINVAL);
	assert_int_equal(fs_driver_read(d, fh, 0, bytes, 16), -EISDIR);
	assert_int_equal(fs_driver_release(d, fh, false), -EISDIR);
	assert_int_equal(fs_driver_release(d, fh, true), 0);
	assert_int_equal(fs_driver_open(d, dir, O_RDONLY, &fh), -EISDIR);
	assert_int_equal(fs_driver_lookup(d, ROOT, "hello", &node), *d->root ? -ENOENT : 0);
}

static void a_list_is_made_anew_from_its_beginning(void **state)
{
	struct fs_driver *d = *state;
	char before[128] = "", after[128] = "";
	uint8_t bytes[1024];
	uint64_t dir, node, fh;

	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), 0);
	assert_int_equal(fs_driver_opendir(d, dir, &fh), 0);
	assert_int_equal(fs_driver_readdir(d, fh, 0, bytes, sizeof(bytes)), 0);
	names(bytes, d->len, before);
	assert_int_equal(fs_driver_mkdir(d, dir, "new", &node), 0);
	assert_int_equal(fs_driver_readdir(d, fh, 2, bytes, sizeof(bytes)), 0);
	assert_int_equal(d->len, 0);
	assert_int_equal(fs_driver_readdir(d, fh, 0, bytes, sizeof(bytes)), 0);
	names(bytes, d->len, after);
	assert_string_equal(before, ". .. ");
	assert_string_equal(after, ". .. new ");
}

static void what_is_open_outlives_its_name(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_attr attr;
	uint64_t node, other, fh, again;
	char text[4];

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &fh), 0);
	assert_int_equal(fs_driver_write(d, fh, 0, "kept", 4), 0);
	assert_int_equal(fs_driver_remove(d, ROOT, "file", false), 0);
	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &other, &again), 0);
	assert_int_not_equal(other, node);
	assert_int_equal(fs_driver_read(d, fh, 0, text, 4), 0);
	assert_memory_equal(text, "kept", 4);
	assert_int_equal(fs_driver_getattr(d, node, &attr), 0);
	assert_int_equal(attr.size, 4);
	assert_int_equal(fs_driver_open(d, node, O_RDONLY, &again), 0);
	assert_int_equal(fs_driver_read(d, again, 0, text, 4), 0);
	assert_int_equal(d->len, 4);
	fs_driver_forget(d, node, 1);
	assert_int_equal(fs_driver_release(d, again, false), 0);
	assert_int_equal(fs_driver_getattr(d, node, &attr), 0);
	assert_int_equal(fs_driver_release(d, fh, false), 0);
	assert_int_equal(fs_driver_getattr(d, node, &attr), -ESTALE);
}

static void nodes_are_forgotten_as_often_as_seen(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_attr attr;
	uint64_t node, same;

	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &node), 0);
	assert_int_equal(fs_driver_lookup(d, ROOT, "dir", &same), 0);
	assert_int_equal(same, node);
	fs_driver_forget(d, node, 1);
	assert_int_equal(fs_driver_getattr(d, node, &attr), 0);
	fs_driver_forget(d, node, 5);
	assert_int_equal(fs_driver_getattr(d, node, &attr), -ESTALE);
	assert_int_equal(fs_driver_lookup(d, ROOT, "dir", &same), 0);
	assert_true(same > node);
	fs_driver_forget(d, ROOT, 100);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), 0);
}

static void many_are_forgotten_at_once(void **state)
{
	struct fs_driver *d = *state;
	struct {
		struct fuse_in_header header;
		struct fuse_batch_forget_in in;
		struct fuse_forget_one one[2];
	} request = { .header = { .opcode = FUSE_BATCH_FORGET, .len = sizeof(request) },
		      .in = { 2, 0 } };
	struct fuse_attr attr;
	uint64_t a, b;

	assert_int_equal(fs_driver_mkdir(d, ROOT, "a", &a), 0);
	assert_int_equal(fs_driver_mkdir(d, ROOT, "b", &b), 0);
	request.one[0] = (struct fuse_forget_one){ a, 1 };
	request.one[1] = (struct fuse_forget_one){ b, 1 };
	request.in.count = 3;
	fs_driver_raw(d, FS_HIPRIO_RING, &request, sizeof(request), NULL, 0);
	assert_int_equal(fs_driver_getattr(d, a, &attr), 0);
	request.in.count = 2;
	d->piece = 3;
	fs_driver_raw(d, FS_HIPRIO_RING, &request, sizeof(request), NULL, 0);
	assert_int_equal(fs_driver_getattr(d, a, &attr), -ESTALE);
	assert_int_equal(fs_driver_getattr(d, b, &attr), -ESTALE);
}

static void statistics_access_and_syncing(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_statfs_out out;
	struct fuse_access_in access_in = { .mask = R_OK | W_OK };
	struct fuse_fsync_in sync = { .fsync_flags = FUSE_FSYNC_FDATASYNC };
	struct fuse_flush_in flush = { 0 };
	uint64_t node;

	assert_int_equal(fs_driver_call(d, FUSE_STATFS, ROOT, NULL, 0, NULL, 0, &out, sizeof(out)),
			 0);
	assert_true(out.st.blocks && out.st.bsize && out.st.namelen);
	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &sync.fh), 0);
	assert_int_equal(fs_driver_call(d, FUSE_ACCESS, node, &access_in, sizeof(access_in), NULL,
					0, NULL, 0),
			 0);
	access_in.mask = X_OK;
	assert_int_equal(fs_driver_call(d, FUSE_ACCESS, node, &access_in, sizeof(access_in), NULL,
					0, NULL, 0),
			 -EACCES);
	assert_int_equal(fs_driver_call(d, FUSE_FSYNC, node, &sync, sizeof(sync), NULL, 0, NULL, 0),
			 0);
	flush.fh = sync.fh;
	assert_int_equal(
		fs_driver_call(d, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0, NULL, 0), 0);
	flush.fh++;
	assert_int_equal(
		fs_driver_call(d, FUSE_FLUSH, node, &flush, sizeof(flush), NULL, 0, NULL, 0),
		-EBADF);
}

static void no_name_leads_out_of_the_directory(void **state)
{
	static const char *const names[] = { "..", ".", "", "a/b", "/etc", "../x" };
	struct fs_driver *d = *state;
	uint64_t node, fh;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(fs_driver_lookup(d, ROOT, names[i], &node), -EINVAL);
		assert_int_equal(fs_driver_mkdir(d, ROOT, names[i], &node), -EINVAL);
		assert_int_equal(fs_driver_create(d, ROOT, names[i], O_RDWR, &node, &fh), -EINVAL);
		assert_int_equal(fs_driver_remove(d, ROOT, names[i], true), -EINVAL);
	}
}

/* Neither a link, nor a directory that the host replaces by one while the driver knows it. */
static void links_are_seen_but_not_followed(void **state)
{
	struct fs_driver *d = *state, outside;
	struct fuse_attr attr;
	uint64_t link, dir, node, fh;
	char path[80];

	fs_driver_start(&outside, true);
	host_writes(&outside, "secret", "text");
	assert_int_equal(symlink(outside.root, fs_driver_path(d, "link")), 0);
	assert_int_equal(fs_driver_lookup(d, ROOT, "link", &link), 0);
	assert_int_equal(fs_driver_getattr(d, link, &attr), 0);
	assert_int_equal(attr.mode & S_IFMT, S_IFLNK);
	assert_int_equal(fs_driver_open(d, link, O_RDONLY, &fh), -EOPNOTSUPP);
	assert_int_equal(fs_driver_opendir(d, link, &fh), -ENOTDIR);
	assert_int_equal(fs_driver_lookup(d, link, "secret", &node), -ENOTDIR);

	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), 0);
	snprintf(path, sizeof(path), "%s", fs_driver_path(d, "dir"));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(symlink(outside.root, path), 0);
	assert_int_not_equal(fs_driver_lookup(d, dir, "secret", &node), 0);
	assert_int_not_equal(fs_driver_create(d, dir, "made", O_RDWR, &node, &fh), 0);
	assert_int_not_equal(fs_driver_remove(d, dir, "secret", false), 0);
	assert_int_equal(access(fs_driver_path(&outside, "secret"), F_OK), 0);
	assert_int_not_equal(access(fs_driver_path(&outside, "made"), F_OK), 0);
	fs_driver_stop(&outside, true);
}

/* The walk itself, without the checks of what the driver knows in front of it. */
static void no_step_of_a_path_is_a_link(void **state)
{
	struct fs_driver *d = *state, outside;
	struct fs_tree *tree = fs_directory(d->root);
	struct fs_list list = { 0 };
	struct stat st;

	assert_non_null(tree);
	fs_driver_start(&outside, true);
	host_writes(&outside, "secret", "text");
	assert_int_equal(symlink(outside.root, fs_driver_path(d, "link")), 0);
	assert_int_equal(symlink("link/secret", fs_driver_path(d, "file")), 0);
	assert_int_equal(tree->ops->stat(tree, "link/secret", &st), -ENOTDIR);
	assert_int_equal(tree->ops->open(tree, "link/secret", O_RDONLY, 0), -ENOTDIR);
	assert_int_equal(tree->ops->open(tree, "file", O_RDONLY, 0), -ELOOP);
	assert_int_equal(tree->ops->mkdir(tree, "link/made", 0755), -ENOTDIR);
	assert_int_equal(tree->ops->remove(tree, "link/secret", false), -ENOTDIR);
	assert_int_equal(tree->ops->list(tree, "link", &list), -ENOTDIR);
	tree->ops->close(tree);
	fs_driver_stop(&outside, true);
}

static void the_host_and_the_guest_see_the_same(void **state)
{
	struct fs_driver *d = *state;
	struct fs_driver reader;
	uint64_t node, fh;
	char text[8];

	host_writes(d, "file", "shared");
	assert_int_equal(fs_driver_lookup(d, ROOT, "file", &node), 0);
	assert_int_equal(fs_driver_open(d, node, O_RDWR, &fh), 0);
	assert_int_equal(fs_driver_read(d, fh, 0, text, sizeof(text)), 0);
	assert_memory_equal(text, "shared", 6);
	assert_int_equal(mkfifo(fs_driver_path(d, "pipe"), 0600), 0);
	assert_int_equal(fs_driver_lookup(d, ROOT, "pipe", &node), 0);
	assert_int_equal(fs_driver_open(d, node, O_RDONLY, &fh), -EOPNOTSUPP);

	fs_driver_again(&reader, d, true);
	assert_int_equal(fs_driver_init(&reader), 0);
	assert_int_equal(fs_driver_lookup(&reader, ROOT, "file", &node), 0);
	assert_int_equal(fs_driver_open(&reader, node, O_RDONLY, &fh), 0);
	assert_int_equal(fs_driver_open(&reader, node, O_RDWR, &fh), -EROFS);
	assert_int_equal(fs_driver_open(&reader, node, O_TRUNC, &fh), -EROFS);
	assert_int_equal(fs_driver_mkdir(&reader, ROOT, "dir", &node), -EROFS);
	assert_int_equal(fs_driver_remove(&reader, ROOT, "file", false), -EROFS);
	fs_driver_stop(&reader, false);
}

static void a_disabled_ring_has_no_effect(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_attr attr;
	uint64_t node, fh, dir;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &fh), 0);
	d->disabled = true;
	assert_int_equal(fs_driver_mkdir(d, ROOT, "dir", &dir), -EIO);
	assert_int_equal(fs_driver_write(d, fh, 0, "text", 4), -EIO);
	assert_int_equal(fs_driver_remove(d, ROOT, "file", false), -EIO);
	fs_driver_forget(d, node, 1);
	assert_int_equal(fs_driver_release(d, fh, false), -EIO);
	d->disabled = false;
	assert_int_equal(fs_driver_lookup(d, ROOT, "dir", &dir), -ENOENT);
	assert_int_equal(fs_driver_getattr(d, node, &attr), 0);
	assert_int_equal(attr.size, 0);
	assert_int_equal(fs_driver_release(d, fh, false), 0);
}

static void init_comes_first_and_begins_anew(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_init_in old = { FUSE_KERNEL_VERSION, 12, 0, 0, 0, { 0 } };
	struct fuse_init_in newer = { FUSE_KERNEL_VERSION + 1, 0, 0, 0, 0, { 0 } };
	struct fuse_init_out out;
	struct fuse_attr attr;
	uint64_t node, fh;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &fh), 0);
	vu_fs_service.reset(d->s);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), -EIO);
	assert_int_equal(
		fs_driver_call(d, FUSE_INIT, 0, &old, sizeof(old), NULL, 0, &out, sizeof(out)),
		-EPROTO);
	assert_int_equal(
		fs_driver_call(d, FUSE_INIT, 0, &newer, sizeof(newer), NULL, 0, &out, sizeof(out)),
		0);
	assert_int_equal(out.major, FUSE_KERNEL_VERSION);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), -EIO);
	assert_int_equal(fs_driver_init(d), 0);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), 0);
	assert_int_equal(fs_driver_getattr(d, node, &attr), -ESTALE);
	assert_int_equal(fs_driver_release(d, fh, false), -EBADF);
	assert_int_equal(fs_driver_lookup(d, ROOT, "file", &node), 0);
	assert_int_equal(fs_driver_open(d, node, O_RDONLY, &fh), 0);
	assert_int_equal(fs_driver_init(d), 0);
	assert_int_equal(fs_driver_getattr(d, node, &attr), -ESTALE);
	assert_int_equal(fs_driver_release(d, fh, false), -EBADF);
	assert_int_equal(fs_driver_call(d, FUSE_DESTROY, 0, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), -EIO);
}

static void the_config_space_is_the_devices(void **state)
{
	struct fs_driver *d = *state;
	struct virtio_fs_config config, changed;
	uint8_t byte = 'w';

	assert_int_equal(vu_fs_service.config_size(d->s), sizeof(config));
	vu_fs_service.config(d->s, (uint8_t *)&config);
	assert_string_equal((char *)config.tag, "vringer");
	assert_int_equal(config.num_request_queues, 2);
	assert_int_equal(vu_fs_service.rings(2), 3);
	assert_int_equal(vu_fs_service.set_config(d->s, 0, 1, &byte, false), -EACCES);
	assert_int_equal(vu_fs_service.set_config(d->s, sizeof(config), 1, &byte, true), -ERANGE);
	assert_int_equal(vu_fs_service.set_config(d->s, 4, UINT32_MAX, &byte, true), -ERANGE);
	assert_int_equal(vu_fs_service.set_config(d->s, 0, 1, &byte, true), 0);
	vu_fs_service.config(d->s, (uint8_t *)&changed);
	assert_string_equal((char *)changed.tag, "wringer");
}

static void a_directory_that_is_not_there_is_told(void **state)
{
	struct vu_service_options opt = { .path = "/nowhere/at/all" };
	char why[128] = "";

	(void)state;
	assert_null(vu_fs_service.open(&opt, NULL, why, sizeof(why)));
	assert_string_equal(why, "/nowhere/at/all: No such file or directory");
}

static void there_is_an_end_to_what_may_be_open(void **state)
{
	struct fs_driver *d = *state;
	uint64_t fh, last = 0;
	int ret, n = 0;

	while (!(ret = fs_driver_opendir(d, ROOT, &fh)) && n < 100000) {
		last = fh;
		n++;
	}
	assert_int_equal(ret, -ENFILE);
	assert_int_equal(n, FS_HANDLES_MAX);
	assert_int_equal(fs_driver_release(d, last, true), 0);
	assert_int_equal(fs_driver_opendir(d, ROOT, &fh), 0);
}

/* The requests of the probing side, through rings. */

struct link {
	struct vu_memory mem;
	struct vu_map map;
	struct vu_region *region;
	struct vu_vring vr;
	struct vu_served served;
	struct vu_request req;
};

static struct link *make_link(bool packed)
{
	struct link *l = calloc(1, sizeof(*l));

	vu_memory_init(&l->mem);
	l->region = vu_memory_add(&l->mem, "mem0", 0, 16 * MB, 4 * MB, 0);
	assert_int_equal(vu_vring_init(&l->vr, &l->mem, l->region, 64, packed, true), 0);
	vu_map_init(&l->map);
	assert_int_equal(vu_map_add(&l->map, 0, 16 * MB, 4 * MB, 0, l->region->fd), 0);
	l->served.map = &l->map;
	l->served.size = 64;
	l->served.packed = packed;
	l->served.event_idx = true;
	l->served.desc_user = l->vr.desc + 16 * MB;
	l->served.avail_user = l->vr.avail + 16 * MB;
	l->served.used_user = l->vr.used + 16 * MB;
	vu_served_set_base(&l->served, vu_vring_base(&l->vr));
	assert_int_equal(vu_served_map(&l->served), 0);
	return l;
}

static void free_link(struct link *l)
{
	vu_map_free(&l->map);
	vu_memory_free(&l->mem);
	free(l);
}

/* A request of the driver's side, and what it finds of the answer. */
static uint64_t ask(struct link *l, struct fs_driver *d, const char *kind,
		    const struct vu_arg *args, size_t nargs, const char *result)
{
	struct vu_completion done;
	struct vu_element el;
	uint64_t value;
	uint32_t written;

	memset(&l->req, 0, sizeof(l->req));
	l->req.kind = vu_request_kind(&vu_fs, kind);
	assert_int_equal(l->req.kind->prepare(&l->req, &l->mem, l->region, args, nargs), 0);
	assert_true(vu_vring_add(&l->vr, &l->req.chain) >= 0);
	assert_int_equal(vu_served_pop(&l->served, &el, NULL, NULL), 0);
	assert_int_equal(vu_fs_service.serve(d->s, FS_REQUEST_RING, &el, true, &written), 0);
	vu_served_push(&l->served, &el, written);
	assert_int_equal(vu_vring_take(&l->vr, &done), 0);
	l->req.kind->finish(&l->req, &l->mem, done.len);
	assert_string_equal(l->req.complaint, "");
	if (!vu_request_result(&l->req, result, &value))
		fail_msg("%s has no result %s", kind, result);
	return value;
}

static void probe_through_ring(struct fs_driver *d, bool packed)
{
	struct link *l = make_link(packed);
	struct vu_arg args[] = { { "node", 0 }, { "fh", 0 }, { "size", 100 } };
	struct vu_arg value = { "value", packed };
	uint64_t first;

	assert_int_equal(ask(l, d, "init", NULL, 0, "major"), FUSE_KERNEL_VERSION);
	assert_true(S_ISDIR(ask(l, d, "probe", NULL, 0, "mode")));
	assert_int_equal(ask(l, d, "lookup", &value, 1, "found"), 0);
	assert_int_not_equal(ask(l, d, "mkdir", &value, 1, "node"), 0);
	assert_int_equal(ask(l, d, "lookup", &value, 1, "found"), 1);
	assert_int_not_equal(ask(l, d, "statfs", NULL, 0, "bsize"), 0);
	args[0].value = ask(l, d, "lookup", NULL, 0, "node");
	args[1].value = ask(l, d, "open", args, 1, "fh");
	assert_int_equal(ask(l, d, "read", args, 3, "len"), strlen(greeting));
	memcpy(&first, greeting, sizeof(first));
	assert_int_equal(ask(l, d, "read", args, 3, "value"), first);
	free_link(l);
}

static void the_probing_side_is_content(void **state)
{
	probe_through_ring(*state, false);
	probe_through_ring(*state, true);
}

#define memory_test(f) cmocka_unit_test_setup_teardown(f, in_memory, stop)
#define directory_test(f) cmocka_unit_test_setup_teardown(f, in_directory, stop)
#define both(f)                                                \
	{ #f " (memory)", f, in_memory, stop, NULL },          \
	{                                                      \
#f " (directory)", f, in_directory, stop, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		memory_test(hello_is_there_however_requests_are_cut),
		both(what_was_written_is_read),
		both(open_truncates_and_appends),
		both(attributes_are_set),
		both(directories_are_made_and_removed),
		both(directories_are_read_in_parts),
		both(a_list_is_made_anew_from_its_beginning),
		both(what_is_open_outlives_its_name),
		both(nodes_are_forgotten_as_often_as_seen),
		both(many_are_forgotten_at_once),
		both(statistics_access_and_syncing),
		both(no_name_leads_out_of_the_directory),
		directory_test(links_are_seen_but_not_followed),
		directory_test(no_step_of_a_path_is_a_link),
		directory_test(the_host_and_the_guest_see_the_same),
		both(a_disabled_ring_has_no_effect),
		both(init_comes_first_and_begins_anew),
		memory_test(the_config_space_is_the_devices),
		cmocka_unit_test(a_directory_that_is_not_there_is_told),
		memory_test(there_is_an_end_to_what_may_be_open),
		memory_test(the_probing_side_is_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
