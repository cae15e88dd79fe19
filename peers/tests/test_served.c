/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of rings: long random traffic against the driver's side, and hostile drivers. */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/log.h"
#include "served_bench.h"

#define MB (UINT64_C(1) << 20)
#define PAGE 4096

static const struct shape shapes[] = {
	{ false, false, false, 1 },   { false, false, false, 2 },  { false, false, true, 16 },
	{ false, false, false, 1024 }, { false, true, false, 1 },  { false, true, true, 4 },
	{ false, true, false, 64 },   { false, true, true, 1024 }, { true, false, false, 1 },
	{ true, false, true, 2 },     { true, false, false, 3 },   { true, false, false, 17 },
	{ true, false, true, 256 },   { true, true, false, 1 },    { true, true, true, 5 },
	{ true, true, false, 64 },    { true, true, false, 100 },  { true, true, true, 1024 },
};

#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* The device sleeps as the spec says: find nothing, ask for kicks, look again. */
static void device_step(struct bench *b)
{
	if (b->device_asleep)
		return;
	if (b->map.iommu && bench_pick(b, 4) == 0)
		vu_map_iotlb_invalidate(&b->map, BENCH_GUEST + bench_pick(b, MB), bench_pick(b, MB));
	vu_served_want_kick(&b->dev, false);
	for (uint64_t n = bench_pick(b, 8); n > 0 && bench_hold(b);)
		n--;
	if (bench_pick(b, 2) && b->nheld < b->vr.size) {
		while (bench_hold(b))
			;
		b->device_asleep = !vu_served_want_kick(&b->dev, true);
	}
}

static void driver_step(struct bench *b)
{
	if (b->driver_asleep)
		return;
	vu_vring_want_call(&b->vr, false);
	for (uint64_t n = bench_pick(b, 8); n > 0 && bench_take(b);)
		n--;
	if (bench_pick(b, 2)) {
		while (bench_take(b))
			;
		vu_vring_want_call(&b->vr, true);
		b->driver_asleep = !bench_take(b);
	}
}

static void finish_all(struct bench *b)
{
	for (unsigned int rounds = 0; b->norder; rounds++) {
		assert_true(rounds < 10 * VU_VRING_SIZE_MAX);
		device_step(b);
		while (b->nheld)
			bench_push_any(b);
		driver_step(b);
	}
	assert_int_equal(b->dev.in_flight, 0);
	assert_int_equal(b->vr.nfree, b->vr.size);
}

/* One notification too few, and both sides would sleep for good. */
static void random_traffic(struct bench *b, unsigned int steps)
{
	for (unsigned int i = 0; i < steps; i++) {
		switch (bench_pick(b, 4)) {
		case 0:
			for (uint64_t n = bench_pick(b, b->vr.size + 1); n > 0 && bench_add(b);)
				n--;
			break;
		case 1:
			device_step(b);
			break;
		case 2:
			for (uint64_t n = bench_pick(b, b->vr.size + 1); n > 0 && b->nheld; n--)
				bench_push_any(b);
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
		for (uint64_t seed = 1; seed <= 3; seed++) {
			struct bench *b = bench_new(&shapes[i], MB, seed);

			random_traffic(b, 3000);
			assert_true(b->added >= 100 && b->added == b->taken);
			bench_free(b);
		}
	}
}

static void free_running_indices_wrap(void **state)
{
	const struct shape shape = { false, true, false, 256 };
	struct bench *b = bench_new(&shape, MB, 5);

	(void)state;
	while (b->added < 2 * 65536 + 1000)
		random_traffic(b, 1000);
	bench_free(b);
}

/* Stopped and started again, by another device that knows the base alone. */
static void goes_on_at_the_base(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], MB, i + 1);

		for (unsigned int n = 0; n < 40; n++) {
			uint32_t base;

			random_traffic(b, 20);
			base = vu_served_base(&b->dev);
			assert_int_equal(base, vu_vring_base(&b->vr));
			bench_serve(b, &b->dev, base);
			for (unsigned int k = 0; vu_served_map(&b->dev) == -EFAULT; k++) {
				assert_true(b->dev.fault.miss && k < 100);
				bench_map_page(b, b->dev.fault.iova);
			}
			assert_int_equal(vu_served_base(&b->dev), base);
			b->device_asleep = b->driver_asleep = false;
		}
		bench_free(b);
	}
}

