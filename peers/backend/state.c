/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transfer of internal state: a stream in one direction, which the loop moves along. What is
 * sent is wrapped so that a state that was cut, damaged or made for another device is refused:
 * magic, device, length, the bytes, and a sum over all of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"

#define STATE_MAX (UINT64_C(1) << 30)
#define PIECE 65536

enum { DIRECTION_SAVE, DIRECTION_LOAD };
enum { PHASE_STOPPED };

struct wrapping {
	char magic[8];
	char device[16];
	uint64_t len;
};

static struct wrapping wrapping_of(const struct backend *be, uint64_t len)
{
	struct wrapping w = { .magic = "vu-state", .len = len };

	strncpy(w.device, be->ops->name, sizeof(w.device) - 1);
	return w;
}

/* FNV-1a: it need not withstand malice, only accidents. */
static uint64_t sum(const uint8_t *bytes, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3u;
	return hash;
}

/* ---- the end of a transfer ---- */

static uint64_t result(const struct backend *be)
{
	if (quirk(be, QUIRK_STATE_CHECK_GOOD))
		return 0;
	return be->transfer.state != TRANSFER_GOOD;
}

static void tell(struct backend *be)
{
	bool held = be->transfer.check_held;

	be->transfer.check_held = false;
	if (held)
		backend_answer(be, VU_CHECK_DEVICE_STATE, result(be));
}

static void finish(struct backend *be, bool good)
{
	struct transfer *t = &be->transfer;

	deviation_transferred(be, good);
	backend_close_fd(be, &t->fd);
	free(t->bytes);
	t->bytes = NULL;
	t->len = t->done = t->room = 0;
	t->unpolled = t->refused = false;
	t->state = good ? TRANSFER_GOOD : TRANSFER_BAD;
	tell(be);
}

static bool running(const struct backend *be)
{
	return be->transfer.state == TRANSFER_SAVING || be->transfer.state == TRANSFER_LOADING;
}

void transfer_abort(struct backend *be)
{
	if (running(be))
		finish(be, false);
	be->transfer.state = TRANSFER_NONE;
}

/* ---- saving ---- */

static int collect(struct backend *be)
{
	struct transfer *t = &be->transfer;
	struct wrapping w;
	uint8_t *state;
	uint64_t check;
	size_t len;
	int err = be->ops->save(be->service, &state, &len);

	if (err)
		return err;
	if (quirk(be, QUIRK_STATE_LOST_BY_SAVE) && be->ops->reset)
		be->ops->reset(be->service);
	w = wrapping_of(be, len);
	t->bytes = malloc(sizeof(w) + len + sizeof(check));
	if (t->bytes) {
		memcpy(t->bytes, &w, sizeof(w));
		memcpy(t->bytes + sizeof(w), state, len);
		check = sum(t->bytes, sizeof(w) + len);
		memcpy(t->bytes + sizeof(w) + len, &check, sizeof(check));
		t->len = sizeof(w) + len + sizeof(check);
	}
	free(state);
	if (quirk(be, QUIRK_STATE_CUT) && t->len > PIECE + PIECE / 2)
		t->len = PIECE + PIECE / 2;
	return t->bytes ? 0 : -ENOMEM;
}

/* The end of the data is told by closing. */
static void move_out(struct backend *be)
{
	struct transfer *t = &be->transfer;
	ssize_t n = write(t->fd, t->bytes + t->done, deviation_piece(be, t->len - t->done));

	if (n > 0)
		t->done += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		finish(be, false);
	else if (t->done == t->len)
		finish(be, true);
}

/* ---- loading ---- */

static bool unwrap(struct backend *be)
{
	struct transfer *t = &be->transfer;
	struct wrapping w;
	uint64_t check;
	size_t body;

	if (t->len < sizeof(w) + sizeof(check))
		return false;
	body = t->len - sizeof(check);
	w = wrapping_of(be, body - sizeof(w));
	memcpy(&check, t->bytes + body, sizeof(check));
	if (quirk(be, QUIRK_STATE_GARBAGE_TAKEN) || quirk(be, QUIRK_STATE_NOT_LOADED))
		return true;
	return memcmp(t->bytes, &w, sizeof(w)) == 0 && check == sum(t->bytes, body) &&
	       be->ops->load(be->service, t->bytes + sizeof(w), body - sizeof(w)) == 0;
}

static bool make_room(struct transfer *t)
{
	size_t room = t->room ? 2 * t->room : PIECE;
	uint8_t *more;

	if (t->room - t->len >= PIECE)
		return true;
	more = room > STATE_MAX ? NULL : realloc(t->bytes, room);
	if (!more)
		return false;
	t->bytes = more;
	t->room = room;
	return true;
}

