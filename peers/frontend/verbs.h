/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the statements share with one another and with nobody else. */
#ifndef VRINGER_FRONTEND_VERBS_H
#define VRINGER_FRONTEND_VERBS_H

#include "player.h"

/** verb_broken - the statement cannot be carried out; its word goes before @why, unless that is call->actual. */
enum script_step verb_broken(struct script_call *call, const char *why);

/** verb_number - positional value @i as a number; a missing one is the parser's to refuse. */
bool verb_number(struct script_call *call, size_t i, uint64_t *value);

/** verb_ring_arg - the ring that the first value names, or NULL with call->actual. */
struct player_ring *verb_ring_arg(struct player *p, struct script_call *call, uint64_t *index);

/**
 * verb_ended - whether the subject has hung up or exited, so that it does nothing more. What it did
 * before that has been taken in when this returns.
 */
bool verb_ended(struct player *p);

/** verb_pending, verb_gone - what is @missing may still come; it cannot come any more. */
enum script_step verb_pending(struct script_call *call, const char *missing);
enum script_step verb_gone(struct player *p, struct script_call *call);

/* ---- verbs_ring.c ---- */
/** verb_not_submitted - what it means that player_submit() came back with @err. */
enum script_step verb_not_submitted(struct player *p, struct script_call *call, int err);
enum script_step verb_submit(struct player *p, struct script_call *call);
enum script_step verb_kick(struct player *p, struct script_call *call);
enum script_step verb_used(struct player *p, struct script_call *call);
enum script_step verb_unused(struct player *p, struct script_call *call);
enum script_step verb_called(struct player *p, struct script_call *call);
enum script_step verb_uncalled(struct player *p, struct script_call *call);
enum script_step verb_errored(struct player *p, struct script_call *call);
enum script_step verb_idle(struct player *p, struct script_call *call);
enum script_step verb_silence(struct player *p, struct script_call *call);

/* ---- verbs_connection.c ---- */
enum script_step verb_fence(struct player *p, struct script_call *call);
enum script_step verb_alive(struct player *p, struct script_call *call);
enum script_step verb_closed(struct player *p, struct script_call *call);
enum script_step verb_connect(struct player *p, struct script_call *call);
enum script_step verb_disconnect(struct player *p, struct script_call *call);
enum script_step verb_close_channel(struct player *p, struct script_call *call);
enum script_step verb_restart(struct player *p, struct script_call *call);
enum script_step verb_serve(struct player *p, struct script_call *call);

#endif