static void the_base_may_be_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		for (uint32_t n = 0; n < 8; n++) {
			struct bench *b = bench_new(&shapes[i], MB, n + 1);
			uint32_t at = (uint32_t)bench_pick(b, b->vr.size) | (n & 1) << 15;
			uint32_t base = b->vr.packed ? at | at << 16 : 65535 - n;

			vu_vring_set_base(&b->vr, base);
			vu_served_set_base(&b->dev, base);
			assert_int_equal(vu_served_base(&b->dev), base);
			vu_served_want_kick(&b->dev, true);
			random_traffic(b, 100);
			bench_free(b);
		}
	}
}

static void split_used_index_is_taken_from_memory(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vring_used *used = vu_memory_host(&b->mem, b->vr.used, sizeof(*used));

	(void)state;
	used->idx = 500;
	vu_served_set_base(&b->dev, 7);
	assert_int_equal(b->dev.last_used, 500);
	assert_int_equal(vu_served_base(&b->dev), 7);
	bench_serve(b, &b->dev, 9);
	assert_int_equal(b->dev.last_used, 9);
	assert_int_equal(vu_served_map(&b->dev), 0);
	assert_int_equal(b->dev.last_used, 500);
	bench_free(b);
}

static int map_of(struct bench *b, uint16_t size, bool packed, uint32_t base)
{
	b->dev.size = size;
	b->dev.packed = packed;
	vu_served_set_base(&b->dev, base);
	return vu_served_map(&b->dev);
}

static void rings_that_cannot_be(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct bench *b = bench_new(&shape, MB, 1);
	uint64_t iova;
	bool miss;

	(void)state;
	assert_int_equal(map_of(b, 0, false, 0), -EINVAL);
	assert_int_equal(map_of(b, 3, false, 0), -EINVAL);
	assert_int_equal(map_of(b, 32769, true, 0), -EINVAL);
	assert_int_equal(map_of(b, 8, true, 8), -EINVAL);
	assert_int_equal(map_of(b, 8, true, 0x80080000), -EINVAL);
	assert_int_equal(vu_served_pop(&b->dev, b->held, &iova, &miss), -EPROTO);
	assert_int_equal(map_of(b, 8, true, 7), 0);
	assert_int_equal(map_of(b, 8, false, 0), 0);
	b->dev.desc_user += 8;
	assert_int_equal(vu_served_map(&b->dev), -EINVAL);
	b->dev.desc_user = BENCH_USER + 2 * MB - 64;
	assert_int_equal(vu_served_map(&b->dev), -EFAULT);
	b->dev.desc_user = BENCH_USER + 2 * MB - 128;
	assert_int_equal(vu_served_map(&b->dev), 0);
	bench_free(b);
}

/* A base outside the ring on one that runs takes it out of service, not out of its memory. */
static void a_base_outside_a_running_ring(void **state)
{
	const struct shape shape = { true, true, false, 8 };
	struct bench *b = bench_new(&shape, MB, 1);

	(void)state;
	while (bench_add(b))
		;
	assert_true(bench_hold(b));
	vu_served_set_base(&b->dev, 0x7fff7fff);
	assert_int_equal(vu_served_pop(&b->dev, &b->held[1], NULL, NULL), -EPROTO);
	vu_served_push(&b->dev, &b->held[0], 0);
	assert_false(vu_served_should_call(&b->dev));
	assert_false(vu_served_want_kick(&b->dev, true));
	assert_false(bench_take(b));
	bench_free(b);
}

