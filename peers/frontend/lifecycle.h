/* SPDX-License-Identifier: Apache-2.0 */
/* What vu-frontend plays when it is given no scenario. */
#ifndef VRINGER_FRONTEND_LIFECYCLE_H
#define VRINGER_FRONTEND_LIFECYCLE_H

/** lifecycle_text - a scenario for any back-end. */
extern const char lifecycle_text[];

#endif
