/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The driver's side of a virtqueue, split or packed, behind one interface. The
 * ring lives in guest memory; the caller notifies (kick) and is notified (call).
 * Addresses in chains are guest addresses.
 */
#ifndef VRINGER_VRING_VRING_H
#define VRINGER_VRING_VRING_H

#include "memory/memory.h"

#define VU_CHAIN_MAX 32
#define VU_VRING_SIZE_MAX 1024

struct vu_buffer {
	uint64_t guest;
	uint32_t len;
	bool device_writes;
};

/* A request as put into a ring. */
struct vu_chain {
	struct vu_buffer buffers[VU_CHAIN_MAX];
	size_t nbuffers;
	bool indirect; /* through an indirect table (needs VIRTIO_RING_F_INDIRECT_DESC) */
};

/* What came back: the id given by vu_vring_add(), and the bytes written. */
struct vu_completion {
	uint16_t id;
	uint32_t len;
	char problem[128]; /* with -EPROTO: what is wrong, in words; else empty */
};

struct vu_vring {
	const struct vu_memory *mem;
	struct vu_region *region;
	bool packed, event_idx;
	bool want_call; /* see vu_vring_want_call() */
	uint16_t size;
	/* guest addresses; packed: descriptor ring, driver event, device event */
	uint64_t desc, avail, used;
	uint16_t next_avail, next_used;   /* split: free running; packed: index | wrap << 15 */
	uint16_t free_head, nfree;        /* free ids, and the number of free descriptors */
	uint16_t next[VU_VRING_SIZE_MAX]; /* free list and chain links, kept out of guest memory */
	uint16_t length[VU_VRING_SIZE_MAX];   /* descriptors of the chain with this id */
	uint64_t writable[VU_VRING_SIZE_MAX]; /* bytes that the device may write to it */
	bool in_flight[VU_VRING_SIZE_MAX];
	uint64_t indirect[VU_VRING_SIZE_MAX]; /* indirect table of this id, kept for reuse, or 0 */
};

/**
 * vu_vring_init - lay a ring of @size entries out in @region and zero it.
 * -EINVAL: size 0, too large, or (split) no power of two. -ENOSPC: region full.
 */
int vu_vring_init(struct vu_vring *vr, const struct vu_memory *mem, struct vu_region *region,
		  uint16_t size, bool packed, bool event_idx);

/** vu_vring_set_base - forget what is in flight and go on from @base, a value of the vring base
 *  payload (the low or both halves); used to restart a ring where it stopped, or elsewhere.
 *  The ring in guest memory is made to match, with notifications on, so the device must not be
 *  using it. */
void vu_vring_set_base(struct vu_vring *vr, uint32_t base);

/** vu_vring_base - the base to set for a ring that starts now, such that nothing is lost: behind
 *  what the device completed, in order; packed: the same for both halves. */
uint32_t vu_vring_base(const struct vu_vring *vr);

/**
 * vu_vring_add - make @chain available. Returns its id (head descriptor or
 * buffer id), -ENOSPC when the ring (or, for an indirect table, the region) is
 * full, -EINVAL for an empty or overlong chain.
 */
int vu_vring_add(struct vu_vring *vr, const struct vu_chain *chain);

/**
 * vu_vring_needs_kick - whether the device asked to be notified of what was
 * added since @old (value of next_avail before): flags or event index.
 */
bool vu_vring_needs_kick(const struct vu_vring *vr, uint16_t old);

/**
 * vu_vring_take - next completion. 0; -EAGAIN: none; -EPROTO: the device
 * returned an id that is not in flight, more entries than the ring has, or
 * more bytes than the chain can take. @done then says which, and the bad entry
 * is consumed: the next call goes on behind it.
 */
int vu_vring_take(struct vu_vring *vr, struct vu_completion *done);

/** vu_vring_used_idx - split: used.idx as the device left it; packed: number of entries whose
 *  flags say used, from next_used on. */
uint16_t vu_vring_used_idx(const struct vu_vring *vr);

/**
 * vu_vring_want_call - ask the device (not) to notify of completions: flags or event index. With the
 * event index it is asked for the next completion only: ask again when it was notified of.
 */
void vu_vring_want_call(struct vu_vring *vr, bool want);

#endif
