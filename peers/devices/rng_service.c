/* SPDX-License-Identifier: Apache-2.0 */
/* Entropy, from the kernel. It has neither configuration nor state. */
#include <stdlib.h>
#include <sys/random.h>

#include "devices/service.h"

#define PIECE 256 /* getrandom() gives so much without being interrupted */

struct vu_service {
	char nothing;
};

static unsigned int rings(unsigned int queues)
{
	(void)queues;
	return 1;
}

static struct vu_service *open_rng(const struct vu_service_options *opt,
				   const struct vu_service_host *host, char *why, size_t size)
{
	(void)opt;
	(void)host;
	(void)why;
	(void)size;
	return calloc(1, sizeof(struct vu_service));
}

static void close_rng(struct vu_service *s)
{
	free(s);
}

/* One piece a request: the driver asks again. */
static int serve(struct vu_service *s, unsigned int ring, const struct vu_element *el, bool effects,
		 uint32_t *written)
{
	uint8_t bytes[PIECE];
	ssize_t n = getrandom(bytes, sizeof(bytes), GRND_NONBLOCK);

	(void)s;
	(void)ring;
	(void)effects;
	*written = n > 0 ? (uint32_t)vu_segments_write(el->in, el->nin, 0, bytes, (size_t)n) : 0;
	return 0;
}

const struct vu_service_ops vu_rng_service = {
	.name = "rng",
	.capability = "rng",
	.rings = rings,
	.open = open_rng,
	.close = close_rng,
	.serve = serve,
};
