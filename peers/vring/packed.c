/* SPDX-License-Identifier: Apache-2.0 */
/* The packed layout: one descriptor ring that both write, two event suppression structures. */
#include "vring/layout.h"

#include <errno.h>
#include <stddef.h>

static struct vring_packed_desc *desc_at(const struct vu_vring *vr, uint16_t position)
{
	struct vring_packed_desc *ring = vring_host(vr, vr->desc);

	return &ring[packed_index(position)];
}

static struct vring_packed_desc_event *event(const struct vu_vring *vr, uint64_t guest)
{
	return vring_host(vr, guest);
}

/* The descriptors and the device's event structure, which it writes, share no page with buffers. */
int packed_init(struct vu_vring *vr)
{
	uint64_t desc_len = vr->size * sizeof(struct vring_packed_desc);
	uint64_t event_len = sizeof(struct vring_packed_desc_event);

	desc_len = (desc_len + VRING_PAGE - 1) / VRING_PAGE * VRING_PAGE;
	vr->avail = vu_memory_alloc(vr->region, event_len, VRING_USED_ALIGN_SIZE);
	vr->desc = vu_memory_alloc(vr->region, desc_len, VRING_PAGE);
	vr->used = vu_memory_alloc(vr->region, VRING_PAGE, VRING_PAGE);
	if (vr->desc == UINT64_MAX || vr->avail == UINT64_MAX || vr->used == UINT64_MAX)
		return -ENOSPC;
	vr->next_avail = PACKED_WRAP;
	vr->next_used = PACKED_WRAP;
	return 0;
}

static uint16_t valid_position(const struct vu_vring *vr, uint16_t position)
{
	return (uint16_t)(packed_index(position) % vr->size | (position & PACKED_WRAP));
}

/*
 * Between the two positions lies what the device fetched and did not complete:
 * it stays available. The rest of the lap looks used a lap ago, to both sides.
 */
void packed_set_base(struct vu_vring *vr, uint32_t base)
{
	uint16_t at;
	int fetched;

	vr->next_avail = valid_position(vr, (uint16_t)base);
	vr->next_used = valid_position(vr, (uint16_t)(base >> 16));
	fetched = packed_distance(vr->size, vr->next_used, vr->next_avail);
	if (fetched < 0 || fetched > vr->size)
		fetched = 0;
	at = vr->next_used;
	for (int i = 0; i < vr->size; i++, at = packed_advance(vr->size, at, 1)) {
		uint16_t flags = i < fetched ? packed_available_flags(at)
					     : packed_used_flags(at ^ PACKED_WRAP);

		vring_store(&desc_at(vr, at)->flags, flags);
	}
	vr->nfree = (uint16_t)(vr->size - fetched);
	vring_store(&event(vr, vr->used)->flags, VRING_PACKED_EVENT_FLAG_ENABLE);
}

/* Behind what the device completed, whether or not it was taken yet. */
static uint16_t completed(const struct vu_vring *vr, uint16_t *count)
{
	uint16_t at = vr->next_used, id, flags;
	int left = packed_distance(vr->size, vr->next_used, vr->next_avail);

	for (*count = 0; left > 0; (*count)++) {
		flags = vring_load(&desc_at(vr, at)->flags);
		id = vring_load(&desc_at(vr, at)->id);
		if (packed_lap_flags(flags) != packed_used_flags(at) || id >= vr->size)
			break;
		if (!vr->in_flight[id])
			break;
		at = packed_advance(vr->size, at, vr->length[id]);
		left -= vr->length[id];
	}
	return at;
}

uint32_t packed_base(const struct vu_vring *vr)
{
	uint16_t count, at = completed(vr, &count);

	return at | (uint32_t)at << 16;
}

uint16_t packed_used_idx(const struct vu_vring *vr)
{
	uint16_t count;

	completed(vr, &count);
	return count;
}

static void fill(struct vring_packed_desc *desc, uint64_t addr, uint32_t len, uint16_t id)
{
	desc->addr = htole64(addr);
	desc->len = htole32(len);
	desc->id = htole16(id);
}

