/* SPDX-License-Identifier: Apache-2.0 */
/* A device of no type, which sends back what it is sent: vu-backend's generic device is one. */
#include <errno.h>
#include <string.h>

#include "devices/request.h"

#define SIZE 64

enum { WORD_VALUE };

static int prepare_probe(struct vu_request *req, const struct vu_memory *mem,
			 struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	uint64_t *out = vu_request_out(req, region, SIZE), value;

	(void)mem;
	if (!out || !vu_request_in(req, region, SIZE))
		return -ENOSPC;
	value = vu_arg_get(args, nargs, "value", req->chain.buffers[0].guest);
	for (size_t i = 0; i < SIZE / sizeof(value); i++)
		out[i] = htole64(value);
	req->word[WORD_VALUE] = value;
	return 0;
}

static void finish_probe(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	const void *in = vu_request_answer(req, mem, 1);
	uint64_t value;

	if (!in)
		return;
	if (written != SIZE) {
		vu_request_complain(req, "%u bytes came back of %d", written, SIZE);
		return;
	}
	value = vu_load_le64(in);
	vu_request_add_result(req, "value", value);
	if (value != req->word[WORD_VALUE])
		vu_request_complain(req, "%#llx came back, %#llx was sent",
				    (unsigned long long)value,
				    (unsigned long long)req->word[WORD_VALUE]);
}

static int prepare_bad(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs)
{
	(void)mem;
	(void)args;
	(void)nargs;
	if (!vu_request_out(req, region, SIZE))
		return -ENOSPC;
	vu_request_unmapped(req, SIZE, true);
	return 0;
}

static const struct vu_request_kind echo_kinds[] = {
	{ "probe", "send a number: value, which has to be the same", "value", prepare_probe,
	  finish_probe },
	{ "bad", "have it sent to where no memory is", "", prepare_bad, vu_request_ends },
	{ .name = NULL },
};

const struct vu_device vu_echo = {
	.name = "echo",
	.about = "a device that sends back what it is sent",
	.min_rings = 1,
	.ring_stride = 1,
	.kinds = echo_kinds,
};
