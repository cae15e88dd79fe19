/* SPDX-License-Identifier: Apache-2.0 */
/* The state of rings: where they are, started or stopped, enabled or disabled. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"

static void forget(struct ring *ring, unsigned int index)
{
	*ring = (struct ring){
		.index = index, .kick = -1, .call = -1, .err = -1, .doorbell_fd = -1
	};
}

void rings_init(struct backend *be)
{
	for (unsigned int i = 0; i < BACKEND_RINGS; i++)
		forget(&be->rings[i], i);
}

/* The front-end is gone: what was taken of its rings is left as it is. */
void rings_close(struct backend *be)
{
	if (be->ops->abandon)
		be->ops->abandon(be->service, VU_ALL_RINGS);
	for (unsigned int i = 0; i < be->nrings; i++) {
		struct ring *ring = &be->rings[i];

		ring->mapped = false;
		if (quirk(be, QUIRK_RECONNECT_KEEPS_RINGS) && !be->stop)
			continue;
		if (quirk(be, QUIRK_RECONNECT_LEAKS) && ring->kick >= 0)
			dup(ring->kick);
		backend_close_fd(be, &ring->kick);
		backend_close_fd(be, &ring->call);
		backend_close_fd(be, &ring->err);
		notifier_close(ring);
		vu_inflight_detach(&ring->served);
		forget(ring, i);
	}
	be->nstarted = quirk(be, QUIRK_RECONNECT_KEEPS_RINGS) ? be->nstarted : 0;
	be->pushed = be->logged = be->announced = false;
	be->odd = (struct oddities){ .again = true };
}

struct ring *ring_of(struct backend *be, uint64_t index)
{
	if (index >= be->nrings && quirk(be, QUIRK_RING_INDEX_CRASH))
		deviation_crash();
	if (index >= be->nrings && quirk(be, QUIRK_RING_INDEX_HANG))
		deviation_hang();
	return index < be->nrings ? &be->rings[index] : NULL;
}

bool suspended(const struct backend *be)
{
	return be->nstarted == 0;
}

/* ---- starting and stopping ---- */

void ring_start(struct backend *be, struct ring *ring)
{
	if (deviation_keeps_stopped(be, ring))
		return;
	if (!ring->started) {
		be->odd.ran = true;
		be->odd.stopped = false;
		ring->started = true;
		ring->broken = ring->starving = false;
		be->nstarted++;
		channel_resume(be);
	}
	if (!quirk(be, QUIRK_START_SKIPS_AVAILABLE))
		ring_run(be, ring);
}

uint32_t ring_base(const struct backend *be, const struct ring *ring)
{
	if (ring->positioned)
		return vu_served_base(&ring->served);
	if (!ring->based && has_feature(be, VU_F_RING_PACKED))
		return PACKED_START;
	return ring->base;
}

/* Where it stopped is where it starts again unless it is told otherwise. */
void ring_stop(struct backend *be, struct ring *ring)
{
	ring->base = ring_base(be, ring);
	ring->based = true;
	if (ring->positioned)
		be->odd.used[ring->index] = ring->served.last_used | 1u << 16;
	be->odd.stopped |= ring->started;
	ring->positioned = ring->mapped = false;
	ring->polled = ring->again = ring->pushed = ring->calling = ring->recall = false;
	backend_close_fd(be, &ring->kick);
	notifier_close(ring);
	if (ring->started)
		be->nstarted--;
	ring->started = false;
	if (suspended(be))
		be->announced = be->odd.gave = false;
}

void rings_enable_all(struct backend *be, bool enabled)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		be->rings[i].enabled = enabled;
	if (enabled)
		rings_run(be);
}

/* ---- layout ---- */

int set_vring_num(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	uint64_t num = vu_get(msg, "num");

	(void)reply;
	if (!ring || !num || num > VU_QUEUE_SIZE_MAX)
		return -EINVAL;
	if (ring->started)
		return num == ring->served.size ? DONE : -EBUSY;
	ring->served.size = quirk(be, QUIRK_SIZE_IGNORED) ? 256 : (uint16_t)num;
	return DONE;
}

