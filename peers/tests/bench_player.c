/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the interpreter costs: round trips of GET_FEATURES that vu-frontend plays,
 * against those of a bare loop of sendmsg and recvmsg. This program answers both, a
 * thousand of the one and then a thousand of the other, so that what else is running
 * slows both; the median of the ratios counts. All is on one CPU, where no wake-up
 * across CPUs hides what the calls cost.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/socket.h"

#define ROUNDS 99 /* behind one that warms up */
#define TRIPS 1000
#define ALL ((ROUNDS + 1) * TRIPS)
#define LIMIT 1.15

struct reply {
	struct vu_header head;
	uint64_t features;
} __attribute__((packed));

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Answer @trips requests, or all until the end of the stream: how many there were. */
static int answer(int fd, int trips)
{
	struct reply reply = {
		.head = { VU_GET_FEATURES, VU_FLAG_VERSION | VU_FLAG_REPLY, sizeof(uint64_t) },
	};
	struct vu_header request;
	int n;

	for (n = 0; n < trips; n++) {
		if (recv(fd, &request, sizeof(request), MSG_WAITALL) != sizeof(request) ||
		    send(fd, &reply, sizeof(reply), MSG_NOSIGNAL) != sizeof(reply))
			break;
	}
	return n;
}

static void bare_trips(int fd, const char *unused)
{
	struct vu_header request = { VU_GET_FEATURES, VU_FLAG_VERSION, 0 };
	char control[CMSG_SPACE(8 * sizeof(int))];
	struct reply reply;
	struct iovec out = { &request, sizeof(request) }, in = { &reply, sizeof(reply) };

	(void)unused;
	for (int i = 0; i < ALL; i++) {
		struct msghdr to = { .msg_iov = &out, .msg_iovlen = 1 };
		struct msghdr from = { .msg_iov = &in,
				       .msg_iovlen = 1,
				       .msg_control = control,
				       .msg_controllen = sizeof(control) };

		if (sendmsg(fd, &to, MSG_NOSIGNAL) != sizeof(request))
			die("sendmsg");
		if (recvmsg(fd, &from, MSG_CMSG_CLOEXEC) != sizeof(reply))
			die("recvmsg");
	}
	_exit(0);
}

/* vu-frontend lies beside this program's directory; the scenario comes through a descriptor. */
static void played_trips(int fd, const char *scenario)
{
	char self[PATH_MAX] = "", program[PATH_MAX + 32], number[16];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("/proc/self/exe");
	snprintf(program, sizeof(program), "%s/../bin/vu-frontend", dirname(self));
	snprintf(number, sizeof(number), "%d", fd);
	fcntl(fd, F_SETFD, 0);
	execl(program, program, "--quiet", "--fd", number, scenario, NULL);
	die(program);
}

struct asker {
	int fd; /* to it */
	pid_t child;
	double fastest; /* round, in nanoseconds */
};

static void start(struct asker *asker, void (*ask)(int fd, const char *scenario),
		  const char *scenario)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die("socketpair");
	asker->child = fork();
	if (asker->child < 0)
		die("fork");
	if (asker->child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		ask(pair[1], scenario);
	}
	close(pair[1]);
	asker->fd = pair[0];
	asker->fastest = INFINITY;
}

static double round_time(struct asker *asker)
{
	int64_t begun = vu_now();
	double taken;

	if (answer(asker->fd, TRIPS) < TRIPS)
		die("the stream ended too early");
	taken = (double)(vu_now() - begun);
	if (taken < asker->fastest)
		asker->fastest = taken;
	return taken;
}

static void finish(struct asker *asker)
{
	int status;

	answer(asker->fd, INT_MAX);
	close(asker->fd);
	if (waitpid(asker->child, &status, 0) < 0 || status != 0)
		die("a child failed");
}

static void write_scenario(char path[static 32])
{
	int fd = memfd_create("scenario", 0);

	if (fd < 0)
		die("memfd_create");
	dprintf(fd,
		"title A peer that echoes is asked often\nsubject back-end\n\n"
		"repeat %d\n  -> GET_FEATURES\n  <- GET_FEATURES\nend\n",
		ALL);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		die("sched_setaffinity");
}

static int rising(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

int main(void)
{
	struct asker bare, played;
	double ratios[ROUNDS], ratio;
	char scenario[32];

	stay_on_one_cpu();
	write_scenario(scenario);
	start(&bare, bare_trips, NULL);
	start(&played, played_trips, scenario);
	round_time(&bare);
	round_time(&played);
	for (int i = 0; i < ROUNDS; i++) {
		ratios[i] = round_time(&played);
		ratios[i] /= round_time(&bare);
	}
	finish(&bare);
	finish(&played);
	qsort(ratios, ROUNDS, sizeof(*ratios), rising);
	ratio = ratios[ROUNDS / 2];
	printf("get-features-bare-us %.2f\n", bare.fastest / TRIPS / 1000);
	printf("get-features-played-us %.2f\n", played.fastest / TRIPS / 1000);
	printf("get-features-played-ratio %.2f %.2f%s\n", ratio, LIMIT,
	       ratio > LIMIT ? " OVER" : "");
	return 0;
}
