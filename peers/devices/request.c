/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of any device: buffers in guest memory, results, complaints. */
#include "devices/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Direct I/O wants sectors aligned; for the rest it is as good as any. */
#define BUFFER_ALIGN(len) ((len) >= 512 ? 512 : 16)

uint64_t vu_arg_get(const struct vu_arg *args, size_t nargs, const char *key, uint64_t fallback)
{
	for (size_t i = 0; i < nargs; i++)
		if (strcmp(args[i].key, key) == 0)
			return args[i].value;
	return fallback;
}

static void append(struct vu_request *req, uint64_t guest, uint32_t len, bool device_writes)
{
	struct vu_buffer buffer = { .guest = guest, .len = len, .device_writes = device_writes };

	if (req->chain.nbuffers < sizeof(req->guest) / sizeof(req->guest[0]))
		req->guest[req->chain.nbuffers] = guest;
	req->chain.buffers[req->chain.nbuffers++] = buffer;
}

static void *allocate(struct vu_request *req, struct vu_region *region, uint32_t len,
		      bool device_writes)
{
	uint64_t guest;

	if (req->chain.nbuffers == VU_CHAIN_MAX)
		return NULL;
	guest = vu_memory_alloc(region, len, BUFFER_ALIGN(len));
	if (guest == UINT64_MAX)
		return NULL;
	append(req, guest, len, device_writes);
	return region->host + (guest - region->guest_address);
}

void *vu_request_out(struct vu_request *req, struct vu_region *region, uint32_t len)
{
	return allocate(req, region, len, false);
}

void *vu_request_in(struct vu_request *req, struct vu_region *region, uint32_t len)
{
	void *host = allocate(req, region, len, true);

	return host ? memset(host, VU_POISON, len) : NULL;
}

void vu_request_unmapped(struct vu_request *req, uint32_t len, bool device_writes)
{
	if (req->chain.nbuffers < VU_CHAIN_MAX)
		append(req, VU_UNMAPPED_ADDRESS, len, device_writes);
}

void vu_request_add_result(struct vu_request *req, const char *key, uint64_t value)
{
	struct vu_result result = { .key = key, .value = value };

	if (req->nresults < VU_RESULTS_MAX)
		req->results[req->nresults++] = result;
}

bool vu_request_result(const struct vu_request *req, const char *key, uint64_t *value)
{
	for (size_t i = 0; i < req->nresults; i++) {
		if (strcmp(req->results[i].key, key) == 0) {
			*value = req->results[i].value;
			return true;
		}
	}
	return false;
}

void vu_request_complain(struct vu_request *req, const char *format, ...)
{
	va_list args;

	if (req->complaint[0])
		return;
	va_start(args, format);
	vsnprintf(req->complaint, sizeof(req->complaint), format, args);
	va_end(args);
}

const void *vu_request_answer(struct vu_request *req, const struct vu_memory *mem, size_t i)
{
	const struct vu_buffer *buffer = &req->chain.buffers[i];
	const void *host = vu_memory_host(mem, buffer->guest, buffer->len);

	if (!host)
		vu_request_complain(req, "buffer %zu of the request is no longer in any region", i);
	return host;
}

void vu_request_ends(struct vu_request *req, const struct vu_memory *mem, uint32_t written)
{
	(void)req;
	(void)mem;
	(void)written;
}

bool vu_all_poison(const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		if (p[i] != VU_POISON)
			return false;
	return true;
}

uint64_t vu_load_le64(const void *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return le64toh(value);
}
