/* SPDX-License-Identifier: Apache-2.0 */
/* What came from the front-end: held for the script, kept for it, or left to the reference. */
#include <stdio.h>
#include <string.h>

#include "player.h"

static void move(struct vu_message *to, struct vu_message *from)
{
	*to = *from;
	from->nfds = 0;
}

static void discard(struct player *p, size_t i)
{
	vu_message_close_fds(&p->inbox[i]);
	p->nkept--;
	memmove(&p->inbox[i], &p->inbox[i + 1], (p->nkept - i) * sizeof(p->inbox[0]));
}

/* ---- the request that is held ---- */

static void drop_held(struct player *p)
{
	if (p->state != HELD_NONE)
		vu_message_close_fds(&p->held);
	p->state = HELD_NONE;
}

void player_let_go(struct player *p)
{
	if (p->state == HELD_NONE)
		return;
	drop_held(p);
	if (p->be->connected)
		backend_hold(p->be, false);
}

static void serve_held(struct player *p)
{
	int err;

	backend_hold(p->be, false);
	err = backend_serve(p->be, &p->held);
	drop_held(p);
	if (err)
		backend_disconnect(p->be);
}

void player_pass_on(struct player *p)
{
	if (p->state == HELD_NEW && !p->awaited[p->held.request])
		serve_held(p);
}

void player_forget(struct player *p)
{
	drop_held(p);
	vu_message_close_fds(&p->reply);
	while (p->nkept)
		discard(p, p->nkept - 1);
	memset(p->asked, 0, sizeof(p->asked));
	memset(p->released_by, 0, sizeof(p->released_by));
}

static bool hold(struct player *p, struct vu_message *msg)
{
	if (msg->request >= PLAYER_IDS || !p->awaited[msg->request] || p->state != HELD_NONE)
		return false;
	move(&p->held, msg);
	p->state = HELD_NEW;
	p->served = false;
	backend_hold(p->be, true);
	return true;
}

/* ---- replies on the channel ---- */

static bool keep(struct player *p, struct vu_message *msg)
{
	if (!vu_message_is_reply(msg) || msg->request >= PLAYER_IDS || !p->asked[msg->request])
		return false;
	if (p->nkept == PLAYER_INBOX)
		discard(p, 0);
	p->asked[msg->request]--;
	move(&p->inbox[p->nkept++], msg);
	player_release(p, msg->request);
	return true;
}

/* ---- what the reference asks, and what the interpreter asks ---- */

bool player_came(void *ctx, struct vu_message *msg)
{
	struct player *p = ctx;
	struct vu_observation obs;

	vu_model_observe(&p->model, VU_FRONTEND, msg, &obs);
	report_message(&p->play->o->report, msg, false, NULL);
	play_observed(p->play, &obs);
	play_heard(p->play, msg, &obs);
	p->activity[msg->channel == VU_BACKEND]++;
	return msg->channel == VU_MAIN ? hold(p, msg) : keep(p, msg);
}

static struct vu_message *arrived_request(struct player *p, uint32_t request)
{
	bool same = p->state != HELD_NONE && p->held.request == request;

	/* to go on to another request is never to answer this one */
	if (p->state == HELD_TAKEN || (p->state == HELD_FOUND && !same))
		player_let_go(p);
	if (request < PLAYER_IDS)
		p->awaited[request] = true;
	return same && p->state != HELD_NONE ? &p->held : NULL;
}

struct vu_message *player_arrived(void *ctx, enum script_arrow arrow, uint32_t request)
{
	struct player *p = ctx;

	if (arrow == ARROW_REQUEST)
		return arrived_request(p, request);
	for (size_t i = 0; i < p->nkept; i++)
		if (p->inbox[i].request == request)
			return &p->inbox[i];
	return NULL;
}

void player_took(void *ctx, struct vu_message *msg)
{
	struct player *p = ctx;

	if (msg != &p->held)
		discard(p, (size_t)(msg - p->inbox));
	else if (p->answers[msg->request])
		p->state = HELD_TAKEN;
	else
		serve_held(p);
}

bool player_may_arrive(void *ctx, enum script_arrow arrow, uint32_t request, char *why, size_t size)
{
	struct player *p = ctx;

	(void)request;
	if (arrow == ARROW_BACKEND_REPLY && p->be->connected && !p->be->channel_open) {
		snprintf(why, size, "there is no back-end channel any more");
		return false;
	}
	if (p->be->connected)
		return true;
	snprintf(why, size, "%s",
		 p->play->subject.exited ? "the subject ended"
					 : "the front-end closed the connection");
	return false;
}
