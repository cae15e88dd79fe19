/* SPDX-License-Identifier: Apache-2.0 */
/* The packed layout as a device reads it, and writes over it. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vring/served_layout.h"

static struct vring_packed_desc *desc_at(const struct vu_served *r, uint16_t position)
{
	return (struct vring_packed_desc *)r->desc + packed_index(position);
}

void served_packed_read(const struct vring_packed_desc *from, struct served_desc *desc)
{
	struct vring_packed_desc raw;

	memcpy(&raw, from, sizeof(raw));
	atomic_signal_fence(memory_order_seq_cst);
	desc->addr = le64toh(raw.addr);
	desc->len = le32toh(raw.len);
	desc->flags = le16toh(raw.flags);
	desc->next = le16toh(raw.id);
}

/* In a table the order says what follows what. */
static int add_table(struct vu_served *r, struct vu_element *el, const struct served_desc *desc)
{
	struct vring_packed_desc raw;
	struct served_desc entry;
	uint32_t entries;
	int ret = served_table(r, desc, &entries);

	for (uint32_t i = 0; ret == 0 && i < entries; i++) {
		ret = served_read(r, desc->addr + i * sizeof(raw), &raw, sizeof(raw));
		if (ret < 0)
			return ret;
		served_packed_read(&raw, &entry);
		if (entry.flags & VRING_DESC_F_INDIRECT)
			return served_broken(r, "an indirect table in an indirect table");
		ret = served_add(r, el, entry.addr, entry.len, entry.flags & VRING_DESC_F_WRITE);
	}
	return ret;
}

int served_packed_add(struct vu_served *r, struct vu_element *el, const struct served_desc *desc)
{
	el->ndescs++;
	el->id = desc->next;
	if (desc->flags & VRING_DESC_F_INDIRECT)
		return add_table(r, el, desc);
	return served_add(r, el, desc->addr, desc->len, desc->flags & VRING_DESC_F_WRITE);
}

bool served_packed_waiting(const struct vu_served *r)
{
	uint16_t flags = vring_load(&desc_at(r, r->last_avail)->flags);

	return packed_lap_flags(flags) == packed_available_flags(r->last_avail);
}

int served_packed_pop(struct vu_served *r, struct vu_element *el)
{
	struct served_desc desc;
	uint16_t at = r->last_avail;
	int ret;

	if (!served_packed_waiting(r))
		return -EAGAIN;
	do {
		if (el->ndescs + r->in_flight >= r->size)
			return served_broken(
				r, "more descriptors in flight than the ring of %u has", r->size);
		served_packed_read(desc_at(r, at), &desc);
		ret = served_packed_add(r, el, &desc);
		if (ret < 0)
			return ret;
		at = packed_advance(r->size, at, 1);
	} while (desc.flags & VRING_DESC_F_NEXT);
	ret = inflight_fetch(r, el);
	if (ret < 0)
		return ret;
	r->last_avail = at;
	r->in_flight += el->ndescs;
	return 0;
}

/* Descriptors are logged where they are: the log address of a ring is that of the part which
   stands in for the used ring, the device's event structure. */
void served_packed_push(struct vu_served *r, const struct vu_element *el, uint32_t written)
{
	struct vring_packed_desc *desc = desc_at(r, r->last_used);
	uint16_t flags = packed_used_flags(r->last_used);

	if (written)
		flags |= VRING_DESC_F_WRITE;
	desc->id = htole16(el->id);
	desc->len = htole32(written);
	vring_store(&desc->flags, flags);
	r->last_used = packed_advance(r->size, r->last_used, el->ndescs);
	if (r->log_used)
		vu_map_dirty(r->map, vu_map_guest_of(r->map, desc), sizeof(*desc));
}

/* Positions are compared as steps back from the present one, so laps do not matter. */
bool served_packed_should_call(const struct vu_served *r)
{
	const struct vring_packed_desc_event *driver = r->avail;
	uint16_t flags = vring_load(&driver->flags) & 3, wanted;

	if (flags == VRING_PACKED_EVENT_FLAG_DISABLE)
		return false;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !r->event_idx || !r->signalled_valid)
		return true;
	wanted = vring_load(&driver->off_wrap);
	return vring_need_event((uint16_t)-packed_distance(r->size, wanted, r->last_used), 0,
				(uint16_t)-packed_distance(r->size, r->signalled, r->last_used));
}

void served_packed_want_kick(struct vu_served *r, bool want)
{
	struct vring_packed_desc_event *device = r->used;
	uint16_t flags = VRING_PACKED_EVENT_FLAG_DISABLE;

	if (want)
		flags = r->event_idx ? VRING_PACKED_EVENT_FLAG_DESC
				     : VRING_PACKED_EVENT_FLAG_ENABLE;
	if (want && r->event_idx)
		vring_store(&device->off_wrap, r->last_avail);
	vring_store(&device->flags, flags);
	served_wrote(r, 0, sizeof(*device));
}
