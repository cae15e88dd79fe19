/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with the elements of a ring, and how the driver is told. */
#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"

#define POLL_MS 1 /* how often a ring is looked at that nobody kicks */

/* ---- whether a ring is served ---- */

/* Between the addresses and their confirmation memory must not be touched. */
static bool memory_usable(const struct backend *be)
{
	return !be->postcopy.ack_due;
}

/*
 * A disabled ring has no effect outside itself. Where that means to drop what is sent it is
 * served all the same; elsewhere requests wait, for to fail them would be an effect.
 */
static bool served(const struct backend *be, const struct ring *ring)
{
	if (quirk(be, QUIRK_DISABLED_SENDS_NOTHING))
		return ring->enabled;
	return ring->enabled || quirk(be, QUIRK_DISABLED_RING_SERVED) ||
	       has_trait(be, VU_SERVICE_DRAINS_DISABLED);
}

static void breakdown(struct backend *be, struct ring *ring)
{
	ring->broken = true;
	backend_complain("ring %u is broken: %s", ring->index, ring->served.trouble);
	if (quirk(be, QUIRK_RING_TROUBLE_CRASH))
		deviation_crash();
	if (quirk(be, QUIRK_ERR_MISSING))
		return;
	if (ring->err >= 0 && !quirk(be, QUIRK_ERR_BY_MESSAGE))
		event_signal(ring->err);
	else
		inband_error(be, ring);
}

/* With the IOMMU the front-end can help; else the address is in no memory. */
static void faulted(struct backend *be, struct ring *ring)
{
	if (be->map.iommu)
		iotlb_fault(be, ring);
	else
		breakdown(be, ring);
}

static bool begin(struct backend *be, struct ring *ring)
{
	uint32_t used = be->odd.used[ring->index];

	inflight_review(be, ring);
	vu_served_set_base(&ring->served, ring_base(be, ring));
	if (quirk(be, QUIRK_USED_INDEX_FROM_BASE) && !ring->served.packed)
		ring->served.last_used = ring->served.last_avail;
	if (quirk(be, QUIRK_USED_INDEX_KEPT) && !ring->served.packed && used)
		ring->served.last_used = (uint16_t)used;
	if (quirk(be, QUIRK_IOTLB_UNNEGOTIATED) && !be->map.iommu) {
		iotlb_fault(be, ring);
		ring->starving = false;
	}
	ring->positioned = true;
	/* an earlier life may have given back what it told nobody of */
	ring->pushed = be->pushed = true;
	if (inflight_attach(be, ring) == 0)
		return true;
	snprintf(ring->served.trouble, sizeof(ring->served.trouble),
		 "its in-flight buffer does not fit");
	breakdown(be, ring);
	return false;
}

static bool locate(struct backend *be, struct ring *ring)
{
	int err;

	ring->served.map = &be->map;
	ring->served.packed = has_feature(be, VU_F_RING_PACKED);
	ring->served.event_idx =
		has_feature(be, VU_F_EVENT_IDX) && !quirk(be, QUIRK_EVENT_IDX_FORGOTTEN);
	err = vu_served_map(&ring->served);
	if (err == -EFAULT)
		faulted(be, ring);
	else if (err)
		breakdown(be, ring);
	ring->mapped = !err;
	return !err;
}

/* Parts of the ring are looked for when they are needed: memory may come after addresses. */
static bool find(struct backend *be, struct ring *ring)
{
	if (!ring->placed || !ring->served.size)
		return false;
	if (!ring->mapped && !locate(be, ring))
		return false;
	return ring->positioned || begin(be, ring);
}

static bool ready(struct backend *be, struct ring *ring)
{
	if (deviation_hinders(be, ring) || ceased(be))
		return false;
	return (ring->started || quirk(be, QUIRK_STOPPED_RING_SERVED)) && !ring->held &&
	       !ring->broken && memory_usable(be) && served(be, ring) && find(be, ring);
}

/* ---- elements ---- */

/* 0, or -EAGAIN when there is nothing to be had (now). */
static int pop(struct backend *be, struct ring *ring, struct vu_element *el)
{
	int err = vu_served_pop(&ring->served, el, NULL, NULL);

	if (err == -EPROTO)
		breakdown(be, ring);
	else if (err == -EFAULT)
		faulted(be, ring);
	if (err)
		return -EAGAIN;
	deviation_taken(be, ring, el);
	return 0;
}

static void push(struct backend *be, struct ring *ring, const struct vu_element *el,
		 uint32_t written)
{
	deviation_overwrite(be, ring->served.log_guest);
	vu_served_push(&ring->served, el, written);
	deviation_done(be, ring, el);
	ring->pushed = be->pushed = be->logged = be->odd.gave = true;
}

static int serve_one(struct backend *be, struct ring *ring)
{
	struct vu_element *el = &be->element;
	uint32_t written = 0;
	int err = pop(be, ring, el);

	if (err)
		return err;
	err = be->ops->serve(be->service, ring->index, el,
			     ring->enabled || quirk(be, QUIRK_DISABLED_RING_SERVED), &written);
	if (err != -EINPROGRESS)
		push(be, ring, el, written);
	return 0;
}

