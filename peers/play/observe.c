/* SPDX-License-Identifier: Apache-2.0 */
/* What passes between player and subject, as model, report and judgement are told of it. */
#include <stdlib.h>

#include "play.h"

void play_breach(struct play *r, const struct vu_breach *breach)
{
	if (r->nbreaches < PLAY_BREACHES)
		r->breaches[r->nbreaches++] = *breach;
	report_breach(&r->o->report, breach);
}

/*
 * A connection counts among the descriptors of a back-end once it was accepted, and that is seen
 * only now. What a front-end keeps, it keeps for its guest.
 */
static void look_at_subject(struct play *r)
{
	if (r->looked || r->side->judges == SUBJECT_FRONTEND)
		return;
	r->looked = true;
	r->fds_before = subject_open_fds(&r->subject);
	r->maps_before = subject_maps(&r->subject);
}

void play_observed(struct play *r, const struct vu_observation *obs)
{
	for (size_t i = 0; i < obs->nbreaches; i++)
		play_breach(r, &obs->breaches[i]);
	look_at_subject(r);
}

static bool forged(const struct vu_forge *f)
{
	return f && (f->set_request || f->set_flags || f->set_size || f->truncate);
}

void play_sent(struct vu_model *model, enum vu_role role, const struct vu_message *msg,
	       const struct vu_forge *forge)
{
	struct vu_observation obs;
	struct vu_message *seen;

	if (forge && forge->truncate)
		return;
	if (!forged(forge)) {
		vu_model_observe(model, role, msg, &obs);
		return;
	}
	seen = malloc(sizeof(*seen));
	if (!seen)
		return;
	*seen = *msg;
	seen->request = forge->set_request ? forge->request : msg->request;
	seen->flags = forge->set_flags ? forge->flags : msg->flags;
	seen->size = forge->set_size ? forge->size : msg->size;
	vu_model_observe(model, role, seen, &obs);
	free(seen);
}
