/* SPDX-License-Identifier: Apache-2.0 */
/* Host notifiers: a page that the guest writes to instead of kicking; here it is looked at in turns. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"

static size_t page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool make_page(struct ring *ring)
{
	int fd = memfd_create("doorbell", MFD_CLOEXEC);
	void *page = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, (off_t)page_size()) == 0)
		page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	memset(page, 0xff, page_size());
	ring->doorbell = page;
	ring->doorbell_fd = fd;
	return true;
}

void notifier_close(struct ring *ring)
{
	if (!ring->doorbell)
		return;
	munmap(ring->doorbell, page_size());
	close(ring->doorbell_fd);
	ring->doorbell = NULL;
	ring->doorbell_fd = -1;
}

/* The guest writes the number of the queue, which is never all ones. */
bool notifier_rung(struct ring *ring)
{
	const uint16_t quiet = UINT16_MAX;

	return ring->doorbell &&
	       __atomic_exchange_n((uint16_t *)ring->doorbell, quiet, __ATOMIC_ACQ_REL) != quiet;
}

/* Without the notifier kicks come as ever. */
static void answered(struct backend *be, unsigned int index, struct vu_message *reply)
{
	uint64_t result = 1;

	if (!vu_message_u64(reply, &result) || result)
		notifier_close(&be->rings[index]);
}

static void offer(struct backend *be, struct ring *ring)
{
	struct vu_message msg;

	vu_message_init(&msg, VU_BACKEND, VU_BACKEND_VRING_HOST_NOTIFIER_MSG);
	vu_set(&msg, "u64", ring->index);
	vu_set(&msg, "size", quirk(be, QUIRK_NOTIFIER_SIZE_ZERO) ? 0 : page_size());
	if (!quirk(be, QUIRK_NOTIFIER_WITHOUT_FD))
		vu_message_add_fd(&msg, ring->doorbell_fd);
	channel_ask(be, &msg, ring->index, answered);
}

static bool may_send_fd(const struct backend *be)
{
	return has_protocol(be, VU_PF_BACKEND_SEND_FD) || quirk(be, QUIRK_NOTIFIER_UNNEGOTIATED) ||
	       quirk(be, QUIRK_CHANNEL_FDS_UNNEGOTIATED);
}

void notifier_announce(struct backend *be)
{
	if (!has_trait(be, VU_SERVICE_DOORBELLS) || !may_send_fd(be) ||
	    !channel_may(be, VU_BACKEND_VRING_HOST_NOTIFIER_MSG))
		return;
	for (unsigned int i = 0; i < be->nrings; i++)
		if (be->rings[i].started && !be->rings[i].doorbell && make_page(&be->rings[i]))
			offer(be, &be->rings[i]);
}
