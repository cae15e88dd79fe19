/* SPDX-License-Identifier: Apache-2.0 */
/* What quirks do where it takes more than a line. */
#include "deviations.h"

#include <endian.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vring/inflight.h"
#include "vring/shared.h"

#define HEADER_SIZE sizeof(struct vu_header)
#define SHORTEST_HEADER 12 /* of a request: that of a network device */
#define LOG_BYTE_SPAN \
	(UINT64_C(8) * VU_LIMIT_LOG_PAGE_SIZE) /* memory that a byte of the log stands for */

void deviation_crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

void deviation_hang(void)
{
	while (true)
		pause();
}

void deviation_await(const struct vu_conn *conn, int ms)
{
	struct pollfd pfd = { .fd = conn->fd, .events = POLLIN };

	poll(&pfd, 1, ms);
}

/* ---- replies ---- */

static void forge_order(struct vu_forge *forge)
{
	forge->set_request = forge->set_flags = forge->set_size = true;
	forge->request = htobe32(forge->request);
	forge->flags = htobe32(forge->flags);
	forge->size = htobe32(forge->size);
}

const struct vu_forge *deviation_forge(const struct backend *be, struct vu_message *reply,
				       struct vu_forge *forge)
{
	if (quirk(be, QUIRK_REPLY_U64_SHORT) && reply->len == sizeof(uint64_t))
		reply->len = reply->size = sizeof(uint32_t);
	*forge = (struct vu_forge){ .request = reply->request,
				    .flags = reply->flags,
				    .size = reply->size };
	if ((forge->set_flags = quirk(be, QUIRK_REPLY_VERSION_0)))
		forge->flags &= ~(uint32_t)VU_FLAG_VERSION_MASK;
	if (quirk(be, QUIRK_REPLY_FLAG_MISSING))
		forge->flags &= ~(uint32_t)VU_FLAG_REPLY;
	forge->set_flags |= quirk(be, QUIRK_REPLY_FLAG_MISSING);
	if ((forge->set_request = quirk(be, QUIRK_REPLY_ID_WRONG)))
		forge->request++;
	if ((forge->set_size = quirk(be, QUIRK_REPLY_SIZE_WITH_HEADER)))
		forge->size += HEADER_SIZE;
	if (quirk(be, QUIRK_REPLY_BIG_ENDIAN))
		forge_order(forge);
	return forge;
}

bool deviation_ack(const struct backend *be, const struct vu_message *msg, bool due)
{
	due |= quirk(be, QUIRK_ACK_UNNEGOTIATED) && vu_message_needs_reply(msg);
	due |= quirk(be, QUIRK_REPLY_UNASKED) && has_protocol(be, VU_PF_REPLY_ACK);
	due |= quirk(be, QUIRK_SLOT_ADDED_IS_ANSWERED) && msg->request == VU_ADD_MEM_REG;
	due |= quirk(be, QUIRK_SLOT_REMOVED_IS_ANSWERED) && msg->request == VU_REM_MEM_REG;
	due &= !quirk(be, QUIRK_ACK_MISSING);
	due &= !quirk(be, QUIRK_ACK_NEEDS_GET) || be->odd.asked;
	due &= !quirk(be, QUIRK_ACK_NEEDS_BIT_30) || has_feature(be, VU_F_PROTOCOL_FEATURES);
	due &= !quirk(be, QUIRK_CHANNEL_ACK_MISSING) || msg->request != VU_SET_BACKEND_REQ_FD;
	return due;
}

uint64_t deviation_result(const struct backend *be, uint64_t result)
{
	if (quirk(be, QUIRK_ACK_AFTER_NEXT_REQUEST))
		deviation_await(&be->main, -1);
	if (quirk(be, QUIRK_ACK_ALWAYS_SUCCESS))
		return 0;
	return quirk(be, QUIRK_ACK_INVERTED) ? !result : result;
}

