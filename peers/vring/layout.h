/* SPDX-License-Identifier: Apache-2.0 */
/* Within the room: what split.c and packed.c share, and what vring.c calls in them. */
#ifndef VRINGER_VRING_LAYOUT_H
#define VRINGER_VRING_LAYOUT_H

#include "vring/shared.h"
#include "vring/vring.h"

#define VRING_PAGE 4096

static inline void *vring_host(const struct vu_vring *vr, uint64_t guest)
{
	return vr->region->host + (guest - vr->region->guest_address);
}

/* Descriptors of the ring that @chain takes. */
static inline size_t vring_entries(const struct vu_chain *chain)
{
	return chain->indirect ? 1 : chain->nbuffers;
}

/* vring.c, for the layouts */
uint64_t vring_table(struct vu_vring *vr, uint16_t id);
bool vring_complete(struct vu_vring *vr, uint32_t id, uint32_t len, struct vu_completion *done);

/* split.c */
int split_init(struct vu_vring *vr);
void split_set_base(struct vu_vring *vr, uint32_t base);
uint32_t split_base(const struct vu_vring *vr);
uint16_t split_add(struct vu_vring *vr, const struct vu_chain *chain);
bool split_needs_kick(const struct vu_vring *vr, uint16_t old);
int split_take(struct vu_vring *vr, struct vu_completion *done);
uint16_t split_used_idx(const struct vu_vring *vr);
void split_ask_call(struct vu_vring *vr);

/* packed.c */
int packed_init(struct vu_vring *vr);
void packed_set_base(struct vu_vring *vr, uint32_t base);
uint32_t packed_base(const struct vu_vring *vr);
uint16_t packed_add(struct vu_vring *vr, const struct vu_chain *chain);
bool packed_needs_kick(const struct vu_vring *vr, uint16_t old);
int packed_take(struct vu_vring *vr, struct vu_completion *done);
uint16_t packed_used_idx(const struct vu_vring *vr);
void packed_ask_call(struct vu_vring *vr);

#endif