/* Until the ring is empty, or as many as it holds: then others have their turn. */
static bool serve_some(struct backend *be, struct ring *ring)
{
	for (unsigned int i = 0; i < ring->served.size; i++)
		if (serve_one(be, ring))
			return false;
	return true;
}

static bool stalled(const struct ring *ring)
{
	return ring->starving || ring->broken;
}

static void serve_available(struct backend *be, struct ring *ring)
{
	vu_served_want_kick(&ring->served, false);
	if (quirk(be, QUIRK_ONE_REQUEST_A_KICK)) {
		serve_one(be, ring);
		return;
	}
	do {
		ring->again = serve_some(be, ring);
		if (ring->again || stalled(ring))
			return;
	} while (vu_served_want_kick(&ring->served, !ring->polled));
}

void ring_run(struct backend *be, struct ring *ring)
{
	ring->again = false;
	if (!ready(be, ring))
		return;
	if (be->ops->pulls && be->ops->pulls(ring->index)) {
		if (ring->enabled)
			be->ops->ready(be->service, ring->index, -1);
	} else {
		serve_available(be, ring);
	}
	rings_tell(be);
}

void rings_run(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		ring_run(be, &be->rings[i]);
}

void rings_settle(struct backend *be, struct ring *ring)
{
	if (be->ops->drain)
		be->ops->drain(be->service, ring ? ring->index : VU_ALL_RINGS);
}

/* ---- when to look ---- */

void ring_kicked(struct backend *be, struct ring *ring)
{
	int err;

	if (ring->held) { /* what was kicked stays there to be seen */
		backend_unwatch(be, ring->kick);
		return;
	}
	err = ring->kick < 0 ? -EAGAIN : deviation_take(be, ring->kick);
	if (err == -EPIPE)
		backend_unwatch(be, ring->kick);
	if (!err && deviation_starts_by_kick(be))
		ring_start(be, ring);
	if (!err)
		ring_run(be, ring);
}

static bool looked_after(const struct ring *ring)
{
	return ring->started && (ring->polled || ring->doorbell);
}

void rings_turn(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++) {
		struct ring *ring = &be->rings[i];

		if (ring->again || (ring->started && ring->polled) || notifier_rung(ring))
			ring_run(be, ring);
	}
}

int rings_wait_ms(const struct backend *be)
{
	int wait = -1;

	for (unsigned int i = 0; i < be->nrings; i++) {
		if (be->rings[i].again)
			return 0;
		if (looked_after(&be->rings[i]))
			wait = POLL_MS;
	}
	return wait;
}

/* ---- notifications ---- */

/* Until it is said how to call, a call waits. */
static bool callable(const struct backend *be, const struct ring *ring)
{
	return ring->call >= 0 || ring->silent ||
	       (has_protocol(be, VU_PF_INBAND_NOTIFICATIONS) && !draft_shuts_channel(be));
}

static void call(struct backend *be, struct ring *ring)
{
	if (!vu_served_should_call(&ring->served))
		return;
	if (quirk(be, QUIRK_CALL_MISSING))
		return;
	if (quirk(be, QUIRK_INBAND_CALL_UNNEGOTIATED))
		inband_call(be, ring);
	if (quirk(be, QUIRK_CALL_TO_FIRST_RING))
		ring = &be->rings[0];
	if (quirk(be, QUIRK_CALL_SHORT) && write(ring->call, "", 1))
		return;
	if (ring->call >= 0)
		event_signal(ring->call);
	else if (!ring->silent)
		inband_call(be, ring);
}

void rings_tell(struct backend *be)
{
	if (!be->pushed)
		return;
	be->pushed = false;
	for (unsigned int i = 0; i < be->nrings; i++) {
		struct ring *ring = &be->rings[i];

		if (!ring->pushed || !callable(be, ring))
			continue;
		ring->pushed = false;
		call(be, ring);
	}
	log_tell(be);
}

/* ---- what a service may ask for ---- */

static int host_take(void *ctx, unsigned int index, struct vu_element *el)
{
	struct backend *be = ctx;
	struct ring *ring = ring_of(be, index);

	return ring && (ring->enabled || quirk(be, QUIRK_DISABLED_RECEIVES)) && ready(be, ring)
		       ? pop(be, ring, el)
		       : -EAGAIN;
}

static void host_give(void *ctx, unsigned int index, const struct vu_element *el, uint32_t written)
{
	struct backend *be = ctx;

	push(be, &be->rings[index], el, written);
}

static void host_config_changed(void *ctx)
{
	config_changed(ctx);
}

static int host_watch(void *ctx, int fd)
{
	return backend_watch(ctx, fd, EPOLLIN, WATCH_SERVICE, (unsigned int)fd);
}

struct vu_service_host rings_host(struct backend *be)
{
	return (struct vu_service_host){
		.ctx = be,
		.take = host_take,
		.give = host_give,
		.config_changed = host_config_changed,
		.watch = host_watch,
	};
}
