/* SPDX-License-Identifier: Apache-2.0 */
/* What quirks do to requests on the back-end channel before they are sent. */
#include <string.h>

#include "deviations.h"

#define UUID_BYTES 16
#define DESCRIPTORS_TOO_MANY 9

static const struct {
	enum quirk when;
	uint32_t request;
	const char *field;
	uint64_t value;
} fields[] = {
	{ QUIRK_INBAND_CALL_NUMBERED, VU_BACKEND_VRING_CALL, "num", 1 },
	{ QUIRK_INBAND_ERR_NUMBERED, VU_BACKEND_VRING_ERR, "num", 1 },
	{ QUIRK_IOTLB_TYPE_ODD, VU_BACKEND_IOTLB_MSG, "type", 5 },
	{ QUIRK_IOTLB_PERM_ODD, VU_BACKEND_IOTLB_MSG, "perm", 7 },
	{ QUIRK_SHMEM_FLAGS_ODD, VU_BACKEND_SHMEM_MAP, "flags", 2 },
};

static const struct {
	enum quirk when;
	uint32_t request;
	uint32_t bytes;
} sizes[] = {
	{ QUIRK_IOTLB_CUT, VU_BACKEND_IOTLB_MSG, 24 },
	{ QUIRK_NOTIFIER_CUT, VU_BACKEND_VRING_HOST_NOTIFIER_MSG, 16 },
	{ QUIRK_OBJECT_NAME_CUT, VU_BACKEND_SHARED_OBJECT_ADD, 8 },
	{ QUIRK_SHMEM_CUT, VU_BACKEND_SHMEM_MAP, 32 },
};

static const struct {
	enum quirk when;
	size_t fds;
} notifiers[] = {
	{ QUIRK_NOTIFIER_TWO_DESCRIPTORS, 2 },
	{ QUIRK_NOTIFIER_NINE_DESCRIPTORS, DESCRIPTORS_TOO_MANY },
};

static void reverse(uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint8_t byte = bytes[i];

		bytes[i] = bytes[n - 1 - i];
		bytes[n - 1 - i] = byte;
	}
}

/* A UUID begins with words of four, two and two bytes. */
static void turn_name(struct vu_message *msg)
{
	const struct vu_payload *layout = vu_message_layout(msg);
	const uint8_t *name;
	uint8_t uuid[UUID_BYTES];
	size_t len = 0;

	name = vu_field_bytes(msg, layout, "uuid", &len);
	if (!name || len != sizeof(uuid))
		return;
	memcpy(uuid, name, sizeof(uuid));
	reverse(uuid, 4);
	reverse(uuid + 4, 2);
	reverse(uuid + 6, 2);
	vu_field_set_bytes(msg, layout, "uuid", uuid, sizeof(uuid));
}

void deviation_request(const struct backend *be, struct vu_message *msg)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (quirk(be, fields[i].when) && msg->request == fields[i].request)
			vu_set(msg, fields[i].field, fields[i].value);
	if (quirk(be, QUIRK_OBJECT_NAME_TURNED) && msg->request == VU_BACKEND_SHARED_OBJECT_ADD)
		turn_name(msg);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (quirk(be, sizes[i].when) && msg->request == sizes[i].request)
			msg->len = msg->size = sizes[i].bytes;
	for (size_t i = 0; i < sizeof(notifiers) / sizeof(notifiers[0]); i++)
		while (quirk(be, notifiers[i].when) && msg->nfds && msg->nfds < notifiers[i].fds)
			vu_message_add_fd(msg, msg->fds[0]);
	if (quirk(be, QUIRK_CHANNEL_IS_MAIN))
		msg->channel = VU_MAIN;
}
