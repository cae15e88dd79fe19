/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AF_UNIX stream sockets that carry messages. Receiving never blocks unless a
 * deadline is given, keeps partial messages between calls, and never trusts a
 * length that came from the peer. All functions return 0 or a negative errno.
 */
#ifndef VRINGER_WIRE_SOCKET_H
#define VRINGER_WIRE_SOCKET_H

#include "deadline.h"
#include "message.h"

#define VU_MAX_SPLITS 8

/* The header on the wire, in the byte order of the host. */
struct vu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

/* One end of a connection; owns the socket and what was received in part. */
struct vu_conn {
	int fd;
	enum vu_channel channel;
	const struct vu_draft *draft; /* whose numbers messages are on; NULL: the spec's */
	size_t have;                  /* bytes of header + payload already here */
	size_t own_fds; /* of the partial message's descriptors, those that belong to it */
	bool eof;
	bool reply_due; /* the message sent last will be answered with a payload */
	int slice_ms;   /* time-out that the socket has now, 0 for none */
	uint64_t bytes_in, bytes_out, messages_in, messages_out;
	struct vu_header head;
	struct vu_message
		partial; /* its payload and descriptors; the rest is filled in at the end */
};

/* How a message that is sent may deviate from itself. Zeroed: not at all. */
struct vu_forge {
	bool set_request, set_flags, set_size;
	uint32_t request; /* header words to send instead */
	uint32_t flags;
	uint32_t size;
	bool truncate; /* send only the first `bytes` bytes of header + payload */
	size_t bytes;
	size_t nsplits; /* cut before these byte offsets (rising); after each piece wait until
			   the peer has consumed it (SIOCOUTQ == 0) or the deadline passed */
	size_t splits[VU_MAX_SPLITS];
	size_t extra_fds; /* so many more descriptors (of /dev/null); beyond what one sendmsg
			     carries they ride on the bytes that follow, 253 on each */
	bool fds_on_last; /* descriptors ride on the last piece instead of the first */
};

/** vu_conn_init - take over @fd, made close-on-exec. Poll it for POLLIN before vu_conn_recv(). */
void vu_conn_init(struct vu_conn *conn, int fd, enum vu_channel channel);

/** vu_conn_close - close the socket and the descriptors of a partial message. Idempotent. */
void vu_conn_close(struct vu_conn *conn);

/**
 * vu_conn_recv - take what is there; fill @msg when a message is complete.
 * 0: @msg is filled and owns its descriptors. -EAGAIN: not complete yet, poll
 * and call again. -EPIPE: orderly end of stream between messages. -ECONNRESET.
 * -EBADMSG: the stream ended inside a message. -EMSGSIZE: the header announces
 * more than VU_MESSAGE_PAYLOAD_MAX; the stream cannot be followed any further,
 * @msg holds the header, and descriptors stay with @conn.
 */
int vu_conn_recv(struct vu_conn *conn, struct vu_message *msg);

/** vu_conn_recv_until - vu_conn_recv() that waits; -ETIMEDOUT past @deadline. */
int vu_conn_recv_until(struct vu_conn *conn, struct vu_message *msg, int64_t deadline);

/**
 * vu_conn_send - send @msg with its descriptors, forged by @forge (may be NULL).
 * The descriptors stay owned by @msg. -ETIMEDOUT when the peer does not make
 * room by @deadline, -EPIPE when it is gone. Never raises SIGPIPE.
 */
int vu_conn_send(struct vu_conn *conn, const struct vu_message *msg, const struct vu_forge *forge,
		 int64_t deadline);

/** vu_conn_send_bytes - send raw bytes, whatever they mean. */
int vu_conn_send_bytes(struct vu_conn *conn, const void *bytes, size_t len, int64_t deadline);

/**
 * vu_connect - connect to the listening socket at @path. Looks every
 * millisecond until it is there and accepts. Returns a descriptor or -ETIMEDOUT,
 * -ENAMETOOLONG, ... @give_up, if not -1, is a descriptor (a pidfd) whose
 * readability ends the wait with -ECHILD.
 */
int vu_connect(const char *path, int64_t deadline, int give_up);

/** vu_listen - listening socket at @path (an old socket there is removed), or -errno. */
int vu_listen(const char *path);

/** vu_accept - one connection of @listener, or -errno; @give_up as in vu_connect(). */
int vu_accept(int listener, int64_t deadline, int give_up);

#endif
