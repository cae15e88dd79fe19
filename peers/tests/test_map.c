/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory as a back-end maps it: regions that lie, the dirty log, the IOTLB. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/log.h"
#include "memory/map.h"

#define PAGE UINT64_C(4096)
#define GUEST UINT64_C(0x40000000)
#define USER UINT64_C(0x7f0000000000)
#define FILE_SIZE (64 * PAGE)

static int file_of(uint64_t size)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}

struct fixture {
	struct vu_map map;
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = malloc(sizeof(*f));

	vu_map_init(&f->map);
	f->fd = file_of(FILE_SIZE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	vu_map_free(&f->map);
	vu_map_free(&f->map);
	close(f->fd);
	free(f);
	return 0;
}

static void write_at(int fd, uint64_t offset, uint8_t byte)
{
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)offset), 1);
}

static void translates_what_lies_in_a_region(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;
	uint8_t *host;

	write_at(f->fd, 3 * PAGE + 5, 0x5a);
	assert_int_equal(vu_map_add(map, GUEST, USER, 2 * PAGE, 3 * PAGE, f->fd), 0);
	host = vu_map_user(map, USER + 5, 1);
	assert_non_null(host);
	assert_int_equal(*host, 0x5a);
	assert_ptr_equal(vu_map_guest(map, GUEST + 5, 2 * PAGE - 5), host);
	assert_true(vu_map_guest_of(map, host) == GUEST + 5);
	assert_null(vu_map_guest(map, GUEST + 5, 2 * PAGE - 4));
	assert_null(vu_map_user(map, USER - 1, 1));
	assert_null(vu_map_user(map, USER + 2 * PAGE, 1));
	assert_null(vu_map_user(map, GUEST, 1));
	assert_null(vu_map_guest(map, GUEST + 1, UINT64_MAX));
	assert_true(vu_map_guest_of(map, host - 6) == UINT64_MAX);
	assert_true(vu_map_guest_of(map, host - 5 + 2 * PAGE) == UINT64_MAX);
}

static void an_offset_need_not_be_of_a_page(void **state)
{
	struct fixture *f = *state;
	uint8_t *host;

	write_at(f->fd, 2 * PAGE + 77, 0x33);
	assert_int_equal(
		vu_map_add(&f->map, GUEST, USER, FILE_SIZE - 2 * PAGE - 77, 2 * PAGE + 77, f->fd),
		0);
	host = vu_map_guest(&f->map, GUEST, 1);
	assert_int_equal(*host, 0x33);
	host[FILE_SIZE - 2 * PAGE - 78] = 1;
}

/* What is given may be closed: the mapping stays. */
static void the_descriptor_stays_the_callers(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, 0, f->fd), 0);
	close(f->fd);
	*(uint8_t *)vu_map_guest(&f->map, GUEST, 1) = 1;
	f->fd = file_of(FILE_SIZE);
}

static void regions_that_lie(void **state)
{
	struct fixture *f = *state;
	int pipes[2], ro;

	assert_int_equal(vu_map_add(&f->map, GUEST, USER, 0, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, FILE_SIZE + 1, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, FILE_SIZE - PAGE + 1, f->fd),
			 -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, FILE_SIZE + 1, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, UINT64_MAX, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, -PAGE, PAGE, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, -PAGE + 1, USER, PAGE, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, -PAGE + 1, PAGE, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, 0, -1), -EBADF);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, 0, pipes[0]), -EINVAL);
	ro = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, 0, ro), -EACCES);
	assert_int_equal(f->map.nregions, 0);
	assert_int_equal(vu_map_add(&f->map, -PAGE, -PAGE, PAGE, 0, f->fd), 0);
	assert_non_null(vu_map_guest(&f->map, UINT64_MAX, 1));
	assert_null(vu_map_guest(&f->map, UINT64_MAX, 2));
	close(ro);
	close(pipes[0]);
	close(pipes[1]);
}

