/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests are owed a reply, and which request a reply answers. */
#include <string.h>

#include "event.h"

#define NOT_FOUND SIZE_MAX

/* In postcopy the back-end tells where it mapped the regions. */
static bool asks_addresses(const struct vu_model *model, const struct vu_message *msg)
{
	if (!model->postcopy_listening || msg->channel != VU_MAIN || vu_is_postcopy_ack(model, msg))
		return false;
	return msg->request == VU_SET_MEM_TABLE || msg->request == VU_ADD_MEM_REG;
}

/* Whether a reply is part of the message; VU_PERHAPS when it depends on what is not known. */
static enum vu_certainty has_own_reply(const struct vu_model *model,
				       const struct vu_message_info *info,
				       const struct vu_message *msg)
{
	if (asks_addresses(model, msg))
		return VU_YES;
	if (info->reply_when == VU_REPLY_ALWAYS)
		return vu_needs(model, vu_model_rule(model, info), info->channel) == VU_YES
			       ? VU_YES
			       : VU_PERHAPS;
	if (info->channel == VU_MAIN && info->id == VU_SET_LOG_BASE)
		return vu_protocol_in_force(model, VU_BIT(VU_PF_LOG_SHMFD));
	return VU_NO;
}

/* By the letter of their entries REPLY_ACK is enough for these two, without need_reply. */
static bool perhaps_unasked(const struct vu_message *msg)
{
	return msg->channel == VU_MAIN &&
	       (msg->request == VU_NET_SET_MTU || msg->request == VU_SET_BACKEND_REQ_FD);
}

static enum vu_debt debt_of_ack(const struct vu_model *model, const struct vu_message *msg)
{
	enum vu_certainty ack = vu_protocol_in_force(model, VU_BIT(VU_PF_REPLY_ACK));

	if (!vu_message_needs_reply(msg))
		return perhaps_unasked(msg) && ack != VU_NO ? VU_DEBT_MAYBE : VU_DEBT_NONE;
	if (ack == VU_YES)
		return VU_DEBT_DUE;
	/* of the front-end no clause says that it must not answer */
	return ack == VU_PERHAPS || msg->channel == VU_BACKEND ? VU_DEBT_MAYBE : VU_DEBT_NONE;
}

/** vu_debt_of - what is owed to @msg, if it is a well-formed request. */
enum vu_debt vu_debt_of(const struct vu_model *model, const struct vu_message_info *info,
			const struct vu_message *msg)
{
	if (!info)
		return VU_DEBT_MAYBE;
	if (vu_is_postcopy_ack(model, msg))
		return vu_message_needs_reply(msg) ? VU_DEBT_MAYBE : VU_DEBT_NONE;
	switch (has_own_reply(model, info, msg)) {
	case VU_YES:
		return VU_DEBT_DUE;
	case VU_PERHAPS:
		return VU_DEBT_MAYBE;
	default:
		return info->reply_when == VU_REPLY_NEVER ? VU_DEBT_NONE : debt_of_ack(model, msg);
	}
}

static void remember(struct vu_model *model, const struct vu_outstanding *request,
		     enum vu_debt debt)
{
	model->past[model->npast++ % VU_MODEL_PAST] =
		(struct vu_past_request){ .request = *request, .debt = debt };
	if (debt == VU_DEBT_MAYBE)
		model->nlatest_maybe = model->npast;
}

static void drop(struct vu_model *model, size_t i)
{
	model->noutstanding--;
	memmove(&model->outstanding[i], &model->outstanding[i + 1],
		(model->noutstanding - i) * sizeof(model->outstanding[0]));
}

/* Requests before @end that need not be answered: when a later one was, they were passed over. */
static void pass_over(struct vu_model *model, enum vu_channel channel, size_t end)
{
	for (size_t i = 0; i < end;) {
		struct vu_outstanding *request = &model->outstanding[i];

		if (request->channel != channel || request->reply_due) {
			i++;
			continue;
		}
		remember(model, request, VU_DEBT_MAYBE);
		drop(model, i);
		end--;
	}
}

