/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end that serves: one front-end, one device, and what the two have agreed upon. */
#ifndef VRINGER_BACKEND_BACKEND_H
#define VRINGER_BACKEND_BACKEND_H

#include "devices/service.h"
#include "quirks.h"
#include "vring/served.h"
#include "wire/socket.h"

#define BACKEND_RINGS 256
#define BACKEND_ASKED 64
#define PACKED_START 0x80008000u /* base of a fresh packed ring: index 0 twice, wrap counters set */

/* How it was told to run. */
struct backend_options {
	const struct vu_service_ops *ops;
	struct vu_service_options service;
	const char *socket_path; /* NULL with `fd` */
	int fd;              /* inherited socket, listening or connected; -1 with `socket_path` */
	bool client;         /* connects to socket_path instead of listening there */
	bool once;           /* ends with its first connection */
	bool verbose;        /* tells every message */
	unsigned int traits; /* of enum vu_service_trait, beside those of the device */
	uint64_t without, without_protocol; /* features that are not offered */
	const struct vu_draft *dialect;     /* whose numbers it speaks; NULL: the spec's */
	struct quirk_set quirks;
};

struct ring {
	unsigned int index;
	struct vu_served served;
	bool started, enabled; /* independent of each other */
	bool held;             /* the script keeps it from being served */
	bool placed;           /* SET_VRING_ADDR said where it is */
	bool mapped;           /* and it was found there */
	bool positioned;       /* `served` knows where to go on; until then `base` does */
	bool based;            /* `base` was set, or returned */
	bool broken;           /* the driver did what cannot be served; said once */
	bool again;            /* more may be available than one turn takes */
	bool pushed;           /* something was given back since the driver was last told */
	bool polled;           /* there is no kick: look without being told */
	bool silent;           /* there is no call: the driver looks by itself */
	bool calling, recall;  /* an in-band call awaits its reply; another one is due */
	bool starving;         /* waits for the IOTLB entry of `missing` */
	uint64_t missing;
	uint32_t base;
	int kick, call, err; /* -1 while there is none */
	uint8_t *doorbell;   /* page that the guest may write instead of a kick, or NULL */
	int doorbell_fd;
};

struct backend;

/* A request on the back-end channel that will be answered. */
struct asked {
	uint32_t request;
	unsigned int ring;
	void (*answered)(struct backend *be, unsigned int ring, struct vu_message *reply);
};

enum transfer_state {
	TRANSFER_NONE,
	TRANSFER_SAVING,
	TRANSFER_LOADING,
	TRANSFER_GOOD,
	TRANSFER_BAD
};

/* The internal state of the device on its way to or from another back-end. */
struct transfer {
	enum transfer_state state;
	int fd;
	uint8_t *bytes;
	size_t len, done, room;
	bool unpolled;   /* no event tells that it can go on */
	bool refused;    /* what came so far is no state */
	bool check_held; /* CHECK_DEVICE_STATE waits for the end of it */
};

enum channel_life { CHANNEL_UNSTARTED, CHANNEL_STARTED, CHANNEL_STOPPING, CHANNEL_STOPPED };

/* What drafts have to remember of a connection. */
struct drafted {
	uint64_t features; /* agreed upon, those of the draft alone */
	bool ceased;       /* SUSPEND came, RESUME not yet */
	bool to_resume;    /* the channel was just started: what had to wait is to be said */
	enum channel_life channel;
};

struct postcopy {
	int uffd;
	struct guard *guard; /* once pages may be missing */
	bool listening;
	bool ack_due; /* addresses were told, the front-end has not confirmed yet */
};

/* The buffer that keeps track of requests in flight. */
struct inflight {
	uint8_t *bytes; /* first byte of it, or NULL */
	void *mapping;
	size_t mapped;
	uint16_t queues, queue_size;
	uint64_t size;
};

/* What only quirks have to remember of a connection. */
struct oddities {
	bool again;                   /* another connection came before */
	bool asked;                   /* GET_PROTOCOL_FEATURES came */
	bool refeatured;              /* SET_FEATURES came twice */
	bool ran, stopped;            /* some ring was started, was stopped since */
	bool gave;                    /* a request was given back since the first ring started */
	bool postcopied;              /* POSTCOPY_END came */
	bool reset, ownerless;        /* RESET_DEVICE came, and no SET_OWNER since */
	bool reset_due;               /* RESET_DEVICE came, and had no effect yet */
	bool saved;                   /* a state was sent to its end */
	bool channelled;              /* a channel came */
	bool configured;              /* GET_SHMEM_CONFIG came */
	bool told;                    /* GET_CONFIG came */
	uint8_t config[256];          /* and what it told */
	uint64_t removed;             /* the region of the last REM_MEM_REG, or 0 */
	bool wiped;                   /* SET_STATUS 0 came */
	uint32_t used[BACKEND_RINGS]; /* used index at the stop, with bit 16 set */
};

