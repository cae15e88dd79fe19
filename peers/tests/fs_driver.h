/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A FUSE driver for tests of the fs service: puts requests together by hand,
 * cut into segments of any size, and checks that every answer is one.
 */
#ifndef VRINGER_TESTS_FS_DRIVER_H
#define VRINGER_TESTS_FS_DRIVER_H

#include <linux/fuse.h>

#include "devices/service.h"

#define FS_REQUEST_RING 1
#define FS_HIPRIO_RING 0

struct fs_driver {
	struct vu_service *s;
	size_t piece;  /* bytes a segment, 0: all in one */
	bool disabled; /* the ring is */
	uint64_t unique;
	size_t len;    /* of the last answer, behind its header */
	char root[64]; /* shared directory, "" for the tree in memory */
};

/** fs_driver_start - a service on a fresh directory, or on a tree in memory; FUSE_INIT is done. */
void fs_driver_start(struct fs_driver *d, bool directory);

/** fs_driver_again - another service on the same tree as @d, not initialised. */
void fs_driver_again(struct fs_driver *other, const struct fs_driver *d, bool read_only);

/** fs_driver_stop - close the service; the directory goes with @directory. */
void fs_driver_stop(struct fs_driver *d, bool directory);

/** fs_driver_path - path of @name in the shared directory, for the host to look at. */
const char *fs_driver_path(const struct fs_driver *d, const char *name);

/** fs_driver_raw - serve these bytes with @room to answer; bytes written into @answer. */
uint32_t fs_driver_raw(struct fs_driver *d, unsigned int ring, const void *request, size_t len,
		       void *answer, size_t room);

/** fs_driver_init - FUSE_INIT; its error. */
int fs_driver_init(struct fs_driver *d);

/** fs_driver_call - a request of @args and what follows them; the error of its answer. */
int fs_driver_call(struct fs_driver *d, uint32_t opcode, uint64_t node, const void *args,
		   size_t len, const void *more, size_t more_len, void *answer, size_t room);

/* What is often wanted, each returning the error of its answer. */
int fs_driver_lookup(struct fs_driver *d, uint64_t parent, const char *name, uint64_t *node);
int fs_driver_getattr(struct fs_driver *d, uint64_t node, struct fuse_attr *attr);
int fs_driver_create(struct fs_driver *d, uint64_t parent, const char *name, uint32_t flags,
		     uint64_t *node, uint64_t *fh);
int fs_driver_mkdir(struct fs_driver *d, uint64_t parent, const char *name, uint64_t *node);
int fs_driver_remove(struct fs_driver *d, uint64_t parent, const char *name, bool directory);
int fs_driver_open(struct fs_driver *d, uint64_t node, uint32_t flags, uint64_t *fh);
int fs_driver_opendir(struct fs_driver *d, uint64_t node, uint64_t *fh);
int fs_driver_read(struct fs_driver *d, uint64_t fh, uint64_t offset, void *bytes, uint32_t len);
int fs_driver_write(struct fs_driver *d, uint64_t fh, uint64_t offset, const void *bytes,
		    uint32_t len);
int fs_driver_release(struct fs_driver *d, uint64_t fh, bool directory);
int fs_driver_readdir(struct fs_driver *d, uint64_t fh, uint64_t offset, void *bytes, uint32_t len);
void fs_driver_forget(struct fs_driver *d, uint64_t node, uint64_t n);

#endif
