/* SPDX-License-Identifier: Apache-2.0 */
/* The statements that act on rings, memory, descriptors and the subject: one function each, one table. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "player.h"
#include "script/trace.h"

#define CONNECT_WITHIN (10 * VU_NSEC_PER_SEC)
#define FENCE_ROUNDS 3

static enum script_step broken(struct script_call *call, const char *why)
{
	if (why != call->actual)
		snprintf(call->actual, sizeof(call->actual), "%s: %s", call->stmt->word, why);
	return STEP_ERROR;
}

/* Positional value @i as a number; a missing one is the parser's to refuse. */
static bool number(struct script_call *call, size_t i, uint64_t *value)
{
	const struct script_expr *e = script_positional(call->stmt, i);

	return e && !script_number(call->interp, e, value, call->actual, sizeof(call->actual));
}

uint64_t player_option(struct script_call *call, const char *name, uint64_t fallback)
{
	const struct script_arg *arg = script_named(call->stmt, name);
	uint64_t value;

	if (!arg ||
	    script_number(call->interp, arg->value, &value, call->actual, sizeof(call->actual)))
		return fallback;
	return value;
}

static const char *word(struct script_call *call, const char *name)
{
	const struct script_arg *arg = script_named(call->stmt, name);

	return arg && arg->value->text ? arg->value->text : NULL;
}

static struct player_ring *ring_arg(struct player *p, struct script_call *call, uint64_t *index)
{
	if (!number(call, 0, index))
		return NULL;
	return player_ring(p, *index, call->actual, sizeof(call->actual));
}

/* ---- memory and rings ---- */

static enum script_step verb_region(struct player *p, struct script_call *call)
{
	const char *name = script_positional(call->stmt, 0)->text, *same = word(call, "same");
	uint64_t guest = player_option(call, "guest", 0),
		 size = player_option(call, "size", 1 << 20);
	uint64_t user = player_option(call, "user", guest + 0x7f5500000000),
		 offset = player_option(call, "offset", 0);
	const struct vu_region *other = same ? vu_memory_find(&p->memory, same) : NULL;
	struct vu_region *r;

	if (same && !other)
		return broken(call, "there is no region of that name to share with");
	r = other ? vu_memory_add_shared(&p->memory, name, other, guest, user, size, offset)
		  : vu_memory_add(&p->memory, name, guest, user, size, offset);
	if (!r)
		return broken(call, strerror(errno));
	r->listed = !script_flag(call->stmt, "unlisted");
	return player_bind_region(p, r) ? STEP_ERROR : STEP_DONE;
}

static enum script_step list_region(struct player *p, struct script_call *call, bool listed)
{
	struct vu_region *r = vu_memory_find(&p->memory, script_positional(call->stmt, 0)->text);

	if (!r)
		return broken(call, "there is no region of that name");
	r->listed = listed;
	return STEP_DONE;
}

static enum script_step verb_list(struct player *p, struct script_call *call)
{
	return list_region(p, call, true);
}

static enum script_step verb_unlist(struct player *p, struct script_call *call)
{
	return list_region(p, call, false);
}

static enum script_step verb_ring(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = ring_arg(p, call, &index);
	const char *region = word(call, "region"), *buffers = word(call, "buffers");

	if (!ring)
		return STEP_ERROR;
	player_give_up(p, index);
	ring->laid_out = ring->has_base = false;
	ring->size = (uint16_t)player_option(call, "size", ring->size);
	ring->packed = ring->packed || script_flag(call->stmt, "packed");
	ring->event_idx = ring->event_idx || script_flag(call->stmt, "event-idx");
	if (region)
		snprintf(ring->region, sizeof(ring->region), "%s", region);
	if (buffers || region)
		snprintf(ring->buffers, sizeof(ring->buffers), "%s", buffers ? buffers : region);
	return STEP_DONE;
}

static enum script_step verb_bases(struct player *p, struct script_call *call)
{
	uint64_t index, base;
	struct player_ring *ring = ring_arg(p, call, &index);

	if (!ring || !number(call, 1, &base))
		return STEP_ERROR;
	if (player_lay_out(p, index))
		return broken(call, "no memory for the ring");
	player_give_up(p, index);
	vu_vring_set_base(&ring->vr, (uint32_t)base);
	ring->has_base = true;
	ring->base = (uint32_t)base;
	return STEP_DONE;
}

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

