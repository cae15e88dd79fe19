/* SPDX-License-Identifier: Apache-2.0 */
/* In-flight tracking while a ring runs: what is written to the buffer, and in which order. */
#include "vring/inflight.h"

#include <stddef.h>

#define REGION_ALIGN 64 /* of regions in the buffer, as other back-ends have it */

size_t vu_inflight_size(uint16_t size, bool packed)
{
	size_t bytes = packed ? sizeof(struct inflight_packed) : sizeof(struct inflight_split);

	bytes += size * (packed ? sizeof(struct inflight_packed_entry)
				: sizeof(struct inflight_split_entry));
	return (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
}

static int split_fetch(struct vu_served *r, const struct vu_element *el)
{
	struct inflight_split_entry *e = split_entry(r, el->id);

	if (e->inflight)
		return served_broken(r, "descriptor %u is available again while it is in flight",
				     el->id);
	e->counter = r->counter++;
	e->inflight = 1;
	return 0;
}

/* The driver may have its descriptors overwritten by used entries, so they are copied. */
static void copy_desc(struct inflight_packed_entry *to, const struct vring_packed_desc *from)
{
	struct served_desc desc;

	served_packed_read(from, &desc);
	to->addr = desc.addr;
	to->len = desc.len;
	to->flags = desc.flags;
	to->id = desc.next;
}

static void packed_fetch(struct vu_served *r, struct vu_element *el)
{
	struct inflight_packed *region = r->inflight;
	const struct vring_packed_desc *ring = r->desc;
	struct inflight_packed_entry *head;
	uint16_t at = r->last_avail;

	el->slot = bounded(r, region->old_free_head);
	head = packed_entry(r, el->slot);
	head->num = 0;
	head->counter = r->counter++;
	head->inflight = 1;
	for (uint16_t i = 0; i < el->ndescs; i++, at = packed_advance(r->size, at, 1)) {
		head->last = region->free_head;
		head->num = i + 1;
		copy_desc(packed_entry(r, region->free_head), &ring[packed_index(at)]);
		region->free_head = packed_entry(r, region->free_head)->next;
	}
	region->old_free_head = region->free_head;
}

int inflight_fetch(struct vu_served *r, struct vu_element *el)
{
	if (!r->inflight)
		return 0;
	if (!r->packed)
		return split_fetch(r, el);
	packed_fetch(r, el);
	return 0;
}

static void split_completing(struct vu_served *r, const struct vu_element *el)
{
	struct inflight_split *region = r->inflight;

	split_entry(r, el->id)->next = region->last_batch_head;
	region->last_batch_head = el->id;
}

static void split_completed(struct vu_served *r, const struct vu_element *el)
{
	struct inflight_split *region = r->inflight;

	split_entry(r, el->id)->inflight = 0;
	region->used_idx = r->last_used;
}

static void packed_completing(struct vu_served *r, const struct vu_element *el)
{
	struct inflight_packed *region = r->inflight;
	struct inflight_position p = region->position;

	packed_entry(r, packed_entry(r, el->slot)->last)->next = region->free_head;
	region->free_head = el->slot;
	set_used(&p, packed_advance(r->size, r->last_used, el->ndescs));
	region->position = p;
}

static void packed_completed(struct vu_served *r, const struct vu_element *el)
{
	struct inflight_packed *region = r->inflight;
	struct inflight_position p = region->position;

	packed_entry(r, el->slot)->inflight = 0;
	region->old_free_head = region->free_head;
	set_old(&p);
	region->position = p;
}

void inflight_completing(struct vu_served *r, const struct vu_element *el)
{
	if (r->inflight && r->packed)
		packed_completing(r, el);
	else if (r->inflight)
		split_completing(r, el);
}

void inflight_completed(struct vu_served *r, const struct vu_element *el)
{
	if (r->inflight && r->packed)
		packed_completed(r, el);
	else if (r->inflight)
		split_completed(r, el);
}

static bool anything_marked(const struct vu_served *r)
{
	for (uint16_t i = 0; i < r->size; i++)
		if (r->packed ? packed_entry(r, i)->inflight : split_entry(r, i)->inflight)
			return true;
	return false;
}

void inflight_moved(struct vu_served *r)
{
	struct inflight_packed *packed = r->inflight;
	struct inflight_split *split = r->inflight;
	struct inflight_position p = { .used_idx = 0 };

	inflight_forget_list(r);
	if (!r->inflight || anything_marked(r))
		return;
	set_used(&p, r->last_used);
	set_old(&p);
	if (r->packed)
		packed->position = p;
	else
		split->used_idx = r->last_used;
}
