/* SPDX-License-Identifier: Apache-2.0 */
/* One run: a scenario, a subject, a verdict. */
#ifndef VRINGER_FRONTEND_RUN_H
#define VRINGER_FRONTEND_RUN_H

#include "player.h"

struct run_options {
	struct subject_options subject;
	const struct vu_device *device;
	unsigned int queues;
	double scale;
	int signals; /* signalfd, or -1 */
	struct player_hook hooks[PLAYER_HOOKS];
	size_t nhooks;
	struct report report;
	FILE *trace; /* scenario text, or NULL */
	const char *fragments; /* see script_interp_fragments() */
};

/** run_scenario - play @path and report. An enum script_verdict, or -EINVAL when it does not parse. */
int run_scenario(struct run_options *o, const char *path);

#endif