static enum script_step verb_submit(struct player *p, struct script_call *call)
{
	const struct script_expr *kind = script_positional(call->stmt, 1);
	struct vu_arg args[VU_REQUEST_ARGS];
	uint64_t ring;
	int n;

	if (!number(call, 0, &ring))
		return STEP_ERROR;
	n = player_submit(p, ring, kind->text, args, request_args(call, args),
			  script_flag(call->stmt, "indirect"), call->actual, sizeof(call->actual));
	if (n == -ENOENT && !p->dev->kinds->name)
		return STEP_NA;
	if (n < 0)
		return broken(call, call->actual);
	if (call->stmt->as)
		script_bind_number(call->interp, call->stmt->as, (uint64_t)n);
	if (!script_flag(call->stmt, "quietly"))
		player_kick(p, ring, 1);
	return STEP_DONE;
}

static enum script_step verb_kick(struct player *p, struct script_call *call)
{
	uint64_t ring;

	if (!number(call, 0, &ring))
		return STEP_ERROR;
	player_kick(p, ring, player_option(call, "value", 1));
	return STEP_DONE;
}

static struct player_request *request_arg(struct player *p, struct script_call *call)
{
	uint64_t n;

	if (!number(call, 1, &n))
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

static enum script_step gone(struct player *p, struct script_call *call)
{
	subject_check(p->subject);
	if (!p->subject->exited)
		return STEP_PENDING;
	snprintf(call->actual, sizeof(call->actual), "the subject ended");
	return STEP_FAILED;
}

static enum script_step verb_used(struct player *p, struct script_call *call)
{
	struct player_request *r = request_arg(p, call);

	if (!r)
		return broken(call, call->actual);
	player_reap(p);
	if (!r->done) {
		snprintf(call->actual, sizeof(call->actual), "the request was not completed");
		return gone(p, call);
	}
	if (r->req.complaint[0] && !script_flag(call->stmt, "anyhow")) {
		snprintf(call->actual, sizeof(call->actual), "%s", r->req.complaint);
		return STEP_FAILED;
	}
	return compare_results(call, r);
}

static enum script_step verb_unused(struct player *p, struct script_call *call)
{
	struct player_request *r = request_arg(p, call);

	if (!r)
		return broken(call, call->actual);
	player_reap(p);
	if (!r->done)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the request was completed, %u bytes written",
		 r->len);
	return STEP_FAILED;
}

/* ---- notifications ---- */

static enum script_step verb_called(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (ring->calls == ring->calls_taken) {
		snprintf(call->actual, sizeof(call->actual),
			 "no signal came on the call descriptor");
		return gone(p, call);
	}
	ring->calls_taken = ring->calls;
	return STEP_DONE;
}

static enum script_step verb_uncalled(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	player_wait(p, 0);
	if (ring->calls == ring->calls_taken)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the call descriptor was signalled");
	return STEP_FAILED;
}

static enum script_step verb_errored(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (ring->errs)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "no signal came on the error descriptor");
	return gone(p, call);
}

/* A window of time: nothing may come while it lasts. */
static enum script_step window(struct script_call *call, uint64_t count, const char *what)
{
	if (!call->stage) {
		call->stage = 1;
		call->handle[0] = count;
	}
	if (count != call->handle[0]) {
		snprintf(call->actual, sizeof(call->actual), "%s", what);
		return STEP_FAILED;
	}
	return vu_now() >= call->since + call->stmt->window ? STEP_DONE : STEP_PENDING;
}

static enum script_step verb_idle(struct player *p, struct script_call *call)
{
	uint64_t index;
	struct player_ring *ring = ring_arg(p, call, &index);

	if (!ring)
		return STEP_ERROR;
	if (!call->stage)
		player_wait(p, 0); /* what came before does not count */
	player_reap(p);
	return window(call, ring->events, "the ring was not idle");
}

static enum script_step verb_silence(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	bool requests = e && e->text && !strcmp(e->text, "<=");

	return window(call, p->activity[requests], "a message came");
}

/* ---- the connection ---- */

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

/* fence RING: a probe on that ring, which has to be served, and then answered messages. */
static enum script_step verb_fence(struct player *p, struct script_call *call)
{
	uint64_t ring;
	int n;

