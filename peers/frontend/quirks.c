/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks of vu-frontend: quirks.def as a table. */
#include "quirks.h"

#include "play/quirks.h"

static const struct quirk_row rows[QUIRKS] = {
#define QUIRK(id, clause, symptom, seen) { #id, clause, symptom, seen },
#include "quirks.def"
#undef QUIRK
};

static const struct quirk_table table = { rows, QUIRKS };

bool quirks_add(struct quirk_set *set, const char *name)
{
	size_t i = quirk_find(&table, name);

	return i < QUIRKS && (set->any = set->has[i] = true);
}

void quirks_list(FILE *out, bool json)
{
	quirk_list(&table, out, json);
}
