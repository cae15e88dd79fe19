/* SPDX-License-Identifier: Apache-2.0 */
/* The name that was probably meant. */
#include <string.h>

#include "parser.h"

#define WORD_MAX 80 /* longer words are like nothing */

/* Letters to change, add, drop or swap with a neighbour until @a is @b; case counts for nothing. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1], *before = rows[0], *last = rows[1], *now = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= nb; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = last[j - 1] + ((a[i - 1] | 0x20) != (b[j - 1] | 0x20));

			if (last[j] + 1 < best)
				best = last[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			now[j] = best;
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[nb];
}

void nearest_start(struct nearest *n, const char *word)
{
	/* a third of the letters may be wrong */
	*n = (struct nearest){ .word = word, .distance = strlen(word) / 3 + 2 };
}

void nearest_try(struct nearest *n, const char *name)
{
	size_t distance = name ? edit_distance(n->word, name) : SIZE_MAX;

	if (distance >= n->distance || distance >= strlen(name))
		return;
	n->distance = distance;
	n->best = name;
}

void nearest_try_list(struct nearest *n, const char *list, char *room, size_t size)
{
	for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		const char *best = n->best;
		char name[32];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(at, " "), at);
		nearest_try(n, name);
		if (n->best == best)
			continue;
		snprintf(room, size, "%s", name);
		n->best = room;
	}
}

static void try_messages(struct nearest *n, const struct vu_message_info *messages, size_t count,
			 enum vu_channel channel)
{
	for (size_t i = 0; i < count; i++) {
		if (messages[i].channel != channel)
			continue;
		nearest_try(n, messages[i].name);
		nearest_try(n, messages[i].alias);
	}
}

static void try_features(struct nearest *n, const struct vu_feature *features, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		nearest_try(n, features[i].brief);
		nearest_try(n, features[i].name);
	}
}

static const char *nearest(const struct script_names *names, const struct vu_draft *draft,
			   const char *kind, const char *word)
{
	bool back_end = !strcmp(kind, "back-end message");
	struct nearest n;
	const char *name;

	nearest_start(&n, word);
	if (back_end || !strcmp(kind, "message")) {
		try_messages(&n, vu_messages, vu_nmessages, back_end ? VU_BACKEND : VU_MAIN);
		if (draft)
			try_messages(&n, draft->messages, draft->nmessages,
				     back_end ? VU_BACKEND : VU_MAIN);
	} else if (!strcmp(kind, "feature")) {
		try_features(&n, vu_features, vu_nfeatures);
		if (draft)
			try_features(&n, draft->features, draft->nfeatures);
	}
	for (size_t i = 0; (name = script_name(names, kind, i)); i++)
		nearest_try(&n, name);
	return n.best;
}

const char *script_nearest(const struct script_names *names, const char *kind, const char *word)
{
	return nearest(names, NULL, kind, word);
}

const char *script_nearest_to(const struct script *s, const char *kind, const char *word)
{
	return nearest(s->names, s->draft, kind, word);
}
