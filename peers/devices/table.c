/* SPDX-License-Identifier: Apache-2.0 */
/* The device types by name. */
#include <string.h>

#include "devices/device.h"

const struct vu_device *const *vu_devices(void)
{
	static const struct vu_device *const devices[] = {
		&vu_blk, &vu_fs, &vu_net, &vu_rng, &vu_echo, &vu_generic, NULL,
	};

	return devices;
}

const struct vu_device *vu_device_by_name(const char *name)
{
	const struct vu_device *const *dev = vu_devices();

	while (*dev && strcmp((*dev)->name, name) != 0)
		dev++;
	return *dev;
}

const struct vu_request_kind *vu_request_kind(const struct vu_device *dev, const char *name)
{
	for (const struct vu_request_kind *kind = dev->kinds; kind->name; kind++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}
