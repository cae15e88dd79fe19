/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE requests for tests of the fs service. */
#include "fs_driver.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define QUEUES 2

static void open_service(struct fs_driver *d, bool read_only)
{
	struct vu_service_options opt = {
		.path = *d->root ? d->root : NULL,
		.queues = QUEUES,
		.read_only = read_only,
	};
	char why[128] = "";

	d->s = vu_fs_service.open(&opt, NULL, why, sizeof(why));
	if (!d->s)
		fail_msg("%s", why);
}

void fs_driver_start(struct fs_driver *d, bool directory)
{
	memset(d, 0, sizeof(*d));
	if (directory) {
		strcpy(d->root, "/tmp/vringer-fs-XXXXXX");
		assert_non_null(mkdtemp(d->root));
	}
	open_service(d, false);
	assert_int_equal(fs_driver_init(d), 0);
}

void fs_driver_again(struct fs_driver *other, const struct fs_driver *d, bool read_only)
{
	memset(other, 0, sizeof(*other));
	memcpy(other->root, d->root, sizeof(other->root));
	open_service(other, read_only);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void fs_driver_stop(struct fs_driver *d, bool directory)
{
	vu_fs_service.close(d->s);
	if (directory && *d->root)
		assert_int_equal(nftw(d->root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *fs_driver_path(const struct fs_driver *d, const char *name)
{
	static char path[1200];

	snprintf(path, sizeof(path), "%s/%s", d->root, name);
	return path;
}

/* The last segment takes what is left. */
static size_t cut(struct vu_segment *segments, uint8_t *bytes, size_t len, size_t piece)
{
	size_t n = 0;

	for (size_t at = 0; at < len; n++) {
		size_t here = piece && n < VU_SEGMENTS_MAX - 1 ? piece : len;

		if (here > len - at)
			here = len - at;
		segments[n].host = bytes + at;
		segments[n].len = (uint32_t)here;
		at += here;
	}
	return n;
}

/* So that a sanitizer sees each byte beyond. */
static uint8_t *exactly(size_t len)
{
	uint8_t *bytes = len ? malloc(len) : NULL;

	assert_true(bytes || !len);
	return bytes;
}

uint32_t fs_driver_raw(struct fs_driver *d, unsigned int ring, const void *request, size_t len,
		       void *answer, size_t room)
{
	struct vu_element el = { .out_len = len, .in_len = room };
	uint8_t *out = exactly(len), *in = exactly(room);
	uint32_t written = 0;

	if (len)
		memcpy(out, request, len);
	el.nout = cut(el.out, out, len, d->piece);
	el.nin = cut(el.in, in, room, d->piece);
	assert_int_equal(vu_fs_service.serve(d->s, ring, &el, !d->disabled, &written), 0);
	assert_in_range(written, 0, room);
	if (answer && written)
		memcpy(answer, in, written);
	free(out);
	free(in);
	return written;
}

int fs_driver_call(struct fs_driver *d, uint32_t opcode, uint64_t node, const void *args,
		   size_t len, const void *more, size_t more_len, void *answer, size_t room)
{
	struct fuse_in_header header = {
		.len = (uint32_t)(sizeof(header) + len + more_len),
		.opcode = opcode,
		.unique = d->unique += 2,
		.nodeid = node,
	};
	struct fuse_out_header out;
	uint8_t *request = calloc(1, header.len), *reply = malloc(sizeof(out) + room);
	uint32_t written;

	assert_true(request && reply);
	memcpy(request, &header, sizeof(header));
	if (len)
		memcpy(request + sizeof(header), args, len);
	if (more_len)
		memcpy(request + sizeof(header) + len, more, more_len);
	written = fs_driver_raw(d, FS_REQUEST_RING, request, header.len, reply, sizeof(out) + room);
	assert_in_range(written, sizeof(out), sizeof(out) + room);
	memcpy(&out, reply, sizeof(out));
	assert_int_equal(out.len, written);
	assert_int_equal(out.unique, header.unique);
	assert_true(out.error <= 0 && out.error > -4096);
	d->len = written - sizeof(out);
	assert_true(!out.error || !d->len);
	if (answer && d->len)
		memcpy(answer, reply + sizeof(out), d->len);
	free(request);
	free(reply);
	return out.error;
}

int fs_driver_init(struct fs_driver *d)
{
	struct fuse_init_in in = {
		FUSE_KERNEL_VERSION, FUSE_KERNEL_MINOR_VERSION, 4096, 0, 0, { 0 }
	};
	struct fuse_init_out out = { 0 };
	int ret = fs_driver_call(d, FUSE_INIT, 0, &in, sizeof(in), NULL, 0, &out, sizeof(out));

	if (!ret) {
		assert_int_equal(d->len, sizeof(out));
		assert_int_equal(out.major, FUSE_KERNEL_VERSION);
	}
	return ret;
}

int fs_driver_lookup(struct fs_driver *d, uint64_t parent, const char *name, uint64_t *node)
{
	struct fuse_entry_out out = { 0 };
	int ret = fs_driver_call(d, FUSE_LOOKUP, parent, NULL, 0, name, strlen(name) + 1, &out,
				 sizeof(out));

	*node = out.nodeid;
	return ret;
}

int fs_driver_getattr(struct fs_driver *d, uint64_t node, struct fuse_attr *attr)
{
	struct fuse_getattr_in in = { 0 };
	struct fuse_attr_out out = { 0 };
	int ret =
		fs_driver_call(d, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0, &out, sizeof(out));

	*attr = out.attr;
	return ret;
}

int fs_driver_create(struct fs_driver *d, uint64_t parent, const char *name, uint32_t flags,
		     uint64_t *node, uint64_t *fh)
{
	struct fuse_create_in in = { .flags = flags, .mode = S_IFREG | 0666 };
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = { 0 };
	int ret = fs_driver_call(d, FUSE_CREATE, parent, &in, sizeof(in), name, strlen(name) + 1,
				 &out, sizeof(out));

	*node = out.entry.nodeid;
	*fh = out.open.fh;
	return ret;
}

int fs_driver_mkdir(struct fs_driver *d, uint64_t parent, const char *name, uint64_t *node)
{
	struct fuse_mkdir_in in = { .mode = 0777 };
	struct fuse_entry_out out = { 0 };
	int ret = fs_driver_call(d, FUSE_MKDIR, parent, &in, sizeof(in), name, strlen(name) + 1,
				 &out, sizeof(out));

	*node = out.nodeid;
	return ret;
}

int fs_driver_remove(struct fs_driver *d, uint64_t parent, const char *name, bool directory)
{
	return fs_driver_call(d, directory ? FUSE_RMDIR : FUSE_UNLINK, parent, NULL, 0, name,
			      strlen(name) + 1, NULL, 0);
}

int fs_driver_open(struct fs_driver *d, uint64_t node, uint32_t flags, uint64_t *fh)
{
	struct fuse_open_in in = { .flags = flags };
	struct fuse_open_out out = { 0 };
	int ret = fs_driver_call(d, flags & O_DIRECTORY ? FUSE_OPENDIR : FUSE_OPEN, node, &in,
				 sizeof(in), NULL, 0, &out, sizeof(out));

	*fh = out.fh;
	return ret;
}

int fs_driver_opendir(struct fs_driver *d, uint64_t node, uint64_t *fh)
{
	return fs_driver_open(d, node, O_DIRECTORY, fh);
}

int fs_driver_read(struct fs_driver *d, uint64_t fh, uint64_t offset, void *bytes, uint32_t len)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = len };

	return fs_driver_call(d, FUSE_READ, 0, &in, sizeof(in), NULL, 0, bytes, len);
}

int fs_driver_write(struct fs_driver *d, uint64_t fh, uint64_t offset, const void *bytes,
		    uint32_t len)
{
	struct fuse_write_in in = { .fh = fh, .offset = offset, .size = len };
	struct fuse_write_out out = { 0 };
	int ret = fs_driver_call(d, FUSE_WRITE, 0, &in, sizeof(in), bytes, len, &out, sizeof(out));

	assert_int_equal(out.size, ret ? 0 : len);
	return ret;
}

int fs_driver_release(struct fs_driver *d, uint64_t fh, bool directory)
{
	struct fuse_release_in in = { .fh = fh };

	return fs_driver_call(d, directory ? FUSE_RELEASEDIR : FUSE_RELEASE, 0, &in, sizeof(in),
			      NULL, 0, NULL, 0);
}

int fs_driver_readdir(struct fs_driver *d, uint64_t fh, uint64_t offset, void *bytes, uint32_t len)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = len };

	return fs_driver_call(d, FUSE_READDIR, 0, &in, sizeof(in), NULL, 0, bytes, len);
}

void fs_driver_forget(struct fs_driver *d, uint64_t node, uint64_t n)
{
	struct {
		struct fuse_in_header header;
		struct fuse_forget_in in;
	} request = {
		{ .len = sizeof(request), .opcode = FUSE_FORGET, .nodeid = node },
		{ n },
	};

	assert_int_equal(fs_driver_raw(d, FS_HIPRIO_RING, &request, sizeof(request), NULL, 0), 0);
}