/* Room for one more, at the cost of those that need not be answered. */
static bool make_room(struct vu_model *model, enum vu_channel channel)
{
	if (model->noutstanding == VU_MODEL_OUTSTANDING) {
		pass_over(model, VU_MAIN, model->noutstanding);
		pass_over(model, VU_BACKEND, model->noutstanding);
	}
	if (model->noutstanding < VU_MODEL_OUTSTANDING)
		return true;
	model->out_of_step[channel] = true;
	return false;
}

void vu_owe_reply(struct vu_event *ev)
{
	struct vu_model *model = ev->model;
	const struct vu_outstanding request = {
		.channel = ev->msg->channel,
		.request = ev->msg->request,
		.reply_due = ev->debt == VU_DEBT_DUE,
		.sequence = model->messages,
		.index = ev->index,
		.asked = vu_message_needs_reply(ev->msg),
		.own_reply = ev->info && has_own_reply(model, ev->info, ev->msg) == VU_YES,
		.addresses = !ev->acknowledges && asks_addresses(model, ev->msg),
		.len = ev->msg->len,
	};

	if (ev->debt == VU_DEBT_NONE)
		remember(model, &request, VU_DEBT_NONE);
	else if (make_room(model, ev->msg->channel))
		model->outstanding[model->noutstanding++] = request;
}

/* The oldest outstanding request of the channel, with @same_id the oldest that it names. */
static size_t oldest(const struct vu_event *ev, bool due, bool same_id)
{
	const struct vu_model *model = ev->model;

	for (size_t i = 0; i < model->noutstanding; i++) {
		const struct vu_outstanding *request = &model->outstanding[i];

		if (request->channel == ev->msg->channel && request->reply_due == due &&
		    (!same_id || request->request == ev->msg->request))
			return i;
	}
	return NOT_FOUND;
}

/* The latest past request with the id of the reply; @debt NULL: whatever was owed to it. */
static struct vu_past_request *latest_past(const struct vu_event *ev, const enum vu_debt *debt)
{
	struct vu_model *model = ev->model;
	uint64_t n = model->npast < VU_MODEL_PAST ? model->npast : VU_MODEL_PAST;

	for (uint64_t i = 1; i <= n; i++) {
		struct vu_past_request *past = &model->past[(model->npast - i) % VU_MODEL_PAST];

		if (past->request.channel == ev->msg->channel &&
		    past->request.request == ev->msg->request && (!debt || past->debt == *debt))
			return past;
	}
	return NULL;
}

static struct vu_past_request *latest_maybe(const struct vu_event *ev)
{
	const enum vu_debt maybe = VU_DEBT_MAYBE;
	const struct vu_model *model = ev->model;

	if (model->npast - model->nlatest_maybe >= VU_MODEL_PAST)
		return NULL;
	return latest_past(ev, &maybe);
}

/* The reply is taken as the answer to obs->to: what it says, and what follows from it. */
static void answered(struct vu_event *ev)
{
	ev->obs->answered = true;
	ev->to = &ev->obs->to;
	if (vu_check_reply(ev) && ev->rule->reply)
		ev->rule->reply(ev);
	vu_rings_answered(ev->model, ev->to);
}

/* A later request was answered first: answers to those before it may still come, but need not. */
static void give_up_before(struct vu_event *ev, size_t end)
{
	struct vu_model *model = ev->model;

	vu_breach(ev, "hdr.reply-id-matches-request",
		  "a reply to %s where one to request %u is due", vu_message_name(ev->msg),
		  model->outstanding[oldest(ev, true, false)].request);
	for (size_t i = 0; i < end; i++) {
		if (model->outstanding[i].channel == ev->msg->channel)
			model->outstanding[i].reply_due = false;
	}
}

static void answer_outstanding(struct vu_event *ev, size_t i)
{
	struct vu_model *model = ev->model;

	ev->obs->to = model->outstanding[i];
	drop(model, i);
	pass_over(model, ev->msg->channel, i);
	remember(model, &ev->obs->to, VU_DEBT_SETTLED);
	answered(ev);
}

