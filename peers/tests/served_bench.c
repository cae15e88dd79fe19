/* SPDX-License-Identifier: Apache-2.0 */
/* Requests with a pattern, through a ring between the real driver's side and the real device's. */
#include "served_bench.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE 4096

uint64_t bench_pick(struct bench *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random % n;
}

/* With the IOMMU the device has guest addresses that say nothing: only translations count. */
static void map_region(struct bench *b, const struct vu_region *r)
{
	uint64_t guest = b->map.iommu ? 0 : r->guest_address;

	assert_int_equal(
		vu_map_add(&b->map, guest, r->user_address, r->size, r->mmap_offset, r->fd), 0);
}

void bench_serve(const struct bench *b, struct vu_served *dev, uint32_t base)
{
	memset(dev, 0, sizeof(*dev));
	dev->map = (struct vu_map *)&b->map;
	dev->size = b->vr.size;
	dev->packed = b->vr.packed;
	dev->event_idx = b->vr.event_idx;
	dev->desc_user = b->vr.desc;
	dev->avail_user = b->vr.avail;
	dev->used_user = b->vr.used;
	if (!b->map.iommu) {
		dev->desc_user = vu_memory_guest_to_user(&b->mem, b->vr.desc);
		dev->avail_user = vu_memory_guest_to_user(&b->mem, b->vr.avail);
		dev->used_user = vu_memory_guest_to_user(&b->mem, b->vr.used);
	}
	vu_served_set_base(dev, base);
}

void bench_map_page(struct bench *b, uint64_t iova)
{
	struct vu_iotlb_entry entry = { .iova = iova & ~(uint64_t)(PAGE - 1),
					.size = PAGE,
					.perm = VHOST_ACCESS_RW };

	entry.user_address = vu_memory_guest_to_user(&b->mem, entry.iova);
	assert_true(entry.user_address != UINT64_MAX);
	assert_int_equal(vu_map_iotlb_update(&b->map, &entry), 0);
}

static void map_ring(struct bench *b)
{
	int ret = vu_served_map(&b->dev);

	while (ret == -EFAULT && b->dev.fault.miss) {
		bench_map_page(b, b->dev.fault.iova);
		ret = vu_served_map(&b->dev);
	}
	assert_int_equal(ret, 0);
}

struct bench *bench_new(const struct shape *shape, uint64_t size, uint64_t seed)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->held = calloc(shape->size, sizeof(*b->held));
	assert_non_null(b->held);
	b->random = seed * 2654435761u + 1;
	vu_memory_init(&b->mem);
	b->low = vu_memory_add(&b->mem, "low", BENCH_GUEST, BENCH_USER + size, size, PAGE);
	b->high = vu_memory_add(&b->mem, "high", BENCH_GUEST + size, BENCH_USER, size, 0);
	assert_true(b->low && b->high);
	vu_map_init(&b->map);
	b->map.iommu = shape->iommu;
	map_region(b, b->low);
	map_region(b, b->high);
	b->buffers = b->high->guest_address - shape->size * BENCH_PIECE * BENCH_PIECES / 2 - 5;
	assert_int_equal(vu_vring_init(&b->vr, &b->mem, b->low, shape->size, shape->packed,
				       shape->event_idx),
			 0);
	bench_serve(b, &b->dev, vu_vring_base(&b->vr));
	map_ring(b);
	vu_served_want_kick(&b->dev, true);
	return b;
}

void bench_free(struct bench *b)
{
	vu_inflight_detach(&b->dev);
	vu_map_free(&b->map);
	vu_memory_free(&b->mem);
	free(b->held);
	free(b);
}

static uint8_t pattern(uint32_t token, uint64_t i)
{
	return (uint8_t)(token * 31 + i * 7);
}

static uint8_t *byte_at(const struct bench *b, uint64_t guest)
{
	uint8_t *byte = vu_memory_host(&b->mem, guest, 1);

	assert_non_null(byte);
	return byte;
}

/* The readable bytes of a chain carry the pattern of its request, the writable ones nothing. */
static void fill_readable(const struct bench *b, const struct vu_chain *chain, uint32_t token)
{
	uint64_t i = 0;

	for (size_t n = 0; n < chain->nbuffers; n++)
		for (uint32_t at = 0; at < chain->buffers[n].len; at++)
			*byte_at(b, chain->buffers[n].guest + at) =
				chain->buffers[n].device_writes ? 0 : pattern(token, i++);
}

static void make_chain(struct bench *b, struct vu_chain *chain, uint16_t id)
{
	size_t n = 1 + bench_pick(b, BENCH_PIECES), readable = bench_pick(b, n + 1);

	memset(chain, 0, sizeof(*chain));
	chain->indirect = bench_pick(b, 2);
	if (!chain->indirect && n > b->vr.size)
		n = b->vr.size;
	chain->nbuffers = n;
	for (size_t i = 0; i < n; i++) {
		chain->buffers[i].guest = b->buffers + (id * BENCH_PIECES + i) * BENCH_PIECE;
		chain->buffers[i].len = (uint32_t)bench_pick(b, BENCH_PIECE + 1);
		chain->buffers[i].device_writes = i >= readable;
	}
}

