/* SPDX-License-Identifier: Apache-2.0 */
/* What a run wants of the front-end: to be made, to connect, and to say how the back-end ended. */
#include <errno.h>

#include "run.h"
#include "scan.h"

#define EXIT_GRACE (300 * VU_NSEC_PER_MSEC)
#define HUNG_AFTER (2 * VU_NSEC_PER_SEC)

static int side_open(struct play *play)
{
	struct script_error err;
	struct player *p = player_new(play->o->own, play);

	if (!p)
		return -ENOMEM;
	play->player = p;
	play->host = player_host(p);
	if (!scan_script(p, play->script, &err))
		return 0;
	script_print_error(stderr, play->script, script_path(play->script), &err,
			   play->o->report.colour);
	return -EINVAL;
}

static void side_bind(struct play *play)
{
	struct player *p = play->player;
	const struct vu_device *dev = p->dev;
	const struct script_header *head = script_header(play->script);
	unsigned int queues = head->queues > 1 ? head->queues : 1;
	struct scan_wanted w;

	scan_features(head, dev, &w);
	p->wanted = w.features;
	p->wanted_protocol = w.protocol;
	const struct {
		const char *name;
		uint64_t value;
	} vars[] = {
		{ "needs", w.needs },
		{ "needs_protocol", w.needs_protocol },
		{ "features", w.features },
		{ "protocol", w.protocol },
		{ "probe", dev->probe_ring },
		{ "other", dev->probe_ring + dev->ring_stride },
		{ "rings", dev->min_rings + (queues - 1) * dev->ring_stride },
		{ "config_size", dev->config_size },
		{ "requests", dev->kinds->name != NULL },
		{ "restarts", play->o->subject.command != NULL },
	};

	for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++)
		script_bind_number(play->in, vars[i].name, vars[i].value);
}

static int side_connect(struct play *play, int64_t deadline)
{
	struct player *p = play->player;
	int err = player_connect(p, deadline);

	if (err)
		return err;
	player_watch(p, p->signals);
	if (play->subject.pidfd >= 0)
		player_watch(p, play->subject.pidfd);
	return 0;
}

static void side_disconnect(struct play *play)
{
	player_disconnect(play->player);
}

static bool side_closed(const struct play *play)
{
	const struct player *p = play->player;

	return p->closed && p->connected;
}

static bool answers(struct play *play, int64_t deadline)
{
	struct script_stmt alive = { .kind = STMT_VERB,
				     .word = (char *)"alive",
				     .within = SCRIPT_NO_TIME,
				     .window = SCRIPT_NO_TIME };
	struct script_call call = { .interp = play->in, .stmt = &alive, .since = vu_now() };
	enum script_step step;

	while ((step = player_verb(play->player, &call)) == STEP_PENDING &&
	       !vu_deadline_passed(deadline))
		if (player_wait(play->player, deadline) == -EINTR)
			break;
	return step != STEP_PENDING;
}

/* After a time-out: does it answer anything at all? */
static bool side_hung(struct play *play)
{
	const struct player *p = play->player;

	if (p->closed || play->subject.exited)
		return false;
	return !answers(play, vu_deadline_in(script_scaled(play->in, HUNG_AFTER)));
}

/*
 * An end of stream may be the first sign of an exit: give the process the time to be gone, unless
 * it serves the next connection already.
 */
static void side_await_exit(struct play *play)
{
	struct player *p = play->player;
	int64_t deadline = vu_deadline_in(EXIT_GRACE);

	if (!play->subject.ours || play->subject.exited)
		return;
	if (!play->subject.opt.connects && !player_connect(p, deadline) &&
	    answers(play, deadline) && !p->closed)
		return;
	while (!play->subject.exited && !vu_deadline_passed(deadline)) {
		player_wait(p, deadline);
		subject_check(&play->subject);
	}
}

static bool side_waits(const struct play *play, char *buf, size_t size)
{
	return player_waits(play->player, buf, size);
}

static void side_close(struct play *play)
{
	player_free(play->player);
}

const struct play_side frontend_side = {
	.judges = SUBJECT_BACKEND,
	.open = side_open,
	.bind = side_bind,
	.connect = side_connect,
	.disconnect = side_disconnect,
	.closed = side_closed,
	.hung = side_hung,
	.await_exit = side_await_exit,
	.waits = side_waits,
	.close = side_close,
};
