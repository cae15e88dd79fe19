/* SPDX-License-Identifier: Apache-2.0 */
/* A device of any type: what it is sent it sends back, and its config space is memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/service.h"

#define CONFIG_MAX 256
#define PIECE 4096

struct vu_service {
	uint32_t config_size;
	uint8_t config[CONFIG_MAX];
};

static unsigned int rings(unsigned int queues)
{
	return queues;
}

static struct vu_service *open_generic(const struct vu_service_options *opt,
				       const struct vu_service_host *host, char *why, size_t size)
{
	struct vu_service *s;

	(void)host;
	if (opt->config_size > CONFIG_MAX) {
		snprintf(why, size, "a config space has at most %d bytes", CONFIG_MAX);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (s)
		s->config_size = opt->config_size;
	return s;
}

static void close_generic(struct vu_service *s)
{
	free(s);
}

static uint32_t echo(const struct vu_element *el)
{
	uint8_t piece[PIECE];
	uint64_t done = 0;
	size_t n;

	do {
		n = vu_segments_read(el->out, el->nout, done, piece, sizeof(piece));
		n = vu_segments_write(el->in, el->nin, done, piece, n);
		done += n;
	} while (n);
	return (uint32_t)done;
}

static int serve(struct vu_service *s, unsigned int ring, const struct vu_element *el, bool effects,
		 uint32_t *written)
{
	(void)s;
	(void)ring;
	(void)effects;
	*written = echo(el);
	return 0;
}

static uint32_t config_size(const struct vu_service *s)
{
	return s->config_size;
}

static void config(const struct vu_service *s, uint8_t *bytes)
{
	memcpy(bytes, s->config, s->config_size);
}

/* The first half may be written by the driver, the rest only by migration. */
static int set_config(struct vu_service *s, uint32_t offset, uint32_t size, const uint8_t *bytes,
		      bool migration)
{
	if (!migration && offset + size > s->config_size / 2)
		return -EACCES;
	memcpy(s->config + offset, bytes, size);
	return 0;
}

static void reset(struct vu_service *s)
{
	memset(s->config, 0, sizeof(s->config));
}

static int save(struct vu_service *s, uint8_t **bytes, size_t *len)
{
	*len = s->config_size;
	*bytes = malloc(*len + 1);
	if (!*bytes)
		return -ENOMEM;
	memcpy(*bytes, s->config, *len);
	return 0;
}

static int load(struct vu_service *s, const uint8_t *bytes, size_t len)
{
	if (len != s->config_size)
		return -EINVAL;
	memcpy(s->config, bytes, len);
	return 0;
}

const struct vu_service_ops vu_generic_service = {
	.name = "generic",
	.capability = "rpmsg",
	.traits = VU_SERVICE_OBJECTS | VU_SERVICE_SHMEM | VU_SERVICE_DOORBELLS,
	.rings = rings,
	.open = open_generic,
	.close = close_generic,
	.serve = serve,
	.config_size = config_size,
	.config = config,
	.set_config = set_config,
	.reset = reset,
	.save = save,
	.load = load,
};
