/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device type needs to be probed by a front-end, behind one small table
 * of functions. A device is one file. It knows its request formats; it knows
 * neither sockets nor scripts. Later the serving side joins the same table.
 */
#ifndef VRINGER_DEVICES_DEVICE_H
#define VRINGER_DEVICES_DEVICE_H

#include "vring/vring.h"

#define VU_REQUEST_ARGS 8
#define VU_RESULTS_MAX 8

/* key=value as the script gave it: "sector", 8. */
struct vu_arg {
	const char *key;
	uint64_t value;
};

/* What a finished request says: "status", "value", ... as the script may compare. */
struct vu_result {
	const char *key;
	uint64_t value;
};

/* One request on its way. Zeroed before prepare(), which fills in chain and private words. */
struct vu_request {
	const struct vu_request_kind *kind;
	struct vu_chain chain;
	uint64_t guest[4]; /* of the first buffers of the chain */
	uint64_t word[4];
	struct vu_result results[VU_RESULTS_MAX];
	size_t nresults;
	char complaint[160]; /* why the answer is wrong, empty if it is right */
};

/* A kind of request that a script can name in `submit RING KIND`. */
struct vu_request_kind {
	const char *name;  /* "probe", "write", "read", ... */
	const char *about; /* a line for `vu-frontend --list-devices` */
	const char *args;  /* space separated keys that it takes, e.g. "sector value" */
	/*
	 * Allocate buffers in @region and describe the chain. 0, -ENOSPC, or
	 * -EINVAL when an argument is out of range.
	 */
	int (*prepare)(struct vu_request *req, const struct vu_memory *mem,
		       struct vu_region *region, const struct vu_arg *args, size_t nargs);
	/* Look at what the device wrote: results, and a complaint if it is wrong. */
	void (*finish)(struct vu_request *req, const struct vu_memory *mem, uint32_t written);
};

struct vu_device {
	const char *name; /* "blk" */
	const char *about;
	uint32_t virtio_id;
	uint64_t features;        /* virtio feature bits worth acknowledging if offered */
	unsigned int min_rings;   /* rings that must be set up before any is processed */
	unsigned int probe_ring;  /* where a probe goes */
	unsigned int ring_stride; /* distance to the same kind of ring of the next queue (pair) */
	uint32_t config_size;     /* of the config space that probes may read, 0 if none */
	/* Kinds of requests, ending with a NULL name. "probe" is harmless and its answer can be checked;
	   a device with none has only the control plane. */
	const struct vu_request_kind *kinds;
	/* Request that must be the first one after the device was reset (FUSE_INIT), or NULL. */
	const char *first;
	/* Kind of request to keep posted on the other rings (net: empty receive buffers), or NULL. */
	const char *background;
};

extern const struct vu_device vu_blk, vu_fs, vu_net, vu_rng, vu_echo, vu_generic;

/** vu_device_by_name - device, or NULL. */
const struct vu_device *vu_device_by_name(const char *name);

/** vu_devices - all of them, NULL-terminated. */
const struct vu_device *const *vu_devices(void);

/** vu_request_kind - kind @name of @dev, or NULL. */
const struct vu_request_kind *vu_request_kind(const struct vu_device *dev, const char *name);

/** vu_request_result - result @key of a finished request; false when it has none of that name. */
bool vu_request_result(const struct vu_request *req, const char *key, uint64_t *value);

#endif