static void regions_do_not_overlap(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;

	assert_int_equal(vu_map_add(map, GUEST, USER, 4 * PAGE, 0, f->fd), 0);
	assert_int_equal(vu_map_add(map, GUEST + 3 * PAGE, USER + PAGE * 9, PAGE, 0, f->fd),
			 -EINVAL);
	assert_int_equal(vu_map_add(map, GUEST - PAGE, USER + PAGE * 9, 2 * PAGE, 0, f->fd),
			 -EINVAL);
	assert_int_equal(vu_map_add(map, 0, USER + 4 * PAGE - 1, PAGE, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(map, 0, USER - PAGE, 9 * PAGE, 0, f->fd), -EINVAL);
	assert_int_equal(vu_map_add(map, GUEST + 4 * PAGE, USER - PAGE, PAGE, 0, f->fd), 0);
	assert_int_equal(vu_map_add(map, GUEST - PAGE, USER + 4 * PAGE, PAGE, 0, f->fd), 0);
	map->iommu = true;
	assert_int_equal(vu_map_add(map, GUEST, USER + 5 * PAGE, PAGE, 0, f->fd), 0);
}

static void regions_are_removed_by_address_and_size(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;
	unsigned int generation;

	assert_int_equal(vu_map_add(map, GUEST, USER, PAGE, 0, f->fd), 0);
	assert_int_equal(vu_map_add(map, GUEST + PAGE, USER + PAGE, PAGE, PAGE, f->fd), 0);
	generation = map->generation;
	assert_int_equal(vu_map_remove(map, GUEST, USER, 2 * PAGE), -ENOENT);
	assert_int_equal(vu_map_remove(map, GUEST, USER + PAGE, PAGE), -ENOENT);
	assert_int_equal(vu_map_remove(map, GUEST + PAGE, USER, PAGE), -ENOENT);
	assert_int_equal(map->generation, generation);
	assert_int_equal(vu_map_remove(map, GUEST, USER, PAGE), 0);
	assert_int_not_equal(map->generation, generation);
	assert_null(vu_map_guest(map, GUEST, 1));
	assert_non_null(vu_map_guest(map, GUEST + PAGE, 1));
	assert_int_equal(vu_map_remove(map, GUEST, USER, PAGE), -ENOENT);
	generation = map->generation;
	vu_map_clear(map);
	assert_int_equal(map->nregions, 0);
	assert_int_not_equal(map->generation, generation);
}

static void every_slot_can_be_used(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < VU_MAP_REGIONS; i++)
		assert_int_equal(vu_map_add(&f->map, GUEST + i * PAGE, USER + i * PAGE, PAGE,
					    i % 64 * PAGE, f->fd),
				 0);
	assert_int_equal(vu_map_add(&f->map, 0, 0, PAGE, 0, f->fd), -ENOSPC);
	assert_non_null(vu_map_user(&f->map, USER + (VU_MAP_REGIONS - 1) * PAGE, PAGE));
}

/* ---- addresses in descriptors ---- */

static void device_addresses_are_cut_at_the_end_of_a_region(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;
	uint64_t len = 3 * PAGE;
	bool miss = true;

	assert_int_equal(vu_map_add(map, GUEST, USER, PAGE, 0, f->fd), 0);
	assert_int_equal(vu_map_add(map, GUEST + PAGE, USER + PAGE, 4 * PAGE, 8 * PAGE, f->fd), 0);
	assert_ptr_equal(vu_map_device(map, GUEST + 16, &len, true, &miss),
			 vu_map_guest(map, GUEST + 16, 1));
	assert_int_equal(len, PAGE - 16);
	assert_false(miss);
	assert_non_null(vu_map_device(map, GUEST + PAGE, &len, true, &miss));
	assert_int_equal(len, PAGE - 16);
	miss = true;
	assert_null(vu_map_device(map, GUEST + 5 * PAGE, &len, true, &miss));
	assert_false(miss);
}

static int update(struct vu_map *map, uint64_t iova, uint64_t size, uint64_t user, uint8_t perm)
{
	const struct vu_iotlb_entry entry = { iova, size, user, perm };

	return vu_map_iotlb_update(map, &entry);
}

static void iovas_are_translated(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;
	uint64_t len = 64;
	bool miss;

	map->iommu = true;
	assert_int_equal(vu_map_add(map, GUEST, USER, 4 * PAGE, 0, f->fd), 0);
	assert_null(vu_map_device(map, GUEST, &len, false, &miss));
	assert_true(miss);
	assert_int_equal(update(map, 0x1000, PAGE, USER + PAGE, VHOST_ACCESS_RO), 0);
	assert_ptr_equal(vu_map_device(map, 0x1ff0, &len, false, &miss),
			 vu_map_user(map, USER + 2 * PAGE - 16, 1));
	assert_int_equal(len, 16);
	assert_null(vu_map_device(map, 0x1000, &len, true, &miss));
	assert_false(miss);
	assert_null(vu_map_device(map, 0x2000, &len, false, &miss));
	assert_true(miss);
	assert_null(vu_map_device(map, 0xfff, &len, false, &miss));
	assert_int_equal(update(map, 0x1000, PAGE, USER, VHOST_ACCESS_WO), 0);
	assert_int_equal(map->niotlb, 1);
	assert_ptr_equal(vu_map_device(map, 0x1000, &len, true, &miss), vu_map_user(map, USER, 1));
	assert_int_equal(update(map, 0x8000, PAGE, USER + 4 * PAGE, VHOST_ACCESS_RW), 0);
	assert_null(vu_map_device(map, 0x8000, &len, false, &miss));
	assert_false(miss);
}

