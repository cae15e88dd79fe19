/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for whom. Parties are named by strings ("front-end", "back-end",
 * "ring 0"); an edge says that one cannot go on before the other did
 * something. A cycle is a deadlock.
 */
#ifndef VRINGER_MODEL_WAITS_H
#define VRINGER_MODEL_WAITS_H

#include "model.h"

#define VU_WAITS_MAX 64

struct vu_wait {
	char who[32];
	char whom[32];
	char what[96]; /* "the reply to GET_VRING_BASE 0" */
};

struct vu_waits {
	struct vu_wait edges[VU_WAITS_MAX];
	size_t nedges;
};

/** vu_waits_init - no edges. */
void vu_waits_init(struct vu_waits *waits);

/** vu_waits_add - @who waits for @whom to provide @what. -ENOSPC when full. */
int vu_waits_add(struct vu_waits *waits, const char *who, const char *whom, const char *what);

/**
 * vu_waits_from_model - the edges that follow from the outstanding requests:
 * main-socket requests make the front-end wait for the back-end, requests on
 * the back-end channel the other way round.
 */
void vu_waits_from_model(struct vu_waits *waits, const struct vu_model *model);

/**
 * vu_waits_cycle - whether some party waits for itself in the end. @path gets
 * the edge numbers of one cycle in order, @len their count (0 without one).
 */
bool vu_waits_cycle(const struct vu_waits *waits, size_t path[VU_WAITS_MAX], size_t *len);

/**
 * vu_waits_print - the cycle if there is one ("front-end waits for ... <- ..."),
 * else all edges, one a line, into @buf (always NUL-terminated). Returns the
 * length needed, as snprintf does.
 */
size_t vu_waits_print(const struct vu_waits *waits, char *buf, size_t size);

#endif
