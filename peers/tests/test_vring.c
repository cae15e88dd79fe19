/* SPDX-License-Identifier: Apache-2.0 */
/* Split and packed rings against an independent device: long random traffic, and lies. */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fake_device.h"

#define MB (UINT64_C(1) << 20)
#define PIECE 16 /* bytes of a buffer */
#define PIECES 8 /* buffers of a chain, at most */

/* A layout of the ring: every test that is about any ring runs over all of them. */
struct shape {
	bool packed, event_idx;
	uint16_t size;
};

static const struct shape shapes[] = {
	{ false, false, 1 },  { false, false, 2 },  { false, false, 16 }, { false, false, 1024 },
	{ false, true, 1 },   { false, true, 4 },   { false, true, 64 },  { false, true, 1024 },
	{ true, false, 1 },   { true, false, 2 },   { true, false, 3 },   { true, false, 17 },
	{ true, false, 256 }, { true, true, 1 },    { true, true, 5 },    { true, true, 64 },
	{ true, true, 100 },  { true, true, 1024 },
};

#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* A ring, the device behind it, and what either knows of the requests on their way. */
struct bench {
	struct vu_memory mem;
	struct vu_region *region;
	struct vu_vring vr;
	struct fake_device dev;
	uint64_t random;
	uint64_t slots[VU_VRING_SIZE_MAX]; /* buffers by id of the request */
	struct vu_chain sent[VU_VRING_SIZE_MAX];
	uint32_t token[VU_VRING_SIZE_MAX];
	unsigned int in_flight, added, taken;
	struct fake_request held[VU_VRING_SIZE_MAX]; /* popped by the device and not pushed */
	unsigned int nheld;
	bool device_asleep, driver_asleep;
};

static uint64_t pick(struct bench *b, uint64_t n)
{
	b->random ^= b->random << 13;
	b->random ^= b->random >> 7;
	b->random ^= b->random << 17;
	return b->random % n;
}

static struct bench *bench_new(const struct shape *shape, uint64_t seed)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	vu_memory_init(&b->mem);
	b->region = vu_memory_add(&b->mem, "mem0", MB, 0, 2 * MB, 0);
	assert_non_null(b->region);
	for (size_t i = 0; i < shape->size; i++)
		b->slots[i] = vu_memory_alloc(b->region, PIECE * PIECES, 16);
	assert_int_equal(vu_vring_init(&b->vr, &b->mem, b->region, shape->size, shape->packed,
				       shape->event_idx),
			 0);
	fake_device_init(&b->dev, &b->vr, vu_vring_base(&b->vr));
	b->random = seed * 2654435761u + 1;
	return b;
}

static void bench_free(struct bench *b)
{
	vu_memory_free(&b->mem);
	free(b);
}

/* The first bytes of every readable piece carry the token of the request. */
static void make_chain(struct bench *b, struct vu_chain *chain, uint16_t slot, uint32_t token)
{
	size_t n = 1 + pick(b, PIECES), readable = pick(b, n + 1);

	memset(chain, 0, sizeof(*chain));
	chain->indirect = pick(b, 2);
	if (!chain->indirect && n > b->vr.size)
		n = b->vr.size;
	chain->nbuffers = n;
	for (size_t i = 0; i < n; i++) {
		chain->buffers[i].guest = b->slots[slot] + i * PIECE;
		chain->buffers[i].len = (uint32_t)(4 + pick(b, PIECE - 3));
		chain->buffers[i].device_writes = i >= readable;
		memcpy(vu_memory_host(&b->mem, chain->buffers[i].guest, 4), &token, 4);
	}
}

/* A slot stays with the request whose id it was made for; ids are only known once added. */
static bool add_one(struct bench *b, const struct vu_chain *chain, uint32_t token)
{
	uint16_t old = b->vr.next_avail;
	int id = vu_vring_add(&b->vr, chain);

	if (id == -ENOSPC)
		return false;
	assert_in_range(id, 0, b->vr.size - 1);
	b->sent[id] = *chain;
	b->token[id] = token;
	b->in_flight++;
	b->added++;
	if (vu_vring_needs_kick(&b->vr, old))
		b->device_asleep = false;
	return true;
}

