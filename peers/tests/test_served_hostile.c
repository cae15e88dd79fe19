/* SPDX-License-Identifier: Apache-2.0 */
/* The device's side of rings against drivers that lie: refused with a reason, and nothing touched. */
#include <errno.h>
#include <linux/virtio_ring.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "served_bench.h"

#define MB (UINT64_C(1) << 20)
#define PAGE 4096

#define NEXT VRING_DESC_F_NEXT
#define WRITE VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT
#define TABLE (BENCH_GUEST + MB / 2)

struct raw {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* Write descriptors of either layout; @lap is the flag that makes a packed one available. */
static void put(struct bench *b, uint64_t guest, const struct raw *raw, size_t n, uint16_t lap)
{
	uint8_t bytes[sizeof(struct vring_desc)];

	for (size_t i = 0; i < n; i++, guest += sizeof(bytes)) {
		struct vring_packed_desc packed = { raw[i].addr, raw[i].len, 1,
						    raw[i].flags | lap };
		struct vring_desc split = { raw[i].addr, raw[i].len, raw[i].flags, raw[i].next };

		memcpy(bytes, b->vr.packed ? (void *)&packed : (void *)&split, sizeof(bytes));
		for (size_t at = 0; at < sizeof(bytes); at++)
			*(uint8_t *)vu_memory_host(&b->mem, guest + at, 1) = bytes[at];
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

static void more_descriptors_than_the_ring_has(void **state)
{
	const struct raw one[] = { { BENCH_GUEST, 4, 0, 0 } };
	struct bench *b = hostile(true);

	(void)state;
	for (uint64_t i = 0; i < 8; i++) {
		put(b, b->vr.desc + i * 16, one, 1, 1u << VRING_PACKED_DESC_F_AVAIL);
		assert_int_equal(vu_served_pop(&b->dev, b->held, NULL, NULL), 0);
	}
	put(b, b->vr.desc, one, 1, 1u << VRING_PACKED_DESC_F_USED);
	expect_broken(b, "more descriptors in flight than the ring of 8 has");
}

/* Descriptors before a table, a table that lies across two regions, buffers of length zero. */
static void unusual_but_allowed(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		struct bench *b = hostile(packed);
		uint64_t across = b->high->guest_address - 24;
		const struct raw ring[] = { { BENCH_GUEST, 4, NEXT, 1 },
					    { 0, 0, NEXT, 2 },
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

static const struct shape shapes[] = {
	{ false, false, false, 1 },  { false, true, true, 4 },   { false, true, false, 64 },
	{ false, true, true, 1024 }, { true, false, false, 1 },  { true, false, false, 3 },
	{ true, true, true, 5 },     { true, false, true, 256 }, { true, true, false, 1024 },
};

#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

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
		cmocka_unit_test(buffers_that_cannot_be),
		cmocka_unit_test(chains_that_cannot_be),
		cmocka_unit_test(tables_that_cannot_be),
		cmocka_unit_test(more_pieces_than_an_element_has),
		cmocka_unit_test(indices_that_cannot_be),
		cmocka_unit_test(more_requests_than_descriptors),
		cmocka_unit_test(more_descriptors_than_the_ring_has),
		cmocka_unit_test(unusual_but_allowed),
		cmocka_unit_test(an_access_that_is_not_allowed),
		cmocka_unit_test(garbage_in_the_rings),
	};

	return cmocka_run_group_tests_name("served_hostile", tests, NULL, NULL);
}