static void answer_past(struct vu_event *ev, struct vu_past_request *past)
{
	past->debt = VU_DEBT_SETTLED;
	ev->obs->to = past->request;
	answered(ev);
}

static const char *why_unasked(const struct vu_event *ev)
{
	const struct vu_past_request *past = latest_past(ev, NULL);
	bool ack = vu_protocol_in_force(ev->model, VU_BIT(VU_PF_REPLY_ACK)) != VU_NO;

	if (ev->msg->channel == VU_BACKEND)
		return "ack.on-backend-channel";
	if (past && past->request.asked && !ack)
		return "ack.not-without-feature";
	if (past && past->request.asked && past->request.own_reply)
		return "ack.no-second-reply";
	if (past && past->debt == VU_DEBT_NONE && !ev->model->postcopy_listening &&
	    past->request.request == VU_ADD_MEM_REG)
		return "msg.add-mem-reg.no-plain-reply";
	if (past && past->debt == VU_DEBT_NONE && past->request.request == VU_REM_MEM_REG)
		return "msg.rem-mem-reg.no-plain-reply";
	return "comm.no-reply-by-default";
}

/* There is no request that it could answer. */
static void unmatched(struct vu_event *ev, size_t oldest_due)
{
	struct vu_model *model = ev->model;

	if (model->out_of_step[ev->msg->channel])
		return;
	if (oldest_due == NOT_FOUND || latest_past(ev, NULL)) {
		vu_breach(ev, why_unasked(ev), "a reply to %s (%u) that was not asked for",
			  vu_message_name(ev->msg), ev->msg->request);
		return;
	}
	vu_breach(ev, "hdr.reply-id-matches-request",
		  "a reply to %s (%u) where one to request %u is due", vu_message_name(ev->msg),
		  ev->msg->request, model->outstanding[oldest_due].request);
	/* it may have been the answer to that one, or that answer may still come */
	model->outstanding[oldest_due].reply_due = false;
}

/* Without the reply flag: a reply if one with this id is due, else something else altogether. */
static bool is_reply(struct vu_event *ev, bool due)
{
	const bool main = ev->msg->channel == VU_MAIN;

	if (vu_message_is_reply(ev->msg))
		return true;
	if (due) {
		vu_breach(ev, main ? "hdr.reply-flag-set" : "hdr.reply-flag-set-backend-channel",
			  "%s reply with flags 0x%x", vu_message_name(ev->msg), ev->msg->flags);
		return true;
	}
	if (oldest(ev, false, true) != NOT_FOUND || latest_maybe(ev))
		return true;
	vu_breach(ev, main ? "comm.backend-only-replies" : "bmsg.backend-asks-frontend-answers",
		  "%s (%u) with flags 0x%x, not a reply", vu_message_name(ev->msg),
		  ev->msg->request, ev->msg->flags);
	return false;
}

/** vu_see_reply - a message that travels against the requests of its channel. */
void vu_see_reply(struct vu_event *ev)
{
	size_t first = oldest(ev, true, false), due = oldest(ev, true, true);
	size_t maybe = oldest(ev, false, true);
	bool blind = ev->model->out_of_step[ev->msg->channel];
	struct vu_past_request *past = latest_maybe(ev);

	if (!is_reply(ev, due != NOT_FOUND))
		return;
	/* a request that may be answered makes it uncertain which one this answers */
	ev->sure = due != NOT_FOUND && due == first && maybe == NOT_FOUND && !past &&
		   !ev->malformed && !blind;
	if (due != NOT_FOUND && (due == first || blind)) {
		answer_outstanding(ev, due);
	} else if (maybe != NOT_FOUND) {
		answer_outstanding(ev, maybe);
	} else if (past) {
		answer_past(ev, past);
	} else if (due != NOT_FOUND) {
		give_up_before(ev, due);
		answer_outstanding(ev, due);
	} else {
		unmatched(ev, first);
	}
}
