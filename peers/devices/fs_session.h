/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the room: what the fs device remembers of its driver: which nodes it was
 * told of and how often, and what it holds open. This is the internal state that
 * a migration takes along.
 */
#ifndef VRINGER_DEVICES_FS_SESSION_H
#define VRINGER_DEVICES_FS_SESSION_H

#include "devices/fs_tree.h"

/* Far more than a test needs, and little enough for a driver that never forgets. */
#define FS_NODES_MAX 16384
#define FS_HANDLES_MAX 256

/* A file or directory under the number that the driver knows it by. */
struct fs_node {
	uint64_t id;
	uint64_t ino;     /* what lay at the path when the node was made */
	uint64_t lookups; /* that the driver has not forgotten yet */
	unsigned int opens;
	char path[]; /* "" if it is known to be gone (or for the root) */
};

struct fs_handle {
	uint64_t fh;
	struct fs_node *node;
	int flags;           /* O_ACCMODE, O_APPEND, O_DIRECTORY */
	int fd;              /* -1 for a directory */
	struct fs_list list; /* of a directory that is being read */
	bool listed;
};

struct fs_session {
	struct fs_tree *tree;
	bool read_only;
	bool initialised; /* FUSE_INIT was there */
	/* In the order of their numbers, which are never used again. */
	struct fs_node **nodes;
	size_t nnodes, room;
	uint64_t next_node;
	struct fs_handle handles[FS_HANDLES_MAX];
	size_t nhandles;
	uint64_t next_handle;
};

/** fs_session_start - a session on @tree that knows the root; @s was zeroed. 0 or -ENOMEM. */
int fs_session_start(struct fs_session *s, struct fs_tree *tree);

/** fs_session_clear - forget and close everything but the root. */
void fs_session_clear(struct fs_session *s);

/** fs_session_end - that, and the memory behind it. The tree stays. */
void fs_session_end(struct fs_session *s);

/** fs_session_node - node by number, or NULL. */
struct fs_node *fs_session_node(const struct fs_session *s, uint64_t id);

/** fs_session_add - a node of this number, above all others; NULL: no memory, or too many. */
struct fs_node *fs_session_add(struct fs_session *s, uint64_t id, const char *path, uint64_t ino);

/** fs_session_see - the driver is told once more of what lies at @path. NULL: no memory, or too many. */
struct fs_node *fs_session_see(struct fs_session *s, const char *path, uint64_t ino);

/** fs_session_forget - the driver forgot @n lookups of a node. */
void fs_session_forget(struct fs_session *s, uint64_t id, uint64_t n);

/** fs_session_stat - attributes of a node, through a handle when its name is gone. -ESTALE. */
int fs_session_stat(const struct fs_session *s, const struct fs_node *node, struct stat *st);

/** fs_session_fd - new descriptor of a node, through a handle when its name is gone. -ESTALE. */
int fs_session_fd(const struct fs_session *s, const struct fs_node *node, int flags);

/** fs_session_open - open a node under number @fh, above all others: 0, or why not. */
int fs_session_open(struct fs_session *s, struct fs_node *node, int flags, uint64_t fh);
struct fs_handle *fs_session_handle(struct fs_session *s, uint64_t fh);
void fs_session_release(struct fs_session *s, struct fs_handle *handle);

/* fs_state.c: as bytes. load() leaves the session alone unless it returns 0. */
int fs_session_save(struct fs_session *s, uint8_t **bytes, size_t *len);
int fs_session_load(struct fs_session *s, const uint8_t *bytes, size_t len);

#endif
