/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory as a front-end has it: regions backed by memfds, each with its
 * guest address, user address, size and offset in the file. Addresses of the
 * three kinds are told apart by name: guest (physical), user (what the
 * front-end puts into messages), host (a pointer here).
 */
#ifndef VRINGER_MEMORY_MEMORY_H
#define VRINGER_MEMORY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VU_REGIONS_MAX 512

struct vu_region {
	char name[16]; /* as scenarios call it: "mem0" */
	uint64_t guest_address, user_address, size, mmap_offset;
	int fd;        /* owned */
	uint8_t *host; /* mapping of [mmap_offset, mmap_offset + size) */
	uint64_t used; /* bytes handed out by vu_memory_alloc() */
	bool listed;   /* the back-end was told about it */
};

struct vu_memory {
	struct vu_region regions[VU_REGIONS_MAX];
	size_t nregions;
};

void vu_memory_init(struct vu_memory *mem);

/** vu_memory_free - unmap and close everything. Idempotent. */
void vu_memory_free(struct vu_memory *mem);

/**
 * vu_memory_add - a region of its own memfd, zeroed. Returns it, or NULL with
 * errno set. @mmap_offset need not be page aligned on the wire, but is here.
 */
struct vu_region *vu_memory_add(struct vu_memory *mem, const char *name, uint64_t guest_address,
				uint64_t user_address, uint64_t size, uint64_t mmap_offset);

/** vu_memory_add_shared - a region at @mmap_offset of the memfd of @same, or of its own with NULL. */
struct vu_region *vu_memory_add_shared(struct vu_memory *mem, const char *name,
				       const struct vu_region *same, uint64_t guest_address,
				       uint64_t user_address, uint64_t size, uint64_t mmap_offset);

struct vu_region *vu_memory_find(struct vu_memory *mem, const char *name);

/** vu_memory_host - pointer to @len bytes at guest address, or NULL if not inside one region. */
void *vu_memory_host(const struct vu_memory *mem, uint64_t guest, uint64_t len);

/** vu_memory_guest_to_user - user address for a guest address; UINT64_MAX if unmapped. */
uint64_t vu_memory_guest_to_user(const struct vu_memory *mem, uint64_t guest);
uint64_t vu_memory_user_to_guest(const struct vu_memory *mem, uint64_t user);

/** vu_memory_alloc - guest address of @len fresh zeroed bytes in @region; UINT64_MAX when full. */
uint64_t vu_memory_alloc(struct vu_region *region, uint64_t len, uint64_t align);

/** vu_memory_checksum - over all bytes of all regions: equal sums mean that nothing was written. */
uint64_t vu_memory_checksum(const struct vu_memory *mem);

#endif
