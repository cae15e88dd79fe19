/* SPDX-License-Identifier: Apache-2.0 */
/* Postcopy: pages that are not there yet raise faults, which the front-end answers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"

/* One that sees faults of the kernel, too: requests are served by system calls. */
static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) == 0 && api.features & UFFD_FEATURE_MISSING_SHMEM)
		return fd;
	close(fd);
	return -EOPNOTSUPP;
}

bool postcopy_available(void)
{
	int fd = open_uffd();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/*
 * Who waits for a page sees nothing else. Should the front-end die meanwhile, signals that are
 * read in the loop would not be seen: they end the process as long as faults are possible.
 */
static void signals_end_us(bool at_once)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(at_once ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

void postcopy_close(struct backend *be)
{
	guard_free(be->postcopy.guard);
	if (be->postcopy.uffd >= 0)
		close(be->postcopy.uffd);
	signals_end_us(false);
	be->postcopy = (struct postcopy){ .uffd = -1 };
}

int postcopy_advise(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	int fd, ours;

	(void)msg;
	postcopy_close(be);
	fd = open_uffd();
	if (fd < 0)
		return fd;
	ours = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (ours < 0) {
		close(fd);
		return -EMFILE;
	}
	be->postcopy.uffd = ours;
	if (!quirk(be, QUIRK_POSTCOPY_WITHOUT_FD))
		vu_message_add_fd(reply, fd);
	return ANSWERED;
}

/* The front-end learns addresses with the regions: those that are there already it would not know. */
int postcopy_listen(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	(void)reply;
	if (be->postcopy.uffd < 0 || be->map.nregions)
		return -EINVAL;
	be->postcopy.listening = true;
	return DONE;
}

int postcopy_end(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	postcopy_close(be);
	be->odd.postcopied = true;
	if (quirk(be, QUIRK_POSTCOPY_END_UNANSWERED))
		return DONE;
	vu_message_set_u64(reply, 0);
	rings_run(be);
	return ANSWERED;
}

/* ---- addresses and their confirmation ---- */

static void set_address(const struct backend *be, struct vu_message *reply, const char *path,
			const struct vu_map_region *r)
{
	vu_set(reply, path,
	       quirk(be, QUIRK_POSTCOPY_GUEST_ADDRESSES) ? r->guest_address : (uintptr_t)r->host);
}

static const struct vu_map_region *region_at(const struct backend *be, uint64_t guest)
{
	for (size_t i = 0; i < be->map.nregions; i++)
		if (be->map.regions[i].guest_address == guest)
			return &be->map.regions[i];
	return NULL;
}

static int tell_table(const struct backend *be, struct vu_message *reply)
{
	uint64_t n = vu_get(reply, "num_regions");
	char path[40];

	for (unsigned int i = 0; i < n; i++) {
		const struct vu_map_region *r;

		snprintf(path, sizeof(path), "regions[%u].guest_address", i);
		r = region_at(be, vu_get(reply, path));
		if (!r)
			return -EINVAL;
		snprintf(path, sizeof(path), "regions[%u].user_address", i);
		set_address(be, reply, path, r);
	}
	return ANSWERED;
}

static void touch(const struct backend *be)
{
	for (size_t i = 0; i < be->map.nregions; i++)
		*(volatile uint8_t *)be->map.regions[i].host;
}

int postcopy_addresses(struct backend *be, const struct vu_message *msg, struct vu_message *reply)
{
	const struct vu_map_region *r;

	be->postcopy.ack_due = true;
	if (quirk(be, msg->request == VU_ADD_MEM_REG ? QUIRK_POSTCOPY_ADDED_TOUCHED
						     : QUIRK_POSTCOPY_TOUCHED))
		touch(be);
	reply->len = reply->size = msg->len;
	for (size_t i = 0; i < msg->len; i++)
		reply->payload[i] = msg->payload[i];
	if (msg->request == VU_SET_MEM_TABLE)
		return tell_table(be, reply);
	r = region_at(be, vu_get(msg, "region.guest_address"));
	if (!r)
		return -EINVAL;
	set_address(be, reply, "region.user_address", r);
	return ANSWERED;
}

/* It names no region, and comes under the id of whichever message changed the memory last. */
bool postcopy_is_ack(const struct backend *be, const struct vu_message *msg)
{
	return be->postcopy.ack_due && msg->len <= sizeof(uint64_t) && !msg->nfds &&
	       (msg->request == VU_SET_MEM_TABLE || msg->request == VU_ADD_MEM_REG ||
		msg->request == VU_REM_MEM_REG);
}

/* Our view of the pages is dropped, so that each is fetched when it is next touched. */
static int make_fault(int uffd, const struct vu_map_region *r)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)r->mapping, .len = r->mapped },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	madvise(r->mapping, r->mapped, MADV_NOHUGEPAGE);
	if (madvise(r->mapping, r->mapped, MADV_DONTNEED) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return 0;
}

int postcopy_ack(struct backend *be)
{
	const bool registers = !quirk(be, QUIRK_POSTCOPY_UNREGISTERED);
	struct postcopy *pc = &be->postcopy;
	int err = 0;

	if (!pc->guard)
		pc->guard = guard_new(be->main.fd, pc->uffd);
	if (!pc->guard)
		return -ENOMEM;
	for (size_t i = 0; i < be->map.nregions && !err && registers; i++)
		err = make_fault(pc->uffd, &be->map.regions[i]);
	guard_ranges(pc->guard, &be->map);
	pc->ack_due = false;
	signals_end_us(true);
	rings_run(be);
	return err;
}
