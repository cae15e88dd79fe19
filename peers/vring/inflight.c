/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-flight tracking for both layouts: what is written when, and what to make of
 * it after a crash. A request that the driver did not see completed is handed out
 * again, one that it did see is not.
 */
#include "vring/inflight.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "vring/served_layout.h"

#define REGION_ALIGN 64 /* of regions in the buffer, as other back-ends have it */

struct vu_resubmit {
	uint64_t counter;
	uint16_t slot;
};

size_t vu_inflight_size(uint16_t size, bool packed)
{
	size_t bytes = packed ? sizeof(struct inflight_packed) : sizeof(struct inflight_split);

	bytes += size * (packed ? sizeof(struct inflight_packed_entry)
				: sizeof(struct inflight_split_entry));
	return (bytes + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
}

/* An index in the buffer that is outside of it is damage that others did: it must not become ours. */
static uint16_t bounded(const struct vu_served *r, uint16_t i)
{
	return i < r->size ? i : 0;
}

static struct inflight_split_entry *split_entry(const struct vu_served *r, uint16_t i)
{
	struct inflight_split *region = r->inflight;

	return &region->desc[bounded(r, i)];
}

static struct inflight_packed_entry *packed_entry(const struct vu_served *r, uint16_t i)
{
	struct inflight_packed *region = r->inflight;

	return &region->desc[bounded(r, i)];
}

static uint16_t used_position(const struct inflight_position *p)
{
	return (uint16_t)(p->used_idx | (p->used_wrap_counter ? PACKED_WRAP : 0));
}

static uint16_t old_position(const struct inflight_position *p)
{
	return (uint16_t)(p->old_used_idx | (p->old_used_wrap_counter ? PACKED_WRAP : 0));
}

/* A front-end that writes to the buffer while we do must not lead us out of the ring. */
static uint16_t bounded_position(const struct vu_served *r, uint16_t position)
{
	return packed_index(position) < r->size ? position : 0;
}

static void set_used(struct inflight_position *p, uint16_t position)
{
	p->used_idx = packed_index(position);
	p->used_wrap_counter = !!(position & PACKED_WRAP);
}

static void set_old(struct inflight_position *p)
{
	p->old_used_idx = p->used_idx;
	p->old_used_wrap_counter = p->used_wrap_counter;
}

/* ---- while the ring runs ---- */

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

/* ---- a fresh region; the version comes last and says that the rest is there ---- */

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

/* ---- after a crash ---- */

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

static void forget_list(struct vu_served *r)
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
		forget_list(r);
	return ret;
}

void vu_inflight_detach(struct vu_served *r)
{
	forget_list(r);
	r->inflight = NULL;
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

	forget_list(r);
	if (!r->inflight || anything_marked(r))
		return;
	set_used(&p, r->last_used);
	set_old(&p);
	if (r->packed)
		packed->position = p;
	else
		split->used_idx = r->last_used;
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
		forget_list(r);
	return ret;
}
