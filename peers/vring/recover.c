/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What to make of an in-flight region that an earlier life left: a request that
 * the driver did not see completed is handed out again, one that it saw is not.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "vring/inflight.h"

struct vu_resubmit {
	uint64_t counter;
	uint16_t slot;
};

/* In a fresh region the version comes last: it says that the rest is there. */
static void start_split(const struct vu_served *r, struct inflight_split *region)
{
	for (uint16_t i = 0; i < r->size; i++)
		region->desc[i].inflight = 0;
	region->features = 0;
	region->desc_num = r->size;
	region->last_batch_head = 0;
	region->used_idx = r->last_used;
	region->version = INFLIGHT_VERSION;
}

/* The free list ends with an index that is outside. */
static void start_packed(const struct vu_served *r, struct inflight_packed *region)
{
	struct inflight_position p = { .used_idx = 0 };

	for (uint16_t i = 0; i < r->size; i++) {
		region->desc[i].inflight = 0;
		region->desc[i].next = i + 1;
	}
	set_used(&p, r->last_used);
	set_old(&p);
	region->features = 0;
	region->desc_num = r->size;
	region->free_head = 0;
	region->old_free_head = 0;
	region->position = p;
	region->version = INFLIGHT_VERSION;
}

/* Entries of the last batch, which the driver can see, may still be marked. */
static int repair_split(const struct vu_served *r, struct inflight_split *region)
{
	uint16_t batch = r->last_used - region->used_idx, at = region->last_batch_head;

	if (batch > r->size)
		return -EINVAL;
	for (; batch > 0; batch--) {
		region->desc[bounded(r, at)].inflight = 0;
		at = region->desc[bounded(r, at)].next;
	}
	region->used_idx = r->last_used;
	return 0;
}

/* Whether the driver sees the descriptor at @position as used already: it may even have reused it. */
static bool is_visible(const struct vu_served *r, uint16_t position)
{
	const struct vring_packed_desc *ring = r->desc;
	uint16_t flags = vring_load(&ring[packed_index(position)].flags);

	return packed_lap_flags(flags) != packed_available_flags(position);
}

static void unmark_free(const struct vu_served *r, struct inflight_packed *region)
{
	uint16_t at = region->free_head;

	for (uint16_t i = 0; i < r->size && at < r->size; i++) {
		region->desc[at].inflight = 0;
		at = region->desc[at].next;
	}
}

/*
 * Commit a completion that the driver can see, or roll it back. The wrap counters
 * are compared too: a chain as long as the ring comes back to the same index.
 */
static int repair_packed(const struct vu_served *r, struct inflight_packed *region)
{
	struct inflight_position p = region->position;
	uint16_t old = old_position(&p);

	if (p.used_idx >= r->size || p.old_used_idx >= r->size)
		return -EINVAL;
	if (used_position(&p) != old && is_visible(r, old)) {
		region->old_free_head = region->free_head;
		set_old(&p);
	}
	p.used_idx = p.old_used_idx;
	p.used_wrap_counter = p.old_used_wrap_counter;
	region->position = p;
	region->free_head = region->old_free_head;
	unmark_free(r, region);
	return 0;
}

static int by_counter(const void *left, const void *right)
{
	uint64_t a = ((const struct vu_resubmit *)left)->counter;
	uint64_t b = ((const struct vu_resubmit *)right)->counter;

	return a < b ? -1 : a > b;
}

/* What entry @i has in flight: requests (split), descriptors (packed). */
static uint16_t pending(const struct vu_served *r, uint16_t i, uint64_t *counter)
{
	if (r->packed) {
		*counter = packed_entry(r, i)->counter;
		return packed_entry(r, i)->inflight ? packed_entry(r, i)->num : 0;
	}
	*counter = split_entry(r, i)->counter;
	return split_entry(r, i)->inflight != 0;
}

/* Make a list of what is in flight, sorted: the buffer itself may change under our eyes. */
static int collect(struct vu_served *r)
{
	struct vu_resubmit *list = malloc(r->size * sizeof(*list));
	uint32_t total = 0;

	r->resubmit = list;
	if (!list)
		return -ENOMEM;
	for (uint16_t i = 0; i < r->size; i++) {
		uint16_t n = pending(r, i, &list[r->nresubmit].counter);

		list[r->nresubmit].slot = i;
		r->nresubmit += n > 0;
		total += n;
	}
	if (total > r->size)
		return -EINVAL;
	qsort(list, r->nresubmit, sizeof(*list), by_counter);
	r->in_flight = (uint16_t)total;
	r->unsaid = true; /* what was used before the crash the driver may not have been told */
	r->signalled_valid = false;
	r->counter = r->nresubmit ? list[r->nresubmit - 1].counter + 1 : 0;
	return 0;
}

static bool fits(const struct vu_served *r, uint16_t version, uint64_t features, uint16_t desc_num)
{
	return version == INFLIGHT_VERSION && features == 0 && desc_num == r->size;
}

static int attach_split(struct vu_served *r, struct inflight_split *region)
{
	int ret;

	if (region->version == 0) {
		start_split(r, region);
		return 0;
	}
	if (!fits(r, region->version, region->features, region->desc_num))
		return -EINVAL;
	ret = repair_split(r, region);
	if (ret == 0)
		ret = collect(r);
	if (ret == 0)
		r->last_avail = r->last_used + r->in_flight;
	return ret;
}

static int attach_packed(struct vu_served *r, struct inflight_packed *region)
{
	struct inflight_position p;
	int ret;

	if (region->version == 0) {
		start_packed(r, region);
		return 0;
	}
	if (!fits(r, region->version, region->features, region->desc_num))
		return -EINVAL;
	ret = repair_packed(r, region);
	if (ret == 0)
		ret = collect(r);
	if (ret < 0)
		return ret;
	p = region->position;
	r->last_used = bounded_position(r, used_position(&p));
	r->last_avail = packed_advance(r->size, r->last_used, r->in_flight);
	return 0;
}

void inflight_forget_list(struct vu_served *r)
{
	free(r->resubmit);
	r->resubmit = NULL;
	r->nresubmit = 0;
	r->resubmitted = 0;
}

int vu_inflight_attach(struct vu_served *r, void *region)
{
	int ret;

	vu_inflight_detach(r);
	if (!r->desc || (uintptr_t)region % _Alignof(uint64_t))
		return -EINVAL;
	r->inflight = region;
	r->counter = 0;
	ret = r->packed ? attach_packed(r, region) : attach_split(r, region);
	if (ret < 0)
		vu_inflight_detach(r);
	else if (r->nresubmit == 0)
		inflight_forget_list(r);
	return ret;
}

void vu_inflight_detach(struct vu_served *r)
{
	inflight_forget_list(r);
	r->inflight = NULL;
}

static int packed_again(struct vu_served *r, struct vu_element *el, uint16_t slot)
{
	uint16_t num = packed_entry(r, slot)->num, at = slot;
	int ret = 0;

	el->slot = slot;
	for (uint16_t i = 0; ret == 0 && i < num && i < r->size; i++) {
		const struct inflight_packed_entry *e = packed_entry(r, at);
		const struct served_desc desc = { e->addr, e->len, e->flags, e->id };

		ret = served_packed_add(r, el, &desc);
		at = e->next;
	}
	return ret;
}

int inflight_pop(struct vu_served *r, struct vu_element *el)
{
	uint16_t slot = r->resubmit[r->resubmitted].slot;
	int ret = r->packed ? packed_again(r, el, slot) : served_split_chain(r, el, slot);

	if (ret == 0 && ++r->resubmitted == r->nresubmit)
		inflight_forget_list(r);
	return ret;
}
