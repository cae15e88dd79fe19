/* SPDX-License-Identifier: Apache-2.0 */
/* A front-end and its driver in one, as plain as can be: a disk, one ring, reads of one block. For benchmarks. */
#ifndef VRINGER_TESTS_BLK_DRIVER_H
#define VRINGER_TESTS_BLK_DRIVER_H

#include "play/subject.h"
#include "vring/vring.h"
#include "wire/socket.h"

#define BLK_RING 256
#define BLK_DEPTH 64 /* at most */

struct blk_driver {
	struct subject subject;
	struct vu_conn conn;
	struct vu_memory mem;
	struct vu_vring vr;
	struct vu_chain chains[BLK_DEPTH];
	unsigned int owner[BLK_RING]; /* the chain that has this id */
	int kick, call;
	char trouble[256];
	struct vu_message msg;
};

void blk_driver_init(struct blk_driver *d);

/**
 * blk_driver_open - start @command, agree upon features and start a ring, packed or not; the event index is
 * used. 0, or -errno with `trouble`, -EOPNOTSUPP when the back-end does not have what it takes. To be closed either way.
 */
int blk_driver_open(struct blk_driver *d, const char *command, bool packed);
void blk_driver_close(struct blk_driver *d);

/** blk_driver_read - so many reads, @depth of them under way at any time. 0 or -errno with `trouble`. */
int blk_driver_read(struct blk_driver *d, unsigned int requests, unsigned int depth);

#endif
