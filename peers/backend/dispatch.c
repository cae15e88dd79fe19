/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the front-end: checked, handed to whom they concern, answered. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "deviations.h"

#define SEND_WITHIN VU_NSEC_PER_SEC
#define LATE_MS 500
#define TURN 64 /* messages served before rings have their turn */

static handler *const handlers[] = {
	[VU_GET_FEATURES] = get_features,
	[VU_SET_FEATURES] = set_features,
	[VU_SET_OWNER] = set_owner,
	[VU_RESET_OWNER] = reset_owner,
	[VU_SET_MEM_TABLE] = set_mem_table,
	[VU_SET_LOG_BASE] = set_log_base,
	[VU_SET_LOG_FD] = set_log_fd,
	[VU_SET_VRING_NUM] = set_vring_num,
	[VU_SET_VRING_ADDR] = set_vring_addr,
	[VU_SET_VRING_BASE] = set_vring_base,
	[VU_GET_VRING_BASE] = get_vring_base,
	[VU_SET_VRING_KICK] = set_vring_kick,
	[VU_SET_VRING_CALL] = set_vring_call,
	[VU_SET_VRING_ERR] = set_vring_err,
	[VU_GET_PROTOCOL_FEATURES] = get_protocol_features,
	[VU_SET_PROTOCOL_FEATURES] = set_protocol_features,
	[VU_GET_QUEUE_NUM] = get_queue_num,
	[VU_SET_VRING_ENABLE] = set_vring_enable,
	[VU_SEND_RARP] = send_rarp,
	[VU_NET_SET_MTU] = net_set_mtu,
	[VU_SET_BACKEND_REQ_FD] = set_backend_req_fd,
	[VU_IOTLB_MSG] = iotlb_msg,
	[VU_GET_CONFIG] = get_config,
	[VU_SET_CONFIG] = set_config,
	[VU_POSTCOPY_ADVISE] = postcopy_advise,
	[VU_POSTCOPY_LISTEN] = postcopy_listen,
	[VU_POSTCOPY_END] = postcopy_end,
	[VU_GET_INFLIGHT_FD] = get_inflight_fd,
	[VU_SET_INFLIGHT_FD] = set_inflight_fd,
	[VU_RESET_DEVICE] = reset_device,
	[VU_VRING_KICK] = vring_kick,
	[VU_GET_MAX_MEM_SLOTS] = get_max_mem_slots,
	[VU_ADD_MEM_REG] = add_mem_reg,
	[VU_REM_MEM_REG] = rem_mem_reg,
	[VU_SET_STATUS] = set_status,
	[VU_GET_STATUS] = get_status,
	[VU_GET_SHARED_OBJECT] = get_shared_object,
	[VU_SET_DEVICE_STATE_FD] = set_device_state_fd,
	[VU_CHECK_DEVICE_STATE] = check_device_state,
	[VU_GET_SHMEM_CONFIG] = get_shmem_config,
};

static handler *handler_of(const struct vu_message *msg)
{
	uint32_t request = vu_message_sense(msg);

	if (request < sizeof(handlers) / sizeof(handlers[0]))
		return handlers[request];
	return vu_message_info(msg) ? draft_handler(vu_message_info(msg)) : NULL;
}

/* ---- what a message must be before it is looked at ---- */

static bool fds_belong(const struct vu_message *msg, const struct vu_message_info *info)
{
	return !msg->fds_dropped && msg->nfds >= info->fds_request.min &&
	       msg->nfds <= info->fds_request.max;
}

/* Who speaks another version, or answers what was not asked, cannot be followed. */
static bool header_holds(const struct vu_message *msg)
{
	return (msg->flags & VU_FLAG_VERSION_MASK) == VU_FLAG_VERSION && !vu_message_is_reply(msg);
}

static int check(const struct backend *be, struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	if (!info || !handler_of(msg))
		return -EOPNOTSUPP;
	if (!may_use(be, info))
		return -EOPNOTSUPP;
	if (!vu_message_layout(msg))
		return -EBADMSG;
	deviation_leak(be, msg, info->fds_request.max);
	return fds_belong(msg, info) ? 0 : -EBADMSG;
}

/* ---- replies ---- */

static int send_reply(struct backend *be, struct vu_message *reply)
{
	struct vu_forge forge;
	int err = 0;

	for (int i = 0; i < 1 + quirk(be, QUIRK_REPLY_TWICE) && !err; i++)
		err = backend_send(be, reply, deviation_forge(be, reply, &forge),
				   vu_deadline_in(SEND_WITHIN));
	vu_message_close_fds(reply);
	return err;
}

static bool wants_ack(const struct backend *be, const struct vu_message *msg)
{
	return deviation_ack(be, msg,
			     vu_message_needs_reply(msg) && has_protocol(be, VU_PF_REPLY_ACK));
}