static bool add_random(struct bench *b)
{
	struct vu_chain chain;
	uint32_t token = b->added + 1;

	if (b->vr.free_head == b->vr.size)
		return false;
	make_chain(b, &chain, b->vr.free_head, token);
	return add_one(b, &chain, token);
}

static void check_popped(struct bench *b, const struct fake_request *req)
{
	const struct vu_chain *sent = &b->sent[req->id];
	size_t i;

	assert_true(req->id < b->vr.size);
	assert_int_equal(req->nbuffers, sent->nbuffers);
	assert_int_equal(req->indirect, sent->indirect);
	for (i = 0; i < req->nbuffers; i++) {
		assert_true(req->buffers[i].guest == sent->buffers[i].guest);
		assert_int_equal(req->buffers[i].len, sent->buffers[i].len);
		assert_int_equal(req->buffers[i].device_writes, sent->buffers[i].device_writes);
		assert_memory_equal(fake_device_host(&b->dev, req->buffers[i].guest, 4),
				    &b->token[req->id], 4);
	}
}

static uint32_t room(const struct fake_request *req)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < req->nbuffers; i++)
		sum += req->buffers[i].device_writes ? req->buffers[i].len : 0;
	return sum;
}

static bool device_pop(struct bench *b)
{
	if (!fake_device_pop(&b->dev, &b->held[b->nheld]))
		return false;
	check_popped(b, &b->held[b->nheld]);
	b->nheld++;
	return true;
}

/* Return any of the requests held: the order is the device's choice. */
static void device_push(struct bench *b)
{
	size_t i = pick(b, b->nheld);

	if (fake_device_push(&b->dev, &b->held[i], room(&b->held[i])))
		b->driver_asleep = false;
	b->held[i] = b->held[--b->nheld];
}

static bool driver_take(struct bench *b)
{
	struct vu_completion done;
	struct fake_request as = { .nbuffers = 0 };
	int ret = vu_vring_take(&b->vr, &done);

	if (ret == -EAGAIN)
		return false;
	assert_int_equal(ret, 0);
	assert_int_equal(done.problem[0], 0);
	as.nbuffers = b->sent[done.id].nbuffers;
	memcpy(as.buffers, b->sent[done.id].buffers, sizeof(as.buffers));
	assert_int_equal(done.len, room(&as));
	assert_int_not_equal(b->token[done.id], 0);
	b->token[done.id] = 0;
	b->in_flight--;
	b->taken++;
	return true;
}

/* The device works only while awake, and sleeps as the spec says: ask, then look again. */
static void device_step(struct bench *b)
{
	if (b->device_asleep)
		return;
	fake_device_want_kick(&b->dev, false);
	for (uint64_t n = pick(b, 8); n > 0 && device_pop(b);)
		n--;
	if (pick(b, 2)) {
		while (device_pop(b))
			;
		fake_device_want_kick(&b->dev, true);
		b->device_asleep = !device_pop(b);
	}
}

static void driver_step(struct bench *b)
{
	if (b->driver_asleep)
		return;
	vu_vring_want_call(&b->vr, false);
	for (uint64_t n = pick(b, 8); n > 0 && driver_take(b);)
		n--;
	if (pick(b, 2)) {
		while (driver_take(b))
			;
		vu_vring_want_call(&b->vr, true);
		b->driver_asleep = !driver_take(b);
	}
}

static void finish_all(struct bench *b)
{
	for (unsigned int rounds = 0; b->in_flight; rounds++) {
		assert_true(rounds < 10 * VU_VRING_SIZE_MAX);
		device_step(b);
		while (b->nheld)
			device_push(b);
		driver_step(b);
	}
	assert_int_equal(b->vr.nfree, b->vr.size);
}

/* If one notification too few were asked for or given, both sides would sleep for good. */
static void random_traffic(struct bench *b, unsigned int steps)
{
	for (unsigned int i = 0; i < steps; i++) {
		switch (pick(b, 4)) {
		case 0:
			for (uint64_t n = pick(b, b->vr.size + 1); n > 0 && add_random(b);)
				n--;
			break;
		case 1:
			device_step(b);
			break;
		case 2:
			for (uint64_t n = pick(b, b->vr.size + 1); n > 0 && b->nheld; n--)
				device_push(b);
			break;
		default:
			driver_step(b);
		}
	}
	finish_all(b);
}

