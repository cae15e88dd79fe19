/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The device's side of a virtqueue for tests: small, and written from the spec
 * without a look at the driver's side, so that both do not share a mistake.
 * What a driver must not do fails the test.
 */
#ifndef VRINGER_TESTS_FAKE_DEVICE_H
#define VRINGER_TESTS_FAKE_DEVICE_H

#include "vring/vring.h"

struct fake_request {
	uint16_t id;
	uint16_t entries; /* descriptors of the ring that it took */
	bool indirect;
	size_t nbuffers;
	struct vu_buffer buffers[VU_CHAIN_MAX];
};

struct fake_device {
	const struct vu_memory *mem;
	bool packed, event_idx;
	uint16_t size;
	uint8_t *desc, *avail, *used;   /* packed: descriptor ring, driver event, device event */
	uint16_t next_avail, next_used; /* split: free running; packed: index */
	bool avail_wrap, used_wrap;
};

/** fake_device_init - serve the ring of @vr from @base on, with notifications wanted. */
void fake_device_init(struct fake_device *dev, const struct vu_vring *vr, uint32_t base);

/** fake_device_pop - next available request; false when there is none. */
bool fake_device_pop(struct fake_device *dev, struct fake_request *req);

/** fake_device_push - return @req with @len bytes written. True when the driver wants a call. */
bool fake_device_push(struct fake_device *dev, const struct fake_request *req, uint32_t len);

/** fake_device_return - put any used entry into the ring, @skip descriptors long if packed. */
void fake_device_return(struct fake_device *dev, uint32_t id, uint32_t len, uint16_t skip);

/** fake_device_want_kick - ask for a kick at the next request, or for none. */
void fake_device_want_kick(struct fake_device *dev, bool want);

/** fake_device_base - the base that a stop of the ring would return. */
uint32_t fake_device_base(const struct fake_device *dev);

/** fake_device_host - @len bytes at @guest; fails the test if no memory is there. */
void *fake_device_host(const struct fake_device *dev, uint64_t guest, uint64_t len);

/** fake_device_serve - pop what is there; @serve returns the bytes written. Number of requests. */
unsigned int fake_device_serve(struct fake_device *dev,
			       uint32_t (*serve)(const struct fake_device *dev,
						 const struct fake_request *req, void *opaque),
			       void *opaque);

#endif
