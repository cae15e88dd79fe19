/* SPDX-License-Identifier: Apache-2.0 */
/* The blk service: requests in any shape, held requests, configuration, state. And runs of segments. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "devices/service.h"

#define SECTOR 512
#define DISK (64 * 1024)
#define NOTHING 0xee
#define GIVEN_MAX 8

struct bench {
	struct vu_service_host host;
	struct vu_service *disk;
	int watched; /* the last descriptor to be watched */
	struct {
		unsigned int ring;
		uint16_t id;
		uint32_t written;
	} given[GIVEN_MAX];
	size_t ngiven;
	struct virtio_blk_outhdr head;
	uint8_t data[8 * SECTOR], status;
	struct vu_element el;
};

static int no_take(void *ctx, unsigned int ring, struct vu_element *el)
{
	(void)ctx;
	(void)ring;
	(void)el;
	return -EAGAIN;
}

static void give(void *ctx, unsigned int ring, const struct vu_element *el, uint32_t written)
{
	struct bench *b = ctx;

	assert_true(b->ngiven < GIVEN_MAX);
	b->given[b->ngiven].ring = ring;
	b->given[b->ngiven].id = el->id;
	b->given[b->ngiven++].written = written;
}

static void changed(void *ctx)
{
	(void)ctx;
}

static int watch(void *ctx, int fd)
{
	((struct bench *)ctx)->watched = fd;
	return 0;
}

static void open_disk(struct bench *b, const struct vu_service_options *opt)
{
	char why[80];

	b->host = (struct vu_service_host){ b, no_take, give, changed, watch };
	b->watched = -1;
	b->disk = vu_blk_service.open(opt, &b->host, why, sizeof(why));
	assert_non_null(b->disk);
}

static int setup(void **state)
{
	const struct vu_service_options opt = { .size = DISK, .queues = 2 };
	struct bench *b = calloc(1, sizeof(*b));

	*state = b;
	open_disk(b, &opt);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	vu_blk_service.close(b->disk);
	free(b);
	return 0;
}

static void reopen(struct bench *b, struct vu_service_options opt)
{
	vu_blk_service.close(b->disk);
	opt.size = DISK;
	open_disk(b, &opt);
}

static void add(struct vu_segment *segments, size_t *n, uint64_t *sum, void *host, size_t len)
{
	segments[(*n)++] = (struct vu_segment){ .host = host, .len = (uint32_t)len };
	*sum += len;
}

static void out(struct bench *b, void *host, size_t len)
{
	add(b->el.out, &b->el.nout, &b->el.out_len, host, len);
}

static void in(struct bench *b, void *host, size_t len)
{
	add(b->el.in, &b->el.nin, &b->el.in_len, host, len);
}

/* A request of @type whose @len bytes of data come in two pieces. */
static void request(struct bench *b, uint32_t type, uint64_t sector, size_t len, bool write)
{
	void (*data)(struct bench *, void *, size_t) = write ? out : in;

	memset(&b->el, 0, offsetof(struct vu_element, out));
	b->el.nout = b->el.nin = b->el.out_len = b->el.in_len = 0;
	b->head = (struct virtio_blk_outhdr){ .type = htole32(type), .sector = htole64(sector) };
	b->status = NOTHING;
	out(b, &b->head, 9);
	out(b, (uint8_t *)&b->head + 9, sizeof(b->head) - 9);
	if (len) {
		data(b, b->data, len / 3);
		data(b, b->data + len / 3, len - len / 3);
	}
	in(b, &b->status, 1);
}

static uint8_t served(struct bench *b)
{
	uint32_t written = 0;

	assert_int_equal(vu_blk_service.serve(b->disk, 0, &b->el, true, &written), 0);
	assert_int_equal(written, b->el.in_len);
	return b->status;
}

static uint8_t do_write(struct bench *b, uint64_t sector, size_t len, uint8_t value)
{
	memset(b->data, value, sizeof(b->data));
	request(b, VIRTIO_BLK_T_OUT, sector, len, true);
	return served(b);
}

static uint8_t do_read(struct bench *b, uint64_t sector, size_t len)
{
	memset(b->data, NOTHING, sizeof(b->data));
	request(b, VIRTIO_BLK_T_IN, sector, len, false);
	return served(b);
}

