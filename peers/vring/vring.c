/* SPDX-License-Identifier: Apache-2.0 */
/* What both ring layouts have in common: ids, requests in flight, indirect tables. */
#include "vring/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void forget_all(struct vu_vring *vr)
{
	for (uint16_t i = 0; i < vr->size; i++) {
		vr->next[i] = i + 1;
		vr->in_flight[i] = false;
	}
	vr->free_head = 0;
	vr->nfree = vr->size;
}

int vu_vring_init(struct vu_vring *vr, const struct vu_memory *mem, struct vu_region *region,
		  uint16_t size, bool packed, bool event_idx)
{
	uint64_t used = region->used;
	int ret;

	if (size == 0 || size > VU_VRING_SIZE_MAX || (!packed && (size & (size - 1))))
		return -EINVAL;
	memset(vr, 0, sizeof(*vr));
	vr->mem = mem;
	vr->region = region;
	vr->packed = packed;
	vr->event_idx = event_idx;
	vr->size = size;
	vr->want_call = true;
	ret = packed ? packed_init(vr) : split_init(vr);
	if (ret < 0) {
		region->used = used;
		return ret;
	}
	forget_all(vr);
	if (packed)
		packed_ask_call(vr);
	else
		split_ask_call(vr);
	return 0;
}

void vu_vring_set_base(struct vu_vring *vr, uint32_t base)
{
	forget_all(vr);
	if (vr->packed)
		packed_set_base(vr, base);
	else
		split_set_base(vr, base);
	vu_vring_want_call(vr, vr->want_call);
}

uint32_t vu_vring_base(const struct vu_vring *vr)
{
	return vr->packed ? packed_base(vr) : split_base(vr);
}

/* Guest address of the indirect table of @id; tables are of the largest size and stay. */
uint64_t vring_table(struct vu_vring *vr, uint16_t id)
{
	uint64_t guest;

	if (vr->indirect[id] == 0) {
		guest = vu_memory_alloc(vr->region, VU_CHAIN_MAX * sizeof(struct vring_desc),
					VRING_DESC_ALIGN_SIZE);
		if (guest != UINT64_MAX)
			vr->indirect[id] = guest;
	}
	return vr->indirect[id];
}

static uint64_t writable_bytes(const struct vu_chain *chain)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < chain->nbuffers; i++)
		if (chain->buffers[i].device_writes)
			sum += chain->buffers[i].len;
	return sum;
}

int vu_vring_add(struct vu_vring *vr, const struct vu_chain *chain)
{
	size_t entries = vring_entries(chain);
	uint16_t id;

	if (chain->nbuffers == 0 || chain->nbuffers > VU_CHAIN_MAX)
		return -EINVAL;
	if (entries > vr->nfree || vr->free_head == vr->size)
		return -ENOSPC;
	if (chain->indirect && vring_table(vr, vr->free_head) == 0)
		return -ENOSPC;
	id = vr->packed ? packed_add(vr, chain) : split_add(vr, chain);
	vr->nfree -= (uint16_t)entries;
	vr->length[id] = (uint16_t)entries;
	vr->writable[id] = writable_bytes(chain);
	vr->in_flight[id] = true;
	return id;
}

bool vu_vring_needs_kick(const struct vu_vring *vr, uint16_t old)
{
	vring_full_barrier();
	return vr->packed ? packed_needs_kick(vr, old) : split_needs_kick(vr, old);
}

/* Put back the ids that the chain @id held: split: one for each descriptor, packed: one. */
static void release(struct vu_vring *vr, uint16_t id)
{
	uint16_t last = id;

	for (uint16_t i = 1; !vr->packed && i < vr->length[id]; i++)
		last = vr->next[last];
	vr->next[last] = vr->free_head;
	vr->free_head = id;
	vr->nfree += vr->length[id];
	vr->in_flight[id] = false;
}

/* Judge what the device returned, and retire the request if there is one. */
bool vring_complete(struct vu_vring *vr, uint32_t id, uint32_t len, struct vu_completion *done)
{
	done->id = (uint16_t)id;
	done->len = len;
	done->problem[0] = '\0';
	if (id >= vr->size || !vr->in_flight[id]) {
		snprintf(done->problem, sizeof(done->problem), "used entry has id %u, which is %s",
			 id, id >= vr->size ? "outside the ring" : "not in flight");
		return false;
	}
	release(vr, (uint16_t)id);
	if (len > vr->writable[id])
		snprintf(done->problem, sizeof(done->problem),
			 "used entry %u says %u bytes were written, the chain has room for %llu",
			 id, len, (unsigned long long)vr->writable[id]);
	return done->problem[0] == '\0';
}

int vu_vring_take(struct vu_vring *vr, struct vu_completion *done)
{
	return vr->packed ? packed_take(vr, done) : split_take(vr, done);
}

uint16_t vu_vring_used_idx(const struct vu_vring *vr)
{
	return vr->packed ? packed_used_idx(vr) : split_used_idx(vr);
}

void vu_vring_want_call(struct vu_vring *vr, bool want)
{
	vr->want_call = want;
	if (vr->packed)
		packed_ask_call(vr);
	else
		split_ask_call(vr);
	vring_full_barrier();
}
