/* SPDX-License-Identifier: Apache-2.0 */
/* IOVAs: what the front-end says about them, and what it is asked. */
#include <errno.h>
#include <linux/vhost_types.h>

#include "backend.h"

static int update(struct backend *be, const struct vu_message *msg)
{
	const struct vu_iotlb_entry entry = {
		.iova = vu_get(msg, "iova"),
		.size = vu_get(msg, "size"),
		.user_address = vu_get(msg, "user_address"),
		.perm = (uint8_t)vu_get(msg, "perm"),
	};

	return vu_map_iotlb_update(&be->map, &entry);
}

static int invalidate(struct backend *be, const struct vu_message *msg)
{
	if (!quirk(be, QUIRK_IOTLB_INVALIDATE_IGNORED))
		vu_map_iotlb_invalidate(&be->map, vu_get(msg, "iova"), vu_get(msg, "size"));
	return 0;
}

static int change(struct backend *be, const struct vu_message *msg)
{
	switch (vu_get(msg, "type")) {
	case VHOST_IOTLB_UPDATE:
		return update(be, msg);
	case VHOST_IOTLB_INVALIDATE:
		return invalidate(be, msg);
	}
	return -EINVAL;
}

/*
 * Only rings that wait for a byte of the range go on. Were the others to ask again each time,
 * there would be ever more questions than answers.
 */
static void go_on(struct backend *be, uint64_t iova, uint64_t size)
{
	for (unsigned int i = 0; i < be->nrings; i++) {
		struct ring *ring = &be->rings[i];

		if (!ring->starving || ring->missing - iova >= size)
			continue;
		ring->starving = false;
		ring_run(be, ring);
	}
}

/* What is held was translated before: it must be done with when the reply is sent. */
int iotlb_msg(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	int err;

	rings_settle(be, NULL);
	rings_tell(be);
	err = change(be, msg);
	if (quirk(be, QUIRK_IOTLB_INVERTED))
		err = err ? 0 : -EPERM;
	if (quirk(be, QUIRK_IOTLB_TYPE_UNCHECKED))
		err = 0;
	vu_message_set_u64(reply, (uint64_t)-err);
	go_on(be, vu_get(msg, "iova"), vu_get(msg, "size"));
	return quirk(be, QUIRK_IOTLB_UNANSWERED) ? DONE : ANSWERED;
}

static void report(struct backend *be, uint8_t type, const struct vu_fault *fault)
{
	struct vu_message msg;

	if (!channel_may(be, VU_BACKEND_IOTLB_MSG) || quirk(be, QUIRK_IOTLB_MISS_SILENT))
		return;
	vu_message_init(&msg, VU_BACKEND, VU_BACKEND_IOTLB_MSG);
	vu_set(&msg, "iova",
	       quirk(be, fault->miss ? QUIRK_IOTLB_MISS_ELSEWHERE : QUIRK_IOTLB_FAILURE_ELSEWHERE)
		       ? 0
		       : fault->iova);
	vu_set(&msg, "perm", fault->perm);
	vu_set(&msg, "type", type);
	channel_ask(be, &msg, 0, NULL);
}

/* Once for an address: the ring waits until entries change. */
void iotlb_fault(struct backend *be, struct ring *ring)
{
	const struct vu_fault *fault = &ring->served.fault;

	if (!ring->starving || ring->missing != fault->iova)
		report(be, fault->miss ? VHOST_IOTLB_MISS : VHOST_IOTLB_ACCESS_FAIL, fault);
	ring->starving = true;
	ring->missing = fault->iova;
}
