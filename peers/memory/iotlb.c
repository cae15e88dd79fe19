/* SPDX-License-Identifier: Apache-2.0 */
/* The IOTLB: translations that the front-end has given us so far, and may take back. */
#include <errno.h>
#include <string.h>

#include "memory/map.h"

static void drop(struct vu_map *map, size_t i)
{
	map->niotlb--;
	memmove(&map->iotlb[i], &map->iotlb[i + 1], (map->niotlb - i) * sizeof(map->iotlb[0]));
	map->generation++;
}

/* Memory need not be behind it yet: regions may come later, and go. */
int vu_map_iotlb_update(struct vu_map *map, const struct vu_iotlb_entry *entry)
{
	if (vu_range_wraps(entry->iova, entry->size) ||
	    vu_range_wraps(entry->user_address, entry->size))
		return -EINVAL;
	if (entry->perm < VHOST_ACCESS_RO || entry->perm > VHOST_ACCESS_RW)
		return -EINVAL;
	vu_map_iotlb_invalidate(map, entry->iova, entry->size);
	if (map->niotlb == VU_IOTLB_ENTRIES)
		drop(map, 0);
	map->iotlb[map->niotlb++] = *entry;
	return 0;
}

/* QEMU has 2^64 bytes in mind, all there is, when it says 0. */
void vu_map_iotlb_invalidate(struct vu_map *map, uint64_t iova, uint64_t size)
{
	uint64_t last = vu_range_wraps(iova, size) ? UINT64_MAX : iova + (size - 1);

	for (size_t i = map->niotlb; i-- > 0;) {
		const struct vu_iotlb_entry *e = &map->iotlb[i];

		if (e->iova <= last && e->iova + (e->size - 1) >= iova)
			drop(map, i);
	}
}

const struct vu_iotlb_entry *vu_map_iotlb_find(const struct vu_map *map, uint64_t iova)
{
	for (size_t i = 0; i < map->niotlb; i++)
		if (iova - map->iotlb[i].iova < map->iotlb[i].size)
			return &map->iotlb[i];
	return NULL;
}
