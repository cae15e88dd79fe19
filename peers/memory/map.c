/* SPDX-License-Identifier: Apache-2.0 */
/* What the front-end handed over as descriptors, mapped: memory regions and the dirty log. */
#include "memory/map.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol_ids.h"

#define PAGES_PER_BYTE 8

void vu_map_init(struct vu_map *map)
{
	memset(map, 0, sizeof(*map));
}

static void drop_log(struct vu_map *map)
{
	if (map->log_mapping)
		munmap(map->log_mapping, map->log_mapped);
	map->log = NULL;
	map->log_mapping = NULL;
	map->log_mapped = 0;
	map->log_size = 0;
}

void vu_map_free(struct vu_map *map)
{
	vu_map_clear(map);
	drop_log(map);
	map->niotlb = 0;
}

/* Pages of hugetlbfs are larger than those of the machine, and only whole ones can be mapped. */
static uint64_t page_size(const struct stat *file)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), block = (uint64_t)file->st_blksize;

	return block > page && (block & (block - 1)) == 0 ? block : page;
}

/* Map the pages around [@offset, @offset + @size). Returns the first byte, or NULL with errno. */
static uint8_t *map_file(int fd, uint64_t offset, uint64_t size, void **mapping, size_t *mapped)
{
	struct stat file;
	uint64_t length, skip, page;

	if (fstat(fd, &file) < 0)
		return NULL;
	length = (uint64_t)file.st_size;
	if (size == 0 || offset > length || size > length - offset) {
		errno = EINVAL;
		return NULL;
	}
	page = page_size(&file);
	skip = offset % page;
	*mapped = (skip + size + page - 1) / page * page;
	*mapping = mmap(NULL, *mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
			(off_t)(offset - skip));
	return *mapping == MAP_FAILED ? NULL : (uint8_t *)*mapping + skip;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	return a - b < b_size || b - a < a_size;
}

static bool is_free(const struct vu_map *map, uint64_t guest, uint64_t user, uint64_t size)
{
	for (size_t i = 0; i < map->nregions; i++) {
		const struct vu_map_region *r = &map->regions[i];

		if (overlap(user, size, r->user_address, r->size))
			return false;
		if (!map->iommu && overlap(guest, size, r->guest_address, r->size))
			return false;
	}
	return true;
}

int vu_map_add(struct vu_map *map, uint64_t guest, uint64_t user, uint64_t size, uint64_t offset,
	       int fd)
{
	struct vu_map_region *r = &map->regions[map->nregions];

	if (map->nregions == VU_MAP_REGIONS)
		return -ENOSPC;
	if (vu_range_wraps(guest, size) || vu_range_wraps(user, size))
		return -EINVAL;
	if (!is_free(map, guest, user, size))
		return -EINVAL;
	r->host = map_file(fd, offset, size, &r->mapping, &r->mapped);
	if (!r->host)
		return -errno;
	r->guest_address = guest;
	r->user_address = user;
	r->size = size;
	r->mmap_offset = offset;
	map->nregions++;
	return 0;
}

int vu_map_remove(struct vu_map *map, uint64_t guest, uint64_t user, uint64_t size)
{
	for (size_t i = 0; i < map->nregions; i++) {
		struct vu_map_region *r = &map->regions[i];

		if (r->guest_address != guest || r->user_address != user || r->size != size)
			continue;
		munmap(r->mapping, r->mapped);
		*r = map->regions[--map->nregions];
		map->generation++;
		return 0;
	}
	return -ENOENT;
}

void vu_map_clear(struct vu_map *map)
{
	while (map->nregions > 0) {
		struct vu_map_region *r = &map->regions[--map->nregions];

		munmap(r->mapping, r->mapped);
	}
	map->generation++;
}

/* Host pointer for what is @offset into @r, and how much of @len follows it there. */
static void *host_in(const struct vu_map_region *r, uint64_t offset, uint64_t *len)
{
	if (*len > r->size - offset)
		*len = r->size - offset;
	return r->host + offset;
}

