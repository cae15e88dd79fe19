/* SPDX-License-Identifier: Apache-2.0 */
/* The front-end that plays: its connection, memory, rings and requests, and what the script may do to them. */
#ifndef VRINGER_FRONTEND_PLAYER_H
#define VRINGER_FRONTEND_PLAYER_H

#include <sys/types.h>

#include "devices/device.h"
#include "memory/log.h"
#include "model/model.h"
#include "model/waits.h"
#include "play/play.h"
#include "quirks.h"
#include "script/interp.h"
#include "vring/vring.h"

#define PLAYER_INBOX 64
#define PLAYER_REQUESTS 1024
#define PLAYER_STATES 16
#define PLAYER_PAGE 4096

struct player_ring {
	bool laid_out, packed, event_idx;
	bool wild; /* the subject returned what was not in flight; said once */
	uint16_t size;
	char region[16], buffers[16]; /* where the ring and where its requests lie */
	struct vu_vring vr;
	int kick, call, err;  /* owned; -1 while there is none */
	uint64_t calls, errs; /* signals so far */
	uint64_t calls_taken; /* of them, those that `called` waited for */
	uint64_t events;      /* signals and completions, for `idle` */
	bool has_base;        /* base says where the subject stopped */
	uint32_t base;
};

struct player_request {
	bool submitted, done, background;
	unsigned int ring;
	int id; /* in the ring */
	uint32_t len;
	uint64_t order; /* of completion, from 1 */
	struct vu_request req;
};

struct player_state { /* a device state that was saved, or made */
	uint8_t *bytes;
	size_t len, room;
};

struct player_inflight { /* the buffer of GET_INFLIGHT_FD */
	int fd;
	uint64_t mmap_size, mmap_offset;
	uint16_t num_queues, queue_size;
};

struct player_page { /* of guest memory, that has not arrived */
	bool out;
	uint8_t bytes[PLAYER_PAGE];
};

/* How vu-frontend was told to run, beside what concerns the run. */
struct frontend_options {
	const struct vu_device *device;
	struct quirk_set quirks;
	bool strict; /* hangs up on a wrong reply, as a front-end has to */
};

struct player {
	const struct frontend_options *opt;
	const struct vu_device *dev;
	unsigned int queues;
	struct vu_conn main, channel;
	bool connected, closed, channel_open;
	bool backlog;    /* a burst was cut short: more may be read already than the socket shows */
	bool parted;     /* the script knows that the connection has ended */
	bool unreadable; /* the stream cannot be followed any more */
	int epoll;
	int64_t looked; /* when it was last asked what happened */
	int signals;    /* signalfd of SIGINT and SIGTERM, or -1 */
	bool interrupted;
	struct vu_model model;
	struct vu_memory memory;
	struct vu_log log;
	struct player_inflight inflight;
	struct player_ring rings[VU_MODEL_RINGS];
	size_t nrings; /* those below were named */
	struct player_request requests[PLAYER_REQUESTS];
	size_t nrequests;
	uint64_t completions;
	bool initialised; /* the device's first request was submitted on this connection */
	struct vu_message messages[PLAYER_INBOX + 1];
	struct vu_message
		*inbox[PLAYER_INBOX + 1]; /* those kept, oldest first; then those to receive into */
	size_t nkept;
	uint64_t fences[VU_MODEL_OUTSTANDING]; /* sequence numbers of our own GET_FEATURES */
	size_t nfences;
	struct player_state states[PLAYER_STATES];
	size_t nstates;
	uint64_t wanted, wanted_protocol; /* $features, $protocol */
	uint64_t activity[2];             /* messages that came: replies, back-end requests */
	bool asks_for[64],
		answers[64]; /* back-end requests that the script names, and answers itself */
	struct player_page missing;
	int log_event;  /* eventfd of SET_LOG_FD, or -1 */
	bool flushing;  /* STOP_SLAVE_CHANNEL was sent last; only a quirk asks */
	uint32_t asked; /* the last request that was sent, for a quirk */
	struct play *play;
	struct subject *subject;
	struct report *report;
};

