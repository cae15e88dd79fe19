/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving side of a device type: what a back-end of that type does with
 * requests, config space and internal state. Knows neither sockets nor
 * scripts; rings it sees as elements that the server hands to it.
 */
#ifndef VRINGER_DEVICES_SERVICE_H
#define VRINGER_DEVICES_SERVICE_H

#include "vring/served.h"

#define VU_ALL_RINGS UINT32_MAX

/* What the server does for a service. */
struct vu_service_host {
	void *ctx;
	/* Take an element off another ring (net: a receive buffer). 0 or -EAGAIN. */
	int (*take)(void *ctx, unsigned int ring, struct vu_element *el);
	/* Give an element back that was taken or held. */
	void (*give)(void *ctx, unsigned int ring, const struct vu_element *el, uint32_t written);
	/* The config space changed by itself. */
	void (*config_changed)(void *ctx);
	/* Look at this descriptor and call ready() when it is readable. */
	int (*watch)(void *ctx, int fd);
};

struct vu_service_options {
	const char *
		path; /* blk: image file, fs: shared directory, net: cable; NULL: memory behind it, none */
	uint64_t size; /* blk: bytes when in memory */
	bool read_only;
	uint32_t virtio_id; /* generic: what it claims to be */
	unsigned int queues;
	uint32_t config_size; /* generic */
	uint64_t latency_us;  /* blk: how long a request is held */
};

/* How a device type differs from others where the protocol is concerned. */
enum vu_service_trait {
	/* a disabled ring is emptied (net), instead of left alone until it is enabled */
	VU_SERVICE_DRAINS_DISABLED = 1 << 0,
	/* a reset loses what the driver relies upon after a mere stop (fs) */
	VU_SERVICE_RESET_LOSES = 1 << 1,
	/* it exports shared objects, has shared memory, has pages to ring it by */
	VU_SERVICE_OBJECTS = 1 << 2,
	VU_SERVICE_SHMEM = 1 << 3,
	VU_SERVICE_DOORBELLS = 1 << 4,
	/* it brings the channel for its state itself */
	VU_SERVICE_STATE_CHANNEL = 1 << 5,
};

struct vu_service;

/* What a network device does beside serving its rings. */
struct vu_network_ops {
	/* Tell the network where the guest is now. */
	void (*announce)(struct vu_service *s, const uint8_t mac[6]);
	/* 0 when the MTU is acceptable, or -ERANGE. */
	int (*set_mtu)(struct vu_service *s, uint64_t mtu);
};

/* Functions that are not said to be there always may be NULL. */
struct vu_service_ops {
	const char *name; /* of the device type */
	const char *
		capability; /* "type" of VHostUserBackendCapabilities: "block", "net", "fs", "rng" */
	const char *const
		*options;    /* its "features": options of the conventions; NULL-terminated */
	uint64_t features;   /* virtio feature bits of the device type that it offers */
	unsigned int traits; /* of enum vu_service_trait */
	/* rings for @queues queues (net: pairs): blk n, net 2n, fs 1 + n. Always. */
	unsigned int (*rings)(unsigned int queues);
	/* NULL with @why when it cannot be. Always, as is close(). */
	struct vu_service *(*open)(const struct vu_service_options *opt,
				   const struct vu_service_host *host, char *why, size_t size);
	void (*close)(struct vu_service *s);
	/*
	 * Serve @el of ring @ring. 0 and *@written: give it back at once.
	 * -EINPROGRESS: held, the service gives it back itself (@el has to be
	 * copied). @effects is false for a ring that is disabled: no effect
	 * outside the ring. Always.
	 */
	int (*serve)(struct vu_service *s, unsigned int ring, const struct vu_element *el,
		     bool effects, uint32_t *written);
	/* Whether it takes elements off @ring by itself (net receive): serve() is not called for them. */
	bool (*pulls)(unsigned int ring);
	/* Finish all that is held of @ring, or of VU_ALL_RINGS, and give it back. */
	void (*drain)(struct vu_service *s, unsigned int ring);
	/* Forget what is held instead: the front-end is gone, or keeps track of it. */
	void (*abandon)(struct vu_service *s, unsigned int ring);
	/* Buffers appeared on @ring, from which it pulls; or (@fd is not -1) a watched fd is readable. */
	void (*ready)(struct vu_service *s, unsigned int ring, int fd);
	/* Config space: @config has room for config_size() bytes. */
	uint32_t (*config_size)(const struct vu_service *s);
	void (*config)(const struct vu_service *s, uint8_t *config);
	/* Write to it; @migration: read-only fields may be set, too. 0 or -EACCES, -ERANGE. */
	int (*set_config)(struct vu_service *s, uint32_t offset, uint32_t size,
			  const uint8_t *bytes, bool migration);
	/* Feature bits that the driver acknowledged. */
	void (*acked)(struct vu_service *s, uint64_t features);
	/* Back to the beginning, all that the driver did forgotten. */
	void (*reset)(struct vu_service *s);
	/* Internal state for migration: *@bytes is malloc'ed, the caller frees it. NULL ops: no state. */
	int (*save)(struct vu_service *s, uint8_t **bytes, size_t *len);
	int (*load)(struct vu_service *s, const uint8_t *bytes, size_t len);
	const struct vu_network_ops *network; /* of a network device */
};

extern const struct vu_service_ops vu_blk_service, vu_fs_service, vu_net_service, vu_rng_service,
	vu_generic_service;

/** vu_service_by_name - ops by device type, or NULL. */
const struct vu_service_ops *vu_service_by_name(const char *name);

/** vu_services - all of them, NULL-terminated. */
const struct vu_service_ops *const *vu_services(void);

/* ---- segments.c: buffers of an element as one run of bytes ---- */

/** vu_segments_read - copy @len bytes from @offset on out of @segments; how many there were. */
size_t vu_segments_read(const struct vu_segment *segments, size_t n, uint64_t offset, void *bytes,
			size_t len);

/** vu_segments_write - copy @len bytes into them; how many fitted. */
size_t vu_segments_write(const struct vu_segment *segments, size_t n, uint64_t offset,
			 const void *bytes, size_t len);

struct iovec;

/** vu_segments_iov - the same range as an iovec of at most VU_SEGMENTS_MAX entries; how many it has. */
int vu_segments_iov(const struct vu_segment *segments, size_t n, uint64_t offset, uint64_t len,
		    struct iovec *iov);

#endif
