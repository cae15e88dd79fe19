/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks of either player: deliberate deviations by name. The tables are the players' own. */
#ifndef VRINGER_PLAY_QUIRKS_H
#define VRINGER_PLAY_QUIRKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct quirk_row {
	const char *name; /* or the id that it is made from: REPLY_TWICE is reply-twice */
	const char *clause, *symptom;
	const char *seen; /* in the wild, if it was */
};

struct quirk_table {
	const struct quirk_row *rows;
	size_t nrows;
};

/** quirk_find - the place of the one of that name in @table; nrows if there is none. */
size_t quirk_find(const struct quirk_table *table, const char *name);

/** quirk_list - write all of them to @out: name, clause, symptom, and where it was seen. */
void quirk_list(const struct quirk_table *table, FILE *out, bool json);

#endif
