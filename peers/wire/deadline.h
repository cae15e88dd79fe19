/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time on CLOCK_MONOTONIC that waits must not pass. Nanoseconds throughout. */
#ifndef VRINGER_WIRE_DEADLINE_H
#define VRINGER_WIRE_DEADLINE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define VU_NSEC_PER_MSEC 1000000LL
#define VU_NSEC_PER_SEC 1000000000LL
#define VU_FOREVER INT64_MAX

/** vu_now - CLOCK_MONOTONIC in nanoseconds. */
int64_t vu_now(void);

/** vu_deadline_in - the point @ns nanoseconds from now; VU_FOREVER stays VU_FOREVER. */
int64_t vu_deadline_in(int64_t ns);

/** vu_deadline_passed - whether @deadline is over. */
bool vu_deadline_passed(int64_t deadline);

/** vu_deadline_poll_ms - time left as poll(2) wants it: rounded up, -1 for VU_FOREVER. */
int vu_deadline_poll_ms(int64_t deadline);

/** vu_poll_once - poll(2) until @deadline, to the nanosecond: what it returns is returned. */
int vu_poll_once(struct pollfd *fds, nfds_t nfds, int64_t deadline);

/** vu_poll - poll(2) that goes on when interrupted. 0 when something is ready, -ETIMEDOUT, -errno. */
int vu_poll(struct pollfd *fds, nfds_t nfds, int64_t deadline);

#endif
