/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In-flight tracking: a device that dies anywhere, down to every single store, and
 * the one that comes after it. What the driver did not see completed is handed out
 * again in the order in which it was submitted, and nothing else is.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "protocol.h"
#include "served_bench.h"
#include "vring/inflight.h"

#define MEMORY UINT64_C(0x8000)
#define PAGE UINT64_C(4096)
#define LARGE UINT64_C(0x100000)

static const struct shape shapes[] = {
	{ false, false, false, 1 }, { false, true, false, 2 }, { false, false, true, 8 },
	{ false, true, false, 8 },  { true, false, false, 1 }, { true, true, false, 2 },
	{ true, false, false, 3 },  { true, true, false, 5 },  { true, false, true, 8 },
};

#define NSHAPES (sizeof(shapes) / sizeof(shapes[0]))

/* ---- the layout ---- */

struct place {
	const char *name;
	size_t offset, size;
};

#define PLACE(type, field)                                                              \
	{                                                                               \
#field, offsetof(struct type, field), sizeof(((struct type *)0)->field) \
	}

static void expect_layout(const char *payload, const struct place *places, size_t n)
{
	const struct vu_payload *layout = vu_payload_by_name(payload);
	size_t found = 0;

	assert_non_null(layout);
	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *field = &layout->fields[i];

		for (size_t k = 0; k < n; k++) {
			if (strcmp(places[k].name, field->name) != 0)
				continue;
			found++;
			assert_int_equal(places[k].offset, field->offset);
			if (!field->nested)
				assert_int_equal(places[k].size, field->bytes);
		}
	}
	assert_int_equal(found, n);
}

/* The numbers are those of the spec's tables, in all fields but padding. */
static void the_layout_is_that_of_the_spec(void **state)
{
	const struct place split_entry[] = { PLACE(inflight_split_entry, inflight),
					     PLACE(inflight_split_entry, next),
					     PLACE(inflight_split_entry, counter) };
	const struct place split[] = {
		PLACE(inflight_split, features), PLACE(inflight_split, version),
		PLACE(inflight_split, desc_num), PLACE(inflight_split, last_batch_head),
		PLACE(inflight_split, used_idx), { "desc", sizeof(struct inflight_split), 0 }
	};
	const struct place packed_entry[] = {
		PLACE(inflight_packed_entry, inflight), PLACE(inflight_packed_entry, next),
		PLACE(inflight_packed_entry, last),     PLACE(inflight_packed_entry, num),
		PLACE(inflight_packed_entry, counter),  PLACE(inflight_packed_entry, id),
		PLACE(inflight_packed_entry, flags),    PLACE(inflight_packed_entry, len),
		PLACE(inflight_packed_entry, addr)
	};
	const size_t at = offsetof(struct inflight_packed, position);
	const struct place packed[] = {
		PLACE(inflight_packed, features),
		PLACE(inflight_packed, version),
		PLACE(inflight_packed, desc_num),
		PLACE(inflight_packed, free_head),
		PLACE(inflight_packed, old_free_head),
		{ "used_idx", at + offsetof(struct inflight_position, used_idx), 2 },
		{ "old_used_idx", at + offsetof(struct inflight_position, old_used_idx), 2 },
		{ "used_wrap_counter", at + offsetof(struct inflight_position, used_wrap_counter),
		  1 },
		{ "old_used_wrap_counter",
		  at + offsetof(struct inflight_position, old_used_wrap_counter), 1 },
		{ "desc", sizeof(struct inflight_packed), 0 }
	};

	(void)state;
	expect_layout("desc_state_split", split_entry, 3);
	expect_layout("queue_region_split", split, 6);
	expect_layout("desc_state_packed", packed_entry, 9);
	expect_layout("queue_region_packed", packed, 10);
	assert_int_equal(sizeof(struct inflight_split_entry),
			 vu_payload_by_name("desc_state_split")->size);
	assert_int_equal(sizeof(struct inflight_packed_entry),
			 vu_payload_by_name("desc_state_packed")->size);
	assert_int_equal(vu_inflight_size(8, false), 192);
	assert_int_equal(vu_inflight_size(8, true), 320);
}

/* ---- a ring with an in-flight region ---- */

struct ring {
	struct bench *b;
	uint8_t *region;
	size_t size;
	uint8_t *snapshot; /* of both memory regions and the in-flight region */
	uint32_t base;     /* as who does not know better sets it after a crash */
};

static void attach(struct ring *g, struct vu_served *dev, uint32_t base)
{
	int ret;

	bench_serve(g->b, dev, base);
	while ((ret = vu_served_map(dev)) == -EFAULT && dev->fault.miss)
		bench_map_page(g->b, dev->fault.iova);
	assert_int_equal(ret, 0);
	assert_int_equal(vu_inflight_attach(dev, g->region), 0);
}

