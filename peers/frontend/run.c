/* SPDX-License-Identifier: Apache-2.0 */
/* The course of one run: subject up, scenario played, ending looked at, subject down. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "scan.h"
#include "script/record.h"

#define START_WITHIN (20 * VU_NSEC_PER_SEC)
#define STOP_GRACE (2 * VU_NSEC_PER_SEC)
#define EXIT_GRACE (300 * VU_NSEC_PER_MSEC)
#define RELEASE_GRACE (200 * VU_NSEC_PER_MSEC)
#define HUNG_AFTER (2 * VU_NSEC_PER_SEC)

struct run {
	struct run_options *o;
	struct script *script;
	struct subject subject;
	struct player *p;
	struct script_interp *in;
	struct script_host host;
	struct script_outcome out;
	struct report_ending end;
	char ending[64], waits[1024];
};

static void conclude(struct run *r, enum script_verdict verdict, const char *reason)
{
	r->out.verdict = verdict;
	snprintf(r->out.reason, sizeof(r->out.reason), "%s", reason);
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
static bool applies(struct run *r, const struct script_header *h)
{
	char why[SCRIPT_TEXT_MAX];

	if (h->subject == SUBJECT_FRONTEND) {
		conclude(r, VERDICT_NA, "the scenario judges a front-end");
		return false;
	}
	if (h->device.n && !lists(&h->device, r->o->device->name)) {
		snprintf(why, sizeof(why), "not for a device of type %s", r->o->device->name);
		conclude(r, VERDICT_NA, why);
		return false;
	}
	if (h->queues > r->o->queues) {
		snprintf(why, sizeof(why), "needs %u queues, the subject has %u", h->queues, r->o->queues);
		conclude(r, VERDICT_NA, why);
		return false;
	}
	return true;
}

static void bind_environment(struct run *r, const struct scan_wanted *w)
{
	const struct vu_device *dev = r->o->device;
	unsigned int queues = script_header(r->script)->queues > 1 ? script_header(r->script)->queues : 1;
	const struct {
		const char *name;
		uint64_t value;
	} vars[] = {
		{ "needs", w->needs },
		{ "needs_protocol", w->needs_protocol },
		{ "features", w->features },
		{ "protocol", w->protocol },
		{ "probe", dev->probe_ring },
		{ "other", dev->probe_ring + dev->ring_stride },
		{ "rings", dev->min_rings + (queues - 1) * dev->ring_stride },
		{ "config_size", dev->config_size },
	};

	r->p->wanted = w->features;
	r->p->wanted_protocol = w->protocol;
	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		script_bind_number(r->in, vars[i].name, vars[i].value);
}

static int prepare(struct run *r)
{
	struct scan_wanted wanted;
	struct script_error err;

	r->p = player_new(r->o->device, r->o->queues, &r->subject, &r->o->report);
	if (!r->p)
		return -ENOMEM;
	if (scan_script(r->p, r->script, &err)) {
		script_print_error(stderr, r->script, script_path(r->script), &err, r->o->report.colour);
		return -EINVAL;
	}
	r->host = player_host(r->p);
	r->in = script_interp_new(&r->host, r->o->scale);
	if (!r->in)
		return -ENOMEM;
	r->p->interp = r->in;
	script_interp_fragments(r->in, r->o->fragments);
	script_record_to(r->in, r->o->trace);
	r->p->signals = r->o->signals;
	memcpy(r->p->hooks, r->o->hooks, sizeof(r->p->hooks));
	r->p->nhooks = r->o->nhooks;
	scan_features(script_header(r->script), r->o->device, &wanted);
	bind_environment(r, &wanted);
	return 0;
}

/* ---- the subject comes up ---- */

static bool bring_up(struct run *r)
{
	int64_t limit = r->o->scale > 0 ? (int64_t)(START_WITHIN * r->o->scale) : VU_FOREVER;
	int64_t deadline = vu_deadline_in(limit), begun = vu_now();
	int err;

	r->o->subject.signals = r->o->signals;
	err = subject_open(&r->subject, &r->o->subject, deadline);
	if (!err)
		err = subject_start(&r->subject);
	if (!err)
		err = player_connect(r->p, deadline);
	r->end.start_ns = vu_now() - begun;
	if (err) {
		conclude(r, VERDICT_INCONCLUSIVE,
			 r->subject.trouble[0] ? r->subject.trouble : strerror(-err));
		return false;
	}
	player_watch(r->p, r->o->signals);
	if (r->subject.pidfd >= 0)
		player_watch(r->p, r->subject.pidfd);
	return true;
}

/* ---- what came of it ---- */

/* The model's invariants are judged here, unless the script itself judged the clause by a reading. */
static void judge_breaches(struct run *r)
{
	const struct script_list *checks = &script_header(r->script)->checks;

	for (size_t i = 0; i < r->p->nbreaches; i++) {
		const struct vu_breach *b = &r->p->breaches[i];

		if (r->out.nreadings && lists(checks, b->clause))
			continue;
		if (r->out.verdict == VERDICT_PASS)
			conclude(r, VERDICT_FAIL, b->text);
		if (r->out.verdict == VERDICT_FAIL)
			script_outcome_add(r->out.clauses, &r->out.nclauses, b->clause);
	}
}