static void a_ring_whose_memory_goes(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], MB, 1);
		uint64_t guest = b->map.iommu ? 0 : BENCH_GUEST;

		while (bench_add(b))
			;
		assert_true(bench_hold(b));
		if (b->map.iommu)
			vu_map_iotlb_invalidate(&b->map, 0, UINT64_MAX);
		else
			assert_int_equal(vu_map_remove(&b->map, guest, BENCH_USER + MB, MB), 0);
		assert_int_equal(vu_served_pop(&b->dev, &b->held[1 % b->vr.size], NULL, NULL),
				 b->map.iommu ? -EFAULT : -EPROTO);
		vu_served_push(&b->dev, &b->held[0], 0);
		assert_false(vu_served_should_call(&b->dev));
		assert_false(vu_served_want_kick(&b->dev, true));
		assert_false(bench_take(b));
		bench_free(b);
	}
}

/* ---- the dirty log ---- */

static void turn_logging_on(struct bench *b, struct vu_log *log)
{
	assert_int_equal(vu_log_open(log, BENCH_GUEST + 2 * MB, 64), 0);
	assert_int_equal(vu_map_log(&b->map, log->fd, log->size, log->offset), 0);
	b->map.logging = true;
}

static void buffers_are_logged_to_the_page(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		const struct shape shape = { packed, false, false, 4 };
		struct bench *b = bench_new(&shape, MB, 1);
		uint64_t edge = b->high->guest_address;
		struct vu_chain chain = { .nbuffers = 3 };
		struct vu_log log;

		turn_logging_on(b, &log);
		chain.buffers[0] = (struct vu_buffer){ BENCH_GUEST + 40 * PAGE, 100, false };
		chain.buffers[1] = (struct vu_buffer){ edge - 10, 20 + PAGE, true };
		chain.buffers[2] = (struct vu_buffer){ edge + 9 * PAGE, 8, true };
		assert_int_equal(vu_vring_add(&b->vr, &chain), 0);
		assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
		assert_int_equal(b->held->nin, 3);
		vu_served_push(&b->dev, b->held, 11);
		assert_int_equal(vu_log_count(&log), 2);
		assert_true(vu_log_dirty(&log, edge - 1) && vu_log_dirty(&log, edge));
		vu_served_push(&b->dev, b->held, 20 + PAGE + 1);
		assert_int_equal(vu_log_count(&log), 4);
		assert_true(vu_log_dirty(&log, edge + PAGE) && vu_log_dirty(&log, edge + 9 * PAGE));
		assert_true(vu_log_guard_intact(&log));
		vu_log_close(&log);
		bench_free(b);
	}
}