static void ring_open(struct ring *g, const struct shape *shape, uint64_t memory, uint64_t seed)
{
	g->b = bench_new(shape, memory, seed);
	g->size = vu_inflight_size(shape->size, shape->packed);
	g->region = mmap(NULL, g->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(g->region, MAP_FAILED);
	g->snapshot = malloc(2 * memory + g->size);
	assert_non_null(g->snapshot);
	g->base = shape->packed ? 0x80008000 : 0x1234;
	for (uint64_t at = 0; shape->iommu && at < 2 * memory; at += PAGE)
		bench_map_page(g->b, BENCH_GUEST + at);
	attach(g, &g->b->dev, vu_vring_base(&g->b->vr));
}

static void ring_close(struct ring *g)
{
	munmap(g->region, g->size);
	free(g->snapshot);
	bench_free(g->b);
}

static void save(const struct ring *g)
{
	uint64_t half = g->b->low->size;

	memcpy(g->snapshot, g->b->low->host, half);
	memcpy(g->snapshot + half, g->b->high->host, half);
	memcpy(g->snapshot + 2 * half, g->region, g->size);
}

static void restore(const struct ring *g)
{
	uint64_t half = g->b->low->size;

	memcpy(g->b->low->host, g->snapshot, half);
	memcpy(g->b->high->host, g->snapshot + half, half);
	memcpy(g->region, g->snapshot + 2 * half, g->size);
}

static bool is_saved(const struct ring *g)
{
	uint64_t half = g->b->low->size;

	return memcmp(g->region, g->snapshot + 2 * half, g->size) == 0 &&
	       memcmp(g->b->low->host, g->snapshot, half) == 0 &&
	       memcmp(g->b->high->host, g->snapshot + half, half) == 0;
}

/* ---- what comes after a crash ---- */

/* All that is outstanding comes out, oldest first, into `held`. */
static void expect_outstanding(struct bench *b, struct vu_served *dev)
{
	uint16_t due[VU_VRING_SIZE_MAX];

	memcpy(due, b->order, sizeof(due));
	b->nheld = 0;
	for (unsigned int i = 0; i < b->norder; i++) {
		assert_int_equal(bench_pop(b, dev, &b->held[b->nheld]), 0);
		assert_int_equal(b->held[b->nheld++].id, due[i]);
	}
	assert_int_equal(bench_pop(b, dev, &(struct vu_element){ .id = 0 }), -EAGAIN);
}

static void complete_all(struct bench *b, struct vu_served *dev)
{
	while (b->nheld) {
		unsigned int i = (unsigned int)bench_pick(b, b->nheld);

		bench_push(b, dev, &b->held[i]);
		b->held[i] = b->held[--b->nheld];
	}
	while (bench_take(b))
		;
	assert_int_equal(b->norder, 0);
	assert_int_equal(dev->in_flight, 0);
}

/* The driver goes on while no device is there; then one comes that knows the region alone. */
static void come_back(struct ring *g, struct vu_served *dev)
{
	struct bench *b = g->b;

	while (bench_take(b))
		;
	for (uint64_t n = bench_pick(b, 4); n > 0 && bench_add(b);)
		n--;
	attach(g, dev, g->base);
}

/* Nothing lost, nothing twice; and the ring is as good as new: it can be filled, and die again. */
static void expect_recovery(struct ring *g)
{
	struct bench *b = g->b;
	struct vu_served dev;

	come_back(g, &dev);
	for (int i = 0; i < 3; i++) {
		expect_outstanding(b, &dev);
		complete_all(b, &dev);
		while (bench_add(b))
			;
	}
	expect_outstanding(b, &dev);
	vu_inflight_detach(&dev);
	come_back(g, &dev);
	expect_outstanding(b, &dev);
	complete_all(b, &dev);
	vu_inflight_detach(&dev);
}

/* The same on the side: the ring is afterwards what it was. */
static void try_recovery(struct ring *g)
{
	struct bench *saved = malloc(sizeof(*saved));
	struct vu_element *held = malloc(g->b->vr.size * sizeof(*held));

	assert_true(saved && held);
	memcpy(saved, g->b, sizeof(*saved));
	memcpy(held, g->b->held, g->b->vr.size * sizeof(*held));
	expect_recovery(g);
	memcpy(g->b, saved, sizeof(*saved));
	memcpy(g->b->held, held, g->b->vr.size * sizeof(*held));
	restore(g);
	free(saved);
	free(held);
}

/* ---- crashes between operations, in long traffic ---- */

static void traffic_step(struct bench *b)
{
	struct vu_element *el = &b->held[b->nheld];

	switch (bench_pick(b, 4)) {
	case 0:
		bench_add(b);
		break;
	case 1:
		if (b->nheld < b->vr.size && bench_pop(b, &b->dev, el) == 0)
			b->nheld++;
		break;
	case 2:
		if (b->nheld)
			bench_push_any(b);
		break;
	default:
		bench_take(b);
	}
}

static void lives_after_one_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct ring g;

		ring_open(&g, &shapes[i], MEMORY, i + 1);
		for (unsigned int life = 0; life < 400; life++) {
			for (uint64_t n = bench_pick(g.b, 60); n > 0; n--)
				traffic_step(g.b);
			vu_inflight_detach(&g.b->dev);
			come_back(&g, &g.b->dev);
			if (bench_pick(g.b, 2))
				expect_outstanding(g.b, &g.b->dev);
			else
				g.b->nheld = 0;
		}
		ring_close(&g);
	}
}

