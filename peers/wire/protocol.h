/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol as tables. Types only: the rows are generated at build time
 * from fixtures/spec/protocol.toml (build/gen/protocol.c), and the numbers
 * that C code must name are enumerators in build/gen/protocol_ids.h.
 */
#ifndef VRINGER_WIRE_PROTOCOL_H
#define VRINGER_WIRE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol_ids.h"

/* Which socket a request travels on. */
enum vu_channel {
	VU_MAIN,    /* the main socket: front-end asks, back-end replies */
	VU_BACKEND, /* the back-end channel: back-end asks, front-end replies */
};

enum vu_reply_when {
	VU_REPLY_ALWAYS, /* the reply is part of the message */
	VU_REPLY_ACK,    /* only with REPLY_ACK and need_reply */
	VU_REPLY_NEVER,
};

/*
 * One field of a payload. An integer of `bytes` bytes stands at `offset`;
 * the field is `width` bits of it, from bit `shift`. An array repeats every
 * `stride` bytes: `count` times, or as often as the field named `count_by`
 * of the same payload says. A field that is itself a payload has `nested`.
 * A byte array (bytes == 1 and an array) is shown as one hex string.
 */
struct vu_field {
	const char *name;
	uint16_t offset;
	uint8_t bytes;
	uint8_t shift;
	uint8_t width;
	uint16_t count; /* 1 for a scalar, 0 when count_by decides */
	uint16_t stride;
	const char *count_by;
	const struct vu_payload *nested;
	bool padding; /* "padding", "reserved" and "tail_padding": not shown when zero */
};

struct vu_payload {
	const char *name;
	size_t size; /* size on the wire; when it varies, the size of the fixed part */
	size_t max_size;
	const struct vu_field *fields;
	size_t nfields;
};

struct vu_fd_rule {
	uint8_t min, max;
	const char *what; /* NULL when no descriptor belongs to the message */
};

#define VU_PAYLOAD_FORMS 3

struct vu_message_info {
	enum vu_channel channel;
	uint32_t id;
	const char *name;  /* "GET_FEATURES"; back-end messages without BACKEND_ */
	const char *alias; /* the full or the older name, or NULL */
	const char *older; /* the older name where alias is the full one, or NULL */
	const struct vu_payload *request;
	const struct vu_payload
		*request_forms[VU_PAYLOAD_FORMS]; /* request, and what else it may be */
	const struct vu_payload
		*reply[VU_PAYLOAD_FORMS]; /* the forms in use, NULL after the last */
	enum vu_reply_when reply_when;
	const char *reply_always_if; /* condition in words, or NULL */
	struct vu_fd_rule fds_request, fds_reply;
	const char *const *requires; /* feature names, NULL-terminated; full names */
	const char *since;           /* first edition, "2.5" */
};

enum vu_feature_kind {
	VU_VIRTIO_FEATURE,   /* GET_FEATURES / SET_FEATURES */
	VU_PROTOCOL_FEATURE, /* GET_PROTOCOL_FEATURES / SET_PROTOCOL_FEATURES */
	VU_VRING_FLAG,       /* vring_addr.flags */
};

struct vu_feature {
	enum vu_feature_kind kind;
	uint8_t bit;
	const char *name;            /* as protocol.toml has it: "VHOST_F_LOG_ALL", "REPLY_ACK" */
	const char *brief;           /* as scenarios write it: "LOG_ALL", "REPLY_ACK" */
	const char *const *aliases;  /* other names, brief and full, NULL-terminated */
	const char *const *requires; /* protocol features demanded together, NULL-terminated */
	const char *const *implies;
	const char *since; /* first edition, or the draft */
};

/* A proposal with numbers of its own: its messages stand in for the spec's. */
struct vu_draft {
	const char *name;
	const char *title;
	const struct vu_message_info *messages;
	size_t nmessages;
	const struct vu_feature *features;
	size_t nfeatures;
};

extern const struct vu_message_info vu_messages[];
extern const size_t vu_nmessages;
extern const struct vu_payload vu_payloads[];
extern const size_t vu_npayloads;
extern const struct vu_feature vu_features[];
extern const size_t vu_nfeatures;
extern const struct vu_draft vu_drafts[];
extern const size_t vu_ndrafts;

/** vu_message_by_id - row of message @id on @channel, or NULL if no such id. */
const struct vu_message_info *vu_message_by_id(enum vu_channel channel, uint32_t id);

/** vu_message_by_name - row by any of its names (case-sensitive), or NULL. */
const struct vu_message_info *vu_message_by_name(enum vu_channel channel, const char *name);

/** vu_feature_by_name - feature by any of its names, or NULL. */
const struct vu_feature *vu_feature_by_name(const char *name);

/** vu_feature_name - brief name of bit @bit of @kind, or NULL when unassigned. */
const char *vu_feature_name(enum vu_feature_kind kind, unsigned int bit);

/** vu_payload_by_name - layout by name, also of the shared structures, or NULL. */
const struct vu_payload *vu_payload_by_name(const char *name);

/** vu_feature_by_bit - feature by its bit, or NULL when unassigned. */
const struct vu_feature *vu_feature_by_bit(enum vu_feature_kind kind, unsigned int bit);

/** vu_draft_by_name - draft by name, or NULL. */
const struct vu_draft *vu_draft_by_name(const char *name);

#endif
