/* SPDX-License-Identifier: Apache-2.0 */
/* Reset: the device begins anew, the connection and what was agreed upon on it stay. */
#include "backend.h"

/*
 * Where a ring stopped outlives a status of 0: QEMU 7.2 sets that when it stops the device, and
 * asks for the bases after it.
 */
void device_reset(struct backend *be)
{
	rings_settle(be, NULL);
	rings_tell(be);
	for (unsigned int i = 0; i < be->nrings; i++)
		ring_stop(be, &be->rings[i]);
	rings_enable_all(be, quirk(be, QUIRK_RESET_LEAVES_ENABLED));
	transfer_abort(be);
	be->status = 0;
	if (be->ops->reset)
		be->ops->reset(be->service);
}

static void forget_bases(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++) {
		be->rings[i].base = 0;
		be->rings[i].based = false;
	}
}

int reset_device(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	if (quirk(be, QUIRK_RESET_IGNORED) || (quirk(be, QUIRK_SUSPEND_LOSES_RESET) && ceased(be)))
		return DONE;
	be->odd.reset_due = quirk(be, QUIRK_RESET_LATE) && !be->odd.reset_due;
	if (be->odd.reset_due)
		return DONE;
	device_reset(be);
	forget_bases(be);
	be->odd.reset = be->odd.ownerless = true;
	return DONE;
}
