/* SPDX-License-Identifier: Apache-2.0 */
/* The statements that only the front-end has: their table, and those that lay out memory and rings. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

/* ---- what all of them take and say ---- */

enum script_step verb_broken(struct script_call *call, const char *why)
{
	if (why != call->actual)
		snprintf(call->actual, sizeof(call->actual), "%s: %s", call->stmt->word, why);
	return STEP_ERROR;
}

/* Positional value @i as a number; a missing one is the parser's to refuse. */
bool verb_number(struct script_call *call, size_t i, uint64_t *value)
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

struct player_ring *verb_ring_arg(struct player *p, struct script_call *call, uint64_t *index)
{
	if (!verb_number(call, 0, index))
		return NULL;
	return player_ring(p, *index, call->actual, sizeof(call->actual));
}

bool verb_ended(struct player *p)
{
	subject_check(p->subject);
	if (!p->subject->exited && !(p->closed && p->connected))
		return false;
	player_wait(p, 0);
	return true;
}

enum script_step verb_pending(struct script_call *call, const char *missing)
{
	snprintf(call->actual, sizeof(call->actual), "%s", missing);
	return STEP_PENDING;
}

enum script_step verb_gone(struct player *p, struct script_call *call)
{
	if (player_may_arrive(p, ARROW_REPLY, 0, call->actual, sizeof(call->actual)))
		snprintf(call->actual, sizeof(call->actual), "the subject ended");
	return STEP_FAILED;
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
		return verb_broken(call, "there is no region of that name to share with");
	r = other ? vu_memory_add_shared(&p->memory, name, other, guest, user, size, offset)
		  : vu_memory_add(&p->memory, name, guest, user, size, offset);
	if (!r)
		return verb_broken(call, strerror(errno));
	r->listed = !script_flag(call->stmt, "unlisted");
	return player_bind_region(p, r) ? STEP_ERROR : STEP_DONE;
}

static enum script_step list_region(struct player *p, struct script_call *call, bool listed)
{
	struct vu_region *r = vu_memory_find(&p->memory, script_positional(call->stmt, 0)->text);

	if (!r)
		return verb_broken(call, "there is no region of that name");
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
	struct player_ring *ring = verb_ring_arg(p, call, &index);
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
	struct player_ring *ring = verb_ring_arg(p, call, &index);

	if (!ring || !verb_number(call, 1, &base))
		return STEP_ERROR;
	if (player_lay_out(p, index))
		return verb_broken(call, "no memory for the ring");
	player_give_up(p, index);
	vu_vring_set_base(&ring->vr, (uint32_t)base);
	ring->has_base = true;
	ring->base = (uint32_t)base;
	return STEP_DONE;
}

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

	if (!verb_number(call, 0, &address) || !verb_number(call, 1, &bytes) ||
	    !verb_number(call, 2, &value))
		return STEP_ERROR;
	host = bytes <= sizeof(value) ? vu_memory_host(&p->memory, address, bytes) : NULL;
	if (!host)
		return verb_broken(call, "no such guest memory");
	disown_ring_at(p, address);
	memcpy(host, &value, bytes); /* least significant bytes first, as virtio has it */
	return STEP_DONE;
}

static enum script_step verb_clear_log(struct player *p, struct script_call *call)
{
	if (p->log.fd < 0)
		return verb_broken(call, "there is no log");
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
		{ "withhold", player_withhold },
		{ "faulted", player_faulted },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].word, call->stmt->word))
			return verbs[i].run(ctx, call);
	return play_verb(((struct player *)ctx)->play, call);
}