static void traffic_of_every_shape(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct bench *b = bench_new(&shapes[i], seed);

			random_traffic(b, 3000);
			assert_true(b->added >= 100 && b->added == b->taken);
			bench_free(b);
		}
	}
}

static void free_running_indices_wrap(void **state)
{
	struct shape split = { false, true, 8 };
	struct bench *b = bench_new(&split, 5);

	(void)state;
	while (b->added < 3 * 65536)
		random_traffic(b, 1000);
	bench_free(b);
}

static struct vu_chain one_buffer(const struct bench *b, bool device_writes)
{
	struct vu_chain chain = { .nbuffers = 1 };

	chain.buffers[0].guest = b->slots[0];
	chain.buffers[0].len = PIECE;
	chain.buffers[0].device_writes = device_writes;
	return chain;
}

/* A request is taken and its ring starts over at base: on either side the same place. */
static void starts_at_any_base(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		for (uint32_t n = 0; n < 24; n++) {
			struct bench *b = bench_new(&shapes[i], n + 1);
			uint32_t at = (uint32_t)pick(b, b->vr.size) | (n & 1) << 15;
			uint32_t base = b->vr.packed ? at | at << 16 : 65535 - n;

			random_traffic(b, 50);
			vu_vring_set_base(&b->vr, base);
			assert_int_equal(vu_vring_base(&b->vr), base);
			fake_device_init(&b->dev, &b->vr, base);
			b->device_asleep = b->driver_asleep = false;
			assert_int_equal(vu_vring_used_idx(&b->vr),
					 b->vr.packed ? 0 : (uint16_t)base);
			random_traffic(b, 200);
			assert_int_equal(vu_vring_base(&b->vr), fake_device_base(&b->dev));
			bench_free(b);
		}
	}
}

static void packed_used_may_stand_behind_available(void **state)
{
	struct shape packed = { true, false, 8 };
	struct bench *b = bench_new(&packed, 1);
	struct vu_chain chain = one_buffer(b, false);
	uint32_t base = (2 | 0u << 15) | (6 | 1u << 15) << 16;

	(void)state;
	vu_vring_set_base(&b->vr, base);
	assert_int_equal(b->vr.nfree, 4);
	assert_int_equal(vu_vring_used_idx(&b->vr), 0);
	fake_device_init(&b->dev, &b->vr, base);
	for (unsigned int i = 0; i < 40; i++) {
		struct fake_request req;
		struct vu_completion done;

		assert_true(vu_vring_add(&b->vr, &chain) >= 0);
		assert_true(fake_device_pop(&b->dev, &req));
		assert_false(fake_device_pop(&b->dev, &b->held[0]));
		assert_int_equal(vu_vring_take(&b->vr, &done), -EAGAIN);
		fake_device_push(&b->dev, &req, 0);
		assert_int_equal(vu_vring_take(&b->vr, &done), 0);
		assert_int_equal(done.id, req.id);
	}
	bench_free(b);
}

/* A device that stopped half way, in order, is started again at vu_vring_base(). */
static void a_restart_loses_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], i);
		struct fake_request req;
		unsigned int served = 0, rounds = 0;

		while (served < 300 && rounds++ < 3000) {
			while (pick(b, 3) && add_random(b))
				;
			for (uint64_t n = pick(b, 3); n > 0 && fake_device_pop(&b->dev, &req);
			     n--) {
				check_popped(b, &req);
				fake_device_push(&b->dev, &req, room(&req));
				served++;
			}
			while (pick(b, 2) && driver_take(b))
				;
			if (fake_device_pop(&b->dev, &req))
				fake_device_init(&b->dev, &b->vr, vu_vring_base(&b->vr));
		}
		assert_true(served >= 300);
		while (driver_take(b))
			;
		assert_int_equal(b->taken, served);
		bench_free(b);
	}
}

