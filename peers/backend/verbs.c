/* SPDX-License-Identifier: Apache-2.0 */
/* The statements that act on the back-end: serving, rings that are held, the connection. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "player.h"

#define MARGIN \
	VU_NSEC_PER_MSEC /* a wait that may end without a result ends so long before its deadline */

static enum script_step broken(struct script_call *call, const char *why)
{
	snprintf(call->actual, sizeof(call->actual), "%s: %s", call->stmt->word, why);
	return STEP_ERROR;
}

static bool over(const struct script_call *call)
{
	int64_t deadline = script_deadline(call->interp, call->stmt, call->since);

	return deadline != VU_FOREVER && vu_now() + MARGIN >= deadline;
}

/* The connection that the script knows of has ended; the next one may be there already. */
static bool ended(const struct player *p)
{
	return !p->be->connected || p->connections > p->connections_taken;
}

/* ---- serving ---- */

static enum script_step serve_until(struct player *p, struct script_call *call, const char *name)
{
	const struct vu_message_info *info = vu_message_named(p->play->draft, VU_MAIN, name);
	const char *lack;

	if (!info)
		return broken(call, "until wants a request of the front-end");
	if (player_arrived(p, ARROW_REQUEST, info->id))
		p->state = HELD_FOUND;
	lack = p->state == HELD_FOUND || player_at_work(p) ? player_lacks(p) : NULL;
	if (lack) {
		snprintf(call->actual, sizeof(call->actual), "%s", lack);
		return STEP_NA;
	}
	if (p->state == HELD_FOUND)
		return STEP_DONE;
	if (!p->play->subject.exited && !over(call))
		return STEP_PENDING;
	snprintf(call->actual, sizeof(call->actual), "%s before %s came",
		 p->play->subject.exited ? "the subject ended" : "time was up", name);
	return STEP_UNREACHED;
}

static enum script_step verb_serve(struct player *p, struct script_call *call)
{
	const struct script_expr *until = script_positional(call->stmt, 1);

	if (until)
		return serve_until(p, call, until->text);
	player_let_go(p);
	p->parted = !p->be->connected;
	return ended(p) || over(call) ? STEP_DONE : STEP_PENDING;
}

/* ---- rings ---- */

static struct ring *ring_arg(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	uint64_t index;
	struct ring *ring;

	if (script_number(call->interp, e, &index, call->actual, sizeof(call->actual)))
		return NULL;
	ring = ring_of(p->be, index);
	if (!ring)
		snprintf(call->actual, sizeof(call->actual), "there is no such ring");
	return ring;
}

static enum script_step verb_hold_ring(struct player *p, struct script_call *call)
{
	const struct script_expr *until = script_positional(call->stmt, 2);
	const struct vu_message_info *info =
		until ? vu_message_named(p->play->draft, VU_BACKEND, until->text) : NULL;
	struct ring *ring = ring_arg(p, call);

	if (!ring)
		return STEP_ERROR;
	if (until && !info)
		return broken(call, "until wants a request of the back-end channel");
	ring->held = true;
	p->released_by[ring->index] = info ? info->id : 0;
	return STEP_DONE;
}

static void serve_ring(struct player *p, struct ring *ring)
{
	ring->held = false;
	if (ring->kick >= 0) /* unless it is watched already */
		backend_watch(p->be, ring->kick, EPOLLIN, WATCH_KICK, ring->index);
	ring_run(p->be, ring);
}

static enum script_step verb_serve_ring(struct player *p, struct script_call *call)
{
	struct ring *ring = ring_arg(p, call);

	if (!ring)
		return STEP_ERROR;
	serve_ring(p, ring);
	return STEP_DONE;
}

void player_release(struct player *p, uint32_t request)
{
	for (unsigned int i = 0; i < p->be->nrings; i++)
		if (p->be->rings[i].held && p->released_by[i] == request)
			serve_ring(p, &p->be->rings[i]);
}

/* ---- the connection ---- */

static enum script_step verb_silence(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	uint64_t count = p->activity[e && e->text && !strcmp(e->text, "=>")];

	if (!call->stage) {
		call->stage = 1;
		call->handle[0] = count;
	}
	if (count != call->handle[0]) {
		snprintf(call->actual, sizeof(call->actual), "a message came");
		return STEP_FAILED;
	}
	return over(call) ? STEP_DONE : STEP_PENDING;
}

/* A front-end cannot be asked anything: it lives as long as it keeps the connection. */
static enum script_step verb_alive(struct player *p, struct script_call *call)
{
	if (player_may_arrive(p, ARROW_REQUEST, 0, call->actual, sizeof(call->actual)))
		return STEP_DONE;
	return STEP_FAILED;
}

static enum script_step verb_closed(struct player *p, struct script_call *call)
{
	p->parted = !p->be->connected;
	if (ended(p))
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the connection still stands");
	return STEP_PENDING;
}

static enum script_step verb_connect(struct player *p, struct script_call *call)
{
	if (p->connections > p->connections_taken) {
		p->connections_taken = p->connections;
		return STEP_DONE;
	}
	if (p->play->subject.exited) {
		snprintf(call->actual, sizeof(call->actual), "the subject ended");
		return STEP_FAILED;
	}
	snprintf(call->actual, sizeof(call->actual), "the front-end did not connect again");
	return STEP_PENDING;
}

static enum script_step verb_disconnect(struct player *p, struct script_call *call)
{
	(void)call;
	backend_disconnect(p->be);
	p->parted = true;
	return STEP_DONE;
}

static enum script_step verb_close_channel(struct player *p, struct script_call *call)
{
	if (!p->be->channel_open)
		return broken(call, "there is no back-end channel");
	channel_close(p->be);
	return STEP_DONE;
}

enum script_step player_verb(void *ctx, struct script_call *call)
{
	static const struct {
		const char *word;
		enum script_step (*run)(struct player *p, struct script_call *call);
	} verbs[] = {
		{ "serve", verb_serve },
		{ "hold-ring", verb_hold_ring },
		{ "serve-ring", verb_serve_ring },
		{ "silence", verb_silence },
		{ "alive", verb_alive },
		{ "closed", verb_closed },
		{ "connect", verb_connect },
		{ "disconnect", verb_disconnect },
		{ "close-channel", verb_close_channel },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].word, call->stmt->word))
			return verbs[i].run(ctx, call);
	return play_verb(((struct player *)ctx)->play, call);
}
