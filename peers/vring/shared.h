/* SPDX-License-Identifier: Apache-2.0 */
/* Within the room: ring memory as both sides read and write it, and positions in a packed ring. */
#ifndef VRINGER_VRING_SHARED_H
#define VRINGER_VRING_SHARED_H

#include <endian.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stdint.h>

/*
 * Ring memory is shared with a process that may write at any time, so indices
 * and flags are read exactly once, and the order is what acquire and release say.
 */
static inline uint16_t vring_load(const uint16_t *p)
{
	return le16toh(atomic_load_explicit((const _Atomic(uint16_t) *)p, memory_order_acquire));
}

static inline uint32_t vring_load32(const uint32_t *p)
{
	return le32toh(atomic_load_explicit((const _Atomic(uint32_t) *)p, memory_order_relaxed));
}

static inline void vring_store(uint16_t *p, uint16_t value)
{
	atomic_store_explicit((_Atomic(uint16_t) *)p, htole16(value), memory_order_release);
}

/* Our index must be visible before we look whether the other side wants to hear of it. */
static inline void vring_full_barrier(void)
{
	atomic_thread_fence(memory_order_seq_cst);
}

/*
 * A position in a packed ring is an index and the wrap counter of its lap,
 * index | wrap << 15, as the vring base payload and the event offsets have it.
 */
#define PACKED_WRAP (1u << VRING_PACKED_EVENT_F_WRAP_CTR)
#define PACKED_AVAIL (1u << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED (1u << VRING_PACKED_DESC_F_USED)

static inline uint16_t packed_index(uint16_t position)
{
	return position & ~PACKED_WRAP;
}

static inline uint16_t packed_advance(uint16_t size, uint16_t position, uint16_t n)
{
	uint32_t index = (uint32_t)packed_index(position) + n;

	if (index >= size)
		return (uint16_t)((index - size) | (~position & PACKED_WRAP));
	return (uint16_t)(index | (position & PACKED_WRAP));
}

/* Descriptors from @from up to @to, which is at most a lap ahead. */
static inline int packed_distance(uint16_t size, uint16_t from, uint16_t to)
{
	int ahead = packed_index(to) - packed_index(from);

	return (from ^ to) & PACKED_WRAP ? ahead + size : ahead;
}

/* The two flags of a descriptor that the driver made available in the lap of @position. */
static inline uint16_t packed_available_flags(uint16_t position)
{
	return position & PACKED_WRAP ? PACKED_AVAIL : PACKED_USED;
}

/* The same once the device used it. */
static inline uint16_t packed_used_flags(uint16_t position)
{
	return position & PACKED_WRAP ? PACKED_AVAIL | PACKED_USED : 0;
}

static inline uint16_t packed_lap_flags(uint16_t flags)
{
	return flags & (PACKED_AVAIL | PACKED_USED);
}

#endif
