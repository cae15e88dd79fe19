/* SPDX-License-Identifier: Apache-2.0 */
/* The course of one run: subject up, scenario played, ending looked at, subject down. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "play.h"
#include "script/record.h"
#include "wire/deadline.h"

#define START_WITHIN (20 * VU_NSEC_PER_SEC)
#define RELEASE_GRACE (200 * VU_NSEC_PER_MSEC)
#define LOOK_AGAIN (VU_NSEC_PER_MSEC / 4)
#define PULSE_WITHIN (5 * VU_NSEC_PER_SEC)

static void conclude(struct play *r, enum script_verdict verdict, const char *reason)
{
	r->out.verdict = verdict;
	snprintf(r->out.reason, sizeof(r->out.reason), "%s", reason);
}

const char *play_hook(const struct play *r, const char *name)
{
	for (size_t i = 0; i < r->o->nhooks; i++)
		if (!strcmp(r->o->hooks[i].name, name))
			return r->o->hooks[i].command;
	return NULL;
}

/* ---- what is known before anything runs ---- */

static bool lists(const struct script_list *list, const char *item)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], item))
			return true;
	return false;
}

/* false when the scenario is not for this subject; the verdict is then in r->out */
static bool applies(struct play *r, const struct script_header *h)
{
	char why[SCRIPT_TEXT_MAX];

	if (h->subject != r->side->judges) {
		snprintf(why, sizeof(why), "the scenario judges a %s",
			 h->subject == SUBJECT_FRONTEND ? "front-end" : "back-end");
		conclude(r, VERDICT_NA, why);
		return false;
	}
	if (r->o->dialect && r->o->dialect != r->draft) {
		snprintf(why, sizeof(why), "the scenario is in the dialect %s", r->draft->name);
		conclude(r, VERDICT_NA, why);
		return false;
	}
	if (h->device.n && !lists(&h->device, r->o->device)) {
		snprintf(why, sizeof(why), "not for a device of type %s", r->o->device);
		conclude(r, VERDICT_NA, why);
		return false;
	}
	if (h->queues > r->o->queues) {
		snprintf(why, sizeof(why), "needs %u queues, the subject has %u", h->queues,
			 r->o->queues);
		conclude(r, VERDICT_NA, why);
		return false;
	}
	return true;
}

static int prepare(struct play *r)
{
	int err = r->side->open(r);

	if (err)
		return err;
	r->in = script_interp_new(&r->host, r->o->scale);
	if (!r->in)
		return -ENOMEM;
	script_interp_fragments(r->in, r->o->fragments);
	script_record_to(r->in, r->o->trace);
	script_interp_speak(r->in, r->draft);
	r->side->bind(r);
	return 0;
}

static bool bring_up(struct play *r)
{
	int64_t limit = r->o->scale > 0 ? (int64_t)(START_WITHIN * r->o->scale) : VU_FOREVER;
	int64_t deadline = vu_deadline_in(limit), begun = vu_now();
	int err;

	r->o->subject.signals = r->o->signals;
	err = subject_open(&r->subject, &r->o->subject, deadline);
	if (!err)
		err = subject_start(&r->subject);
	if (!err)
		err = r->side->connect(r, deadline);
	r->end.start_ns = vu_now() - begun;
	if (!err)
		return true;
	conclude(r, VERDICT_INCONCLUSIVE,
		 r->subject.trouble[0] ? r->subject.trouble : strerror(-err));
	return false;
}

/* ---- what came of it ---- */

/*
 * A scenario in which the model saw a rule broken fails, also when its own point was not reached: what
 * broke the rule may be why. Such rules hold whatever is played, so that no reading excuses one.
 */
static bool open_to_breaches(const struct play *r)
{
	return r->out.verdict == VERDICT_PASS || r->out.verdict == VERDICT_INCONCLUSIVE;
}

/* A line that failed and names no clause stands for those of its scenario. */
static bool stands_for_checks(const struct play *r)
{
	return r->out.verdict == VERDICT_FAIL && !r->out.nclauses;
}

static void judge_breaches(struct play *r)
{
	const struct script_list *checks = &script_header(r->script)->checks;
	size_t nchecks = stands_for_checks(r) && r->nbreaches ? checks->n : 0;

	if (r->nbreaches && open_to_breaches(r))
		conclude(r, VERDICT_FAIL, r->breaches[0].text);
	for (size_t i = 0; i < r->nbreaches && r->out.verdict == VERDICT_FAIL; i++)
		script_outcome_add(r->out.clauses, &r->out.nclauses, r->breaches[i].clause);
	for (size_t i = 0; i < nchecks; i++)
		script_outcome_add(r->out.clauses, &r->out.nclauses, checks->items[i]);
}

/* What did not come from a subject that lacks what it takes is no failure, and breaks no clause. */
static void excuse(struct play *r, const char *reason)
{
	conclude(r, VERDICT_NA, reason);
	while (r->out.nclauses)
		free(r->out.clauses[--r->out.nclauses]);
}

static void judge_lack(struct play *r)
{
	const char *lack = r->side->lacks ? r->side->lacks(r) : NULL;

	if (lack && (r->out.verdict == VERDICT_FAIL || r->out.verdict == VERDICT_INCONCLUSIVE))
		excuse(r, lack);
}

/* Whoever wants to see where it hangs has to look before it is ended. */
static void show_hung(struct play *r)
{
	const char *command = play_hook(r, "hung");

	if (command)
		subject_run(&r->subject, command, vu_deadline_in(PULSE_WITHIN));
}

