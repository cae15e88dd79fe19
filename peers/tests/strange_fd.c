/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors of every kind that a process can hand to another. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "mutate.h"

/* One of two ends; the other is closed. */
static int orphan(struct chance *c, const int ends[2])
{
	unsigned int kept = (unsigned int)chance_below(c, 2);

	close(ends[!kept]);
	return ends[kept];
}

static int lone_pipe(struct chance *c)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC) ? -1 : orphan(c, ends);
}

static int lone_socket(struct chance *c)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int ends[2];

	return socketpair(AF_UNIX, types[chance_below(c, 3)] | SOCK_CLOEXEC, 0, ends)
		       ? -1
		       : orphan(c, ends);
}

/* Both ends open, one of them reached through the other: nobody reads, nobody hangs up. */
static int full_pipe(struct chance *c)
{
	static const char page[4096];
	char path[32];
	int ends[2], both;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	both = open(path, (chance_one_in(c, 2) ? O_NONBLOCK : 0) | O_RDWR | O_CLOEXEC);
	while (write(ends[1], page, sizeof(page)) > 0)
		continue;
	close(ends[0]);
	close(ends[1]);
	return both;
}

static int event(struct chance *c)
{
	static const unsigned int counts[] = { 0, 1, 0xfffffffe };

	return eventfd(counts[chance_below(c, 3)],
		       EFD_CLOEXEC | (chance_one_in(c, 2) ? EFD_NONBLOCK : 0) |
			       (chance_one_in(c, 4) ? EFD_SEMAPHORE : 0));
}

/* Empty, tiny, with a hole that no memory could fill, or such that it cannot be written. */
static int memory(struct chance *c)
{
	static const off_t sizes[] = { 0, 1, 4095, 4096, 4097, 65536, (off_t)1 << 46 };
	int fd = memfd_create(STRANGE, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, sizes[chance_below(c, 7)]))
		return fd;
	if (chance_one_in(c, 4))
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW);
	return fd;
}

static int file(struct chance *c)
{
	static const struct {
		const char *path;
		int flags;
	} files[] = {
		{ "/dev/null", O_RDWR },
		{ "/dev/null", O_RDONLY },
		{ "/dev/full", O_RDWR },
		{ "/", O_RDONLY | O_DIRECTORY },
		{ "/", O_PATH },
		{ "/proc/self/maps", O_RDONLY },
		{ "/dev/urandom", O_RDONLY },
	};
	uint64_t which = chance_below(c, chance_one_in(c, 50) ? 7 : 6);

	return open(files[which].path, files[which].flags | O_CLOEXEC);
}

static int kernel_object(struct chance *c)
{
	sigset_t none;

	sigemptyset(&none);
	switch (chance_below(c, 5)) {
	case 0:
		return epoll_create1(EPOLL_CLOEXEC);
	case 1:
		return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	case 2:
		return inotify_init1(IN_CLOEXEC);
	case 3:
		return signalfd(-1, &none, SFD_CLOEXEC);
	default:
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	}
}

int strange_fd(struct chance *c)
{
	static int (*const kinds[])(struct chance * c) = {
		lone_pipe, lone_socket, full_pipe, event, memory, file, kernel_object,
	};

	return kinds[chance_below(c, sizeof(kinds) / sizeof(kinds[0]))](c);
}
