/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of a cable are two datagram sockets, PATH.0 and PATH.1: whoever comes first has the first. */
#include "devices/net_cable.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static int address_of(const char *path, unsigned int end, struct sockaddr_un *addr)
{
	int n = snprintf(addr->sun_path, sizeof(addr->sun_path), "%s.%u", path, end);

	addr->sun_family = AF_UNIX;
	return n < (int)sizeof(addr->sun_path) ? 0 : -ENAMETOOLONG;
}

/* Who ended without unplugging has left its name behind. */
static bool is_abandoned(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
		       errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return refused;
}

static int take_end(int fd, const struct sockaddr_un *addr)
{
	if (is_abandoned(addr))
		unlink(addr->sun_path);
	return bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ? -errno : 0;
}

int vu_cable_plug(struct vu_cable *cable, const char *path)
{
	int err = -EADDRINUSE;

	*cable = (struct vu_cable){ .fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
						 0) };
	if (cable->fd < 0)
		return -errno;
	for (unsigned int end = 0; end < 2 && err == -EADDRINUSE; end++) {
		err = address_of(path, end, &cable->near);
		if (!err)
			err = address_of(path, !end, &cable->far);
		if (!err)
			err = take_end(cable->fd, &cable->near);
	}
	if (!err)
		return 0;
	close(cable->fd);
	cable->fd = -1;
	return err == -EADDRINUSE ? -EBUSY : err;
}

void vu_cable_unplug(struct vu_cable *cable)
{
	if (cable->fd < 0)
		return;
	close(cable->fd);
	cable->fd = -1;
	unlink(cable->near.sun_path);
}

void vu_cable_send(const struct vu_cable *cable, const void *frame, size_t len)
{
	sendto(cable->fd, frame, len, MSG_NOSIGNAL, (const struct sockaddr *)&cable->far,
	       sizeof(cable->far));
}

size_t vu_cable_receive(const struct vu_cable *cable, void *frame, size_t size)
{
	ssize_t n;

	do {
		n = recv(cable->fd, frame, size, MSG_TRUNC);
	} while (n > (ssize_t)size);
	return n > 0 ? (size_t)n : 0;
}