	if (!script_positional(call->stmt, 0))
		return rounds(p, call, FENCE_ROUNDS);
	if (!number(call, 0, &ring))
		return STEP_ERROR;
	if (!call->handle[1]) {
		n = player_submit(p, ring, "probe", NULL, 0, false, call->actual,
				  sizeof(call->actual));
		if (n < 0)
			return p->dev->kinds->name ? broken(call, call->actual) : STEP_NA;
		player_kick(p, ring, 1);
		call->handle[1] = (uint64_t)n + 1;
	}
	player_reap(p);
	if (p->requests[call->handle[1] - 1].done)
		return rounds(p, call, FENCE_ROUNDS);
	snprintf(call->actual, sizeof(call->actual),
		 "the probe on ring %" PRIu64 " was not completed", ring);
	return gone(p, call);
}

static enum script_step verb_alive(struct player *p, struct script_call *call)
{
	return rounds(p, call, 1);
}

static enum script_step verb_closed(struct player *p, struct script_call *call)
{
	p->parted = p->closed;
	if (p->closed)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the connection still stands");
	return STEP_PENDING;
}

static enum script_step verb_connect(struct player *p, struct script_call *call)
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

static enum script_step verb_disconnect(struct player *p, struct script_call *call)
{
	(void)call;
	player_disconnect(p);
	p->parted = true;
	return STEP_DONE;
}

/* Our end of the back-end channel: what the subject sends from now on finds nobody. */
static enum script_step verb_close_channel(struct player *p, struct script_call *call)
{
	if (!p->channel_open) {
		snprintf(call->actual, sizeof(call->actual), "there is no back-end channel");
		return STEP_UNREACHED;
	}
	vu_conn_close(&p->channel);
	p->channel_open = false;
	return STEP_DONE;
}

static enum script_step verb_restart(struct player *p, struct script_call *call)
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

static enum script_step verb_serve(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 1);
	const struct vu_message_info *info =
		e ? vu_message_named(p->play->draft, VU_BACKEND, e->text) : NULL;

	if (!info)
		return broken(call, "until wants a request of the back-end channel");
	return player_arrived(p, ARROW_BACKEND_REQUEST, info->id) ? STEP_DONE : STEP_PENDING;
}

/* ---- memory ---- */

/* What a device makes of a ring that the script wrote to is no longer the device's fault. */
static void disown_ring_at(struct player *p, uint64_t address)
{
	for (size_t i = 0; i < p->nrings; i++) {
		struct player_ring *ring = &p->rings[i];

		if (ring->laid_out && address >= ring->vr.desc && address < ring->vr.used)
			ring->wild = true;
	}
}

static enum script_step verb_poke(struct player *p, struct script_call *call)
{
	uint64_t address, bytes, value;
	void *host;

	if (!number(call, 0, &address) || !number(call, 1, &bytes) || !number(call, 2, &value))
		return STEP_ERROR;
	host = bytes <= sizeof(value) ? vu_memory_host(&p->memory, address, bytes) : NULL;
	if (!host)
		return broken(call, "no such guest memory");
	disown_ring_at(p, address);
	memcpy(host, &value, bytes); /* least significant bytes first, as virtio has it */
	return STEP_DONE;
}

static enum script_step verb_clear_log(struct player *p, struct script_call *call)
{
	if (p->log.fd < 0)
		return broken(call, "there is no log");
	vu_log_clear(&p->log);
	return STEP_DONE;
}

enum script_step player_verb(void *ctx, struct script_call *call)
{
	static const struct {
		const char *word;
		enum script_step (*run)(struct player *p, struct script_call *call);
	} verbs[] = {
		{ "region", verb_region },
		{ "list", verb_list },
		{ "unlist", verb_unlist },
		{ "ring", verb_ring },
		{ "bases", verb_bases },
		{ "submit", verb_submit },
		{ "kick", verb_kick },
		{ "used", verb_used },
		{ "unused", verb_unused },
		{ "called", verb_called },
		{ "uncalled", verb_uncalled },
		{ "errored", verb_errored },
		{ "idle", verb_idle },
		{ "silence", verb_silence },
		{ "fence", verb_fence },
		{ "alive", verb_alive },
		{ "closed", verb_closed },
		{ "connect", verb_connect },
		{ "disconnect", verb_disconnect },
		{ "restart", verb_restart },
		{ "serve", verb_serve },
		{ "close-channel", verb_close_channel },
		{ "poke", verb_poke },
		{ "clear-log", verb_clear_log },
		{ "drain", player_drain },
		{ "feed", player_feed },
		{ "corrupt", player_spoil },
		{ "truncate", player_spoil },
		{ "garbage", player_spoil },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].word, call->stmt->word))
			return verbs[i].run(ctx, call);
	return play_verb(((struct player *)ctx)->play, call);
}
