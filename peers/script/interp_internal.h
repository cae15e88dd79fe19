/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the interpreter share with one another and with nobody else. */
#ifndef VRINGER_SCRIPT_INTERP_INTERNAL_H
#define VRINGER_SCRIPT_INTERP_INTERNAL_H

#include "interp.h"

struct script_var {
	char *name;
	struct script_value value;
};

struct script_interp {
	const struct script_host *host;
	double scale;
	struct script_var *vars; /* innermost last */
	size_t nvars, room;
	struct script *script;   /* being played: the scenario, or a fragment of it */
	unsigned int depth;      /* of fragments */
	struct script_outcome *out;
};

/** script_push - bind $@name anew, hiding an outer one until script_drop(). */
int script_push(struct script_interp *in, const char *name, struct script_value value);

/** script_drop - unbind @count variables from position @at on. */
void script_drop(struct script_interp *in, size_t at, size_t count);

/** script_send_message - build, fill in and send what a message statement says. */
enum script_step script_send_message(struct script_interp *in, struct script_call *call);

/** script_send_bytes - the statement `bytes`. */
enum script_step script_send_bytes(struct script_interp *in, struct script_call *call);

/** script_await_message - whether the message awaited has come and is as it should be. */
enum script_step script_await_message(struct script_interp *in, struct script_call *call);

#endif
