/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library costs: round trips of GET_FEATURES through it, against those of
 * a bare loop of sendmsg and recvmsg. Each talks to a bare echo process, all on one
 * CPU, where no wake-up across CPUs hides what the calls cost. Rounds of the two
 * alternate and the fastest of each counts: the others tell of what else was running.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/socket.h"

#define ROUNDS 300
#define TRIPS 200

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

static int64_t faster(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		die("sched_setaffinity");
}

/* A connection to an echo process of its own. */
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
	int64_t bare = INT64_MAX, library = INT64_MAX;
	struct vu_conn conn, plain;
	pid_t children[2];

	stay_on_one_cpu();
	children[0] = connect_echo(&conn);
	children[1] = connect_echo(&plain);
	for (int i = 0; i < ROUNDS; i++) {
		bare = faster(bare, round_time(&plain, bare_trip));
		library = faster(library, round_time(&conn, library_trip));
	}
	vu_conn_close(&conn);
	vu_conn_close(&plain);
	for (int i = 0; i < 2; i++)
		waitpid(children[i], NULL, 0);
	printf("get-features-bare-us %.2f\n", (double)bare / TRIPS / 1000);
	printf("get-features-library-us %.2f\n", (double)library / TRIPS / 1000);
	printf("get-features-ratio %.2f\n", (double)library / (double)bare);
	return 0;
}
