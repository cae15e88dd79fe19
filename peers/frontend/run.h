/* SPDX-License-Identifier: Apache-2.0 */
/* The front-end as the side that plays a run. */
#ifndef VRINGER_FRONTEND_RUN_H
#define VRINGER_FRONTEND_RUN_H

#include "player.h"

/** frontend_side - plays the front-end; play_options.own is the struct frontend_options. */
extern const struct play_side frontend_side;

#endif
