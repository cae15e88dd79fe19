/* SPDX-License-Identifier: Apache-2.0 */
/* Sending, whole or in pieces, as it is or forged. */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_PER_SEND 253 /* SCM_MAX_FD of the kernel */
#define DRAIN_RECHECK VU_NSEC_PER_MSEC

/* What has still to go out: bytes, and the descriptors that go with the first of them. */
struct parcel {
	const uint8_t *bytes;
	size_t len;
	const int *fds;
	size_t nfds;
};

static int wait_writable(struct vu_conn *conn, int64_t deadline)
{
	struct pollfd pollfd = { .fd = conn->fd, .events = POLLOUT };

	return vu_poll(&pollfd, 1, deadline);
}

static void attach(struct msghdr *hdr, const int *fds, size_t nfds)
{
	struct cmsghdr *cmsg = hdr->msg_control;

	hdr->msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	memset(cmsg, 0, hdr->msg_controllen);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
}

/* One sendmsg; what went out is taken off the parcel. 0, -EAGAIN or -errno. */
static int send_some(struct vu_conn *conn, struct parcel *parcel)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_PER_SEND * sizeof(int))];
	} control;
	bool too_many = parcel->nfds > FDS_PER_SEND;
	size_t nfds = too_many ? FDS_PER_SEND : parcel->nfds;
	/* One byte is enough to carry the descriptors that one sendmsg can take. */
	struct iovec iov = { (void *)parcel->bytes, too_many ? 1 : parcel->len };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
	ssize_t sent;

	if (nfds)
		attach(&hdr, parcel->fds, nfds);
	sent = sendmsg(conn->fd, &hdr, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	parcel->bytes += sent;
	parcel->len -= sent;
	parcel->fds += nfds;
	parcel->nfds -= nfds;
	conn->bytes_out += sent;
	return 0;
}

static int send_parcel(struct vu_conn *conn, struct parcel parcel, int64_t deadline)
{
	if (parcel.nfds > parcel.len * FDS_PER_SEND)
		return -EINVAL;
	while (parcel.len) {
		int ret = send_some(conn, &parcel);

		if (ret == -EAGAIN)
			ret = wait_writable(conn, deadline);
		if (ret && ret != -EINTR)
			return ret;
	}
	return 0;
}

/*
 * Wait until the peer has taken all that was sent. The kernel tells how much is
 * queued but reports no event when that reaches zero (the socket has been
 * writable all along), so look again every millisecond; a hang-up is an event.
 */
static int wait_drained(struct vu_conn *conn, int64_t deadline)
{
	struct pollfd pollfd = { .fd = conn->fd };

	for (;;) {
		int64_t recheck = vu_deadline_in(DRAIN_RECHECK);
		int queued, ret;

		if (ioctl(conn->fd, SIOCOUTQ, &queued) < 0)
			return -errno;
		if (queued == 0)
			return 0;
		if (vu_deadline_passed(deadline))
			return -ETIMEDOUT;
		ret = vu_poll(&pollfd, 1, recheck < deadline ? recheck : deadline);
		if (ret != -ETIMEDOUT)
			return ret ? ret : -EPIPE;
	}
}

static size_t lay_out(const struct vu_message *msg, const struct vu_forge *forge, uint8_t *wire)
{
	struct vu_header head = { msg->request, msg->flags, msg->size };
	size_t len = VU_HEADER_SIZE + msg->len;

	if (forge->set_request)
		head.request = forge->request;
	if (forge->set_flags)
		head.flags = forge->flags;
	if (forge->set_size)
		head.size = forge->size;
	memcpy(wire, &head, VU_HEADER_SIZE);
	memcpy(wire + VU_HEADER_SIZE, msg->payload, msg->len);
	return forge->truncate && forge->bytes < len ? forge->bytes : len;
}

