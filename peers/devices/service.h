/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving side of a device type: what a back-end of that type does with
 * requests, config space and internal state. Knows neither sockets nor
 * scripts; rings it sees as elements that the server hands to it.
 */
#ifndef VRINGER_DEVICES_SERVICE_H
#define VRINGER_DEVICES_SERVICE_H

#include "vring/served.h"

/* What the server does for a service. */
struct vu_service_host {
	void *ctx;
	/* Take an element off another ring (net: a receive buffer). 0, -EAGAIN, -EPROTO. */
	int (*take)(void *ctx, unsigned int ring, struct vu_element *el);
	/* Give an element back that was taken or held. */
	void (*give)(void *ctx, unsigned int ring, const struct vu_element *el, uint32_t written);
	/* The config space changed by itself. */
	void (*config_changed)(void *ctx);
	/* Look at this descriptor and call ready() when it is readable. */
	int (*watch)(void *ctx, int fd);
};

struct vu_service_options {
	const char *path;     /* blk: image file, fs: shared directory; NULL: memory behind it */
	uint64_t size;        /* blk: bytes when in memory */
	bool read_only;
	uint32_t virtio_id;   /* generic: what it claims to be */
	unsigned int queues;
	uint32_t config_size; /* generic */
};

struct vu_service;

struct vu_service_ops {
	const char *name;       /* of the device type */
	const char *capability; /* "type" of VHostUserBackendCapabilities: "block", "net", "fs", "rng" */
	uint64_t features;      /* virtio feature bits of the device type that it offers */
	/* rings for @queues queues (net: pairs): blk n, net 2n, fs 1 + n */
	unsigned int (*rings)(unsigned int queues);
	struct vu_service *(*open)(const struct vu_service_options *opt, const struct vu_service_host *host,
				   char *why, size_t size);
	void (*close)(struct vu_service *s);
	/*
	 * Serve @el of ring @ring. 0 and *@written: give it back at once.
	 * -EINPROGRESS: held, the service gives it back itself. @effects is
	 * false for a ring that is disabled: no effect outside the ring.
	 */
	int (*serve)(struct vu_service *s, unsigned int ring, const struct vu_element *el, bool effects,
		     uint32_t *written);
	/* Finish all that is held of @ring before it stops (GET_VRING_BASE drains). */
	void (*drain)(struct vu_service *s, unsigned int ring);
	/* Buffers appeared on a ring that it takes from (net receive), or a watched fd is readable. */
	void (*ready)(struct vu_service *s, unsigned int ring, int fd);
	/* Config space: @config has room for config_size() bytes. */
	uint32_t (*config_size)(const struct vu_service *s);
	void (*config)(const struct vu_service *s, uint8_t *config);
	/* Write to it; @migration: read-only fields may be set, too. 0 or -EACCES, -ERANGE. */
	int (*set_config)(struct vu_service *s, uint32_t offset, uint32_t size, const uint8_t *bytes,
			  bool migration);
	/* Feature bits that the driver acknowledged. */
	void (*acked)(struct vu_service *s, uint64_t features);
	/* Back to the beginning, all that the driver did forgotten. */
	void (*reset)(struct vu_service *s);
	/* Internal state for migration: *@bytes is malloc'ed, the caller frees it. NULL ops: no state. */
	int (*save)(struct vu_service *s, uint8_t **bytes, size_t *len);
	int (*load)(struct vu_service *s, const uint8_t *bytes, size_t len);
};

extern const struct vu_service_ops vu_blk_service, vu_fs_service, vu_net_service, vu_rng_service,
	vu_generic_service;

/** vu_service_by_name - ops by device type, or NULL. */
const struct vu_service_ops *vu_service_by_name(const char *name);

#endif
