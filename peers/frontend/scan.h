/* SPDX-License-Identifier: Apache-2.0 */
/* What has to be known of a scenario before the first message: back-end requests and features. */
#ifndef VRINGER_FRONTEND_SCAN_H
#define VRINGER_FRONTEND_SCAN_H

#include "player.h"

struct scan_wanted {
	uint64_t needs, needs_protocol; /* without these it is n/a */
	uint64_t features, protocol;    /* to acknowledge if offered */
};

/** scan_script - parse all of @s, note its back-end requests in @p, rewind. 0 or -EINVAL with @err. */
int scan_script(struct player *p, struct script *s, struct script_error *err);

/** scan_features - what `needs`, `without`, `queues` and the device ask for. */
void scan_features(const struct script_header *h, const struct vu_device *dev,
		   struct scan_wanted *w);

#endif
