/* SPDX-License-Identifier: Apache-2.0 */
/* Quirks by name, and the list of them, as text and for programs. */
#include "quirks.h"

#include <ctype.h>
#include <string.h>

#define NAME_MAX_LEN 48

static const char *name_of(const struct quirk_row *row, char name[NAME_MAX_LEN])
{
	size_t i;

	for (i = 0; i < NAME_MAX_LEN - 1 && row->name[i]; i++)
		name[i] = row->name[i] == '_' ? '-' : (char)tolower((unsigned char)row->name[i]);
	name[i] = '\0';
	return name;
}

size_t quirk_find(const struct quirk_table *table, const char *name)
{
	char known[NAME_MAX_LEN];
	size_t i;

	for (i = 0; i < table->nrows; i++)
		if (strcmp(name_of(&table->rows[i], known), name) == 0)
			break;
	return i;
}

static void list_text(const struct quirk_table *table, FILE *out)
{
	char name[NAME_MAX_LEN];

	for (const struct quirk_row *row = table->rows; row < table->rows + table->nrows; row++)
		fprintf(out, "%-34s %s\n    %s%s%s%s\n", name_of(row, name), row->clause,
			row->symptom, row->seen ? " (" : "", row->seen ? row->seen : "",
			row->seen ? ")" : "");
}

/* Nothing in the tables needs to be escaped. */
static void list_json(const struct quirk_table *table, FILE *out)
{
	char name[NAME_MAX_LEN];

	for (const struct quirk_row *row = table->rows; row < table->rows + table->nrows; row++)
		fprintf(out,
			"%s{\"name\": \"%s\", \"clause\": \"%s\", \"symptom\": \"%s\", \"seen\": \"%s\"}",
			row == table->rows ? "[" : ",\n ", name_of(row, name), row->clause,
			row->symptom, row->seen ? row->seen : "");
	fprintf(out, "]\n");
}

void quirk_list(const struct quirk_table *table, FILE *out, bool json)
{
	if (json)
		list_json(table, out);
	else
		list_text(table, out);
}
