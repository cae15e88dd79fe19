/* SPDX-License-Identifier: Apache-2.0 */
/* The services by name. */
#include <string.h>

#include "devices/service.h"

const struct vu_service_ops *const *vu_services(void)
{
	static const struct vu_service_ops *const services[] = {
		&vu_blk_service, &vu_fs_service,      &vu_net_service,
		&vu_rng_service, &vu_generic_service, NULL,
	};

	return services;
}

const struct vu_service_ops *vu_service_by_name(const char *name)
{
	const struct vu_service_ops *const *ops = vu_services();

	while (*ops && strcmp((*ops)->name, name) != 0)
		ops++;
	return *ops;
}
