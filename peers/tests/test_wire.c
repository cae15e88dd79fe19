/* SPDX-License-Identifier: Apache-2.0 */
/* Messages through sockets: whole, in pieces, forged, hostile; no descriptor is lost or left. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/socket.h"

#define SOON vu_deadline_in(10 * VU_NSEC_PER_SEC)
#define NOW vu_deadline_in(0)

/* Two ends of a connection, and the number of descriptors that were open before there was one. */
struct link {
	struct vu_conn a, b;
	struct vu_message msg;
	size_t open_before;
};

static size_t open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int connect_ends(void **state)
{
	struct link *link = calloc(1, sizeof(*link));
	int pair[2];

	link->open_before = open_fds();
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	vu_conn_init(&link->a, pair[0], VU_MAIN);
	vu_conn_init(&link->b, pair[1], VU_MAIN);
	*state = link;
	return 0;
}

static int close_ends(void **state)
{
	struct link *link = *state;
	size_t left;

	vu_conn_close(&link->a);
	vu_conn_close(&link->b);
	vu_conn_close(&link->b);
	left = open_fds() - link->open_before;
	free(link);
	return left ? -1 : 0;
}

static void send_header(struct link *link, uint32_t request, uint32_t size)
{
	struct vu_header head = { request, VU_FLAG_VERSION, size };

	assert_int_equal(vu_conn_send_bytes(&link->a, &head, sizeof(head), SOON), 0);
}

static void init_u64(struct link *link, uint32_t request, uint64_t value)
{
	vu_message_init(&link->msg, VU_MAIN, request);
	vu_message_set_u64(&link->msg, value);
}

static void assert_receives_u64(struct link *link, uint32_t request, uint64_t expected)
{
	uint64_t value;

	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.request, request);
	assert_true(vu_message_u64(&link->msg, &value));
	assert_true(value == expected);
}

static int null_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* Receiving */

static void a_message_may_come_byte_by_byte(void **state)
{
	struct link *link = *state;
	struct {
		struct vu_header head;
		uint8_t payload[8];
	} wire = { { VU_SET_FEATURES, VU_FLAG_VERSION, 8 }, { 1, 2, 3, 4, 5, 6, 7, 8 } };

	for (size_t i = 0; i < sizeof(wire); i++) {
		assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
		assert_int_equal(vu_conn_send_bytes(&link->a, (uint8_t *)&wire + i, 1, SOON), 0);
	}
	assert_receives_u64(link, VU_SET_FEATURES, UINT64_C(0x0807060504030201));
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
	assert_int_equal(link->b.bytes_in, sizeof(wire));
	assert_int_equal(link->b.messages_in, 1);
}

static void many_messages_at_once_stay_apart(void **state)
{
	struct link *link = *state;

	for (uint64_t i = 0; i < 100; i++) {
		init_u64(link, VU_SET_FEATURES, i);
		assert_int_equal(vu_conn_send(&link->a, &link->msg, NULL, SOON), 0);
		send_header(link, VU_SET_OWNER, 0);
	}
	for (uint64_t i = 0; i < 100; i++) {
		assert_receives_u64(link, VU_SET_FEATURES, i);
		assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
		assert_int_equal(link->msg.request, VU_SET_OWNER);
		assert_int_equal(link->msg.len, 0);
	}
}

static void sizes_are_not_trusted(void **state)
{
	const uint32_t hostile[] = { VU_MESSAGE_PAYLOAD_MAX + 1, INT32_MAX, 0x80000000,
				     UINT32_MAX - VU_HEADER_SIZE + 1, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		void *inner;
		struct link *link;
		struct vu_forge forge = { .set_size = true, .size = hostile[i], .extra_fds = 3 };

		assert_int_equal(connect_ends(&inner), 0);
		link = inner;
		link->b.reply_due = i % 2;
		init_u64(link, VU_SET_FEATURES, i);
		assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
		assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EMSGSIZE);
		assert_int_equal(link->msg.size, hostile[i]);
		assert_int_equal(link->msg.nfds, 0);
		assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EMSGSIZE);
		assert_int_equal(close_ends(&inner), 0);
	}
}

