/* SPDX-License-Identifier: Apache-2.0 */
/* What concerns the device as a whole: reset, status, config space, in-flight, state, postcopy. */
#include <stdio.h>

#include "event.h"

/* Back to the initial state. What was negotiated belongs to the connection and stays. */
void vu_reset_device(struct vu_event *ev)
{
	vu_rings_reset(ev->model);
	ev->model->status = 0;
}

void vu_status(struct vu_event *ev)
{
	ev->model->status = vu_event_field(ev, "u64");
}

/*
 * An answer without payload reports failure, be it of the message or of the description of the config space in it,
 * whose array is called so as well. Any other has the size of the request.
 */
void vu_reply_config(struct vu_event *ev)
{
	size_t description = ev->info->request->size;

	if (!ev->sure || ev->msg->len == 0)
		return;
	if (ev->msg->len == description && vu_event_field(ev, "size") == 0)
		return;
	if (ev->msg->len < description)
		vu_breach(ev, "pay.config.layout", "GET_CONFIG reply of %zu bytes", ev->msg->len);
	else if (ev->msg->len != ev->to->len)
		vu_breach(ev, "msg.get-config.size-matches",
			  "GET_CONFIG of %zu bytes answered with %zu", ev->to->len, ev->msg->len);
}

void vu_set_inflight_fd(struct vu_event *ev)
{
	ev->model->inflight_set = true;
}

void vu_set_device_state_fd(struct vu_event *ev)
{
	struct vu_model *model = ev->model;
	uint64_t direction = vu_event_field(ev, "direction");
	uint64_t phase = vu_event_field(ev, "phase");

	model->transfer_seen = true;
	if (direction > 1)
		vu_breach(ev, "pay.device-state.direction-values", "direction %llu",
			  (unsigned long long)direction);
	if (phase)
		vu_breach(ev, "pay.device-state.phase-values", "phase %llu",
			  (unsigned long long)phase);
	if (direction > 1 || phase) {
		ev->malformed = true;
		return;
	}
	if (model->nstarted)
		vu_breach(ev, "state.only-while-suspended",
			  "SET_DEVICE_STATE_FD while %zu rings are started", model->nstarted);
	model->transfer = direction ? VU_TRANSFER_LOADING : VU_TRANSFER_SAVING;
}

void vu_reply_device_state_fd(struct vu_event *ev)
{
	uint64_t status = vu_event_field(ev, "status");
	bool nofd = vu_event_field(ev, "nofd");

	if (status)
		ev->model->transfer = VU_TRANSFER_NONE;
	if (!ev->sure)
		return;
	if (nofd != (ev->nfds == 0))
		vu_breach(ev, "msg.set-device-state-fd.nofd-bit",
			  "SET_DEVICE_STATE_FD reply: no-descriptor bit %s, %zu descriptors",
			  nofd ? "set" : "clear", ev->nfds);
	if (status && ev->nfds)
		vu_breach(ev, "msg.set-device-state-fd.no-error-with-fd",
			  "SET_DEVICE_STATE_FD reply: status %llu and a descriptor",
			  (unsigned long long)status);
}

void vu_check_device_state(struct vu_event *ev)
{
	if (!ev->model->transfer_seen)
		vu_breach(ev, "msg.check-device-state.after-transfer",
			  "CHECK_DEVICE_STATE without a transfer");
}

void vu_reply_check_device_state(struct vu_event *ev)
{
	ev->model->transfer = VU_TRANSFER_NONE;
}

void vu_postcopy_advise(struct vu_event *ev)
{
	ev->model->postcopy_advised = true;
}

void vu_postcopy_listen(struct vu_event *ev)
{
	if (!ev->model->postcopy_advised)
		vu_breach(ev, "msg.postcopy-listen.after-advise",
			  "POSTCOPY_LISTEN without POSTCOPY_ADVISE");
	ev->model->postcopy_listening = true;
}

/* Replies with addresses may come now: they can no longer be told from ones nobody asked for. */
void vu_doubt_postcopy(struct vu_event *ev)
{
	ev->model->out_of_step[VU_MAIN] = true;
}

void vu_postcopy_end(struct vu_event *ev)
{
	if (!ev->model->postcopy_listening)
		vu_breach(ev, "msg.postcopy-end.after-listen",
			  "POSTCOPY_END without POSTCOPY_LISTEN");
	ev->model->postcopy_advised = false;
	ev->model->postcopy_listening = false;
	ev->model->postcopy_ack_due = false;
}

void vu_reply_shmem_config(struct vu_event *ev)
{
	const struct vu_payload *layout = ev->info->reply[0];
	uint64_t claimed = vu_event_field(ev, "num_regions"), found = 0, size;
	char path[sizeof("sizes[65535]")];

	for (unsigned int i = 0; i < VU_LIMIT_SHMEM_REGION_SLOTS; i++) {
		snprintf(path, sizeof(path), "sizes[%hu]", (unsigned short)i);
		if (vu_field_get(ev->msg, layout, path, &size) == 0 && size)
			found++;
	}
	if (ev->sure && found != claimed)
		vu_breach(ev, "pay.shmem-config.count-is-nonzero-sizes",
			  "GET_SHMEM_CONFIG reply: count %llu, sizes that are not zero: %llu",
			  (unsigned long long)claimed, (unsigned long long)found);
}
