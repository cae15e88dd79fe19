/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that expressions may call: what was agreed upon, rings, and guest memory as the back-end sees them. */
#include <errno.h>
#include <string.h>

#include "player.h"

typedef int (*function)(struct player *p, const struct script_value *args, uint64_t *value);

static int fn_started(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct ring *ring = ring_of(p->be, a[0].number);

	*value = ring && ring->started;
	return ring ? 0 : -EINVAL;
}

static int fn_enabled(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct ring *ring = ring_of(p->be, a[0].number);

	*value = ring && ring->enabled;
	return ring ? 0 : -EINVAL;
}

static int fn_base(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct ring *ring = ring_of(p->be, a[0].number);

	*value = ring ? ring_base(p->be, ring) : 0;
	return ring ? 0 : -EINVAL;
}

static int fn_peek(struct player *p, const struct script_value *a, uint64_t *value)
{
	const void *host = a[1].number <= sizeof(*value)
				   ? vu_map_guest(&p->be->map, a[0].number, a[1].number)
				   : NULL;

	*value = 0;
	if (host)
		memcpy(value, host, a[1].number);
	return host ? 0 : -EINVAL;
}

static int fn_in_regions(struct player *p, const struct script_value *a, uint64_t *value)
{
	*value = vu_map_user(&p->be->map, a[0].number, a[1].number) != NULL;
	return 0;
}

static int fn_regions_end(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_map *map = &p->be->map;

	(void)a;
	*value = 0;
	for (size_t i = 0; i < map->nregions; i++) {
		uint64_t end = map->regions[i].guest_address + map->regions[i].size;

		if (end > *value)
			*value = end;
	}
	return 0;
}

/* What is there already counts: the end of a state may not have been seen yet. */
static int fn_transferring(struct player *p, const struct script_value *a, uint64_t *value)
{
	(void)a;
	*value = transfer_lasts(p->be);
	return 0;
}

int player_function(void *ctx, const char *name, const struct script_value *args, size_t nargs,
		    uint64_t *value)
{
	static const struct {
		const char *name;
		size_t nargs;
		function call;
	} table[] = {
		{ "started", 1, fn_started },
		{ "enabled", 1, fn_enabled },
		{ "base", 1, fn_base },
		{ "peek", 2, fn_peek },
		{ "transferring", 0, fn_transferring },
		{ "in_regions", 2, fn_in_regions },
		{ "regions_end", 0, fn_regions_end },
	};
	struct player *p = ctx;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return table[i].nargs == nargs ? table[i].call(p, args, value) : -EINVAL;
	return play_function(p->play, &p->model, name, args, nargs, value);
}
