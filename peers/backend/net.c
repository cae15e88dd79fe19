/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that only a network device has. */
#include <errno.h>

#include "deviations.h"

int send_rarp(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)reply;
	if (quirk(be, QUIRK_RARP_EARLY_CRASH) && suspended(be))
		deviation_crash();
	if (!quirk(be, QUIRK_RARP_SILENT))
		be->ops->network->announce(be->service, msg->payload);
	rings_tell(be);
	return DONE;
}

int net_set_mtu(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)reply;
	if (quirk(be, QUIRK_MTU_ANY))
		return DONE;
	if (quirk(be, QUIRK_MTU_NONE))
		return -EINVAL;
	return be->ops->network->set_mtu(be->service, vu_get(msg, "u64"));
}
