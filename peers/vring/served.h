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
#define VU_QUEUE_SIZE_MAX 32768

/* A piece of a buffer, contiguous in host memory. */
struct vu_segment {
	void *host;
	uint64_t guest; /* for the dirty log */
	uint32_t len;
};

/*
 * A request as popped: what the device may read, then what it may write. The
 * pointers hold as long as the memory does: drain before a region goes.
 */
struct vu_element {
	uint16_t id;     /* head (split) or buffer id (packed) */
	uint16_t ndescs; /* descriptors it takes in the ring */
	uint16_t slot;   /* entry of the in-flight buffer (packed) */
	struct vu_segment out[VU_SEGMENTS_MAX], in[VU_SEGMENTS_MAX];
	size_t nout, nin;
	uint64_t out_len, in_len;
};

/* What stopped us with -EFAULT: to be reported as an IOTLB miss or an access failure. */
struct vu_fault {
	uint64_t iova;
	uint8_t perm; /* what was wanted: VHOST_ACCESS_RO or _WO */
	bool miss;
};

struct vu_resubmit;

struct vu_served {
	struct vu_map *map;
	uint16_t size;
	bool packed, event_idx;
	bool log_used;                             /* VHOST_VRING_F_LOG */
	uint64_t log_guest;                        /* where writes to the used ring are logged */
	uint64_t desc_user, avail_user, used_user; /* IOVAs when the IOMMU is in use */
	void *desc, *avail, *used;                 /* NULL until vu_served_map() */
	bool mapped;                               /* vu_served_map() worked for this base */
	unsigned int generation;                   /* of the map when they were found */
	uint16_t last_avail, last_used; /* split: free running; packed: index | wrap << 15 */
	uint16_t signalled;             /* used index at the last call decision (event index) */
	bool signalled_valid;
	bool unsaid;        /* something was pushed that no call decision covers */
	uint16_t in_flight; /* popped, not pushed: requests (split), descriptors (packed) */
	void *inflight;     /* region of this queue in the in-flight buffer, or NULL */
	uint64_t counter;   /* of in-flight entries */
	struct vu_resubmit
		*resubmit; /* what an earlier life left in flight; NULL when none is left */
	uint16_t nresubmit, resubmitted;
	struct vu_fault fault; /* after -EFAULT */
	char trouble[120];     /* why the ring is broken, after -EPROTO, -EINVAL and -EFAULT */
};

/**
 * vu_served_map - find the parts of the ring in memory by their user addresses
 * (or IOVAs); the used index of a split ring is taken from there. -EFAULT: not
 * there, see `fault` and `trouble`. -EINVAL: a size, base or alignment that
 * cannot be. Once that is done, pointers are found again by themselves when
 * memory moves.
 */
int vu_served_map(struct vu_served *r);

/**
 * vu_served_set_base - go on at @base, a value of the vring base payload; split:
 * used index from memory. Before or after vu_served_map(). What was popped is
 * forgotten; if an in-flight buffer remembers it, attach that again.
 */
void vu_served_set_base(struct vu_served *r, uint32_t base);
uint32_t vu_served_base(const struct vu_served *r);

/**
 * vu_served_pop - 0 and the next element. -EAGAIN: none. -EPROTO: the ring is
 * broken, see `trouble`. -EFAULT: an IOVA (in @miss_iova) is not known (@miss)
 * or not allowed (not @miss); `fault` says the same, so both may be NULL. In
 * either case the element stays available.
 */
int vu_served_pop(struct vu_served *r, struct vu_element *el, uint64_t *miss_iova, bool *miss);

/**
 * vu_served_push - give @el back, @written bytes written into it: dirty log,
 * in-flight buffer, used entry. @written counts from the first writable byte;
 * what was written behind a gap is for the caller to log, with vu_map_dirty().
 */
void vu_served_push(struct vu_served *r, const struct vu_element *el, uint32_t written);

/**
 * vu_served_should_call - whether the driver wants to be told about what was
 * pushed since last asked (or by an earlier life, once after an attach).
 */
bool vu_served_should_call(struct vu_served *r);

/**
 * vu_served_want_kick - tell the driver (not) to notify; returns whether
 * elements arrived meanwhile. With event indices it has to be said again each
 * time that the ring was found empty.
 */
bool vu_served_want_kick(struct vu_served *r, bool want);

/* ---- in-flight buffer (inflight.c, recover.c): "Inflight I/O tracking" ---- */

/** vu_inflight_size - bytes that one queue of @size entries needs; regions follow one another. */
size_t vu_inflight_size(uint16_t size, bool packed);

/**
 * vu_inflight_attach - use @region, of vu_inflight_size() bytes, for ring @r,
 * mapped and with its base set: initialise the region if fresh, else repair it
 * ("recover"), and go on where it says, whatever the base is: who set that
 * cannot know where a back-end stopped that crashed. Elements still in flight
 * are handed out again by vu_served_pop(), oldest first. -EINVAL if it does not
 * fit, -ENOMEM; the ring then has no in-flight buffer.
 */
int vu_inflight_attach(struct vu_served *r, void *region);

/** vu_inflight_detach - forget the region and what was to be handed out again. Idempotent. */
void vu_inflight_detach(struct vu_served *r);

#endif
