/* SPDX-License-Identifier: Apache-2.0 */
/* --print-capabilities: VHostUserBackendCapabilities of vhost-user.json; discovery.json.in is a VhostUserBackend. */
#include <linux/virtio_ids.h>
#include <stdio.h>

#include "backend.h"

/* The types that the schema knows, by what virtio calls them. */
static const struct {
	uint32_t id;
	const char *type;
} types[] = {
	{ VIRTIO_ID_NET, "net" },
	{ VIRTIO_ID_BLOCK, "block" },
	{ VIRTIO_ID_CONSOLE, "console" },
	{ VIRTIO_ID_RNG, "rng" },
	{ VIRTIO_ID_BALLOON, "balloon" },
	{ VIRTIO_ID_RPMSG, "rpmsg" },
	{ VIRTIO_ID_SCSI, "scsi" },
	{ VIRTIO_ID_9P, "9p" },
	{ VIRTIO_ID_RPROC_SERIAL, "rproc-serial" },
	{ VIRTIO_ID_CAIF, "caif" },
	{ VIRTIO_ID_GPU, "gpu" },
	{ VIRTIO_ID_INPUT, "input" },
	{ VIRTIO_ID_VSOCK, "vsock" },
	{ VIRTIO_ID_CRYPTO, "crypto" },
	{ VIRTIO_ID_FS, "fs" },
};

static const char *type_of(const struct backend_options *opt)
{
	if (opt->ops != &vu_generic_service)
		return opt->ops->capability;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].id == opt->service.virtio_id)
			return types[i].type;
	return opt->ops->capability;
}

void print_capabilities(const struct backend_options *opt)
{
	const char *const *feature = opt->ops->options;

	printf("{\n  \"type\": \"%s\"", type_of(opt));
	if (feature && *feature) {
		printf(",\n  \"features\": [");
		for (; *feature; feature++)
			printf("%s\"%s\"", feature == opt->ops->options ? "" : ", ", *feature);
		printf("]");
	}
	printf("\n}\n");
}
