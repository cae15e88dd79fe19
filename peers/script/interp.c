/* SPDX-License-Identifier: Apache-2.0 */
/* Statements, blocks and deadlines of a scenario at play, and what came of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interp_internal.h"

#define DEFAULT_WITHIN (5 * VU_NSEC_PER_SEC)

static enum script_step run_stmt(struct script_interp *in, const struct script_stmt *stmt);

const char *script_verdict_name(enum script_verdict verdict)
{
	static const char *const names[] = {
		[VERDICT_PASS] = "pass",
		[VERDICT_FAIL] = "fail",
		[VERDICT_INCONCLUSIVE] = "inconclusive",
		[VERDICT_NA] = "n/a",
		[VERDICT_ERROR] = "error",
	};

	return names[verdict];
}

struct script_interp *script_interp_new(const struct script_host *host, double scale)
{
	struct script_interp *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->host = host;
	in->scale = scale;
	return in;
}

void script_interp_fragments(struct script_interp *in, const char *dir)
{
	in->fragments = dir;
}

void script_interp_speak(struct script_interp *in, const struct vu_draft *draft)
{
	in->draft = draft;
}

void script_interp_free(struct script_interp *in)
{
	if (!in)
		return;
	script_drop(in, 0, in->nvars);
	script_record_end(&in->record);
	free(in->vars);
	free(in);
}

const struct script_expr *script_positional(const struct script_stmt *stmt, size_t i)
{
	for (size_t k = 0; k < stmt->nargs; k++)
		if (!stmt->args[k].name && !i--)
			return stmt->args[k].value;
	return NULL;
}

const struct script_arg *script_named(const struct script_stmt *stmt, const char *name)
{
	for (size_t k = 0; k < stmt->nargs; k++)
		if (stmt->args[k].name && !strcmp(stmt->args[k].name, name))
			return &stmt->args[k];
	return NULL;
}

bool script_flag(const struct script_stmt *stmt, const char *flag)
{
	for (size_t k = 0; k < stmt->nflags; k++)
		if (!strcmp(stmt->flags[k], flag))
			return true;
	return false;
}

int64_t script_scaled(const struct script_interp *in, int64_t ns)
{
	if (in->scale <= 0 || ns == VU_FOREVER)
		return VU_FOREVER;
	return (int64_t)((double)ns * in->scale);
}

int64_t script_deadline(const struct script_interp *in, const struct script_stmt *stmt,
			int64_t since)
{
	int64_t ns = stmt->within;

	if (stmt->window != SCRIPT_NO_TIME)
		return since + stmt->window; /* a window is not a deadline: it is not scaled */
	ns = script_scaled(in, ns == SCRIPT_NO_TIME ? DEFAULT_WITHIN : ns);
	return ns == VU_FOREVER ? VU_FOREVER : since + ns;
}

void script_outcome_add(char **list, size_t *n, const char *text)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(list[i], text))
			return;
	if (*n < SCRIPT_LIST_MAX)
		list[(*n)++] = strdup(text);
}

void script_outcome_free(struct script_outcome *out)
{
	free(out->file);
	free(out->expected);
	free(out->actual);
	for (size_t i = 0; i < out->nclauses; i++)
		free(out->clauses[i]);
	for (size_t i = 0; i < out->nreadings; i++)
		free(out->readings[i]);
	memset(out, 0, sizeof(*out));
}

static char *print_stmt(const struct script_stmt *stmt)
{
	char *text = NULL, *end;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	script_print_stmt(f, stmt, 0);
	fclose(f);
	end = text ? strchr(text, '\n') : NULL;
	if (end)
		*end = '\0';
	return text;
}

static enum script_verdict verdict_of(const struct script_interp *in, enum script_step step)
{
	switch (step) {
	case STEP_NA:
		return VERDICT_NA;
	case STEP_ERROR:
		return VERDICT_ERROR;
	case STEP_UNREACHED:
		return VERDICT_INCONCLUSIVE;
	default:
		break;
	}
	/* what fails in a fragment was not the point under test */
	return in->depth ? VERDICT_INCONCLUSIVE : VERDICT_FAIL;
}

/* Record how it ended. The first record stands; STEP_PENDING means a deadline that passed. */
enum script_step script_conclude(struct script_interp *in, const struct script_stmt *stmt,
				 enum script_step step, const char *reason, const char *actual)
{
	struct script_outcome *out = in->out;

