/* SPDX-License-Identifier: Apache-2.0 */
/* The stage: a process that forks for each run that it is asked for, and tells how that ended. */
#include "play/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define WORDS_MAX 256
#define ACTORS 256

enum { OUTPUT, ERRORS, STATUS, DESCRIPTORS };

struct actor {
	pid_t pid;
	int status; /* where to tell it */
};

struct stage {
	int socket, signals;
	struct actor actors[ACTORS];
	size_t nactors;
	stage_main *play;
};

struct request {
	char text[REQUEST_MAX], *words[WORDS_MAX + 1];
	int nwords, fds[DESCRIPTORS];
};

static void tell(int fd, int32_t value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		return; /* nobody listens any more */
}

/* ---- requests ---- */

static bool take_fds(struct request *r, struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(r->fds)))
		return false;
	memcpy(r->fds, CMSG_DATA(c), sizeof(r->fds));
	return true;
}

/* Words of @len bytes of text; the last has to end there. */
static bool split(struct request *r, size_t len)
{
	char *end = r->text + len;

	r->nwords = 0;
	if (!len || end[-1])
		return false;
	for (char *word = r->text; word < end; word += strlen(word) + 1) {
		if (r->nwords == WORDS_MAX)
			return false;
		r->words[r->nwords++] = word;
	}
	r->words[r->nwords] = NULL;
	return true;
}

/* False when there will be no more. Whoever speaks to a stage started it, so that what is malformed ends it too. */
static bool receive(struct stage *s, struct request *r)
{
	char control[CMSG_SPACE(sizeof(r->fds))];
	struct iovec part = { .iov_base = r->text, .iov_len = sizeof(r->text) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(s->socket, &msg, MSG_CMSG_CLOEXEC);

	return len > 0 && !(msg.msg_flags & MSG_TRUNC) && take_fds(r, &msg) &&
	       split(r, (size_t)len);
}

/* ---- actors ---- */

/* In the child: nothing is left of the stage but what was asked for. */
static int act(struct stage *s, struct request *r)
{
	sigset_t none;

	setsid();
	dup2(r->fds[OUTPUT], STDOUT_FILENO);
	dup2(r->fds[ERRORS], STDERR_FILENO);
	closefrom(STDERR_FILENO + 1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	optind = 0; /* glibc's way to begin anew */
	return s->play(r->nwords, r->words);
}

static void begin(struct stage *s, struct request *r)
{
	pid_t pid = s->nactors < ACTORS ? fork() : -1;
	int err = s->nactors < ACTORS ? errno : EAGAIN;

	if (!pid)
		exit(act(s, r));
	tell(r->fds[STATUS], pid < 0 ? -err : pid);
	close(r->fds[OUTPUT]);
	close(r->fds[ERRORS]);
	if (pid < 0)
		close(r->fds[STATUS]);
	else
		s->actors[s->nactors++] = (struct actor){ .pid = pid, .status = r->fds[STATUS] };
}

static void tell_end(struct stage *s, pid_t pid, int status)
{
	for (size_t i = 0; i < s->nactors; i++) {
		if (s->actors[i].pid != pid)
			continue;
		tell(s->actors[i].status, status);
		close(s->actors[i].status);
		s->actors[i] = s->actors[--s->nactors];
		return;
	}
}

static void reap(struct stage *s)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(s->signals, &info, sizeof(info)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		tell_end(s, pid, status);
}

/* ---- the whole ---- */

static int watch_children(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int serve(struct stage *s)
{
	struct pollfd fds[] = { { .fd = s->socket, .events = POLLIN },
				{ .fd = s->signals, .events = POLLIN } };
	struct request *r = malloc(sizeof(*r));
	bool more = r;

	while (more) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents)
			reap(s);
		if (fds[0].revents && (more = receive(s, r)))
			begin(s, r);
	}
	free(r);
	return EXIT_SUCCESS;
}

int stage(int argc, char **argv, stage_main *play)
{
	struct stage s = { .play = play };

	if (argc != 3 || strcmp(argv[1], "--stage") != 0)
		return play(argc, argv);
	s.socket = atoi(argv[2]);
	fcntl(s.socket, F_SETFD, FD_CLOEXEC);
	s.signals = watch_children();
	return serve(&s);
}