/* One that is larger than the region behind it ends there. */
static void a_translation_is_cut_at_the_end_of_memory(void **state)
{
	struct fixture *f = *state;
	uint64_t len = 4 * PAGE;
	bool miss;

	f->map.iommu = true;
	assert_int_equal(vu_map_add(&f->map, GUEST, USER, PAGE, 0, f->fd), 0);
	assert_int_equal(update(&f->map, 0, UINT64_C(1) << 40, USER, VHOST_ACCESS_RW), 0);
	assert_non_null(vu_map_device(&f->map, 8, &len, true, &miss));
	assert_int_equal(len, PAGE - 8);
}

static void translations_that_cannot_be(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(update(&f->map, 0, 0, USER, VHOST_ACCESS_RO), -EINVAL);
	assert_int_equal(update(&f->map, UINT64_MAX, 2, USER, VHOST_ACCESS_RO), -EINVAL);
	assert_int_equal(update(&f->map, 0, 2, UINT64_MAX, VHOST_ACCESS_RO), -EINVAL);
	assert_int_equal(update(&f->map, 0, PAGE, USER, 0), -EINVAL);
	assert_int_equal(update(&f->map, 0, PAGE, USER, VHOST_ACCESS_RW + 1), -EINVAL);
	assert_int_equal(f->map.niotlb, 0);
}

static void invalidation_drops_what_it_touches(void **state)
{
	struct fixture *f = *state;
	struct vu_map *map = &f->map;
	unsigned int generation = map->generation;

	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(update(map, i * PAGE, PAGE, USER, VHOST_ACCESS_RW), 0);
	vu_map_iotlb_invalidate(map, 4 * PAGE, PAGE);
	assert_int_equal(map->generation, generation);
	vu_map_iotlb_invalidate(map, 2 * PAGE - 1, 2);
	assert_int_not_equal(map->generation, generation);
	assert_non_null(vu_map_iotlb_find(map, PAGE - 1));
	assert_null(vu_map_iotlb_find(map, PAGE));
	assert_null(vu_map_iotlb_find(map, 2 * PAGE));
	assert_non_null(vu_map_iotlb_find(map, 3 * PAGE));
	vu_map_iotlb_invalidate(map, PAGE, UINT64_MAX);
	assert_int_equal(map->niotlb, 1);
	vu_map_iotlb_invalidate(map, 0, 0);
	assert_int_equal(map->niotlb, 0);
}

static void a_full_iotlb_forgets_the_oldest(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i <= VU_IOTLB_ENTRIES; i++)
		assert_int_equal(update(&f->map, i * PAGE, PAGE, USER, VHOST_ACCESS_RW), 0);
	assert_null(vu_map_iotlb_find(&f->map, 0));
	assert_non_null(vu_map_iotlb_find(&f->map, PAGE));
	assert_non_null(vu_map_iotlb_find(&f->map, VU_IOTLB_ENTRIES * PAGE));
}

/* ---- the dirty log ---- */

static void log_of(struct fixture *f, struct vu_log *log, uint64_t limit, uint64_t offset)
{
	assert_int_equal(vu_log_open(log, limit, offset), 0);
	assert_int_equal(vu_map_log(&f->map, log->fd, log->size, log->offset), 0);
	f->map.logging = true;
}

static void expect_pages(const struct vu_log *log, uint64_t from, uint64_t to)
{
	assert_int_equal(vu_log_count(log), to - from);
	for (uint64_t page = from; page < to; page++)
		assert_true(vu_log_dirty(log, page * PAGE));
	assert_true(vu_log_guard_intact(log));
}

/* Every first and last page around the bytes of the bitmap, and every byte around pages. */
static void exactly_the_pages_written_are_marked(void **state)
{
	struct fixture *f = *state;
	struct vu_log log;

	log_of(f, &log, 128 * PAGE, 4104);
	for (uint64_t from = 0; from < 26; from++) {
		for (uint64_t to = from + 2; to < 44; to++) {
			vu_log_clear(&log);
			vu_map_dirty(&f->map, (from + 1) * PAGE - 1, (to - from - 2) * PAGE + 2);
			expect_pages(&log, from, to);
			vu_log_clear(&log);
			vu_map_dirty(&f->map, from * PAGE, (to - from) * PAGE);
			expect_pages(&log, from, to);
		}
		vu_log_clear(&log);
		vu_map_dirty(&f->map, from * PAGE + 7, 1);
		expect_pages(&log, from, from + 1);
	}
	vu_log_close(&log);
}