/* Who looks over its shoulder: the script that is played, if there is one. */
struct backend_watcher {
	void *ctx;
	void (*connected)(void *ctx);
	void (*disconnected)(void *ctx);
	/* A message came, on either socket. True: it is taken, with its descriptors, and not served. */
	bool (*came)(void *ctx, struct vu_message *msg);
	void (*sent)(void *ctx, const struct vu_message *msg, const struct vu_forge *forge);
	/* Whether it sends this request on the channel itself. */
	bool (*asks)(void *ctx, uint32_t request);
};

struct backend {
	const struct backend_options *opt;
	const struct backend_watcher *watcher; /* or NULL */
	const struct vu_service_ops *ops;
	struct vu_service *service;
	struct vu_service_host host;
	int epoll, listener, signals;
	bool stop;
	bool postcopy_works; /* a userfaultfd can be had here */
	struct vu_conn main, channel;
	bool connected, channel_open;
	bool holding; /* a reply is held back: nothing more is read until it is sent */
	uint64_t features, protocol;
	bool features_set;
	struct vu_map map;
	struct ring rings[BACKEND_RINGS];
	unsigned int nrings;
	unsigned int nstarted;
	bool pushed, logged; /* some ring has something to tell; pages were entered in the log */
	int log_event;
	struct asked asked[BACKEND_ASKED];
	size_t nasked;
	bool config_changed; /* to be told when it may be */
	bool announced;      /* what it says of itself when it begins to run was said */
	bool shmem_mapped, object_added;
	int shmem_fd, object_fd;
	struct inflight inflight;
	struct transfer transfer;
	struct postcopy postcopy;
	uint8_t status;
	struct oddities odd;
	struct drafted drafted;
	struct vu_element element; /* being served; too large for the stack */
	struct vu_message in, out;
};

/*
 * What a handler of a front-end message says: done, answered by `reply`, or to be answered
 * later with backend_answer(). A negative errno refuses the message.
 */
enum outcome { DONE, ANSWERED, LATER };

/** quirk - whether @be was told to deviate in this way. */
static inline bool quirk(const struct backend *be, enum quirk which)
{
	return be->opt->quirks.has[which];
}

typedef int handler(struct backend *be, struct vu_message *msg, struct vu_message *reply);

/* ---- server.c: sockets, events, and the life of a connection ---- */

enum watched {
	WATCH_LISTENER,
	WATCH_SIGNALS,
	WATCH_MAIN,
	WATCH_CHANNEL,
	WATCH_KICK,
	WATCH_TRANSFER,
	WATCH_SERVICE,
	WATCH_SUBJECT
};

/** backend_run - serve until told to stop. 0, or -errno when it could not begin. */
int backend_run(const struct backend_options *opt, char *why, size_t size);

/** backend_open - ready to serve; NULL with @why. backend_close() ends it. */
struct backend *backend_open(const struct backend_options *opt,
			     const struct backend_watcher *watcher, char *why, size_t size);
void backend_close(struct backend *be);

/** backend_turn - wait for something to serve until @deadline, and serve it; false when nothing came. */
bool backend_turn(struct backend *be, int64_t deadline);

/** backend_disconnect - end the connection; the next front-end may come. */
void backend_disconnect(struct backend *be);

/** backend_send - send @msg and tell the watcher. Descriptors stay with @msg. 0 or -errno. */
int backend_send(struct backend *be, const struct vu_message *msg, const struct vu_forge *forge,
		 int64_t deadline);

/** backend_came - whether the watcher takes @msg. */
bool backend_came(struct backend *be, struct vu_message *msg);

/** backend_watch, backend_unwatch - have the loop look at @fd. Before it is closed it must be unwatched. */
int backend_watch(struct backend *be, int fd, uint32_t events, enum watched what,
		  unsigned int index);
void backend_unwatch(struct backend *be, int fd);
void backend_close_fd(struct backend *be, int *fd);

