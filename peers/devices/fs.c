/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-fs: FUSE in virtqueues. A request is two headers and their arguments,
 * each in a buffer of its own, as a FUSE driver lays them out.
 */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "devices/request.h"

#define READAHEAD (128 << 10)
#define READ_MAX (64 << 10)
#define NO_VALUE UINT64_MAX

/* The file that `lookup` without a value asks for. */
static const char hello[] = "hello";

enum { WORD_REPLY /* number of the buffer with the header of the answer */ };

/*
 * Header and @len bytes of arguments; returns where the arguments are, or NULL.
 * An address is unique among the requests on their way, and even, as FUSE wants it.
 */
static void *begin(struct vu_request *req, struct vu_region *region, uint32_t opcode, uint64_t node,
		   uint32_t len)
{
	struct fuse_in_header *header = vu_request_out(req, region, sizeof(*header));

	if (!header)
		return NULL;
	header->len = (uint32_t)sizeof(*header) + len;
	header->opcode = opcode;
	header->unique = req->chain.buffers[0].guest;
	header->nodeid = node;
	return len ? vu_request_out(req, region, len) : header;
}

/* Room for the answer's header and @len bytes behind it. */
static int expect(struct vu_request *req, struct vu_region *region, uint32_t len)
{
	req->word[WORD_REPLY] = req->chain.nbuffers;
	if (!vu_request_in(req, region, sizeof(struct fuse_out_header)))
		return -ENOSPC;
	return vu_request_in(req, region, len) ? 0 : -ENOSPC;
}

static int prepare_init(struct vu_request *req, const struct vu_memory *mem,
			struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	struct fuse_init_in *in = begin(req, region, FUSE_INIT, 0, sizeof(*in));

	(void)mem;
	(void)args;
	(void)nargs;
	if (!in)
		return -ENOSPC;
	in->major = FUSE_KERNEL_VERSION;
	in->minor = FUSE_KERNEL_MINOR_VERSION;
	in->max_readahead = READAHEAD;
	return expect(req, region, sizeof(struct fuse_init_out));
}

static int prepare_getattr(struct vu_request *req, const struct vu_memory *mem,
			   struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t node = vu_arg_get(args, nargs, "node", FUSE_ROOT_ID);

	(void)mem;
	if (!begin(req, region, FUSE_GETATTR, node, sizeof(struct fuse_getattr_in)))
		return -ENOSPC;
	return expect(req, region, sizeof(struct fuse_attr_out));
}

static int prepare_statfs(struct vu_request *req, const struct vu_memory *mem,
			  struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	if (!begin(req, region, FUSE_STATFS, FUSE_ROOT_ID, 0))
		return -ENOSPC;
	return expect(req, region, sizeof(struct fuse_statfs_out));
}

/* Length of the name that goes with a value, with its end. */
static uint32_t make_name(char name[32], uint64_t value)
{
	if (value == NO_VALUE)
		return (uint32_t)snprintf(name, 32, "%s", hello) + 1;
	return (uint32_t)snprintf(name, 32, "vringer-%llu", (unsigned long long)value) + 1;
}

static int prepare_lookup(struct vu_request *req, const struct vu_memory *mem,
			  struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	char name[32], *in;
	uint32_t len = make_name(name, vu_arg_get(args, nargs, "value", NO_VALUE));

	(void)mem;
	in = begin(req, region, FUSE_LOOKUP, FUSE_ROOT_ID, len);
	if (!in)
		return -ENOSPC;
	memcpy(in, name, len);
	return expect(req, region, sizeof(struct fuse_entry_out));
}

static int prepare_mkdir(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	struct fuse_mkdir_in *in;
	char name[32];
	uint32_t len = make_name(name, vu_arg_get(args, nargs, "value", 0));

	(void)mem;
	in = begin(req, region, FUSE_MKDIR, FUSE_ROOT_ID, (uint32_t)sizeof(*in) + len);
	if (!in)
		return -ENOSPC;
	in->mode = 0755;
	memcpy(in + 1, name, len);
	return expect(req, region, sizeof(struct fuse_entry_out));
}

static int prepare_open(struct vu_request *req, const struct vu_memory *mem,
			struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t node = vu_arg_get(args, nargs, "node", FUSE_ROOT_ID);

	(void)mem;
	if (!begin(req, region, FUSE_OPEN, node, sizeof(struct fuse_open_in)))
		return -ENOSPC;
	return expect(req, region, sizeof(struct fuse_open_out));
}

static int prepare_read(struct vu_request *req, const struct vu_memory *mem,
			struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t size = vu_arg_get(args, nargs, "size", 4096);
	struct fuse_read_in *in;

	(void)mem;
	if (size == 0 || size > READ_MAX)
		return -EINVAL;
	in = begin(req, region, FUSE_READ, vu_arg_get(args, nargs, "node", FUSE_ROOT_ID),
		   sizeof(*in));
	if (!in)
		return -ENOSPC;
	in->fh = vu_arg_get(args, nargs, "fh", 0);
	in->size = (uint32_t)size;
	return expect(req, region, (uint32_t)size);
}

static int prepare_bad(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	vu_request_unmapped(req, sizeof(struct fuse_in_header), false);
	return expect(req, region, sizeof(struct fuse_attr_out));
}

/* Complaints about the header alone: is it an answer to this request, and one of FUSE at all? */
static bool check_header(struct vu_request *req, const struct fuse_out_header *out)
{
	uint64_t unique = req->chain.buffers[0].guest;

	if (vu_all_poison(out, sizeof(*out)))
		vu_request_complain(req, "no answer was written");
	else if (out->unique != unique)
		vu_request_complain(req, "unique is 0x%llx instead of 0x%llx",
				    (unsigned long long)out->unique, (unsigned long long)unique);
	else if (out->error > 0 || out->error <= -4096)
		vu_request_complain(req, "error is %d, which is no negative errno", out->error);
	else
		return true;
	return false;
}

