/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quirks: deliberate deviations from the spec, off unless asked for by --quirk. Each shows that
 * the scenarios catch what it does. The table says of each which clause it breaks.
 */
#ifndef VRINGER_FRONTEND_QUIRKS_H
#define VRINGER_FRONTEND_QUIRKS_H

#include <stdbool.h>
#include <stdio.h>

enum quirk {
#define QUIRK(id, clause, symptom, seen) QUIRK_##id,
#include "quirks.def"
#undef QUIRK
	QUIRKS
};

struct quirk_set {
	bool any, has[QUIRKS];
};

/** quirks_add - put the one of that name into @set; false if there is none. */
bool quirks_add(struct quirk_set *set, const char *name);

/** quirks_list - write all of them to @out: name, clause, symptom, and where it was seen. */
void quirks_list(FILE *out, bool json);

#endif
