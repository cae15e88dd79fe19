/* SPDX-License-Identifier: Apache-2.0 */
/* Notifications as messages. They ask for a reply, and nothing here waits for it. */
#include <errno.h>

#include "backend.h"

/* A kick descriptor that was set is preferred to the message. */
int vring_kick(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));

	(void)reply;
	if (!ring)
		return -EINVAL;
	if (quirk(be, QUIRK_INBAND_KICK_STARTS_NONE) && !ring->started)
		return DONE;
	if (ring->kick < 0 && !quirk(be, QUIRK_INBAND_KICK_IGNORED))
		ring_start(be, ring);
	return DONE;
}

static void called(struct backend *be, unsigned int index, struct vu_message *reply)
{
	struct ring *ring = &be->rings[index];
	bool again = ring->recall && ring->started;

	(void)reply;
	ring->calling = ring->recall = false;
	if (again)
		inband_call(be, ring);
}

static int notify(struct backend *be, uint32_t request, struct ring *ring,
		  void (*answered)(struct backend *, unsigned int, struct vu_message *))
{
	struct vu_message msg;

	vu_message_init(&msg, VU_BACKEND, request);
	vu_set(&msg, "index", ring->index);
	return channel_ask(be, &msg, ring->index, answered);
}

/* While one call is unanswered more of them say nothing new: one follows. */
void inband_call(struct backend *be, struct ring *ring)
{
	if (!channel_may(be, VU_BACKEND_VRING_CALL))
		return;
	if (ring->calling)
		ring->recall = true;
	else
		ring->calling = notify(be, VU_BACKEND_VRING_CALL, ring, called) == 0;
}

static void told(struct backend *be, unsigned int index, struct vu_message *reply)
{
	(void)be;
	(void)index;
	(void)reply;
}

void inband_error(struct backend *be, struct ring *ring)
{
	if (channel_may(be, VU_BACKEND_VRING_ERR))
		notify(be, VU_BACKEND_VRING_ERR, ring, told);
}
