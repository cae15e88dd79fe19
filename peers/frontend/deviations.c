/* SPDX-License-Identifier: Apache-2.0 */
/* What quirks do to what a correct front-end would send. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "deviations.h"

#define BIT(n) (UINT64_C(1) << (n))
#define LOG_OF_16_MIB 512
#define NOWHERE (UINT64_C(1) << 46) /* no region is there, and no log has a bit for it */

/* ---- fields and descriptors that are wrong ---- */

static void lose_descriptor(struct vu_message *msg)
{
	int fd = msg->nfds ? vu_message_take_fd(msg, msg->nfds - 1) : -1;

	if (fd < 0)
		return;
	close(fd);
	msg->nfds--;
}

static void claim(struct vu_message *msg, uint64_t bits)
{
	vu_set(msg, "u64", vu_get(msg, "u64") | bits);
}

static void alone(struct vu_message *msg, unsigned int bit, uint64_t needed)
{
	vu_set(msg, "u64", (vu_get(msg, "u64") & ~needed) | BIT(bit));
}

/* The lowest bit that was not offered. */
static uint64_t unoffered(uint64_t offered)
{
	return ~offered & (offered + 1);
}

static void twist_log(const struct player *p, struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_LOG_BASE:
		if (quirk(p, QUIRK_LOG_TOO_SMALL))
			vu_set(msg, "size", LOG_OF_16_MIB);
		break;
	case VU_SET_FEATURES:
		if (quirk(p, QUIRK_LOG_FEATURE_STAYS))
			claim(msg, p->model.features & BIT(VU_F_LOG_ALL));
		if (quirk(p, QUIRK_LOG_FEATURE_MISSING))
			vu_set(msg, "u64", vu_get(msg, "u64") & ~BIT(VU_F_LOG_ALL));
		break;
	case VU_SET_VRING_ADDR:
		if (quirk(p, QUIRK_LOG_FLAG_MISSING))
			vu_set(msg, "flags", 0);
		if (quirk(p, QUIRK_LOG_ADDRESS_BEYOND))
			vu_set(msg, "log", NOWHERE);
		break;
	}
}

static void raise_by(struct vu_message *msg, const char *path, uint64_t more)
{
	vu_set(msg, path, vu_get(msg, path) + more);
}

static void twist_device(const struct player *p, struct vu_message *msg)
{
	switch (msg->request) {
	case VU_GET_CONFIG:
		if (quirk(p, QUIRK_CONFIG_READ_OVERSTATED))
			raise_by(msg, "size", 1);
		break;
	case VU_SET_STATUS:
		if (quirk(p, QUIRK_STATUS_ODD))
			raise_by(msg, "u64", UINT8_MAX + 1);
		break;
	case VU_GET_INFLIGHT_FD:
		if (quirk(p, QUIRK_INFLIGHT_QUEUES_OVERSTATED))
			raise_by(msg, "num_queues", VU_MODEL_RINGS);
		break;
	case VU_SET_INFLIGHT_FD:
		if (quirk(p, QUIRK_INFLIGHT_SIZE_OVERSTATED))
			raise_by(msg, "mmap_size", vu_get(msg, "mmap_size"));
		break;
	}
}

/* The word as a whole: of a split ring. */
static void set_base(struct vu_message *msg, uint64_t base)
{
	vu_field_set(msg, vu_payload_by_name("vring_state"), "num", base);
}

static void twist_base(const struct player *p, struct vu_message *msg)
{
	uint64_t index = vu_get(msg, "index");
	uint32_t size = index < VU_MODEL_RINGS ? p->model.rings[index].num : 0;

	if (quirk(p, QUIRK_BASE_UPPER_BITS))
		set_base(msg, 1 << 16);
	if (quirk(p, QUIRK_BASES_FORGOTTEN))
		set_base(msg, 0);
	if (quirk(p, QUIRK_BASE_REDUCED) && size)
		set_base(msg, vu_get(msg, "avail_index") % size);
}

static void twist_ring(const struct player *p, struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_VRING_KICK:
		if (quirk(p, QUIRK_QUEUE_UNNEGOTIATED) && !(p->model.protocol & BIT(VU_PF_MQ)))
			vu_set(msg, "index", 1);
		break;
	case VU_SET_VRING_ENABLE:
		if (quirk(p, QUIRK_ENABLE_BY_TWO))
			vu_set(msg, "num", 2);
		break;
	case VU_GET_VRING_BASE:
		if (quirk(p, QUIRK_BASE_ASKED_WITH_NUM))
			vu_set(msg, "num", 1);
		break;
	case VU_SET_VRING_BASE:
		twist_base(p, msg);
		break;
	case VU_SET_VRING_ADDR:
		if (quirk(p, QUIRK_RING_OUTSIDE_MEMORY))
			vu_set(msg, "used", NOWHERE);
		break;
	}
}

