/* SPDX-License-Identifier: Apache-2.0 */
/* A device of any type, of which only the control plane is known. */
#include "devices/device.h"

static const struct vu_request_kind no_kinds[] = { { .name = NULL } };

const struct vu_device vu_generic = {
	.name = "generic",
	.about = "any device, control plane only",
	.min_rings = 1,
	.ring_stride = 1,
	.kinds = no_kinds,
};
