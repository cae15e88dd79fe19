/* SPDX-License-Identifier: Apache-2.0 */
/* `either`: several lines are awaited at once, and the first that happens decides. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "interp_internal.h"

static int64_t latest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* One round over the first lines; the number of the branch that happened, or -1. */
static int try_branches(struct script_interp *in, struct script_call *calls,
			enum script_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (steps[i] != STEP_PENDING)
			continue;
		steps[i] = script_try(in, &calls[i]);
		if (steps[i] == STEP_DONE)
			return (int)i;
	}
	return -1;
}

static bool any_pending(const enum script_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (steps[i] == STEP_PENDING)
			return true;
	return false;
}

/* The next time at which a branch may be over: a window ends before the deadline of its neighbours. */
static int64_t earliest(const struct script_interp *in, const struct script_call *calls,
			const enum script_step *steps, size_t n, int64_t deadline)
{
	int64_t now = vu_now();

	for (size_t i = 0; i < n; i++) {
		int64_t own = script_deadline(in, calls[i].stmt, calls[i].since);

		if (steps[i] == STEP_PENDING && own > now && own < deadline)
			deadline = own;
	}
	return deadline;
}

static int await_branch(struct script_interp *in, struct script_call *calls,
			enum script_step *steps, size_t n, int64_t deadline)
{
	int64_t until;
	int taken;

	for (;;) {
		taken = try_branches(in, calls, steps, n);
		if (taken >= 0 || !any_pending(steps, n) || vu_deadline_passed(deadline))
			return taken;
		/* what did not match now may match what comes next, unless it cannot come any more */
		until = earliest(in, calls, steps, n, deadline);
		if (in->host->wait(in->host->ctx, until) == -EINTR)
			return -EINTR;
	}
}

static enum script_step run_branch(struct script_interp *in, const struct script_block *branch)
{
	enum script_step step;

	script_record_stmt(in, branch->stmts[0], STEP_DONE);
	step = script_settle(in, branch->stmts[0]);
	return step == STEP_DONE ? script_run_block(in, branch, 1) : step;
}

enum script_step script_run_either(struct script_interp *in, const struct script_stmt *stmt)
{
	size_t n = stmt->nbranches;
	struct script_call *calls = calloc(n, sizeof(*calls));
	enum script_step *steps = calloc(n, sizeof(*steps)), step;
	int64_t deadline = 0, now = vu_now();
	char seen[SCRIPT_TEXT_MAX] = "";
	int taken;

	if (!calls || !steps) {
		free(calls);
		free(steps);
		return script_conclude(in, stmt, STEP_ERROR, "out of memory", NULL);
	}
	for (size_t i = 0; i < n; i++) {
		script_call_begin(&calls[i], in, stmt->branches[i].stmts[0], now);
		steps[i] = STEP_PENDING;
		deadline = latest(deadline, script_deadline(in, calls[i].stmt, now));
		in->host->begin(in->host->ctx, in->script, calls[i].stmt);
	}
	taken = await_branch(in, calls, steps, n, deadline);
	for (size_t i = 0; i < n && !seen[0]; i++)
		snprintf(seen, sizeof(seen), "%s", calls[i].actual);
	free(calls);
	free(steps);
	if (taken >= 0)
		return run_branch(in, &stmt->branches[taken]);
	if (taken == -EINTR)
		return script_conclude(in, stmt, STEP_ERROR, "interrupted", NULL);
	step = vu_deadline_passed(deadline) ? STEP_PENDING : STEP_FAILED;
	return script_conclude(in, stmt->branches[0].stmts[0], step,
			       "none of the alternatives happened", seen);
}