	if (out->verdict != VERDICT_PASS)
		return step;
	out->timed_out = step == STEP_PENDING;
	out->verdict = verdict_of(in, step);
	out->file = strdup(script_path(in->script));
	out->pos = stmt->pos;
	out->expected = print_stmt(stmt);
	out->actual = actual && *actual ? strdup(actual) : NULL;
	snprintf(out->reason, sizeof(out->reason), "%s", reason);
	if (stmt->violates && out->verdict == VERDICT_FAIL)
		script_outcome_add(out->clauses, &out->nclauses, stmt->violates);
	return step == STEP_PENDING ? STEP_FAILED : step;
}

/* ---- statements that only concern the interpreter ---- */

static enum script_step run_let(struct script_interp *in, struct script_call *call)
{
	const struct script_arg *arg = call->stmt->args;
	struct script_value value;

	if (script_eval(in, arg->value, &value, call->actual, sizeof(call->actual)))
		return STEP_ERROR;
	if (value.kind == VALUE_FD)
		value.number = (uint64_t)dup((int)value.number);
	return script_bind(in, arg->name, value) ? STEP_ERROR : STEP_DONE;
}

/* require, reach, expect: EXPR "why" */
static enum script_step run_condition(struct script_interp *in, struct script_call *call)
{
	const struct script_stmt *stmt = call->stmt;
	const struct script_expr *cond = script_positional(stmt, 0);
	const struct script_expr *why = script_positional(stmt, 1);
	uint64_t holds;

	if (script_number(in, cond, &holds, call->actual, sizeof(call->actual)))
		return STEP_ERROR;
	if (holds)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "%s", why ? why->text : "it is not so");
	return stmt->word[2] == 'q' ? STEP_NA : stmt->word[2] == 'a' ? STEP_UNREACHED : STEP_FAILED;
}

static const struct {
	const char *word;
	enum script_step (*run)(struct script_interp *in, struct script_call *call);
} own_verbs[] = {
	{ "let", run_let },          { "require", run_condition },   { "reach", run_condition },
	{ "expect", run_condition }, { "bytes", script_send_bytes },
};

/* ---- one try of a statement ---- */

static bool leaves(const struct script_interp *in, enum script_arrow arrow)
{
	bool from_frontend = arrow == ARROW_REQUEST || arrow == ARROW_BACKEND_REPLY;

	return from_frontend == (in->host->subject == SUBJECT_BACKEND);
}

void script_call_begin(struct script_call *call, struct script_interp *in,
		       const struct script_stmt *stmt, int64_t now)
{
	call->interp = in;
	call->stmt = stmt;
	call->since = now;
	call->stage = 0;
	memset(call->handle, 0, sizeof(call->handle));
	call->actual[0] = '\0';
}

enum script_step script_try(struct script_interp *in, struct script_call *call)
{
	const struct script_stmt *stmt = call->stmt;

	if (stmt->kind == STMT_MESSAGE)
		return leaves(in, stmt->arrow) ? script_send_message(in, call)
					       : script_await_message(in, call);
	for (size_t i = 0; i < sizeof(own_verbs) / sizeof(own_verbs[0]); i++)
		if (!strcmp(stmt->word, own_verbs[i].word))
			return own_verbs[i].run(in, call);
	return in->host->verb(in->host->ctx, call);
}

static void take_reading(struct script_interp *in, const struct script_stmt *stmt)
{
	if (!stmt->reads)
		return;
	script_outcome_add(in->out->readings, &in->out->nreadings, stmt->reads);
	in->host->reading(in->host->ctx, stmt->reads);
}

/* A branch that violates something happened: that is the failure, however well it went. */
enum script_step script_settle(struct script_interp *in, const struct script_stmt *stmt)
{
	char reason[SCRIPT_TEXT_MAX];

	take_reading(in, stmt);
	if (!stmt->violates)
		return STEP_DONE;
	snprintf(reason, sizeof(reason), "%s", stmt->reads ? stmt->reads : "this must not happen");
	return script_conclude(in, stmt, STEP_FAILED, reason, "this happened");
}

static const char *reason_of(const struct script_stmt *stmt, enum script_step step,
			     const char *actual)
{
	if (step == STEP_PENDING)
		return stmt->kind == STMT_MESSAGE ? "the message did not come in time"
						  : "it did not happen in time";
	if (stmt->kind == STMT_MESSAGE && !strncmp(actual + strspn(actual, "<-=>"), " ", 1))
		return "the message is not as it should be";
	return *actual ? actual : "it went wrong";
}

