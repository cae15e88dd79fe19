/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving. A read never goes past the end of a message: the kernel hands out
 * descriptors with whatever bytes one recvmsg returned, and glues bytes that came
 * without any in front of bytes that came with some. Only if all the bytes of a
 * read belong to one message do its descriptors, too.
 */
#include "socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_PER_READ 253 /* SCM_MAX_FD of the kernel: more never come at once */

static_assert(sizeof(struct vu_header) == VU_HEADER_SIZE, "the header is packed by nature");

void vu_conn_init(struct vu_conn *conn, int fd, enum vu_channel channel)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	conn->fd = fd;
	conn->channel = channel;
	conn->have = 0;
	conn->eof = false;
	conn->bytes_in = conn->bytes_out = conn->messages_in = conn->messages_out = 0;
	vu_message_init(&conn->partial, channel, 0);
}

void vu_conn_close(struct vu_conn *conn)
{
	vu_message_close_fds(&conn->partial);
	if (conn->fd >= 0)
		close(conn->fd);
	conn->fd = -1;
	conn->have = 0;
}

static void keep_fds(struct vu_message *msg, const struct cmsghdr *cmsg)
{
	size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fds[FDS_PER_READ];

	memcpy(fds, CMSG_DATA(cmsg), count * sizeof(int));
	for (size_t i = 0; i < count; i++) {
		if (vu_message_add_fd(msg, fds[i]) == 0)
			continue;
		close(fds[i]);
		msg->fds_dropped++;
	}
}

static void keep_control(struct vu_message *msg, struct msghdr *hdr)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg)) {
		if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS)
			keep_fds(msg, cmsg);
	}
	/* There was room for all: this process may not open any more, or policy forbids it. */
	if (hdr->msg_flags & MSG_CTRUNC)
		msg->fds_dropped++;
}

/* One recvmsg of at most @len bytes to @to: what was read, 0 at the end of the stream, -errno. */
static ssize_t receive(struct vu_conn *conn, void *to, size_t len)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_PER_READ * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = to, .iov_len = len };
	struct msghdr hdr = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got;

	do {
		got = recvmsg(conn->fd, &hdr, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	if (hdr.msg_controllen || hdr.msg_flags & MSG_CTRUNC)
		keep_control(&conn->partial, &hdr);
	conn->have += got;
	conn->bytes_in += got;
	return got;
}

/* The next part of header or payload that is missing, or 0 bytes of it. */
static size_t missing(struct vu_conn *conn, void **to)
{
	size_t have = conn->have;

	if (have < VU_HEADER_SIZE) {
		*to = (uint8_t *)&conn->head + have;
		return VU_HEADER_SIZE - have;
	}
	*to = conn->partial.payload + (have - VU_HEADER_SIZE);
	return conn->head.size + VU_HEADER_SIZE - have;
}

static bool oversized(const struct vu_conn *conn)
{
	return conn->have >= VU_HEADER_SIZE && conn->head.size > VU_MESSAGE_PAYLOAD_MAX;
}

static int ended(struct vu_conn *conn, ssize_t error)
{
	if (error == -EAGAIN)
		return -EAGAIN;
	conn->eof = true;
	if (error < 0)
		return (int)error;
	return conn->have ? -EBADMSG : -EPIPE;
}

static void copy_header(const struct vu_conn *conn, struct vu_message *msg)
{
	vu_message_init(msg, conn->channel, conn->head.request);
	msg->flags = conn->head.flags;
	msg->size = conn->head.size;
}

static void deliver(struct vu_conn *conn, struct vu_message *msg)
{
	struct vu_message *partial = &conn->partial;

	copy_header(conn, msg);
	msg->len = conn->head.size;
	msg->nfds = partial->nfds;
	msg->fds_dropped = partial->fds_dropped;
	memcpy(msg->fds, partial->fds, partial->nfds * sizeof(*msg->fds));
	memcpy(msg->payload, partial->payload, msg->len);
	partial->nfds = 0;
	partial->fds_dropped = 0;
	conn->have = 0;
	conn->messages_in++;
}

int vu_conn_recv(struct vu_conn *conn, struct vu_message *msg)
{
	for (;;) {
		void *to;
		size_t len = missing(conn, &to);
		ssize_t got;

		if (oversized(conn)) {
			vu_message_close_fds(&conn->partial);
			copy_header(conn, msg);
			return -EMSGSIZE;
		}
		if (len == 0) {
			deliver(conn, msg);
			return 0;
		}
		got = receive(conn, to, len);
		if (got <= 0)
			return ended(conn, got);
	}
}

int vu_conn_recv_until(struct vu_conn *conn, struct vu_message *msg, int64_t deadline)
{
	struct pollfd pollfd = { .fd = conn->fd, .events = POLLIN };
	int ret;

	/* Wait first: who calls this has mostly asked just now, and the answer is not here yet. */
	do {
		ret = vu_poll(&pollfd, 1, deadline);
		if (ret == 0)
			ret = vu_conn_recv(conn, msg);
	} while (ret == -EAGAIN);
	return ret;
}