static void twist(const struct player *p, struct vu_message *msg)
{
	const uint64_t channel = BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_CONFIG);

	switch (msg->request) {
	case VU_SET_FEATURES:
		if (quirk(p, QUIRK_FEATURE_NOT_OFFERED))
			claim(msg, unoffered(p->model.features_offered));
		if (quirk(p, QUIRK_LOG_FEATURE_EARLY))
			claim(msg, p->model.features_offered & BIT(VU_F_LOG_ALL));
		break;
	case VU_ADD_MEM_REG:
		if (quirk(p, QUIRK_REGIONS_OVERLAP))
			vu_set(msg, "region.guest_address", 0);
		break;
	case VU_SET_PROTOCOL_FEATURES:
		if (quirk(p, QUIRK_PROTOCOL_FEATURE_NOT_OFFERED))
			claim(msg, unoffered(p->model.protocol_offered));
		if (quirk(p, QUIRK_PROTOCOL_FEATURES_COPIED))
			claim(msg, p->model.protocol_offered);
		if (quirk(p, QUIRK_INBAND_ALONE))
			alone(msg, VU_PF_INBAND_NOTIFICATIONS, channel);
		if (quirk(p, QUIRK_INFLIGHT_BASES_ALONE))
			alone(msg, VU_PF_GET_VRING_BASE_INFLIGHT, BIT(VU_PF_INFLIGHT_SHMFD));
		break;
	case VU_SET_OWNER:
		if (quirk(p, QUIRK_UNDUE_DESCRIPTOR))
			vu_message_add_fd(msg, open("/dev/null", O_RDONLY | O_CLOEXEC));
		break;
	case VU_REM_MEM_REG:
		if (quirk(p, QUIRK_REMOVAL_WITH_DESCRIPTOR))
			vu_message_add_fd(msg, open("/dev/null", O_RDONLY | O_CLOEXEC));
		break;
	case VU_SET_DEVICE_STATE_FD:
		if (quirk(p, QUIRK_STATE_DIRECTION_UNKNOWN))
			vu_set(msg, "direction", 2);
		if (quirk(p, QUIRK_STATE_PHASE_UNKNOWN))
			vu_set(msg, "phase", 1);
		break;
	}
}

static void lose(const struct player *p, struct vu_message *msg)
{
	static const struct {
		uint32_t request;
		enum quirk quirk;
	} losses[] = {
		{ VU_SET_MEM_TABLE, QUIRK_MEMORY_DESCRIPTOR_MISSING },
		{ VU_ADD_MEM_REG, QUIRK_REGION_DESCRIPTOR_MISSING },
		{ VU_SET_LOG_BASE, QUIRK_LOG_DESCRIPTOR_MISSING },
		{ VU_SET_VRING_KICK, QUIRK_KICK_DESCRIPTOR_MISSING },
		{ VU_SET_VRING_CALL, QUIRK_CALL_DESCRIPTOR_MISSING },
		{ VU_SET_VRING_ERR, QUIRK_ERROR_DESCRIPTOR_MISSING },
		{ VU_SET_BACKEND_REQ_FD, QUIRK_CHANNEL_DESCRIPTOR_MISSING },
		{ VU_SET_DEVICE_STATE_FD, QUIRK_STATE_DESCRIPTOR_MISSING },
	};

	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++)
		if (losses[i].request == msg->request && quirk(p, losses[i].quirk))
			lose_descriptor(msg);
}

/* ---- messages that should not be sent ---- */

/* The feature that the message needs is not in force, or the quirk does not need one. */
static bool unfounded(const struct player *p, enum quirk which)
{
	const struct vu_model *m = &p->model;

	switch (which) {
	case QUIRK_PROTOCOL_FEATURES_WITHOUT_BIT_30:
	case QUIRK_ENABLE_UNNEGOTIATED:
		return !(m->features & BIT(VU_F_PROTOCOL_FEATURES));
	case QUIRK_CHANNEL_UNNEGOTIATED:
		return !(m->protocol & BIT(VU_PF_BACKEND_REQ));
	case QUIRK_QUEUE_NUM_UNNEGOTIATED:
		return !(m->protocol_offered & BIT(VU_PF_MQ));
	case QUIRK_CONFIG_READ_UNNEGOTIATED:
		return !(m->protocol & BIT(VU_PF_CONFIG));
	case QUIRK_RESET_UNNEGOTIATED:
		return !(m->protocol & BIT(VU_PF_RESET_DEVICE));
	default:
		return true;
	}
}

