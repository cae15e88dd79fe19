/* SPDX-License-Identifier: Apache-2.0 */
/* FUSE operations on the session as a whole and on nodes: what is there, and what it is like. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "devices/fs_call.h"

/* Before this version the answers had another layout. */
#define OLDEST_MINOR 23
#define BACKGROUND_MAX 12
#define PERMISSIONS 07777

/* Nothing is cached in the guest, as the tree may change behind its back: every *_valid stays 0. */
void fs_attr(struct fuse_attr *attr, const struct stat *st)
{
	memset(attr, 0, sizeof(*attr));
	attr->ino = st->st_ino;
	attr->size = (uint64_t)st->st_size;
	attr->blocks = (uint64_t)st->st_blocks;
	attr->atime = (uint64_t)st->st_atim.tv_sec;
	attr->mtime = (uint64_t)st->st_mtim.tv_sec;
	attr->ctime = (uint64_t)st->st_ctim.tv_sec;
	attr->atimensec = (uint32_t)st->st_atim.tv_nsec;
	attr->mtimensec = (uint32_t)st->st_mtim.tv_nsec;
	attr->ctimensec = (uint32_t)st->st_ctim.tv_nsec;
	attr->mode = st->st_mode;
	attr->nlink = (uint32_t)st->st_nlink;
	attr->uid = st->st_uid;
	attr->gid = st->st_gid;
	attr->rdev = (uint32_t)st->st_rdev;
	attr->blksize = (uint32_t)st->st_blksize;
}

/* A newer major version is told ours, and comes back with it. */
static int run_init(struct fs_call *call)
{
	const struct fuse_init_in *in = (const void *)call->args;
	struct fuse_init_out *out = &call->answer.init;
	const uint32_t flags = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_ATOMIC_O_TRUNC |
			       FUSE_PARALLEL_DIROPS | FUSE_AUTO_INVAL_DATA;

	out->major = FUSE_KERNEL_VERSION;
	out->minor = FUSE_KERNEL_MINOR_VERSION;
	if (in->major > FUSE_KERNEL_VERSION)
		return 0;
	if (in->major < FUSE_KERNEL_VERSION || in->minor < OLDEST_MINOR)
		return -EPROTO;
	fs_session_clear(call->session);
	call->session->initialised = true;
	out->max_readahead = in->max_readahead;
	out->flags = in->flags & flags;
	out->max_background = BACKGROUND_MAX;
	out->congestion_threshold = BACKGROUND_MAX * 3 / 4;
	out->max_write = FS_WRITE_MAX;
	out->time_gran = 1;
	return 0;
}

static int run_destroy(struct fs_call *call)
{
	fs_session_clear(call->session);
	call->session->initialised = false;
	return 0;
}

static int run_forget(struct fs_call *call)
{
	const struct fuse_forget_in *in = (const void *)call->args;

	fs_session_forget(call->session, call->header.nodeid, in->nlookup);
	return 0;
}

static int run_batch_forget(struct fs_call *call)
{
	const struct fuse_batch_forget_in *in = (const void *)call->args;
	const struct vu_element *el = call->el;
	size_t at = sizeof(call->header) + sizeof(*in);
	struct fuse_forget_one one;

	if ((call->args_len - sizeof(*in)) / sizeof(one) < in->count)
		return -EINVAL;
	for (uint32_t i = 0; i < in->count; i++, at += sizeof(one))
		if (vu_segments_read(el->out, el->nout, at, &one, sizeof(one)) == sizeof(one))
			fs_session_forget(call->session, one.nodeid, one.nlookup);
	return 0;
}

static int run_getattr(struct fs_call *call)
{
	struct stat st;
	int ret = fs_session_stat(call->session, call->node, &st);

	if (!ret)
		fs_attr(&call->answer.attr.attr, &st);
	return ret;
}

static struct timespec time_of(const struct fuse_setattr_in *in, uint32_t given, uint32_t now,
			       uint64_t seconds, uint32_t nanoseconds)
{
	struct timespec time = { .tv_sec = (time_t)seconds, .tv_nsec = nanoseconds };

	if (!(in->valid & given))
		time.tv_nsec = UTIME_OMIT;
	else if (in->valid & now)
		time.tv_nsec = UTIME_NOW;
	return time;
}

static int set_times(int fd, const struct fuse_setattr_in *in)
{
	struct timespec times[2] = {
		time_of(in, FATTR_ATIME, FATTR_ATIME_NOW, in->atime, in->atimensec),
		time_of(in, FATTR_MTIME, FATTR_MTIME_NOW, in->mtime, in->mtimensec),
	};

	return futimens(fd, times) ? -errno : 0;
}

