/* SPDX-License-Identifier: Apache-2.0 */
/* Reset: the device begins anew, the connection and what was agreed upon on it stay. */
#include "backend.h"

void device_reset(struct backend *be)
{
	rings_settle(be, NULL);
	rings_tell(be);
	for (unsigned int i = 0; i < be->nrings; i++) {
		struct ring *ring = &be->rings[i];

		ring_stop(be, ring);
		ring->base = 0;
		ring->based = false;
	}
	rings_enable_all(be, quirk(be, QUIRK_RESET_LEAVES_ENABLED));
	transfer_abort(be);
	be->status = 0;
	if (be->ops->reset)
		be->ops->reset(be->service);
}

int reset_device(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	if (quirk(be, QUIRK_RESET_IGNORED))
		return DONE;
	device_reset(be);
	be->odd.reset = be->odd.ownerless = true;
	return DONE;
}
