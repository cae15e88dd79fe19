/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the interpreter share with one another and with nobody else. */
#ifndef VRINGER_SCRIPT_INTERP_INTERNAL_H
#define VRINGER_SCRIPT_INTERP_INTERNAL_H

#include "interp.h"

struct script_var {
	char *name;
	struct script_value value;
};

/* What the trace says that a variable is. */
struct script_recorded {
	char *name;
	uint64_t value;
	struct script_recorded *next;
};

struct script_record {
	FILE *out; /* or NULL */
	struct script_recorded *vars;
};

struct script_interp {
	const struct script_host *host;
	double scale;
	struct script_var *vars; /* innermost last */
	size_t nvars, room;
	struct script *script;        /* being played: the scenario, or a fragment of it */
	unsigned int depth;           /* of fragments */
	const char *fragments;        /* where common/ is found last, or NULL */
	const struct vu_draft *draft; /* whose numbers messages are on, or NULL */
	struct script_outcome *out;
	struct script_record record;
};

/** script_push - bind $@name anew, hiding an outer one until script_drop(). */
int script_push(struct script_interp *in, const char *name, struct script_value value);

/** script_drop - unbind @count variables from position @at on. */
void script_drop(struct script_interp *in, size_t at, size_t count);

/** script_call_begin - before the first try. The text in @call is left as it is, but empty. */
void script_call_begin(struct script_call *call, struct script_interp *in,
		       const struct script_stmt *stmt, int64_t now);

/** script_try - one try of a one-line statement. */
enum script_step script_try(struct script_interp *in, struct script_call *call);

/**
 * script_conclude - record how it ended, unless something is recorded already. STEP_PENDING stands
 * for a deadline that passed. Returns the step to leave with.
 */
enum script_step script_conclude(struct script_interp *in, const struct script_stmt *stmt,
				 enum script_step step, const char *reason, const char *actual);

/** script_settle - a first line of a branch happened: its reading, and the failure that it may be. */
enum script_step script_settle(struct script_interp *in, const struct script_stmt *stmt);

/** script_run_block - the statements of @block, from number @from on. */
enum script_step script_run_block(struct script_interp *in, const struct script_block *block,
				  size_t from);

/** script_run_either - the statement `either`; script_run_use - the statement `use`. */
enum script_step script_run_either(struct script_interp *in, const struct script_stmt *stmt);
enum script_step script_run_use(struct script_interp *in, const struct script_stmt *stmt);

/** script_play_all - what is left of the script that is being played. */
enum script_step script_play_all(struct script_interp *in);

/** script_send_message - build, fill in and send what a message statement says. */
enum script_step script_send_message(struct script_interp *in, struct script_call *call);

/** script_send_bytes - the statement `bytes`. */
enum script_step script_send_bytes(struct script_interp *in, struct script_call *call);

/** script_await_message - whether the message awaited has come and is as it should be. */
enum script_step script_await_message(struct script_interp *in, struct script_call *call);

/* ---- record.c: all do nothing when nothing is recorded ---- */

/** script_record_begin - the head of the trace. */
void script_record_begin(struct script_interp *in);

/** script_record_stmt - @stmt is over. Of messages only those are written here that failed. */
void script_record_stmt(struct script_interp *in, const struct script_stmt *stmt,
			enum script_step step);

/** script_record_sent, script_record_taken - @msg went out, or was what @stmt awaited. */
void script_record_sent(struct script_interp *in, const struct script_stmt *stmt,
			const struct vu_message *msg);
void script_record_taken(struct script_interp *in, const struct script_stmt *stmt,
			 const struct vu_message *msg);
void script_record_end(struct script_record *record);

#endif
