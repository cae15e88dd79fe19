/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives: told to the model, kept for the script, or served on the spot. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"
#include "script/record.h"

static enum vu_channel channel_of(enum script_arrow arrow)
{
	return arrow == ARROW_REPLY || arrow == ARROW_REQUEST ? VU_MAIN : VU_BACKEND;
}

void player_inbox_init(struct player *p)
{
	for (size_t i = 0; i <= PLAYER_INBOX; i++)
		p->inbox[i] = &p->messages[i];
}

struct vu_message *player_arrived(void *ctx, enum script_arrow arrow, uint32_t request)
{
	struct player *p = ctx;

	for (size_t i = 0; i < p->nkept; i++)
		if (p->inbox[i]->channel == channel_of(arrow) && p->inbox[i]->request == request)
			return p->inbox[i];
	return NULL;
}

/* The message goes behind those that are kept: to be received into again. */
static void discard(struct player *p, size_t i)
{
	struct vu_message *msg = p->inbox[i];

	vu_message_close_fds(msg);
	p->nkept--;
	for (; i < p->nkept; i++)
		p->inbox[i] = p->inbox[i + 1];
	p->inbox[p->nkept] = msg;
}

void player_inbox_clear(struct player *p)
{
	while (p->nkept)
		discard(p, p->nkept - 1);
}

void player_forget_replies(struct player *p, enum vu_channel channel, uint32_t request)
{
	for (size_t i = p->nkept; i-- > 0;)
		if (p->inbox[i]->channel == channel && p->inbox[i]->request == request)
			discard(p, i);
}

/* ---- requests on the back-end channel ---- */

static void answer(struct player *p, const struct vu_message *request)
{
	const struct vu_message_info *info = vu_message_info(request);
	struct vu_message reply;

	bool due = vu_message_needs_reply(request) || (info && info->reply_when == VU_REPLY_ALWAYS);

	if (!deviation_answers(p, due))
		return;
	vu_message_init_reply(&reply, request);
	vu_message_set_u64(&reply, info ? 0 : 1);
	deviation_reply(p, &reply);
	player_send(p, &reply, NULL, vu_deadline_in(VU_NSEC_PER_SEC));
}

void player_took(void *ctx, struct vu_message *msg)
{
	struct player *p = ctx;

	if (msg->channel == VU_BACKEND && !vu_message_is_reply(msg) &&
	    !(msg->request < 64 && p->answers[msg->request]))
		answer(p, msg);
	for (size_t i = 0; i < p->nkept; i++)
		if (p->inbox[i] == msg)
			discard(p, i);
}

/* ---- arriving ---- */

/* A reply to a GET_FEATURES of our own, sent as a fence, is not the script's. */
static bool take_fence(struct player *p, const struct vu_observation *obs)
{
	if (!obs->answered)
		return false;
	for (size_t i = 0; i < p->nfences; i++)
		if (p->fences[i] == obs->to.sequence) {
			p->fences[i] = p->fences[--p->nfences];
			return true;
		}
	return false;
}

static void keep_inflight(struct player *p, const struct vu_message *msg)
{
	const struct vu_payload *layout = vu_message_layout(msg);
	struct player_inflight *in = &p->inflight;
	uint64_t queues = 0, size = 0;

	if (!layout || !msg->nfds || vu_field_get(msg, layout, "mmap_size", &in->mmap_size) ||
	    vu_field_get(msg, layout, "mmap_offset", &in->mmap_offset) ||
	    vu_field_get(msg, layout, "num_queues", &queues) ||
	    vu_field_get(msg, layout, "queue_size", &size))
		return;
	in->num_queues = (uint16_t)queues;
	in->queue_size = (uint16_t)size;
	if (in->fd >= 0)
		close(in->fd);
	in->fd = dup(msg->fds[0]);
}

/* What was just received. A script that takes nothing keeps only the newest. */
static void keep(struct player *p)
{
	if (++p->nkept > PLAYER_INBOX)
		discard(p, 0);
}

/* The reference hangs up on a back-end whose reply is wrong; a script may want to see what comes after it. */
static bool wronged(const struct player *p, const struct vu_message *msg,
		    const struct vu_observation *obs)
{
	return p->opt->strict && msg->channel == VU_MAIN && obs->nbreaches;
}

static void arrive(struct player *p)
{
	struct vu_message *msg = p->inbox[p->nkept];
	bool request = msg->channel == VU_BACKEND && !vu_message_is_reply(msg);
	struct vu_observation obs;

	deviation_received(p, msg);
	vu_model_observe(&p->model, VU_BACKEND_ROLE, msg, &obs);
	report_message(p->report, msg, false, NULL);
	play_observed(p->play, &obs);
	play_heard(p->play, msg, &obs);
	if (wronged(p, msg, &obs)) {
		vu_message_close_fds(msg);
		player_disconnect(p);
		return;
	}
	if (take_fence(p, &obs)) {
		vu_message_close_fds(msg);
		return;
	}
	p->activity[request]++;
	if (msg->channel == VU_MAIN)
		deviation_came(p, msg);
	if (msg->channel == VU_MAIN && msg->request == VU_GET_VRING_BASE)
		player_rings_stopped(p, msg);
	if (msg->channel == VU_MAIN && msg->request == VU_GET_INFLIGHT_FD)
		keep_inflight(p, msg);
	if (request && !(msg->request < 64 && p->asks_for[msg->request])) {
		script_record_note(p->play->in, msg);
		answer(p, msg);
		vu_message_close_fds(msg);
		return;
	}
	keep(p);
}

static void ended(struct player *p, struct vu_conn *conn, int err)
{
	if (conn->channel == VU_BACKEND) {
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
		vu_conn_close(conn);
		p->channel_open = false;
		return;
	}
	p->closed = true;
	p->unreadable = err == -EMSGSIZE || err == -EBADMSG;
	report_subject(p->report, p->unreadable ? "garbled" : "closed",
		       p->unreadable ? "the stream cannot be followed any further"
				     : "the subject closed the connection");
}

#define BURST 256 /* messages taken in one go: a flood must not keep deadlines from being seen */

void player_receive(struct player *p, struct vu_conn *conn)
{
	int err = 0;

	for (int i = 0; i < BURST && !err && p->connected; i++) {
		err = vu_conn_recv(conn, p->inbox[p->nkept]);
		if (!err)
			arrive(p);
		else if (err != -EAGAIN)
			ended(p, conn, err);
	}
	p->backlog = !err;
}

bool player_receive_due(struct player *p, struct vu_conn *conn, int64_t deadline)
{
	int err = vu_conn_recv_until(conn, p->inbox[p->nkept], deadline);

	if (err == -ETIMEDOUT)
		return false;
	if (err)
		ended(p, conn, err);
	else
		arrive(p);
	return true;
}

bool player_may_arrive(void *ctx, enum script_arrow arrow, uint32_t request, char *why, size_t size)
{
	struct player *p = ctx;

	(void)request;
	if (arrow == ARROW_BACKEND_REQUEST && !p->channel_open) {
		snprintf(why, size, "there is no back-end channel%s", p->closed ? " any more" : "");
		return false;
	}
	if (!p->closed)
		return true;
	snprintf(why, size, "%s",
		 p->subject->exited ? "the subject ended"
		 : p->unreadable    ? "the subject sent what is no message"
		 : p->connected     ? "the subject closed the connection"
				    : "there is no connection");
	return false;
}