static void what_is_written_is_read(void **state)
{
	struct bench *b = *state;

	assert_int_equal(do_write(b, 3, 4 * SECTOR, 0x5a), VIRTIO_BLK_S_OK);
	assert_int_equal(do_read(b, 2, 6 * SECTOR), VIRTIO_BLK_S_OK);
	assert_int_equal(b->data[SECTOR - 1], 0);
	assert_int_equal(b->data[SECTOR], 0x5a);
	assert_int_equal(b->data[5 * SECTOR - 1], 0x5a);
	assert_int_equal(b->data[5 * SECTOR], 0);
}

static void nothing_lies_beyond_the_end(void **state)
{
	struct bench *b = *state;

	assert_int_equal(do_read(b, DISK / SECTOR - 1, SECTOR), VIRTIO_BLK_S_OK);
	assert_int_equal(do_read(b, DISK / SECTOR - 1, 2 * SECTOR), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(b, UINT64_MAX, SECTOR), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_write(b, UINT64_MAX / SECTOR, SECTOR, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(b, 0, SECTOR + 1), VIRTIO_BLK_S_IOERR);
}

static void other_requests(void **state)
{
	struct bench *b = *state;

	request(b, VIRTIO_BLK_T_FLUSH, 0, 0, false);
	assert_int_equal(served(b), VIRTIO_BLK_S_OK);
	request(b, VIRTIO_BLK_T_GET_ID, 0, VIRTIO_BLK_ID_BYTES, false);
	assert_int_equal(served(b), VIRTIO_BLK_S_OK);
	assert_string_equal((char *)b->data, "vu-backend");
	request(b, 77, 0, SECTOR, false);
	assert_int_equal(served(b), VIRTIO_BLK_S_UNSUPP);
}

static void requests_that_lack_something(void **state)
{
	struct bench *b = *state;
	uint32_t written = 1;

	request(b, VIRTIO_BLK_T_IN, 0, 0, false);
	b->el.out_len -= b->el.out[--b->el.nout].len;
	assert_int_equal(served(b), VIRTIO_BLK_S_IOERR);
	request(b, VIRTIO_BLK_T_OUT, 0, SECTOR, true);
	b->el.nin = b->el.in_len = 0;
	assert_int_equal(vu_blk_service.serve(b->disk, 0, &b->el, true, &written), 0);
	assert_int_equal(written, 0);
}

static void a_disk_that_is_only_read(void **state)
{
	struct bench *b = *state;

	reopen(b, (struct vu_service_options){ .read_only = true, .queues = 1 });
	assert_int_equal(do_write(b, 0, SECTOR, 1), VIRTIO_BLK_S_IOERR);
	assert_int_equal(do_read(b, 0, SECTOR), VIRTIO_BLK_S_OK);
}

static void hold(struct bench *b, unsigned int ring, uint16_t id)
{
	uint32_t written;

	request(b, VIRTIO_BLK_T_FLUSH, 0, 0, false);
	b->el.id = id;
	assert_int_equal(vu_blk_service.serve(b->disk, ring, &b->el, true, &written), -EINPROGRESS);
}

static void held_requests_come_back_in_order(void **state)
{
	struct bench *b = *state;

	reopen(b, (struct vu_service_options){ .latency_us = 1000000, .queues = 2 });
	hold(b, 0, 1);
	hold(b, 1, 2);
	hold(b, 0, 3);
	assert_int_equal(b->ngiven, 0);
	vu_blk_service.drain(b->disk, 0);
	assert_int_equal(b->ngiven, 2);
	assert_int_equal(b->given[0].id, 1);
	assert_int_equal(b->given[1].id, 3);
	vu_blk_service.drain(b->disk, VU_ALL_RINGS);
	assert_int_equal(b->ngiven, 3);
	assert_int_equal(b->given[2].ring, 1);
}

static void abandoned_requests_do_not_come_back(void **state)
{
	struct bench *b = *state;

	reopen(b, (struct vu_service_options){ .latency_us = 1000000, .queues = 2 });
	hold(b, 0, 1);
	hold(b, 1, 2);
	vu_blk_service.abandon(b->disk, 1);
	hold(b, 1, 3);
	vu_blk_service.drain(b->disk, VU_ALL_RINGS);
	assert_int_equal(b->ngiven, 2);
	assert_int_equal(b->given[0].id, 1);
	assert_int_equal(b->given[1].id, 3);
}

static void the_timer_brings_them_back(void **state)
{
	struct bench *b = *state;

	reopen(b, (struct vu_service_options){ .latency_us = 1, .queues = 1 });
	hold(b, 0, 1);
	while (!b->ngiven)
		vu_blk_service.ready(b->disk, VU_ALL_RINGS, b->watched);
	assert_int_equal(b->given[0].id, 1);
}

static int set(struct bench *b, size_t offset, uint32_t size, uint64_t value, bool migration)
{
	uint8_t bytes[sizeof(value)];

	memcpy(bytes, &value, sizeof(value));
	return vu_blk_service.set_config(b->disk, (uint32_t)offset, size, bytes, migration);
}

static struct virtio_blk_config config_of(const struct bench *b)
{
	struct virtio_blk_config c;

	assert_int_equal(vu_blk_service.config_size(b->disk), sizeof(c));
	vu_blk_service.config(b->disk, (uint8_t *)&c);
	return c;
}

static void only_the_cache_mode_is_written(void **state)
{
	struct bench *b = *state;
	const size_t wce = offsetof(struct virtio_blk_config, wce);

	assert_int_equal(le64toh(config_of(b).capacity), DISK / SECTOR);
	assert_int_equal(set(b, 0, 8, 1, false), -EACCES);
	assert_int_equal(set(b, wce, 2, 0, false), -EACCES);
	assert_int_equal(set(b, wce, 1, 2, false), -ERANGE);
	assert_int_equal(set(b, wce, 1, 0, false), 0);
	assert_int_equal(config_of(b).wce, 0);
	assert_int_equal(set(b, 0, 8, 1, true), -EACCES);
	assert_int_equal(set(b, 0, 8, htole64(DISK / SECTOR), true), 0);
	assert_int_equal(set(b, wce, 1, 1, true), 0);
	assert_int_equal(config_of(b).wce, 1);
}

static void state_moves_to_another_disk(void **state)
{
	struct bench *b = *state;
	uint8_t *bytes;
	size_t len;

	do_write(b, 5, SECTOR, 0x77);
	set(b, offsetof(struct virtio_blk_config, wce), 1, 0, false);
	assert_int_equal(vu_blk_service.save(b->disk, &bytes, &len), 0);
	reopen(b, (struct vu_service_options){ .queues = 1 });
	assert_int_equal(vu_blk_service.load(b->disk, bytes, len - 1), -EINVAL);
	assert_int_equal(vu_blk_service.load(b->disk, bytes, 3), -EINVAL);
	assert_int_equal(config_of(b).wce, 1);
	assert_int_equal(vu_blk_service.load(b->disk, bytes, len), 0);
	free(bytes);
	assert_int_equal(config_of(b).wce, 0);
	do_read(b, 5, SECTOR);
	assert_int_equal(b->data[0], 0x77);
}

static void segments_are_one_run_of_bytes(void **state)
{
	char a[] = "abc", c[] = "defgh", got[8] = "";
	const struct vu_segment s[] = { { .host = a, .len = 3 }, { .host = c, .len = 5 } };
	struct iovec iov[2];

	(void)state;
	assert_int_equal(vu_segments_read(s, 2, 2, got, 4), 4);
	assert_string_equal(got, "cdef");
	assert_int_equal(vu_segments_read(s, 2, 7, got, 4), 1);
	assert_int_equal(vu_segments_read(s, 2, 8, got, 4), 0);
	assert_int_equal(vu_segments_write(s, 2, 1, "XYZ", 3), 3);
	assert_string_equal(a, "aXY");
	assert_string_equal(c, "Zefgh");
	assert_int_equal(vu_segments_iov(s, 2, 3, 2, iov), 1);
	assert_ptr_equal(iov[0].iov_base, c);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(nothing_lies_beyond_the_end),
		TEST(other_requests),
		TEST(requests_that_lack_something),
		TEST(a_disk_that_is_only_read),
		TEST(held_requests_come_back_in_order),
		TEST(abandoned_requests_do_not_come_back),
		TEST(the_timer_brings_them_back),
		TEST(only_the_cache_mode_is_written),
		TEST(state_moves_to_another_disk),
		cmocka_unit_test(segments_are_one_run_of_bytes),
	};

	return cmocka_run_group_tests_name("blk service", tests, NULL, NULL);
}
