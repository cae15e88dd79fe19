/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings: set up, started, enabled, stopped ("Ring states"), and the silence
 * that the back-end owes while every ring is stopped.
 */
#include "event.h"

/* The ring that the message names; an index that no kick could name makes the message malformed. */
static struct vu_model_ring *ring_of(struct vu_event *ev)
{
	struct vu_model_ring *ring;

	if (ev->index >= VU_MODEL_RINGS) {
		ev->malformed = true;
		return NULL;
	}
	ring = &ev->model->rings[ev->index];
	ring->seen = true;
	return ring;
}

void vu_rings_forget_silence(struct vu_model *model)
{
	model->stopped_at = VU_NEVER;
	model->silence_due = false;
}

void vu_rings_answered(struct vu_model *model, const struct vu_outstanding *to)
{
	if (to->channel == VU_MAIN && model->stopped_at != VU_NEVER &&
	    to->sequence > model->stopped_at)
		model->silence_due = true;
}

static void start(struct vu_model *model, struct vu_model_ring *ring)
{
	if (!ring->started)
		model->nstarted++;
	ring->started = true;
	ring->stopping = false;
	vu_rings_forget_silence(model);
}

static void stop(struct vu_model *model, struct vu_model_ring *ring)
{
	if (ring->started && --model->nstarted == 0)
		model->stopped_at = model->messages;
	ring->started = false;
	ring->stopping = false;
}

void vu_rings_enable_all(struct vu_model *model)
{
	for (size_t i = 0; i < VU_MODEL_RINGS; i++)
		model->rings[i].enabled = true;
}

void vu_rings_reset(struct vu_model *model)
{
	for (size_t i = 0; i < VU_MODEL_RINGS; i++)
		model->rings[i] = (struct vu_model_ring){ .seen = model->rings[i].seen };
	model->nstarted = 0;
	vu_rings_forget_silence(model);
}

void vu_set_vring_num(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (!ring)
		return;
	ring->num = vu_event_field(ev, "num");
	ring->has_num = true;
}

void vu_set_vring_addr(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (!ring)
		return;
	ring->desc = vu_event_field(ev, "descriptor");
	ring->avail = vu_event_field(ev, "available");
	ring->used = vu_event_field(ev, "used");
	ring->log = vu_event_field(ev, "log");
	ring->log_used = vu_event_field(ev, "flags") & VU_BIT(VU_VRING_F_LOG);
	ring->has_addr = true;
}

/* The base as one number: GET_VRING_BASE asks with the plain form of the payload. */
static uint32_t raw_base(const struct vu_event *ev)
{
	const struct vu_message_info *get = vu_message_by_id(VU_MAIN, VU_GET_VRING_BASE);
	uint64_t num;

	return vu_field_get(ev->msg, get->request, "num", &num) == 0 ? num : 0;
}

static void check_split_base(struct vu_event *ev, uint32_t base)
{
	const struct vu_model *model = ev->model;
	bool split = model->features_set && !(model->features_ever & VU_BIT(VU_F_RING_PACKED));

	if (split && vu_event_field(ev, "reserved"))
		vu_breach(ev, "pay.vring-base.split-upper-bits-zero",
			  "%s ring %llu: base 0x%x, of which a split ring has 16 bits",
			  ev->info->name, (unsigned long long)ev->index, base);
}

void vu_set_vring_base(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (!ring)
		return;
	ring->base = raw_base(ev);
	ring->has_base = true;
	check_split_base(ev, ring->base);
}

void vu_get_vring_base(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (!ring)
		return;
	ring->stopping = true;
	if (raw_base(ev))
		vu_breach(ev, "msg.get-vring-base.num-zero", "GET_VRING_BASE %llu with num 0x%x",
			  (unsigned long long)ev->index, raw_base(ev));
}

void vu_reply_vring_base(struct vu_event *ev)
{
	struct vu_model_ring *ring;
	uint64_t index = vu_event_field(ev, "index");

	ev->index = ev->sure ? ev->to->index : index;
	if (ev->sure && index != ev->index)
		vu_breach(ev, "msg.get-vring-base.index-echoed",
			  "GET_VRING_BASE was asked for ring %llu and answered for ring %llu",
			  (unsigned long long)ev->index, (unsigned long long)index);
	if (ev->index >= VU_MODEL_RINGS)
		return;
	ring = &ev->model->rings[ev->index];
	if (!ring->stopping)
		return;
	ring->base = raw_base(ev);
	ring->has_base = true;
	stop(ev->model, ring);
	if (ev->sure)
		check_split_base(ev, ring->base);
}

/* Kick, call and error descriptors: there is one, or the message says that there is none. */
static bool descriptor_told(struct vu_event *ev, bool *has)
{
	bool nofd = vu_event_field(ev, "nofd");

	if (nofd == (ev->nfds == 0)) {
		*has = !nofd;
		return true;
	}
	vu_breach(ev, ev->rule->fd_clause, "%s %llu with%s descriptor, no-descriptor bit %s",
		  ev->info->name, (unsigned long long)ev->index, ev->nfds ? " a" : "out",
		  nofd ? "set" : "clear");
	ev->malformed = true;
	return false;
}

void vu_set_vring_kick(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (ring && descriptor_told(ev, &ring->has_kick))
		start(ev->model, ring);
}

void vu_set_vring_call(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (ring)
		descriptor_told(ev, &ring->has_call);
}

void vu_set_vring_err(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);

	if (ring)
		descriptor_told(ev, &ring->has_err);
}

void vu_set_vring_enable(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);
	uint64_t num = vu_event_field(ev, "num");

	if (!ring)
		return;
	if (num > 1) {
		vu_breach(ev, "msg.set-vring-enable.values", "SET_VRING_ENABLE %llu with num %llu",
			  (unsigned long long)ev->index, (unsigned long long)num);
		ev->malformed = true;
		return;
	}
	ring->enabled = num;
}

void vu_set_vring_endian(struct vu_event *ev)
{
	uint64_t num = vu_event_field(ev, "num");

	if (!ring_of(ev) || num <= 1)
		return;
	vu_breach(ev, "msg.set-vring-endian.values", "SET_VRING_ENDIAN %llu with num %llu",
		  (unsigned long long)ev->index, (unsigned long long)num);
	ev->malformed = true;
}

void vu_vring_kick(struct vu_event *ev)
{
	struct vu_model_ring *ring = ring_of(ev);
	uint64_t num = vu_event_field(ev, "num");

	if (!ring)
		return;
	if (num)
		vu_breach(ev, "msg.vring-kick.num-zero", "VRING_KICK %llu with num %llu",
			  (unsigned long long)ev->index, (unsigned long long)num);
	start(ev->model, ring);
}