/* With the IOMMU pages are those of guest memory, not of IOVAs. */
static void buffers_behind_the_iommu_are_logged_by_guest_address(void **state)
{
	const struct shape shape = { false, false, true, 4 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vu_chain chain = { .nbuffers = 1 };
	struct vu_log log;

	(void)state;
	turn_logging_on(b, &log);
	chain.buffers[0] = (struct vu_buffer){ BENCH_GUEST + 77 * PAGE, 8, true };
	assert_int_equal(vu_vring_add(&b->vr, &chain), 0);
	bench_map_page(b, BENCH_GUEST + 77 * PAGE);
	assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
	vu_served_push(&b->dev, b->held, 8);
	assert_int_equal(vu_log_count(&log), 1);
	assert_true(vu_log_dirty(&log, 77 * PAGE));
	vu_log_close(&log);
	bench_free(b);
}

static void the_used_ring_is_logged_at_its_log_address(void **state)
{
	const struct shape shape = { false, true, false, 1024 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vu_chain chain = { .nbuffers = 1, .buffers = { { BENCH_GUEST, 8, false } } };
	struct vu_log log;

	(void)state;
	turn_logging_on(b, &log);
	b->dev.log_guest = 7 * PAGE;
	vu_vring_set_base(&b->vr, 600);
	vu_served_set_base(&b->dev, 600);
	assert_int_equal(vu_vring_add(&b->vr, &chain), 0);
	assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
	vu_served_push(&b->dev, b->held, 0);
	vu_served_want_kick(&b->dev, true);
	assert_int_equal(vu_log_count(&log), 0);
	b->dev.log_used = true;
	vu_served_push(&b->dev, b->held, 0);
	assert_int_equal(vu_log_count(&log), 2);
	assert_true(vu_log_dirty(&log, 7 * PAGE) && vu_log_dirty(&log, 8 * PAGE));
	vu_served_want_kick(&b->dev, true);
	assert_int_equal(vu_log_count(&log), 3);
	assert_true(vu_log_dirty(&log, 9 * PAGE));
	vu_log_close(&log);
	bench_free(b);
}

static void packed_descriptors_are_logged_where_they_are(void **state)
{
	const struct shape shape = { true, false, false, 1024 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vu_chain chain = { .nbuffers = 1, .buffers = { { BENCH_GUEST, 8, false } } };
	struct vu_log log;

	(void)state;
	turn_logging_on(b, &log);
	b->dev.log_used = true;
	b->dev.log_guest = 7 * PAGE;
	vu_vring_set_base(&b->vr, 0x82588258);
	vu_served_set_base(&b->dev, 0x82588258);
	assert_int_equal(vu_vring_add(&b->vr, &chain), 0);
	assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
	vu_served_push(&b->dev, b->held, 0);
	assert_int_equal(vu_log_count(&log), 1);
	assert_true(vu_log_dirty(&log, b->vr.desc + 0x258 * 16));
	vu_served_want_kick(&b->dev, true);
	assert_int_equal(vu_log_count(&log), 2);
	assert_true(vu_log_dirty(&log, 7 * PAGE));
	vu_log_close(&log);
	bench_free(b);
}

/* ---- hostile drivers ---- */

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define TABLE (BENCH_GUEST + MB / 2)

struct raw {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* Write descriptors of either layout: `next` is of a split one. */
static void put(struct bench *b, uint64_t guest, const struct raw *raw, size_t n, uint16_t extra)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < 16; at++)
			*(uint8_t *)vu_memory_host(&b->mem, guest + i * 16 + at, 1) = 0;
		if (b->vr.packed) {
			struct vring_packed_desc d = { raw[i].addr, raw[i].len, 1,
						       raw[i].flags | extra };

			for (size_t at = 0; at < 16; at++)
				*(uint8_t *)vu_memory_host(&b->mem, guest + i * 16 + at, 1) =
					((uint8_t *)&d)[at];
		} else {
			struct vring_desc d = { raw[i].addr, raw[i].len, raw[i].flags,
						raw[i].next };

			for (size_t at = 0; at < 16; at++)
				*(uint8_t *)vu_memory_host(&b->mem, guest + i * 16 + at, 1) =
					((uint8_t *)&d)[at];
		}
	}
}

/* Make what stands in the descriptors from 0 on available as one request. */
static void offer(struct bench *b, const struct raw *raw, size_t n)
{
	struct vring_avail *avail = vu_memory_host(&b->mem, b->vr.avail, sizeof(*avail));

	put(b, b->vr.desc, raw, n, 1u << VRING_PACKED_DESC_F_AVAIL);
	if (!b->vr.packed) {
		avail->ring[0] = 0;
		avail->idx = 1;
	}
}

static struct bench *hostile(bool packed)
{
	const struct shape shape = { packed, false, false, 8 };

	return bench_new(&shape, MB, 1);
}

/* The request is refused with these words, twice alike, and nothing moves. */
static void expect_broken(struct bench *b, const char *words)
{
	uint32_t base = vu_served_base(&b->dev);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), -EPROTO);
		if (!strstr(b->dev.trouble, words))
			fail_msg("\"%s\" does not say \"%s\"", b->dev.trouble, words);
		assert_int_equal(vu_served_base(&b->dev), base);
	}
	bench_free(b);
}

static void refused(bool packed, const struct raw *raw, size_t n, const struct raw *table,
		    size_t entries, const char *words)
{
	struct bench *b = hostile(packed);

	put(b, TABLE, table, entries, 0);
	offer(b, raw, n);
	expect_broken(b, words);
}