/* Whether it is the whole process that hangs: the candidate may have a way to ask it something else. */
static const char *feel_pulse(struct play *r)
{
	const char *command = play_hook(r, "pulse");

	if (!command)
		return "";
	return subject_run(&r->subject, command, vu_deadline_in(PULSE_WITHIN))
		       ? ", and has no pulse"
		       : ", and has a pulse";
}

/*
 * Who is on other numbers than those of the draft lacks what it takes: what it did was no answer to it. Where
 * that is not certain it is said beside the reason.
 */
static void judge_numbers(struct play *r)
{
	const char *numbers = play_numbers(r);
	size_t len = strlen(r->out.reason);

	if (!numbers || r->out.verdict == VERDICT_ERROR)
		return;
	if (r->draft && (r->numbers.meant || (r->numbers.later && r->out.verdict != VERDICT_PASS)))
		excuse(r, numbers);
	else if (r->out.verdict != VERDICT_PASS)
		snprintf(r->out.reason + len, sizeof(r->out.reason) - len, "; %s", numbers);
}

static void look_at_ending(struct play *r)
{
	bool closed = r->side->closed(r);
	bool cycle = r->side->waits(r, r->waits, sizeof(r->waits));
	bool stuck = r->out.timed_out || (cycle && r->out.verdict == VERDICT_FAIL);

	if (stuck && r->side->hung(r)) {
		show_hung(r);
		snprintf(r->ending, sizeof(r->ending), "hung%s", feel_pulse(r));
		return;
	}
	if (!stuck)
		r->waits[0] = '\0';
	if (closed)
		r->side->await_exit(r);
	subject_check(&r->subject);
	subject_ending(&r->subject, closed, r->ending, sizeof(r->ending));
}

static int more_maps(const struct play *r)
{
	int maps = subject_maps(&r->subject);

	return maps > r->maps_before ? maps - r->maps_before : 0;
}

/* Descriptors and mappings that outlive the connection; looked at until they are gone or time is up. */
static void count_leftovers(struct play *r)
{
	int64_t deadline = vu_deadline_in(RELEASE_GRACE);
	/* the connection was open when they were counted; who connects by itself opens the next one */
	int idle = r->fds_before - (r->subject.opt.connects ? 0 : 1);

	r->side->disconnect(r);
	while (r->fds_before >= 0) {
		int fds = subject_open_fds(&r->subject);

		if (fds < 0)
			break;
		r->end.fds_left = fds > idle ? fds - idle : 0;
		if (!r->end.fds_left || vu_deadline_passed(deadline)) {
			r->end.maps_left = more_maps(r);
			break;
		}
		r->host.wait(r->host.ctx, vu_deadline_in(LOOK_AGAIN));
		subject_check(&r->subject);
	}
	if (r->subject.exited) /* one that serves one connection takes everything with it */
		r->end.fds_left = r->end.maps_left = -1;
}

static void judge_crash(struct play *r)
{
	if (strncmp(r->ending, "crashed", 7) != 0)
		return;
	if (r->out.verdict == VERDICT_PASS || r->out.verdict == VERDICT_NA)
		conclude(r, VERDICT_FAIL, "the subject crashed");
}

static void finish(struct play *r)
{
	char late[64];

	judge_breaches(r);
	judge_lack(r);
	judge_numbers(r);
	look_at_ending(r);
	if (strncmp(r->ending, "hung", 4) != 0)
		count_leftovers(r);
	subject_stop(&r->subject);
	subject_ending(&r->subject, false, late, sizeof(late));
	if (!strncmp(late, "crashed", 7)) /* while it was being ended */
		memcpy(r->ending, late, sizeof(late));
	judge_crash(r);
	r->end.breaches = r->breaches;
	r->end.nbreaches = r->nbreaches;
}

static void play(struct play *r)
{
	int64_t begun;

	if (!bring_up(r)) {
		subject_check(&r->subject);
		subject_ending(&r->subject, false, r->ending, sizeof(r->ending));
		return;
	}
	begun = vu_now();
	script_play(r->in, r->script, &r->out);
	r->end.play_ns = vu_now() - begun;
	finish(r);
}

/* ---- the whole ---- */

static void tear_down(struct play *r)
{
	script_interp_free(r->in);
	r->side->close(r);
	subject_close(&r->subject);
	script_outcome_free(&r->out);
	script_close(r->script);
}

static int run(struct play_options *o, const struct play_side *side, struct script *script)
{
	struct play r = { .o = o,
			  .side = side,
			  .script = script,
			  .ending = "clean",
			  .subject = { .pidfd = -1, .listener = -1, .attention = -1 },
			  .fds_before = -1,
			  .maps_before = -1,
			  .end = { .fds_left = -1, .maps_left = -1 } };
	int status;

	play_speak(&r);
	r.end.ending = r.ending;
	r.end.waits = r.waits;
	status = prepare(&r);
	if (!status) {
		report_start(&o->report, script_path(script), o->device);
		if (applies(&r, script_header(script)))
			play(&r);
		report_verdict(&o->report, &r.out, &r.end);
		status = (int)r.out.verdict;
	}
	tear_down(&r);
	return status;
}

int play_scenario(struct play_options *o, const struct play_side *side, const char *path)
{
	struct script_error err;
	struct script *script = script_open(path, NULL, &err);

	if (script)
		return run(o, side, script);
	script_print_error(stderr, NULL, path, &err, o->report.colour);
	return -EINVAL;
}

int play_text(struct play_options *o, const struct play_side *side, const char *name,
	      const char *text)
{
	struct script_error err;
	struct script *script = script_open_text(name, text, NULL, &err);

	if (script)
		return run(o, side, script);
	script_print_error(stderr, NULL, name, &err, o->report.colour);
	return -EINVAL;
}
