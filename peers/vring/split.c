/* SPDX-License-Identifier: Apache-2.0 */
/* The split layout: descriptor table, available ring and used ring. */
#include "vring/layout.h"

#include <errno.h>
#include <stdio.h>

static struct vring_desc *desc_table(const struct vu_vring *vr)
{
	return vring_host(vr, vr->desc);
}

static struct vring_avail *avail_ring(const struct vu_vring *vr)
{
	return vring_host(vr, vr->avail);
}

static struct vring_used *used_ring(const struct vu_vring *vr)
{
	return vring_host(vr, vr->used);
}

/* Where each side says at which index it wants to be notified: behind the other's ring. */
static uint16_t *used_event(const struct vu_vring *vr)
{
	return &avail_ring(vr)->ring[vr->size];
}

static uint16_t *avail_event(const struct vu_vring *vr)
{
	return (uint16_t *)&used_ring(vr)->ring[vr->size];
}

/* The used ring has pages of its own, so that the dirty log tells its writes from others. */
int split_init(struct vu_vring *vr)
{
	uint64_t n = vr->size;
	uint64_t used_len = sizeof(struct vring_used) + n * sizeof(struct vring_used_elem) + 2;

	used_len = (used_len + VRING_PAGE - 1) / VRING_PAGE * VRING_PAGE;
	vr->desc =
		vu_memory_alloc(vr->region, n * sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE);
	vr->avail = vu_memory_alloc(vr->region, sizeof(struct vring_avail) + n * 2 + 2,
				    VRING_AVAIL_ALIGN_SIZE);
	vr->used = vu_memory_alloc(vr->region, used_len, VRING_PAGE);
	if (vr->desc == UINT64_MAX || vr->avail == UINT64_MAX || vr->used == UINT64_MAX)
		return -ENOSPC;
	return 0;
}

void split_set_base(struct vu_vring *vr, uint32_t base)
{
	vr->next_avail = (uint16_t)base;
	vr->next_used = (uint16_t)base;
	vring_store(&avail_ring(vr)->idx, vr->next_avail);
	vring_store(&used_ring(vr)->idx, vr->next_used);
	vring_store(&used_ring(vr)->flags, 0);
	if (vr->event_idx)
		vring_store(avail_event(vr), vr->next_avail);
}

uint32_t split_base(const struct vu_vring *vr)
{
	uint16_t used = split_used_idx(vr);
	uint16_t taken = vr->next_used;

	/* An index beyond what was made available is not to be believed. */
	return (uint16_t)(used - taken) <= (uint16_t)(vr->next_avail - taken) ? used : taken;
}

static void fill(struct vring_desc *desc, const struct vu_buffer *buffer, bool more, uint16_t next)
{
	uint16_t flags = 0;

	if (buffer->device_writes)
		flags |= VRING_DESC_F_WRITE;
	if (more)
		flags |= VRING_DESC_F_NEXT;
	desc->addr = htole64(buffer->guest);
	desc->len = htole32(buffer->len);
	desc->flags = htole16(flags);
	desc->next = htole16(more ? next : 0);
}

/* Returns the first free descriptor behind the chain. */
static uint16_t fill_direct(struct vu_vring *vr, const struct vu_chain *chain)
{
	uint16_t at = vr->free_head;

	for (size_t i = 0; i < chain->nbuffers; i++) {
		fill(&desc_table(vr)[at], &chain->buffers[i], i + 1 < chain->nbuffers,
		     vr->next[at]);
		at = vr->next[at];
	}
	return at;
}

static uint16_t fill_indirect(struct vu_vring *vr, const struct vu_chain *chain)
{
	uint16_t head = vr->free_head;
	uint64_t guest = vring_table(vr, head);
	struct vring_desc *table = vring_host(vr, guest);
	struct vring_desc *desc = &desc_table(vr)[head];

	for (size_t i = 0; i < chain->nbuffers; i++)
		fill(&table[i], &chain->buffers[i], i + 1 < chain->nbuffers, (uint16_t)(i + 1));
	desc->addr = htole64(guest);
	desc->len = htole32((uint32_t)(chain->nbuffers * sizeof(*table)));
	desc->flags = htole16(VRING_DESC_F_INDIRECT);
	desc->next = 0;
	return vr->next[head];
}

uint16_t split_add(struct vu_vring *vr, const struct vu_chain *chain)
{
	struct vring_avail *avail = avail_ring(vr);
	uint16_t head = vr->free_head;

	vr->free_head = chain->indirect ? fill_indirect(vr, chain) : fill_direct(vr, chain);
	avail->ring[vr->next_avail % vr->size] = htole16(head);
	vring_store(&avail->idx, ++vr->next_avail);
	return head;
}

bool split_needs_kick(const struct vu_vring *vr, uint16_t old)
{
	if (vr->event_idx)
		return vring_need_event(vring_load(avail_event(vr)), vr->next_avail, old);
	return !(vring_load(&used_ring(vr)->flags) & VRING_USED_F_NO_NOTIFY);
}

int split_take(struct vu_vring *vr, struct vu_completion *done)
{
	const struct vring_used_elem *elem;
	uint16_t idx = split_used_idx(vr);
	uint16_t returned = idx - vr->next_used;
	uint32_t id, len;

	if (returned == 0)
		return -EAGAIN;
	elem = &used_ring(vr)->ring[vr->next_used % vr->size];
	id = vring_load32(&elem->id);
	len = vring_load32(&elem->len);
	if (returned > vr->size) {
		done->id = (uint16_t)id;
		done->len = len;
		snprintf(done->problem, sizeof(done->problem),
			 "used index went from %u to %u, more than the %u entries of the ring",
			 vr->next_used, idx, vr->size);
		vr->next_used = idx;
		return -EPROTO;
	}
	vr->next_used++;
	return vring_complete(vr, id, len, done) ? 0 : -EPROTO;
}

uint16_t split_used_idx(const struct vu_vring *vr)
{
	return vring_load(&used_ring(vr)->idx);
}

/* Without event indices a flag, with them the index of the completion to be notified of: when
   none is wanted, the one that is farthest away. */
void split_ask_call(struct vu_vring *vr)
{
	if (vr->event_idx)
		vring_store(used_event(vr), vr->want_call ? vr->next_used : vr->next_used - 1);
	else
		vring_store(&avail_ring(vr)->flags, vr->want_call ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
}