static void place(struct ring *ring, uint64_t desc, uint64_t avail, uint64_t used, bool latched)
{
	struct vu_served *r = &ring->served;

	if (ring->placed && latched)
		return;
	if (ring->placed && r->desc_user == desc && r->avail_user == avail && r->used_user == used)
		return;
	r->desc_user = desc;
	r->avail_user = avail;
	r->used_user = used;
	ring->placed = true;
	ring->mapped = false;
}

/* Without the IOMMU all is known that is needed to tell whether the addresses can be right. */
static bool in_memory(const struct backend *be, const struct vu_message *msg)
{
	return be->map.iommu || !be->map.nregions ||
	       (vu_map_user(&be->map, vu_get(msg, "descriptor"), 1) &&
		vu_map_user(&be->map, vu_get(msg, "available"), 1) &&
		vu_map_user(&be->map, vu_get(msg, "used"), 1));
}

/* Comes for a running ring, too, to turn logging of its used ring on or off. */
int set_vring_addr(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));

	(void)reply;
	if (!ring)
		return -EINVAL;
	if (!in_memory(be, msg) && !deviation_careless(be))
		return -EFAULT;
	ring->served.log_used =
		vu_get(msg, "flags") >> VU_VRING_F_LOG & !quirk(be, QUIRK_LOG_WITHOUT_USED_RING);
	ring->served.log_guest =
		vu_get(msg, quirk(be, QUIRK_LOG_USED_RING_BY_ADDRESS) ? "used" : "log");
	ring->broken |= quirk(be, QUIRK_ADDRESSES_STALL) && ring->started;
	place(ring, vu_get(msg, "descriptor"), vu_get(msg, "available"), vu_get(msg, "used"),
	      quirk(be, QUIRK_ADDRESSES_LATCHED) ||
		      (quirk(be, QUIRK_RESET_KEEPS_ADDRESSES) && be->odd.reset));
	ring_run(be, ring);
	return DONE;
}

/* The word as a whole, however it is divided. */
static uint64_t base_in(const struct vu_message *msg)
{
	uint64_t base = 0;

	vu_field_get(msg, vu_payload_by_name("vring_state"), "num", &base);
	return base;
}

/* Half of the word means something in a split ring, all of it in a packed one. */
static bool base_holds(const struct backend *be, uint64_t base)
{
	return has_feature(be, VU_F_RING_PACKED) || base <= UINT16_MAX;
}

int set_vring_base(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	uint64_t base = base_in(msg);

	(void)reply;
	if (!ring || !base_holds(be, base))
		return -EINVAL;
	if (ring->started)
		return -EBUSY;
	if (quirk(be, QUIRK_BASE_IGNORED))
		return DONE;
	if (quirk(be, QUIRK_PACKED_USED_FORGOTTEN) && has_feature(be, VU_F_RING_PACKED))
		base = (base & UINT16_MAX) | (PACKED_START & ~(uint64_t)UINT16_MAX);
	ring->base = (uint32_t)base;
	ring->based = true;
	return DONE;
}

/* What was taken is completed first, or recorded if that was agreed upon and is possible. */
static void empty(struct backend *be, struct ring *ring)
{
	if (((has_protocol(be, VU_PF_GET_VRING_BASE_INFLIGHT) && ring->served.inflight) ||
	     quirk(be, QUIRK_STOP_LOSES_REQUESTS)) &&
	    be->ops->abandon)
		be->ops->abandon(be->service, ring->index);
	else
		rings_settle(be, ring);
	deviation_emptied(be, ring);
	rings_tell(be);
}

static void stop(struct backend *be, struct ring *ring)
{
	for (unsigned int i = 0; i < be->nrings && quirk(be, QUIRK_STOP_STOPS_ALL); i++)
		ring_stop(be, &be->rings[i]);
	if (!quirk(be, QUIRK_STOP_IGNORED))
		ring_stop(be, ring);
}