/* Handles of VALUE_OBJECT: what it is, and its number. */
enum player_object { OBJECT_REGION = 1, OBJECT_STATE };
#define PLAYER_HANDLE(type, i) ((uint64_t)(type) << 32 | (uint64_t)(i))

/** quirk - whether @p was told to deviate in this way. */
static inline bool quirk(const struct player *p, enum quirk which)
{
	return p->opt->quirks.has[which];
}

/** player_new - nothing connected. NULL with errno. player_free() ends it and takes everything down. */
struct player *player_new(const struct frontend_options *opt, struct play *play);
void player_free(struct player *p);

/** player_host - how the interpreter reaches @p. */
struct script_host player_host(struct player *p);

/** player_connect - a fresh connection to the subject; state of an earlier one is forgotten. 0 or -errno. */
int player_connect(struct player *p, int64_t deadline);
void player_disconnect(struct player *p);

/** player_wait - serve sockets and notifications until something happened (0) or -ETIMEDOUT, -EINTR. */
int player_wait(struct player *p, int64_t deadline);

/** player_send - send one message and tell model and report. Descriptors stay with @msg. */
int player_send(struct player *p, struct vu_message *msg, const struct vu_forge *forge,
		int64_t deadline);

/** player_watch - have player_wait() look at @fd. */
int player_watch(struct player *p, int fd);

/** player_waits - who waits for whom now, as text; true when it is a cycle. */
bool player_waits(const struct player *p, char *buf, size_t size);

/* ---- inbox.c ---- */
struct vu_message *player_arrived(void *ctx, enum script_arrow arrow, uint32_t request);
void player_took(void *ctx, struct vu_message *msg);
bool player_may_arrive(void *ctx, enum script_arrow arrow, uint32_t request, char *why,
		       size_t size);
void player_receive(struct player *p, struct vu_conn *conn);
/** player_receive_due - wait in the read itself; false when nothing came by @deadline. */
bool player_receive_due(struct player *p, struct vu_conn *conn, int64_t deadline);
void player_inbox_init(struct player *p);
void player_inbox_clear(struct player *p);
void player_forget_replies(struct player *p, enum vu_channel channel, uint32_t request);

/* ---- fill.c: what a message that is sent leaves out ---- */
int player_fill(void *ctx, struct script_call *call, struct vu_message *msg);

/* ---- rings.c ---- */
struct player_ring *player_ring(struct player *p, uint64_t index, char *why, size_t size);
/** player_lay_out - give ring @index, which there is, its place in memory if it has none. 0 or -errno. */
int player_lay_out(struct player *p, uint64_t index);
/** player_submit - make a request available; its number, or -errno with @why. */
int player_submit(struct player *p, uint64_t ring, const char *kind, const struct vu_arg *args,
		  size_t nargs, bool indirect, char *why, size_t size);
int player_kick(struct player *p, uint64_t ring, uint64_t value);
/** player_reap - take what the subject has completed on all rings. */
void player_reap(struct player *p);
/** player_give_up - the requests of a ring that were not completed never will be. */
void player_give_up(struct player *p, uint64_t ring);
/** player_in_flight - whether some request was not completed yet. */
bool player_in_flight(const struct player *p);
void player_rings_stopped(struct player *p, const struct vu_message *reply);
void player_rings_close(struct player *p);

/* ---- memory.c ---- */
int player_default_memory(struct player *p);
struct vu_region *player_region(struct player *p, const char *name);
int player_bind_region(struct player *p, const struct vu_region *region);

/* ---- verbs.c, functions.c, transfer.c, faults.c ---- */
/** player_option - the number behind key @name; @fallback where it is not given. */
uint64_t player_option(struct script_call *call, const char *name, uint64_t fallback);
enum script_step player_verb(void *ctx, struct script_call *call);
int player_function(void *ctx, const char *name, const struct script_value *args, size_t nargs,
		    uint64_t *value);
enum script_step player_drain(struct player *p, struct script_call *call);
enum script_step player_feed(struct player *p, struct script_call *call);
enum script_step player_spoil(struct player *p, struct script_call *call);
void player_states_free(struct player *p);
enum script_step player_withhold(struct player *p, struct script_call *call);
enum script_step player_faulted(struct player *p, struct script_call *call);

#endif