static bool rising(const struct vu_forge *forge)
{
	if (forge->nsplits > VU_MAX_SPLITS)
		return false;
	for (size_t i = 1; i < forge->nsplits; i++) {
		if (forge->splits[i] <= forge->splits[i - 1])
			return false;
	}
	return true;
}

/* Send @whole cut at the offsets of @forge; cuts outside of it cut nothing. */
static int send_pieces(struct vu_conn *conn, struct parcel whole, const struct vu_forge *forge,
		       int64_t deadline)
{
	size_t start = 0;

	for (size_t i = 0; i <= forge->nsplits && start < whole.len; i++) {
		size_t end = i < forge->nsplits ? forge->splits[i] : whole.len;
		struct parcel piece = { .bytes = whole.bytes + start };
		int ret;

		end = end < whole.len ? end : whole.len;
		if (end == start)
			continue;
		piece.len = end - start;
		if (forge->fds_on_last ? end == whole.len : start == 0) {
			piece.fds = whole.fds;
			piece.nfds = whole.nfds;
		}
		ret = start ? wait_drained(conn, deadline) : 0;
		if (ret == 0)
			ret = send_parcel(conn, piece, deadline);
		if (ret)
			return ret;
		start = end;
	}
	return 0;
}

static size_t live_fds(const struct vu_message *msg, int *fds)
{
	size_t n = 0;

	for (size_t i = 0; i < msg->nfds; i++) {
		if (msg->fds[i] >= 0)
			fds[n++] = msg->fds[i];
	}
	return n;
}

/* As many descriptors as @forge asks for beyond those of the message: one of /dev/null, repeated. */
static int send_with_extra_fds(struct vu_conn *conn, const struct vu_message *msg,
			       struct parcel whole, const struct vu_forge *forge, int64_t deadline)
{
	size_t nfds = msg->nfds + forge->extra_fds;
	int *fds = calloc(nfds, sizeof(*fds));
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ret;

	if (!fds || null < 0) {
		ret = !fds ? -ENOMEM : -errno;
		goto out;
	}
	whole.fds = fds;
	whole.nfds = live_fds(msg, fds);
	for (size_t i = 0; i < forge->extra_fds; i++)
		fds[whole.nfds++] = null;
	ret = send_pieces(conn, whole, forge, deadline);
out:
	if (null >= 0)
		close(null);
	free(fds);
	return ret;
}

/* Whether a reply is due that is not empty, whatever may come instead. */
static bool reply_has_payload(const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	if (!info || vu_message_is_reply(msg) || info->reply[0]->size == 0)
		return false;
	return info->reply_when == VU_REPLY_ALWAYS || vu_message_needs_reply(msg);
}

int vu_conn_send(struct vu_conn *conn, const struct vu_message *msg, const struct vu_forge *forge,
		 int64_t deadline)
{
	static const struct vu_forge honest;
	uint8_t wire[VU_HEADER_SIZE + VU_MESSAGE_PAYLOAD_MAX];
	int fds[VU_MESSAGE_FDS_MAX];
	struct parcel whole = { .bytes = wire, .fds = fds };
	int ret;

	if (!forge)
		forge = &honest;
	if (msg->len > VU_MESSAGE_PAYLOAD_MAX || !rising(forge) ||
	    forge->extra_fds > sizeof(wire) * FDS_PER_SEND)
		return -EINVAL;
	whole.len = lay_out(msg, forge, wire);
	if (forge->extra_fds) {
		ret = send_with_extra_fds(conn, msg, whole, forge, deadline);
	} else {
		whole.nfds = live_fds(msg, fds);
		ret = send_pieces(conn, whole, forge, deadline);
	}
	if (ret == 0)
		conn->messages_out++;
	conn->reply_due = reply_has_payload(msg);
	return ret;
}

int vu_conn_send_bytes(struct vu_conn *conn, const void *bytes, size_t len, int64_t deadline)
{
	return send_parcel(conn, (struct parcel){ .bytes = bytes, .len = len }, deadline);
}
