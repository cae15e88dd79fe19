/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the room: the in-flight buffer's regions, as the spec lays them out. It
 * outlives us, so what counts is which stores a crash leaves done: the fields are
 * atomic, and an access is one load or store in the order of the program.
 */
#ifndef VRINGER_VRING_INFLIGHT_H
#define VRINGER_VRING_INFLIGHT_H

#include <stdatomic.h>
#include <stdint.h>

#include "vring/served_layout.h"

#define INFLIGHT_VERSION 1

struct inflight_split_entry {
	_Atomic(uint8_t) inflight;
	uint8_t padding[5];
	_Atomic(uint16_t) next;
	_Atomic(uint64_t) counter;
};

struct inflight_split {
	_Atomic(uint64_t) features;
	_Atomic(uint16_t) version, desc_num;
	_Atomic(uint16_t) last_batch_head, used_idx;
	struct inflight_split_entry desc[];
};

struct inflight_packed_entry {
	_Atomic(uint8_t) inflight;
	uint8_t padding;
	_Atomic(uint16_t) next, last, num;
	_Atomic(uint64_t) counter;
	_Atomic(uint16_t) id, flags;
	_Atomic(uint32_t) len;
	_Atomic(uint64_t) addr;
};

/*
 * Where the used position is and where it was. Stored at once: if the old index
 * were of another lap than the old wrap counter when we crash, the recovery would
 * compare the descriptor with the flags of the wrong lap.
 */
struct inflight_position {
	uint16_t used_idx, old_used_idx;
	uint8_t used_wrap_counter, old_used_wrap_counter;
	uint8_t padding[2];
};

struct inflight_packed {
	_Atomic(uint64_t) features;
	_Atomic(uint16_t) version, desc_num;
	_Atomic(uint16_t) free_head, old_free_head;
	_Atomic(struct inflight_position) position;
	uint8_t padding[8];
	struct inflight_packed_entry desc[];
};

/* An index in the buffer that is outside of it is damage that others did: it must not become ours. */
static inline uint16_t bounded(const struct vu_served *r, uint16_t i)
{
	return i < r->size ? i : 0;
}

static inline struct inflight_split_entry *split_entry(const struct vu_served *r, uint16_t i)
{
	struct inflight_split *region = r->inflight;

	return &region->desc[bounded(r, i)];
}

static inline struct inflight_packed_entry *packed_entry(const struct vu_served *r, uint16_t i)
{
	struct inflight_packed *region = r->inflight;

	return &region->desc[bounded(r, i)];
}

static inline uint16_t used_position(const struct inflight_position *p)
{
	return (uint16_t)(p->used_idx | (p->used_wrap_counter ? PACKED_WRAP : 0));
}

static inline uint16_t old_position(const struct inflight_position *p)
{
	return (uint16_t)(p->old_used_idx | (p->old_used_wrap_counter ? PACKED_WRAP : 0));
}

/* A front-end that writes to the buffer while we do must not lead us out of the ring. */
static inline uint16_t bounded_position(const struct vu_served *r, uint16_t position)
{
	return packed_index(position) < r->size ? position : 0;
}

static inline void set_used(struct inflight_position *p, uint16_t position)
{
	p->used_idx = packed_index(position);
	p->used_wrap_counter = !!(position & PACKED_WRAP);
}

static inline void set_old(struct inflight_position *p)
{
	p->old_used_idx = p->used_idx;
	p->old_used_wrap_counter = p->used_wrap_counter;
}

#endif