static void many_in_flight(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		const struct shape shape = { packed, false, false, 1024 };
		struct ring g;

		ring_open(&g, &shape, LARGE, 3);
		for (int round = 0; round < 4; round++) {
			for (int n = 0; n < 6000; n++)
				traffic_step(g.b);
			save(&g);
			try_recovery(&g);
		}
		ring_close(&g);
	}
}

/* ---- crashes at every store ---- */

static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

typedef void operation(struct ring *g);

static void op_pop(struct ring *g)
{
	vu_served_pop(&g->b->dev, &g->b->held[g->b->nheld], NULL, NULL);
}

/* The last one held, filled already. */
static void op_push(struct ring *g)
{
	const struct vu_element *el = &g->b->held[g->b->nheld - 1];

	vu_served_push(&g->b->dev, el, g->b->written[el->id]);
}

static void op_come_back(struct ring *g)
{
	struct vu_served dev;

	bench_serve(g->b, &dev, g->base);
	if (vu_served_map(&dev) == 0)
		vu_inflight_attach(&dev, g->region);
}

/* A child that does @op when it is let go on, and stops before and behind it. */
static pid_t start_child(struct ring *g, operation *op)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		raise(SIGSTOP);
		op(g);
		raise(SIGSTOP);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

static bool step(pid_t pid)
{
	int status;

	assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

/*
 * Do @op in a child, instruction by instruction, and whenever shared memory has
 * changed see what would come of it if the child died there. Memory is left as it
 * was before. Returns how often it changed.
 */
static unsigned int crash_everywhere(struct ring *g, operation *op, void (*check)(struct ring *g))
{
	uint8_t *outer = g->snapshot;
	size_t len = 2 * g->b->low->size + g->size;
	unsigned int count = 0;
	pid_t pid;

	g->snapshot = malloc(len);
	assert_non_null(g->snapshot);
	save(g);
	memcpy(outer, g->snapshot, len);
	pid = start_child(g, op);
	while (step(pid)) {
		if (is_saved(g))
			continue;
		save(g);
		check(g);
		count++;
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	free(g->snapshot);
	g->snapshot = outer;
	restore(g);
	return count;
}

/* The recovery crashes too, anywhere, and the one after it finds the same. */
static void crash_in_recovery(struct ring *g)
{
	try_recovery(g);
	crash_everywhere(g, op_come_back, try_recovery);
}

/* Some traffic, until there is something to push, or to pop. */
static void prepare(struct ring *g, uint64_t seed, bool push)
{
	struct bench *b = g->b;

	for (uint64_t n = 5 + seed * 7; n > 0; n--)
		traffic_step(b);
	while (push ? b->nheld == 0 : !vu_served_want_kick(&b->dev, true))
		traffic_step(b);
	if (push)
		bench_fill(b, &b->held[b->nheld - 1]);
}

static void a_crash_at_every_store_of_a_fetch(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();
	for (size_t i = 0; i < NSHAPES; i++) {
		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct ring g;

			ring_open(&g, &shapes[i], MEMORY, seed);
			prepare(&g, seed, false);
			assert_true(crash_everywhere(&g, op_pop, try_recovery) >= 1);
			ring_close(&g);
		}
	}
}

static void a_crash_at_every_store_of_a_completion(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();
	for (size_t i = 0; i < NSHAPES; i++) {
		for (uint64_t seed = 1; seed <= 6; seed++) {
			struct ring g;

			ring_open(&g, &shapes[i], MEMORY, seed);
			prepare(&g, seed, true);
			assert_true(crash_everywhere(&g, op_push, try_recovery) >= 3);
			ring_close(&g);
		}
	}
}

static void a_crash_at_every_store_of_a_recovery(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();
	for (size_t i = 0; i < NSHAPES; i++) {
		struct ring g;

		if (shapes[i].size > 5)
			continue;
		ring_open(&g, &shapes[i], MEMORY, 2);
		prepare(&g, 2, true);
		crash_everywhere(&g, op_push, crash_in_recovery);
		ring_close(&g);
	}
}

/* A region is not believed before it is whole: whatever else is in it, with version 0 it is fresh. */
static void a_crash_at_every_store_of_the_start(void **state)
{
	(void)state;
	if (under_valgrind())
		skip();
	for (int packed = 0; packed < 2; packed++) {
		const struct shape shape = { packed, false, false, 4 };
		struct ring g;

		ring_open(&g, &shape, MEMORY, 1);
		while (bench_add(g.b))
			;
		memset(g.region, 0xff, g.size);
		((struct inflight_split *)g.region)->version = 0;
		g.base = packed ? 0x80008000 : 0;
		assert_true(crash_everywhere(&g, op_come_back, try_recovery) >= 8);
		ring_close(&g);
	}
}

/* ---- regions that others wrote ---- */

/* A back-end that died with a batch of two visible, of which it had unmarked none. */
static void a_batch_of_several_is_not_done_again(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct inflight_split *region;
	struct vu_served dev;
	struct ring g;

	(void)state;
	ring_open(&g, &shape, MEMORY, 1);
	region = (struct inflight_split *)g.region;
	while (g.b->norder < 3)
		if (!bench_add(g.b))
			break;
	while (bench_hold(g.b))
		;
	assert_true(g.b->nheld >= 2);
	for (int i = 0; i < 2; i++)
		bench_push(g.b, &g.b->dev, &g.b->held[i]);
	for (int i = 0; i < 2; i++)
		region->desc[g.b->held[i].id].inflight = 1;
	region->used_idx = 0;
	while (bench_take(g.b))
		;
	attach(&g, &dev, 0);
	assert_int_equal(region->used_idx, 2);
	expect_outstanding(g.b, &dev);
	vu_inflight_detach(&dev);
	ring_close(&g);
}

static void regions_that_do_not_fit(void **state)
{
	(void)state;
	for (int packed = 0; packed < 2; packed++) {
		const struct shape shape = { packed, false, false, 8 };
		struct inflight_split *head; /* which begins as the packed one does */
		struct ring g;

		ring_open(&g, &shape, MEMORY, 1);
		head = (struct inflight_split *)g.region;
		vu_inflight_detach(&g.b->dev);
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region + 4), -EINVAL);
		head->version = 2;
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), -EINVAL);
		assert_null(g.b->dev.inflight);
		head->version = 1;
		head->desc_num = 4;
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), -EINVAL);
		head->desc_num = 8;
		head->features = 1;
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), -EINVAL);
		head->features = 0;
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), 0);
		g.b->dev.desc = NULL;
		assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), -EINVAL);
		ring_close(&g);
	}
}