static void refused_both(const struct raw *raw, size_t n, const struct raw *table, size_t entries,
			 const char *words)
{
	refused(false, raw, n, table, entries, words);
	refused(true, raw, n, table, entries, words);
}

static void buffers_that_cannot_be(void **state)
{
	const struct raw nowhere[] = { { 16, 16, 0, 0 } };
	const struct raw too_long[] = { { BENCH_GUEST + 2 * MB - 8, 16, 0, 0 } };
	const struct raw wraps[] = { { UINT64_MAX - 3, 16, 0, 0 } };
	const struct raw disorder[] = { { BENCH_GUEST, 16, NEXT | WRITE, 1 },
					{ BENCH_GUEST, 16, 0, 0 } };

	(void)state;
	refused_both(nowhere, 1, NULL, 0, "guest address 0x10 is in no memory region");
	refused_both(too_long, 1, NULL, 0, "guest address 0x300000 is in no memory region");
	refused_both(wraps, 1, NULL, 0, "is in no memory region");
	refused_both(disorder, 2, NULL, 0, "behind a writable one");
}

static void chains_that_cannot_be(void **state)
{
	const struct raw loop[] = { { BENCH_GUEST, 16, NEXT, 1 }, { BENCH_GUEST, 16, NEXT, 0 } };
	const struct raw itself[] = { { BENCH_GUEST, 0, NEXT, 0 } };
	const struct raw outside[] = { { BENCH_GUEST, 16, NEXT, 8 } };
	struct raw endless[8];

	(void)state;
	refused(false, loop, 2, NULL, 0, "it loops");
	refused(false, itself, 1, NULL, 0, "it loops");
	refused(false, outside, 1, NULL, 0, "descriptor 8 is outside a table of 8");
	for (int i = 0; i < 8; i++)
		endless[i] = (struct raw){ BENCH_GUEST, 0, NEXT, 0 };
	refused(true, endless, 8, NULL, 0, "more descriptors in flight than the ring of 8 has");
}

static void tables_that_cannot_be(void **state)
{
	const struct raw odd[] = { { TABLE, 24, INDIRECT, 0 } };
	const struct raw empty[] = { { TABLE, 0, INDIRECT, 0 } };
	const struct raw huge[] = { { TABLE, UINT32_MAX - 15, INDIRECT, 0 } };
	const struct raw more[] = { { TABLE, 16, INDIRECT | NEXT, 1 }, { BENCH_GUEST, 4, 0, 0 } };
	const struct raw nowhere[] = { { 64, 32, INDIRECT, 0 } };
	const struct raw good[] = { { TABLE, 32, INDIRECT, 0 } };
	const struct raw nested[] = { { BENCH_GUEST, 4, NEXT, 1 }, { TABLE, 32, INDIRECT, 0 } };
	const struct raw loop[] = { { BENCH_GUEST, 0, NEXT, 1 }, { BENCH_GUEST, 0, NEXT, 0 } };
	const struct raw outside[] = { { BENCH_GUEST, 4, NEXT, 2 } };

	(void)state;
	refused_both(odd, 1, NULL, 0, "an indirect table of 24 bytes");
	refused_both(empty, 1, NULL, 0, "an indirect table of 0 bytes");
	refused_both(huge, 1, NULL, 0, "an indirect table of 268435455 entries");
	refused_both(more, 2, NULL, 0, "an indirect table and a next descriptor");
	refused_both(nowhere, 1, NULL, 0, "guest address 0x40 is in no memory region");
	refused_both(good, 1, nested, 2, "an indirect table in an indirect table");
	refused(false, good, 1, loop, 2, "it loops");
	refused(false, good, 1, outside, 1, "descriptor 2 is outside a table of 2");
}

static void more_pieces_than_an_element_has(void **state)
{
	const struct raw ring[] = { { TABLE, (VU_SEGMENTS_MAX + 1) * 16, INDIRECT, 0 } };
	struct raw table[VU_SEGMENTS_MAX + 1];

	(void)state;
	for (uint16_t i = 0; i <= VU_SEGMENTS_MAX; i++)
		table[i] = (struct raw){ BENCH_GUEST, 1, NEXT, i + 1 };
	refused_both(ring, 1, table, VU_SEGMENTS_MAX + 1, "more than 256 pieces");
}

