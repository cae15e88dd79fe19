/* SPDX-License-Identifier: Apache-2.0 */
/* The split layout as a device reads it: chains of descriptors, and the used ring. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "vring/served_layout.h"

/* The ring's own descriptors, or an indirect table somewhere in the device's address space. */
struct table {
	const struct vring_desc *host; /* NULL: indirect */
	uint64_t address;
	uint32_t entries;
};

static int read_desc(struct vu_served *r, const struct table *table, uint32_t i,
		     struct served_desc *desc)
{
	struct vring_desc raw;
	int ret = 0;

	if (table->host) {
		memcpy(&raw, &table->host[i], sizeof(raw));
		atomic_signal_fence(memory_order_seq_cst);
	} else {
		ret = served_read(r, table->address + i * sizeof(raw), &raw, sizeof(raw));
	}
	if (ret < 0)
		return ret;
	desc->addr = le64toh(raw.addr);
	desc->len = le32toh(raw.len);
	desc->flags = le16toh(raw.flags);
	desc->next = le16toh(raw.next);
	return 0;
}

/* Follow a chain until it ends, or up to the indirect table that it ends with, in @desc. */
static int walk(struct vu_served *r, struct vu_element *el, const struct table *table, uint32_t at,
		struct served_desc *desc)
{
	for (uint32_t steps = 0; steps < table->entries; steps++) {
		int ret;

		if (at >= table->entries)
			return served_broken(r, "descriptor %u is outside a table of %u", at,
					     table->entries);
		ret = read_desc(r, table, at, desc);
		if (ret < 0)
			return ret;
		el->ndescs += table->host != NULL;
		if (desc->flags & VRING_DESC_F_INDIRECT)
			return 0;
		ret = served_add(r, el, desc->addr, desc->len, desc->flags & VRING_DESC_F_WRITE);
		if (ret < 0 || !(desc->flags & VRING_DESC_F_NEXT))
			return ret;
		at = desc->next;
	}
	return served_broken(r, "a chain of more descriptors than the %u there are: it loops",
			     table->entries);
}

int served_split_chain(struct vu_served *r, struct vu_element *el, uint16_t head)
{
	struct table table = { .host = r->desc, .entries = r->size };
	struct served_desc desc = { .flags = 0 };
	int ret;

	el->id = head;
	ret = walk(r, el, &table, head, &desc);
	if (ret < 0 || !(desc.flags & VRING_DESC_F_INDIRECT))
		return ret;
	table.host = NULL;
	table.address = desc.addr;
	ret = served_table(r, &desc, &table.entries);
	if (ret == 0)
		ret = walk(r, el, &table, 0, &desc);
	if (ret == 0 && desc.flags & VRING_DESC_F_INDIRECT)
		return served_broken(r, "an indirect table in an indirect table");
	return ret;
}

int served_split_pop(struct vu_served *r, struct vu_element *el)
{
	const struct vring_avail *avail = r->avail;
	uint16_t idx = vring_load(&avail->idx), ahead = idx - r->last_avail;
	int ret;

	if (ahead == 0)
		return -EAGAIN;
	if (ahead > r->size)
		return served_broken(r, "available index %u is %u ahead in a ring of %u", idx,
				     ahead, r->size);
	if (r->in_flight >= r->size)
		return served_broken(r, "more requests in flight than the %u entries of the ring",
				     r->size);
	ret = served_split_chain(r, el, vring_load(&avail->ring[r->last_avail % r->size]));
	if (ret == 0)
		ret = inflight_fetch(r, el);
	if (ret < 0)
		return ret;
	r->last_avail++;
	r->in_flight++;
	return 0;
}

void served_split_push(struct vu_served *r, const struct vu_element *el, uint32_t written)
{
	struct vring_used *used = r->used;
	uint16_t slot = r->last_used % r->size;

	used->ring[slot].id = htole32(el->id);
	used->ring[slot].len = htole32(written);
	vring_store(&used->idx, ++r->last_used);
	served_wrote(r, offsetof(struct vring_used, ring[slot]), sizeof(used->ring[slot]));
	served_wrote(r, offsetof(struct vring_used, idx), sizeof(used->idx));
}

bool served_split_should_call(const struct vu_served *r)
{
	const struct vring_avail *avail = r->avail;

	if (!r->event_idx)
		return !(vring_load(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return !r->signalled_valid ||
	       vring_need_event(vring_load(&avail->ring[r->size]), r->last_used, r->signalled);
}

/* With event indices nothing has to be said to sleep on: the index asked for lies in the past. */
void served_split_want_kick(struct vu_served *r, bool want)
{
	struct vring_used *used = r->used;
	uint16_t *avail_event = (uint16_t *)&used->ring[r->size];

	if (!r->event_idx) {
		vring_store(&used->flags, want ? 0 : VRING_USED_F_NO_NOTIFY);
		served_wrote(r, offsetof(struct vring_used, flags), sizeof(used->flags));
	} else if (want) {
		vring_store(avail_event, r->last_avail);
		served_wrote(r, offsetof(struct vring_used, ring[r->size]), sizeof(*avail_event));
	}
}

bool served_split_waiting(const struct vu_served *r)
{
	const struct vring_avail *avail = r->avail;

	return vring_load(&avail->idx) != r->last_avail;
}
