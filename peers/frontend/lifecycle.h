/* SPDX-License-Identifier: Apache-2.0 */
/* What vu-frontend plays when it is given no scenario. */
#ifndef VRINGER_FRONTEND_LIFECYCLE_H
#define VRINGER_FRONTEND_LIFECYCLE_H

#include "quirks.h"
#include "wire/protocol.h"

/** lifecycle_text - a scenario for any back-end, with places for what dialects demand. */
extern const char lifecycle_text[];

/* ---- dialects.c ---- */

/** lifecycle_in - the same in the dialect @draft (NULL: none), to be freed. NULL without memory. */
char *lifecycle_in(const struct vu_draft *draft, const struct quirk_set *quirks);

#endif
