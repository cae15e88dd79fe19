/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What drafts demand of a back-end, offered only when it was told to speak one of them. That is the
 * spec of the draft's time: features that got their numbers later are not offered beside it.
 *
 * SUSPEND, RESUME (2023): in between nothing is done but to answer messages.
 * START_SLAVE_CHANNEL, STOP_SLAVE_CHANNEL (2021): requests are sent on the channel only in between. A stop
 * is acknowledged at once; what is outstanding is still waited for, and then said to have been the last.
 * SET_DEVICE_STATE_FD, CHECK_DEVICE_STATE: those of the spec, by other numbers (see state.c).
 */
#include <string.h>

#include "deviations.h"

static const struct vu_draft *spoken(const struct backend *be)
{
	return be->opt->dialect;
}

/* ---- what is offered, and agreed upon ---- */

/* The feature of a state that can be saved has one name or the other. */
static bool stands_behind(const struct backend *be, const struct vu_feature *f)
{
	bool state =
		strcmp(f->name, "MIGRATORY_STATE") == 0 || strcmp(f->name, "DEVICE_STATE") == 0;

	return !state || be->ops->save;
}

uint64_t draft_offer(const struct backend *be, uint64_t bits)
{
	const struct vu_draft *draft = spoken(be);

	bits &= ~(vu_draft_bits(draft) | vu_draft_later(draft));
	for (size_t i = 0; draft && i < draft->nfeatures; i++)
		if (stands_behind(be, &draft->features[i]))
			bits |= UINT64_C(1) << draft->features[i].bit;
	return bits;
}

bool draft_has(const struct backend *be, const char *name)
{
	const struct vu_draft *draft = spoken(be);

	for (size_t i = 0; draft && i < draft->nfeatures; i++)
		if (strcmp(draft->features[i].name, name) == 0)
			return be->drafted.features >> draft->features[i].bit & 1;
	return false;
}

uint32_t draft_number(const struct backend *be, uint32_t request)
{
	const char *name = vu_message_by_id(VU_MAIN, request)->name;

	return vu_message_named(spoken(be), VU_MAIN, name)->id;
}

/* Calls by message are among what waits for the channel: their rings are still marked. */
static void say_what_waited(struct backend *be)
{
	channel_resume(be);
	be->pushed = true;
	rings_tell(be);
}

/* ---- SUSPEND and RESUME ---- */

bool ceased(const struct backend *be)
{
	return be->drafted.ceased && !quirk(be, QUIRK_SUSPEND_IGNORED);
}

/* What was taken is completed first: nothing of it may show while the device is suspended. */
static int cease(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	rings_settle(be, NULL);
	rings_tell(be);
	be->drafted.ceased = true;
	return DONE;
}

static int go_on(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	be->drafted.ceased = false;
	for (unsigned int i = 0; i < be->nrings && quirk(be, QUIRK_RESUME_STOPS_RINGS); i++)
		ring_stop(be, &be->rings[i]);
	say_what_waited(be);
	if (!quirk(be, QUIRK_SUSPEND_LOSES_KICKS))
		rings_run(be);
	return DONE;
}

/* ---- the back-end channel, started and stopped ---- */

static bool started(const struct backend *be)
{
	switch (be->drafted.channel) {
	case CHANNEL_UNSTARTED:
		return quirk(be, QUIRK_CHANNEL_NEEDS_NO_START);
	case CHANNEL_STARTED:
		return true;
	default:
		return quirk(be, QUIRK_CHANNEL_NEVER_STOPS);
	}
}

bool draft_shuts_channel(const struct backend *be)
{
	return (ceased(be) && !quirk(be, QUIRK_SUSPEND_SPEAKS)) ||
	       (draft_has(be, "SLAVE_CH_START_STOP") && !started(be));
}

static int start_channel(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	be->drafted.channel = CHANNEL_STARTED;
	be->drafted.to_resume = true;
	return DONE;
}

static int stop_channel(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	while (quirk(be, QUIRK_CHANNEL_STOP_WAITS) && be->channel_open && be->nasked) {
		deviation_await(&be->channel, -1);
		channel_receive(be);
	}
	be->drafted.channel = CHANNEL_STOPPING;
	return DONE;
}

static void say_complete(struct backend *be)
{
	const struct vu_message_info *info =
		vu_message_named(spoken(be), VU_BACKEND, "SLAVE_STOP_CHANNEL_COMPLETE");
	struct vu_message msg;

	if (be->watcher && be->watcher->asks(be->watcher->ctx, info->id))
		return;
	vu_message_init(&msg, VU_BACKEND, info->id);
	channel_ask(be, &msg, 0, NULL);
}

/* Requests go out behind the acknowledgement, as does word of the last one. */
void draft_turn(struct backend *be)
{
	if (be->drafted.to_resume) {
		be->drafted.to_resume = false;
		say_what_waited(be);
		channel_ask_again(be);
	}
	if (be->drafted.channel == CHANNEL_STOPPING && !be->nasked) {
		be->drafted.channel = CHANNEL_STOPPED;
		if (be->channel_open)
			say_complete(be);
	}
}

/* ---- messages ---- */

handler *draft_handler(const struct vu_message_info *info)
{
	static const struct {
		const char *name;
		handler *handle;
	} rows[] = {
		{ "SUSPEND", cease },
		{ "RESUME", go_on },
		{ "START_SLAVE_CHANNEL", start_channel },
		{ "STOP_SLAVE_CHANNEL", stop_channel },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, info->name) == 0)
			return rows[i].handle;
	return NULL;
}