static void the_largest_payload_fits(void **state)
{
	struct link *link = *state;

	vu_message_init(&link->msg, VU_MAIN, 77);
	memset(link->msg.payload, 0xa5, VU_MESSAGE_PAYLOAD_MAX);
	link->msg.len = link->msg.size = VU_MESSAGE_PAYLOAD_MAX;
	assert_int_equal(vu_conn_send(&link->a, &link->msg, NULL, SOON), 0);
	vu_message_init(&link->msg, VU_MAIN, 0);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.len, VU_MESSAGE_PAYLOAD_MAX);
	assert_int_equal(link->msg.payload[VU_MESSAGE_PAYLOAD_MAX - 1], 0xa5);
	assert_string_equal(vu_message_name(&link->msg), "unknown");
}

static void the_end_of_the_stream_is_told_apart(void **state)
{
	const size_t cuts[] = { 0, 1, VU_HEADER_SIZE - 1, VU_HEADER_SIZE, VU_HEADER_SIZE + 7 };

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(*cuts); i++) {
		struct vu_forge forge = { .truncate = true, .bytes = cuts[i] };
		struct link *link;
		void *inner;

		assert_int_equal(connect_ends(&inner), 0);
		link = inner;
		init_u64(link, VU_SET_FEATURES, 1);
		assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
		vu_conn_close(&link->a);
		assert_int_equal(vu_conn_recv(&link->b, &link->msg), cuts[i] ? -EBADMSG : -EPIPE);
		assert_true(link->b.eof);
		assert_int_equal(vu_conn_recv_until(&link->b, &link->msg, SOON),
				 cuts[i] ? -EBADMSG : -EPIPE);
		assert_int_equal(close_ends(&inner), 0);
	}
}

static void a_reset_is_told(void **state)
{
	struct link *link = *state;

	send_header(link, VU_GET_FEATURES, 0);
	vu_conn_close(&link->b); /* with the request unread */
	assert_int_equal(vu_conn_recv(&link->a, &link->msg), -ECONNRESET);
	init_u64(link, VU_SET_FEATURES, 1);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, NULL, SOON), -EPIPE);
}

static void a_wait_ends_at_its_deadline(void **state)
{
	struct link *link = *state;
	int64_t start = vu_now();

	assert_int_equal(vu_conn_recv_until(&link->b, &link->msg, start), -ETIMEDOUT);
	assert_int_equal(vu_conn_recv_until(&link->b, &link->msg, start + 30 * VU_NSEC_PER_MSEC),
			 -ETIMEDOUT);
	assert_true(vu_now() >= start + 30 * VU_NSEC_PER_MSEC);

	/* What is here already is given out even if the deadline is over. */
	send_header(link, VU_GET_FEATURES, 0);
	assert_int_equal(vu_conn_recv_until(&link->b, &link->msg, start), 0);

	/* A message that never ends is no reason to wait longer. */
	send_header(link, VU_GET_FEATURES, 8);
	assert_int_equal(
		vu_conn_recv_until(&link->b, &link->msg, vu_deadline_in(3 * VU_NSEC_PER_MSEC)),
		-ETIMEDOUT);
}

/* Descriptors */

static void descriptors_arrive_with_their_message(void **state)
{
	struct link *link = *state;
	int fd = null_fd();

	for (uint64_t i = 0; i < 6; i++) {
		init_u64(link, VU_SET_VRING_KICK, i);
		if (i % 2)
			assert_int_equal(vu_message_add_fd(&link->msg, fd), 0);
		assert_int_equal(vu_conn_send(&link->a, &link->msg, NULL, SOON), 0);
	}
	close(fd);
	for (uint64_t i = 0; i < 6; i++) {
		assert_receives_u64(link, VU_SET_VRING_KICK, i);
		assert_int_equal(link->msg.nfds, i % 2);
		fd = vu_message_take_fd(&link->msg, 0);
		assert_int_equal(fd >= 0, i % 2);
		assert_int_equal(vu_message_take_fd(&link->msg, 0), -1);
		if (fd >= 0) {
			assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			close(fd);
		}
		vu_message_close_fds(&link->msg);
	}
}

/*
 * The reader is told that a reply with a payload is due, and an empty one comes,
 * followed by a message with descriptors: one read sees the seam between the two.
 */
static void reading_ahead_keeps_descriptors_with_their_message(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .extra_fds = 2 };

	vu_message_init(&link->msg, VU_MAIN, VU_GET_FEATURES);
	assert_int_equal(vu_conn_send(&link->b, &link->msg, NULL, SOON), 0);
	assert_true(link->b.reply_due);
	send_header(link, VU_GET_FEATURES, 0);
	init_u64(link, VU_SET_LOG_FD, 42);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
	send_header(link, VU_SET_OWNER, 0);

	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.request, VU_GET_FEATURES);
	assert_int_equal(link->msg.nfds, 0);
	assert_int_equal(link->b.have, 8);
	assert_receives_u64(link, VU_SET_LOG_FD, 42);
	assert_int_equal(link->msg.nfds, 2);
	vu_message_close_fds(&link->msg);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.request, VU_SET_OWNER);
}

