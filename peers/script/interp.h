/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a scenario. The interpreter knows the language, variables, branches and
 * deadlines; it knows no device, no socket and no ring: what a statement does
 * to the world is up to the host (the front-end's or the back-end's player).
 */
#ifndef VRINGER_SCRIPT_INTERP_H
#define VRINGER_SCRIPT_INTERP_H

#include "script.h"
#include "wire/message.h"

enum script_verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_INCONCLUSIVE, VERDICT_NA, VERDICT_ERROR };

/* What a variable can hold. */
enum script_value_kind { VALUE_NUMBER, VALUE_FD, VALUE_OBJECT };

struct script_value {
	enum script_value_kind kind;
	uint64_t number; /* VALUE_FD: the descriptor, owned by the interpreter; VALUE_OBJECT: host's handle */
};

#endif