/*
 * The arguments of an answer without error that has at least @least bytes of
 * them; NULL and a complaint otherwise, but none for the error @fine.
 */
static const void *answer(struct vu_request *req, const struct vu_memory *mem, size_t least,
			  int fine)
{
	size_t i = req->word[WORD_REPLY];
	const struct fuse_out_header *shared = vu_request_answer(req, mem, i);
	struct fuse_out_header out;

	if (!shared)
		return NULL;
	out = *shared;
	if (!check_header(req, &out))
		return NULL;
	vu_request_add_result(req, "error", (uint64_t)-out.error);
	if (out.error) {
		if (out.error != -fine)
			vu_request_complain(req, "error %d: %s", -out.error, strerror(-out.error));
		return NULL;
	}
	if (out.len < sizeof(out) + least ||
	    out.len > sizeof(out) + req->chain.buffers[i + 1].len) {
		vu_request_complain(req, "the answer is %u bytes long, %zu to %zu were expected",
				    out.len, sizeof(out) + least,
				    sizeof(out) + req->chain.buffers[i + 1].len);
		return NULL;
	}
	vu_request_add_result(req, "len", out.len - sizeof(out));
	return vu_request_answer(req, mem, i + 1);
}

/* An older minor version has a shorter answer. */
static void finish_init(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_init_out *out = answer(req, mem, FUSE_COMPAT_INIT_OUT_SIZE, 0);

	(void)written;
	if (!out)
		return;
	vu_request_add_result(req, "major", out->major);
	vu_request_add_result(req, "minor", out->minor);
	if (out->major != FUSE_KERNEL_VERSION)
		vu_request_complain(req, "FUSE version %u.%u, asked for %d.%d", out->major,
				    out->minor, FUSE_KERNEL_VERSION, FUSE_KERNEL_MINOR_VERSION);
}

static void finish_getattr(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_attr_out *out = answer(req, mem, sizeof(*out), 0);

	(void)written;
	if (out)
		vu_request_add_result(req, "mode", out->attr.mode);
}

static void finish_probe(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	uint64_t mode;

	finish_getattr(req, mem, written);
	if (vu_request_result(req, "mode", &mode) && !S_ISDIR(mode))
		vu_request_complain(req, "the root has mode 0%llo, which is no directory",
				    (unsigned long long)mode);
}

static void finish_statfs(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_statfs_out *out = answer(req, mem, sizeof(*out), 0);

	(void)written;
	if (!out)
		return;
	vu_request_add_result(req, "blocks", out->st.blocks);
	vu_request_add_result(req, "bsize", out->st.bsize);
}

/* Absence is told by an error or by node 0. */
static void finish_lookup(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_entry_out *out = answer(req, mem, sizeof(*out), ENOENT);

	(void)written;
	if (req->complaint[0])
		return;
	vu_request_add_result(req, "found", out && out->nodeid);
	vu_request_add_result(req, "node", out ? out->nodeid : 0);
}

static void finish_mkdir(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_entry_out *out = answer(req, mem, sizeof(*out), 0);

	(void)written;
	if (!out)
		return;
	vu_request_add_result(req, "node", out->nodeid);
	if (!S_ISDIR(out->attr.mode))
		vu_request_complain(req, "what was made has mode 0%o, which is no directory",
				    out->attr.mode);
}

static void finish_open(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const struct fuse_open_out *out = answer(req, mem, sizeof(*out), 0);

	(void)written;
	if (out)
		vu_request_add_result(req, "fh", out->fh);
}

static void finish_read(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const uint8_t *data = answer(req, mem, 0, 0);
	uint8_t start[8] = { 0 };
	uint64_t len;

	(void)written;
	if (!data || !vu_request_result(req, "len", &len))
		return;
	memcpy(start, data, len < sizeof(start) ? len : sizeof(start));
	vu_request_add_result(req, "value", vu_load_le64(start));
}

/* Any answer will do to a request that cannot be read. */
static const struct vu_request_kind fs_kinds[] = {
	{ "init", "FUSE_INIT: major, minor", "", prepare_init, finish_init },
	{ "probe", "attributes of the root: mode", "", prepare_getattr, finish_probe },
	{ "getattr", "attributes of a node: mode", "node", prepare_getattr, finish_getattr },
	{ "lookup", "\"hello\", or the name that mkdir makes: found, node", "value", prepare_lookup,
	  finish_lookup },
	{ "mkdir", "make a directory \"vringer-VALUE\": node", "value", prepare_mkdir,
	  finish_mkdir },
	{ "statfs", "statistics: blocks, bsize", "", prepare_statfs, finish_statfs },
	{ "open", "open a node to read: fh", "node", prepare_open, finish_open },
	{ "read", "read from the start: len, value (the first 8 bytes)", "node fh size",
	  prepare_read, finish_read },
	{ "bad", "a header at an address where no memory is", "", prepare_bad, vu_request_ends },
	{ .name = NULL },
};

const struct vu_device vu_fs = {
	.name = "fs",
	.about = "virtio-fs",
	.virtio_id = VIRTIO_ID_FS,
	.min_rings = 2,
	.probe_ring = 1,
	.ring_stride = 1,
	.config_size = sizeof(struct virtio_fs_config),
	.kinds = fs_kinds,
	.first = "init",
};
