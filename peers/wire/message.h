/* SPDX-License-Identifier: Apache-2.0 */
/* One message: header, payload bytes, descriptors; fields read and written by name. */
#ifndef VRINGER_WIRE_MESSAGE_H
#define VRINGER_WIRE_MESSAGE_H

#include "draft.h"

#define VU_MESSAGE_PAYLOAD_MAX 4096
#define VU_MESSAGE_FDS_MAX 64

/*
 * `flags` and `size` are the header as it is on the wire, even when forged;
 * `len` counts the payload bytes that are really here. The descriptors are
 * owned by the message: vu_message_close_fds(), or taken one by one with
 * vu_message_take_fd(), which leaves -1 behind.
 */
struct vu_message {
	enum vu_channel channel;
	uint32_t request;
	uint32_t flags;
	uint32_t size;
	size_t len;
	size_t nfds;
	size_t fds_dropped; /* came beyond VU_MESSAGE_FDS_MAX and were closed on arrival, or (counted
			       as one) were cut off by the kernel */
	const struct vu_draft *draft; /* whose numbers it is on; NULL: the spec's */
	int fds[VU_MESSAGE_FDS_MAX];
	uint8_t payload[VU_MESSAGE_PAYLOAD_MAX] __attribute__((aligned(8)));
};

/** vu_message_init - an empty request @request of the spec on @channel: version 1, no payload, no fds. */
void vu_message_init(struct vu_message *msg, enum vu_channel channel, uint32_t request);

/** vu_message_init_reply - an empty reply to @to: same id, channel and draft, version 1, reply flag. */
void vu_message_init_reply(struct vu_message *msg, const struct vu_message *to);

bool vu_message_is_reply(const struct vu_message *msg);
bool vu_message_needs_reply(const struct vu_message *msg);

/** vu_message_info - table row of the message, or NULL for an unknown id. */
const struct vu_message_info *vu_message_info(const struct vu_message *msg);

/**
 * vu_message_sense - the number that the spec has for a message of its name. What only a draft has keeps a
 * number that no message has.
 */
uint32_t vu_message_sense(const struct vu_message *msg);

/** vu_message_name - its name, or "unknown" for an unknown id. */
const char *vu_message_name(const struct vu_message *msg);

/**
 * vu_message_layout - the payload layout that fits this message: of several
 * forms the first whose size matches; a reply to a "reply-ack" message is u64,
 * or has the form of the request where `reply_always_if` says when. NULL when
 * the id is unknown or no layout fits `len`.
 */
const struct vu_payload *vu_message_layout(const struct vu_message *msg);

/** vu_message_fits - whether payload and descriptors of @msg, a request, are those of an @info. */
bool vu_message_fits(const struct vu_message *msg, const struct vu_message_info *info);

/**
 * vu_message_layout_with - the layout of that size in which @path names a field:
 * of split and packed vring base, and the `num` they share, the one that is meant.
 * An empty @msg fits every layout. NULL when there is none.
 */
const struct vu_payload *vu_message_layout_with(const struct vu_message *msg, const char *path);

/**
 * vu_field_get - value of a field. @path is "num", "regions[1].size" or
 * "region.size". Returns 0, -ENOENT (no such field in @layout), -ERANGE (the
 * payload is too short or the index too large).
 */
int vu_field_get(const struct vu_message *msg, const struct vu_payload *layout, const char *path,
		 uint64_t *value);

/**
 * vu_field_set - write a field, growing `len` and `size` to hold it.
 * Returns 0, -ENOENT, -ERANGE (value does not fit the field, or no room).
 */
int vu_field_set(struct vu_message *msg, const struct vu_payload *layout, const char *path,
		 uint64_t value);

/**
 * vu_field_bytes - the bytes of an array of bytes, as many as are here: *len.
 * NULL when @layout has no such array.
 */
const uint8_t *vu_field_bytes(const struct vu_message *msg, const struct vu_payload *layout,
			      const char *name, size_t *len);

/** vu_field_set_bytes - write an array of bytes; results as vu_field_set(). */
int vu_field_set_bytes(struct vu_message *msg, const struct vu_payload *layout, const char *name,
		       const void *bytes, size_t len);

/** vu_message_set_layout - give the payload the fixed size of @layout, zeroed. */
void vu_message_set_layout(struct vu_message *msg, const struct vu_payload *layout);

/** vu_get - value of the field that @path names in whichever layout has it; 0 where none has. */
uint64_t vu_get(const struct vu_message *msg, const char *path);

/** vu_set - write that field; an empty payload becomes one of that layout first. */
void vu_set(struct vu_message *msg, const char *path, uint64_t value);

/** vu_message_set_u64 - make the payload one u64. */
void vu_message_set_u64(struct vu_message *msg, uint64_t value);

/** vu_message_u64 - the payload as u64; false when it is shorter than 8 bytes. */
bool vu_message_u64(const struct vu_message *msg, uint64_t *value);

/** vu_message_add_fd - attach @fd, which the message then owns. -ENOSPC leaves it with the caller. */
int vu_message_add_fd(struct vu_message *msg, int fd);

/** vu_message_take_fd - take descriptor @i out; -1 when there is none. The caller owns it. */
int vu_message_take_fd(struct vu_message *msg, size_t i);

/** vu_message_close_fds - close what the message still owns. */
void vu_message_close_fds(struct vu_message *msg);

#endif
