/* SPDX-License-Identifier: Apache-2.0 */
/* What quirks do. Without a quirk nothing here does anything. */
#ifndef VRINGER_FRONTEND_DEVIATIONS_H
#define VRINGER_FRONTEND_DEVIATIONS_H

#include "player.h"

/** deviation_sends - what happens to @msg before it is sent, and what is sent ahead of it. */
void deviation_sends(struct player *p, struct vu_message *msg);

/** deviation_received - what happens to @msg before it is looked at. */
void deviation_received(const struct player *p, struct vu_message *msg);

/** deviation_came - what else is done when a reply came on the main socket. */
void deviation_came(struct player *p, const struct vu_message *msg);

/** deviation_transfer - what is done besides when a state begins to be read or written. */
void deviation_transfer(struct player *p);

/** deviation_channel - what happens to its @end of a channel for a state. */
void deviation_channel(const struct player *p, int end, bool load);

/** deviation_answers - whether a request on the channel is answered, which would be @due. */
bool deviation_answers(const struct player *p, bool due);

/** deviation_reply - what happens to that answer. */
void deviation_reply(const struct player *p, struct vu_message *reply);

/** deviation_blind - whether nothing on the channel is looked at now. */
bool deviation_blind(const struct player *p);

#endif