static void a_used_index_that_no_batch_explains(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct ring g;

	(void)state;
	ring_open(&g, &shape, MEMORY, 1);
	((struct inflight_split *)g.region)->used_idx = 9;
	assert_int_equal(vu_inflight_attach(&g.b->dev, g.region), -EINVAL);
	ring_close(&g);
}

static void the_same_head_twice(void **state)
{
	const struct shape shape = { false, false, false, 8 };
	struct vring_avail *avail;
	struct ring g;

	(void)state;
	ring_open(&g, &shape, MEMORY, 1);
	avail = vu_memory_host(&g.b->mem, g.b->vr.avail, sizeof(*avail));
	assert_true(bench_add(g.b) && bench_hold(g.b));
	avail->ring[1] = avail->ring[0];
	avail->idx = 2;
	assert_int_equal(vu_served_pop(&g.b->dev, &g.b->held[1], NULL, NULL), -EPROTO);
	assert_non_null(strstr(g.b->dev.trouble, "available again while it is in flight"));
	ring_close(&g);
}

/* Whatever stands in it, or comes to stand in it while we run, we stay inside. */
static void garbage_in_the_region(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct ring g;
		struct bench *b;

		ring_open(&g, &shapes[i], MEMORY, i);
		b = g.b;
		for (unsigned int round = 0; round < 3000; round++) {
			b->norder = 0;
			vu_vring_set_base(&b->vr, b->vr.packed ? 0x80008000 : 0);
			while (bench_pick(b, 4) && bench_add(b))
				;
			for (uint64_t n = bench_pick(b, 8); n > 0; n--)
				g.region[12 + bench_pick(b, g.size - 12)] =
					(uint8_t)bench_pick(b, bench_pick(b, 2) ? 2 : 256);
			if (bench_pick(b, 2) && vu_inflight_attach(&b->dev, g.region) < 0)
				memset(g.region, 0, g.size);
			while (vu_served_pop(&b->dev, b->held, NULL, NULL) == 0)
				vu_served_push(&b->dev, b->held, 0);
			if (bench_pick(b, 4) == 0)
				vu_served_set_base(&b->dev, b->vr.packed ? 0x80008000 : 0);
		}
		ring_close(&g);
	}
}

