/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end channel: what the back-end may ask for on it, and what the front-end answers. */
#include "event.h"

/* The ends of the ranges of type and perm in struct vhost_iotlb_msg. */
enum { IOTLB_MISS = 1, IOTLB_ACCESS_FAIL = 4, IOTLB_READ_WRITE = 3 };

void vu_set_backend_req_fd(struct vu_event *ev)
{
	ev->model->backend_channel = true;
}

static void check_descriptors(struct vu_event *ev)
{
	if (ev->nfds > VU_LIMIT_MAX_FDS_BACKEND_MESSAGE)
		vu_breach(ev, "bch.at-most-eight-fds", "%s with %zu descriptors",
			  vu_message_name(ev->msg), ev->nfds);
	if (ev->nfds && !(ev->model->protocol_ever & VU_BIT(VU_PF_BACKEND_SEND_FD)))
		vu_breach(ev, "bch.fds-need-send-fd", "%s with %zu descriptors, no BACKEND_SEND_FD",
			  vu_message_name(ev->msg), ev->nfds);
}

/* Whatever its id is. */
void vu_check_channel_request(struct vu_event *ev)
{
	check_descriptors(ev);
	if (ev->model->silence_due)
		vu_breach(ev, "susp.no-frontend-messages", "%s while every ring is stopped",
			  vu_message_name(ev->msg));
}

/* The same payload in both directions: each side has types of its own, which are not told apart. */
void vu_iotlb_msg(struct vu_event *ev)
{
	uint64_t type = vu_event_field(ev, "type"), perm = vu_event_field(ev, "perm");

	if (type < IOTLB_MISS || type > IOTLB_ACCESS_FAIL) {
		vu_breach(ev, "pay.iotlb.type-values", "%s of type %llu", ev->info->name,
			  (unsigned long long)type);
		ev->malformed = true;
	}
	if (perm > IOTLB_READ_WRITE) {
		vu_breach(ev, "pay.iotlb.perm-values", "%s with permission %llu", ev->info->name,
			  (unsigned long long)perm);
		ev->malformed = true;
	}
}

void vu_channel_vring(struct vu_event *ev)
{
	bool call = ev->info->id == VU_BACKEND_VRING_CALL;
	uint64_t num = vu_event_field(ev, "num");

	if (num)
		vu_breach(ev, call ? "bmsg.vring-call.num-zero" : "bmsg.vring-err.num-zero",
			  "%s %llu with num %llu", ev->info->name, (unsigned long long)ev->index,
			  (unsigned long long)num);
}

void vu_reply_lookup(struct vu_event *ev)
{
	bool found = vu_event_field(ev, "u64") == 0;

	if (!ev->sure)
		return;
	if (found && !ev->nfds)
		vu_breach(ev, "bmsg.shared-object-lookup.reply",
			  "SHARED_OBJECT_LOOKUP reply: success without a descriptor");
	if (!found && ev->nfds)
		vu_breach(ev, "bmsg.shared-object-lookup.no-fd-on-failure",
			  "SHARED_OBJECT_LOOKUP reply: failure with a descriptor");
}