/** backend_complain - one line on stderr. */
void backend_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- dispatch.c: from message to handler to reply ---- */

/** backend_receive - serve what is there on the main socket. -errno when the connection is over. */
int backend_receive(struct backend *be);

/** backend_serve - do what @msg asks for and answer it. -errno when the connection is over. */
int backend_serve(struct backend *be, struct vu_message *msg);

/** backend_reply - do what @msg asks for, but leave the reply in be->out: ANSWERED if there is one. */
int backend_reply(struct backend *be, struct vu_message *msg);

/** backend_hold - read nothing more from the front-end, or go on. */
void backend_hold(struct backend *be, bool hold);

/** backend_answer - send the reply that was held back: a u64. */
void backend_answer(struct backend *be, uint32_t request, uint64_t value);

/* ---- negotiate.c ---- */
uint64_t offered_features(const struct backend *be);
uint64_t offered_protocol(const struct backend *be);
bool has_feature(const struct backend *be, unsigned int bit);
bool has_protocol(const struct backend *be, unsigned int bit);
bool has_trait(const struct backend *be, enum vu_service_trait trait);
/** may_use - whether all that @info requires was agreed upon. */
bool may_use(const struct backend *be, const struct vu_message_info *info);
handler get_features, set_features, set_owner, reset_owner, get_protocol_features,
	set_protocol_features, get_queue_num;

/* ---- mem.c, log.c, iotlb.c, postcopy.c ---- */
handler set_mem_table, add_mem_reg, rem_mem_reg, get_max_mem_slots;
/** memory_changed - rings have to be found again, and go on. */
void memory_changed(struct backend *be);
handler set_log_base, set_log_fd;
void log_tell(struct backend *be);
handler iotlb_msg;
/** iotlb_fault - tell the front-end what stopped @ring, its `served.fault`: a miss or a failure. */
void iotlb_fault(struct backend *be, struct ring *ring);
handler postcopy_advise, postcopy_listen, postcopy_end;
bool postcopy_available(void);
/** postcopy_addresses - reply to a change of the memory with where the regions were mapped here. */
int postcopy_addresses(struct backend *be, const struct vu_message *msg, struct vu_message *reply);
/** postcopy_is_ack - whether @msg confirms those addresses; postcopy_ack() lets memory be used. */
bool postcopy_is_ack(const struct backend *be, const struct vu_message *msg);
int postcopy_ack(struct backend *be);
void postcopy_close(struct backend *be);

/* ---- guard.c: who waits for a page when the front-end goes ---- */

/** guard_new - from now on the end of @connection ends every wait for pages of @uffd; NULL if it cannot be. */
struct guard *guard_new(int connection, int uffd);
/** guard_ranges - the memory whose pages may be missing: all of @map. */
void guard_ranges(struct guard *g, const struct vu_map *map);
/** guard_free - before @uffd or the connection is closed. */
void guard_free(struct guard *g);

/* ---- rings.c: the state of rings; serve.c: what is done with their elements ---- */
handler set_vring_num, set_vring_addr, set_vring_base, get_vring_base, set_vring_kick,
	set_vring_call, set_vring_err, set_vring_enable;
struct ring *ring_of(struct backend *be, uint64_t index);
void rings_init(struct backend *be);
void rings_close(struct backend *be);
void ring_start(struct backend *be, struct ring *ring);
void ring_stop(struct backend *be, struct ring *ring);
/** ring_base - where @ring goes on, as GET_VRING_BASE tells it. */
uint32_t ring_base(const struct backend *be, const struct ring *ring);
void rings_enable_all(struct backend *be, bool enabled);
/** suspended - no ring is started. */
bool suspended(const struct backend *be);
/** ring_run - serve what is available, as far as the state of the ring allows, and tell the driver. */
void ring_run(struct backend *be, struct ring *ring);
void rings_run(struct backend *be);
/** rings_turn - go on with rings that had more than one turn takes, or that are polled. */
void rings_turn(struct backend *be);
/** rings_wait_ms - how long the loop may sleep: -1, or until some ring must be looked at. */
int rings_wait_ms(const struct backend *be);
void ring_kicked(struct backend *be, struct ring *ring);
/** rings_settle - nothing of @ring (of any with NULL) is held by the service after this. */
void rings_settle(struct backend *be, struct ring *ring);
/** rings_tell - notify the driver of what was given back. */
void rings_tell(struct backend *be);
struct vu_service_host rings_host(struct backend *be);