static void indices_that_cannot_be(void **state)
{
	struct bench *b = hostile(false);
	struct vring_avail *avail = vu_memory_host(&b->mem, b->vr.avail, sizeof(*avail));

	(void)state;
	avail->idx = 9;
	expect_broken(b, "available index 9 is 9 ahead in a ring of 8");
	b = hostile(false);
	avail = vu_memory_host(&b->mem, b->vr.avail, sizeof(*avail));
	avail->ring[0] = 8;
	avail->idx = 1;
	expect_broken(b, "descriptor 8 is outside a table of 8");
}

/* Every request takes a descriptor at least, so there cannot be more of them than those. */
static void more_requests_than_descriptors(void **state)
{
	struct bench *b = hostile(false);
	struct vring_avail *avail = vu_memory_host(&b->mem, b->vr.avail, sizeof(*avail));
	const struct raw one[] = { { BENCH_GUEST, 4, 0, 0 } };

	(void)state;
	offer(b, one, 1);
	for (int i = 0; i < 8; i++) {
		avail->ring[i] = 0;
		avail->idx = (uint16_t)(i + 1);
		assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
	}
	avail->idx = 9;
	expect_broken(b, "more requests in flight than the 8 entries");
}

/* Descriptors before a table, a table that lies across two regions, buffers of length zero. */
static void unusual_but_allowed(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct bench *b = hostile(packed);
		uint64_t across = b->high->guest_address - 24;
		const struct raw ring[] = { { BENCH_GUEST, 4, NEXT, 1 }, { 0, 0, NEXT, 2 },
					    { across, 48, INDIRECT | WRITE, 0 } };
		const struct raw table[] = { { BENCH_GUEST + 4, 5, NEXT, 1 },
					     { 3, 0, NEXT | WRITE, 2 },
					     { BENCH_GUEST + 64, 6, WRITE, 0 } };

		put(b, across, table, 3, 0);
		offer(b, ring, 3);
		assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
		assert_int_equal(b->held->ndescs, 3);
		assert_int_equal(b->held->nout, 2);
		assert_true(b->held->out_len == 9 && b->held->in_len == 6);
		assert_true(b->held->in[0].guest == BENCH_GUEST + 64);
		bench_free(b);
	}
}

static void an_access_that_is_not_allowed(void **state)
{
	const struct shape shape = { false, false, true, 8 };
	struct bench *b = bench_new(&shape, MB, 1);
	const struct raw ring[] = { { TABLE, 16, WRITE, 0 } };
	struct vu_iotlb_entry entry = { TABLE, 2 * PAGE, BENCH_USER + MB, VHOST_ACCESS_RO };
	uint64_t iova = 0;
	bool miss = false;

	(void)state;
	offer(b, ring, 1);
	assert_int_equal(vu_served_pop(&b->dev, b->held, &iova, &miss), -EFAULT);
	assert_true(miss && iova == TABLE && b->dev.fault.perm == VHOST_ACCESS_WO);
	assert_int_equal(vu_map_iotlb_update(&b->map, &entry), 0);
	assert_int_equal(vu_served_pop(&b->dev, b->held, &iova, &miss), -EFAULT);
	assert_true(!miss && iova == TABLE);
	entry.perm = VHOST_ACCESS_WO;
	assert_int_equal(vu_map_iotlb_update(&b->map, &entry), 0);
	assert_int_equal(vu_served_pop(&b->dev, b->held, &iova, &miss), 0);
	bench_free(b);
}

static void scribble(struct bench *b, uint64_t guest, uint64_t len)
{
	uint8_t *host = vu_memory_host(&b->mem, guest, len);

	for (uint64_t n = bench_pick(b, len < 32 ? len : 32) + 1; n > 0; n--)
		host[bench_pick(b, 4) ? bench_pick(b, len < 64 ? len : 64) : bench_pick(b, len)] =
			(uint8_t)bench_pick(b, 256);
}