/* As before, but the reply came in two pieces, and its own descriptor with the first. */
static void descriptors_on_both_sides_of_the_seam_stay_apart(void **state)
{
	struct link *link = *state;
	struct vu_header head = { VU_GET_FEATURES, VU_FLAG_VERSION, 0 };
	struct vu_forge begin = { .truncate = true, .bytes = 5, .extra_fds = 1 };
	struct vu_forge with_two = { .extra_fds = 2 };
	int first;

	vu_message_init(&link->msg, VU_MAIN, VU_GET_FEATURES);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &begin, SOON), 0);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
	assert_int_equal(vu_conn_send_bytes(&link->a, (uint8_t *)&head + 5, sizeof(head) - 5, SOON),
			 0);
	init_u64(link, VU_SET_LOG_FD, 42);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &with_two, SOON), 0);

	link->b.reply_due = true;
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.nfds, 1);
	first = vu_message_take_fd(&link->msg, 0);
	assert_receives_u64(link, VU_SET_LOG_FD, 42);
	assert_int_equal(link->msg.nfds, 2);
	assert_int_not_equal(link->msg.fds[0], first);
	vu_message_close_fds(&link->msg);
	close(first);
}

static void descriptors_of_what_was_read_ahead_are_closed(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .extra_fds = 2, .truncate = true, .bytes = 5 };

	link->b.reply_due = true;
	send_header(link, VU_GET_FEATURES, 0);
	vu_message_init(&link->msg, VU_MAIN, VU_SET_LOG_FD);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.nfds, 0);
	vu_conn_close(&link->a);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EBADMSG);
}

static void a_thousand_descriptors_do_no_harm(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .extra_fds = 1000 };

	init_u64(link, VU_SET_FEATURES, 9);
	assert_int_equal(vu_message_add_fd(&link->msg, null_fd()), 0);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
	vu_message_close_fds(&link->msg);
	assert_receives_u64(link, VU_SET_FEATURES, 9);
	assert_int_equal(link->msg.nfds, VU_MESSAGE_FDS_MAX);
	assert_int_equal(link->msg.fds_dropped, 1001 - VU_MESSAGE_FDS_MAX);
	vu_message_close_fds(&link->msg);

	init_u64(link, VU_SET_FEATURES, 10);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, NULL, SOON), 0);
	assert_receives_u64(link, VU_SET_FEATURES, 10);
	assert_int_equal(link->msg.fds_dropped, 0);

	/* More than the bytes could carry are not sent in part. */
	forge.truncate = true;
	forge.bytes = 3;
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), -EINVAL);
}

/* There the limit is valgrind's own, and the kernel installs what it likes. */
static bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static void descriptors_beyond_the_limit_of_the_process_are_counted(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .extra_fds = 8 };
	struct rlimit before, tight;

	if (under_valgrind())
		skip();
	init_u64(link, VU_SET_FEATURES, 9);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	tight = before;
	tight.rlim_cur = null_fd();
	close((int)tight.rlim_cur);
	tight.rlim_cur += 2;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(link->msg.nfds, 2);
	assert_int_equal(link->msg.fds_dropped, 1);
	vu_message_close_fds(&link->msg);
}

static void a_message_has_room_for_so_many_descriptors(void **state)
{
	struct vu_message msg;

	(void)state;
	vu_message_init(&msg, VU_MAIN, VU_SET_MEM_TABLE);
	for (size_t i = 0; i < VU_MESSAGE_FDS_MAX; i++)
		assert_int_equal(vu_message_add_fd(&msg, -1), 0);
	assert_int_equal(vu_message_add_fd(&msg, -1), -ENOSPC);
	assert_int_equal(vu_message_take_fd(&msg, VU_MESSAGE_FDS_MAX), -1);
	vu_message_close_fds(&msg);
}

/* Forging */

static void header_words_can_be_forged(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = {
		.set_request = true,
		.request = 99,
		.set_flags = true,
		.flags = 0xdeadbeef,
		.set_size = true,
		.size = 3,
	};

	init_u64(link, VU_SET_FEATURES, UINT64_C(0x1122334455667788));
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), 0);
	assert_int_equal(link->msg.request, 99);
	assert_int_equal(link->msg.flags, 0xdeadbeef);
	assert_int_equal(link->msg.size, 3);
	assert_int_equal(link->msg.len, 3);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
	assert_int_equal(link->b.have, 5);
}

