/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines on CLOCK_MONOTONIC, and the one poll that all waits go through. */
#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <time.h>

int64_t vu_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * VU_NSEC_PER_SEC + now.tv_nsec;
}

int64_t vu_deadline_in(int64_t ns)
{
	int64_t now = vu_now();

	return ns > VU_FOREVER - now ? VU_FOREVER : now + ns;
}

bool vu_deadline_passed(int64_t deadline)
{
	return deadline != VU_FOREVER && vu_now() >= deadline;
}

int vu_deadline_poll_ms(int64_t deadline)
{
	int64_t left;

	if (deadline == VU_FOREVER)
		return -1;
	left = deadline - vu_now();
	if (left <= 0)
		return 0;
	left = left / VU_NSEC_PER_MSEC + (left % VU_NSEC_PER_MSEC != 0);
	return left < INT_MAX ? (int)left : INT_MAX;
}

int vu_poll_once(struct pollfd *fds, nfds_t nfds, int64_t deadline)
{
	int64_t left = deadline == VU_FOREVER ? 0 : deadline - vu_now();
	struct timespec wait = { 0 };

	if (left > 0) {
		wait.tv_sec = left / VU_NSEC_PER_SEC;
		wait.tv_nsec = left % VU_NSEC_PER_SEC;
	}
	return ppoll(fds, nfds, deadline == VU_FOREVER ? NULL : &wait, NULL);
}

int vu_poll(struct pollfd *fds, nfds_t nfds, int64_t deadline)
{
	for (;;) {
		int ready = vu_poll_once(fds, nfds, deadline);

		if (ready > 0)
			return 0;
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (vu_deadline_passed(deadline))
			return -ETIMEDOUT;
	}
}
