/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a whole: its header, the layout of its payload, the descriptors it owns. */
#include "message.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void vu_message_init(struct vu_message *msg, enum vu_channel channel, uint32_t request)
{
	/* Not the payload: bytes beyond `len` mean nothing, and there are many of them. */
	msg->channel = channel;
	msg->request = request;
	msg->flags = VU_FLAG_VERSION;
	msg->size = 0;
	msg->len = 0;
	msg->nfds = 0;
	msg->fds_dropped = 0;
	msg->draft = NULL;
}

void vu_message_init_reply(struct vu_message *msg, const struct vu_message *to)
{
	vu_message_init(msg, to->channel, to->request);
	msg->flags |= VU_FLAG_REPLY;
	msg->draft = to->draft;
}

bool vu_message_is_reply(const struct vu_message *msg)
{
	return msg->flags & VU_FLAG_REPLY;
}

bool vu_message_needs_reply(const struct vu_message *msg)
{
	return msg->flags & VU_FLAG_NEED_REPLY;
}

const struct vu_message_info *vu_message_info(const struct vu_message *msg)
{
	return vu_message_of(msg->draft, msg->channel, msg->request);
}

uint32_t vu_message_sense(const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	if (!vu_draft_has(msg->draft, info))
		return msg->request;
	info = vu_message_by_name(msg->channel, info->name);
	return info ? info->id : UINT32_MAX;
}

const char *vu_message_name(const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	return info ? info->name : "unknown";
}

/* What a payload of this layout should be long, going by the count that it holds itself. */
static bool fits(const struct vu_message *msg, const struct vu_payload *layout)
{
	const struct vu_field *last = layout->nfields ? &layout->fields[layout->nfields - 1] : NULL;
	uint64_t count;

	if (!last || !last->count_by)
		return msg->len == layout->size;
	if (vu_field_get(msg, layout, last->count_by, &count) != 0)
		return false;
	return msg->len == layout->size + count * last->stride;
}

static const struct vu_payload *first_fit(const struct vu_message *msg,
					  const struct vu_payload *const forms[VU_PAYLOAD_FORMS])
{
	for (size_t i = 0; i < VU_PAYLOAD_FORMS && forms[i]; i++) {
		if (fits(msg, forms[i]))
			return forms[i];
	}
	return NULL;
}

const struct vu_payload *vu_message_layout(const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);
	const struct vu_payload *layout;

	if (!info)
		return NULL;
	if (!vu_message_is_reply(msg))
		return first_fit(msg, info->request_forms);
	layout = first_fit(msg, info->reply);
	if (!layout && info->reply_always_if)
		layout = first_fit(msg, info->request_forms);
	return layout;
}

bool vu_message_fits(const struct vu_message *msg, const struct vu_message_info *info)
{
	size_t nfds = msg->nfds + msg->fds_dropped;

	return first_fit(msg, info->request_forms) && nfds >= info->fds_request.min &&
	       nfds <= info->fds_request.max;
}

static bool has_field(const struct vu_payload *layout, const char *path)
{
	size_t len = strcspn(path, ".[");

	for (size_t i = 0; i < layout->nfields; i++) {
		const char *name = layout->fields[i].name;

		if (strlen(name) == len && strncmp(name, path, len) == 0)
			return true;
	}
	return false;
}

static const struct vu_payload *form_with(const struct vu_message *msg,
					  const struct vu_payload *const forms[VU_PAYLOAD_FORMS],
					  const char *path)
{
	for (size_t i = 0; i < VU_PAYLOAD_FORMS && forms[i]; i++) {
		if ((msg->len == 0 || fits(msg, forms[i])) && has_field(forms[i], path))
			return forms[i];
	}
	return NULL;
}

const struct vu_payload *vu_message_layout_with(const struct vu_message *msg, const char *path)
{
	const struct vu_message_info *info = vu_message_info(msg);
	const struct vu_payload *layout = NULL;

	if (!info)
		return NULL;
	if (vu_message_is_reply(msg))
		layout = form_with(msg, info->reply, path);
	if (!layout)
		layout = form_with(msg, info->request_forms, path);
	return layout;
}

void vu_message_set_layout(struct vu_message *msg, const struct vu_payload *layout)
{
	msg->len = layout->size;
	msg->size = layout->size;
	memset(msg->payload, 0, layout->size);
}

uint64_t vu_get(const struct vu_message *msg, const char *path)
{
	const struct vu_payload *layout = vu_message_layout_with(msg, path);
	uint64_t value = 0;

	if (layout)
		vu_field_get(msg, layout, path, &value);
	return value;
}

void vu_set(struct vu_message *msg, const char *path, uint64_t value)
{
	const struct vu_payload *layout = vu_message_layout_with(msg, path);

	if (layout && !msg->len)
		vu_message_set_layout(msg, layout);
	if (layout)
		vu_field_set(msg, layout, path, value);
}

void vu_message_set_u64(struct vu_message *msg, uint64_t value)
{
	msg->len = sizeof(value);
	msg->size = sizeof(value);
	memcpy(msg->payload, &value, sizeof(value));
}

bool vu_message_u64(const struct vu_message *msg, uint64_t *value)
{
	if (msg->len < sizeof(*value))
		return false;
	memcpy(value, msg->payload, sizeof(*value));
	return true;
}

int vu_message_add_fd(struct vu_message *msg, int fd)
{
	if (msg->nfds == VU_MESSAGE_FDS_MAX)
		return -ENOSPC;
	msg->fds[msg->nfds++] = fd;
	return 0;
}

int vu_message_take_fd(struct vu_message *msg, size_t i)
{
	int fd;

	if (i >= msg->nfds)
		return -1;
	fd = msg->fds[i];
	msg->fds[i] = -1;
	return fd;
}

void vu_message_close_fds(struct vu_message *msg)
{
	for (size_t i = 0; i < msg->nfds; i++) {
		if (msg->fds[i] >= 0)
			close(msg->fds[i]);
	}
	msg->nfds = 0;
}
