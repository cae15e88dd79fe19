/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as a back-end has it: regions that the front-end handed over as
 * descriptors, mapped here; IOVAs when the IOMMU is in use; and the dirty log
 * that every write has to be entered in.
 */
#ifndef VRINGER_MEMORY_MAP_H
#define VRINGER_MEMORY_MAP_H

#include <linux/vhost_types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VU_MAP_REGIONS 509
#define VU_IOTLB_ENTRIES 1024

struct vu_map_region {
	uint64_t guest_address, user_address, size, mmap_offset;
	uint8_t *host; /* first byte of the region */
	void *mapping; /* what was mapped, from the page that holds it on */
	size_t mapped;
};

struct vu_iotlb_entry {
	uint64_t iova, size, user_address;
	uint8_t perm; /* as on the wire: VHOST_ACCESS_RO, _WO or _RW */
};

struct vu_map {
	struct vu_map_region regions[VU_MAP_REGIONS];
	size_t nregions;
	unsigned int generation; /* moves on when addresses that were good may no longer be */
	/* dirty log; NULL while there is none */
	uint8_t *log;
	void *log_mapping;
	size_t log_mapped;
	uint64_t log_size; /* bytes of the bitmap */
	bool logging;      /* VHOST_F_LOG_ALL is in force */
	/* IOMMU */
	bool iommu;
	struct vu_iotlb_entry iotlb[VU_IOTLB_ENTRIES]; /* oldest first */
	size_t niotlb;
};

/** vu_range_wraps - whether @size bytes from @start go over the end of the address space, or are none. */
static inline bool vu_range_wraps(uint64_t start, uint64_t size)
{
	return size == 0 || start + (size - 1) < start;
}

void vu_map_init(struct vu_map *map);

/** vu_map_free - unmap everything, the log too. Idempotent. */
void vu_map_free(struct vu_map *map);

/**
 * vu_map_add - map a region; @fd stays the caller's. -EINVAL: size 0, ranges
 * that wrap, overlap with a region that is there (of guest addresses only
 * without the IOMMU, where they play a part), or a file that is too short;
 * -ENOSPC: no slot left; or what mmap says.
 *
 * A file that is shortened later takes us down with SIGBUS: a seal against it
 * is for whoever made the file to put, and a second look would only be older.
 */
int vu_map_add(struct vu_map *map, uint64_t guest, uint64_t user, uint64_t size, uint64_t offset,
	       int fd);

/** vu_map_remove - unmap the region with these addresses and size, whatever its offset; -ENOENT. */
int vu_map_remove(struct vu_map *map, uint64_t guest, uint64_t user, uint64_t size);

/** vu_map_clear - unmap all regions (the log stays). */
void vu_map_clear(struct vu_map *map);

/** vu_map_user - host pointer to @len bytes at user address @user, or NULL unless all in one region. */
void *vu_map_user(const struct vu_map *map, uint64_t user, uint64_t len);

/** vu_map_guest - the same for a guest address (no IOMMU). */
void *vu_map_guest(const struct vu_map *map, uint64_t guest, uint64_t len);

/** vu_map_guest_of - guest address behind a host pointer; UINT64_MAX if it is not in a region. */
uint64_t vu_map_guest_of(const struct vu_map *map, const void *host);

/**
 * vu_map_device - host pointer for an address in a descriptor: a guest address,
 * or an IOVA when the IOMMU is in use. @len is cut to what is contiguous. NULL
 * when unmapped; with the IOMMU @miss then tells whether it is a miss (ask the
 * front-end) or an access failure.
 */
void *vu_map_device(const struct vu_map *map, uint64_t address, uint64_t *len, bool write,
		    bool *miss);

/**
 * vu_map_iotlb_update - enter a translation in place of those that it overlaps.
 * In a full table it takes the place of the oldest, which will be a miss.
 * -EINVAL: size 0, ranges that wrap, or no permission that there is.
 */
int vu_map_iotlb_update(struct vu_map *map, const struct vu_iotlb_entry *entry);

/** vu_map_iotlb_invalidate - drop every entry that has a byte in the range; size 0: all from @iova on. */
void vu_map_iotlb_invalidate(struct vu_map *map, uint64_t iova, uint64_t size);

/** vu_map_iotlb_find - the entry that translates @iova, or NULL. */
const struct vu_iotlb_entry *vu_map_iotlb_find(const struct vu_map *map, uint64_t iova);

/**
 * vu_map_log - take the log at @offset of @fd (which stays the caller's). An
 * earlier log is dropped only if that works. -EINVAL: size 0 or a file that is
 * too short; or what mmap says.
 */
int vu_map_log(struct vu_map *map, int fd, uint64_t size, uint64_t offset);

/**
 * vu_map_dirty - enter a write of @len bytes at guest address @guest, atomically,
 * if logging is on. Call it after the write: a page that is copied in between
 * is then copied again. What lies behind the end of the log is left out.
 */
void vu_map_dirty(struct vu_map *map, uint64_t guest, uint64_t len);

#endif
