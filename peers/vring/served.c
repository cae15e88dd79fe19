/* SPDX-License-Identifier: Apache-2.0 */
/* What both layouts have in common: where the ring is, buffers and their translation, dirty log. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vring/served_layout.h"

int served_broken(struct vu_served *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->trouble, sizeof(r->trouble), format, args);
	va_end(args);
	return -EPROTO;
}

/* Translate @address; @len is cut to what is contiguous. */
static int translate(struct vu_served *r, uint64_t address, uint64_t *len, bool write, void **host)
{
	bool miss;

	*host = vu_map_device(r->map, address, len, write, &miss);
	if (*host)
		return 0;
	if (!r->map->iommu)
		return served_broken(r, "guest address 0x%llx is in no memory region",
				     (unsigned long long)address);
	r->fault.iova = address;
	r->fault.perm = write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	r->fault.miss = miss;
	served_broken(r, "IOVA 0x%llx has no %s", (unsigned long long)address,
		      miss ? "translation" : "memory that may be used so");
	return -EFAULT;
}

int served_read(struct vu_served *r, uint64_t address, void *to, uint32_t len)
{
	uint8_t *at = to;

	while (len > 0) {
		uint64_t piece = len;
		void *host;
		int ret = translate(r, address, &piece, false, &host);

		if (ret < 0)
			return ret;
		memcpy(at, host, piece);
		at += piece;
		address += piece;
		len -= (uint32_t)piece;
	}
	atomic_signal_fence(memory_order_seq_cst);
	return 0;
}

static int append(struct vu_served *r, struct vu_element *el, const struct vu_segment *segment,
		  bool write)
{
	size_t *count = write ? &el->nin : &el->nout;

	if (*count == VU_SEGMENTS_MAX)
		return served_broken(r, "a request of more than %d pieces", VU_SEGMENTS_MAX);
	(write ? el->in : el->out)[(*count)++] = *segment;
	*(write ? &el->in_len : &el->out_len) += segment->len;
	return 0;
}

int served_add(struct vu_served *r, struct vu_element *el, uint64_t address, uint32_t len,
	       bool write)
{
	int ret = 0;

	if (!write && el->nin)
		return served_broken(r, "a readable buffer stands behind a writable one");
	while (ret == 0 && len > 0) {
		struct vu_segment segment = { .guest = address };
		uint64_t piece = len;

		ret = translate(r, address, &piece, write, &segment.host);
		if (ret < 0)
			return ret;
		segment.len = (uint32_t)piece;
		if (r->map->iommu)
			segment.guest = vu_map_guest_of(r->map, segment.host);
		ret = append(r, el, &segment, write);
		address += piece;
		len -= (uint32_t)piece;
	}
	return ret;
}

int served_table(struct vu_served *r, const struct served_desc *desc, uint32_t *entries)
{
	if (desc->flags & VRING_DESC_F_NEXT)
		return served_broken(r, "an indirect table and a next descriptor at once");
	if (desc->len == 0 || desc->len % sizeof(struct vring_desc))
		return served_broken(r, "an indirect table of %u bytes", desc->len);
	*entries = (uint32_t)(desc->len / sizeof(struct vring_desc));
	if (*entries > VU_QUEUE_SIZE_MAX)
		return served_broken(r, "an indirect table of %u entries", *entries);
	return 0;
}

void served_wrote(struct vu_served *r, size_t offset, size_t len)
{
	if (r->log_used)
		vu_map_dirty(r->map, r->log_guest + offset, len);
}

/* A part of the ring, which has to be contiguous here: with the IOMMU it may be of several pages. */
static int locate(struct vu_served *r, uint64_t address, uint64_t len, bool write, void **part)
{
	uint64_t found = 0, piece;
	void *host;
	int ret;

	if (!r->map->iommu) {
		*part = vu_map_user(r->map, address, len);
		found = *part ? len : 0;
	}
	for (; r->map->iommu && found < len; found += piece) {
		piece = len - found;
		ret = translate(r, address + found, &piece, write, &host);
		if (ret < 0)
			return ret;
		if (found == 0)
			*part = host;
		if (host != (uint8_t *)*part + found)
			break;
	}
	if (found == len)
		return 0;
	served_broken(r, "no memory holds the part of the ring at 0x%llx",
		      (unsigned long long)address);
	r->fault.iova = address;
	r->fault.perm = write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	r->fault.miss = false;
	return -EFAULT;
}

struct part {
	uint64_t address, len, align;
	bool write;
	void **host;
};

static int locate_parts(struct vu_served *r, const struct part *parts, size_t n)
{
	int ret = 0;

	for (size_t i = 0; i < n && ret == 0; i++) {
		ret = locate(r, parts[i].address, parts[i].len, parts[i].write, parts[i].host);
		if (ret == 0 && (uintptr_t)*parts[i].host % parts[i].align) {
			served_broken(r, "the part of the ring at 0x%llx is not aligned",
				      (unsigned long long)parts[i].address);
			ret = -EINVAL;
		}
	}
	if (ret < 0)
		r->desc = r->avail = r->used = NULL;
	return ret;
}

static int locate_split(struct vu_served *r)
{
	uint64_t n = r->size, event = r->event_idx ? sizeof(__virtio16) : 0;
	const struct part parts[] = {
		{ r->desc_user, n * sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE, false,
		  &r->desc },
		{ r->avail_user, sizeof(struct vring_avail) + n * sizeof(__virtio16) + event,
		  VRING_AVAIL_ALIGN_SIZE, false, &r->avail },
		{ r->used_user, sizeof(struct vring_used) + n * sizeof(vring_used_elem_t) + event,
		  VRING_USED_ALIGN_SIZE, true, &r->used },
	};

	return locate_parts(r, parts, sizeof(parts) / sizeof(parts[0]));
}

