/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory and the dirty log: addresses, limits, and that nothing is left behind. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "memory/log.h"
#include "memory/memory.h"

#define MB (UINT64_C(1) << 20)
#define GUEST UINT64_C(0x40000000)
#define USER UINT64_C(0x7f0000000000)

static int setup(void **state)
{
	struct vu_memory *mem = malloc(sizeof(*mem));

	vu_memory_init(mem);
	*state = mem;
	return 0;
}

static int teardown(void **state)
{
	vu_memory_free(*state);
	free(*state);
	return 0;
}

static void translates_within_a_region(void **state)
{
	struct vu_memory *mem = *state;
	struct vu_region *r = vu_memory_add(mem, "mem0", GUEST, USER, MB, 0);

	assert_non_null(r);
	assert_ptr_equal(vu_memory_host(mem, GUEST, MB), r->host);
	assert_ptr_equal(vu_memory_host(mem, GUEST + 5, 1), r->host + 5);
	assert_null(vu_memory_host(mem, GUEST + 1, MB));
	assert_null(vu_memory_host(mem, GUEST - 1, 1));
	assert_null(vu_memory_host(mem, GUEST + MB, 0));
	assert_true(vu_memory_guest_to_user(mem, GUEST + 7) == USER + 7);
	assert_true(vu_memory_user_to_guest(mem, USER + MB - 1) == GUEST + MB - 1);
	assert_true(vu_memory_guest_to_user(mem, GUEST + MB) == UINT64_MAX);
	assert_true(vu_memory_user_to_guest(mem, USER - 1) == UINT64_MAX);
}

static void lengths_that_wrap_are_outside(void **state)
{
	struct vu_memory *mem = *state;
	struct vu_region *r = vu_memory_add(mem, "top", -MB, USER, MB, 0);

	assert_non_null(r);
	assert_ptr_equal(vu_memory_host(mem, UINT64_MAX, 1), r->host + MB - 1);
	assert_null(vu_memory_host(mem, UINT64_MAX, 2));
	assert_null(vu_memory_host(mem, -MB, UINT64_MAX));
	assert_null(vu_memory_host(mem, 0, 1));
}

static void a_range_across_two_regions_is_outside(void **state)
{
	struct vu_memory *mem = *state;

	assert_non_null(vu_memory_add(mem, "low", GUEST, USER, MB, 0));
	assert_non_null(vu_memory_add(mem, "high", GUEST + MB, USER + MB, MB, 0));
	assert_non_null(vu_memory_host(mem, GUEST + MB - 4, 4));
	assert_non_null(vu_memory_host(mem, GUEST + MB, 4));
	assert_null(vu_memory_host(mem, GUEST + MB - 4, 8));
}

static void refused(struct vu_memory *mem, const char *name, uint64_t size, uint64_t offset,
		    int err)
{
	errno = 0;
	assert_null(vu_memory_add(mem, name, GUEST, USER, size, offset));
	assert_int_equal(errno, err);
}

static void bad_regions_are_refused(void **state)
{
	struct vu_memory *mem = *state;

	assert_non_null(vu_memory_add(mem, "mem0", GUEST, USER, MB, 0));
	refused(mem, "mem0", MB, 0, EEXIST);
	refused(mem, "name-of-16-bytes", MB, 0, ENAMETOOLONG);
	refused(mem, "empty", 0, 0, EINVAL);
	refused(mem, "unaligned", MB, 1, EINVAL);
	refused(mem, "huge", UINT64_MAX, 0, EINVAL);
	refused(mem, "far", MB, UINT64_MAX & ~UINT64_C(4095), EINVAL);
	assert_int_equal(mem->nregions, 1);
	assert_null(vu_memory_find(mem, "empty"));
	assert_ptr_equal(vu_memory_find(mem, "mem0"), &mem->regions[0]);
}

