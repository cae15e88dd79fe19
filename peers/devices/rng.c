/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-rng: a buffer that comes back with random bytes, as many as the device likes. */
#include <errno.h>
#include <linux/virtio_ids.h>

#include "devices/request.h"

#define WANTED 64 /* so many are never all poison by chance */

static int prepare_probe(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	return vu_request_in(req, region, WANTED) ? 0 : -ENOSPC;
}

static void finish_probe(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const void *bytes = vu_request_answer(req, mem, 0);
	uint32_t room = req->chain.buffers[0].len;

	if (!bytes)
		return;
	if (written == 0 || written > room) {
		vu_request_complain(req, "%u bytes are said to be random, the buffer has %u",
				    written, room);
		return;
	}
	vu_request_add_result(req, "len", written);
	if (written == room && vu_all_poison(bytes, written))
		vu_request_complain(req, "%u bytes are said to be random, none was written",
				    written);
}

static int prepare_bad(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)region;
	(void)args;
	(void)nargs;
	vu_request_unmapped(req, WANTED, true);
	return 0;
}

static const struct vu_request_kind rng_kinds[] = {
	{ "probe", "ask for random bytes: len of what came", "", prepare_probe, finish_probe },
	{ "bad", "ask for them where no memory is", "", prepare_bad, vu_request_ends },
	{ .name = NULL },
};

const struct vu_device vu_rng = {
	.name = "rng",
	.about = "virtio-rng",
	.virtio_id = VIRTIO_ID_RNG,
	.min_rings = 1,
	.probe_ring = 0,
	.ring_stride = 1,
	.kinds = rng_kinds,
};
