/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of one connection, from the messages that were seen on it. A pure
 * library: no descriptor, no clock, no device. Both peers, and later the proxy,
 * feed it every message in the order seen; it keeps the state that the spec
 * defines, reports breaches of rules that hold for any message ("invariants"),
 * and can say who waits for whom.
 */
#ifndef VRINGER_MODEL_MODEL_H
#define VRINGER_MODEL_MODEL_H

#include "wire/message.h"

#define VU_MODEL_RINGS 256
#define VU_MODEL_REGIONS 512
#define VU_MODEL_OUTSTANDING 64
#define VU_MODEL_PAST 32

enum vu_role { VU_FRONTEND, VU_BACKEND_ROLE };

struct vu_model_region {
	uint64_t guest_address, size, user_address, mmap_offset;
};

struct vu_model_ring {
	bool seen;    /* some message named it */
	bool started; /* SET_VRING_KICK (or in-band kick) seen since the last stop */
	bool enabled; /* tracked while stopped, too */
	bool has_addr, has_num, has_base, has_kick, has_call, has_err;
	bool log_used; /* VHOST_VRING_F_LOG in the last SET_VRING_ADDR */
	bool stopping; /* GET_VRING_BASE sent, reply not yet seen */
	uint32_t num;
	uint32_t base; /* last value set or returned, raw */
	uint64_t desc, avail, used, log;
};

/* A request whose reply is due (or possible) and was not seen yet. Oldest first. */
struct vu_outstanding {
	enum vu_channel channel;
	uint32_t request;
	bool reply_due;    /* "always", or need_reply with REPLY_ACK */
	uint64_t sequence; /* number of the message in the session, from 0 */
	uint64_t index;    /* ring it names, or UINT64_MAX */
	bool asked;        /* it had need_reply set */
	bool own_reply;    /* a reply is part of it, whatever need_reply says */
	bool addresses;    /* in postcopy: the reply repeats the regions with back-end addresses */
	size_t len;        /* of its payload */
};

/* What the other side owes to a request. */
enum vu_debt {
	VU_DEBT_DUE,     /* a reply */
	VU_DEBT_MAYBE,   /* nothing, but a reply is no breach: no rule covers the request */
	VU_DEBT_NONE,    /* nothing: a reply is a breach */
	VU_DEBT_SETTLED, /* nothing more: it was answered */
};

/* A request that is not outstanding (any more): tells why a reply was not asked for. */
struct vu_past_request {
	struct vu_outstanding request;
	enum vu_debt debt;
};

enum vu_state_transfer { VU_TRANSFER_NONE, VU_TRANSFER_SAVING, VU_TRANSFER_LOADING };

struct vu_model {
	uint64_t messages;
	/* negotiation */
	bool features_offered_known, features_set, protocol_offered_known, protocol_set, owner;
	uint64_t features_offered, features;
	uint64_t protocol_offered, protocol;
	uint64_t queue_num, max_mem_slots;
	/* memory */
	struct vu_model_region regions[VU_MODEL_REGIONS];
	size_t nregions;
	/* rings */
	struct vu_model_ring rings[VU_MODEL_RINGS];
	/* log */
	uint64_t log_size, log_offset;
	bool log_set;
	/* back-end channel, device */
	bool backend_channel;
	bool postcopy_advised, postcopy_listening;
	bool inflight_set;
	enum vu_state_transfer transfer;
	uint64_t status;
	/* requests without their replies, on both sockets */
	struct vu_outstanding outstanding[VU_MODEL_OUTSTANDING];
	size_t noutstanding;
	/* the latest other requests; entry i % VU_MODEL_PAST is number i */
	struct vu_past_request past[VU_MODEL_PAST];
	uint64_t npast, nlatest_maybe; /* what npast was behind the latest with VU_DEBT_MAYBE */
	/* what is needed to be sure of a breach */
	uint64_t features_ever, protocol_ever; /* perhaps in force at some time */
	bool out_of_step[2]; /* by channel: replies are matched by id, and not judged */
	bool features_doubtful, protocol_doubtful; /* a malformed request may have changed them */
	bool memory_doubtful;                      /* a change of the regions was refused */
	bool postcopy_ack_due; /* the reply with addresses was seen, its acknowledgement was not */
	bool transfer_seen;    /* SET_DEVICE_STATE_FD was sent at some time */
	/*
	 * The back-end owes silence on its channel once the last ring stopped. What it sent before
	 * may be read later, so silence is judged only after one more request was answered.
	 */
	bool silence_due;
	uint64_t stopped_at; /* number of the reply that stopped the last ring, or UINT64_MAX */
	size_t nstarted;     /* rings that are started */
	const struct vu_draft *draft; /* messages with numbers of their own: observed, not judged */
};

/* A rule that a message broke, reported to the caller of vu_model_observe(). */
struct vu_breach {
	const char *clause; /* id in fixtures/spec/clauses.toml */
	enum vu_role by;    /* who broke it */
	char text[160];     /* what was seen, in words with the numbers */
};

#define VU_BREACHES_MAX 8

struct vu_observation {
	struct vu_breach breaches[VU_BREACHES_MAX];
	size_t nbreaches;
	bool answered;            /* @msg was the reply to ... */
	struct vu_outstanding to; /* ... this request */
};

/** vu_model_init - a fresh connection: nothing negotiated, rings stopped and disabled. */
void vu_model_init(struct vu_model *model);

/**
 * vu_model_use_draft - from now on the ids of @draft mean its messages. Their replies are matched,
 * but what they say is neither judged nor followed.
 */
void vu_model_use_draft(struct vu_model *model, const struct vu_draft *draft);

/**
 * vu_model_observe - one more message. @from is who sent it. @obs is filled
 * with the breaches of whoever sent it and with the request it answers.
 *
 * A malformed request (version, reply flag, unknown id, payload size, descriptors) may be answered
 * or not, and changes nothing here. Where both sockets are readable, messages of the back-end
 * channel are to be observed first: what was sent there before a reply then also comes before it.
 */
void vu_model_observe(struct vu_model *model, enum vu_role from, const struct vu_message *msg,
		      struct vu_observation *obs);

/** vu_model_has - whether feature @f is in force (set, not only offered). */
bool vu_model_has(const struct vu_model *model, const struct vu_feature *f);

/** vu_model_has_protocol - bit number of a protocol feature, in force. */
bool vu_model_has_protocol(const struct vu_model *model, unsigned int bit);

/** vu_model_suspended - every ring is stopped ("Suspended device state", 8.2). */
bool vu_model_suspended(const struct vu_model *model);

/** vu_model_reply_due - whether @msg, a request, will be owed a reply in the present state. */
bool vu_model_reply_due(const struct vu_model *model, const struct vu_message *msg);

/** vu_model_close - the connection ended: outstanding requests are dropped. */
void vu_model_close(struct vu_model *model);

#endif