static void send_undue(struct player *p, uint32_t request)
{
	const struct vu_message_info *info = vu_message_by_id(VU_MAIN, request);
	struct vu_message msg;

	vu_message_init(&msg, VU_MAIN, request);
	if (info->request)
		vu_message_set_layout(&msg, info->request);
	if (request == VU_IOTLB_MSG)
		vu_set(&msg, "type", 2);
	player_send(p, &msg, NULL, vu_deadline_in(VU_NSEC_PER_SEC));
}

/* Between features and memory. */
static void send_all_undue(struct player *p)
{
	static const struct {
		enum quirk quirk;
		uint32_t request;
	} undue[] = {
		{ QUIRK_PROTOCOL_FEATURES_WITHOUT_BIT_30, VU_GET_PROTOCOL_FEATURES },
		{ QUIRK_OWNER_RESET, VU_RESET_OWNER },
		{ QUIRK_OWNER_TWICE, VU_SET_OWNER },
		{ QUIRK_CHANNEL_UNNEGOTIATED, VU_SET_BACKEND_REQ_FD },
		{ QUIRK_QUEUE_NUM_UNNEGOTIATED, VU_GET_QUEUE_NUM },
		{ QUIRK_ENABLE_UNNEGOTIATED, VU_SET_VRING_ENABLE },
		{ QUIRK_CONFIG_READ_UNNEGOTIATED, VU_GET_CONFIG },
		{ QUIRK_RESET_UNNEGOTIATED, VU_RESET_DEVICE },
		{ QUIRK_STATUS_UNNEGOTIATED, VU_SET_STATUS },
		{ QUIRK_STATUS_READ_UNNEGOTIATED, VU_GET_STATUS },
		{ QUIRK_SLOTS_UNNEGOTIATED, VU_GET_MAX_MEM_SLOTS },
		{ QUIRK_SLOT_REMOVAL_UNNEGOTIATED, VU_REM_MEM_REG },
		{ QUIRK_INFLIGHT_UNNEGOTIATED, VU_GET_INFLIGHT_FD },
		{ QUIRK_POSTCOPY_UNNEGOTIATED, VU_POSTCOPY_ADVISE },
		{ QUIRK_POSTCOPY_END_UNNEGOTIATED, VU_POSTCOPY_END },
		{ QUIRK_SHMEM_UNNEGOTIATED, VU_GET_SHMEM_CONFIG },
		{ QUIRK_RARP_UNNEGOTIATED, VU_SEND_RARP },
		{ QUIRK_MTU_UNNEGOTIATED, VU_NET_SET_MTU },
		{ QUIRK_IOTLB_UNNEGOTIATED, VU_IOTLB_MSG },
		{ QUIRK_ENDIAN_UNNEGOTIATED, VU_SET_VRING_ENDIAN },
		{ QUIRK_KICK_UNNEGOTIATED, VU_VRING_KICK },
		{ QUIRK_STATE_CHECKED_FIRST, VU_CHECK_DEVICE_STATE },
	};

	for (size_t i = 0; i < sizeof(undue) / sizeof(undue[0]); i++)
		if (quirk(p, undue[i].quirk) && unfounded(p, undue[i].quirk))
			send_undue(p, undue[i].request);
}

/* Only the end of the connection, or of the process, ends this. */
static void await_answer(const struct player *p)
{
	struct pollfd fds[] = { { .fd = p->main.fd, .events = POLLIN },
				{ .fd = p->signals, .events = POLLIN } };

	poll(fds, sizeof(fds) / sizeof(fds[0]), -1);
}

void deviation_sends(struct player *p, struct vu_message *msg)
{
	if (msg->channel != VU_MAIN || !p->opt->quirks.any)
		return;
	p->flushing = !strcmp(vu_message_name(msg), "STOP_SLAVE_CHANNEL");
	if (msg->request == VU_SET_MEM_TABLE)
		send_all_undue(p);
	if (quirk(p, QUIRK_ACK_AWAITED_UNNEGOTIATED) && msg->request == VU_SET_VRING_NUM &&
	    !(p->model.protocol & BIT(VU_PF_REPLY_ACK)))
		await_answer(p);
	twist(p, msg);
	twist_ring(p, msg);
	twist_log(p, msg);
	twist_device(p, msg);
	lose(p, msg);
	if (quirk(p, QUIRK_VERSION_0))
		msg->flags &= ~(uint32_t)VU_FLAG_VERSION_MASK;
	if (quirk(p, QUIRK_REPLY_FLAG_ON_REQUESTS))
		msg->flags |= VU_FLAG_REPLY;
	p->asked = msg->request;
	if (quirk(p, QUIRK_SOURCE_NOT_STOPPED) && msg->request == VU_GET_VRING_BASE)
		player_disconnect(p);
}

