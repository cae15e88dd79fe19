/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialects: whose numbers a run speaks, and how it shows that the subject is on others. Three things
 * tell: a request that makes sense only on other numbers, a feature that got its number after the
 * draft's, and a request with a contested number that came to nothing.
 */
#include <errno.h>
#include <string.h>

#include "play.h"
#include "wire/draft.h"

void play_dialects_list(FILE *out)
{
	for (size_t i = 0; i < vu_ndrafts; i++)
		if (vu_drafts[i].nmessages)
			fprintf(out, "%-26s %s\n", vu_drafts[i].name, vu_drafts[i].title);
}

const struct vu_draft *play_dialect(const char *name)
{
	const struct vu_draft *draft = vu_draft_by_name(name);
	const char *nearest = script_nearest(NULL, "draft", name);

	if (draft && draft->nmessages)
		return draft;
	fprintf(stderr, "%s: there is no dialect %s", program_invocation_short_name, name);
	if (nearest && strcmp(nearest, name) != 0)
		fprintf(stderr, "; did you mean %s?", nearest);
	fprintf(stderr, " (--list-dialects has all)\n");
	return NULL;
}

/* The scenario knows best; without a word from it the subject is spoken to as it was said to speak. */
void play_speak(struct play *r)
{
	const char *name = script_header(r->script)->draft;

	r->draft = name ? vu_draft_by_name(name) : r->o->dialect;
}

/* ---- what tells that the subject is on other numbers ---- */

static bool is_request(const struct play *r, const struct vu_message *msg, bool of_subject)
{
	bool from_front_end = (r->side->judges == SUBJECT_FRONTEND) == of_subject;

	return from_front_end == (msg->channel == VU_MAIN);
}

void play_said(struct play *r, const struct vu_message *msg)
{
	struct play_numbers *n = &r->numbers;

	if (msg->channel != VU_MAIN || !is_request(r, msg, false))
		return;
	if (msg->request != n->last)
		n->contests = vu_contested(r->draft, msg->channel, msg->request, n->contested,
					   sizeof(n->contested));
	n->last = msg->request;
	n->unanswered = n->contests;
}

/* An acknowledgement that is not 0 is a refusal; what has a reply of its own was understood. */
static bool refused(const struct vu_message *reply)
{
	const struct vu_message_info *info = vu_message_info(reply);
	uint64_t value;

	return info && info->reply_when != VU_REPLY_ALWAYS && vu_message_u64(reply, &value) &&
	       value;
}

static void look_at_offer(struct play *r, const struct vu_message *reply)
{
	struct play_numbers *n = &r->numbers;
	uint64_t features;

	if (reply->channel == VU_MAIN && reply->request == VU_GET_PROTOCOL_FEATURES &&
	    vu_message_u64(reply, &features))
		n->later = vu_later_numbers(r->draft, features, n->seen, sizeof(n->seen));
}

void play_heard(struct play *r, const struct vu_message *msg, const struct vu_observation *obs)
{
	struct play_numbers *n = &r->numbers;

	if (is_request(r, msg, true)) {
		n->meant |= vu_other_meaning(msg, n->seen, sizeof(n->seen));
		return;
	}
	look_at_offer(r, msg);
	if (obs->answered && obs->to.request == n->last && !refused(msg)) {
		n->understood |= n->unanswered;
		n->unanswered = false;
	}
}

const char *play_numbers(const struct play *r)
{
	const struct play_numbers *n = &r->numbers;

	if (n->meant || n->later)
		return n->seen;
	return n->unanswered && !n->understood ? n->contested : NULL;
}
