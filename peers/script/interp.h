/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a scenario. The interpreter knows the language: variables, branches,
 * fragments and deadlines. It knows no device, no socket and no ring: what a
 * statement does to the world is up to its host, the player of either side.
 */
#ifndef VRINGER_SCRIPT_INTERP_H
#define VRINGER_SCRIPT_INTERP_H

#include "script.h"
#include "wire/socket.h"

#define SCRIPT_TEXT_MAX 400
#define SCRIPT_LIST_MAX 8

enum script_verdict {
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_INCONCLUSIVE,
	VERDICT_NA,
	VERDICT_ERROR,
};

/** script_verdict_name - "pass", "fail", "inconclusive", "n/a", "error". */
const char *script_verdict_name(enum script_verdict verdict);

/* How far a statement came. PENDING: not yet, try again when something happened. */
enum script_step { STEP_DONE, STEP_PENDING, STEP_FAILED, STEP_UNREACHED, STEP_NA, STEP_ERROR };

enum script_value_kind {
	VALUE_NUMBER,
	VALUE_FD,     /* a descriptor; owned by whoever bound it, see script_bind() */
	VALUE_OBJECT, /* a handle of the host: a region, a device state */
};

struct script_value {
	enum script_value_kind kind;
	uint64_t number;
};

/* What came of it. Strings are owned by the outcome: script_outcome_free(). */
struct script_outcome {
	enum script_verdict verdict;
	char reason[SCRIPT_TEXT_MAX];
	char *file;
	struct script_pos pos;
	char *expected, *actual;
	char *clauses[SCRIPT_LIST_MAX]; /* violated */
	size_t nclauses;
	char *readings[SCRIPT_LIST_MAX];
	size_t nreadings;
	bool timed_out;
};

struct script_interp;

/* A statement on its way. The host may keep `stage` and `handle` between tries. */
struct script_call {
	struct script_interp *interp;
	const struct script_stmt *stmt;
	int64_t since;
	uint64_t stage;
	uint64_t handle[4];
	char actual[SCRIPT_TEXT_MAX]; /* what was seen instead, in words or in notation */
};

struct script_host {
	void *ctx;
	enum script_subject subject; /* who is judged; the other side's arrows leave the player */

	/* Fill in the fields and descriptors that the statement leaves out. 0 or -errno with call->actual. */
	int (*fill)(void *ctx, struct script_call *call, struct vu_message *msg);
	/* Send; the descriptors stay with @msg. */
	int (*send)(void *ctx, struct vu_message *msg, const struct vu_forge *forge,
		    int64_t deadline);
	int (*send_bytes)(void *ctx, const uint8_t *bytes, size_t len, int64_t deadline);
	/* Oldest message that arrived along @arrow with this id and was not taken yet, or NULL. */
	struct vu_message *(*arrived)(void *ctx, enum script_arrow arrow, uint32_t request);
	/* The script took that message: forget it. */
	void (*took)(void *ctx, struct vu_message *msg);
	/* Whether the awaited @request can still come: the connection stands and nothing overtook it. */
	bool (*may_arrive)(void *ctx, enum script_arrow arrow, uint32_t request, char *why,
			   size_t size);
	/* Everything that is not a message. */
	enum script_step (*verb)(void *ctx, struct script_call *call);
	/* name(args) in an expression: 0, -ENOENT (no such function), -EINVAL (arguments). */
	int (*function)(void *ctx, const char *name, const struct script_value *args, size_t nargs,
			uint64_t *value);
	/* Serve the world until something happened (0) or @deadline passed (-ETIMEDOUT); -EINTR: give up. */
	int (*wait)(void *ctx, int64_t deadline);
	/* Descriptor behind a value, still owned by whoever owned it, or -1. */
	int (*fd)(void *ctx, struct script_value value);
	/* Whether the script knows that the connection has ended; else it must still be alive at the end. */
	bool (*parted)(void *ctx);
	/* A statement begins; a reading was taken. For the event stream. */
	void (*begin)(void *ctx, const struct script *script, const struct script_stmt *stmt);
	void (*reading)(void *ctx, const char *reading);
};

/** script_interp_new - an interpreter; @scale multiplies every deadline (0: none at all). NULL: ENOMEM. */
struct script_interp *script_interp_new(const struct script_host *host, double scale);
void script_interp_free(struct script_interp *in);

/** script_interp_fragments - @dir/common holds the fragments that are not found above the scenario. */
void script_interp_fragments(struct script_interp *in, const char *dir);

/** script_interp_speak - messages are on the numbers of @draft; NULL: of the spec. */
void script_interp_speak(struct script_interp *in, const struct vu_draft *draft);

/**
 * script_bind - bind $@name. A descriptor is then owned by the interpreter.
 * Rebinding closes the descriptor bound before.
 */
int script_bind(struct script_interp *in, const char *name, struct script_value value);

/** script_bind_number - the same for a number. */
int script_bind_number(struct script_interp *in, const char *name, uint64_t number);

/** script_lookup - value of $@name, or NULL. */
const struct script_value *script_lookup(const struct script_interp *in, const char *name);

/** script_eval - 0 and the value, or -EINVAL with @why (unbound variable, division by zero). */
int script_eval(struct script_interp *in, const struct script_expr *expr,
		struct script_value *value, char *why, size_t size);

/** script_number - script_eval() for a number. */
int script_number(struct script_interp *in, const struct script_expr *expr, uint64_t *number,
		  char *why, size_t size);

/** script_match - whether @actual satisfies @arg (`key op value`); an unbound $name captures it. */
bool script_match(struct script_interp *in, const struct script_arg *arg, uint64_t actual);

/** script_positional - the @i-th positional value of @stmt, or NULL. */
const struct script_expr *script_positional(const struct script_stmt *stmt, size_t i);

/** script_named - argument @name of @stmt, or NULL. */
const struct script_arg *script_named(const struct script_stmt *stmt, const char *name);

bool script_flag(const struct script_stmt *stmt, const char *flag);

/** script_deadline - when @stmt, first tried at @since, has to be done. */
int64_t script_deadline(const struct script_interp *in, const struct script_stmt *stmt,
			int64_t since);

/** script_scaled - @ns times the scale of the interpreter. */
int64_t script_scaled(const struct script_interp *in, int64_t ns);

/** script_play - play all of @s. Fills @out; never fails otherwise. */
void script_play(struct script_interp *in, struct script *s, struct script_outcome *out);

void script_outcome_free(struct script_outcome *out);
void script_outcome_add(char **list, size_t *n, const char *text);

#endif
