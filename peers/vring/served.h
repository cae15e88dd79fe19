/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a virtqueue, split or packed, behind one interface:
 * elements are popped in the order made available and pushed back in any.
 * Nothing that the driver wrote is trusted. Knows memory, not sockets.
 */
#ifndef VRINGER_VRING_SERVED_H
#define VRINGER_VRING_SERVED_H

#include "memory/map.h"

#define VU_SEGMENTS_MAX 256

/* A piece of a buffer, contiguous in host memory. */
struct vu_segment {
	void *host;
	uint64_t guest; /* for the dirty log */
	uint32_t len;
};

/* A request as popped: what the device may read, then what it may write. */
struct vu_element {
	uint16_t id;          /* head (split) or buffer id (packed) */
	uint16_t ndescs;      /* descriptors it takes in the ring */
	uint16_t slot;        /* entry of the in-flight buffer (packed) */
	struct vu_segment out[VU_SEGMENTS_MAX], in[VU_SEGMENTS_MAX];
	size_t nout, nin;
	uint64_t out_len, in_len;
};

struct vu_served {
	struct vu_map *map;
	uint16_t size;
	bool packed, event_idx;
	bool log_used;       /* VHOST_VRING_F_LOG */
	uint64_t log_guest;  /* where writes to the used ring are logged */
	uint64_t desc_user, avail_user, used_user;
	void *desc, *avail, *used; /* NULL until vu_served_map() */
	uint16_t last_avail, last_used; /* split: free running; packed: index | wrap << 15 */
	uint16_t signalled;     /* used index at the last call decision (event index) */
	bool signalled_valid;
	void *inflight;         /* region of this queue in the in-flight buffer, or NULL */
	uint64_t counter;       /* of in-flight entries */
	char trouble[120];      /* why the ring is broken, after -EPROTO */
};

/** vu_served_map - find the parts of the ring in memory by their user addresses. -EFAULT if not there. */
int vu_served_map(struct vu_served *r);

/** vu_served_set_base - go on at @base, a value of the vring base payload; split: used index from memory. */
void vu_served_set_base(struct vu_served *r, uint32_t base);
uint32_t vu_served_base(const struct vu_served *r);

/** vu_served_pop - 0 and the next element; -EAGAIN: none; -EPROTO: the ring is broken, see `trouble`;
 *  -EFAULT with @miss: an IOVA (in @miss_iova) is not known yet; the element stays available. */
int vu_served_pop(struct vu_served *r, struct vu_element *el, uint64_t *miss_iova, bool *miss);

/** vu_served_push - give @el back, @written bytes written into it: dirty log, in-flight buffer, used entry. */
void vu_served_push(struct vu_served *r, const struct vu_element *el, uint32_t written);

/** vu_served_should_call - whether the driver wants to be told about what was pushed since last asked. */
bool vu_served_should_call(struct vu_served *r);

/** vu_served_want_kick - tell the driver (not) to notify; returns whether elements arrived meanwhile. */
bool vu_served_want_kick(struct vu_served *r, bool want);

/* ---- in-flight buffer (inflight.c): "Inflight I/O tracking" ---- */

/** vu_inflight_size - bytes that one queue of @size entries needs. */
size_t vu_inflight_size(uint16_t size, bool packed);

/** vu_inflight_attach - use @region for ring @r: initialise it if fresh, repair it if not ("recover").
 *  Elements still in flight are handed out again by vu_served_pop(), oldest first. -EINVAL if it does not fit. */
int vu_inflight_attach(struct vu_served *r, void *region);

#endif
