/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory: regions in memfds, the three kinds of addresses, a bump allocator. */
#include "memory/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void vu_memory_init(struct vu_memory *mem)
{
	/* Nobody looks at regions beyond their number, and to clear them all would make all of them present. */
	mem->nregions = 0;
}

void vu_memory_free(struct vu_memory *mem)
{
	for (size_t i = 0; i < mem->nregions; i++) {
		munmap(mem->regions[i].host, mem->regions[i].size);
		close(mem->regions[i].fd);
	}
	vu_memory_init(mem);
}

/* A memfd that the back-end, who gets it, cannot shrink below our mapping. */
static int create_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int grow_file(int fd, uint64_t size)
{
	off_t have = lseek(fd, 0, SEEK_END);

	if (have < 0)
		return -1;
	return (uint64_t)have < size ? ftruncate(fd, (off_t)size) : 0;
}

/* errno value for a region that cannot be added, or 0. */
static int check_new(const struct vu_memory *mem, const char *name, uint64_t size,
		     uint64_t mmap_offset)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (mem->nregions == VU_REGIONS_MAX)
		return ENOSPC;
	if (strlen(name) >= sizeof(mem->regions[0].name))
		return ENAMETOOLONG;
	for (size_t i = 0; i < mem->nregions; i++)
		if (strcmp(mem->regions[i].name, name) == 0)
			return EEXIST;
	if (size == 0 || mmap_offset % page || size > INT64_MAX || mmap_offset > INT64_MAX - size)
		return EINVAL;
	return 0;
}

/* Map [mmap_offset, mmap_offset + size) of @fd, which becomes the region's whatever happens. */
static struct vu_region *add(struct vu_memory *mem, const char *name, int fd,
			     const struct vu_region *layout)
{
	struct vu_region *region = &mem->regions[mem->nregions];
	uint8_t *host = MAP_FAILED;
	int saved;

	if (fd >= 0 && grow_file(fd, layout->mmap_offset + layout->size) == 0)
		host = mmap(NULL, layout->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			    fd, (off_t)layout->mmap_offset);
	if (host == MAP_FAILED) {
		saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		return NULL;
	}
	*region = *layout;
	memcpy(region->name, name, strlen(name) + 1);
	region->fd = fd;
	region->host = host;
	mem->nregions++;
	return region;
}

struct vu_region *vu_memory_add(struct vu_memory *mem, const char *name, uint64_t guest_address,
				uint64_t user_address, uint64_t size, uint64_t mmap_offset)
{
	return vu_memory_add_shared(mem, name, NULL, guest_address, user_address, size,
				    mmap_offset);
}

struct vu_region *vu_memory_add_shared(struct vu_memory *mem, const char *name,
				       const struct vu_region *same, uint64_t guest_address,
				       uint64_t user_address, uint64_t size, uint64_t mmap_offset)
{
	struct vu_region layout = { .guest_address = guest_address,
				    .user_address = user_address,
				    .size = size,
				    .mmap_offset = mmap_offset };

	errno = check_new(mem, name, size, mmap_offset);
	if (errno)
		return NULL;
	return add(mem, name, same ? fcntl(same->fd, F_DUPFD_CLOEXEC, 0) : create_file(name),
		   &layout);
}

struct vu_region *vu_memory_find(struct vu_memory *mem, const char *name)
{
	for (size_t i = 0; i < mem->nregions; i++)
		if (strcmp(mem->regions[i].name, name) == 0)
			return &mem->regions[i];
	return NULL;
}

/* Whether [start, start + len) lies in [base, base + size), for any numbers. */
static bool inside(uint64_t start, uint64_t len, uint64_t base, uint64_t size)
{
	return start >= base && start - base < size && len <= size - (start - base);
}

static const struct vu_region *holding(const struct vu_memory *mem, uint64_t guest, uint64_t len)
{
	for (size_t i = 0; i < mem->nregions; i++)
		if (inside(guest, len, mem->regions[i].guest_address, mem->regions[i].size))
			return &mem->regions[i];
	return NULL;
}

void *vu_memory_host(const struct vu_memory *mem, uint64_t guest, uint64_t len)
{
	const struct vu_region *r = holding(mem, guest, len);

	return r ? r->host + (guest - r->guest_address) : NULL;
}

uint64_t vu_memory_guest_to_user(const struct vu_memory *mem, uint64_t guest)
{
	const struct vu_region *r = holding(mem, guest, 0);

	return r ? r->user_address + (guest - r->guest_address) : UINT64_MAX;
}

uint64_t vu_memory_user_to_guest(const struct vu_memory *mem, uint64_t user)
{
	for (size_t i = 0; i < mem->nregions; i++) {
		const struct vu_region *r = &mem->regions[i];

		if (inside(user, 0, r->user_address, r->size))
			return r->guest_address + (user - r->user_address);
	}
	return UINT64_MAX;
}

uint64_t vu_memory_alloc(struct vu_region *region, uint64_t len, uint64_t align)
{
	uint64_t pad = -(region->guest_address + region->used) & (align - 1);
	uint64_t room = region->size - region->used;
	uint64_t start = region->used + pad;

	if (pad > room || len > room - pad)
		return UINT64_MAX;
	memset(region->host + start, 0, len);
	region->used = start + len;
	return region->guest_address + start;
}

/* Mix of a word and its place; words of zero count nothing, so holes can be skipped. */
static uint64_t mix(uint64_t place, uint64_t word)
{
	uint64_t h =
		(word ^ (place + 1) * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xff51afd7ed558ccd);

	h ^= h >> 32;
	return word ? h * UINT64_C(0xc4ceb9fe1a85ec53) : 0;
}

static uint64_t checksum_bytes(const struct vu_region *r, size_t index, uint64_t from, uint64_t to)
{
	uint64_t sum = 0, word;

	for (uint64_t at = from; at < to; at += sizeof(word)) {
		word = 0;
		memcpy(&word, r->host + at, to - at < sizeof(word) ? to - at : sizeof(word));
		sum += mix(at ^ (uint64_t)index << 48, word);
	}
	return sum;
}

/* Reading a hole would allocate it, so look only at what is there. */
static uint64_t checksum_region(const struct vu_region *r, size_t index)
{
	uint64_t end = r->mmap_offset + r->size, sum = 0;
	off_t data, hole = (off_t)r->mmap_offset;

	while ((uint64_t)hole < end) {
		data = lseek(r->fd, hole, SEEK_DATA);
		if (data < 0 || (uint64_t)data >= end)
			break;
		hole = lseek(r->fd, data, SEEK_HOLE);
		if (hole < 0 || (uint64_t)hole > end)
			hole = (off_t)end;
		sum += checksum_bytes(r, index, (uint64_t)data - r->mmap_offset,
				      (uint64_t)hole - r->mmap_offset);
	}
	return sum;
}

uint64_t vu_memory_checksum(const struct vu_memory *mem)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < mem->nregions; i++)
		sum += checksum_region(&mem->regions[i], i);
	return sum;
}