static int locate_packed(struct vu_served *r)
{
	uint64_t event = sizeof(struct vring_packed_desc_event);
	const struct part parts[] = {
		{ r->desc_user, r->size * sizeof(struct vring_packed_desc), VRING_DESC_ALIGN_SIZE,
		  true, &r->desc },
		{ r->avail_user, event, event, false, &r->avail },
		{ r->used_user, event, event, true, &r->used },
	};

	return locate_parts(r, parts, sizeof(parts) / sizeof(parts[0]));
}

static int find_ring(struct vu_served *r)
{
	r->generation = r->map->generation;
	return r->packed ? locate_packed(r) : locate_split(r);
}

static bool is_possible(const struct vu_served *r)
{
	if (r->size == 0 || r->size > VU_QUEUE_SIZE_MAX)
		return false;
	if (r->packed)
		return packed_index(r->last_avail) < r->size &&
		       packed_index(r->last_used) < r->size;
	return (r->size & (r->size - 1)) == 0;
}

/* In a split ring what was used is where the driver sees it, and nowhere else. */
static void take_used_index(struct vu_served *r)
{
	const struct vring_used *used = r->used;

	if (!r->packed && used)
		r->last_used = vring_load(&used->idx);
}

int vu_served_map(struct vu_served *r)
{
	int ret;

	r->mapped = false;
	r->desc = r->avail = r->used = NULL;
	if (!is_possible(r)) {
		served_broken(r, "no ring has size %u, last_avail 0x%x and last_used 0x%x", r->size,
			      r->last_avail, r->last_used);
		return -EINVAL;
	}
	ret = find_ring(r);
	take_used_index(r);
	r->mapped = ret == 0;
	return ret;
}

/* Whether the ring is there; it is looked for again when regions or translations went. */
static int check_mapped(struct vu_served *r)
{
	int ret;

	if (!r->mapped)
		return served_broken(r, "the ring is not in memory");
	if (r->desc && r->generation == r->map->generation)
		return 0;
	ret = find_ring(r);
	return ret < 0 && !r->map->iommu ? -EPROTO : ret;
}

void vu_served_set_base(struct vu_served *r, uint32_t base)
{
	r->last_avail = (uint16_t)base;
	r->last_used = (uint16_t)(r->packed ? base >> 16 : base);
	r->in_flight = 0;
	r->signalled_valid = false;
	r->mapped = r->mapped && is_possible(r);
	if (r->mapped && check_mapped(r) == 0) {
		take_used_index(r);
		inflight_moved(r);
	}
}

uint32_t vu_served_base(const struct vu_served *r)
{
	return r->packed ? r->last_avail | (uint32_t)r->last_used << 16 : r->last_avail;
}

static void clear(struct vu_element *el)
{
	el->id = el->ndescs = el->slot = 0;
	el->nout = el->nin = 0;
	el->out_len = el->in_len = 0;
}

static int pop(struct vu_served *r, struct vu_element *el)
{
	int ret = check_mapped(r);

	if (ret < 0)
		return ret;
	if (r->resubmit)
		return inflight_pop(r, el);
	return r->packed ? served_packed_pop(r, el) : served_split_pop(r, el);
}

int vu_served_pop(struct vu_served *r, struct vu_element *el, uint64_t *miss_iova, bool *miss)
{
	int ret;

	clear(el);
	ret = pop(r, el);
	if (ret == -EFAULT && miss_iova)
		*miss_iova = r->fault.iova;
	if (ret == -EFAULT && miss)
		*miss = r->fault.miss;
	return ret;
}

static void log_written(struct vu_served *r, const struct vu_element *el, uint64_t written)
{
	for (size_t i = 0; i < el->nin && written > 0; i++) {
		uint64_t len = el->in[i].len < written ? el->in[i].len : written;

		vu_map_dirty(r->map, el->in[i].guest, len);
		written -= len;
	}
}

void vu_served_push(struct vu_served *r, const struct vu_element *el, uint32_t written)
{
	uint16_t takes = r->packed ? el->ndescs : 1;

	log_written(r, el, written);
	if (check_mapped(r) < 0)
		return;
	inflight_completing(r, el);
	if (r->packed)
		served_packed_push(r, el, written);
	else
		served_split_push(r, el, written);
	inflight_completed(r, el);
	r->in_flight -= r->in_flight < takes ? r->in_flight : takes;
	r->unsaid = true;
}

bool vu_served_should_call(struct vu_served *r)
{
	bool wanted;

	if (!r->unsaid || check_mapped(r) < 0)
		return false;
	vring_full_barrier();
	wanted = r->packed ? served_packed_should_call(r) : served_split_should_call(r);
	r->unsaid = false;
	r->signalled = r->last_used;
	r->signalled_valid = true;
	return wanted;
}

bool vu_served_want_kick(struct vu_served *r, bool want)
{
	if (check_mapped(r) < 0)
		return false;
	if (r->packed)
		served_packed_want_kick(r, want);
	else
		served_split_want_kick(r, want);
	vring_full_barrier();
	if (!want)
		return false;
	return r->packed ? served_packed_waiting(r) : served_split_waiting(r);
}