/* ---- inband.c: notifications as messages ---- */
handler vring_kick;
void inband_call(struct backend *be, struct ring *ring);
void inband_error(struct backend *be, struct ring *ring);

/* ---- channel.c: the back-end channel ---- */
handler set_backend_req_fd;
void channel_close(struct backend *be);
void channel_receive(struct backend *be);
/** channel_may - whether a request may be sent now, by what was agreed upon and the state of the device. */
bool channel_may(const struct backend *be, uint32_t request);
/**
 * channel_ask - send @msg; with @answered a reply is asked for. Descriptors stay with @msg. Never waits:
 * a channel that takes no message is given up. 0 or -errno.
 */
int channel_ask(struct backend *be, struct vu_message *msg, unsigned int ring,
		void (*answered)(struct backend *, unsigned int, struct vu_message *));
/** channel_resume - a ring started, or the channel is there: say what had to wait. */
void channel_resume(struct backend *be);
/** channel_ask_again - let rings ask for what they wait for: it may never have been asked, or elsewhere. */
void channel_ask_again(struct backend *be);

/* ---- drafts.c: what the dialect that it speaks demands; without one nothing here does anything ---- */

/** draft_offer - the protocol features offered instead of @bits, those of the spec. */
uint64_t draft_offer(const struct backend *be, uint64_t bits);
/** draft_has - whether that feature of the draft was agreed upon. */
bool draft_has(const struct backend *be, const char *name);
/** draft_number - the number by which @request, of the spec, goes in the dialect. */
uint32_t draft_number(const struct backend *be, uint32_t request);
/** draft_handler - of a message that only a draft has, or NULL. */
handler *draft_handler(const struct vu_message_info *info);
/** ceased - SUSPEND is in force. */
bool ceased(const struct backend *be);
/** draft_shuts_channel - no request may be sent on the channel now, by SUSPEND or by its own stop. */
bool draft_shuts_channel(const struct backend *be);
/** draft_turn - what follows a message once it was acknowledged. */
void draft_turn(struct backend *be);

/* ---- config.c, status.c, reset.c ---- */
handler get_config, set_config;
void config_changed(struct backend *be);
void config_tell(struct backend *be);
handler get_status, set_status, reset_device;
/** device_reset - the device as it was at the beginning; the connection stays. */
void device_reset(struct backend *be);

/* ---- inflight.c, state.c ---- */
handler get_inflight_fd, set_inflight_fd;
void inflight_close(struct backend *be);
/** inflight_attach - have @ring, just positioned, keep track in its part of the buffer, if there is one. */
int inflight_attach(struct backend *be, struct ring *ring);
/** inflight_review - @ring, which stopped, begins again: its part is of use only if it still fits. */
void inflight_review(struct backend *be, struct ring *ring);
handler set_device_state_fd, check_device_state;
void transfer_ready(struct backend *be);
/** transfer_restless - it wants a turn although no event says so. */
bool transfer_restless(const struct backend *be);
void transfer_abort(struct backend *be);
/** transfer_lasts - whether a state is still on its way when all of it that is here was read. */
bool transfer_lasts(struct backend *be);

/* ---- net.c ---- */
handler send_rarp, net_set_mtu;

/* ---- shared_object.c, shmem.c, notifier.c: what only some devices have ---- */
handler get_shared_object, get_shmem_config;
/** ..._announce - what the device says of itself each time that it begins to run. */
void object_announce(struct backend *be);
void shmem_announce(struct backend *be);
/** notifier_announce - a doorbell for each running ring that has none. */
void notifier_announce(struct backend *be);
/** notifier_rung - whether the guest wrote to the doorbell of @ring since last asked. */
bool notifier_rung(struct ring *ring);
void notifier_close(struct ring *ring);

/* ---- event.c: event descriptors, of eventfds or pipes ---- */

/** event_take - consume one notification. 0, -EAGAIN, or -EPIPE when none can come any more. */
int event_take(int fd);
/** event_signal - send one; what cannot be sent without waiting is pending already. */
void event_signal(int fd);

/* ---- truncation.c ---- */

/** survive_truncation - memory whose file the front-end made shorter reads as zeroes from then on. */
void survive_truncation(void);

/* ---- capabilities.c ---- */
void print_capabilities(const struct backend_options *opt);

#endif
