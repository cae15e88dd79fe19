/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration space of the device. */
#include <errno.h>
#include <linux/vhost_types.h>
#include <string.h>

#include "deviations.h"

#define CONFIG_MAX 4096
/* Flags of SET_CONFIG: a write of the driver, or what live migration restores. */
enum { CONFIG_WRITE, CONFIG_MIGRATION };

static bool inside(const struct backend *be, uint64_t offset, uint64_t size)
{
	return offset + size <= be->ops->config_size(be->service);
}

/* A failure is told by a reply without payload. */
int get_config(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t offset = vu_get(msg, "offset"), size = vu_get(msg, "size");
	uint8_t config[CONFIG_MAX] = { 0 };

	if (!inside(be, offset, size) && quirk(be, QUIRK_CONFIG_BEYOND_ITS_END))
		offset = CONFIG_MAX - size;
	else if (!inside(be, offset, size))
		return quirk(be, QUIRK_CONFIG_ERROR_CLOSES) ? -ERANGE : ANSWERED;
	if (quirk(be, QUIRK_CONFIG_OFFSET_IGNORED))
		offset = 0;
	be->ops->config(be->service, config);
	deviation_config(be, config);
	memcpy(reply->payload, msg->payload, msg->len);
	reply->len = reply->size = msg->len;
	vu_field_set_bytes(reply, vu_message_layout(msg), "region", config + offset, size);
	if (quirk(be, QUIRK_CONFIG_WHOLE))
		vu_field_set_bytes(reply, vu_message_layout(msg), "region", config,
				   be->ops->config_size(be->service));
	return ANSWERED;
}

int set_config(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t offset = vu_get(msg, "offset"), flags = vu_get(msg, "flags");
	size_t len;
	const uint8_t *bytes = vu_field_bytes(msg, vu_message_layout(msg), "region", &len);
	int err;

	(void)reply;
	if (quirk(be, QUIRK_CONFIG_PART_CRASH) && len < be->ops->config_size(be->service))
		deviation_crash();
	if (quirk(be, QUIRK_CONFIG_WRITE_SHIFTED))
		bytes = msg->payload;
	if (flags > CONFIG_MIGRATION && !quirk(be, QUIRK_CONFIG_FLAGS_IGNORED))
		return -EINVAL;
	if (!bytes || !inside(be, offset, len))
		return -ERANGE;
	if (!be->ops->set_config)
		return -EACCES;
	err = be->ops->set_config(be->service, (uint32_t)offset, (uint32_t)len, bytes,
				  flags == CONFIG_MIGRATION);
	return quirk(be, QUIRK_CONFIG_READ_ONLY_TAKEN) ? DONE : err;
}

void config_changed(struct backend *be)
{
	be->config_changed = true;
	config_tell(be);
}

static void heard(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	(void)ring;
	(void)reply;
	rings_run(be);
}

/* A change that cannot be told now is told when the device runs again. */
void config_tell(struct backend *be)
{
	bool asks = quirk(be, QUIRK_CHANNEL_DEADLOCK) || quirk(be, QUIRK_CHANNEL_BLOCKS_RINGS);
	struct vu_message msg;

	if (!channel_may(be, VU_BACKEND_CONFIG_CHANGE_MSG) || quirk(be, QUIRK_CONFIG_CHANGE_UNTOLD))
		return;
	vu_message_init(&msg, VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG);
	be->config_changed = false;
	channel_ask(be, &msg, 0, asks ? heard : NULL);
}