static void used_entries_can_be_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], i);
		unsigned int pushed = 0;

		while (add_random(b))
			;
		while (device_pop(b))
			;
		for (; b->nheld; pushed++)
			device_push(b);
		assert_int_equal(vu_vring_used_idx(&b->vr), pushed);
		assert_true(driver_take(b));
		assert_int_equal(vu_vring_used_idx(&b->vr), b->vr.packed ? pushed - 1 : pushed);
		bench_free(b);
	}
}

static void a_full_ring_takes_no_more(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);

		for (unsigned int n = 0; n < b->vr.size; n++)
			assert_true(vu_vring_add(&b->vr, &chain) >= 0);
		assert_int_equal(vu_vring_add(&b->vr, &chain), -ENOSPC);
		chain.indirect = true;
		assert_int_equal(vu_vring_add(&b->vr, &chain), -ENOSPC);
		chain.nbuffers = 0;
		assert_int_equal(vu_vring_add(&b->vr, &chain), -EINVAL);
		chain.nbuffers = VU_CHAIN_MAX + 1;
		assert_int_equal(vu_vring_add(&b->vr, &chain), -EINVAL);
		bench_free(b);
	}
}

static void rings_that_cannot_be(void **state)
{
	struct vu_memory *mem = calloc(1, sizeof(*mem));
	struct vu_vring *vr = calloc(1, sizeof(*vr));
	struct vu_region *small;

	(void)state;
	small = vu_memory_add(mem, "small", 0, 0, 8192, 0);
	assert_int_equal(vu_vring_init(vr, mem, small, 0, false, false), -EINVAL);
	assert_int_equal(vu_vring_init(vr, mem, small, 0, true, false), -EINVAL);
	assert_int_equal(vu_vring_init(vr, mem, small, 3, false, false), -EINVAL);
	assert_int_equal(vu_vring_init(vr, mem, small, 2048, false, false), -EINVAL);
	assert_int_equal(vu_vring_init(vr, mem, small, 1025, true, false), -EINVAL);
	assert_int_equal(vu_vring_init(vr, mem, small, 1024, false, false), -ENOSPC);
	assert_int_equal(vu_vring_init(vr, mem, small, 1024, true, false), -ENOSPC);
	assert_int_equal(small->used, 0);
	assert_int_equal(vu_vring_init(vr, mem, small, 64, false, false), 0);
	free(vr);
	vu_memory_free(mem);
	free(mem);
}

static void an_indirect_table_needs_memory(void **state)
{
	struct shape split = { false, false, 4 };
	struct bench *b = bench_new(&split, 1);
	struct vu_chain chain = one_buffer(b, true);
	uint64_t used = b->region->used;

	(void)state;
	chain.indirect = true;
	b->region->used = b->region->size;
	assert_int_equal(vu_vring_add(&b->vr, &chain), -ENOSPC);
	assert_int_equal(b->vr.nfree, 4);
	b->region->used = used;
	assert_true(vu_vring_add(&b->vr, &chain) >= 0);
	bench_free(b);
}

static void the_device_may_not_want_kicks(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		uint16_t old = b->vr.next_avail;

		fake_device_want_kick(&b->dev, false);
		vu_vring_add(&b->vr, &chain);
		assert_false(vu_vring_needs_kick(&b->vr, old));
		fake_device_want_kick(&b->dev, true);
		assert_true(vu_vring_needs_kick(&b->vr, old));
		bench_free(b);
	}
}

static void the_driver_may_not_want_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		struct vu_completion done;

		for (unsigned int n = 0; n < 40; n++) {
			struct fake_request req;

			vu_vring_want_call(&b->vr, n % 3);
			vu_vring_add(&b->vr, &chain);
			assert_true(fake_device_pop(&b->dev, &req));
			assert_int_equal(fake_device_push(&b->dev, &req, 0), n % 3 != 0);
			assert_int_equal(vu_vring_take(&b->vr, &done), 0);
		}
		bench_free(b);
	}
}

