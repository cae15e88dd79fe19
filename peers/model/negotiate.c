/* SPDX-License-Identifier: Apache-2.0 */
/* What was offered and what is in force: virtio and protocol features, owner, number of queues. */
#include "event.h"

static enum vu_certainty least(enum vu_certainty a, enum vu_certainty b)
{
	return a < b ? a : b;
}

/* While it is not known what was offered, it is taken to include what was acknowledged. */
static enum vu_certainty offered(bool known, uint64_t have, uint64_t acked, uint64_t want)
{
	if (((known ? have : acked) & want) == want)
		return VU_YES;
	return known ? VU_NO : VU_PERHAPS;
}

static enum vu_certainty feature_offered(const struct vu_model *model, uint64_t bits)
{
	return offered(model->features_offered_known, model->features_offered, model->features,
		       bits);
}

static enum vu_certainty protocol_offered(const struct vu_model *model, uint64_t bits)
{
	return offered(model->protocol_offered_known, model->protocol_offered, model->protocol,
		       bits);
}

static enum vu_certainty features_in_force(const struct vu_model *model, uint64_t bits)
{
	if (!bits)
		return VU_YES;
	if (model->features_doubtful || !model->features_set)
		return VU_PERHAPS;
	if ((model->features & bits) != bits)
		return VU_NO;
	return feature_offered(model, bits) == VU_NO ? VU_PERHAPS : VU_YES;
}

enum vu_certainty vu_protocol_in_force(const struct vu_model *model, uint64_t bits)
{
	if (!bits)
		return VU_YES;
	if (bits & vu_draft_bits(model->draft))
		return VU_NO; /* the number stands for something else */
	if (model->protocol_doubtful)
		return VU_PERHAPS;
	if ((model->protocol & bits) != bits)
		return VU_NO;
	/* acknowledged without having been offered: nobody can say what the back-end makes of it */
	return protocol_offered(model, bits) == VU_NO ? VU_PERHAPS : VU_YES;
}

/* The sender may not have seen the latest features yet: any that ever were in force will do. */
static enum vu_certainty needs_on_channel(const struct vu_model *model, const struct vu_rule *rule)
{
	if ((rule->features & ~model->features_ever) || (rule->protocol & ~model->protocol_ever))
		return VU_NO;
	return least(features_in_force(model, rule->features) == VU_YES ? VU_YES : VU_PERHAPS,
		     vu_protocol_in_force(model, rule->protocol) == VU_YES ? VU_YES : VU_PERHAPS);
}

enum vu_certainty vu_needs(const struct vu_model *model, const struct vu_rule *rule,
			   enum vu_channel channel)
{
	enum vu_certainty acked, was_offered;

	if (channel == VU_BACKEND)
		return needs_on_channel(model, rule);
	acked = least(features_in_force(model, rule->features),
		      vu_protocol_in_force(model, rule->protocol));
	was_offered = least(feature_offered(model, rule->features_offered),
			    protocol_offered(model, rule->protocol_offered));
	return least(acked, was_offered);
}

/* A malformed request to set features may have set any. */
void vu_doubt_features(struct vu_event *ev)
{
	ev->model->features_doubtful = true;
	ev->model->features_ever = UINT64_MAX;
}

void vu_doubt_protocol_features(struct vu_event *ev)
{
	ev->model->protocol_doubtful = true;
	ev->model->protocol_ever = UINT64_MAX;
}

void vu_reply_features(struct vu_event *ev)
{
	ev->model->features_offered = vu_event_field(ev, "u64");
	ev->model->features_offered_known = true;
}

void vu_set_features(struct vu_event *ev)
{
	struct vu_model *model = ev->model;
	uint64_t bits = vu_event_field(ev, "u64");

	if (model->features_offered_known && (bits & ~model->features_offered))
		vu_breach(ev, "feat.virtio-ack-only-offered",
			  "SET_FEATURES 0x%llx, not offered: 0x%llx", (unsigned long long)bits,
			  (unsigned long long)(bits & ~model->features_offered));
	model->features = bits;
	model->features_ever |= bits;
	model->features_set = true;
	model->features_doubtful = false;
	if (!(bits & VU_BIT(VU_F_PROTOCOL_FEATURES)))
		vu_rings_enable_all(model);
}

void vu_reply_protocol_features(struct vu_event *ev)
{
	ev->model->protocol_offered = vu_event_field(ev, "u64");
	ev->model->protocol_offered_known = true;
}

static void check_protocol_set(struct vu_event *ev, uint64_t bits)
{
	const struct vu_model *model = ev->model;
	const uint64_t inband = VU_BIT(VU_PF_BACKEND_REQ) | VU_BIT(VU_PF_REPLY_ACK);

	if (model->protocol_offered_known && (bits & ~model->protocol_offered))
		vu_breach(ev, "feat.ack-only-offered",
			  "SET_PROTOCOL_FEATURES 0x%llx, not offered: 0x%llx",
			  (unsigned long long)bits,
			  (unsigned long long)(bits & ~model->protocol_offered));
	if ((bits & VU_BIT(VU_PF_INBAND_NOTIFICATIONS)) && (bits & inband) != inband)
		vu_breach(ev, "inband.not-alone",
			  "INBAND_NOTIFICATIONS without BACKEND_REQ and REPLY_ACK: 0x%llx",
			  (unsigned long long)bits);
	if ((bits & VU_BIT(VU_PF_GET_VRING_BASE_INFLIGHT)) &&
	    !(bits & VU_BIT(VU_PF_INFLIGHT_SHMFD)))
		vu_breach(ev, "msg.get-vring-base.inflight-bit-needs-shmfd",
			  "GET_VRING_BASE_INFLIGHT without INFLIGHT_SHMFD: 0x%llx",
			  (unsigned long long)bits);
}

void vu_set_protocol_features(struct vu_event *ev)
{
	struct vu_model *model = ev->model;
	uint64_t bits = vu_event_field(ev, "u64");

	check_protocol_set(ev, bits);
	/* Whether REPLY_ACK already holds for the message that sets it, no rule says. */
	if (vu_message_needs_reply(ev->msg) && ((bits ^ model->protocol) & VU_BIT(VU_PF_REPLY_ACK)))
		ev->debt = VU_DEBT_MAYBE;
	model->protocol = bits;
	model->protocol_ever |= bits;
	model->protocol_set = true;
	model->protocol_doubtful = false;
}

void vu_set_owner(struct vu_event *ev)
{
	ev->model->owner = true;
}

void vu_reset_owner(struct vu_event *ev)
{
	vu_breach(ev, "msg.reset-owner.not-sent", "RESET_OWNER, which is deprecated");
	ev->model->owner = false;
	/* the back-end may disable all rings or do nothing: the state that is known stays */
}

void vu_reply_queue_num(struct vu_event *ev)
{
	ev->model->queue_num = vu_event_field(ev, "u64");
}
