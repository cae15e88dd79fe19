/* SPDX-License-Identifier: Apache-2.0 */
/* The player's regions: those that the script declares, or one that fits most scenarios. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "player.h"

/* The user address is far from the guest address, so that confusing them shows. */
#define DEFAULT_SIZE (16ULL << 20)
#define DEFAULT_USER 0x7f5500000000ULL

int player_bind_region(struct player *p, const struct vu_region *region)
{
	size_t i = (size_t)(region - p->memory.regions);

	return script_bind(p->play->in, region->name,
			   (struct script_value){ VALUE_OBJECT, PLAYER_HANDLE(OBJECT_REGION, i) });
}

int player_default_memory(struct player *p)
{
	struct vu_region *r;

	if (!p->memory.nregions) {
		r = vu_memory_add(&p->memory, "mem0", 0, DEFAULT_USER, DEFAULT_SIZE, 0);
		if (!r)
			return -errno;
		r->listed = true;
		player_bind_region(p, r);
	}
	return 0;
}

struct vu_region *player_region(struct player *p, const char *name)
{
	if (player_default_memory(p))
		return NULL;
	return *name ? vu_memory_find(&p->memory, name) : &p->memory.regions[0];
}
