/* SPDX-License-Identifier: Apache-2.0 */
/* How connections come about: listening, accepting, and connecting to a peer that is still starting. */
#include "socket.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8
#define REFUSED_RECHECK (5 * VU_NSEC_PER_MSEC)

static int address_of(const char *path, struct sockaddr_un *addr)
{
	size_t len = strlen(path);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (len >= sizeof(addr->sun_path))
		return -ENAMETOOLONG;
	memcpy(addr->sun_path, path, len);
	return 0;
}

static int stream_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int try_connect(const struct sockaddr_un *addr)
{
	int fd = stream_socket();

	if (fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0) {
		int ret = -errno;

		close(fd);
		return ret;
	}
	return fd;
}

/* An inotify descriptor that tells when something appears beside @path. */
static int watch_directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;
	int fd, ret;

	snprintf(directory, sizeof(directory), "%.*s", len ? len : 1, len ? path : ".");
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (inotify_add_watch(fd, directory, IN_CREATE | IN_MOVED_TO) >= 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* Wait for @fd, unless @give_up is readable: -ECHILD. */
static int wait_for(int fd, int give_up, int64_t deadline)
{
	struct pollfd fds[] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = give_up, .events = POLLIN },
	};
	int ret = vu_poll(fds, 2, deadline);

	if (ret)
		return ret;
	return fds[0].revents ? 0 : -ECHILD;
}

/*
 * Wait until it is worth to try again. That the socket appears is an event; that
 * its owner goes on from bind to listen, or makes room in a full backlog, is none:
 * there, look again every few milliseconds.
 */
static int wait_for_listener(int watch, int why, int give_up, int64_t deadline)
{
	int64_t recheck = vu_deadline_in(REFUSED_RECHECK);
	int ret;

	if (why == -ENOENT || recheck > deadline)
		recheck = deadline;
	ret = wait_for(watch, give_up, recheck);
	drain(watch);
	if (ret == -ETIMEDOUT && !vu_deadline_passed(deadline))
		return 0;
	return ret;
}

int vu_connect(const char *path, int64_t deadline, int give_up)
{
	struct sockaddr_un addr;
	int ret = address_of(path, &addr);
	int watch;

	if (ret)
		return ret;
	watch = watch_directory_of(path);
	if (watch < 0)
		return watch;
	for (;;) {
		ret = try_connect(&addr);
		if (ret != -ENOENT && ret != -ECONNREFUSED && ret != -EAGAIN)
			break;
		ret = wait_for_listener(watch, ret, give_up, deadline);
		if (ret)
			break;
	}
	close(watch);
	return ret;
}

static void remove_old_socket(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(path);
}

int vu_listen(const char *path)
{
	struct sockaddr_un addr;
	int ret = address_of(path, &addr);
	int fd;

	if (ret)
		return ret;
	fd = stream_socket();
	if (fd < 0)
		return fd;
	remove_old_socket(path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

int vu_accept(int listener, int64_t deadline, int give_up)
{
	for (;;) {
		int ret = wait_for(listener, give_up, deadline);
		int fd;

		if (ret)
			return ret;
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return -errno;
	}
}
