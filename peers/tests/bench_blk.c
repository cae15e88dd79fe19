/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests per second through the reference disk, memory behind it, beside those through
 * qemu-storage-daemon, whose disk reads as zeroes: the same driver reads blocks of 4 KiB, one
 * or 64 of them at a time, from the one and then from the other, so that what else is running
 * slows both; the median of the ratios counts. All is on one CPU. The daemon knows no packed
 * rings: a packed ring of the reference stands beside a split one of the daemon.
 */
#include <libgen.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blk_driver.h"

#define ROUNDS 41 /* behind one that warms up */
#define REQUESTS 2000
#define LIMIT 0.8 /* at depth 1 */

static const char daemon_command[] =
	"qemu-storage-daemon --blockdev driver=null-co,node-name=disk,size=16777216,read-zeroes=on "
	"--export type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path={socket}";

/* vu-backend lies beside this program's directory. */
static void reference_command(char *command, size_t size)
{
	char self[PATH_MAX] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		self[0] = '\0';
	snprintf(command, size,
		 "%s/../bin/vu-backend --socket-path={socket} --device=blk --size=16M",
		 dirname(self));
}

static double per_second(struct blk_driver *d, unsigned int depth)
{
	int64_t begun = vu_now();

	if (blk_driver_read(d, REQUESTS, depth)) {
		fprintf(stderr, "%s\n", d->trouble);
		exit(1);
	}
	return REQUESTS * 1e9 / (double)(vu_now() - begun);
}

static int rising(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), rising);
	return values[ROUNDS / 2];
}

static void compare(struct blk_driver *reference, struct blk_driver *other, unsigned int depth)
{
	const char *layout = reference->vr.packed ? "packed" : "split";
	double ours[ROUNDS], theirs[ROUNDS], ratios[ROUNDS], ratio;

	per_second(reference, depth);
	per_second(other, depth);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = per_second(reference, depth);
		theirs[i] = per_second(other, depth);
		ratios[i] = ours[i] / theirs[i];
	}
	ratio = median(ratios);
	printf("blk-%s-depth-%u-per-second %.0f\n", layout, depth, median(ours));
	printf("blk-%s-depth-%u-daemon-per-second %.0f\n", layout, depth, median(theirs));
	printf("blk-%s-depth-%u-ratio %.2f", layout, depth, ratio);
	if (depth == 1)
		printf(" %.2f%s", LIMIT, ratio < LIMIT ? " UNDER" : "");
	printf("\n");
	fflush(stdout);
}

static bool start(struct blk_driver *d, const char *command, bool packed)
{
	if (!blk_driver_open(d, command, packed))
		return true;
	fprintf(stderr, "%s: %s\n", command, d->trouble);
	return false;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

enum { DAEMON, SPLIT, PACKED, DRIVERS };

/* All of them run until the end: whoever ends one ends what else it started. */
static int compare_all(struct blk_driver *drivers, const char *command)
{
	bool good = start(&drivers[DAEMON], daemon_command, false) &&
		    start(&drivers[SPLIT], command, false) &&
		    start(&drivers[PACKED], command, true);

	for (int i = SPLIT; i < DRIVERS && good; i++) {
		compare(&drivers[i], &drivers[DAEMON], 1);
		compare(&drivers[i], &drivers[DAEMON], BLK_DEPTH);
	}
	for (int i = 0; i < DRIVERS; i++)
		blk_driver_close(&drivers[i]);
	return good ? 0 : 1;
}

int main(void)
{
	struct blk_driver *drivers = calloc(DRIVERS, sizeof(*drivers));
	char command[PATH_MAX + 128];
	int status;

	if (!drivers)
		return 1;
	stay_on_one_cpu();
	reference_command(command, sizeof(command));
	for (int i = 0; i < DRIVERS; i++)
		blk_driver_init(&drivers[i]);
	status = compare_all(drivers, command);
	free(drivers);
	return status;
}
