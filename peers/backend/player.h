/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end that plays: the reference serves, and the script takes out of its hands what it speaks of. */
#ifndef VRINGER_BACKEND_PLAYER_H
#define VRINGER_BACKEND_PLAYER_H

#include "backend.h"
#include "model/waits.h"
#include "play/play.h"

#define PLAYER_INBOX 32
#define PLAYER_IDS 64

/* A request of the front-end that the script waits for is kept from the reference: nothing behind it is read. */
enum held_state {
	HELD_NONE,
	HELD_NEW,   /* it came */
	HELD_FOUND, /* `serve until` ended with it */
	HELD_TAKEN, /* the script's line was it, and it answers by itself */
};

struct player {
	struct backend *be;
	struct backend_options *opt;
	struct play *play;
	struct backend_watcher watcher;
	struct vu_model model;
	struct play_needs needs;
	unsigned int connections,
		connections_taken; /* so far, and of them those that the script awaited */
	bool closed;               /* by the front-end */
	bool parted;               /* the script knows that there is no connection */
	bool leaving;              /* the run is over */
	bool triggered;
	bool awaited[PLAYER_IDS]; /* requests that the statement at play waits for */
	bool answers[PLAYER_IDS]; /* requests that the script answers itself */
	bool asks[PLAYER_IDS];    /* requests on the channel that it sends */
	enum held_state state;
	bool served;      /* the reference has dealt with the one held */
	bool moves_state; /* the script took its descriptor: a device state is the script's to move */
	struct vu_message held;
	struct vu_message reply;               /* that of the reference to the request held last */
	struct vu_message inbox[PLAYER_INBOX]; /* replies on the channel to what the script asked */
	size_t nkept;
	unsigned int asked[PLAYER_IDS]; /* requests of the script on the channel, by id */
	uint32_t released_by
		[BACKEND_RINGS]; /* held rings: the request whose answer lets them go on, or 0 */
	uint64_t activity[2];    /* messages that came: requests, replies on the channel */
	char lack[120];
};

/** player_new - nothing is connected yet. NULL with errno. */
struct player *player_new(struct backend_options *opt, struct play *play);
void player_free(struct player *p);
struct script_host player_host(struct player *p);

/** player_wait - serve until something happened (0) or -ETIMEDOUT, -EINTR. */
int player_wait(void *ctx, int64_t deadline);

/** player_scan - parse the whole scenario and note which requests it answers. 0 or -EINVAL with @err. */
int player_scan(struct player *p, struct script *s, struct script_error *err);

/** player_waits - who waits for whom, as text; true when it is a cycle. */
bool player_waits(const struct player *p, char *buf, size_t size);

/** player_at_work - whether a ring is started and enabled. */
bool player_at_work(const struct player *p);

/** player_lacks - what was not acknowledged of what the scenario needs, or NULL. */
const char *player_lacks(struct player *p);

/* ---- inbox.c: what came, and what is held ---- */
bool player_came(void *ctx, struct vu_message *msg);
struct vu_message *player_arrived(void *ctx, enum script_arrow arrow, uint32_t request);
void player_took(void *ctx, struct vu_message *msg);
bool player_may_arrive(void *ctx, enum script_arrow arrow, uint32_t request, char *why,
		       size_t size);
/** player_let_go - what is held will not be answered any more; the reference goes on behind it. */
void player_let_go(struct player *p);
/** player_pass_on - what is held and no longer waited for is the reference's to serve. */
void player_pass_on(struct player *p);
/** player_forget - the connection is over. */
void player_forget(struct player *p);

/* ---- fill.c, verbs.c, functions.c ---- */
int player_fill(void *ctx, struct script_call *call, struct vu_message *msg);
enum script_step player_verb(void *ctx, struct script_call *call);
/** player_release - let rings go on that waited for the answer to @request. */
void player_release(struct player *p, uint32_t request);
int player_function(void *ctx, const char *name, const struct script_value *args, size_t nargs,
		    uint64_t *value);

/* ---- side.c ---- */
/** backend_side - plays the back-end; play_options.own is the struct backend_options. */
extern const struct play_side backend_side;

#endif