/* Touch all that was handed out: a sanitizer or a signal tells of what should not have been. */
static void use(struct vu_element *el)
{
	for (size_t i = 0; i < el->nin; i++)
		memset(el->in[i].host, 0, el->in[i].len);
	for (size_t i = 0; i < el->nout; i++)
		assert_non_null(memchr(el->out[i].host, *(uint8_t *)el->out[i].host, 1));
}

/* Pop as a back-end does that asks for translations, which the front-end has or has not. */
static int pop_garbage(struct bench *b)
{
	uint64_t iova = 0;
	bool miss = false;
	int ret = vu_served_pop(&b->dev, b->held, &iova, &miss);

	while (ret == -EFAULT && miss && vu_memory_host(&b->mem, iova, 1)) {
		bench_map_page(b, iova);
		ret = vu_served_pop(&b->dev, b->held, &iova, &miss);
	}
	return ret;
}

static void scribble_rings(struct bench *b)
{
	bool packed = b->vr.packed;

	if (bench_pick(b, 2))
		scribble(b, b->vr.desc, b->vr.size * 16);
	if (bench_pick(b, 2))
		scribble(b, b->vr.avail, packed ? 4 : 6 + 2 * b->vr.size);
	if (bench_pick(b, 2))
		scribble(b, b->vr.used, packed ? 4 : 6 + 8 * b->vr.size);
}

/* Both begin again, at places that need not agree. */
static void start_over(struct bench *b)
{
	uint32_t base = bench_pick(b, 2) ? 0 : (uint32_t)bench_pick(b, UINT32_MAX);

	b->norder = 0;
	vu_vring_set_base(&b->vr, 0);
	vu_served_set_base(&b->dev, base);
	if (vu_served_map(&b->dev) == -EINVAL) {
		vu_served_set_base(&b->dev, 0);
		vu_served_map(&b->dev);
	}
}

static void garbage_in_the_rings(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], MB, i);
		unsigned int popped = 0;

		for (unsigned int round = 0; round < 1000; round++) {
			while (bench_pick(b, 4) && b->norder < b->vr.size && bench_add(b))
				;
			scribble_rings(b);
			for (int n = 0; n < 64 && pop_garbage(b) == 0; n++, popped++) {
				use(b->held);
				vu_served_push(&b->dev, b->held, (uint32_t)bench_pick(b, 1 << 20));
			}
			vu_served_should_call(&b->dev);
			vu_served_want_kick(&b->dev, bench_pick(b, 2));
			if (bench_pick(b, 4) == 0)
				start_over(b);
		}
		assert_true(popped > 0);
		bench_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_of_every_shape),
		cmocka_unit_test(free_running_indices_wrap),
		cmocka_unit_test(goes_on_at_the_base),
		cmocka_unit_test(the_base_may_be_anywhere),
		cmocka_unit_test(split_used_index_is_taken_from_memory),
		cmocka_unit_test(rings_that_cannot_be),
		cmocka_unit_test(a_base_outside_a_running_ring),
		cmocka_unit_test(a_ring_whose_memory_goes),
		cmocka_unit_test(buffers_are_logged_to_the_page),
		cmocka_unit_test(buffers_behind_the_iommu_are_logged_by_guest_address),
		cmocka_unit_test(the_used_ring_is_logged_at_its_log_address),
		cmocka_unit_test(packed_descriptors_are_logged_where_they_are),
		cmocka_unit_test(buffers_that_cannot_be),
		cmocka_unit_test(chains_that_cannot_be),
		cmocka_unit_test(tables_that_cannot_be),
		cmocka_unit_test(more_pieces_than_an_element_has),
		cmocka_unit_test(indices_that_cannot_be),
		cmocka_unit_test(more_requests_than_descriptors),
		cmocka_unit_test(unusual_but_allowed),
		cmocka_unit_test(an_access_that_is_not_allowed),
		cmocka_unit_test(garbage_in_the_rings),
	};

	return cmocka_run_group_tests_name("served", tests, NULL, NULL);
}