static enum script_step run_simple(struct script_interp *in, const struct script_stmt *stmt)
{
	struct script_call call;
	int64_t now = vu_now(), deadline = script_deadline(in, stmt, now);
	enum script_step step;

	script_call_begin(&call, in, stmt, now);
	in->host->begin(in->host->ctx, in->script, stmt);
	while ((step = script_try(in, &call)) == STEP_PENDING && !vu_deadline_passed(deadline))
		if (in->host->wait(in->host->ctx, deadline) == -EINTR)
			return script_conclude(in, stmt, STEP_ERROR, "interrupted", NULL);
	script_record_stmt(in, stmt, step);
	if (step == STEP_DONE) {
		take_reading(in, stmt);
		return STEP_DONE;
	}
	return script_conclude(in, stmt, step, reason_of(stmt, step, call.actual), call.actual);
}

enum script_step script_run_block(struct script_interp *in, const struct script_block *block,
				  size_t from)
{
	enum script_step step = STEP_DONE;

	for (size_t i = from; i < block->nstmts && step == STEP_DONE; i++)
		step = run_stmt(in, block->stmts[i]);
	return step;
}

/* ---- blocks ---- */

static enum script_step run_times(struct script_interp *in, const struct script_stmt *stmt,
				  const char *variable, uint64_t times)
{
	enum script_step step = STEP_DONE;

	for (uint64_t i = 0; i < times && step == STEP_DONE; i++) {
		if (variable)
			script_bind_number(in, variable, i);
		step = script_run_block(in, &stmt->branches[0], 0);
	}
	return step;
}

static enum script_step run_counted(struct script_interp *in, const struct script_stmt *stmt)
{
	const struct script_expr *e = script_positional(stmt, 0);
	const struct script_value *rings = script_lookup(in, "rings");
	char why[SCRIPT_TEXT_MAX];
	uint64_t times;

	if (!strcmp(stmt->word, "each"))
		return run_times(in, stmt, "ring", rings ? rings->number : 0);
	if (script_number(in, e, &times, why, sizeof(why)))
		return script_conclude(in, stmt, STEP_ERROR, why, NULL);
	if (!strcmp(stmt->word, "repeat"))
		return run_times(in, stmt, NULL, times);
	/* if EXPR ... [else ...] end */
	if (times)
		return script_run_block(in, &stmt->branches[0], 0);
	return stmt->nbranches > 1 ? script_run_block(in, &stmt->branches[1], 0) : STEP_DONE;
}

enum script_step script_play_all(struct script_interp *in)
{
	struct script_stmt *stmt;
	struct script_error err;
	enum script_step step = STEP_DONE;
	int more;

	while (step == STEP_DONE && (more = script_next(in->script, &stmt, &err)) != 0) {
		if (more < 0) {
			struct script_stmt at = { .pos = err.pos,
						  .kind = STMT_VERB,
						  .word = "",
						  .within = SCRIPT_NO_TIME,
						  .window = SCRIPT_NO_TIME };

			return script_conclude(in, &at, STEP_ERROR, err.text, NULL);
		}
		step = run_stmt(in, stmt);
		script_stmt_free(stmt);
	}
	return step;
}

static enum script_step run_stmt(struct script_interp *in, const struct script_stmt *stmt)
{
	switch (stmt->kind) {
	case STMT_EITHER:
		return script_run_either(in, stmt);
	case STMT_BLOCK:
		return run_counted(in, stmt);
	case STMT_VERB:
		if (!strcmp(stmt->word, "use"))
			return script_run_use(in, stmt);
		break;
	case STMT_MESSAGE:
		break;
	}
	return run_simple(in, stmt);
}

void script_play(struct script_interp *in, struct script *s, struct script_outcome *out)
{
	/* what came behind the last line is seen by asking once more */
	const struct script_stmt alive = { .kind = STMT_VERB,
					   .word = (char *)"alive",
					   .within = SCRIPT_NO_TIME,
					   .window = SCRIPT_NO_TIME };

	memset(out, 0, sizeof(*out));
	in->out = out;
	in->script = s;
	script_record_begin(in);
	if (script_play_all(in) == STEP_DONE && !in->host->parted(in->host->ctx))
		run_simple(in, &alive);
}
