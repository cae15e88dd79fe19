/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a subject: directory, set-up, start, connection, end. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "play/subject.h"
#include "wire/socket.h"

#define COMMAND_MAX 4096
#define COMMAND_WORDS 128
#define SHELL_CHARACTERS "#;\"'*?[]&|<>(){}$`^~!\\\n"

static int fail(struct subject *s, int err, const char *what)
{
	snprintf(s->trouble, sizeof(s->trouble), "%s: %s", what, strerror(-err));
	return err;
}

/* ---- commands ---- */

/* Replace {socket}, {dir} and {pid}. -E2BIG when the result does not fit. */
static int expand(const struct subject *s, const char *command, char *out, size_t size)
{
	size_t n = 0;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", s->pid);
	while (*command) {
		const char *value = NULL;
		size_t skip = 1, len = 1;

		if (!strncmp(command, "{socket}", 8)) {
			value = s->socket;
			skip = 8;
		} else if (!strncmp(command, "{dir}", 5)) {
			value = s->dir;
			skip = 5;
		} else if (!strncmp(command, "{pid}", 5)) {
			value = pid;
			skip = 5;
		}
		len = value ? strlen(value) : 1;
		if (n + len >= size)
			return -E2BIG;
		memcpy(out + n, value ? value : command, len);
		n += len;
		command += skip;
	}
	out[n] = '\0';
	return 0;
}

static void redirect(const char *log)
{
	int in = open("/dev/null", O_RDONLY);
	int out = open(log ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0666);

	if (in >= 0)
		dup2(in, STDIN_FILENO);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
	}
}

