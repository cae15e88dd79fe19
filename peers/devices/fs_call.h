/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the room: one FUSE request on its way through the fs device. The driver
 * may cut it into segments anywhere and may write to them at any time, so headers
 * and arguments are copied once; data goes straight between segments and files.
 */
#ifndef VRINGER_DEVICES_FS_CALL_H
#define VRINGER_DEVICES_FS_CALL_H

#include <limits.h>
#include <linux/fuse.h>

#include "devices/fs_session.h"
#include "devices/service.h"

/* Bytes of the largest request that may be written at once, in pages that the driver counts. */
#define FS_WRITE_MAX (128 << 10)

union fs_answer {
	struct fuse_init_out init;
	struct fuse_entry_out entry;
	struct fuse_attr_out attr;
	struct fuse_open_out open;
	struct fuse_write_out write;
	struct fuse_statfs_out statfs;
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} create;
};

struct fs_call {
	struct fs_session *session;
	const struct vu_element *el;
	struct fuse_in_header header;
	/* Fixed arguments, the name behind them, and an end that the driver cannot take away. */
	_Alignas(8) char args[sizeof(struct fuse_setattr_in) + NAME_MAX + 2];
	size_t args_len; /* as the header has it, which may be more than was copied */
	const char *name;
	struct fs_node *node;
	struct fs_handle *handle;
	union fs_answer answer;
	size_t answer_len; /* behind the header; run() may change what its operation says */
};

/* What a request is about, beyond its arguments. */
enum fs_target {
	FS_NOTHING,
	FS_NODE,        /* nodeid of the header */
	FS_FILE_HANDLE, /* fh, with which the arguments begin */
	FS_DIRECTORY_HANDLE,
};

struct fs_operation {
	uint32_t opcode;
	enum fs_target target;
	size_t args;   /* bytes of fixed arguments that must be there */
	size_t answer; /* bytes of the fixed part of the answer */
	bool named;    /* a name follows the arguments */
	bool writes;   /* changes the tree */
	bool silent;   /* has no answer, not even an error */
	/* 0 or -errno */
	int (*run)(struct fs_call *call);
};

/* The operations, each list ending with opcode 0: on nodes, on names in directories, on what is open. */
extern const struct fs_operation fs_node_operations[], fs_name_operations[], fs_file_operations[];

/** fs_call_serve - serve the request in @el; bytes that were written into it. */
uint32_t fs_call_serve(struct fs_session *s, const struct vu_element *el, bool effects);

/** fs_call_see - the entry of what lies at @path, which the driver then knows. */
int fs_call_see(struct fs_call *call, const char *path, struct fuse_entry_out *entry);

/** fs_call_open - open a node with the flags that the driver gave. */
int fs_call_open(struct fs_call *call, struct fs_node *node, uint32_t flags,
		 struct fuse_open_out *out);

/** fs_attr - attributes as FUSE has them. */
void fs_attr(struct fuse_attr *attr, const struct stat *st);

#endif
