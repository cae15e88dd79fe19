/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory regions: memory of the device that the front-end maps where the guest sees it. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"

#define REGION_SIZE (UINT64_C(1) << 20)
#define MAPPED_SIZE (UINT64_C(1) << 16)
#define REGION_ID 0

enum { MAP_FLAG_READ_WRITE = 1 };

/* The same at any time: sizes are those of the device type. */
int get_shmem_config(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	char path[24];

	(void)msg;
	vu_set(reply, "num_regions", !quirk(be, QUIRK_SHMEM_COUNT_WRONG));
	snprintf(path, sizeof(path), "sizes[%d]", REGION_ID);
	vu_set(reply, path, REGION_SIZE + quirk(be, QUIRK_SHMEM_SIZE_ODD));
	if (quirk(be, QUIRK_SHMEM_CONFIG_CHANGES) && be->odd.configured)
		vu_set(reply, path, 2 * REGION_SIZE);
	be->odd.configured = true;
	return ANSWERED;
}

static int make_memory(void)
{
	int fd = memfd_create("shmem", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, MAPPED_SIZE) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int request(struct backend *be, uint32_t id, int fd,
		   void (*answered)(struct backend *, unsigned int, struct vu_message *))
{
	struct vu_message msg;

	vu_message_init(&msg, VU_BACKEND, id);
	vu_set(&msg, "shmid", REGION_ID);
	vu_set(&msg, "len", MAPPED_SIZE);
	if (quirk(be, QUIRK_SHMEM_OUTSIDE))
		vu_set(&msg, "shm_offset", REGION_SIZE);
	if (quirk(be, QUIRK_SHMEM_UNMAPS_HALF) && fd < 0)
		vu_set(&msg, "len", MAPPED_SIZE / 2);
	if (fd >= 0) {
		vu_set(&msg, "flags", MAP_FLAG_READ_WRITE);
		if (!quirk(be, QUIRK_SHMEM_WITHOUT_FD))
			vu_message_add_fd(&msg, fd);
	}
	return channel_ask(be, &msg, 0, answered);
}

static void map(struct backend *be);

static void mapped(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	uint64_t result = 1;

	(void)ring;
	be->shmem_mapped = vu_message_u64(reply, &result) && !result;
	if (!be->shmem_mapped)
		backend_complain("the front-end does not map the shared memory");
}

static void unmapped(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	uint64_t result = 1;

	(void)ring;
	if (!vu_message_u64(reply, &result) || result)
		return;
	be->shmem_mapped = false;
	if (channel_may(be, VU_BACKEND_SHMEM_MAP))
		map(be);
}

/* Without acknowledgements it is taken for done. */
static void map(struct backend *be)
{
	if (be->shmem_fd < 0)
		be->shmem_fd = make_memory();
	if (be->shmem_fd >= 0 && request(be, VU_BACKEND_SHMEM_MAP, be->shmem_fd, mapped) == 0)
		be->shmem_mapped = !has_protocol(be, VU_PF_REPLY_ACK);
}

/* Each run of the device has a mapping of its own: that of the run before makes room first. */
void shmem_announce(struct backend *be)
{
	bool may_send_fd =
		has_protocol(be, VU_PF_BACKEND_SEND_FD) || quirk(be, QUIRK_SHMEM_UNNEGOTIATED);

	if (!has_trait(be, VU_SERVICE_SHMEM) || !may_send_fd ||
	    !channel_may(be, VU_BACKEND_SHMEM_MAP))
		return;
	if (be->shmem_mapped)
		request(be, VU_BACKEND_SHMEM_UNMAP, -1, unmapped);
	else
		map(be);
}