static void as_many_regions_as_there_is_room_for(void **state)
{
	struct vu_memory *mem = *state;
	char name[16];

	for (unsigned int i = 0; i < VU_REGIONS_MAX; i++) {
		snprintf(name, sizeof(name), "mem%u", i);
		assert_non_null(vu_memory_add(mem, name, i * MB, i * MB, 4096, 0));
	}
	refused(mem, "more", 4096, 0, ENOSPC);
	assert_non_null(vu_memory_host(mem, (VU_REGIONS_MAX - 1) * MB, 4096));
}

static void a_shared_region_shows_the_same_bytes(void **state)
{
	struct vu_memory *mem = *state;
	struct vu_region *a = vu_memory_add(mem, "a", GUEST, USER, MB, 8192), *b;
	struct stat st;

	b = vu_memory_add_shared(mem, "b", a, GUEST + MB, USER + MB, 2 * MB, 4096);
	assert_non_null(b);
	assert_int_not_equal(a->fd, b->fd);
	a->host[0] = 0x5a;
	assert_int_equal(b->host[4096], 0x5a);
	assert_int_equal(fstat(a->fd, &st), 0);
	assert_true((uint64_t)st.st_size == 4096 + 2 * MB);
}

static void a_peer_cannot_shrink_it(void **state)
{
	struct vu_region *r = vu_memory_add(*state, "mem0", GUEST, USER, MB, 0);

	assert_int_equal(ftruncate(r->fd, 0), -1);
	assert_int_equal(errno, EPERM);
}

static void allocates_aligned_and_zeroed(void **state)
{
	struct vu_region *r = vu_memory_add(*state, "mem0", GUEST + 8, USER, 8192, 0);
	uint64_t at;

	memset(r->host, 0xff, r->size);
	at = vu_memory_alloc(r, 100, 4096);
	assert_true(at == GUEST + 4096);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(*((uint8_t *)vu_memory_host(*state, at, 100) + i), 0);
	assert_true(vu_memory_alloc(r, 1, 16) == GUEST + 4096 + 112);
	assert_true(vu_memory_alloc(r, 8192, 1) == UINT64_MAX);
	assert_true(vu_memory_alloc(r, UINT64_MAX, 1) == UINT64_MAX);
	assert_true(vu_memory_alloc(r, 1, UINT64_C(1) << 63) == UINT64_MAX);
	assert_true(vu_memory_alloc(r, r->size - r->used, 1) != UINT64_MAX);
	assert_true(vu_memory_alloc(r, 1, 1) == UINT64_MAX);
}

static void checksum_sees_every_byte(void **state)
{
	struct vu_memory *mem = *state;
	struct vu_region *a = vu_memory_add(mem, "a", GUEST, USER, 3 * MB + 5, 4096);
	struct vu_region *b = vu_memory_add(mem, "b", 0, 0, MB, 0);
	uint64_t empty = vu_memory_checksum(mem), one;

	a->host[3 * MB + 4] = 1;
	one = vu_memory_checksum(mem);
	assert_true(one != empty);
	a->host[3 * MB + 4] = 0;
	assert_true(vu_memory_checksum(mem) == empty);
	a->host[8] = 1;
	one = vu_memory_checksum(mem);
	a->host[8] = 0;
	b->host[8] = 1;
	assert_true(vu_memory_checksum(mem) != one && vu_memory_checksum(mem) != empty);
	b->host[8] = 0;
	a->host[16] = 1;
	assert_true(vu_memory_checksum(mem) != one);
}

static void checksum_does_not_fill_holes(void **state)
{
	struct vu_region *r = vu_memory_add(*state, "big", GUEST, USER, 4096 * MB, 0);
	struct stat st;

	assert_non_null(r);
	r->host[r->size - 1] = 7;
	vu_memory_checksum(*state);
	assert_int_equal(fstat(r->fd, &st), 0);
	assert_true(st.st_blocks <= 16);
}

static unsigned int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static unsigned int memfd_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned int count = 0;
	char line[512];

	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "/memfd:") != NULL;
	fclose(maps);
	return count;
}

