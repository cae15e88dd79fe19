/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of rings against the driver's: traffic, restarts, notifications, dirty log. */
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
	{ false, false, false, 1 },    { false, false, false, 2 },  { false, false, true, 16 },
	{ false, false, false, 1024 }, { false, true, false, 1 },   { false, true, true, 4 },
	{ false, true, false, 64 },    { false, true, true, 1024 }, { true, false, false, 1 },
	{ true, false, true, 2 },      { true, false, false, 3 },   { true, false, false, 17 },
	{ true, false, true, 256 },    { true, true, false, 1 },    { true, true, true, 5 },
	{ true, true, false, 64 },     { true, true, false, 100 },  { true, true, true, 1024 },
};

#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* The device sleeps as the spec says: find nothing, ask for kicks, look again. */
static void device_step(struct bench *b)
{
	if (b->device_asleep)
		return;
	if (b->map.iommu && bench_pick(b, 4) == 0)
		vu_map_iotlb_invalidate(&b->map, BENCH_GUEST + bench_pick(b, MB),
					bench_pick(b, MB));
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

/* The index that the driver is asked for stands behind the used ring, if there are event indices. */
static void the_event_index_is_part_of_the_ring(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct bench *b = bench_new(&shape, MB, 1);

	(void)state;
	b->dev.used_user = BENCH_USER + 2 * MB - (4 + 8 * 8);
	assert_int_equal(vu_served_map(&b->dev), 0);
	b->dev.event_idx = true;
	assert_int_equal(vu_served_map(&b->dev), -EFAULT);
	assert_false(b->dev.fault.miss);
	bench_free(b);
}

/* IOVAs that follow one another may lead to pages that do not. */
static void a_ring_in_pages_that_are_apart(void **state)
{
	const struct shape shape = { false, false, true, 1024 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vu_iotlb_entry entry = { b->vr.desc & ~(uint64_t)(PAGE - 1), PAGE, BENCH_USER,
					VHOST_ACCESS_RW };

	(void)state;
	assert_int_equal(vu_served_map(&b->dev), 0);
	entry.iova += PAGE;
	assert_int_equal(vu_map_iotlb_update(&b->map, &entry), 0);
	assert_int_equal(vu_served_map(&b->dev), -EFAULT);
	assert_false(b->dev.fault.miss);
	assert_true(b->dev.fault.iova == b->vr.desc);
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

/* ---- notifications ---- */

static struct vu_chain one_buffer(void)
{
	const struct vu_chain chain = { .nbuffers = 1, .buffers = { { BENCH_GUEST, 8, false } } };

	return chain;
}

/* Whether the driver would kick for one more request. */
static bool kicks(struct bench *b)
{
	const struct vu_chain chain = one_buffer();
	uint16_t old = b->vr.next_avail;

	assert_true(vu_vring_add(&b->vr, &chain) >= 0);
	return vu_vring_needs_kick(&b->vr, old);
}

static void kicks_come_when_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], MB, 1);

		if (b->map.iommu)
			bench_map_page(b, BENCH_GUEST);
		for (int round = 0; round < 50 && b->vr.size >= 3; round++) {
			struct vu_completion done;

			assert_true(kicks(b));
			assert_int_equal(vu_served_pop(&b->dev, &b->held[0], NULL, NULL), 0);
			assert_false(vu_served_want_kick(&b->dev, false));
			assert_false(kicks(b));
			assert_true(vu_served_want_kick(&b->dev, true));
			assert_int_equal(vu_served_pop(&b->dev, &b->held[1], NULL, NULL), 0);
			assert_false(vu_served_want_kick(&b->dev, true));
			for (int n = 0; n < 2; n++)
				vu_served_push(&b->dev, &b->held[n], 0);
			while (vu_vring_take(&b->vr, &done) == 0)
				;
		}
		bench_free(b);
	}
}

static void calls_go_out_when_wanted(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct bench *b = bench_new(&shapes[i], MB, 1);
		struct vu_completion done;

		if (b->map.iommu)
			bench_map_page(b, BENCH_GUEST);
		assert_false(vu_served_should_call(&b->dev));
		for (int round = 0; round < 50; round++) {
			bool want = round % 3 != 1;

			vu_vring_want_call(&b->vr, want);
			kicks(b);
			assert_int_equal(vu_served_pop(&b->dev, &b->held[0], NULL, NULL), 0);
			vu_served_push(&b->dev, &b->held[0], 0);
			assert_int_equal(vu_served_should_call(&b->dev), want);
			assert_false(vu_served_should_call(&b->dev));
			assert_int_equal(vu_vring_take(&b->vr, &done), 0);
		}
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

static void the_flags_of_the_used_ring_are_logged(void **state)
{
	const struct shape shape = { false, false, false, 4 };
	struct bench *b = bench_new(&shape, MB, 1);
	struct vu_log log;

	(void)state;
	turn_logging_on(b, &log);
	b->dev.log_used = true;
	b->dev.log_guest = 7 * PAGE - 2;
	vu_served_want_kick(&b->dev, false);
	assert_int_equal(vu_log_count(&log), 1);
	assert_true(vu_log_dirty(&log, 6 * PAGE));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_of_every_shape),
		cmocka_unit_test(free_running_indices_wrap),
		cmocka_unit_test(goes_on_at_the_base),
		cmocka_unit_test(the_base_may_be_anywhere),
		cmocka_unit_test(split_used_index_is_taken_from_memory),
		cmocka_unit_test(rings_that_cannot_be),
		cmocka_unit_test(the_event_index_is_part_of_the_ring),
		cmocka_unit_test(a_ring_in_pages_that_are_apart),
		cmocka_unit_test(a_base_outside_a_running_ring),
		cmocka_unit_test(a_ring_whose_memory_goes),
		cmocka_unit_test(kicks_come_when_wanted),
		cmocka_unit_test(calls_go_out_when_wanted),
		cmocka_unit_test(buffers_are_logged_to_the_page),
		cmocka_unit_test(buffers_behind_the_iommu_are_logged_by_guest_address),
		cmocka_unit_test(the_used_ring_is_logged_at_its_log_address),
		cmocka_unit_test(the_flags_of_the_used_ring_are_logged),
		cmocka_unit_test(packed_descriptors_are_logged_where_they_are),
	};

	return cmocka_run_group_tests_name("served", tests, NULL, NULL);
}