static void a_piece_waits_until_the_one_before_was_taken(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .nsplits = 2, .splits = { 4, 14 }, .extra_fds = 2 };

	init_u64(link, VU_SET_FEATURES, 7);
	assert_int_equal(
		vu_conn_send(&link->a, &link->msg, &forge, vu_deadline_in(2 * VU_NSEC_PER_MSEC)),
		-ETIMEDOUT);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
	assert_int_equal(link->b.have, 4);
	assert_int_equal(link->b.partial.nfds, 2);

	forge.fds_on_last = true;
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, NOW), -ETIMEDOUT);
	assert_int_equal(vu_conn_recv(&link->b, &link->msg), -EAGAIN);
	assert_int_equal(link->b.have, 8);
	assert_int_equal(link->b.partial.nfds, 2);

	forge.fds_on_last = false;

	forge.splits[1] = 4;
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), -EINVAL);
	forge.nsplits = VU_MAX_SPLITS + 1;
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), -EINVAL);
}

/* Receive in a process of its own, and say in the exit status how it went. */
static pid_t receive_elsewhere(struct link *link, uint64_t expected, size_t nfds)
{
	pid_t child = fork();
	uint64_t value = 0;
	int ret;

	assert_true(child >= 0);
	if (child)
		return child;
	ret = vu_conn_recv_until(&link->b, &link->msg, SOON);
	vu_message_u64(&link->msg, &value);
	_exit(ret || value != expected || link->msg.nfds != nfds);
}

static void assert_succeeds(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void pieces_are_put_together(void **state)
{
	struct link *link = *state;

	for (size_t n = 1; n < 20; n++) {
		struct vu_forge forge = {
			.nsplits = 4,
			.splits = { 0, n, n + 3, 100 }, /* the first and the last cut nothing */
			.extra_fds = 2,
			.fds_on_last = n % 2,
		};
		pid_t child = receive_elsewhere(link, n, 2);

		init_u64(link, VU_SET_FEATURES, n);
		assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), 0);
		assert_succeeds(child);
	}
}

static void a_full_socket_is_waited_for_until_the_deadline(void **state)
{
	struct link *link = *state;
	static const uint8_t bytes[1 << 20];

	assert_int_equal(vu_conn_send_bytes(&link->a, bytes, sizeof(bytes), NOW), -ETIMEDOUT);
	assert_true(link->a.bytes_out > 0);
	assert_true(link->a.bytes_out < sizeof(bytes));
}

static void a_peer_that_hangs_up_ends_the_wait_for_it(void **state)
{
	struct link *link = *state;
	struct vu_forge forge = { .nsplits = 1, .splits = { 4 } };
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		struct pollfd pollfd = { .fd = link->b.fd, .events = POLLIN };

		vu_poll(&pollfd, 1, SOON); /* the first piece is here, and stays unread */
		_exit(0);
	}
	close(link->b.fd);
	link->b.fd = -1;
	init_u64(link, VU_SET_FEATURES, 7);
	assert_int_equal(vu_conn_send(&link->a, &link->msg, &forge, SOON), -EPIPE);
	assert_succeeds(child);
}

#define linked(test) cmocka_unit_test_setup_teardown(test, connect_ends, close_ends)

int main(void)
{
	const struct CMUnitTest tests[] = {
		linked(a_message_may_come_byte_by_byte),
		linked(many_messages_at_once_stay_apart),
		linked(sizes_are_not_trusted),
		linked(the_largest_payload_fits),
		linked(the_end_of_the_stream_is_told_apart),
		linked(a_reset_is_told),
		linked(a_wait_ends_at_its_deadline),
		linked(descriptors_arrive_with_their_message),
		linked(reading_ahead_keeps_descriptors_with_their_message),
		linked(descriptors_on_both_sides_of_the_seam_stay_apart),
		linked(descriptors_of_what_was_read_ahead_are_closed),
		linked(a_thousand_descriptors_do_no_harm),
		linked(descriptors_beyond_the_limit_of_the_process_are_counted),
		linked(a_message_has_room_for_so_many_descriptors),
		linked(header_words_can_be_forged),
		linked(a_piece_waits_until_the_one_before_was_taken),
		linked(pieces_are_put_together),
		linked(a_full_socket_is_waited_for_until_the_deadline),
		linked(a_peer_that_hangs_up_ends_the_wait_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
