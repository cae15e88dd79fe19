/* SPDX-License-Identifier: Apache-2.0 */
/* The stage: a process that stays, plays what it is asked for, and tells how that ended. */
#include "play/stage.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX 65536
#define WORDS_MAX 256

enum { OUTPUT, ERRORS, DESCRIPTORS };

struct request {
	char text[REQUEST_MAX], *words[WORDS_MAX + 1];
	int nwords, fds[DESCRIPTORS];
};

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
static bool receive(int socket, struct request *r)
{
	char control[CMSG_SPACE(sizeof(r->fds))];
	struct iovec part = { .iov_base = r->text, .iov_len = sizeof(r->text) };
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t len = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);

	return len > 0 && !(msg.msg_flags & MSG_TRUNC) && take_fds(r, &msg) &&
	       split(r, (size_t)len);
}

/* ---- runs ---- */

static void print_to(int output, int errors)
{
	fflush(stdout);
	fflush(stderr);
	dup2(output, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
}

static int32_t act(struct request *r, int nowhere, stage_main *play)
{
	int32_t status;

	print_to(r->fds[OUTPUT], r->fds[ERRORS]);
	close(r->fds[OUTPUT]);
	close(r->fds[ERRORS]);
	optind = 0; /* glibc's way to begin anew */
	status = play(r->nwords, r->words);
	print_to(nowhere, nowhere);
	return status;
}

/* A signal that came to a run and that it left pending ends the stage, once that run's end was told. */
static bool serve(int socket, int nowhere, struct request *r, stage_main *play)
{
	sigset_t before;
	int32_t status;

	if (!receive(socket, r))
		return false;
	sigprocmask(SIG_SETMASK, NULL, &before);
	status = act(r, nowhere, play);
	if (send(socket, &status, sizeof(status), MSG_NOSIGNAL) != sizeof(status))
		return false;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return true;
}

int stage(int argc, char **argv, stage_main *play)
{
	struct request *r;
	int socket, nowhere;

	if (argc != 3 || strcmp(argv[1], "--stage") != 0)
		return play(argc, argv);
	socket = atoi(argv[2]);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fcntl(socket, F_SETFD, FD_CLOEXEC);
	r = malloc(sizeof(*r));
	while (r && serve(socket, nowhere, r, play))
		;
	free(r);
	return EXIT_SUCCESS;
}
