/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks by name, and the list of them. */
#include "quirks.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 48

static const struct row {
	const char *id, *clause, *symptom, *seen;
} rows[QUIRKS] = {
#define QUIRK(id, clause, symptom, seen) { #id, clause, symptom, seen },
#include "quirks.def"
#undef QUIRK
};

/* The name of REPLY_TWICE is reply-twice. */
static const char *name_of(const struct row *row, char name[NAME_MAX_LEN])
{
	size_t i;

	for (i = 0; i < NAME_MAX_LEN - 1 && row->id[i]; i++)
		name[i] = row->id[i] == '_' ? '-' : (char)tolower((unsigned char)row->id[i]);
	name[i] = '\0';
	return name;
}

bool quirks_add(struct quirk_set *set, const char *name)
{
	char known[NAME_MAX_LEN];

	for (unsigned int i = 0; i < QUIRKS; i++)
		if (strcmp(name_of(&rows[i], known), name) == 0)
			return set->has[i] = true;
	return false;
}

static void list_text(FILE *out)
{
	char name[NAME_MAX_LEN];

	for (const struct row *row = rows; row < rows + QUIRKS; row++)
		fprintf(out, "%-34s %s\n    %s%s%s%s\n", name_of(row, name), row->clause,
			row->symptom, row->seen ? " (" : "", row->seen ? row->seen : "",
			row->seen ? ")" : "");
}

/* Nothing in the table needs to be escaped. */
static void list_json(FILE *out)
{
	char name[NAME_MAX_LEN];

	for (const struct row *row = rows; row < rows + QUIRKS; row++)
		fprintf(out,
			"%s{\"name\": \"%s\", \"clause\": \"%s\", \"symptom\": \"%s\", \"seen\": \"%s\"}",
			row == rows ? "[" : ",\n ", name_of(row, name), row->clause, row->symptom,
			row->seen ? row->seen : "");
	fprintf(out, "]\n");
}

void quirks_list(FILE *out, bool json)
{
	if (json)
		list_json(out);
	else
		list_text(out);
}
