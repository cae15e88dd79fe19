/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE operations on what is open: files and directories. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/fs_call.h"

#define HEADER sizeof(struct fuse_out_header)

int fs_call_open(struct fs_call *call, struct fs_node *node, uint32_t flags,
		 struct fuse_open_out *out)
{
	struct fs_session *s = call->session;
	uint64_t fh = s->next_handle;
	bool writes = (flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC;
	int ret;

	if ((flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (writes && s->read_only)
		return -EROFS;
	ret = fs_session_open(s, node, (int)(flags & (O_ACCMODE | O_APPEND)), fh);
	if (ret)
		return ret;
	out->fh = fh;
	if (!(flags & O_TRUNC) || !ftruncate(fs_session_handle(s, fh)->fd, 0))
		return 0;
	ret = -errno;
	fs_session_release(s, fs_session_handle(s, fh));
	return ret;
}

static int run_open(struct fs_call *call)
{
	const struct fuse_open_in *in = (const void *)call->args;

	return fs_call_open(call, call->node, in->flags, &call->answer.open);
}

static int run_opendir(struct fs_call *call)
{
	call->answer.open.fh = call->session->next_handle;
	return fs_session_open(call->session, call->node, O_RDONLY | O_DIRECTORY,
			       call->session->next_handle);
}

static int run_release(struct fs_call *call)
{
	fs_session_release(call->session, call->handle);
	return 0;
}

static int run_read(struct fs_call *call)
{
	const struct fuse_read_in *in = (const void *)call->args;
	struct iovec iov[VU_SEGMENTS_MAX];
	const struct vu_element *el = call->el;
	int pieces = vu_segments_iov(el->in, el->nin, HEADER, in->size, iov);
	ssize_t len;

	if ((call->handle->flags & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (in->size > el->in_len - HEADER)
		return -EINVAL;
	len = preadv(call->handle->fd, iov, pieces, (off_t)in->offset);
	if (len < 0)
		return -errno;
	call->answer_len = (size_t)len;
	return 0;
}

/* Where a write goes: the driver's offset, or the end of the file. */
static int find_end(const struct fs_handle *handle, uint64_t *offset)
{
	struct stat st;

	if (!(handle->flags & O_APPEND))
		return 0;
	if (fstat(handle->fd, &st))
		return -errno;
	*offset = (uint64_t)st.st_size;
	return 0;
}

static int run_write(struct fs_call *call)
{
	const struct fuse_write_in *in = (const void *)call->args;
	const uint64_t max = call->session->tree->file_max;
	struct iovec iov[VU_SEGMENTS_MAX];
	int pieces = vu_segments_iov(call->el->out, call->el->nout,
				     sizeof(call->header) + sizeof(*in), in->size, iov);
	uint64_t offset = in->offset;
	ssize_t len;
	int ret = find_end(call->handle, &offset);

	if (ret)
		return ret;
	if ((call->handle->flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	if (in->size > call->args_len - sizeof(*in) || in->size > FS_WRITE_MAX)
		return -EINVAL;
	if (offset > max || in->size > max - offset)
		return -EFBIG;
	len = pwritev(call->handle->fd, iov, pieces, (off_t)offset);
	if (len < 0)
		return -errno;
	call->answer.write.size = (uint32_t)len;
	return 0;
}

/* What was written is in the file already. */
static int run_flush(struct fs_call *call)
{
	(void)call;
	return 0;
}

static int run_fsync(struct fs_call *call)
{
	const struct fuse_fsync_in *in = (const void *)call->args;
	int fd = call->handle->fd;

	return (in->fsync_flags & FUSE_FSYNC_FDATASYNC ? fdatasync(fd) : fsync(fd)) ? -errno : 0;
}

/* The list stays as it is while the driver reads on, and is made anew when it begins again. */
static int list(struct fs_call *call, bool again)
{
	struct fs_handle *handle = call->handle;
	struct fs_tree *tree = call->session->tree;
	struct stat st;
	int ret;

	if (handle->listed && !again)
		return 0;
	fs_list_free(&handle->list);
	ret = fs_session_stat(call->session, handle->node, &st);
	if (!ret)
		ret = fs_list_add(&handle->list, ".", st.st_ino, S_IFDIR);
	if (!ret)
		ret = fs_list_add(&handle->list, "..", FUSE_ROOT_ID, S_IFDIR);
	if (!ret)
		ret = tree->ops->list(tree, handle->node->path, &handle->list);
	fs_list_sort(&handle->list);
	handle->listed = !ret;
	return ret;
}

/* Entry number @n behind what was written already; false when it does not fit any more. */
static bool add_entry(struct fs_call *call, uint64_t n, size_t room)
{
	const struct fs_entry *entry = &call->handle->list.entries[n];
	size_t len = strlen(entry->name), at = HEADER + call->answer_len;
	char record[FUSE_NAME_OFFSET + FUSE_DIRENT_ALIGN(NAME_MAX)] = { 0 };
	struct fuse_dirent out = {
		.ino = entry->ino,
		.off = n + 1,
		.namelen = (uint32_t)len,
		.type = IFTODT(entry->type),
	};
	size_t size = FUSE_DIRENT_SIZE(&out);

	if (call->answer_len + size > room)
		return false;
	memcpy(record, &out, FUSE_NAME_OFFSET);
	memcpy(record + FUSE_NAME_OFFSET, entry->name, len);
	vu_segments_write(call->el->in, call->el->nin, at, record, size);
	call->answer_len += size;
	return true;
}

static int run_readdir(struct fs_call *call)
{
	const struct fuse_read_in *in = (const void *)call->args;
	uint64_t n = in->offset;
	int ret = list(call, n == 0);

	if (ret)
		return ret;
	if (in->size > call->el->in_len - HEADER)
		return -EINVAL;
	while (n < call->handle->list.nentries && add_entry(call, n, in->size))
		n++;
	/* Nothing at all would say that there are no more. */
	return n == in->offset && n < call->handle->list.nentries ? -EINVAL : 0;
}

const struct fs_operation fs_file_operations[] = {
	{ .opcode = FUSE_OPEN,
	  .run = run_open,
	  .target = FS_NODE,
	  .args = sizeof(struct fuse_open_in),
	  .answer = sizeof(struct fuse_open_out) },
	{ .opcode = FUSE_OPENDIR,
	  .run = run_opendir,
	  .target = FS_NODE,
	  .args = sizeof(struct fuse_open_in),
	  .answer = sizeof(struct fuse_open_out) },
	{ .opcode = FUSE_READ,
	  .run = run_read,
	  .target = FS_FILE_HANDLE,
	  .args = sizeof(struct fuse_read_in) },
	{ .opcode = FUSE_WRITE,
	  .run = run_write,
	  .target = FS_FILE_HANDLE,
	  .writes = true,
	  .args = sizeof(struct fuse_write_in),
	  .answer = sizeof(struct fuse_write_out) },
	{ .opcode = FUSE_FLUSH,
	  .run = run_flush,
	  .target = FS_FILE_HANDLE,
	  .args = sizeof(struct fuse_flush_in) },
	{ .opcode = FUSE_FSYNC,
	  .run = run_fsync,
	  .target = FS_FILE_HANDLE,
	  .args = sizeof(struct fuse_fsync_in) },
	{ .opcode = FUSE_READDIR,
	  .run = run_readdir,
	  .target = FS_DIRECTORY_HANDLE,
	  .args = sizeof(struct fuse_read_in) },
	{ .opcode = FUSE_RELEASE,
	  .run = run_release,
	  .target = FS_FILE_HANDLE,
	  .args = sizeof(struct fuse_release_in) },
	{ .opcode = FUSE_RELEASEDIR,
	  .run = run_release,
	  .target = FS_DIRECTORY_HANDLE,
	  .args = sizeof(struct fuse_release_in) },
	{ .run = NULL },
};