bool bench_add(struct bench *b)
{
	uint16_t id = b->vr.free_head, old = b->vr.next_avail;
	uint32_t token = b->added + 1;
	struct vu_chain chain;
	int ret;

	if (id == b->vr.size)
		return false;
	make_chain(b, &chain, id);
	fill_readable(b, &chain, token);
	ret = vu_vring_add(&b->vr, &chain);
	if (ret == -ENOSPC)
		return false;
	assert_int_equal(ret, id);
	b->sent[id] = chain;
	b->token[id] = token;
	b->order[b->norder++] = id;
	b->added++;
	if (vu_vring_needs_kick(&b->vr, old))
		b->device_asleep = false;
	return true;
}

static void forget(struct bench *b, uint16_t id)
{
	unsigned int i = 0;

	while (i < b->norder && b->order[i] != id)
		i++;
	assert_true(i < b->norder);
	b->norder--;
	memmove(&b->order[i], &b->order[i + 1], (b->norder - i) * sizeof(b->order[0]));
}

bool bench_take(struct bench *b)
{
	const struct vu_chain *chain;
	struct vu_completion done;
	uint64_t i = 0;
	int ret = vu_vring_take(&b->vr, &done);

	if (ret == -EAGAIN)
		return false;
	assert_int_equal(ret, 0);
	assert_int_equal(done.len, b->written[done.id]);
	chain = &b->sent[done.id];
	for (size_t n = 0; n < chain->nbuffers; n++)
		for (uint32_t at = 0;
		     chain->buffers[n].device_writes && i < done.len && at < chain->buffers[n].len;
		     at++, i++)
			assert_int_equal(*byte_at(b, chain->buffers[n].guest + at),
					 pattern(~b->token[done.id], i));
	forget(b, done.id);
	b->taken++;
	return true;
}

static uint64_t room(const struct vu_chain *chain, bool writable)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < chain->nbuffers; i++)
		if (chain->buffers[i].device_writes == writable)
			sum += chain->buffers[i].len;
	return sum;
}

static void check_element(const struct bench *b, const struct vu_element *el)
{
	const struct vu_chain *chain = &b->sent[el->id];
	uint64_t n = 0, writable = 0;

	assert_true(el->id < b->vr.size);
	assert_int_equal(el->ndescs, chain->indirect ? 1 : chain->nbuffers);
	assert_true(el->out_len == room(chain, false) && el->in_len == room(chain, true));
	for (size_t i = 0; i < el->nout; i++)
		for (uint32_t at = 0; at < el->out[i].len; at++)
			assert_int_equal(((uint8_t *)el->out[i].host)[at],
					 pattern(b->token[el->id], n++));
	for (size_t i = 0; i < el->nin; i++)
		writable += el->in[i].len;
	assert_true(n == el->out_len && writable == el->in_len);
}

int bench_pop(struct bench *b, struct vu_served *dev, struct vu_element *el)
{
	uint64_t iova = 0;
	bool miss = false;
	int ret = vu_served_pop(dev, el, &iova, &miss);

	while (ret == -EFAULT && miss) {
		bench_map_page(b, iova);
		ret = vu_served_pop(dev, el, &iova, &miss);
	}
	if (ret == 0)
		check_element(b, el);
	return ret;
}

bool bench_hold(struct bench *b)
{
	struct vu_element *el = &b->held[b->nheld];

	if (b->nheld == b->vr.size)
		return false;
	if (bench_pop(b, &b->dev, el) == -EAGAIN)
		return false;
	assert_int_equal(b->token[el->id], ++b->popped);
	b->nheld++;
	return true;
}

uint32_t bench_fill(struct bench *b, const struct vu_element *el)
{
	uint32_t written = (uint32_t)bench_pick(b, el->in_len + 1), n = 0;

	for (size_t i = 0; i < el->nin; i++)
		for (uint32_t at = 0; at < el->in[i].len && n < written; at++)
			((uint8_t *)el->in[i].host)[at] = pattern(~b->token[el->id], n++);
	b->written[el->id] = written;
	return written;
}

void bench_push(struct bench *b, struct vu_served *dev, const struct vu_element *el)
{
	vu_served_push(dev, el, bench_fill(b, el));
	if (vu_served_should_call(dev))
		b->driver_asleep = false;
}

void bench_push_any(struct bench *b)
{
	unsigned int i = (unsigned int)bench_pick(b, b->nheld);

	bench_push(b, &b->dev, &b->held[i]);
	b->held[i] = b->held[--b->nheld];
}