int get_vring_base(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));

	if (!ring)
		return -EINVAL;
	while (quirk(be, QUIRK_CHANNEL_DEADLOCK) && be->channel_open &&
	       (be->nasked || ring->starving)) {
		deviation_await(&be->channel, -1);
		channel_receive(be);
	}
	empty(be, ring);
	stop(be, ring);
	if (quirk(be, QUIRK_CHANNEL_MISSED) && be->odd.channelled && !be->channel_open)
		return DONE;
	vu_set(reply, "index", quirk(be, QUIRK_BASE_INDEX_ZERO) ? 0 : ring->index);
	vu_set(reply, "num", deviation_base(be, ring, ring_base(be, ring)));
	return quirk(be, QUIRK_CLOSES_AFTER_STOP) ? -ECONNABORTED : ANSWERED;
}

int set_vring_enable(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	uint64_t num = vu_get(msg, "num");

	(void)reply;
	if (!ring || num > 1)
		return -EINVAL;
	if (quirk(be, QUIRK_ENABLE_LOST_WHILE_STOPPED) && !ring->started)
		return DONE;
	if (quirk(be, QUIRK_DISABLES_ALL) && !num)
		rings_enable_all(be, false);
	ring->enabled = quirk(be, QUIRK_ENABLE_INVERTED) ? !num : num;
	if (quirk(be, QUIRK_ENABLE_STARTS) && num)
		ring_start(be, ring);
	if (!quirk(be, QUIRK_ENABLE_LOSES_KICK))
		ring_run(be, ring);
	return DONE;
}

/* ---- event descriptors ---- */

/* The descriptor of a message, -1 where it says that there is none; false when the two disagree. */
static bool event_of(struct vu_message *msg, int *fd)
{
	if (vu_get(msg, "nofd") == (msg->nfds > 0))
		return false;
	*fd = vu_message_take_fd(msg, 0);
	return true;
}

static void replace(struct backend *be, int *fd, int by)
{
	backend_close_fd(be, fd);
	*fd = by;
}

int set_vring_kick(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	int fd, err;

	(void)reply;
	if (!ring || !event_of(msg, &fd))
		return -EINVAL;
	replace(be, &ring->kick, fd);
	if (quirk(be, QUIRK_KICK_EARLIER_LOST) && fd >= 0)
		event_take(fd);
	if (quirk(be, QUIRK_SUSPEND_ENDS_WITH_KICK))
		be->drafted.ceased = false;
	ring->polled = fd < 0 && !quirk(be, QUIRK_KICK_NONE_IGNORED);
	if (quirk(be, QUIRK_KICK_ENABLES))
		ring->enabled = true;
	if (quirk(be, QUIRK_KICK_DISABLES) && !has_feature(be, VU_F_PROTOCOL_FEATURES))
		ring->enabled = false;
	if (fd >= 0) {
		err = backend_watch(be, fd, EPOLLIN, WATCH_KICK, ring->index);
		if (err) {
			backend_close_fd(be, &ring->kick);
			return err;
		}
	}
	if (!deviation_starts_by_kick(be) || fd < 0)
		ring_start(be, ring);
	return DONE;
}

int set_vring_call(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	int fd;

	(void)reply;
	if (!ring || !event_of(msg, &fd))
		return -EINVAL;
	if (ring->call >= 0 &&
	    quirk(be, fd < 0 ? QUIRK_CALL_NONE_IGNORED : QUIRK_CALL_REPLACED_IGNORED)) {
		backend_close_fd(be, &fd);
		return DONE;
	}
	replace(be, &ring->call, fd);
	if (quirk(be, QUIRK_CALL_REPLACED_LOST) && ring->started)
		backend_close_fd(be, &ring->call);
	ring->silent = ring->call < 0;
	be->pushed |= ring->pushed;
	rings_tell(be);
	return DONE;
}

int set_vring_err(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct ring *ring = ring_of(be, vu_get(msg, "index"));
	int fd;

	(void)reply;
	if (!ring || !event_of(msg, &fd))
		return -EINVAL;
	replace(be, &ring->err, fd);
	ring->broken |= quirk(be, QUIRK_ERR_STALLS) && ring->started;
	return DONE;
}
