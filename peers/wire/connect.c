/* SPDX-License-Identifier: Apache-2.0 */
/* How connections come about: listening, accepting, and connecting to a peer that is still starting. */
#include "socket.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 8
#define RECHECK VU_NSEC_PER_MSEC

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

/* Whether the socket can appear where it is looked for. */
static int find_directory_of(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) + 1 : 0;

	snprintf(directory, sizeof(directory), "%.*s", len ? len : 1, len ? path : ".");
	return access(directory, X_OK) < 0 ? -errno : 0;
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
 * Wait until it is worth to try again. That a socket appears would be an event of inotify,
 * but to close an inotify descriptor takes the kernel as long as a quick peer takes to start.
 * That its owner goes on from bind to listen, or makes room in a full backlog, is none at all.
 */
static int wait_for_listener(int give_up, int64_t deadline)
{
	int64_t recheck = vu_deadline_in(RECHECK);
	int ret = wait_for(-1, give_up, recheck < deadline ? recheck : deadline);

	return ret == -ETIMEDOUT && !vu_deadline_passed(deadline) ? 0 : ret;
}

int vu_connect(const char *path, int64_t deadline, int give_up)
{
	struct sockaddr_un addr;
	int ret = address_of(path, &addr);

	if (!ret)
		ret = find_directory_of(path);
	while (!ret) {
		ret = try_connect(&addr);
		if (ret != -ENOENT && ret != -ECONNREFUSED && ret != -EAGAIN)
			break;
		ret = wait_for_listener(give_up, deadline);
	}
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
