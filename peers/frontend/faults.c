/* SPDX-License-Identifier: Apache-2.0 */
/* Postcopy: a page of guest memory that has not arrived, and the fault by which the back-end asks for it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "verbs.h"

static const struct vu_region *region_of(const struct player *p, uint64_t guest)
{
	for (size_t i = 0; i < p->memory.nregions; i++)
		if (guest - p->memory.regions[i].guest_address < p->memory.regions[i].size)
			return &p->memory.regions[i];
	return NULL;
}

/* What is in the page is put aside, and the page is taken out of the file. */
static int take_out(struct player *p, const struct vu_region *r, uint64_t page)
{
	uint64_t inside = page - r->guest_address;

	if (page < r->guest_address || r->size - inside < PLAYER_PAGE)
		return -ERANGE;
	memcpy(p->missing.bytes, r->host + inside, PLAYER_PAGE);
	if (fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)(r->mmap_offset + inside), PLAYER_PAGE))
		return -errno;
	p->missing.out = true;
	return 0;
}

/* withhold ADDRESS: its page is missing until the back-end asks for it. */
enum script_step player_withhold(struct player *p, struct script_call *call)
{
	const struct vu_region *r;
	uint64_t guest;
	int err;

	if (!verb_number(call, 0, &guest))
		return STEP_ERROR;
	if (p->missing.out)
		return verb_broken(call, "another page is missing already");
	r = region_of(p, guest);
	err = r ? take_out(p, r, guest & ~(uint64_t)(PLAYER_PAGE - 1)) : -EFAULT;
	return err ? verb_broken(call, strerror(-err)) : STEP_DONE;
}

/* The page that the back-end waits for, in its own addresses. */
static bool fault_came(int uffd, uint64_t *page)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pfd, 1, 0) != 1 || read(uffd, &msg, sizeof(msg)) != sizeof(msg) ||
	    msg.event != UFFD_EVENT_PAGEFAULT)
		return false;
	*page = msg.arg.pagefault.address & ~(uint64_t)(PLAYER_PAGE - 1);
	return true;
}

static int put_back(struct player *p, int uffd, uint64_t page)
{
	struct uffdio_copy copy = { .dst = page,
				    .src = (uintptr_t)p->missing.bytes,
				    .len = PLAYER_PAGE };

	if (ioctl(uffd, UFFDIO_COPY, &copy))
		return -errno;
	p->missing.out = false;
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, uffd, NULL);
	return 0;
}

/* faulted FD: the back-end asks for the page that is missing, and gets it. */
enum script_step player_faulted(struct player *p, struct script_call *call)
{
	bool ended = verb_ended(p);
	struct script_value fd;
	uint64_t page;
	int err;

	if (script_eval(call->interp, script_positional(call->stmt, 0), &fd, call->actual,
			sizeof(call->actual)) ||
	    fd.kind != VALUE_FD)
		return verb_broken(call, "that is no descriptor");
	if (!p->missing.out)
		return verb_broken(call, "no page is missing");
	if (!call->stage++)
		player_watch(p, (int)fd.number);
	if (!fault_came((int)fd.number, &page))
		return ended ? verb_gone(p, call)
			     : verb_pending(call, "the back-end asked for no page");
	err = put_back(p, (int)fd.number, page);
	return err ? verb_broken(call, strerror(-err)) : STEP_DONE;
}
