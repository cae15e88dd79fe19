/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the room: internal state as bytes. A frame says what it is, which
 * version, how long, and carries a checksum, so that state that was cut short,
 * mangled or meant for another device is refused before any of it is used.
 */
#ifndef VRINGER_DEVICES_STATE_H
#define VRINGER_DEVICES_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is written so far. Zeroed before the first use; running out of memory is told at the end. */
struct vu_state_writer {
	uint8_t *bytes;
	size_t len, room;
	bool failed;
};

/* What is still to be read. Reading past the end gives zeroes, and is told at the end. */
struct vu_state_reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

void vu_state_put_number(struct vu_state_writer *w, uint64_t value);

/** vu_state_put_bytes - @len bytes with their length. NULL leaves room to be filled in: a pointer
 *  to it, valid until the next call, or NULL when there is no memory. */
void *vu_state_put_bytes(struct vu_state_writer *w, const void *bytes, size_t len);

/** vu_state_finish - the frame around it; @bytes is the caller's. 0 or -ENOMEM, and nothing is left. */
int vu_state_finish(struct vu_state_writer *w, const char *kind, uint64_t version, uint8_t **bytes,
		    size_t *len);

/** vu_state_discard - give up writing. */
void vu_state_discard(struct vu_state_writer *w);

/** vu_state_open - -EINVAL unless @bytes are a whole frame of this kind and version, as it was written. */
int vu_state_open(struct vu_state_reader *r, const char *kind, uint64_t version,
		  const uint8_t *bytes, size_t len);

/** vu_state_number - next number; more than @max is a failure. */
uint64_t vu_state_number(struct vu_state_reader *r, uint64_t max);

/** vu_state_bytes - next bytes and their length; more than @max is a failure: NULL. */
const void *vu_state_bytes(struct vu_state_reader *r, size_t max, size_t *len);

/** vu_state_close - -EINVAL if anything failed, or was left over. */
int vu_state_close(const struct vu_state_reader *r);

#endif