/* ---- replies ---- */

/* Whatever came is the reply to what was asked last, and as long as most replies are. */
static void take(const struct player *p, struct vu_message *msg)
{
	msg->request = p->asked;
	msg->flags = VU_FLAG_VERSION | VU_FLAG_REPLY;
	if (!vu_message_layout(msg))
		msg->len = msg->size = sizeof(uint64_t);
}

/* A limit that is told is taken for more than any back-end here has. */
static void overlook_limits(const struct player *p, struct vu_message *msg)
{
	if (quirk(p, QUIRK_QUEUE_NUM_IGNORED) && msg->request == VU_GET_QUEUE_NUM)
		vu_message_set_u64(msg, VU_MODEL_RINGS);
	if (quirk(p, QUIRK_SLOTS_IGNORED) && msg->request == VU_GET_MAX_MEM_SLOTS)
		vu_message_set_u64(msg, VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE);
}

static void look_away(int fd)
{
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (nothing < 0)
		return;
	dup2(nothing, fd);
	close(nothing);
}

void deviation_received(const struct player *p, struct vu_message *msg)
{
	if (msg->channel != VU_MAIN)
		return;
	if (quirk(p, QUIRK_WRONG_REPLY_TAKEN))
		take(p, msg);
	overlook_limits(p, msg);
	if (quirk(p, QUIRK_STATE_ELSEWHERE_UNREAD) && msg->request == VU_SET_DEVICE_STATE_FD &&
	    msg->nfds)
		look_away(msg->fds[0]);
}

/* ---- device state ---- */

void deviation_came(struct player *p, const struct vu_message *msg)
{
	if (msg->request == VU_SET_DEVICE_STATE_FD && vu_get(msg, "status") &&
	    quirk(p, QUIRK_STATE_CHECKED_THOUGH_REFUSED))
		send_undue(p, VU_CHECK_DEVICE_STATE);
}

void deviation_transfer(struct player *p)
{
	if (quirk(p, QUIRK_STATE_CHECKED_EARLY))
		send_undue(p, VU_CHECK_DEVICE_STATE);
	if (quirk(p, QUIRK_STATE_READER_KILLS))
		signal(SIGPIPE, SIG_DFL);
}

void deviation_channel(const struct player *p, int end, bool load)
{
	if (quirk(p, load ? QUIRK_STATE_CHANNEL_KEPT : QUIRK_STATE_OWN_CHANNEL_KEPT))
		fcntl(end, F_DUPFD_CLOEXEC, 0);
}

/* ---- the back-end channel ---- */

bool deviation_answers(const struct player *p, bool due)
{
	if (p->flushing && quirk(p, QUIRK_CHANNEL_UNFLUSHED))
		return false;
	return (due || quirk(p, QUIRK_CHANNEL_ACK_UNASKED)) && !quirk(p, QUIRK_CHANNEL_ACK_MISSING);
}

void deviation_reply(const struct player *p, struct vu_message *reply)
{
	uint64_t value = 0;

	if (quirk(p, QUIRK_CHANNEL_ACK_INVERTED) && vu_message_u64(reply, &value))
		vu_message_set_u64(reply, !value);
	if (quirk(p, QUIRK_CHANNEL_REPLY_FLAG_MISSING))
		reply->flags &= ~(uint32_t)VU_FLAG_REPLY;
	if (quirk(p, QUIRK_CHANNEL_REPLY_VERSION_0))
		reply->flags &= ~(uint32_t)VU_FLAG_VERSION_MASK;
	if (quirk(p, QUIRK_CHANNEL_REPLY_ID_WRONG))
		reply->request++;
	if (quirk(p, QUIRK_CHANNEL_REPLY_SHORT))
		reply->len = reply->size = 4;
}

bool deviation_blind(const struct player *p)
{
	return quirk(p, QUIRK_BLOCKS_CHANNEL_WHILE_WAITING) && p->main.reply_due;
}
