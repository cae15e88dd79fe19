/* SPDX-License-Identifier: Apache-2.0 */
/* Guest memory: the regions that the front-end hands over. */
#include <errno.h>
#include <stdio.h>

#include "deviations.h"

#define SLOTS_FEW 8 /* of a quirk */

struct region {
	uint64_t guest, user, size, offset;
};

/* With GPA_ADDRESSES whatever the front-end sends is a guest address. */
static struct region region_of(const struct backend *be, const struct vu_message *msg,
			       const char *path)
{
	struct region r;
	char name[48];

	snprintf(name, sizeof(name), "%s.guest_address", path);
	r.guest = vu_get(msg, name);
	snprintf(name, sizeof(name), "%s.user_address", path);
	r.user = has_protocol(be, VU_PF_GPA_ADDRESSES) ? r.guest : vu_get(msg, name);
	snprintf(name, sizeof(name), "%s.size", path);
	r.size = vu_get(msg, name);
	snprintf(name, sizeof(name), "%s.mmap_offset", path);
	r.offset = quirk(be, QUIRK_MMAP_OFFSET_IGNORED) ? 0 : vu_get(msg, name);
	if (quirk(be, QUIRK_USER_ADDRESS_IGNORED))
		r.user = r.guest;
	if (quirk(be, QUIRK_USER_ADDRESSES_LINEAR) && be->map.nregions)
		r.user = be->map.regions[0].user_address +
			 (r.guest - be->map.regions[0].guest_address);
	if (quirk(be, QUIRK_GUEST_ADDRESS_LOST) && r.guest > UINT32_MAX)
		r.guest |= UINT64_C(1) << 62;
	return r;
}

static int add(struct backend *be, const struct region *r, int fd)
{
	int err;

	if (quirk(be, QUIRK_USER_ADDRESS_CHECKED) && r->user >> 47)
		return -EFAULT;
	err = vu_map_add(&be->map, r->guest, r->user, r->size, r->offset, fd);

	if (!err)
		deviation_private(be, fd);
	return err;
}

void memory_changed(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++) {
		be->rings[i].mapped = false;
		be->rings[i].starving = false;
		be->rings[i].broken |= quirk(be, QUIRK_TABLE_STOPS_RINGS) && be->rings[i].started;
	}
	rings_run(be);
}

/* Held elements point into memory that may go. */
static void settle(struct backend *be)
{
	rings_settle(be, NULL);
	rings_tell(be);
}

static int add_all(struct backend *be, struct vu_message *msg)
{
	uint64_t n = vu_get(msg, "num_regions");
	char path[24];
	int err = 0;

	for (unsigned int i = 0; i < n && !err && !(i && quirk(be, QUIRK_SECOND_REGION_IGNORED));
	     i++) {
		struct region r;

		snprintf(path, sizeof(path), "regions[%u]", i);
		r = region_of(be, msg, path);
		err = add(be, &r, msg->fds[i]);
	}
	if (err)
		vu_map_clear(&be->map);
	return err;
}

/* The table is all of the memory: what was there before is not any more. */
int set_mem_table(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t n = vu_get(msg, "num_regions");
	int err;

	if (n > VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE || n != msg->nfds)
		return -EINVAL;
	if (quirk(be, QUIRK_TABLE_LATCHED) && be->map.nregions)
		return DONE;
	if (quirk(be, QUIRK_POSTCOPY_ADVICE_STOPS) && be->postcopy.uffd >= 0 &&
	    !be->postcopy.listening)
		return -EBUSY;
	settle(be);
	if (!quirk(be, QUIRK_TABLE_ADDS))
		vu_map_clear(&be->map);
	err = add_all(be, msg);
	if (!err && be->postcopy.listening && !quirk(be, QUIRK_POSTCOPY_TABLE_UNANSWERED))
		err = postcopy_addresses(be, msg, reply);
	memory_changed(be);
	return err;
}

int get_max_mem_slots(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	vu_message_set_u64(reply, quirk(be, QUIRK_SLOTS_NONE) ? 0 : VU_MAP_REGIONS);
	return ANSWERED;
}

int add_mem_reg(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct region r = region_of(be, msg, "region");
	int err;

	if (msg->nfds != 1)
		return -EINVAL;
	if (quirk(be, QUIRK_SLOT_MISREAD))
		r = (struct region){ .size = r.guest, .user = r.size, .offset = r.user };
	if (quirk(be, QUIRK_SLOTS_OVERSTATED) && be->map.nregions == SLOTS_FEW)
		return -ENOSPC;
	if (deviation_declines(be, r.guest))
		return DONE;
	err = add(be, &r, msg->fds[0]);
	if (!err && be->postcopy.listening && !quirk(be, QUIRK_POSTCOPY_ADDED_UNANSWERED))
		err = postcopy_addresses(be, msg, reply);
	memory_changed(be);
	return err;
}

static uint64_t size_at(const struct backend *be, uint64_t guest)
{
	for (size_t i = 0; i < be->map.nregions; i++)
		if (be->map.regions[i].guest_address == guest)
			return be->map.regions[i].size;
	return 0;
}

/* Older front-ends attach a descriptor; it is closed with the message. */
int rem_mem_reg(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct region r = region_of(be, msg, "region");
	int err;

	(void)reply;
	if (quirk(be, QUIRK_SLOT_REMOVAL_KEEPS_DESCRIPTOR))
		vu_message_take_fd(msg, 0);
	if (quirk(be, QUIRK_SLOT_NOT_FREED))
		return DONE;
	if (quirk(be, QUIRK_SLOT_BY_GUEST_ADDRESS))
		r.size = size_at(be, r.guest);
	be->odd.removed = r.guest;
	settle(be);
	err = vu_map_remove(&be->map, r.guest, r.user, r.size);
	if (quirk(be, QUIRK_SLOT_REMOVAL_TAKES_ALL))
		vu_map_clear(&be->map);
	memory_changed(be);
	return err;
}
