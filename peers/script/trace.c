/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in the notation of scenarios: what charts, traces and failures show. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "trace.h"

#define BYTES_SHOWN 64
#define ELEMENTS_SHOWN 16

/* snprintf() that appends and keeps count of what would be needed. */
struct text {
	char *buf;
	size_t size, len;
	bool in_full; /* long arrays, too */
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->len < t->size ? t->buf + t->len : NULL,
		      t->len < t->size ? t->size - t->len : 0, format, args);
	va_end(args);
	if (n > 0)
		t->len += (size_t)n;
}

const char *script_arrow_text(enum script_arrow arrow)
{
	static const char *const text[] = {
		[ARROW_NONE] = "",
		[ARROW_REQUEST] = "->",
		[ARROW_REPLY] = "<-",
		[ARROW_BACKEND_REQUEST] = "<=",
		[ARROW_BACKEND_REPLY] = "=>",
	};

	return text[arrow];
}

enum script_arrow script_arrow_of(const struct vu_message *msg)
{
	bool reply = vu_message_is_reply(msg);

	if (msg->channel == VU_MAIN)
		return reply ? ARROW_REPLY : ARROW_REQUEST;
	return reply ? ARROW_BACKEND_REPLY : ARROW_BACKEND_REQUEST;
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t script_unhex(const char *digits, uint8_t *bytes, size_t size)
{
	size_t n = 0;

	for (; n < size && nibble(digits[0]) >= 0 && nibble(digits[1]) >= 0; digits += 2)
		bytes[n++] = (uint8_t)(nibble(digits[0]) << 4 | nibble(digits[1]));
	return n;
}

static void put_hex(struct text *t, const uint8_t *bytes, size_t n)
{
	if (n > BYTES_SHOWN && !t->in_full)
		n = BYTES_SHOWN;
	put(t, "hex:");
	for (size_t i = 0; i < n; i++)
		put(t, "%02x", bytes[i]);
}

static void put_features(struct text *t, const struct vu_draft *draft, enum vu_feature_kind kind,
			 uint64_t mask)
{
	const char *separator = "";
	uint64_t rest = 0;

	for (unsigned int bit = 0; bit < 64; bit++) {
		const struct vu_feature *feature = vu_feature_of(draft, kind, bit);

		if (!(mask >> bit & 1))
			continue;
		if (!feature) {
			rest |= 1ULL << bit;
			continue;
		}
		put(t, "%s%s", separator, feature->brief);
		separator = " | ";
	}
	if (rest || !mask)
		put(t, "%s%#" PRIx64, separator, rest);
}

static bool is_feature_mask(const struct vu_message *msg, enum vu_feature_kind *kind)
{
	if (msg->channel != VU_MAIN)
		return false;
	*kind = msg->request == VU_GET_FEATURES || msg->request == VU_SET_FEATURES
			? VU_VIRTIO_FEATURE
			: VU_PROTOCOL_FEATURE;
	if (msg->request == VU_GET_FEATURES || msg->request == VU_GET_PROTOCOL_FEATURES)
		return vu_message_is_reply(msg);
	return (msg->request == VU_SET_FEATURES || msg->request == VU_SET_PROTOCOL_FEATURES) &&
	       !vu_message_is_reply(msg);
}

static void put_value(struct text *t, uint64_t value)
{
	put(t, value < 65536 ? "%" PRIu64 : "%#" PRIx64, value);
}

static void put_field(struct text *t, const struct vu_message *msg, const struct vu_payload *layout,
		      const char *path, bool padding)
{
	uint64_t value;

	if (vu_field_get(msg, layout, path, &value) || (padding && !value) || !strcmp(path, "nofd"))
		return;
	put(t, " %s=", path);
	put_value(t, value);
}

static uint64_t elements(const struct vu_message *msg, const struct vu_payload *layout,
			 const struct vu_field *f)
{
	uint64_t n = f->count;

	if (f->count_by && vu_field_get(msg, layout, f->count_by, &n))
		n = 0;
	return n;
}

static void put_nested(struct text *t, const struct vu_message *msg,
		       const struct vu_payload *layout, const struct vu_field *f)
{
	uint64_t n = elements(msg, layout, f);
	char path[96];

	for (uint64_t i = 0; i < n && (i < ELEMENTS_SHOWN || t->in_full); i++)
		for (size_t k = 0; k < f->nested->nfields; k++) {
			if (f->count == 1)
				snprintf(path, sizeof(path), "%s.%s", f->name,
					 f->nested->fields[k].name);
			else
				snprintf(path, sizeof(path), "%s[%" PRIu64 "].%s", f->name, i,
					 f->nested->fields[k].name);
			put_field(t, msg, layout, path, f->nested->fields[k].padding);
		}
}

static void put_array(struct text *t, const struct vu_message *msg, const struct vu_payload *layout,
		      const struct vu_field *f)
{
	uint64_t n = elements(msg, layout, f);
	char path[96];

	if (f->bytes == 1) {
		size_t here = msg->len > f->offset ? msg->len - f->offset : 0;

		if (f->padding || !n)
			return;
		if (n > here)
			n = here;
		put(t, " %s=", f->name);
		put_hex(t, msg->payload + f->offset, n);
		return;
	}
	for (uint64_t i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s[%" PRIu64 "]", f->name, i);
		put_field(t, msg, layout, path, true);
	}
}

static void put_payload(struct text *t, const struct vu_message *msg,
			const struct vu_payload *layout)
{
	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *f = &layout->fields[i];

		if (f->nested)
			put_nested(t, msg, layout, f);
		else if (f->count != 1)
			put_array(t, msg, layout, f);
		else
			put_field(t, msg, layout, f->name, f->padding);
	}
}

