/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-fs as a back-end serves it: a shared directory, or without a path a tree
 * in memory. Ring 0 is for what must not wait behind other requests (FORGET);
 * nothing waits or is held here, so that every ring takes every request.
 */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/fs_call.h"

#define TAG "vringer"

struct vu_service {
	struct fs_session session;
	struct virtio_fs_config config;
};

static unsigned int fs_rings(unsigned int queues)
{
	return 1 + (queues ? queues : 1);
}

static struct vu_service *fs_open(const struct vu_service_options *opt,
				  const struct vu_service_host *host, char *why, size_t size)
{
	struct vu_service *s = calloc(1, sizeof(*s));
	struct fs_tree *tree = opt->path ? fs_directory(opt->path) : fs_memory();

	(void)host;
	if (s && tree && !fs_session_start(&s->session, tree)) {
		s->session.read_only = opt->read_only;
		memcpy(s->config.tag, TAG, sizeof(TAG));
		s->config.num_request_queues = htole32(fs_rings(opt->queues) - 1);
		return s;
	}
	snprintf(why, size, "%s: %s", opt->path ? opt->path : "tree in memory", strerror(errno));
	if (tree)
		tree->ops->close(tree);
	if (s)
		fs_session_end(&s->session);
	free(s);
	return NULL;
}

static void fs_close(struct vu_service *s)
{
	fs_session_end(&s->session);
	s->session.tree->ops->close(s->session.tree);
	free(s);
}

static int fs_serve(struct vu_service *s, unsigned int ring, const struct vu_element *el,
		    bool effects, uint32_t *written)
{
	(void)ring;
	*written = fs_call_serve(&s->session, el, effects);
	return 0;
}

static uint32_t fs_config_size(const struct vu_service *s)
{
	return sizeof(s->config);
}

static void fs_config(const struct vu_service *s, uint8_t *config)
{
	memcpy(config, &s->config, sizeof(s->config));
}

/* All of it is the device's to say. */
static int fs_set_config(struct vu_service *s, uint32_t offset, uint32_t size, const uint8_t *bytes,
			 bool migration)
{
	if (offset > sizeof(s->config) || size > sizeof(s->config) - offset)
		return -ERANGE;
	if (!migration)
		return -EACCES;
	memcpy((uint8_t *)&s->config + offset, bytes, size);
	return 0;
}

/* What the driver wrote into files stays there, as on any disk. */
static void fs_reset(struct vu_service *s)
{
	fs_session_clear(&s->session);
	s->session.initialised = false;
}

static int fs_save(struct vu_service *s, uint8_t **bytes, size_t *len)
{
	return fs_session_save(&s->session, bytes, len);
}

static int fs_load(struct vu_service *s, const uint8_t *bytes, size_t len)
{
	return fs_session_load(&s->session, bytes, len);
}

const struct vu_service_ops vu_fs_service = {
	.name = "fs",
	.capability = "fs",
	.traits = VU_SERVICE_RESET_LOSES,
	.rings = fs_rings,
	.open = fs_open,
	.close = fs_close,
	.serve = fs_serve,
	.config_size = fs_config_size,
	.config = fs_config,
	.set_config = fs_set_config,
	.reset = fs_reset,
	.save = fs_save,
	.load = fs_load,
};
