/* SPDX-License-Identifier: Apache-2.0 */
/* Internal state as bytes: numbers and strings in a frame with version, length and checksum. */
#include "devices/state.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All little-endian; the checksum is of the bytes behind it. */
struct frame {
	char kind[16];
	uint64_t version;
	uint64_t length;
	uint64_t checksum;
};

/* FNV-1a: each step can be undone, so that no change of a single byte goes unseen. */
static uint64_t checksum(const uint8_t *bytes, size_t len)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < len; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* Room for @len more bytes, behind that of the frame. */
static uint8_t *extend(struct vu_state_writer *w, size_t len)
{
	size_t used = w->len ? w->len : sizeof(struct frame);

	if (w->failed)
		return NULL;
	if (used + len > w->room) {
		size_t room = (used + len) * 2;
		uint8_t *bytes = realloc(w->bytes, room);

		w->failed = !bytes;
		if (!bytes)
			return NULL;
		w->bytes = bytes;
		w->room = room;
	}
	w->len = used + len;
	return w->bytes + used;
}

void vu_state_put_number(struct vu_state_writer *w, uint64_t value)
{
	uint64_t little = htole64(value);
	uint8_t *to = extend(w, sizeof(little));

	if (to)
		memcpy(to, &little, sizeof(little));
}

void *vu_state_put_bytes(struct vu_state_writer *w, const void *bytes, size_t len)
{
	uint8_t *to;

	vu_state_put_number(w, len);
	to = extend(w, len);
	if (to && bytes)
		memcpy(to, bytes, len);
	else if (to)
		memset(to, 0, len);
	return to;
}

static void frame_of(struct frame *frame, const char *kind, uint64_t version,
		     const uint8_t *payload, size_t len)
{
	size_t letters = strlen(kind);

	memset(frame, 0, sizeof(*frame));
	memcpy(frame->kind, kind, letters < sizeof(frame->kind) ? letters : sizeof(frame->kind));
	frame->version = htole64(version);
	frame->length = htole64(len);
	frame->checksum = htole64(checksum(payload, len));
}

int vu_state_finish(struct vu_state_writer *w, const char *kind, uint64_t version, uint8_t **bytes,
		    size_t *len)
{
	struct frame frame;

	extend(w, 0);
	if (w->failed) {
		vu_state_discard(w);
		return -ENOMEM;
	}
	frame_of(&frame, kind, version, w->bytes + sizeof(frame), w->len - sizeof(frame));
	memcpy(w->bytes, &frame, sizeof(frame));
	*bytes = w->bytes;
	*len = w->len;
	memset(w, 0, sizeof(*w));
	return 0;
}

void vu_state_discard(struct vu_state_writer *w)
{
	free(w->bytes);
	memset(w, 0, sizeof(*w));
}

int vu_state_open(struct vu_state_reader *r, const char *kind, uint64_t version,
		  const uint8_t *bytes, size_t len)
{
	struct frame expected;

	if (len < sizeof(expected))
		return -EINVAL;
	r->at = bytes + sizeof(expected);
	r->left = len - sizeof(expected);
	r->failed = false;
	frame_of(&expected, kind, version, r->at, r->left);
	return memcmp(bytes, &expected, sizeof(expected)) ? -EINVAL : 0;
}

static const uint8_t *next(struct vu_state_reader *r, size_t len)
{
	const uint8_t *at = r->at;

	if (r->failed || len > r->left) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return at;
}

uint64_t vu_state_number(struct vu_state_reader *r, uint64_t max)
{
	const uint8_t *at = next(r, sizeof(uint64_t));
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, sizeof(value));
	value = le64toh(value);
	if (value <= max)
		return value;
	r->failed = true;
	return 0;
}

const void *vu_state_bytes(struct vu_state_reader *r, size_t max, size_t *len)
{
	*len = vu_state_number(r, max);
	return next(r, *len);
}

int vu_state_close(const struct vu_state_reader *r)
{
	return r->failed || r->left ? -EINVAL : 0;
}