/* A command that means nothing to a shell but its words needs none. Returns if it is no such command. */
static void exec_words(const char *command)
{
	char line[COMMAND_MAX], *words[COMMAND_WORDS + 1] = { NULL }, **program, *rest;
	size_t n = 0;

	if (command[strcspn(command, SHELL_CHARACTERS)])
		return;
	snprintf(line, sizeof(line), "%s", command);
	for (char *word = strtok_r(line, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (n == COMMAND_WORDS)
			return;
		words[n++] = word;
	}
	program = words + (n && !strcmp(words[0], "exec"));
	if (*program && !strchr(*program, '='))
		execvp(*program, program);
}

/* In the child: no signal blocked, a group of its own, and no life longer than ours. */
__attribute__((noreturn)) static void become(const struct subject *s, pid_t parent,
					     const char *command, bool in_dir)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	redirect(s->opt.log);
	closefrom(3);
	if (in_dir && s->dir[0] && chdir(s->dir))
		_exit(126);
	exec_words(command);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

static pid_t spawn(const struct subject *s, const char *command, bool in_dir)
{
	/*
	 * To copy our memory, only to drop it, would take longer than all that is done to start a program.
	 * What the child does until then touches nothing but its own frames.
	 */
	pid_t parent = getpid();
	pid_t pid = vfork(); /* NOLINT(clang-analyzer-security.insecureAPI.vfork) */

	if (!pid)
		become(s, parent, command, in_dir); /* NOLINT(clang-analyzer-unix.Vfork) */
	return pid;
}

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static bool wait_readable(int fd, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return !vu_poll(&pfd, 1, deadline);
}

int subject_run(struct subject *s, const char *command, int64_t deadline)
{
	char line[COMMAND_MAX];
	int status, fd, err = expand(s, command, line, sizeof(line));
	pid_t pid;

	if (err)
		return err;
	pid = spawn(s, line, true);
	if (pid < 0)
		return -errno;
	fd = pidfd_open(pid);
	if (fd >= 0 && !wait_readable(fd, deadline))
		kill(-pid, SIGKILL);
	if (fd >= 0)
		close(fd);
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int subject_launch(struct subject *s, const char *command)
{
	char line[COMMAND_MAX];
	int err = expand(s, command, line, sizeof(line));

	if (err)
		return err;
	return spawn(s, line, true) < 0 ? -errno : 0;
}

/* ---- opening and starting ---- */

static void attend(struct subject *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= 0)
		epoll_ctl(s->attention, EPOLL_CTL_ADD, fd, &ev);
}

static int make_dir(struct subject *s)
{
	const char *tmp = getenv("TMPDIR");

	/* socket paths are short: a long TMPDIR would not leave room for one */
	if (!tmp || strlen(tmp) > 30)
		tmp = "/tmp";
	/* by its name whoever finds us killed can tell that it was ours */
	snprintf(s->dir, sizeof(s->dir), "%s/vringer-%d-XXXXXX", tmp, getpid());
	if (mkdtemp(s->dir))
		return 0;
	s->dir[0] = '\0';
	return fail(s, -errno, "making a private directory");
}

int subject_open(struct subject *s, const struct subject_options *opt, int64_t deadline)
{
	int err;

	memset(s, 0, sizeof(*s));
	s->opt = *opt;
	s->pidfd = s->listener = -1;
	s->attention = epoll_create1(EPOLL_CLOEXEC);
	attend(s, opt->signals);
	if (opt->socket)
		snprintf(s->socket, sizeof(s->socket), "%s", opt->socket);
	if (!opt->command) {
		s->pid = opt->pid;
		s->pidfd = opt->pid ? pidfd_open(opt->pid) : -1;
		attend(s, s->pidfd);
	} else {
		err = make_dir(s);
		if (err)
			return err;
		if (!opt->socket)
			snprintf(s->socket, sizeof(s->socket), "%s/socket", s->dir);
	}
	if (opt->setup && s->dir[0]) {
		err = subject_run(s, opt->setup, deadline);
		if (err) {
			snprintf(s->trouble, sizeof(s->trouble),
				 "set-up failed with status %d: %.100s", err, opt->setup);
			return -ECANCELED;
		}
	}
	if (!opt->connects)
		return 0;
	s->listener = vu_listen(s->socket);
	return s->listener < 0 ? fail(s, s->listener, s->socket) : 0;
}

/* An earlier process may have come back before it was ended; its connection is dead. */
static void drop_old_connections(const struct subject *s)
{
	int fd;

	while (s->listener >= 0 && (fd = vu_accept(s->listener, vu_now(), -1)) >= 0)
		close(fd);
}

/* A connection that an earlier process made and nobody took is not this one's. */
static void empty_backlog(const struct subject *s)
{
	int fd;

	while (s->listener >= 0 && (fd = vu_accept(s->listener, 0, -1)) >= 0)
		close(fd);
}

int subject_start(struct subject *s)
{
	char line[COMMAND_MAX];
	int err;

	if (!s->opt.command)
		return 0;
	snprintf(line, sizeof(line), "exec ");
	err = expand(s, s->opt.command, line + 5, sizeof(line) - 5);
	if (err)
		return fail(s, err, "the command");
	if (!s->opt.connects)
		unlink(s->socket);
	drop_old_connections(s);
	empty_backlog(s);
	s->exited = s->killed = false;
	s->pid = spawn(s, line, false);
	if (s->pid < 0)
		return fail(s, -errno, "fork");
	setpgid(s->pid, s->pid);
	s->ours = true;
	s->pidfd = pidfd_open(s->pid);
	attend(s, s->pidfd);
	return s->pidfd < 0 ? fail(s, -errno, "pidfd_open") : 0;
}

static void explain_exit(struct subject *s)
{
	subject_check(s);
	if (s->exited && WIFEXITED(s->status) && WEXITSTATUS(s->status) == 127)
		snprintf(s->trouble, sizeof(s->trouble),
			 "the command was not found; is it installed?");
	else if (s->exited && WIFEXITED(s->status))
		snprintf(s->trouble, sizeof(s->trouble),
			 "the subject exited with status %d before it took a connection",
			 WEXITSTATUS(s->status));
	else if (s->exited)
		snprintf(s->trouble, sizeof(s->trouble),
			 "the subject was ended by SIG%s before it took a connection",
			 sigabbrev_np(WTERMSIG(s->status)));
}

int subject_connect(struct subject *s, int64_t deadline)
{
	int fd;

	s->trouble[0] = '\0';
	if (s->opt.fd >= 0) {
		fd = s->opt.fd;
		s->opt.fd = -1;
		return fd;
	}
	fd = s->listener >= 0 ? vu_accept(s->listener, deadline, s->attention)
			      : vu_connect(s->socket, deadline, s->attention);
	if (fd == -ETIMEDOUT)
		snprintf(s->trouble, sizeof(s->trouble), "the subject %s in time at %s",
			 s->listener >= 0 ? "did not connect" : "did not listen", s->socket);
	else if (fd == -ECHILD) {
		snprintf(s->trouble, sizeof(s->trouble), "interrupted");
		explain_exit(s);
	}
	if (fd < 0 && !s->trouble[0])
		fail(s, fd, s->socket);
	return fd;
}

/* ---- ending ---- */

void subject_check(struct subject *s)
{
	if (!s->ours || s->exited || s->pid <= 0)
		return;
	if (waitpid(s->pid, &s->status, WNOHANG) == s->pid)
		s->exited = true;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Processes that the subject left behind are ours now (we are their subreaper): end them all. */
static void reap_strays(void)
{
	char path[64];
	FILE *f;
	long pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	f = fopen(path, "re");
	if (!f)
		return;
	while (fscanf(f, "%ld", &pid) == 1) {
		kill((pid_t)pid, SIGKILL);
		waitpid((pid_t)pid, NULL, 0);
	}
	fclose(f);
}

void subject_stop(struct subject *s)
{
	subject_check(s);
	if (s->ours && !s->exited) {
		s->killed = true;
		kill(-s->pid, SIGTERM);
		if (!wait_readable(s->pidfd, vu_deadline_in(s->opt.grace))) {
			s->stubborn = true;
			kill(-s->pid, SIGKILL);
		}
		waitpid(s->pid, &s->status, 0);
	}
	if (s->ours) {
		kill(-s->pid, SIGKILL);
		reap_strays();
	}
	close_fd(&s->pidfd);
	s->ours = false;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) && errno != ENOENT;
}

void subject_close(struct subject *s)
{
	subject_stop(s);
	close_fd(&s->listener);
	close_fd(&s->attention);
	if (s->dir[0])
		nftw(s->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	s->dir[0] = '\0';
}

void subject_ending(const struct subject *s, bool closed, char *buf, size_t size)
{
	bool ended =
		s->exited || (s->killed && WIFSIGNALED(s->status) &&
			      WTERMSIG(s->status) != SIGTERM && WTERMSIG(s->status) != SIGKILL);

	if (!ended)
		snprintf(buf, size, "%s", closed ? "closed" : "clean");
	else if (WIFSIGNALED(s->status))
		snprintf(buf, size, "crashed SIG%s", sigabbrev_np(WTERMSIG(s->status)));
	else
		snprintf(buf, size, "exited %d", WEXITSTATUS(s->status));
}
