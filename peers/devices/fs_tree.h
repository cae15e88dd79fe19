/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within the room: a tree of files that the fs device serves, a shared directory
 * or one in memory. Paths are relative to its root: "" is the root, "a/b" lies in
 * "a"; no component is empty, "." or "..". Returns are 0 or -errno.
 */
#ifndef VRINGER_DEVICES_FS_TREE_H
#define VRINGER_DEVICES_FS_TREE_H

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "devices/state.h"

#define FS_PATH_MAX 1024 /* with the end */

struct fs_entry {
	char *name;
	uint64_t ino;
	mode_t type; /* S_IFDIR, S_IFREG, ... */
};

/* What a directory holds. Zeroed before the first use. */
struct fs_list {
	struct fs_entry *entries;
	size_t nentries, room;
};

struct fs_tree {
	const struct fs_tree_ops *ops;
	uint64_t file_max; /* bytes that a file may have */
};

struct fs_tree_ops {
	const char *kind;
	void (*close)(struct fs_tree *tree);
	/* Of what lies there; a symbolic link is not followed. */
	int (*stat)(struct fs_tree *tree, const char *path, struct stat *st);
	/* Descriptor of a file, or of a directory to change its attributes (-EPERM if they are
	   fixed); never blocks. O_CREAT and O_EXCL make files. */
	int (*open)(struct fs_tree *tree, const char *path, int flags, mode_t mode);
	/* With exactly this mode. */
	int (*mkdir)(struct fs_tree *tree, const char *path, mode_t mode);
	int (*remove)(struct fs_tree *tree, const char *path, bool directory);
	int (*list)(struct fs_tree *tree, const char *path, struct fs_list *list);
	int (*statfs)(struct fs_tree *tree, struct statvfs *st);
	/* Of a tree that does not outlive the process, the files themselves; else NULL. */
	int (*save)(struct fs_tree *tree, struct vu_state_writer *w);
	struct fs_tree *(*load)(struct vu_state_reader *r);
};

/** fs_directory - the tree below @path, which stays open; NULL and errno. */
struct fs_tree *fs_directory(const char *path);

/** fs_memory - a tree in memory with the file "hello" in it; NULL and errno. */
struct fs_tree *fs_memory(void);

/** fs_list_add - one more entry; the name is copied. 0 or -ENOMEM. */
int fs_list_add(struct fs_list *list, const char *name, uint64_t ino, mode_t type);

/** fs_list_sort - by name, so that the same entries are always in the same order. */
void fs_list_sort(struct fs_list *list);
void fs_list_free(struct fs_list *list);

/** fs_name_is_valid - whether @name may be a component of a path. */
bool fs_name_is_valid(const char *name);

/** fs_path_is_valid - whether @path is as above: what a stranger wrote never leads out of the tree. */
bool fs_path_is_valid(const char *path);

/** fs_path_join - path of @name in directory @parent. 0, or -EINVAL, -ENAMETOOLONG. */
int fs_path_join(char path[FS_PATH_MAX], const char *parent, const char *name);

#endif