static void nothing_is_left(void **state)
{
	struct vu_memory *mem = *state;
	unsigned int fds = open_fds();
	struct vu_region *a;
	struct vu_log log;

	assert_int_equal(memfd_mappings(), 0);
	a = vu_memory_add(mem, "a", GUEST, USER, MB, 4096);
	vu_memory_add_shared(mem, "b", a, 0, 0, MB, 0);
	refused(mem, "empty", 0, 0, EINVAL);
	assert_int_equal(vu_log_open(&log, MB, 8), 0);
	assert_int_equal(open_fds(), fds + 3);
	assert_int_equal(memfd_mappings(), 3);
	vu_log_close(&log);
	vu_log_close(&log);
	vu_memory_free(mem);
	vu_memory_free(mem);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(memfd_mappings(), 0);
}

static void failures_leave_nothing(void **state)
{
	struct vu_memory *mem = *state;
	unsigned int fds = open_fds();
	struct vu_log log;

	assert_null(vu_memory_add(mem, "huge", 0, 0, INT64_MAX - 4095, 0));
	assert_true(vu_log_open(&log, UINT64_MAX, 0) < 0);
	vu_log_close(&log);
	assert_int_equal(open_fds(), fds);
	assert_int_equal(mem->nregions, 0);
}

static void log_has_one_bit_a_page(void **state)
{
	struct vu_log log;

	(void)state;
	assert_int_equal(vu_log_open(&log, 100 * 4096 + 1, 16), 0);
	assert_int_equal(log.size, 16);
	assert_int_equal(vu_log_count(&log), 0);
	log.map[16 + 1] = 0x04;
	assert_true(vu_log_dirty(&log, 10 * 4096));
	assert_true(vu_log_dirty(&log, 11 * 4096 - 1));
	assert_false(vu_log_dirty(&log, 9 * 4096));
	assert_false(vu_log_dirty(&log, 11 * 4096));
	assert_false(vu_log_dirty(&log, 128 * 4096));
	assert_false(vu_log_dirty(&log, UINT64_MAX));
	log.map[16 + 15] = 0x80;
	assert_true(vu_log_dirty(&log, 127 * 4096));
	assert_int_equal(vu_log_count(&log), 2);
	vu_log_clear(&log);
	assert_int_equal(vu_log_count(&log), 0);
	assert_true(vu_log_guard_intact(&log));
	vu_log_close(&log);
}

static void log_guard_sees_writes_around(void **state)
{
	struct vu_log log;
	size_t places[4];

	(void)state;
	assert_int_equal(vu_log_open(&log, MB, 4096), 0);
	places[0] = 0;
	places[1] = log.offset - 1;
	places[2] = log.offset + log.size;
	places[3] = log.map_len - 1;
	for (size_t i = 0; i < 4; i++) {
		log.map[places[i]] ^= 1;
		assert_false(vu_log_guard_intact(&log));
		log.map[places[i]] ^= 1;
		assert_true(vu_log_guard_intact(&log));
	}
	assert_true(log.map_len >= log.offset + log.size + 4096);
	vu_log_close(&log);
	assert_int_equal(vu_log_open(&log, 0, 0), -EINVAL);
	assert_int_equal(vu_log_open(&log, MB, 4), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(translates_within_a_region),
		TEST(lengths_that_wrap_are_outside),
		TEST(a_range_across_two_regions_is_outside),
		TEST(bad_regions_are_refused),
		TEST(as_many_regions_as_there_is_room_for),
		TEST(a_shared_region_shows_the_same_bytes),
		TEST(a_peer_cannot_shrink_it),
		TEST(allocates_aligned_and_zeroed),
		TEST(checksum_sees_every_byte),
		TEST(checksum_does_not_fill_holes),
		TEST(nothing_is_left),
		TEST(failures_leave_nothing),
		TEST(log_has_one_bit_a_page),
		TEST(log_guard_sees_writes_around),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
