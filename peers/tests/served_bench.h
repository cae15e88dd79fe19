/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver and a device on one ring, for tests: the driver's side in the memory of
 * a front-end, the device's side on that memory as a back-end maps it. Every
 * request carries a pattern either way, and each side checks what it is given.
 */
#ifndef VRINGER_TESTS_SERVED_BENCH_H
#define VRINGER_TESTS_SERVED_BENCH_H

#include "vring/served.h"
#include "vring/vring.h"

#define BENCH_GUEST UINT64_C(0x100000)
#define BENCH_USER UINT64_C(0x7f1200000000)
#define BENCH_PIECE 16 /* bytes of a buffer, at most */
#define BENCH_PIECES 8 /* buffers of a chain, at most */

struct shape {
	bool packed, event_idx, iommu;
	uint16_t size;
};

struct bench {
	struct vu_memory mem;
	struct vu_region *low, *high; /* neighbours in guest memory, not here; buffers lie across */
	struct vu_map map;
	struct vu_vring vr;
	struct vu_served dev;
	uint64_t random;
	/* the driver's, by id */
	uint64_t buffers; /* of id 0 */
	struct vu_chain sent[VU_VRING_SIZE_MAX];
	uint32_t token[VU_VRING_SIZE_MAX];
	uint32_t written[VU_VRING_SIZE_MAX]; /* by the device */
	uint16_t order[VU_VRING_SIZE_MAX];   /* ids in flight, oldest first */
	unsigned int norder, added, taken;
	/* the device's */
	struct vu_element *held; /* popped, not pushed */
	unsigned int nheld, popped;
	bool device_asleep, driver_asleep;
};

/** bench_new - a ring of @shape in two regions of @size bytes each. */
struct bench *bench_new(const struct shape *shape, uint64_t size, uint64_t seed);
void bench_free(struct bench *b);

/** bench_serve - let @dev serve the ring from @base on: not mapped yet. */
void bench_serve(const struct bench *b, struct vu_served *dev, uint32_t base);

uint64_t bench_pick(struct bench *b, uint64_t n);

/** bench_add - make a random request available; false when there is no room. */
bool bench_add(struct bench *b);

/** bench_take - take a completion and check it; false when there is none. */
bool bench_take(struct bench *b);

/** bench_pop - vu_served_pop() that answers IOTLB misses, and checks what was popped if anything. */
int bench_pop(struct bench *b, struct vu_served *dev, struct vu_element *el);

/** bench_hold - pop into `held`, which has to be the oldest request not popped yet. */
bool bench_hold(struct bench *b);

/** bench_fill - write some of what @el has room for; the driver will look for it. Bytes written. */
uint32_t bench_fill(struct bench *b, const struct vu_element *el);

/** bench_push - fill @el and give it back to the driver. */
void bench_push(struct bench *b, struct vu_served *dev, const struct vu_element *el);

/** bench_push_any - push any of what is held. */
void bench_push_any(struct bench *b);

/** bench_map_page - translate the page around @iova. */
void bench_map_page(struct bench *b, uint64_t iova);

#endif