static bool answers(struct run *r, int64_t deadline)
{
	struct script_stmt alive = { .kind = STMT_VERB, .word = (char *)"alive", .within = SCRIPT_NO_TIME,
				     .window = SCRIPT_NO_TIME };
	struct script_call call = { .interp = r->in, .stmt = &alive, .since = vu_now() };
	enum script_step step;

	while ((step = player_verb(r->p, &call)) == STEP_PENDING && !vu_deadline_passed(deadline))
		if (player_wait(r->p, deadline) == -EINTR)
			break;
	return step != STEP_PENDING;
}

/* After a time-out: does it answer anything at all? */
static bool hung(struct run *r)
{
	if (r->p->closed || r->subject.exited)
		return false;
	return !answers(r, vu_deadline_in(script_scaled(r->in, HUNG_AFTER)));
}

/*
 * An end of stream may be the first sign of an exit: give the process the time to be gone, unless
 * it serves the next connection already.
 */
static void await_exit(struct run *r)
{
	int64_t deadline = vu_deadline_in(EXIT_GRACE);

	if (!r->subject.ours || r->subject.exited)
		return;
	if (!r->subject.opt.connects && !player_connect(r->p, deadline) &&
	    answers(r, deadline) && !r->p->closed)
		return;
	while (!r->subject.exited && !vu_deadline_passed(deadline)) {
		player_wait(r->p, deadline);
		subject_check(&r->subject);
	}
}

static void look_at_ending(struct run *r)
{
	bool closed = r->p->closed && r->p->connected;

	player_waits(r->p, r->waits, sizeof(r->waits));
	if (r->out.timed_out && hung(r)) {
		snprintf(r->ending, sizeof(r->ending), "hung");
		return;
	}
	if (!r->out.timed_out)
		r->waits[0] = '\0';
	if (closed)
		await_exit(r);
	subject_check(&r->subject);
	subject_ending(&r->subject, closed, r->ending, sizeof(r->ending));
}

/* Descriptors and mappings that outlive the connection; looked at until they are gone or time is up. */
static void count_leftovers(struct run *r)
{
	int64_t deadline = vu_deadline_in(RELEASE_GRACE);
	/* the connection was open when they were counted; who connects by itself opens the next one */
	int idle = r->p->fds_before - (r->subject.opt.connects ? 0 : 1);

	r->end.fds_left = r->end.maps_left = -1;
	player_disconnect(r->p);
	while (r->p->fds_before >= 0) {
		int fds = subject_open_fds(&r->subject), maps = subject_maps(&r->subject);

		if (fds < 0)
			break;
		r->end.fds_left = fds > idle ? fds - idle : 0;
		r->end.maps_left = maps > r->p->maps_before ? maps - r->p->maps_before : 0;
		if (!r->end.fds_left || vu_deadline_passed(deadline))
			break;
		player_wait(r->p, vu_deadline_in(VU_NSEC_PER_MSEC));
		subject_check(&r->subject);
	}
	if (r->subject.exited) /* one that serves one connection takes everything with it */
		r->end.fds_left = r->end.maps_left = -1;
}

static void judge_crash(struct run *r)
{
	if (strncmp(r->ending, "crashed", 7))
		return;
	if (r->out.verdict == VERDICT_PASS || r->out.verdict == VERDICT_NA)
		conclude(r, VERDICT_FAIL, "the subject crashed");
}

static void finish(struct run *r)
{
	char late[64];

	judge_breaches(r);
	look_at_ending(r);
	if (strcmp(r->ending, "hung"))
		count_leftovers(r);
	subject_stop(&r->subject, STOP_GRACE);
	subject_ending(&r->subject, false, late, sizeof(late));
	if (!strncmp(late, "crashed", 7)) /* while it was being ended */
		memcpy(r->ending, late, sizeof(late));
	judge_crash(r);
	r->end.breaches = r->p->breaches;
	r->end.nbreaches = r->p->nbreaches;
}

static void play(struct run *r)
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

static void tear_down(struct run *r)
{
	script_interp_free(r->in);
	player_free(r->p);
	subject_close(&r->subject);
	script_outcome_free(&r->out);
	script_close(r->script);
}

int run_scenario(struct run_options *o, const char *path)
{
	struct script_error err;
	struct run r = { .o = o, .ending = "clean",
			 .subject = { .pidfd = -1, .listener = -1, .attention = -1 },
			 .end = { .fds_left = -1, .maps_left = -1 } };
	int status;

	r.script = script_open(path, NULL, &err);
	if (!r.script) {
		script_print_error(stderr, NULL, path, &err, o->report.colour);
		return -EINVAL;
	}
	r.end.ending = r.ending;
	r.end.waits = r.waits;
	status = prepare(&r);
	if (!status) {
		report_start(&o->report, path, o->device->name);
		if (applies(&r, script_header(r.script)))
			play(&r);
		report_verdict(&o->report, &r.out, &r.end);
		status = (int)r.out.verdict;
	}
	tear_down(&r);
	return status;
}