/* With the event index a call is for one completion: it has to be asked for again. */
static void calls_are_asked_for_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		struct fake_request req;
		struct vu_completion done;

		for (unsigned int n = 0; n < 40; n++) {
			assert_true(vu_vring_add(&b->vr, &chain) >= 0);
			assert_true(fake_device_pop(&b->dev, &req));
			assert_true(fake_device_push(&b->dev, &req, 0));
			assert_int_equal(vu_vring_take(&b->vr, &done), 0);
			if (b->vr.event_idx)
				assert_true(vu_vring_add(&b->vr, &chain) >= 0 &&
					    fake_device_pop(&b->dev, &req) &&
					    !fake_device_push(&b->dev, &req, 0) &&
					    !vu_vring_take(&b->vr, &done));
			vu_vring_want_call(&b->vr, true);
		}
		bench_free(b);
	}
}

static void a_new_base_asks_for_kicks(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		uint16_t old;

		fake_device_want_kick(&b->dev, false);
		vu_vring_set_base(&b->vr, b->vr.packed ? 0x80008000 : 100);
		old = b->vr.next_avail;
		assert_true(vu_vring_add(&b->vr, &chain) >= 0);
		assert_true(vu_vring_needs_kick(&b->vr, old));
		bench_free(b);
	}
}

static void packed_length_counts_with_the_write_flag_only(void **state)
{
	struct shape packed = { true, false, 8 };
	struct bench *b = bench_new(&packed, 1);
	struct vu_chain chain = one_buffer(b, true);
	struct vring_packed_desc *desc = vu_memory_host(&b->mem, b->vr.desc, sizeof(*desc));
	struct fake_request req;
	struct vu_completion done;

	(void)state;
	assert_true(vu_vring_add(&b->vr, &chain) >= 0);
	assert_true(fake_device_pop(&b->dev, &req));
	fake_device_push(&b->dev, &req, PIECE);
	desc->flags &= ~VRING_DESC_F_WRITE;
	assert_int_equal(vu_vring_take(&b->vr, &done), 0);
	assert_int_equal(done.len, 0);
	bench_free(b);
}

static void packed_lies_are_not_counted(void **state)
{
	struct shape packed = { true, false, 8 };
	struct bench *b = bench_new(&packed, 1);
	struct vu_chain chain = one_buffer(b, true);
	uint32_t base = vu_vring_base(&b->vr);
	int id = vu_vring_add(&b->vr, &chain);

	(void)state;
	fake_device_return(&b->dev, (uint32_t)id + 1, 0, 1);
	assert_int_equal(vu_vring_used_idx(&b->vr), 0);
	assert_int_equal(vu_vring_base(&b->vr), base);
	bench_free(b);
}

static void expect_lie(struct bench *b, const char *text)
{
	struct vu_completion done;

	assert_int_equal(vu_vring_take(&b->vr, &done), -EPROTO);
	assert_non_null(strstr(done.problem, text));
	assert_int_equal(vu_vring_take(&b->vr, &done), -EAGAIN);
}

/* Each lie is told once and named once, and honest traffic goes on behind it. */
static void ids_that_are_not_in_flight(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		struct fake_request req;
		struct vu_completion done;

		assert_true(vu_vring_add(&b->vr, &chain) >= 0);
		assert_true(fake_device_pop(&b->dev, &req));
		fake_device_return(&b->dev, b->vr.size, 0, 1);
		expect_lie(b, "outside the ring");
		assert_int_equal(b->vr.nfree, b->vr.size - 1);
		fake_device_push(&b->dev, &req, 0);
		assert_int_equal(vu_vring_take(&b->vr, &done), 0);
		assert_int_equal(done.id, req.id);
		bench_free(b);
	}
}

static void a_request_completes_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		struct fake_request req;
		struct vu_completion done;

		if (b->vr.size < 4) {
			bench_free(b);
			continue;
		}
		chain.nbuffers = 2;
		chain.buffers[1] = chain.buffers[0];
		for (unsigned int n = 0; n < 2; n++)
			assert_true(vu_vring_add(&b->vr, &chain) >= 0);
		assert_true(fake_device_pop(&b->dev, &req));
		fake_device_push(&b->dev, &req, 5);
		assert_int_equal(vu_vring_take(&b->vr, &done), 0);
		assert_int_equal(done.len, 5);
		fake_device_push(&b->dev, &req, 5);
		expect_lie(b, "not in flight");
		assert_true(fake_device_pop(&b->dev, &req) || b->vr.packed);
		bench_free(b);
	}
}