static void what_the_log_does_not_cover_is_left_out(void **state)
{
	struct fixture *f = *state;
	struct vu_log log;

	log_of(f, &log, 64 * PAGE, 0);
	vu_map_dirty(&f->map, 64 * PAGE, PAGE);
	vu_map_dirty(&f->map, UINT64_MAX, 1);
	vu_map_dirty(&f->map, 5 * PAGE, 0);
	expect_pages(&log, 0, 0);
	vu_map_dirty(&f->map, 62 * PAGE, UINT64_MAX);
	expect_pages(&log, 62, 64);
	vu_log_close(&log);
}

static void nothing_is_marked_while_logging_is_off(void **state)
{
	struct fixture *f = *state;
	struct vu_log log;

	f->map.logging = true;
	vu_map_dirty(&f->map, 0, PAGE);
	log_of(f, &log, 64 * PAGE, 0);
	f->map.logging = false;
	vu_map_dirty(&f->map, 0, PAGE);
	expect_pages(&log, 0, 0);
	vu_log_close(&log);
}

static void a_log_that_is_too_short_replaces_none(void **state)
{
	struct fixture *f = *state;
	struct vu_log log, other;

	log_of(f, &log, 64 * PAGE, 0);
	assert_int_equal(vu_map_log(&f->map, f->fd, FILE_SIZE, 1), -EINVAL);
	assert_int_equal(vu_map_log(&f->map, f->fd, 0, 0), -EINVAL);
	assert_int_equal(vu_map_log(&f->map, -1, 8, 0), -EBADF);
	vu_map_dirty(&f->map, 0, 1);
	expect_pages(&log, 0, 1);
	log_of(f, &other, 64 * PAGE, 0);
	vu_map_dirty(&f->map, PAGE, 1);
	expect_pages(&log, 0, 1);
	expect_pages(&other, 1, 2);
	vu_log_close(&log);
	vu_log_close(&other);
}

struct marker {
	struct vu_map *map;
	atomic_bool started, stop;
};

static void *mark_the_neighbour(void *opaque)
{
	struct marker *m = opaque;

	m->started = true;
	while (!m->stop)
		vu_map_dirty(m->map, PAGE, 1);
	return NULL;
}

/* Others mark and clear bits of the same byte meanwhile: none is lost, none comes back. */
static void marks_are_atomic(void **state)
{
	struct fixture *f = *state;
	struct marker m = { .map = &f->map };
	atomic_uchar *byte;
	pthread_t thread;
	struct vu_log log;
	unsigned int wrong = 0;

	log_of(f, &log, 64 * PAGE, 0);
	byte = (atomic_uchar *)log.map;
	assert_int_equal(pthread_create(&thread, NULL, mark_the_neighbour, &m), 0);
	while (!m.started)
		;
	for (int i = 0; i < 1000000; i++) {
		vu_map_dirty(&f->map, 0, 1);
		wrong += !(*byte & 1);
		atomic_fetch_and(byte, (uint8_t)~1);
		wrong += *byte & 1;
	}
	m.stop = true;
	pthread_join(thread, NULL);
	assert_int_equal(wrong, 0);
	vu_log_close(&log);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(translates_what_lies_in_a_region),
		TEST(an_offset_need_not_be_of_a_page),
		TEST(the_descriptor_stays_the_callers),
		TEST(regions_that_lie),
		TEST(regions_do_not_overlap),
		TEST(regions_are_removed_by_address_and_size),
		TEST(every_slot_can_be_used),
		TEST(device_addresses_are_cut_at_the_end_of_a_region),
		TEST(iovas_are_translated),
		TEST(a_translation_is_cut_at_the_end_of_memory),
		TEST(translations_that_cannot_be),
		TEST(invalidation_drops_what_it_touches),
		TEST(a_full_iotlb_forgets_the_oldest),
		TEST(exactly_the_pages_written_are_marked),
		TEST(what_the_log_does_not_cover_is_left_out),
		TEST(nothing_is_marked_while_logging_is_off),
		TEST(a_log_that_is_too_short_replaces_none),
		TEST(marks_are_atomic),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
