/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-blk: sectors of 512 bytes, each request with a status byte at its end. */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <string.h>

#include "devices/request.h"

#define SECTOR 512
#define LARGE_MAX (VU_CHAIN_MAX - 2)
#define WRITE_MAX 8192 /* sectors in one buffer */

/* Buffers of a chain: the header first, the status last, data in between. */
static size_t status_index(const struct vu_request *req)
{
	return req->chain.nbuffers - 1;
}

static int add_header(struct vu_request *req, struct vu_region *region, uint32_t type,
		      uint64_t sector)
{
	struct virtio_blk_outhdr *header = vu_request_out(req, region, sizeof(*header));

	if (!header)
		return -ENOSPC;
	header->type = htole32(type);
	header->sector = htole64(sector);
	return 0;
}

static int add_status(struct vu_request *req, struct vu_region *region)
{
	return vu_request_in(req, region, 1) ? 0 : -ENOSPC;
}

/* A request of @count buffers of @len bytes each, for the device to write. */
static int prepare_in(struct vu_request *req, struct vu_region *region, uint32_t type,
		      uint64_t sector, uint64_t count, uint32_t len)
{
	int ret = add_header(req, region, type, sector);

	for (uint64_t i = 0; i < count && ret == 0; i++)
		ret = vu_request_in(req, region, len) ? 0 : -ENOSPC;
	return ret ? ret : add_status(req, region);
}

static int prepare_read(struct vu_request *req, const struct vu_memory *mem,
			struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	return prepare_in(req, region, VIRTIO_BLK_T_IN, vu_arg_get(args, nargs, "sector", 0), 1,
			  SECTOR);
}

static int prepare_large(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t sectors = vu_arg_get(args, nargs, "sectors", 8);

	(void)mem;
	if (sectors == 0 || sectors > LARGE_MAX)
		return -EINVAL;
	return prepare_in(req, region, VIRTIO_BLK_T_IN, vu_arg_get(args, nargs, "sector", 0),
			  sectors, SECTOR);
}

static int prepare_write(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t value = htole64(vu_arg_get(args, nargs, "value", 0));
	uint64_t sectors = vu_arg_get(args, nargs, "sectors", 1);
	int ret = add_header(req, region, VIRTIO_BLK_T_OUT, vu_arg_get(args, nargs, "sector", 0));
	uint64_t *data;

	(void)mem;
	if (sectors == 0 || sectors > WRITE_MAX)
		return -EINVAL;
	data = ret ? NULL : vu_request_out(req, region, (uint32_t)sectors * SECTOR);
	if (!data)
		return -ENOSPC;
	for (size_t i = 0; i < sectors * SECTOR / sizeof(value); i++)
		data[i] = value;
	return add_status(req, region);
}

static int prepare_flush(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	return prepare_in(req, region, VIRTIO_BLK_T_FLUSH, 0, 0, 0);
}

static int prepare_id(struct vu_request *req, const struct vu_memory *mem, struct vu_region *region,
		      const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	return prepare_in(req, region, VIRTIO_BLK_T_GET_ID, 0, 1, VIRTIO_BLK_ID_BYTES);
}

static int prepare_bad(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	int ret = add_header(req, region, VIRTIO_BLK_T_IN, 0);

	(void)mem;
	(void)args;
	(void)nargs;
	vu_request_unmapped(req, SECTOR, true);
	return ret ? ret : add_status(req, region);
}

static const char *status_text(uint8_t status)
{
	switch (status) {
	case VIRTIO_BLK_S_OK:
		return "success";
	case VIRTIO_BLK_S_IOERR:
		return "I/O error";
	case VIRTIO_BLK_S_UNSUPP:
		return "unsupported request";
	case VU_POISON:
		return "no status was written";
	}
	return "no status that the spec knows";
}

/* Puts the status among the results; true when it is success. */
static bool take_status(struct vu_request *req, const struct vu_memory *mem)
{
	const uint8_t *status = vu_request_answer(req, mem, status_index(req));

	if (!status)
		return false;
	vu_request_add_result(req, "status", *status);
	return *status == VIRTIO_BLK_S_OK;
}

static void finish_status(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	uint64_t status = 0;

	(void)written;
	if (!take_status(req, mem) && vu_request_result(req, "status", &status))
		vu_request_complain(req, "status is %llu: %s", (unsigned long long)status,
				    status_text((uint8_t)status));
}

/*
 * The used length is no more than a lower bound of what was written, and real
 * devices set it to all sorts of things: what counts is that the data came.
 */
static void finish_in(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	finish_status(req, mem, written);
	for (size_t i = 1; i < status_index(req); i++) {
		const void *data = vu_request_answer(req, mem, i);

		if (!data)
			return;
		if (i == 1)
			vu_request_add_result(req, "value", vu_load_le64(data));
		if (vu_all_poison(data, req->chain.buffers[i].len))
			vu_request_complain(
				req, "status is success, but buffer %zu of %zu was not written", i,
				status_index(req) - 1);
	}
}

/* An error is as good an answer to a broken chain as any. */
static void finish_bad(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	(void)written;
	take_status(req, mem);
}

static const struct vu_request_kind blk_kinds[] = {
	{ "probe", "read sector 0", "", prepare_read, finish_in },
	{ "read", "read a sector: status, value (its first 8 bytes)", "sector", prepare_read,
	  finish_in },
	{ "write", "fill sectors with a number: status", "sector sectors value", prepare_write,
	  finish_status },
	{ "flush", "flush: status", "", prepare_flush, finish_status },
	{ "id", "GET_ID: status, value (its first 8 bytes)", "", prepare_id, finish_in },
	{ "large", "read sectors, one descriptor each: status, value", "sector sectors",
	  prepare_large, finish_in },
	{ "bad", "read to an address where no memory is: status", "", prepare_bad, finish_bad },
	{ .name = NULL },
};

const struct vu_device vu_blk = {
	.name = "blk",
	.about = "virtio-blk",
	.virtio_id = VIRTIO_ID_BLOCK,
	.features = UINT64_C(1) << VIRTIO_BLK_F_FLUSH | UINT64_C(1) << VIRTIO_BLK_F_MQ,
	.min_rings = 1,
	.probe_ring = 0,
	.ring_stride = 1,
	/* Secure erase joined later than the rest. */
	.config_size = offsetof(struct virtio_blk_config, max_secure_erase_sectors),
	.kinds = blk_kinds,
};