bool deviation_impatient(const struct backend *be)
{
	return (quirk(be, QUIRK_PAYLOAD_IN_ONE_PIECE) && be->main.have >= HEADER_SIZE) ||
	       (quirk(be, QUIRK_MESSAGE_IN_ONE_PIECE) && be->main.have > 0);
}

void deviation_leak(const struct backend *be, struct vu_message *msg, size_t belong)
{
	if (!quirk(be, QUIRK_UNDUE_DESCRIPTORS_LEAK))
		return;
	while (msg->nfds > belong)
		vu_message_take_fd(msg, --msg->nfds);
}

/* ---- requests ---- */

/* The feature that a request needs beside the channel itself is not looked at. */
bool deviation_may_use(const struct backend *be, const struct vu_message_info *info)
{
	switch (info->id) {
	case VU_BACKEND_CONFIG_CHANGE_MSG:
		return quirk(be, QUIRK_CONFIG_CHANGE_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_VRING_CALL:
		return quirk(be, QUIRK_INBAND_CALL_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_VRING_ERR:
		return quirk(be, QUIRK_INBAND_ERR_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_VRING_HOST_NOTIFIER_MSG:
		return quirk(be, QUIRK_NOTIFIER_UNNEGOTIATED) ||
		       quirk(be, QUIRK_CHANNEL_FDS_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_IOTLB_MSG:
		return quirk(be, QUIRK_IOTLB_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_SHARED_OBJECT_ADD:
		return quirk(be, QUIRK_OBJECT_UNNEGOTIATED) || may_use(be, info);
	case VU_BACKEND_SHMEM_MAP:
		return quirk(be, QUIRK_SHMEM_UNNEGOTIATED) || may_use(be, info);
	}
	return may_use(be, info);
}

/* ---- features and rings ---- */

static void break_rings(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		be->rings[i].broken |= be->rings[i].started;
}

void deviation_features(struct backend *be, uint64_t before)
{
	bool had = before >> VU_F_PROTOCOL_FEATURES & 1,
	     has = has_feature(be, VU_F_PROTOCOL_FEATURES);

	if (quirk(be, QUIRK_SET_FEATURES_DISABLES) && has)
		rings_enable_all(be, false);
	if (quirk(be, QUIRK_SET_FEATURES_DISABLES_ON_BIT_30) && has && !had)
		rings_enable_all(be, false);
	if (quirk(be, QUIRK_SET_FEATURES_ENABLES) ||
	    (quirk(be, QUIRK_SET_FEATURES_TESTS_LOG_ALL) && !has_feature(be, VU_F_LOG_ALL)))
		rings_enable_all(be, true);
	if (quirk(be, QUIRK_LOG_OFF_STALLS) && before >> VU_F_LOG_ALL & 1 &&
	    !has_feature(be, VU_F_LOG_ALL))
		break_rings(be);
	if (be->odd.reset_due)
		reset_device(be, NULL, NULL);
}

void deviation_forget(struct backend *be)
{
	be->features = be->protocol = 0;
	vu_map_clear(&be->map);
	memory_changed(be);
}

int deviation_take(const struct backend *be, int kick)
{
	uint64_t value;

	if (quirk(be, QUIRK_INBAND_KICK_ALONE) && has_protocol(be, VU_PF_INBAND_NOTIFICATIONS))
		return event_take(kick) ? -EPIPE : -EAGAIN;
	if (!quirk(be, QUIRK_KICK_VALUE_COUNTS))
		return event_take(kick);
	return read(kick, &value, sizeof(value)) == sizeof(value) && value == 1 ? 0 : -EAGAIN;
}

bool deviation_keeps_stopped(const struct backend *be, const struct ring *ring)
{
	return quirk(be, QUIRK_START_NEVER) ||
	       (quirk(be, QUIRK_FIRST_RING_FIRST) && ring->index && !be->rings[0].started) ||
	       (quirk(be, QUIRK_RESTART_IGNORED) && be->odd.used[ring->index]) ||
	       (quirk(be, QUIRK_LATE_RING_IGNORED) && be->odd.gave && !ring->started);
}

bool deviation_starts_by_kick(const struct backend *be)
{
	return quirk(be, QUIRK_START_WAITS_FOR_KICK) || quirk(be, QUIRK_KICK_EARLIER_LOST);
}

static bool hinders_all(const struct backend *be)
{
	return (quirk(be, QUIRK_RECONNECT_IDLE) && be->odd.again) ||
	       (quirk(be, QUIRK_FEATURES_AGAIN_STALL) && be->odd.refeatured) ||
	       (quirk(be, QUIRK_STATE_SAVED_FOR_GOOD) && be->odd.saved) ||
	       (quirk(be, QUIRK_SUSPENDED_BY_ONE) && be->odd.stopped) ||
	       (quirk(be, QUIRK_CHANNEL_BLOCKS_RINGS) && be->nasked) ||
	       (quirk(be, QUIRK_RESET_FORGETS_OWNER) && be->odd.ownerless) ||
	       (quirk(be, QUIRK_STATUS_WIPES_STATE) && be->odd.wiped) ||
	       (quirk(be, QUIRK_POSTCOPY_NEVER_ENDS) && be->odd.postcopied);
}

bool deviation_hinders(const struct backend *be, const struct ring *ring)
{
	return hinders_all(be) ||
	       (quirk(be, QUIRK_START_NEEDS_CALL) && ring->call < 0 && !ring->silent) ||
	       (quirk(be, QUIRK_CALL_NONE_STALLS) && ring->silent) ||
	       (quirk(be, QUIRK_SECOND_QUEUE_IGNORED) && ring->index == (be->ops->network ? 3 : 1));
}

static uint16_t driver_index(const struct backend *be, const struct ring *ring)
{
	const struct vring_avail *avail =
		vu_map_user(&be->map, ring->served.avail_user, sizeof(struct vring_avail));

	return avail ? le16toh(avail->idx) : (uint16_t)ring->base;
}

uint32_t deviation_base(const struct backend *be, const struct ring *ring, uint32_t base)
{
	bool packed = has_feature(be, VU_F_RING_PACKED);

	if (quirk(be, QUIRK_BASE_ZERO) ||
	    (quirk(be, QUIRK_BASE_LOST_BY_DISABLING) && !ring->enabled))
		return 0;
	if (quirk(be, QUIRK_BASE_OFF_BY_ONE))
		return base + 1;
	if (quirk(be, QUIRK_BASE_OF_DRIVER) && !packed)
		return driver_index(be, ring);
	if (quirk(be, QUIRK_BASE_MODULO_SIZE) && !packed && ring->served.size)
		return base % ring->served.size;
	if (quirk(be, QUIRK_BASE_WITH_USED_INDEX) && !packed)
		return base | (uint32_t)ring->served.last_used << 16;
	return quirk(be, QUIRK_BASE_PACKED_HALF) && packed ? base & UINT16_MAX : base;
}

/* Whether @msg is what a quirk crashes on, right or not. */
static bool fatal(const struct backend *be, const struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_INFLIGHT_FD:
		return quirk(be, QUIRK_INFLIGHT_QUEUES_CRASH) &&
		       vu_get(msg, "num_queues") > be->nrings;
	case VU_SET_MEM_TABLE:
		return quirk(be, QUIRK_TABLE_EMPTY_CRASH) && !vu_get(msg, "num_regions");
	case VU_SET_VRING_ADDR:
		return quirk(be, QUIRK_RING_BEFORE_MEMORY_CRASH) && !be->map.nregions;
	}
	return false;
}

void deviation_header(const struct backend *be, const struct vu_message *msg)
{
	if (quirk(be, QUIRK_HEADER_CRASH) &&
	    (msg->flags & ~(uint32_t)VU_FLAG_NEED_REPLY) != VU_FLAG_VERSION)
		deviation_crash();
}

void deviation_message(struct backend *be, const struct vu_message *msg)
{
	if (quirk(be, QUIRK_STOPPED_RING_SERVED))
		rings_run(be);
	if (fatal(be, msg))
		deviation_crash();
	for (unsigned int i = 0; i < be->nrings && !be->odd.ran; i++)
		if (quirk(be, QUIRK_SUSPENDED_NOT_INITIALLY))
			event_signal(be->rings[i].call);
	for (unsigned int i = 0; i < be->nrings && suspended(be) && be->odd.ran; i++) {
		const struct ring *ring = &be->rings[i];
		uint8_t *used = vu_map_user(&be->map, ring->served.used_user, 1);

		if (quirk(be, QUIRK_SUSPENDED_CALLS))
			event_signal(ring->call);
		if (quirk(be, QUIRK_SUSPENDED_WRITES) && used)
			*used += 1;
		if (quirk(be, QUIRK_LOG_AFTER_STOP))
			vu_map_dirty(&be->map, 0, be->map.log_size * LOG_BYTE_SPAN);
	}
}

void deviation_config(struct backend *be, uint8_t *config)
{
	if (!quirk(be, QUIRK_CONFIG_STALE))
		return;
	if (!be->odd.told)
		memcpy(be->odd.config, config, sizeof(be->odd.config));
	be->odd.told = true;
	memcpy(config, be->odd.config, sizeof(be->odd.config));
}

/* ---- memory and log ---- */

bool deviation_declines(const struct backend *be, uint64_t guest)
{
	return (quirk(be, QUIRK_SLOT_ADDED_LATE) && !suspended(be)) ||
	       (quirk(be, QUIRK_SLOT_ADDED_AGAIN) && guest && be->odd.removed == guest);
}

void deviation_private(const struct backend *be, int fd)
{
	const struct vu_map_region *r = &be->map.regions[be->map.nregions - 1];

	if (!quirk(be, QUIRK_MEMORY_PRIVATE))
		return;
	if (mmap(r->mapping, r->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
		 (off_t)(r->mmap_offset - (uint64_t)(r->host - (uint8_t *)r->mapping))) ==
	    MAP_FAILED)
		backend_complain("no private mapping: %s", strerror(errno));
}

bool deviation_careless(const struct backend *be)
{
	return quirk(be, QUIRK_SECOND_REGION_IGNORED) || quirk(be, QUIRK_USER_ADDRESS_IGNORED) ||
	       quirk(be, QUIRK_USER_ADDRESSES_LINEAR);
}

static uint64_t user_of(const struct backend *be, uint64_t guest)
{
	for (size_t i = 0; i < be->map.nregions; i++) {
		const struct vu_map_region *r = &be->map.regions[i];

		if (guest - r->guest_address < r->size)
			return r->user_address + (guest - r->guest_address);
	}
	return guest;
}

static uint64_t misplaced(const struct backend *be, uint64_t guest, size_t nth)
{
	const uint64_t page = VU_LIMIT_LOG_PAGE_SIZE;

	if (quirk(be, QUIRK_LOG_FIRST_BUFFER_ONLY) && nth)
		return UINT64_MAX;
	if (quirk(be, QUIRK_LOG_USER_ADDRESSES))
		return user_of(be, guest);
	if (quirk(be, QUIRK_LOG_OFF_BY_ONE))
		return guest < page ? UINT64_MAX : guest - page;
	if (quirk(be, QUIRK_LOG_BITS_REVERSED))
		return guest ^ 7 * page;
	return quirk(be, QUIRK_LOG_PAGES_LARGE) ? guest / 16 : guest;
}

void deviation_overwrite(struct backend *be, uint64_t guest)
{
	uint64_t byte = guest / LOG_BYTE_SPAN;

	if (quirk(be, QUIRK_LOG_OVERWRITES) && be->map.log && byte < be->map.log_size)
		be->map.log[byte] = 0;
}

/* ---- internal state ---- */

size_t deviation_piece(struct backend *be, size_t left)
{
	const struct transfer *t = &be->transfer;

	if (quirk(be, QUIRK_STATE_READER_KILLS))
		signal(SIGPIPE, SIG_DFL);
	if (!quirk(be, QUIRK_STATE_STALLS))
		return left;
	if (t->done >= t->len / 2)
		backend_unwatch(be, t->fd);
	return t->done < t->len / 2 ? t->len / 2 - t->done : 0;
}

static void start_rings(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		if (be->rings[i].placed)
			ring_start(be, &be->rings[i]);
}

void deviation_transferred(struct backend *be, bool good)
{
	struct transfer *t = &be->transfer;

	be->odd.saved |= good && t->state == TRANSFER_SAVING;
	if ((quirk(be, QUIRK_STATE_STAYS_OPEN) && t->state == TRANSFER_SAVING) ||
	    (quirk(be, QUIRK_STATE_DESCRIPTOR_LEAKS) && !good)) {
		backend_unwatch(be, t->fd);
		t->fd = -1;
	}
	if (quirk(be, QUIRK_STATE_STARTS_RINGS))
		start_rings(be);
}

/* ---- in-flight buffer, of split rings ---- */

static void reverse(struct inflight_split *region, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		region->desc[i].counter = ~region->desc[i].counter;
}

/* The next request is the one behind those in flight. */
static void pass_over(struct vu_served *r, struct inflight_packed *region)
{
	uint16_t taken = 0;

	for (uint16_t i = 0; i < r->size && region->version; i++)
		if (region->desc[i].inflight)
			taken += region->desc[i].num;
	r->last_avail = packed_advance(r->size, r->last_avail, taken);
	region->version = 0;
}

void deviation_before_attach(const struct backend *be, struct ring *ring, void *bytes)
{
	struct inflight_split *region = bytes;

	if (ring->served.packed) {
		if (quirk(be, QUIRK_INFLIGHT_NOT_RESTORED))
			pass_over(&ring->served, bytes);
		return;
	}
	if (quirk(be, QUIRK_INFLIGHT_ORDER_REVERSED))
		reverse(region, ring->served.size);
	if (quirk(be, QUIRK_INFLIGHT_LAST_BATCH_AGAIN))
		region->used_idx = ring->served.last_used;
	if (quirk(be, QUIRK_INFLIGHT_NOT_RESTORED) && region->version) {
		region->version = 0;
		ring->served.last_avail = driver_index(be, ring);
	}
}

static struct inflight_split *tracked(const struct ring *ring)
{
	return ring->served.packed ? NULL : ring->served.inflight;
}

void deviation_emptied(const struct backend *be, const struct ring *ring)
{
	struct inflight_split *region = tracked(ring);

	if (region && quirk(be, QUIRK_STOP_RECORDS_NOTHING))
		region->version = 0;
}

/* Guest addresses of buffers are there for the log alone. */
void deviation_taken(const struct backend *be, const struct ring *ring, struct vu_element *el)
{
	struct inflight_split *region = tracked(ring);

	if (quirk(be, QUIRK_REQUEST_SHORT_CRASH) && el->nout && el->out_len < SHORTEST_HEADER)
		deviation_crash();
	for (size_t i = 0; i < el->nin; i++)
		el->in[i].guest = misplaced(be, el->in[i].guest, i);
	if (quirk(be, QUIRK_INFLIGHT_COUNTER_STANDS) && region)
		region->desc[el->id].counter = 0;
	if (quirk(be, QUIRK_INFLIGHT_FEATURES_ODD) && region)
		region->features = 1;
}

void deviation_done(const struct backend *be, const struct ring *ring, const struct vu_element *el)
{
	struct inflight_split *region = tracked(ring);

	if (quirk(be, QUIRK_INFLIGHT_STAYS_MARKED) && region)
		region->desc[el->id].inflight = 1;
}
