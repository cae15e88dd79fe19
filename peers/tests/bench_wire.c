/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library costs: round trips of GET_FEATURES through it, against those of
 * a bare loop of sendmsg and recvmsg. Both talk to the same bare echo process. Rounds
 * of the two alternate and the median round of each counts, so that what else the
 * machine does falls on both.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/socket.h"

#define ROUNDS 41
#define TRIPS 1000

struct reply {
	struct vu_header head;
	uint64_t features;
} __attribute__((packed));

typedef void (*trip_fn)(struct vu_conn *conn);

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void echo(int fd)
{
	struct reply reply = {
		.head = { VU_GET_FEATURES, VU_FLAG_VERSION | VU_FLAG_REPLY, sizeof(uint64_t) },
	};
	struct vu_header request;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (recv(fd, &request, sizeof(request), MSG_WAITALL) == sizeof(request)) {
		if (send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) != sizeof(reply))
			break;
	}
	_exit(0);
}

static void bare_trip(struct vu_conn *conn)
{
	struct vu_header request = { VU_GET_FEATURES, VU_FLAG_VERSION, 0 };
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct reply reply;
	struct iovec out = { &request, sizeof(request) }, in = { &reply, sizeof(reply) };
	struct msghdr to = { .msg_iov = &out, .msg_iovlen = 1 };
	struct msghdr from = {
		.msg_iov = &in,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	if (sendmsg(conn->fd, &to, MSG_NOSIGNAL) != sizeof(request))
		die("sendmsg");
	if (recvmsg(conn->fd, &from, MSG_CMSG_CLOEXEC) != sizeof(reply) ||
	    reply.head.request != VU_GET_FEATURES)
		die("recvmsg");
}

static void library_trip(struct vu_conn *conn)
{
	int64_t deadline = vu_deadline_in(5 * VU_NSEC_PER_SEC);
	struct vu_message msg;

	vu_message_init(&msg, VU_MAIN, VU_GET_FEATURES);
	if (vu_conn_send(conn, &msg, NULL, deadline) != 0)
		die("vu_conn_send");
	if (vu_conn_recv_until(conn, &msg, deadline) != 0 || msg.request != VU_GET_FEATURES)
		die("vu_conn_recv_until");
}

static int64_t round_time(struct vu_conn *conn, trip_fn trip)
{
	int64_t start = vu_now();

	for (int i = 0; i < TRIPS; i++)
		trip(conn);
	return vu_now() - start;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static double median_trip_us(int64_t *rounds)
{
	qsort(rounds, ROUNDS, sizeof(*rounds), by_value);
	return (double)rounds[ROUNDS / 2] / TRIPS / 1000;
}

/* A connection to an echo process of its own: the bare side wants a blocking socket. */
static pid_t connect_echo(struct vu_conn *conn)
{
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		close(pair[0]);
		echo(pair[1]);
	}
	close(pair[1]);
	vu_conn_init(conn, pair[0], VU_MAIN);
	return child;
}

int main(void)
{
	int64_t bare[ROUNDS], library[ROUNDS];
	struct vu_conn conn, blocking;
	pid_t children[2];
	double a, b;

	children[0] = connect_echo(&conn);
	children[1] = connect_echo(&blocking);
	if (fcntl(blocking.fd, F_SETFL, 0) < 0)
		die("blocking");
	round_time(&blocking, bare_trip);
	round_time(&conn, library_trip);
	for (int i = 0; i < ROUNDS; i++) {
		bare[i] = round_time(&blocking, bare_trip);
		library[i] = round_time(&conn, library_trip);
	}
	vu_conn_close(&conn);
	vu_conn_close(&blocking);
	for (int i = 0; i < 2; i++)
		waitpid(children[i], NULL, 0);
	a = median_trip_us(bare);
	b = median_trip_us(library);
	printf("get-features-bare-us %.2f\nget-features-library-us %.2f\nget-features-ratio %.2f\n",
	       a, b, b / a);
	return 0;
}