/* ---- what a scenario or a person sees in the buffer ---- */

static void entries_show_what_is_held(void **state)
{
	const struct shape shape = { true, false, false, 8 };
	struct vu_chain chain = { .nbuffers = 2 };
	struct inflight_packed *region;
	struct ring g;

	(void)state;
	ring_open(&g, &shape, MEMORY, 1);
	region = (struct inflight_packed *)g.region;
	chain.buffers[0] = (struct vu_buffer){ BENCH_GUEST + 100, 7, false };
	chain.buffers[1] = (struct vu_buffer){ BENCH_GUEST + 200, 9, true };
	assert_int_equal(vu_vring_add(&g.b->vr, &chain), 0);
	assert_int_equal(vu_served_pop(&g.b->dev, g.b->held, NULL, NULL), 0);
	assert_int_equal(region->free_head, 2);
	assert_int_equal(region->old_free_head, 2);
	assert_int_equal(region->desc[0].inflight, 1);
	assert_int_equal(region->desc[0].num, 2);
	assert_int_equal(region->desc[0].last, 1);
	assert_true(region->desc[1].addr == BENCH_GUEST + 200);
	assert_int_equal(region->desc[1].len, 9);
	vu_served_push(&g.b->dev, g.b->held, 0);
	assert_int_equal(region->free_head, 0);
	assert_int_equal(region->desc[0].inflight, 0);
	assert_int_equal(region->desc[1].next, 2);
	ring_close(&g);
}

static void a_drained_ring_may_go_on_elsewhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct ring g;
		uint32_t base = shapes[i].packed ? 0 : 777;

		ring_open(&g, &shapes[i], MEMORY, 1);
		for (int round = 0; round < 20; round++) {
			while (bench_add(g.b))
				;
			g.b->nheld = 0;
			expect_outstanding(g.b, &g.b->dev);
			complete_all(g.b, &g.b->dev);
		}
		vu_vring_set_base(&g.b->vr, base);
		vu_served_set_base(&g.b->dev, base);
		assert_true(bench_add(g.b));
		assert_int_equal(bench_pop(g.b, &g.b->dev, g.b->held), 0);
		save(&g);
		try_recovery(&g);
		ring_close(&g);
	}
}

/* What was used before the crash may never have been told, so the driver is called once. */
static void the_driver_is_called_after_a_recovery(void **state)
{
	(void)state;
	for (size_t i = 0; i < NSHAPES; i++) {
		struct ring g;

		ring_open(&g, &shapes[i], MEMORY, 1);
		assert_false(vu_served_should_call(&g.b->dev));
		assert_true(bench_add(g.b) && bench_hold(g.b));
		vu_served_push(&g.b->dev, g.b->held, 0);
		attach(&g, &g.b->dev, 0);
		assert_true(vu_served_should_call(&g.b->dev));
		assert_false(vu_served_should_call(&g.b->dev));
		ring_close(&g);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_layout_is_that_of_the_spec),
		cmocka_unit_test(lives_after_one_another),
		cmocka_unit_test(many_in_flight),
		cmocka_unit_test(a_crash_at_every_store_of_a_fetch),
		cmocka_unit_test(a_crash_at_every_store_of_a_completion),
		cmocka_unit_test(a_crash_at_every_store_of_a_recovery),
		cmocka_unit_test(a_crash_at_every_store_of_the_start),
		cmocka_unit_test(a_batch_of_several_is_not_done_again),
		cmocka_unit_test(regions_that_do_not_fit),
		cmocka_unit_test(a_used_index_that_no_batch_explains),
		cmocka_unit_test(the_same_head_twice),
		cmocka_unit_test(garbage_in_the_region),
		cmocka_unit_test(entries_show_what_is_held),
		cmocka_unit_test(a_drained_ring_may_go_on_elsewhere),
		cmocka_unit_test(the_driver_is_called_after_a_recovery),
	};

	return cmocka_run_group_tests_name("inflight", tests, NULL, NULL);
}
