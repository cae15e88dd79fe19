/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a message through the model, and the questions that callers ask about the state. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "event.h"

void vu_model_init(struct vu_model *model)
{
	memset(model, 0, sizeof(*model));
	model->stopped_at = VU_NEVER;
}

void vu_model_use_draft(struct vu_model *model, const struct vu_draft *draft)
{
	model->draft = draft;
}

/** vu_model_info - what the id means in this session. */
const struct vu_message_info *vu_model_info(const struct vu_model *model, enum vu_channel channel,
					    uint32_t id)
{
	return vu_message_of(model->draft, channel, id);
}

/** vu_model_rule - the rule of a message; the empty one for ids of a draft. */
const struct vu_rule *vu_model_rule(const struct vu_model *model,
				    const struct vu_message_info *info)
{
	return vu_rule_of(vu_draft_has(model->draft, info) ? NULL : info);
}

void vu_breach(struct vu_event *ev, const char *clause, const char *fmt, ...)
{
	struct vu_observation *obs = ev->obs;
	struct vu_breach *breach;
	va_list args;

	if (!clause || obs->nbreaches == VU_BREACHES_MAX)
		return;
	breach = &obs->breaches[obs->nbreaches++];
	breach->clause = clause;
	breach->by = ev->from;
	va_start(args, fmt);
	vsnprintf(breach->text, sizeof(breach->text), fmt, args);
	va_end(args);
}

uint64_t vu_event_field(const struct vu_event *ev, const char *name)
{
	const struct vu_payload *layout = ev->to ? ev->info->reply[0] : ev->info->request;
	uint64_t value;

	return layout && vu_field_get(ev->msg, layout, name, &value) == 0 ? value : 0;
}

/* A malformed request may have been obeyed all the same: what it could have changed is unknown. */
static void doubt(struct vu_event *ev)
{
	ev->debt = VU_DEBT_MAYBE;
	if (ev->msg->channel == VU_MAIN)
		vu_rings_forget_silence(ev->model);
	if (ev->rule->doubt)
		ev->rule->doubt(ev);
}

static void see_request(struct vu_event *ev)
{
	ev->debt = vu_debt_of(ev->model, ev->info, ev->msg);
	vu_check_request(ev);
	if (!ev->malformed && ev->rule->request)
		ev->rule->request(ev);
	if (ev->malformed)
		doubt(ev);
	vu_owe_reply(ev);
}

static bool asks(enum vu_role from, enum vu_channel channel)
{
	return (from == VU_FRONTEND) == (channel == VU_MAIN);
}

void vu_model_observe(struct vu_model *model, enum vu_role from, const struct vu_message *msg,
		      struct vu_observation *obs)
{
	struct vu_event ev = {
		.model = model,
		.from = from,
		.msg = msg,
		.info = vu_model_info(model, msg->channel, msg->request),
		.obs = obs,
		.nfds = msg->nfds + msg->fds_dropped,
		.index = VU_NO_RING,
	};

	obs->nbreaches = 0;
	obs->answered = false;
	ev.draft = vu_draft_has(model->draft, ev.info);
	ev.rule = vu_model_rule(model, ev.info);
	vu_check_header(&ev);
	if (asks(from, msg->channel))
		see_request(&ev);
	else
		vu_see_reply(&ev);
	model->messages++;
}

bool vu_model_has(const struct vu_model *model, const struct vu_feature *f)
{
	if (f->kind == VU_PROTOCOL_FEATURE)
		return vu_model_has_protocol(model, f->bit);
	return f->kind == VU_VIRTIO_FEATURE && (model->features & VU_BIT(f->bit));
}

bool vu_model_has_protocol(const struct vu_model *model, unsigned int bit)
{
	return bit < 64 && (model->protocol & VU_BIT(bit));
}

bool vu_model_suspended(const struct vu_model *model)
{
	return model->nstarted == 0;
}

bool vu_model_reply_due(const struct vu_model *model, const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_model_info(model, msg->channel, msg->request);

	return vu_debt_of(model, info, msg) == VU_DEBT_DUE;
}

void vu_model_close(struct vu_model *model)
{
	model->noutstanding = 0;
	model->npast = model->nlatest_maybe = 0;
	model->out_of_step[VU_MAIN] = model->out_of_step[VU_BACKEND] = false;
	vu_rings_forget_silence(model);
}