/* What begins otherwise, or goes on for too long, cannot become a state of this device. */
static bool may_be_state(const struct backend *be)
{
	const struct transfer *t = &be->transfer;
	struct wrapping w = wrapping_of(be, 0);

	if (quirk(be, QUIRK_STATE_GARBAGE_TAKEN) || quirk(be, QUIRK_STATE_NOT_LOADED))
		return true;
	if (t->len < sizeof(w))
		return true;
	memcpy(&w.len, t->bytes + offsetof(struct wrapping, len), sizeof(w.len));
	return memcmp(t->bytes, &w, sizeof(w)) == 0 && w.len < STATE_MAX &&
	       t->len <= sizeof(w) + w.len + sizeof(uint64_t);
}

/* It is read to its end in any case, but what will be refused is not kept. */
static void keep(struct backend *be, size_t n)
{
	struct transfer *t = &be->transfer;

	t->len += n;
	t->refused |= !may_be_state(be) || !make_room(t);
	if (t->refused)
		t->len = 0;
}

static void move_in(struct backend *be)
{
	struct transfer *t = &be->transfer;
	ssize_t n;

	if (!make_room(t)) {
		finish(be, false);
		return;
	}
	n = quirk(be, QUIRK_STATE_NOT_DRAINED) && (t->len || t->refused)
		    ? 0
		    : read(t->fd, t->bytes + t->len, PIECE);
	if (n > 0)
		keep(be, (size_t)n);
	else if (n == 0)
		finish(be, !t->refused && unwrap(be) && !quirk(be, QUIRK_STATE_CHECK_BAD));
	else if (errno != EAGAIN && errno != EINTR)
		finish(be, false);
}

void transfer_ready(struct backend *be)
{
	if (be->transfer.state == TRANSFER_SAVING)
		move_out(be);
	else if (be->transfer.state == TRANSFER_LOADING)
		move_in(be);
}

bool transfer_lasts(struct backend *be)
{
	struct pollfd pfd = { .fd = be->transfer.fd, .events = POLLIN };

	while (be->transfer.state == TRANSFER_LOADING && poll(&pfd, 1, 0) > 0)
		transfer_ready(be);
	return running(be);
}

/* ---- messages ---- */

static int begin(struct backend *be, uint64_t direction, uint64_t phase)
{
	if (direction > DIRECTION_LOAD || phase != PHASE_STOPPED)
		return -EINVAL;
	if (!(suspended(be) || ceased(be)) || running(be))
		return -EBUSY;
	if (quirk(be, QUIRK_STATE_BROKEN_FOR_EVER) && be->transfer.state == TRANSFER_BAD)
		return -EIO;
	return direction == DIRECTION_SAVE ? collect(be) : 0;
}

bool transfer_restless(const struct backend *be)
{
	return be->transfer.unpolled && running(be);
}

/* What cannot be polled, a file, never makes one wait; but it may be long, and others have their turn. */
static void open_stream(struct backend *be, int fd, enum transfer_state state)
{
	uint32_t events = state == TRANSFER_SAVING ? EPOLLOUT : EPOLLIN;

	be->transfer.fd = fd;
	be->transfer.state = state;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	be->transfer.unpolled = backend_watch(be, fd, events, WATCH_TRANSFER, 0) != 0;
	while (quirk(be, QUIRK_STATE_BLOCKS) && running(be))
		transfer_ready(be);
}

/* Our end of a channel that we bring: the front-end gets the other, and has no use for its own. */
static int bring_channel(enum transfer_state state, struct vu_message *reply)
{
	unsigned int ours = state == TRANSFER_SAVING;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	vu_message_add_fd(reply, ends[!ours]);
	return ends[ours];
}

int set_device_state_fd(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t direction = vu_get(msg, "direction");
	int err = begin(be, direction, vu_get(msg, "phase"));
	enum transfer_state state =
		direction == DIRECTION_SAVE ? TRANSFER_SAVING : TRANSFER_LOADING;

	if (!err)
		open_stream(be,
			    has_trait(be, VU_SERVICE_STATE_CHANNEL) ? bring_channel(state, reply)
								    : vu_message_take_fd(msg, 0),
			    state);
	if (quirk(be, QUIRK_STATE_ERROR_WITH_FD) && err)
		vu_message_add_fd(reply, vu_message_take_fd(msg, 0));
	if (quirk(be, QUIRK_STATE_FAILURE_IS_ZERO))
		err = 0;
	if (quirk(be, QUIRK_STATE_SUCCESS_IS_ONE))
		err = !err;
	vu_set(reply, "status", err ? 1 : 0);
	vu_set(reply, "nofd", !quirk(be, QUIRK_STATE_NOFD_CLEAR) && !reply->nfds);
	return ANSWERED;
}

/* How the transfer went is known when it has ended, and not told before. */
int check_device_state(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)msg;
	if ((running(be) && !quirk(be, QUIRK_STATE_CHECK_EARLY)) ||
	    (quirk(be, QUIRK_STATE_CHECK_UNANSWERED) && be->transfer.state == TRANSFER_NONE)) {
		be->transfer.check_held = true;
		return LATER;
	}
	vu_message_set_u64(reply, running(be) ? 0 : result(be));
	return ANSWERED;
}