/* In a table the order says what follows what; of the flags only the direction counts. */
static void fill_table(struct vring_packed_desc *table, const struct vu_chain *chain)
{
	for (size_t i = 0; i < chain->nbuffers; i++) {
		const struct vu_buffer *b = &chain->buffers[i];

		fill(&table[i], b->guest, b->len, 0);
		table[i].flags = htole16(b->device_writes ? VRING_DESC_F_WRITE : 0);
	}
}

static void add_indirect(struct vu_vring *vr, const struct vu_chain *chain, uint16_t id)
{
	uint64_t guest = vring_table(vr, id);
	struct vring_packed_desc *desc = desc_at(vr, vr->next_avail);

	fill_table(vring_host(vr, guest), chain);
	fill(desc, guest, (uint32_t)(chain->nbuffers * sizeof(*desc)), id);
	vring_store(&desc->flags, VRING_DESC_F_INDIRECT | packed_available_flags(vr->next_avail));
}

/* The device may start as soon as it sees the first descriptor, so its flags come last. */
static void add_direct(struct vu_vring *vr, const struct vu_chain *chain, uint16_t id)
{
	for (size_t i = chain->nbuffers; i-- > 0;) {
		const struct vu_buffer *b = &chain->buffers[i];
		uint16_t at = packed_advance(vr->size, vr->next_avail, (uint16_t)i);
		uint16_t flags = packed_available_flags(at);

		if (b->device_writes)
			flags |= VRING_DESC_F_WRITE;
		if (i + 1 < chain->nbuffers)
			flags |= VRING_DESC_F_NEXT;
		fill(desc_at(vr, at), b->guest, b->len, id);
		vring_store(&desc_at(vr, at)->flags, flags);
	}
}

uint16_t packed_add(struct vu_vring *vr, const struct vu_chain *chain)
{
	uint16_t id = vr->free_head;

	vr->free_head = vr->next[id];
	if (chain->indirect)
		add_indirect(vr, chain, id);
	else
		add_direct(vr, chain, id);
	vr->next_avail = packed_advance(vr->size, vr->next_avail, (uint16_t)vring_entries(chain));
	return id;
}

/* Positions are compared as steps back from the present one, so laps do not matter. */
bool packed_needs_kick(const struct vu_vring *vr, uint16_t old)
{
	const struct vring_packed_desc_event *device = event(vr, vr->used);
	uint16_t flags = vring_load(&device->flags) & 3, wanted;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vr->event_idx)
		return true;
	wanted = vring_load(&device->off_wrap);
	return vring_need_event((uint16_t)-packed_distance(vr->size, wanted, vr->next_avail), 0,
				(uint16_t)-packed_distance(vr->size, old, vr->next_avail));
}

/* A length says something only if the device wrote to the chain, which a flag tells. */
int packed_take(struct vu_vring *vr, struct vu_completion *done)
{
	const struct vring_packed_desc *desc = desc_at(vr, vr->next_used);
	uint16_t flags = vring_load(&desc->flags), id, skip = 1;
	uint32_t len;

	if (packed_lap_flags(flags) != packed_used_flags(vr->next_used))
		return -EAGAIN;
	id = vring_load(&desc->id);
	len = flags & VRING_DESC_F_WRITE ? vring_load32(&desc->len) : 0;
	if (id < vr->size && vr->length[id])
		skip = vr->length[id];
	vr->next_used = packed_advance(vr->size, vr->next_used, skip);
	return vring_complete(vr, id, len, done) ? 0 : -EPROTO;
}

void packed_ask_call(struct vu_vring *vr)
{
	struct vring_packed_desc_event *driver = event(vr, vr->avail);
	uint16_t flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (vr->want_call)
		flags = vr->event_idx ? VRING_PACKED_EVENT_FLAG_DESC
				      : VRING_PACKED_EVENT_FLAG_ENABLE;
	if (vr->event_idx)
		vring_store(&driver->off_wrap, vr->next_used);
	vring_store(&driver->flags, flags);
}
