/* SPDX-License-Identifier: Apache-2.0 */
/* The implementation under test as a process: started in a private directory, watched, ended, reaped. */
#ifndef VRINGER_PLAY_SUBJECT_H
#define VRINGER_PLAY_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUBJECT_GRACE 2000000000LL

struct subject_options {
	int64_t grace; /* nanoseconds from SIGTERM to SIGKILL when it is ended */
	const char *
		command; /* shell command with {socket} and {dir}, or NULL: somebody else runs it */
	const char *setup;  /* run first, in the directory, or NULL */
	const char *socket; /* where it listens, if there is no command */
	const char *log;    /* file for its output, or NULL */
	bool connects;      /* the subject connects to us */
	int fd;             /* a connected socket that was inherited, or -1 */
	pid_t pid;          /* of a subject that somebody else runs, or 0 */
	int signals;        /* signalfd whose readability ends every wait, or -1 */
};

struct subject {
	struct subject_options opt;
	char dir[64]; /* private, removed at the end; empty without a command */
	char socket[108];
	pid_t pid;
	int pidfd;         /* readable once the process has ended; -1 unknown */
	int listener;      /* when the subject connects */
	int attention;     /* epoll of pidfd and signals: readable when waiting is over */
	bool ours;         /* we started it and reap it */
	bool exited;       /* ended by itself */
	bool killed;       /* ended because we ended it */
	bool stubborn;     /* had to be killed: it ignored SIGTERM */
	int status;        /* wait status, valid when exited */
	char trouble[200]; /* why it did not start */
};

/** subject_open - make the directory, run set-up. 0 or -errno with `trouble`. */
int subject_open(struct subject *s, const struct subject_options *opt, int64_t deadline);

/** subject_start - start the process (again). 0 or -errno with `trouble`. */
int subject_start(struct subject *s);

/** subject_connect - a connected socket to it, or -errno with `trouble`. */
int subject_connect(struct subject *s, int64_t deadline);

/** subject_check - notice that it has ended. Never blocks. */
void subject_check(struct subject *s);

/** subject_stop - SIGTERM, after its grace SIGKILL; reaps it and all it left behind. */
void subject_stop(struct subject *s);

/** subject_close - stop, remove the directory. Idempotent. */
void subject_close(struct subject *s);

/** subject_run - a shell command with {dir}, {socket} and {pid} replaced, in the directory. Exit status or -errno. */
int subject_run(struct subject *s, const char *command, int64_t deadline);

/** subject_launch - the same, but nobody waits for it; it ends with the subject at the latest. 0 or -errno. */
int subject_launch(struct subject *s, const char *command);

/** subject_open_fds - number of its open descriptors, -1 where /proc does not tell. */
int subject_open_fds(const struct subject *s);

/** subject_maps - number of its mappings; with @dev and @ino only of that file. -1 if unknown. */
int subject_maps(const struct subject *s);
int subject_maps_file(const struct subject *s, int fd);

/** subject_ending - "clean", "closed", "crashed SIGSEGV", "exited 1". */
void subject_ending(const struct subject *s, bool closed, char *buf, size_t size);

#endif
