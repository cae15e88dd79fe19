/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving. The kernel hands out descriptors with whatever bytes one recvmsg
 * returned: it glues bytes that came without any in front of bytes that came with
 * some, and stops behind those. So a read ends where the message ends, and all its
 * descriptors belong to it.
 *
 * One read for header and payload together is worth a sixth of a round trip, so
 * where a reply is due a read takes AHEAD bytes of payload with the header. If the
 * reply turns out shorter, what is left over begins the next message. It is less
 * than a header, so it holds one beginning only, and descriptors that came in such
 * a read are those of the message that begins there.
 */
#include "socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_PER_READ 253 /* SCM_MAX_FD of the kernel: more never come at once */
#define AHEAD sizeof(uint64_t)

static_assert(sizeof(struct vu_header) == VU_HEADER_SIZE, "the header is packed by nature");
static_assert(AHEAD < VU_HEADER_SIZE, "read ahead never holds a message");

void vu_conn_init(struct vu_conn *conn, int fd, enum vu_channel channel)
{
	/* Only a blocking socket has a time-out to wait with; other calls say MSG_DONTWAIT. */
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	conn->fd = fd;
	conn->channel = channel;
	conn->draft = NULL;
	conn->have = 0;
	conn->own_fds = 0;
	conn->eof = false;
	conn->reply_due = false;
	conn->slice_ms = 0;
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

static bool have_header(const struct vu_conn *conn)
{
	return conn->have >= VU_HEADER_SIZE;
}

static size_t surplus(const struct vu_conn *conn)
{
	size_t len = VU_HEADER_SIZE + (size_t)conn->head.size;

	return have_header(conn) && conn->have > len ? conn->have - len : 0;
}

/* The parts of header and payload to read next; 0 when there is nothing to wait for. */
static int missing(struct vu_conn *conn, struct iovec iov[2])
{
	size_t have = conn->have;

	if (have_header(conn)) {
		iov[0].iov_base = conn->partial.payload + (have - VU_HEADER_SIZE);
		iov[0].iov_len = VU_HEADER_SIZE + (size_t)conn->head.size - have;
		return surplus(conn) || iov[0].iov_len == 0 ? 0 : 1;
	}
	iov[0].iov_base = (uint8_t *)&conn->head + have;
	iov[0].iov_len = VU_HEADER_SIZE - have;
	iov[1].iov_base = conn->partial.payload;
	iov[1].iov_len = AHEAD;
	return conn->reply_due ? 2 : 1;
}

/* One recvmsg: what was read, 0 at the end of the stream, -errno. */
static ssize_t receive(struct vu_conn *conn, struct iovec *iov, int parts, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_PER_READ * sizeof(int))];
	} control;
	struct msghdr hdr = {
		.msg_iov = iov,
		.msg_iovlen = parts,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t got = recvmsg(conn->fd, &hdr, MSG_CMSG_CLOEXEC | flags);

	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	conn->have += got;
	conn->bytes_in += got;
	if (hdr.msg_controllen || hdr.msg_flags & MSG_CTRUNC)
		keep_control(&conn->partial, &hdr);
	if (!surplus(conn))
		conn->own_fds = conn->partial.nfds;
	return got;
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
	msg->draft = conn->draft;
	msg->flags = conn->head.flags;
	msg->size = conn->head.size;
}

/* Give the message out; what was read ahead of it stays, with its descriptors. */
static void deliver(struct vu_conn *conn, struct vu_message *msg)
{
	struct vu_message *partial = &conn->partial;
	size_t left = surplus(conn), left_fds = partial->nfds - conn->own_fds;

	copy_header(conn, msg);
	msg->len = conn->head.size;
	msg->nfds = conn->own_fds;
	msg->fds_dropped = partial->fds_dropped;
	memcpy(msg->fds, partial->fds, msg->nfds * sizeof(*msg->fds));
	memcpy(msg->payload, partial->payload, msg->len);

	memmove(partial->fds, partial->fds + msg->nfds, left_fds * sizeof(*msg->fds));
	memcpy(&conn->head, partial->payload + msg->len, left);
	partial->nfds = left_fds;
	partial->fds_dropped = 0;
	conn->own_fds = left_fds;
	conn->have = left;
	conn->reply_due = false;
	conn->messages_in++;
}

/* Take what is there; @flags says whether the first read may wait for something to come. */
static int take(struct vu_conn *conn, struct vu_message *msg, int flags)
{
	for (;;) {
		struct iovec iov[2];
		int parts;
		ssize_t got;

		if (have_header(conn) && conn->head.size > VU_MESSAGE_PAYLOAD_MAX) {
			copy_header(conn, msg);
			return -EMSGSIZE;
		}
		parts = missing(conn, iov);
		if (parts == 0) {
			deliver(conn, msg);
			return 0;
		}
		got = receive(conn, iov, parts, flags);
		if (got <= 0)
			return ended(conn, got);
		flags = MSG_DONTWAIT;
	}
}

int vu_conn_recv(struct vu_conn *conn, struct vu_message *msg)
{
	return take(conn, msg, MSG_DONTWAIT);
}

/*
 * Let the next read wait, by the socket's own time-out: a poll in front of every
 * read is dear. So would be a new time-out for every read; a slice of 2^n ms that
 * ends before the deadline stays the same from one wait to the next, and when it
 * runs out the rest is waited for in smaller ones. Returns the flags to read with.
 */
static int waiting_until(struct vu_conn *conn, int64_t deadline)
{
	int left_ms = vu_deadline_poll_ms(deadline);
	int slice_ms = 0; /* the socket's word for no time-out */
	struct timeval slice;

	if (left_ms == 0)
		return MSG_DONTWAIT;
	if (left_ms > 0)
		slice_ms = 1 << (31 - __builtin_clz(left_ms));
	if (slice_ms != conn->slice_ms) {
		slice = (struct timeval){ slice_ms / 1000, slice_ms % 1000 * 1000 };
		setsockopt(conn->fd, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
		conn->slice_ms = slice_ms;
	}
	return 0;
}

int vu_conn_recv_until(struct vu_conn *conn, struct vu_message *msg, int64_t deadline)
{
	for (;;) {
		int flags = waiting_until(conn, deadline);
		int ret = take(conn, msg, flags);

		if (ret != -EAGAIN)
			return ret;
		if (flags == MSG_DONTWAIT)
			return -ETIMEDOUT;
	}
}
