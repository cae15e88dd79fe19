/* SPDX-License-Identifier: Apache-2.0 */
/* A cable between two network devices of different processes: a name that both know, and an end for each. */
#ifndef VRINGER_DEVICES_NET_CABLE_H
#define VRINGER_DEVICES_NET_CABLE_H

#include <stddef.h>
#include <sys/un.h>

struct vu_cable {
	int fd; /* readable when a frame came; -1 without a cable */
	struct sockaddr_un near, far;
};

/** vu_cable_plug - take the end of the cable @path that is free. 0, -EBUSY when both are taken, or -errno. */
int vu_cable_plug(struct vu_cable *cable, const char *path);
void vu_cable_unplug(struct vu_cable *cable);

/** vu_cable_send - a frame to the other end. It is lost when nobody is there, or does not listen. */
void vu_cable_send(const struct vu_cable *cable, const void *frame, size_t len);

/** vu_cable_receive - length of the next frame, 0 when there is none. What is longer than @size is lost. */
size_t vu_cable_receive(const struct vu_cable *cable, void *frame, size_t size);

#endif
