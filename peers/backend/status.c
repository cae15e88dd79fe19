/* SPDX-License-Identifier: Apache-2.0 */
/* The device status of virtio. */
#include <errno.h>
#include <linux/virtio_config.h>

#include "backend.h"

int get_status(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	vu_message_set_u64(reply, quirk(be, QUIRK_STATUS_ALWAYS_ZERO) ? 0 : be->status);
	return ANSWERED;
}

int set_status(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t status = vu_get(msg, "u64");

	(void)reply;
	if (status > UINT8_MAX)
		return -EINVAL;
	if (quirk(be, QUIRK_STATUS_IGNORED) || (!status && quirk(be, QUIRK_STATUS_ZERO_IGNORED)))
		return DONE;
	if ((!status && !quirk(be, QUIRK_STATUS_ZERO_STORED)) ||
	    (status & VIRTIO_CONFIG_S_DRIVER_OK && quirk(be, QUIRK_STATUS_RESTARTS)))
		device_reset(be);
	be->odd.wiped |= !status;
	be->status = (uint8_t)status;
	return DONE;
}