static int set_attributes(int fd, const struct fuse_setattr_in *in)
{
	uid_t uid = in->valid & FATTR_UID ? in->uid : (uid_t)-1;
	gid_t gid = in->valid & FATTR_GID ? in->gid : (gid_t)-1;

	if (in->valid & (FATTR_UID | FATTR_GID) && fchown(fd, uid, gid))
		return -errno;
	if (in->valid & FATTR_MODE && fchmod(fd, in->mode & PERMISSIONS))
		return -errno;
	if (in->valid & FATTR_SIZE && ftruncate(fd, (off_t)in->size))
		return -errno;
	return in->valid & (FATTR_ATIME | FATTR_MTIME) ? set_times(fd, in) : 0;
}

static int run_setattr(struct fs_call *call)
{
	const struct fuse_setattr_in *in = (const void *)call->args;
	bool resize = in->valid & FATTR_SIZE;
	struct stat st;
	int ret = fs_session_stat(call->session, call->node, &st), fd;

	if (ret)
		return ret;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -EOPNOTSUPP;
	if (resize && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (resize && in->size > call->session->tree->file_max)
		return -EFBIG;
	fd = fs_session_fd(call->session, call->node, resize ? O_WRONLY : O_RDONLY);
	if (fd < 0)
		return fd;
	ret = set_attributes(fd, in);
	close(fd);
	return ret ? ret : run_getattr(call);
}

/* The permissions that count for this user: those of the owner, the group or the rest. */
static mode_t permissions(const struct stat *st, uint32_t uid, uint32_t gid)
{
	if (uid == 0)
		return st->st_mode & 0111 || S_ISDIR(st->st_mode) ? 07 : 06;
	if (uid == st->st_uid)
		return st->st_mode >> 6 & 07;
	return (gid == st->st_gid ? st->st_mode >> 3 : st->st_mode) & 07;
}

static int run_access(struct fs_call *call)
{
	const struct fuse_access_in *in = (const void *)call->args;
	struct stat st;
	int ret = fs_session_stat(call->session, call->node, &st);

	if (ret)
		return ret;
	if (in->mask & ~(uint32_t)(R_OK | W_OK | X_OK))
		return -EINVAL;
	if (in->mask & W_OK && call->session->read_only)
		return -EROFS;
	return in->mask & ~permissions(&st, call->header.uid, call->header.gid) ? -EACCES : 0;
}

static int run_statfs(struct fs_call *call)
{
	struct fuse_kstatfs *out = &call->answer.statfs.st;
	struct fs_tree *tree = call->session->tree;
	struct statvfs st;
	int ret = tree->ops->statfs(tree, &st);

	if (ret)
		return ret;
	out->blocks = st.f_blocks;
	out->bfree = st.f_bfree;
	out->bavail = st.f_bavail;
	out->files = st.f_files;
	out->ffree = st.f_ffree;
	out->bsize = (uint32_t)st.f_bsize;
	out->frsize = (uint32_t)st.f_frsize;
	out->namelen = (uint32_t)st.f_namemax;
	return 0;
}

/* Drivers before minor version 36 send the first half of fuse_init_in. */
const struct fs_operation fs_node_operations[] = {
	{ .opcode = FUSE_INIT,
	  .run = run_init,
	  .args = offsetof(struct fuse_init_in, flags2),
	  .answer = sizeof(struct fuse_init_out) },
	{ .opcode = FUSE_DESTROY, .run = run_destroy },
	{ .opcode = FUSE_FORGET,
	  .run = run_forget,
	  .args = sizeof(struct fuse_forget_in),
	  .silent = true },
	{ .opcode = FUSE_BATCH_FORGET,
	  .run = run_batch_forget,
	  .args = sizeof(struct fuse_batch_forget_in),
	  .silent = true },
	{ .opcode = FUSE_GETATTR,
	  .run = run_getattr,
	  .target = FS_NODE,
	  .args = sizeof(struct fuse_getattr_in),
	  .answer = sizeof(struct fuse_attr_out) },
	{ .opcode = FUSE_SETATTR,
	  .run = run_setattr,
	  .target = FS_NODE,
	  .writes = true,
	  .args = sizeof(struct fuse_setattr_in),
	  .answer = sizeof(struct fuse_attr_out) },
	{ .opcode = FUSE_ACCESS,
	  .run = run_access,
	  .target = FS_NODE,
	  .args = sizeof(struct fuse_access_in) },
	{ .opcode = FUSE_STATFS, .run = run_statfs, .answer = sizeof(struct fuse_statfs_out) },
	{ .run = NULL },
};