static void more_bytes_than_there_is_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vu_chain chain = one_buffer(b, true);
		struct fake_request req;

		for (unsigned int n = 0; n < 5; n++) {
			assert_true(vu_vring_add(&b->vr, &chain) >= 0);
			assert_true(fake_device_pop(&b->dev, &req));
			fake_device_push(&b->dev, &req, n & 1 ? UINT32_MAX : PIECE + 1);
			expect_lie(b, "bytes were written");
			assert_int_equal(b->vr.nfree, b->vr.size);
		}
		bench_free(b);
	}
}

static void a_used_index_that_jumps(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES && !shapes[i].packed; i++) {
		struct bench *b = bench_new(&shapes[i], 1);
		struct vring_used *used = vu_memory_host(&b->mem, b->vr.used, sizeof(*used));

		assert_int_equal(vu_vring_base(&b->vr), 0);
		used->idx = 40000;
		assert_int_equal(vu_vring_base(&b->vr), 0);
		expect_lie(b, "used index went from 0 to 40000");
		bench_free(b);
	}
}

static void scribble(struct bench *b, uint64_t guest, uint64_t len)
{
	uint8_t *host = vu_memory_host(&b->mem, guest, len);

	for (uint64_t n = pick(b, len < 32 ? len : 32) + 1; n > 0; n--)
		host[pick(b, 4) ? pick(b, len < 64 ? len : 64) : pick(b, len)] =
			(uint8_t)pick(b, 256);
}

/* Nothing that stands in the rings makes the driver read outside or go on for ever. */
static void garbage_in_the_rings(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], i);
		bool packed = b->vr.packed;
		struct vu_completion done;

		for (unsigned int round = 0; round < 400; round++) {
			unsigned int limit = 70000;
			uint16_t old = b->vr.next_avail;

			while (pick(b, 4) && add_random(b))
				;
			scribble(b, b->vr.desc, b->vr.size * 16);
			scribble(b, b->vr.avail, packed ? 4 : 6 + 2 * b->vr.size);
			scribble(b, b->vr.used, packed ? 4 : 6 + 8 * b->vr.size);
			vu_vring_needs_kick(&b->vr, old);
			vu_vring_used_idx(&b->vr);
			vu_vring_base(&b->vr);
			while (limit && vu_vring_take(&b->vr, &done) != -EAGAIN)
				limit--;
			assert_true(limit > 0);
			assert_true(b->vr.nfree <= b->vr.size);
			if (pick(b, 32) == 0) {
				vu_vring_set_base(&b->vr, (uint32_t)pick(b, UINT32_MAX));
				if (!packed)
					assert_int_equal(b->vr.nfree, b->vr.size);
			}
		}
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_of_every_shape),
		cmocka_unit_test(free_running_indices_wrap),
		cmocka_unit_test(starts_at_any_base),
		cmocka_unit_test(packed_used_may_stand_behind_available),
		cmocka_unit_test(a_restart_loses_nothing),
		cmocka_unit_test(used_entries_can_be_counted),
		cmocka_unit_test(a_full_ring_takes_no_more),
		cmocka_unit_test(rings_that_cannot_be),
		cmocka_unit_test(an_indirect_table_needs_memory),
		cmocka_unit_test(the_device_may_not_want_kicks),
		cmocka_unit_test(the_driver_may_not_want_calls),
		cmocka_unit_test(calls_are_asked_for_again),
		cmocka_unit_test(a_new_base_asks_for_kicks),
		cmocka_unit_test(packed_length_counts_with_the_write_flag_only),
		cmocka_unit_test(packed_lies_are_not_counted),
		cmocka_unit_test(ids_that_are_not_in_flight),
		cmocka_unit_test(a_request_completes_once),
		cmocka_unit_test(more_bytes_than_there_is_room),
		cmocka_unit_test(a_used_index_that_jumps),
		cmocka_unit_test(garbage_in_the_rings),
	};

	return cmocka_run_group_tests_name("vring", tests, NULL, NULL);
}
