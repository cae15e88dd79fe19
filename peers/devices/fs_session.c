/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes and handles of the fs device. */
#include "devices/fs_session.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int fs_session_start(struct fs_session *s, struct fs_tree *tree)
{
	s->tree = tree;
	s->next_node = FUSE_ROOT_ID;
	s->next_handle = 1;
	return fs_session_add(s, FUSE_ROOT_ID, "", 0) ? 0 : -ENOMEM;
}

static void drop_handle(struct fs_handle *handle)
{
	if (handle->fd >= 0)
		close(handle->fd);
	fs_list_free(&handle->list);
	handle->node->opens--;
}

void fs_session_clear(struct fs_session *s)
{
	while (s->nhandles)
		drop_handle(&s->handles[--s->nhandles]);
	while (s->nnodes > 1)
		free(s->nodes[--s->nnodes]);
}

void fs_session_end(struct fs_session *s)
{
	fs_session_clear(s);
	if (s->nnodes)
		free(s->nodes[0]);
	free(s->nodes);
}

/* Where node @id stands, or would. */
static size_t position(const struct fs_session *s, uint64_t id)
{
	size_t low = 0, high = s->nnodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->nodes[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct fs_node *fs_session_node(const struct fs_session *s, uint64_t id)
{
	size_t i = position(s, id);

	return i < s->nnodes && s->nodes[i]->id == id ? s->nodes[i] : NULL;
}

static bool make_room(struct fs_session *s)
{
	size_t room = s->room ? s->room * 2 : 16;
	struct fs_node **nodes;

	if (s->nnodes < s->room)
		return true;
	if (s->nnodes >= FS_NODES_MAX)
		return false;
	nodes = realloc(s->nodes, room * sizeof(struct fs_node *));
	if (!nodes)
		return false;
	s->nodes = nodes;
	s->room = room;
	return true;
}

struct fs_node *fs_session_add(struct fs_session *s, uint64_t id, const char *path, uint64_t ino)
{
	size_t len = strlen(path) + 1;
	struct fs_node *node;

	if (!make_room(s))
		return NULL;
	node = calloc(1, sizeof(*node) + len);
	if (!node)
		return NULL;
	node->id = id;
	node->ino = ino;
	memcpy(node->path, path, len);
	s->nodes[s->nnodes++] = node;
	s->next_node = id + 1;
	return node;
}

struct fs_node *fs_session_see(struct fs_session *s, const char *path, uint64_t ino)
{
	struct fs_node *node = NULL;

	for (size_t i = 0; !node && i < s->nnodes; i++)
		if (s->nodes[i]->ino == ino && !strcmp(s->nodes[i]->path, path))
			node = s->nodes[i];
	if (!node)
		node = fs_session_add(s, s->next_node, path, ino);
	if (node)
		node->lookups++;
	return node;
}

static void drop_if_unused(struct fs_session *s, struct fs_node *node)
{
	size_t i = position(s, node->id);

	if (node->lookups || node->opens || node->id == FUSE_ROOT_ID)
		return;
	free(node);
	s->nnodes--;
	memmove(s->nodes + i, s->nodes + i + 1, (s->nnodes - i) * sizeof(struct fs_node *));
}

void fs_session_forget(struct fs_session *s, uint64_t id, uint64_t n)
{
	struct fs_node *node = fs_session_node(s, id);

	if (!node)
		return;
	node->lookups -= n < node->lookups ? n : node->lookups;
	drop_if_unused(s, node);
}

/* Whether the node still lies where it was found; the tree may be changed by others, too. */
static int find_by_path(const struct fs_session *s, const struct fs_node *node, struct stat *st)
{
	bool root = node->id == FUSE_ROOT_ID;
	int ret;

	if (!root && !*node->path)
		return -ESTALE;
	ret = s->tree->ops->stat(s->tree, node->path, st);
	if (ret == -ENOENT || ret == -ENOTDIR)
		return -ESTALE;
	return ret || root || st->st_ino == node->ino ? ret : -ESTALE;
}

static const struct fs_handle *any_handle(const struct fs_session *s, const struct fs_node *node,
					  int flags)
{
	for (size_t i = 0; node->opens && i < s->nhandles; i++) {
		const struct fs_handle *handle = &s->handles[i];
		int has = handle->flags & O_ACCMODE, wants = flags & O_ACCMODE;

		if (handle->node == node && handle->fd >= 0 &&
		    (has == wants || has == O_RDWR || wants == O_RDONLY))
			return handle;
	}
	return NULL;
}

int fs_session_stat(const struct fs_session *s, const struct fs_node *node, struct stat *st)
{
	int ret = find_by_path(s, node, st);
	const struct fs_handle *handle = ret == -ESTALE ? any_handle(s, node, O_RDONLY) : NULL;

	if (handle)
		ret = fstat(handle->fd, st) ? -errno : 0;
	if (node->id != FUSE_ROOT_ID)
		st->st_ino = node->ino;
	return ret;
}

int fs_session_fd(const struct fs_session *s, const struct fs_node *node, int flags)
{
	struct stat st;
	int ret = find_by_path(s, node, &st);
	const struct fs_handle *handle;

	if (!ret)
		return s->tree->ops->open(s->tree, node->path, flags, 0);
	handle = ret == -ESTALE ? any_handle(s, node, flags) : NULL;
	if (!handle)
		return ret;
	ret = fcntl(handle->fd, F_DUPFD_CLOEXEC, 0);
	return ret < 0 ? -errno : ret;
}

/* A device or a pipe must not even be opened to find out what it is. */
static int check_type(const struct fs_session *s, const struct fs_node *node, bool directory)
{
	struct stat st;
	int ret = fs_session_stat(s, node, &st);

	if (ret)
		return ret;
	if (directory)
		return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return S_ISREG(st.st_mode) ? 0 : -EOPNOTSUPP;
}

int fs_session_open(struct fs_session *s, struct fs_node *node, int flags, uint64_t fh)
{
	struct fs_handle *handle = &s->handles[s->nhandles];
	bool directory = flags & O_DIRECTORY;
	int ret, fd = -1;

	if (s->nhandles == FS_HANDLES_MAX)
		return -ENFILE;
	ret = check_type(s, node, directory);
	if (ret)
		return ret;
	if (!directory) {
		fd = fs_session_fd(s, node, flags & O_ACCMODE);
		if (fd < 0)
			return fd;
	}
	memset(handle, 0, sizeof(*handle));
	handle->fh = fh;
	handle->node = node;
	handle->flags = flags;
	handle->fd = fd;
	node->opens++;
	s->nhandles++;
	s->next_handle = fh + 1;
	return 0;
}

struct fs_handle *fs_session_handle(struct fs_session *s, uint64_t fh)
{
	for (size_t i = 0; i < s->nhandles; i++)
		if (s->handles[i].fh == fh)
			return &s->handles[i];
	return NULL;
}

void fs_session_release(struct fs_session *s, struct fs_handle *handle)
{
	struct fs_node *node = handle->node;
	size_t behind = (size_t)(s->handles + s->nhandles - handle) - 1;

	drop_handle(handle);
	memmove(handle, handle + 1, behind * sizeof(*handle));
	s->nhandles--;
	drop_if_unused(s, node);
}