static void *user_host(const struct vu_map *map, uint64_t user, uint64_t *len)
{
	for (size_t i = 0; i < map->nregions; i++) {
		uint64_t offset = user - map->regions[i].user_address;

		if (offset < map->regions[i].size)
			return host_in(&map->regions[i], offset, len);
	}
	return NULL;
}

static void *guest_host(const struct vu_map *map, uint64_t guest, uint64_t *len)
{
	for (size_t i = 0; i < map->nregions; i++) {
		uint64_t offset = guest - map->regions[i].guest_address;

		if (offset < map->regions[i].size)
			return host_in(&map->regions[i], offset, len);
	}
	return NULL;
}

void *vu_map_user(const struct vu_map *map, uint64_t user, uint64_t len)
{
	uint64_t found = len;
	void *host = user_host(map, user, &found);

	return found == len ? host : NULL;
}

void *vu_map_guest(const struct vu_map *map, uint64_t guest, uint64_t len)
{
	uint64_t found = len;
	void *host = guest_host(map, guest, &found);

	return found == len ? host : NULL;
}

void *vu_map_device(const struct vu_map *map, uint64_t address, uint64_t *len, bool write,
		    bool *miss)
{
	const struct vu_iotlb_entry *e;
	uint64_t offset;

	*miss = false;
	if (!map->iommu)
		return guest_host(map, address, len);
	e = vu_map_iotlb_find(map, address);
	*miss = !e;
	if (!e || !(e->perm & (write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO)))
		return NULL;
	offset = address - e->iova;
	if (*len > e->size - offset)
		*len = e->size - offset;
	return user_host(map, e->user_address + offset, len);
}

uint64_t vu_map_guest_of(const struct vu_map *map, const void *host)
{
	for (size_t i = 0; i < map->nregions; i++) {
		const struct vu_map_region *r = &map->regions[i];
		uint64_t offset = (uint64_t)((uintptr_t)host - (uintptr_t)r->host);

		if (offset < r->size)
			return r->guest_address + offset;
	}
	return UINT64_MAX;
}

int vu_map_log(struct vu_map *map, int fd, uint64_t size, uint64_t offset)
{
	void *mapping;
	size_t mapped;
	uint8_t *log = map_file(fd, offset, size, &mapping, &mapped);

	if (!log)
		return -errno;
	drop_log(map);
	map->log = log;
	map->log_mapping = mapping;
	map->log_mapped = mapped;
	map->log_size = size;
	return 0;
}

/* Bits of the pages from @page on that share its byte, up to @last. */
static uint8_t bits_of(uint64_t page, uint64_t last)
{
	unsigned int from = page % PAGES_PER_BYTE, to = PAGES_PER_BYTE - 1;

	if (last - page < to - from)
		to = last % PAGES_PER_BYTE;
	return (uint8_t)((0xff << from) & (0xff >> (PAGES_PER_BYTE - 1 - to)));
}

/* Set even where they are set already: that the front-end is not just clearing them, only a
   read-modify-write can tell. */
void vu_map_dirty(struct vu_map *map, uint64_t guest, uint64_t len)
{
	uint64_t end = vu_range_wraps(guest, len) ? UINT64_MAX : guest + (len - 1);
	uint64_t page = guest / VU_LIMIT_LOG_PAGE_SIZE, last = end / VU_LIMIT_LOG_PAGE_SIZE;

	if (!map->logging || !map->log || len == 0)
		return;
	while (page <= last && page / PAGES_PER_BYTE < map->log_size) {
		uint64_t byte = page / PAGES_PER_BYTE;

		atomic_fetch_or((_Atomic(uint8_t) *)&map->log[byte], bits_of(page, last));
		page = (byte + 1) * PAGES_PER_BYTE;
	}
}
