/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom: the edges, a cycle among them, and how it is shown. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "waits.h"

void vu_waits_init(struct vu_waits *waits)
{
	waits->nedges = 0;
}

int vu_waits_add(struct vu_waits *waits, const char *who, const char *whom, const char *what)
{
	struct vu_wait *edge;

	if (waits->nedges == VU_WAITS_MAX)
		return -ENOSPC;
	edge = &waits->edges[waits->nedges++];
	snprintf(edge->who, sizeof(edge->who), "%s", who);
	snprintf(edge->whom, sizeof(edge->whom), "%s", whom);
	snprintf(edge->what, sizeof(edge->what), "%s", what);
	return 0;
}

static void name_reply(char *buf, size_t size, const struct vu_model *model,
		       const struct vu_outstanding *request)
{
	const struct vu_message_info *info =
		vu_model_info(model, request->channel, request->request);
	char ring[24] = "";

	if (request->index != UINT64_MAX)
		snprintf(ring, sizeof(ring), " %llu", (unsigned long long)request->index);
	snprintf(buf, size, "the reply to %s%s", info ? info->name : "unknown", ring);
}

void vu_waits_from_model(struct vu_waits *waits, const struct vu_model *model)
{
	char what[sizeof(waits->edges[0].what)];

	for (size_t i = 0; i < model->noutstanding; i++) {
		const struct vu_outstanding *request = &model->outstanding[i];
		bool main = request->channel == VU_MAIN;

		if (!request->reply_due)
			continue;
		name_reply(what, sizeof(what), model, request);
		vu_waits_add(waits, main ? "front-end" : "back-end",
			     main ? "back-end" : "front-end", what);
	}
}

/* A walk along the edges; an edge is tried once, for what follows it is the same every time. */
struct walk {
	const struct vu_waits *waits;
	bool tried[VU_WAITS_MAX];
	size_t path[VU_WAITS_MAX];
	size_t len;
};

/* Where on the path the party that edge @last ends at was left, or the length of the path. */
static size_t closes_at(const struct walk *walk, size_t last)
{
	size_t i;

	for (i = 0; i < walk->len; i++) {
		if (strcmp(walk->waits->edges[walk->path[i]].who, walk->waits->edges[last].whom) ==
		    0)
			break;
	}
	return i;
}

/* Go on from edge @edge; true when the end of @walk's path comes back to its place @start. */
static bool follow(struct walk *walk, size_t edge, size_t *start)
{
	const struct vu_waits *waits = walk->waits;

	walk->tried[edge] = true;
	walk->path[walk->len++] = edge;
	*start = closes_at(walk, edge);
	if (*start < walk->len)
		return true;
	for (size_t next = 0; next < waits->nedges; next++) {
		if (!walk->tried[next] &&
		    strcmp(waits->edges[next].who, waits->edges[edge].whom) == 0 &&
		    follow(walk, next, start))
			return true;
	}
	walk->len--;
	return false;
}

bool vu_waits_cycle(const struct vu_waits *waits, size_t path[VU_WAITS_MAX], size_t *len)
{
	struct walk walk = { .waits = waits };
	size_t start;

	*len = 0;
	for (size_t edge = 0; edge < waits->nedges; edge++) {
		if (walk.tried[edge] || !follow(&walk, edge, &start))
			continue;
		*len = walk.len - start;
		memcpy(path, &walk.path[start], *len * sizeof(path[0]));
		return true;
	}
	return false;
}

/* Append as snprintf() would, counting what there was no room for. */
static size_t append(char *buf, size_t size, size_t at, const char *before,
		     const struct vu_wait *edge)
{
	bool room = at < size;
	int n = snprintf(room ? buf + at : NULL, room ? size - at : 0, "%s%s waits for %s: %s",
			 before, edge->who, edge->whom, edge->what);

	return at + (n < 0 ? 0 : (size_t)n);
}

size_t vu_waits_print(const struct vu_waits *waits, char *buf, size_t size)
{
	size_t path[VU_WAITS_MAX], n, at = 0;
	bool cycle = vu_waits_cycle(waits, path, &n);

	if (size)
		buf[0] = '\0';
	if (!cycle)
		n = waits->nedges;
	for (size_t i = 0; i < n; i++) {
		const char *before = i == 0 ? "" : cycle ? " <- " : "\n";

		at = append(buf, size, at, before, &waits->edges[cycle ? path[i] : i]);
	}
	return at;
}