static int acknowledge(struct backend *be, const struct vu_message *msg, uint64_t result)
{
	vu_message_init_reply(&be->out, msg);
	vu_message_set_u64(&be->out, deviation_result(be, result));
	return send_reply(be, &be->out);
}

static bool has_own_reply(const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	return info && info->reply_when == VU_REPLY_ALWAYS;
}

/*
 * A set of features that cannot be ends the connection. So does any failure that cannot be told:
 * whoever did not ask for the result would go on as if all were well.
 */
static int refuse(struct backend *be, const struct vu_message *msg, int err)
{
	char meaning[160];

	backend_complain("%s (%u) refused: %s", vu_message_name(msg), msg->request, strerror(-err));
	if (vu_other_meaning(msg, meaning, sizeof(meaning)))
		backend_complain("%s", meaning);
	if (quirk(be, QUIRK_REFUSAL_CRASH))
		deviation_crash();
	if (quirk(be, QUIRK_UNKNOWN_REQUEST_TAKEN) && !vu_message_info(msg) && wants_ack(be, msg))
		return acknowledge(be, msg, 0);
	if (err != -EPROTO && wants_ack(be, msg) && !has_own_reply(msg))
		return acknowledge(be, msg, (uint64_t)-err);
	return err;
}

void backend_hold(struct backend *be, bool hold)
{
	struct epoll_event ev = { .events = hold ? 0 : EPOLLIN,
				  .data.u64 = (uint64_t)WATCH_MAIN << 32 };

	be->holding = hold;
	epoll_ctl(be->epoll, EPOLL_CTL_MOD, be->main.fd, &ev);
}

void backend_answer(struct backend *be, uint32_t request, uint64_t value)
{
	struct vu_message msg;

	backend_hold(be, false);
	vu_message_init(&msg, VU_MAIN, draft_number(be, request));
	msg.draft = be->opt->dialect;
	acknowledge(be, &msg, value);
}

/* ---- one message ---- */

static int handle(struct backend *be, struct vu_message *msg)
{
	if (postcopy_is_ack(be, msg))
		return postcopy_ack(be);
	int err = check(be, msg);

	if (err)
		return err;
	vu_message_init_reply(&be->out, msg);
	return handler_of(msg)(be, msg, &be->out);
}

static void acknowledge_unseen(struct backend *be, struct vu_message *msg)
{
	if (!wants_ack(be, msg) || has_own_reply(msg))
		return;
	acknowledge(be, msg, 0);
	msg->flags &= ~(uint32_t)VU_FLAG_NEED_REPLY;
	deviation_await(&be->main, LATE_MS);
}

int backend_serve(struct backend *be, struct vu_message *msg)
{
	int outcome;

	if (be->opt->verbose)
		backend_complain("-> %s", vu_message_name(msg));
	deviation_header(be, msg);
	if (!header_holds(msg))
		return -EPROTO;
	deviation_message(be, msg);
	if (quirk(be, QUIRK_SUSPENDED_IS_DEAF) && suspended(be) && be->odd.ran &&
	    has_own_reply(msg))
		return 0;
	if (quirk(be, QUIRK_CLOSES_ON_FEATURES_AGAIN) && suspended(be) && be->odd.ran &&
	    msg->request == VU_GET_FEATURES)
		return -ECONNABORTED;
	if (quirk(be, QUIRK_ACK_BEFORE_EFFECT))
		acknowledge_unseen(be, msg);
	outcome = handle(be, msg);
	if (outcome < 0)
		return refuse(be, msg, outcome);
	if (outcome == ANSWERED && quirk(be, QUIRK_OWN_REPLY_AND_ACK) && wants_ack(be, msg))
		return send_reply(be, &be->out) ? -EPIPE : acknowledge(be, msg, 0);
	if (outcome == ANSWERED)
		return send_reply(be, &be->out);
	if (outcome == LATER)
		backend_hold(be, true);
	else if (wants_ack(be, msg))
		return acknowledge(be, msg, 0);
	return 0;
}

int backend_reply(struct backend *be, struct vu_message *msg)
{
	int outcome = handle(be, msg);

	if ((outcome != DONE && outcome > 0) || !wants_ack(be, msg))
		return outcome;
	vu_message_init_reply(&be->out, msg);
	vu_message_set_u64(&be->out, (uint64_t)-outcome);
	return ANSWERED;
}

int backend_receive(struct backend *be)
{
	int err = 0;

	for (int i = 0; i < TURN && !err && !be->holding; i++) {
		err = vu_conn_recv(&be->main, &be->in);
		if (err == -EAGAIN && deviation_impatient(be))
			err = -EBADMSG;
		if (err)
			break;
		err = backend_came(be, &be->in) ? 0 : backend_serve(be, &be->in);
		vu_message_close_fds(&be->in);
	}
	return err == -EAGAIN ? 0 : err;
}
