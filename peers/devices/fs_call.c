/* SPDX-License-Identifier: Apache-2.0 */
/* A FUSE request out of its segments, to the operation that it asks for, and the answer back. */
#include "devices/fs_call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const struct fs_operation *find_in(const struct fs_operation *list, uint32_t opcode)
{
	while (list->opcode && list->opcode != opcode)
		list++;
	return list->opcode ? list : NULL;
}

static const struct fs_operation *find(uint32_t opcode)
{
	const struct fs_operation *op = find_in(fs_node_operations, opcode);

	if (!op)
		op = find_in(fs_name_operations, opcode);
	return op ? op : find_in(fs_file_operations, opcode);
}

/* Header and arguments. What stands behind the length of the header is no part of the request. */
static bool read_request(struct fs_call *call)
{
	const struct vu_element *el = call->el;
	const size_t header = sizeof(call->header);
	size_t copied;

	if (vu_segments_read(el->out, el->nout, 0, &call->header, header) < header)
		return false;
	if (call->header.len < header || call->header.len > el->out_len)
		return false;
	call->args_len = call->header.len - header;
	copied = call->args_len < sizeof(call->args) - 1 ? call->args_len : sizeof(call->args) - 1;
	return vu_segments_read(el->out, el->nout, header, call->args, copied) == copied;
}

/* The name must end within the request. */
static int find_name(struct fs_call *call, size_t at)
{
	if (call->args_len <= at)
		return -EINVAL;
	call->name = call->args + at;
	if (at + strlen(call->name) < call->args_len)
		return 0;
	return call->args_len - at > NAME_MAX ? -ENAMETOOLONG : -EINVAL;
}

static int find_handle(struct fs_call *call, bool directory)
{
	uint64_t fh;

	memcpy(&fh, call->args, sizeof(fh));
	call->handle = fs_session_handle(call->session, fh);
	if (!call->handle)
		return -EBADF;
	if (directory != !!(call->handle->flags & O_DIRECTORY))
		return directory ? -ENOTDIR : -EISDIR;
	return 0;
}

static int find_target(struct fs_call *call, enum fs_target target)
{
	if (target == FS_NOTHING)
		return 0;
	if (target != FS_NODE)
		return find_handle(call, target == FS_DIRECTORY_HANDLE);
	call->node = fs_session_node(call->session, call->header.nodeid);
	return call->node ? 0 : -ESTALE;
}

/* A ring that is disabled has no effect, but FUSE_INIT has none anyway: it says what both can do. */
static int check(struct fs_call *call, const struct fs_operation *op, bool effects)
{
	const struct fs_session *s = call->session;
	int ret = 0;

	if (op->opcode != FUSE_INIT && (!effects || !s->initialised))
		return -EIO;
	if (call->args_len < op->args)
		return -EINVAL;
	if (!op->silent && call->el->in_len < sizeof(struct fuse_out_header) + op->answer)
		return -EINVAL;
	if (op->named)
		ret = find_name(call, op->args);
	if (!ret && op->writes && s->read_only)
		ret = -EROFS;
	return ret ? ret : find_target(call, op->target);
}

static uint32_t answer(const struct fs_call *call, int error)
{
	struct fuse_out_header out = {
		.len = sizeof(out),
		.error = error,
		.unique = call->header.unique,
	};

	if (call->el->in_len < sizeof(out))
		return 0;
	if (!error)
		out.len += (uint32_t)call->answer_len;
	vu_segments_write(call->el->in, call->el->nin, 0, &out, sizeof(out));
	return out.len;
}

/*
 * Without room for the header of an answer an error could not be told, so that
 * nothing is done at all, except for what has no answer.
 */
uint32_t fs_call_serve(struct fs_session *s, const struct vu_element *el, bool effects)
{
	struct fs_call call = { .session = s, .el = el };
	const struct fs_operation *op;
	int ret;

	if (!read_request(&call))
		return answer(&call, -EINVAL);
	op = find(call.header.opcode);
	if (!op)
		return answer(&call, -ENOSYS);
	ret = check(&call, op, effects);
	call.answer_len = op->answer;
	if (!ret)
		ret = op->run(&call);
	if (op->silent)
		return 0;
	if (!ret)
		vu_segments_write(el->in, el->nin, sizeof(struct fuse_out_header), &call.answer,
				  op->answer);
	return answer(&call, ret);
}
