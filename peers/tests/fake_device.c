/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of split and packed rings, byte by byte as the virtio spec lays them out. */
#include "fake_device.h"

#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define DESC_SIZE 16

static uint64_t get(const uint8_t *at, size_t bytes)
{
	uint64_t value = 0;

	for (size_t i = 0; i < bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void put(uint8_t *at, size_t bytes, uint64_t value)
{
	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

void *fake_device_host(const struct fake_device *dev, uint64_t guest, uint64_t len)
{
	void *host = vu_memory_host(dev->mem, guest, len);

	assert_non_null(host);
	return host;
}

void fake_device_init(struct fake_device *dev, const struct vu_vring *vr, uint32_t base)
{
	memset(dev, 0, sizeof(*dev));
	dev->mem = vr->mem;
	dev->packed = vr->packed;
	dev->event_idx = vr->event_idx;
	dev->size = vr->size;
	dev->desc = fake_device_host(dev, vr->desc, dev->size * DESC_SIZE);
	dev->avail = fake_device_host(dev, vr->avail, dev->packed ? 4 : 6 + 2 * dev->size);
	dev->used = fake_device_host(dev, vr->used, dev->packed ? 4 : 6 + 8 * dev->size);
	if (dev->packed) {
		dev->next_avail = base & 0x7fff;
		dev->avail_wrap = base >> 15 & 1;
		dev->next_used = base >> 16 & 0x7fff;
		dev->used_wrap = base >> 31;
	} else {
		dev->next_avail = (uint16_t)base;
		dev->next_used = (uint16_t)get(dev->used + 2, 2);
	}
	fake_device_want_kick(dev, true);
}

uint32_t fake_device_base(const struct fake_device *dev)
{
	if (!dev->packed)
		return dev->next_avail;
	return dev->next_avail | (uint32_t)dev->avail_wrap << 15 | (uint32_t)dev->next_used << 16 |
	       (uint32_t)dev->used_wrap << 31;
}

static void append(struct fake_request *req, const uint8_t *desc, uint16_t flags)
{
	struct vu_buffer *buffer = &req->buffers[req->nbuffers++];

	assert_true(req->nbuffers <= VU_CHAIN_MAX);
	buffer->guest = get(desc, 8);
	buffer->len = (uint32_t)get(desc + 8, 4);
	buffer->device_writes = flags & VRING_DESC_F_WRITE;
}

static void split_walk(const struct fake_device *dev, struct fake_request *req,
		       const uint8_t *table, uint16_t n, uint16_t at)
{
	uint16_t flags;

	for (uint16_t steps = 1;; steps++) {
		const uint8_t *desc = table + at * DESC_SIZE;

		assert_true(at < n && steps <= n);
		flags = (uint16_t)get(desc + 12, 2);
		if (flags & VRING_DESC_F_INDIRECT) {
			uint32_t len = (uint32_t)get(desc + 8, 4);

			assert_false(req->indirect || flags & VRING_DESC_F_NEXT || len % DESC_SIZE);
			req->indirect = true;
			split_walk(dev, req, fake_device_host(dev, get(desc, 8), len),
				   (uint16_t)(len / DESC_SIZE), 0);
			return;
		}
		append(req, desc, flags);
		if (!(flags & VRING_DESC_F_NEXT))
			return;
		at = (uint16_t)get(desc + 14, 2);
	}
}

static bool split_pop(struct fake_device *dev, struct fake_request *req)
{
	uint16_t waiting = (uint16_t)(get(dev->avail + 2, 2) - dev->next_avail);

	assert_true(waiting <= dev->size);
	if (!waiting)
		return false;
	req->id = (uint16_t)get(dev->avail + 4 + 2 * (dev->next_avail % dev->size), 2);
	split_walk(dev, req, dev->desc, dev->size, req->id);
	req->entries = req->indirect ? 1 : (uint16_t)req->nbuffers;
	dev->next_avail++;
	return true;
}

static bool packed_available(const struct fake_device *dev, uint16_t flags)
{
	bool avail = flags >> VRING_PACKED_DESC_F_AVAIL & 1,
	     used = flags >> VRING_PACKED_DESC_F_USED & 1;

	return avail == dev->avail_wrap && used != dev->avail_wrap;
}

static void packed_table(const struct fake_device *dev, struct fake_request *req,
			 const uint8_t *desc)
{
	uint32_t len = (uint32_t)get(desc + 8, 4);
	const uint8_t *table = fake_device_host(dev, get(desc, 8), len);

	assert_int_equal(len % DESC_SIZE, 0);
	req->indirect = true;
	for (uint32_t at = 0; at < len; at += DESC_SIZE)
		append(req, table + at, (uint16_t)get(table + at + 14, 2));
}

static bool packed_pop(struct fake_device *dev, struct fake_request *req)
{
	const uint8_t *desc = dev->desc + dev->next_avail * DESC_SIZE;
	uint16_t flags = (uint16_t)get(desc + 14, 2);

	if (!packed_available(dev, flags))
		return false;
	do {
		desc = dev->desc + dev->next_avail * DESC_SIZE;
		flags = (uint16_t)get(desc + 14, 2);
		assert_true(packed_available(dev, flags));
		assert_true(++req->entries <= dev->size);
		if (flags & VRING_DESC_F_INDIRECT)
			packed_table(dev, req, desc);
		else
			append(req, desc, flags);
		if (++dev->next_avail == dev->size) {
			dev->next_avail = 0;
			dev->avail_wrap = !dev->avail_wrap;
		}
	} while (flags & VRING_DESC_F_NEXT);
	req->id = (uint16_t)get(desc + 12, 2);
	assert_true(req->id < dev->size);
	return true;
}

bool fake_device_pop(struct fake_device *dev, struct fake_request *req)
{
	memset(req, 0, sizeof(*req));
	return dev->packed ? packed_pop(dev, req) : split_pop(dev, req);
}

static void split_return(struct fake_device *dev, uint32_t id, uint32_t len)
{
	uint8_t *elem = dev->used + 4 + 8 * (dev->next_used % dev->size);

	put(elem, 4, id);
	put(elem + 4, 4, len);
	put(dev->used + 2, 2, ++dev->next_used);
}

static void packed_return(struct fake_device *dev, uint32_t id, uint32_t len, uint16_t skip)
{
	uint8_t *desc = dev->desc + dev->next_used * DESC_SIZE;
	uint16_t flags = len ? VRING_DESC_F_WRITE : 0;

	if (dev->used_wrap)
		flags |= 1u << VRING_PACKED_DESC_F_AVAIL | 1u << VRING_PACKED_DESC_F_USED;
	put(desc + 8, 4, len);
	put(desc + 12, 2, id);
	put(desc + 14, 2, flags);
	dev->next_used += skip;
	if (dev->next_used >= dev->size) {
		dev->next_used -= dev->size;
		dev->used_wrap = !dev->used_wrap;
	}
}

void fake_device_return(struct fake_device *dev, uint32_t id, uint32_t len, uint16_t skip)
{
	if (dev->packed)
		packed_return(dev, id, len, skip);
	else
		split_return(dev, id, len);
}

static bool split_wants_call(const struct fake_device *dev)
{
	/* One entry was added: has the index passed the one asked for just now? */
	if (dev->event_idx)
		return get(dev->avail + 4 + 2 * dev->size, 2) == (uint16_t)(dev->next_used - 1);
	return !(get(dev->avail, 2) & VRING_AVAIL_F_NO_INTERRUPT);
}

static bool packed_wants_call(const struct fake_device *dev, uint16_t was, bool was_wrap,
			      uint16_t entries)
{
	uint16_t flags = (uint16_t)get(dev->avail + 2, 2), at = (uint16_t)get(dev->avail, 2);

	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags == VRING_PACKED_EVENT_FLAG_ENABLE;
	assert_true(dev->event_idx);
	for (uint16_t i = 0; i < entries; i++, was++) {
		if (was == dev->size) {
			was = 0;
			was_wrap = !was_wrap;
		}
		if (at == (was | (unsigned int)was_wrap << 15))
			return true;
	}
	return false;
}

bool fake_device_push(struct fake_device *dev, const struct fake_request *req, uint32_t len)
{
	uint16_t was = dev->next_used;
	bool was_wrap = dev->used_wrap;

	fake_device_return(dev, req->id, len, req->entries);
	if (dev->packed)
		return packed_wants_call(dev, was, was_wrap, req->entries);
	return split_wants_call(dev);
}

void fake_device_want_kick(struct fake_device *dev, bool want)
{
	uint16_t where = dev->next_avail, flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (dev->packed) {
		if (want)
			flags = dev->event_idx ? VRING_PACKED_EVENT_FLAG_DESC
					       : VRING_PACKED_EVENT_FLAG_ENABLE;
		put(dev->used, 2, where | (unsigned int)dev->avail_wrap << 15);
		put(dev->used + 2, 2, flags);
	} else if (dev->event_idx) {
		put(dev->used + 4 + 8 * dev->size, 2, want ? where : (uint16_t)(where - 1));
	} else {
		put(dev->used, 2, want ? 0 : VRING_USED_F_NO_NOTIFY);
	}
}

unsigned int fake_device_serve(struct fake_device *dev,
			       uint32_t (*serve)(const struct fake_device *dev,
						 const struct fake_request *req, void *opaque),
			       void *opaque)
{
	struct fake_request req;
	unsigned int count = 0;

	for (; fake_device_pop(dev, &req); count++)
		fake_device_push(dev, &req, serve(dev, &req, opaque));
	return count;
}