static void put_oddities(struct text *t, const struct vu_message *msg, bool laid_out)
{
	uint32_t plain = (vu_message_is_reply(msg) ? VU_FLAG_REPLY : 0) | VU_FLAG_VERSION |
			 (msg->flags & VU_FLAG_NEED_REPLY);
	const char *separator = " with ";

	if (msg->flags != plain) {
		put(t, "%sflags=%#x", separator, msg->flags);
		separator = " ";
	}
	if (msg->size != msg->len) {
		put(t, "%ssize=%u", separator, msg->size);
		separator = " ";
	}
	if (!laid_out && msg->len) {
		put(t, "%spayload=", separator);
		put_hex(t, msg->payload, msg->len);
	}
}

/* A ring base is shown as the word it is on the wire: whether it is split or packed it does not say. */
static const struct vu_payload *shown_layout(const struct vu_message *msg)
{
	const struct vu_payload *layout = vu_message_layout(msg);

	if (layout && msg->channel == VU_MAIN &&
	    msg->request == (vu_message_is_reply(msg) ? VU_GET_VRING_BASE : VU_SET_VRING_BASE))
		return vu_payload_by_name("vring_state");
	return layout;
}

static void put_fields(struct text *t, const struct vu_message *msg)
{
	const struct vu_payload *layout = shown_layout(msg);
	enum vu_feature_kind kind;
	uint64_t mask;

	if (layout && is_feature_mask(msg, &kind) && vu_message_u64(msg, &mask)) {
		put(t, " ");
		put_features(t, msg->draft, kind, mask);
	} else if (layout) {
		put_payload(t, msg, layout);
	}
}

size_t script_format_fields(char *buf, size_t size, const struct vu_message *msg)
{
	struct text t = { .buf = buf, .size = size, .in_full = true };

	if (size)
		buf[0] = '\0';
	put_fields(&t, msg);
	return t.len;
}

/* The bit that says so, which is a word of its own where it is not a field. */
static bool says_nofd(const struct vu_message *msg)
{
	uint64_t nofd;

	return shown_layout(msg) && !vu_field_get(msg, shown_layout(msg), "nofd", &nofd) && nofd;
}

size_t script_format_message(char *buf, size_t size, enum script_arrow arrow,
			     const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);
	struct text t = { .buf = buf, .size = size };

	if (size)
		buf[0] = '\0';
	if (info)
		put(&t, "%s %s", script_arrow_text(arrow), info->name);
	else
		put(&t, "%s %u", script_arrow_text(arrow), msg->request);
	put_fields(&t, msg);
	if (vu_message_needs_reply(msg))
		put(&t, " need-reply");
	if (says_nofd(msg))
		put(&t, " nofd");
	for (size_t i = 0; i < msg->nfds; i++)
		put(&t, " fd $fd%zu", i);
	put_oddities(&t, msg, shown_layout(msg) != NULL);
	return t.len;
}
