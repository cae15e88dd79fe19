/* SPDX-License-Identifier: Apache-2.0 */
/* The statements about requests on a ring, and about the notifications of it. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "verbs.h"

static size_t request_args(struct script_call *call, struct vu_arg args[VU_REQUEST_ARGS])
{
	size_t n = 0;

	for (size_t i = 0; i < call->stmt->nargs && n < VU_REQUEST_ARGS; i++) {
		const struct script_arg *arg = &call->stmt->args[i];

		if (!arg->name)
			continue;
		args[n].key = arg->name;
		args[n++].value = player_option(call, arg->name, 0);
	}
	return n;
}

/* A ring gets full when requests do not come back: then it is the subject's doing. */
enum script_step verb_not_submitted(struct player *p, struct script_call *call, int err)
{
	return err == -ENOSPC && player_in_flight(p) ? STEP_UNREACHED
						     : verb_broken(call, call->actual);
}

enum script_step verb_submit(struct player *p, struct script_call *call)
{
	const struct script_expr *kind = script_positional(call->stmt, 1);
	struct vu_arg args[VU_REQUEST_ARGS];
	uint64_t ring;
	int n;

	if (!verb_number(call, 0, &ring))
		return STEP_ERROR;
	n = player_submit(p, ring, kind->text, args, request_args(call, args),
			  script_flag(call->stmt, "indirect"), call->actual, sizeof(call->actual));
	if (n == -ENOENT && !p->dev->kinds->name)
		return STEP_NA;
	if (n < 0)
		return verb_not_submitted(p, call, n);
	if (call->stmt->as)
		script_bind_number(call->interp, call->stmt->as, (uint64_t)n);
	if (!script_flag(call->stmt, "quietly"))
		player_kick(p, ring, 1);
	return STEP_DONE;
}

enum script_step verb_kick(struct player *p, struct script_call *call)
{
	uint64_t ring;

	if (!verb_number(call, 0, &ring))
		return STEP_ERROR;
	player_kick(p, ring, player_option(call, "value", 1));
	return STEP_DONE;
}

static struct player_request *request_arg(struct player *p, struct script_call *call)
{
	uint64_t n;

	if (!verb_number(call, 1, &n))
		return NULL;
	if (n < p->nrequests)
		return &p->requests[n];
	snprintf(call->actual, sizeof(call->actual), "no such request was submitted");
	return NULL;
}

static bool result(const struct player_request *r, const char *key, uint64_t *value)
{
	if (!strcmp(key, "len") || !strcmp(key, "order")) {
		*value = !strcmp(key, "len") ? r->len : r->order;
		return true;
	}
	return vu_request_result(&r->req, key, value);
}

static enum script_step compare_results(struct script_call *call, const struct player_request *r)
{
	for (size_t i = 0; i < call->stmt->nargs; i++) {
		const struct script_arg *arg = &call->stmt->args[i];
		uint64_t value;

		if (!arg->name)
			continue;
		if (!result(r, arg->name, &value)) {
			snprintf(call->actual, sizeof(call->actual), "%s has no result %s",
				 r->req.kind->name, arg->name);
			return STEP_ERROR;
		}
		if (!script_match(call->interp, arg, value)) {
			snprintf(call->actual, sizeof(call->actual), "completed with %s=%#" PRIx64,
				 arg->name, value);
			return STEP_FAILED;
		}
	}
	return STEP_DONE;
}

enum script_step verb_used(struct player *p, struct script_call *call)
{
	struct player_request *r = request_arg(p, call);

	if (!r)
		return verb_broken(call, call->actual);
	player_reap(p);
	if (!r->done && !verb_ended(p))
		return verb_pending(call, "the request was not completed");
	if (!r->done)
		return verb_gone(p, call);
	if (r->req.complaint[0] && !script_flag(call->stmt, "anyhow")) {
		snprintf(call->actual, sizeof(call->actual), "%s", r->req.complaint);
		return STEP_FAILED;
	}
	return compare_results(call, r);
}

enum script_step verb_unused(struct player *p, struct script_call *call)
{
	struct player_request *r = request_arg(p, call);

	if (!r)
		return verb_broken(call, call->actual);
	player_reap(p);
	if (!r->done)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the request was completed, %u bytes written",
		 r->len);
	return STEP_FAILED;
}

/* ---- notifications ---- */

enum script_step verb_called(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = verb_ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (ring->calls == ring->calls_taken && !verb_ended(p))
		return verb_pending(call, "no signal came on the call descriptor");
	if (ring->calls == ring->calls_taken)
		return verb_gone(p, call);
	ring->calls_taken = ring->calls;
	return STEP_DONE;
}

enum script_step verb_uncalled(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = verb_ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	player_wait(p, 0);
	if (ring->calls == ring->calls_taken)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the call descriptor was signalled");
	return STEP_FAILED;
}

enum script_step verb_errored(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = verb_ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (!ring->errs && !verb_ended(p))
		return verb_pending(call, "no signal came on the error descriptor");
	return ring->errs ? STEP_DONE : verb_gone(p, call);
}

/* A window of time: nothing may come while it lasts. That nothing comes from who has gone shows nothing. */
static enum script_step window(struct player *p, struct script_call *call, const uint64_t *count,
			       const char *what)
{
	bool ended = verb_ended(p);

	if (!call->stage++)
		call->handle[0] = *count;
	if (*count != call->handle[0]) {
		snprintf(call->actual, sizeof(call->actual), "%s", what);
		return STEP_FAILED;
	}
	if (ended)
		return verb_gone(p, call);
	return vu_now() >= call->since + call->stmt->window ? STEP_DONE : STEP_PENDING;
}

enum script_step verb_idle(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = verb_ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (!call->stage)
		player_wait(p, 0); /* what came before does not count */
	player_reap(p);
	return window(p, call, &ring->events, "the ring was not idle");
}

enum script_step verb_silence(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	bool requests = e && e->text && !strcmp(e->text, "<=");

	return window(p, call, &p->activity[requests], "a message came");
}
