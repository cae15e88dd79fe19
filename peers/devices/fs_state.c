/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internal state of the fs device as bytes. Nodes go by path, and what was open
 * is opened again at the other end; a tree in memory goes along as a whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <string.h>

#include "devices/fs_session.h"

#define KIND "vringer-fs"
#define VERSION 1
#define HANDLE_FLAGS (O_ACCMODE | O_APPEND | O_DIRECTORY)

/* Whether the node has a name that another process can find it by. */
static bool is_named(const struct fs_session *s, const struct fs_node *node)
{
	struct stat st;

	if (node->id == FUSE_ROOT_ID)
		return true;
	return *node->path && !s->tree->ops->stat(s->tree, node->path, &st) &&
	       st.st_ino == node->ino;
}

static void save_node(const struct fs_session *s, const struct fs_node *node,
		      struct vu_state_writer *w)
{
	vu_state_put_number(w, node->id);
	vu_state_put_number(w, node->lookups);
	vu_state_put_bytes(w, node->path, is_named(s, node) ? strlen(node->path) : 0);
}

/* What is open, but has lost its name, could not be opened again. */
static int save_handle(const struct fs_session *s, const struct fs_handle *handle,
		       struct vu_state_writer *w)
{
	vu_state_put_number(w, handle->fh);
	vu_state_put_number(w, handle->node->id);
	vu_state_put_number(w, (uint64_t)handle->flags);
	return is_named(s, handle->node) ? 0 : -ESTALE;
}

static int put_session(struct fs_session *s, struct vu_state_writer *w)
{
	const struct fs_tree_ops *ops = s->tree->ops;
	int ret = 0;

	vu_state_put_bytes(w, ops->kind, strlen(ops->kind));
	vu_state_put_number(w, s->initialised);
	if (ops->save)
		ret = ops->save(s->tree, w);
	vu_state_put_number(w, s->next_node);
	vu_state_put_number(w, s->nnodes - 1);
	for (size_t i = 1; i < s->nnodes; i++)
		save_node(s, s->nodes[i], w);
	vu_state_put_number(w, s->next_handle);
	vu_state_put_number(w, s->nhandles);
	for (size_t i = 0; !ret && i < s->nhandles; i++)
		ret = save_handle(s, &s->handles[i], w);
	return ret;
}

int fs_session_save(struct fs_session *s, uint8_t **bytes, size_t *len)
{
	struct vu_state_writer w = { 0 };
	int ret = put_session(s, &w);

	if (!ret)
		return vu_state_finish(&w, KIND, VERSION, bytes, len);
	vu_state_discard(&w);
	return ret;
}

static int load_node(struct fs_session *s, struct vu_state_reader *r, uint64_t next)
{
	char path[FS_PATH_MAX] = "";
	size_t len;
	uint64_t id = vu_state_number(r, next - 1);
	uint64_t lookups = vu_state_number(r, UINT64_MAX);
	const char *bytes = vu_state_bytes(r, sizeof(path) - 1, &len);
	struct stat st = { 0 };
	struct fs_node *node;
	int ret = 0;

	if (r->failed || id < s->next_node)
		return -EINVAL;
	memcpy(path, bytes, len);
	if (!fs_path_is_valid(path))
		return -EINVAL;
	if (*path)
		ret = s->tree->ops->stat(s->tree, path, &st);
	if (ret)
		return ret;
	node = fs_session_add(s, id, path, st.st_ino);
	if (!node)
		return -ENOMEM;
	node->lookups = lookups;
	return 0;
}

static int load_handle(struct fs_session *s, struct vu_state_reader *r, uint64_t next)
{
	uint64_t fh = vu_state_number(r, next - 1);
	struct fs_node *node = fs_session_node(s, vu_state_number(r, UINT64_MAX));
	int flags = (int)vu_state_number(r, HANDLE_FLAGS);

	if (r->failed || fh < s->next_handle || !node)
		return -EINVAL;
	if (flags & ~HANDLE_FLAGS || (flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (s->read_only && (flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	return fs_session_open(s, node, flags, fh);
}

static int get_nodes_and_handles(struct fs_session *s, struct vu_state_reader *r)
{
	/* One below the largest, as the next number is one above. */
	uint64_t next_node = vu_state_number(r, UINT64_MAX - 1),
		 n = vu_state_number(r, FS_NODES_MAX);
	uint64_t next_handle;
	int ret = next_node ? 0 : -EINVAL;

	for (uint64_t i = 0; !ret && i < n; i++)
		ret = load_node(s, r, next_node);
	if (ret)
		return ret;
	next_handle = vu_state_number(r, UINT64_MAX - 1);
	n = vu_state_number(r, FS_HANDLES_MAX);
	ret = next_handle ? 0 : -EINVAL;
	for (uint64_t i = 0; !ret && i < n; i++)
		ret = load_handle(s, r, next_handle);
	if (ret)
		return ret;
	if (next_node < s->next_node || next_handle < s->next_handle)
		return -EINVAL;
	s->next_node = next_node;
	s->next_handle = next_handle;
	return vu_state_close(r);
}

static int check_kind(const struct fs_tree *tree, struct vu_state_reader *r)
{
	size_t len;
	const char *kind = vu_state_bytes(r, 32, &len);

	if (!kind || len != strlen(tree->ops->kind) || memcmp(kind, tree->ops->kind, len) != 0)
		return -EINVAL;
	return 0;
}

/* Into a session that nobody uses yet. */
static int get_session(struct fs_session *fresh, struct fs_tree *tree, struct vu_state_reader *r)
{
	int ret = check_kind(tree, r);

	if (ret)
		return ret;
	fresh->initialised = vu_state_number(r, 1);
	if (tree->ops->load)
		tree = tree->ops->load(r);
	if (!tree)
		return -EINVAL;
	ret = fs_session_start(fresh, tree);
	return ret ? ret : get_nodes_and_handles(fresh, r);
}

int fs_session_load(struct fs_session *s, const uint8_t *bytes, size_t len)
{
	struct fs_session fresh = { .read_only = s->read_only }, *unused = &fresh;
	struct fs_tree *kept;
	struct vu_state_reader r;
	struct fs_session old = *s;
	int ret = vu_state_open(&r, KIND, VERSION, bytes, len);

	if (ret)
		return ret;
	ret = get_session(&fresh, s->tree, &r);
	if (!ret) {
		*s = fresh;
		unused = &old;
	}
	kept = s->tree;
	if (unused->tree && unused->tree != kept)
		unused->tree->ops->close(unused->tree);
	fs_session_end(unused);
	return ret;
}
