/* SPDX-License-Identifier: Apache-2.0 */
/* The statements about the connection and the process behind it. */
#include <inttypes.h>
#include <string.h>
#include <sys/wait.h>

#include "verbs.h"

#define CONNECT_WITHIN (10 * VU_NSEC_PER_SEC)
#define FENCE_ROUNDS 3

static int send_fence(struct player *p)
{
	uint64_t sequence = p->model.messages;
	struct vu_message msg;
	int err;

	vu_message_init(&msg, VU_MAIN, VU_GET_FEATURES);
	err = player_send(p, &msg, NULL, vu_deadline_in(CONNECT_WITHIN));
	if (!err && p->nfences < VU_MODEL_OUTSTANDING)
		p->fences[p->nfences++] = sequence;
	return err;
}

static enum script_step lost(struct player *p, struct script_call *call)
{
	if (player_may_arrive(p, ARROW_REPLY, 0, call->actual, sizeof(call->actual)))
		snprintf(call->actual, sizeof(call->actual),
			 "the subject does not take GET_FEATURES");
	return STEP_FAILED;
}

/* Answered GET_FEATURES, so often that what the kernel delivered out of order to us was seen, too. */
static enum script_step rounds(struct player *p, struct script_call *call, uint64_t wanted)
{
	while (!p->nfences && call->stage < wanted) {
		call->stage++;
		if (p->closed || send_fence(p))
			return lost(p, call);
	}
	if (p->nfences && p->closed)
		return lost(p, call);
	if (p->nfences)
		snprintf(call->actual, sizeof(call->actual), "GET_FEATURES is not answered");
	return p->nfences ? STEP_PENDING : STEP_DONE;
}

static enum script_step submit_probe(struct player *p, struct script_call *call, uint64_t ring)
{
	int n = player_submit(p, ring, "probe", NULL, 0, false, call->actual, sizeof(call->actual));

	if (n < 0)
		return p->dev->kinds->name ? verb_not_submitted(p, call, n) : STEP_NA;
	player_kick(p, ring, 1);
	call->handle[1] = (uint64_t)n + 1;
	return STEP_DONE;
}

/* fence RING: a probe on that ring, which has to be served, and then answered messages. */
enum script_step verb_fence(struct player *p, struct script_call *call)
{
	const struct player_request *probe;
	enum script_step step = STEP_DONE;
	uint64_t ring;

	if (!script_positional(call->stmt, 0))
		return rounds(p, call, FENCE_ROUNDS);
	if (!verb_number(call, 0, &ring))
		return STEP_ERROR;
	if (!call->handle[1])
		step = submit_probe(p, call, ring);
	if (step != STEP_DONE)
		return step;
	probe = &p->requests[call->handle[1] - 1];
	player_reap(p);
	if (!probe->done && !verb_ended(p)) {
		snprintf(call->actual, sizeof(call->actual),
			 "the probe on ring %" PRIu64 " was not completed", ring);
		return STEP_PENDING;
	}
	return probe->done ? rounds(p, call, FENCE_ROUNDS) : verb_gone(p, call);
}

enum script_step verb_alive(struct player *p, struct script_call *call)
{
	return rounds(p, call, 1);
}

enum script_step verb_closed(struct player *p, struct script_call *call)
{
	p->parted = p->closed;
	if (p->closed)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the connection still stands");
	return STEP_PENDING;
}

enum script_step verb_connect(struct player *p, struct script_call *call)
{
	int err = player_connect(p, vu_deadline_in(script_scaled(call->interp, CONNECT_WITHIN)));

	if (!err)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "%s",
		 p->subject->trouble[0] ? p->subject->trouble : strerror(-err));
	subject_check(p->subject);
	if (p->subject->exited && WIFEXITED(p->subject->status))
		return STEP_NA; /* it serves one connection, which is its right */
	return STEP_FAILED;
}

enum script_step verb_disconnect(struct player *p, struct script_call *call)
{
	(void)call;
	player_disconnect(p);
	p->parted = true;
	return STEP_DONE;
}

/* Our end of the back-end channel: what the subject sends from now on finds nobody. */
enum script_step verb_close_channel(struct player *p, struct script_call *call)
{
	if (!p->channel_open) {
		snprintf(call->actual, sizeof(call->actual), "there is no back-end channel");
		return STEP_UNREACHED;
	}
	vu_conn_close(&p->channel);
	p->channel_open = false;
	return STEP_DONE;
}

enum script_step verb_restart(struct player *p, struct script_call *call)
{
	player_disconnect(p);
	if (!p->subject->ours)
		return STEP_NA;
	subject_stop(p->subject);
	if (subject_start(p->subject)) {
		snprintf(call->actual, sizeof(call->actual), "%s", p->subject->trouble);
		return STEP_FAILED;
	}
	if (p->subject->pidfd >= 0)
		player_watch(p, p->subject->pidfd);
	return verb_connect(p, call);
}

enum script_step verb_serve(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 1);
	const struct vu_message_info *info =
		e ? vu_message_named(p->play->draft, VU_BACKEND, e->text) : NULL;

	if (!info)
		return verb_broken(call, "until wants a request of the back-end channel");
	if (player_arrived(p, ARROW_BACKEND_REQUEST, info->id))
		return STEP_DONE;
	return player_may_arrive(p, ARROW_BACKEND_REQUEST, info->id, call->actual,
				 sizeof(call->actual))
		       ? STEP_PENDING
		       : STEP_FAILED;
}
