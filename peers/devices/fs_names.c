/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE operations on names in a directory: finding, making and removing what they stand for. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "devices/fs_call.h"

#define PERMISSIONS 07777

int fs_call_see(struct fs_call *call, const char *path, struct fuse_entry_out *entry)
{
	struct fs_session *s = call->session;
	const struct fs_node *node;
	struct stat st;
	int ret = s->tree->ops->stat(s->tree, path, &st);

	if (ret)
		return ret;
	node = fs_session_see(s, path, st.st_ino);
	if (!node)
		return -ENFILE;
	entry->nodeid = node->id;
	fs_attr(&entry->attr, &st);
	return 0;
}

/* Path of the name in the directory of the call, if that still is one. */
static int find_path(const struct fs_call *call, char path[FS_PATH_MAX])
{
	struct stat st;
	int ret = fs_session_stat(call->session, call->node, &st);

	if (ret)
		return ret;
	return S_ISDIR(st.st_mode) ? fs_path_join(path, call->node->path, call->name) : -ENOTDIR;
}

static int run_lookup(struct fs_call *call)
{
	char path[FS_PATH_MAX];
	int ret = find_path(call, path);

	return ret ? ret : fs_call_see(call, path, &call->answer.entry);
}

static int run_mkdir(struct fs_call *call)
{
	const struct fuse_mkdir_in *in = (const void *)call->args;
	struct fs_tree *tree = call->session->tree;
	char path[FS_PATH_MAX];
	int ret = find_path(call, path);

	if (!ret)
		ret = tree->ops->mkdir(tree, path, in->mode & PERMISSIONS);
	return ret ? ret : fs_call_see(call, path, &call->answer.entry);
}

/*
 * Make the file unless it is there, which must then not be a mistake. The driver
 * has taken its mask off the mode already; that of this process must not count.
 */
static int make_file(struct fs_tree *tree, const char *path, const struct fuse_create_in *in)
{
	int fd = tree->ops->open(tree, path, O_RDWR | O_CREAT | O_EXCL, 0600), ret;

	if (fd == -EEXIST && !(in->flags & O_EXCL))
		return 0;
	if (fd < 0)
		return fd;
	ret = fchmod(fd, in->mode & PERMISSIONS) ? -errno : 0;
	close(fd);
	return ret;
}

static int run_create(struct fs_call *call)
{
	const struct fuse_create_in *in = (const void *)call->args;
	struct fs_session *s = call->session;
	struct fuse_entry_out *entry = &call->answer.create.entry;
	char path[FS_PATH_MAX];
	int ret = s->nhandles < FS_HANDLES_MAX ? find_path(call, path) : -ENFILE;

	if (!ret)
		ret = make_file(s->tree, path, in);
	if (!ret)
		ret = fs_call_see(call, path, entry);
	if (ret)
		return ret;
	ret = fs_call_open(call, fs_session_node(s, entry->nodeid), in->flags,
			   &call->answer.create.open);
	if (ret)
		fs_session_forget(s, entry->nodeid, 1);
	return ret;
}

static int run_unlink(struct fs_call *call)
{
	struct fs_tree *tree = call->session->tree;
	char path[FS_PATH_MAX];
	int ret = find_path(call, path);

	return ret ? ret : tree->ops->remove(tree, path, false);
}

static int run_rmdir(struct fs_call *call)
{
	struct fs_tree *tree = call->session->tree;
	char path[FS_PATH_MAX];
	int ret = find_path(call, path);

	return ret ? ret : tree->ops->remove(tree, path, true);
}

const struct fs_operation fs_name_operations[] = {
	{ .opcode = FUSE_LOOKUP,
	  .run = run_lookup,
	  .target = FS_NODE,
	  .named = true,
	  .answer = sizeof(struct fuse_entry_out) },
	{ .opcode = FUSE_MKDIR,
	  .run = run_mkdir,
	  .target = FS_NODE,
	  .named = true,
	  .writes = true,
	  .args = sizeof(struct fuse_mkdir_in),
	  .answer = sizeof(struct fuse_entry_out) },
	{ .opcode = FUSE_CREATE,
	  .run = run_create,
	  .target = FS_NODE,
	  .named = true,
	  .writes = true,
	  .args = sizeof(struct fuse_create_in),
	  .answer = sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out) },
	{ .opcode = FUSE_UNLINK,
	  .run = run_unlink,
	  .target = FS_NODE,
	  .named = true,
	  .writes = true },
	{ .opcode = FUSE_RMDIR,
	  .run = run_rmdir,
	  .target = FS_NODE,
	  .named = true,
	  .writes = true },
	{ .run = NULL },
};
