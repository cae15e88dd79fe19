/* SPDX-License-Identifier: Apache-2.0 */
/* Event descriptors: eight bytes are one notification, whatever they say. */
#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backend.h"

static bool ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	return poll(&pfd, 1, 0) == 1 && pfd.revents & events;
}

/* The descriptor is shared with the front-end, so that its flags are not ours to set. */
static ssize_t read_at_once(int fd, uint64_t *value)
{
	struct iovec iov = { .iov_base = value, .iov_len = VU_LIMIT_EVENT_WRITE_SIZE };
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	if (n >= 0 || errno != EOPNOTSUPP)
		return n;
	if (ready(fd, POLLIN))
		return read(fd, value, sizeof(*value));
	errno = EAGAIN;
	return -1;
}

int event_take(int fd)
{
	uint64_t value;
	ssize_t n = read_at_once(fd, &value);

	if (n > 0)
		return 0;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? -EAGAIN : -EPIPE;
}

void event_signal(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0 && ready(fd, POLLOUT) && write(fd, &one, sizeof(one)) < 0)
		return;
}
