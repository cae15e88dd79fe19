/* SPDX-License-Identifier: Apache-2.0 */
/* Connection and event loop of the front-end that plays. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"

#define TICK VU_NSEC_PER_MSEC
#define LOOK_EVERY (10 * TICK)
#define EVENTS 16

int player_watch(struct player *p, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) && errno != EEXIST ? -errno : 0;
}

struct player *player_new(const struct frontend_options *opt, struct play *play)
{
	struct player *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->opt = opt;
	p->dev = opt->device;
	p->queues = play->o->queues;
	p->play = play;
	p->subject = &play->subject;
	p->report = &play->o->report;
	p->signals = play->o->signals;
	p->log_event = p->main.fd = p->channel.fd = p->inflight.fd = p->log.fd = -1;
	player_inbox_init(p);
	vu_memory_init(&p->memory);
	vu_model_init(&p->model);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (p->epoll >= 0)
		return p;
	free(p);
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_channel(struct player *p)
{
	if (p->channel_open)
		vu_conn_close(&p->channel);
	p->channel_open = false;
}

void player_disconnect(struct player *p)
{
	if (p->connected)
		vu_conn_close(&p->main);
	p->connected = false;
	p->closed = true;
	close_channel(p);
	player_inbox_clear(p);
	vu_model_close(&p->model);
}

void player_free(struct player *p)
{
	if (!p)
		return;
	player_disconnect(p);
	player_rings_close(p);
	player_states_free(p);
	close_fd(&p->inflight.fd);
	close_fd(&p->log_event);
	if (p->log.fd >= 0)
		vu_log_close(&p->log);
	vu_memory_free(&p->memory);
	close_fd(&p->epoll);
	free(p);
}

int player_connect(struct player *p, int64_t deadline)
{
	int fd;

	player_disconnect(p);
	fd = subject_connect(p->subject, deadline);
	if (fd < 0)
		return fd;
	vu_conn_init(&p->main, fd, VU_MAIN);
	p->main.draft = p->play->draft;
	vu_model_init(&p->model);
	vu_model_use_draft(&p->model, p->play->draft);
	p->connected = true;
	p->closed = p->unreadable = p->initialised = p->parted = false;
	p->nfences = 0;
	return 0;
}

/* ---- sending ---- */

int player_send(struct player *p, struct vu_message *msg, const struct vu_forge *forge,
		int64_t deadline)
{
	struct vu_conn *conn = msg->channel == VU_MAIN ? &p->main : &p->channel;
	int err;

	if (msg->channel == VU_MAIN ? !p->connected : !p->channel_open)
		return -ENOTCONN;
	if (!vu_message_is_reply(msg))
		player_forget_replies(p, msg->channel, msg->request);
	deviation_sends(p, msg);
	if (msg->channel == VU_MAIN && !p->connected)
		return -ENOTCONN;
	report_message(p->report, msg, true, forge);
	err = vu_conn_send(conn, msg, forge, deadline);
	if (err)
		return err;
	if (msg->channel == VU_MAIN && msg->request == VU_RESET_DEVICE)
		p->initialised = false; /* the device begins anew, with its first request */
	play_said(p->play, msg);
	play_sent(&p->model, VU_FRONTEND, msg, forge);
	return 0;
}

/* ---- the loop ---- */

static void drain_counter(int fd, uint64_t *count)
{
	uint64_t value;

	while (read(fd, &value, sizeof(value)) == sizeof(value))
		*count += value;
}

/* Called: what was completed is taken before the next call is asked for, as a driver does. */
static void ring_called(struct player *p, struct player_ring *ring)
{
	drain_counter(ring->call, &ring->calls);
	if (!ring->laid_out || !ring->event_idx)
		return;
	player_reap(p);
	vu_vring_want_call(&ring->vr, true);
}

static void ring_event(struct player *p, int fd)
{
	for (size_t i = 0; i < p->nrings; i++) {
		struct player_ring *ring = &p->rings[i];
		uint64_t before = ring->calls + ring->errs;

		if (ring->call == fd)
			ring_called(p, ring);
		else if (ring->err == fd)
			drain_counter(fd, &ring->errs);
		ring->events += ring->calls + ring->errs - before;
	}
}

static void dispatch(struct player *p, int fd)
{
	if (p->channel_open && fd == p->channel.fd)
		player_receive(p, &p->channel);
	else if (fd == p->signals)
		p->interrupted = true;
	else if (fd == p->subject->pidfd) {
		subject_check(p->subject);
		epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
	} else {
		ring_event(p, fd);
	}
}

/*
 * A reply that is due mostly comes at once, and to wait for it in the read saves a poll and a
 * read that finds nothing. But nothing else is seen meanwhile: not where a ring or the channel
 * may have something to say, not for long, and not time after time.
 */
static bool reply_came(struct player *p, int64_t deadline)
{
	int64_t now = vu_now(), until = now + TICK;

	if (p->closed || !p->main.reply_due || p->channel_open || p->backlog ||
	    player_in_flight(p) || now - p->looked > LOOK_EVERY)
		return false;
	return player_receive_due(p, &p->main, until < deadline ? until : deadline);
}

/*
 * The main socket is not among what epoll watches: it would be told of every message, also of those
 * that are read without asking. What came on the channel is taken first, as it was sent first if
 * the reply to it or the end of the connection is here, too.
 */
static bool look(struct player *p, int64_t deadline)
{
	struct pollfd fds[] = { { .fd = deviation_blind(p) ? p->signals : p->epoll,
				  .events = POLLIN },
				{ .fd = p->closed ? -1 : p->main.fd, .events = POLLIN } };
	struct epoll_event events[EVENTS];
	int n = 0;

	/* a ring in memory has no event of its own: the subject may complete without a signal */
	if (player_in_flight(p) && vu_now() + TICK < deadline)
		deadline = vu_now() + TICK;
	vu_poll_once(fds, 2, p->backlog ? 0 : deadline);
	p->looked = vu_now();
	if (fds[0].revents)
		n = epoll_wait(p->epoll, events, EVENTS, 0);
	for (int i = 0; i < n; i++)
		dispatch(p, events[i].data.fd);
	if (!p->closed && (fds[1].revents || p->backlog))
		player_receive(p, &p->main);
	return fds[0].revents || fds[1].revents;
}

int player_wait(struct player *p, int64_t deadline)
{
	bool happened = reply_came(p, deadline) || look(p, deadline);

	player_reap(p);
	if (p->interrupted)
		return -EINTR;
	return happened ? 0 : -ETIMEDOUT;
}

bool player_waits(const struct player *p, char *buf, size_t size)
{
	struct vu_waits *waits = malloc(sizeof(*waits));
	size_t path[VU_WAITS_MAX], n;
	char ring[32];

	buf[0] = '\0';
	if (!waits)
		return false;
	vu_waits_init(waits);
	vu_waits_from_model(waits, &p->model);
	for (size_t i = 0; i < p->nrequests; i++) {
		if (!p->requests[i].submitted || p->requests[i].done || p->requests[i].background)
			continue;
		snprintf(ring, sizeof(ring), "ring %u", p->requests[i].ring);
		vu_waits_add(waits, ring, "back-end", "a request to be completed");
	}
	vu_waits_cycle(waits, path, &n);
	vu_waits_print(waits, buf, size);
	free(waits);
	return n;
}

/* ---- the host's side of the interpreter ---- */

static int host_send(void *ctx, struct vu_message *msg, const struct vu_forge *forge,
		     int64_t deadline)
{
	return player_send(ctx, msg, forge, deadline);
}

static int host_bytes(void *ctx, const uint8_t *bytes, size_t len, int64_t deadline)
{
	struct player *p = ctx;

	return p->connected ? vu_conn_send_bytes(&p->main, bytes, len, deadline) : -ENOTCONN;
}

static int host_wait(void *ctx, int64_t deadline)
{
	return player_wait(ctx, deadline);
}

static int host_fd(void *ctx, struct script_value value)
{
	struct player *p = ctx;
	size_t i = value.number & UINT32_MAX;

	if (value.kind == VALUE_FD)
		return (int)value.number;
	if (value.kind == VALUE_OBJECT && value.number >> 32 == OBJECT_REGION &&
	    i < p->memory.nregions)
		return p->memory.regions[i].fd;
	return -1;
}

static bool host_parted(void *ctx)
{
	return ((struct player *)ctx)->parted;
}

static void host_begin(void *ctx, const struct script *s, const struct script_stmt *stmt)
{
	report_statement(((struct player *)ctx)->report, s, stmt);
}

static void host_reading(void *ctx, const char *reading)
{
	report_reading(((struct player *)ctx)->report, reading);
}

struct script_host player_host(struct player *p)
{
	return (struct script_host){
		.ctx = p,
		.subject = SUBJECT_BACKEND,
		.fill = player_fill,
		.send = host_send,
		.send_bytes = host_bytes,
		.arrived = player_arrived,
		.took = player_took,
		.may_arrive = player_may_arrive,
		.verb = player_verb,
		.function = player_function,
		.wait = host_wait,
		.fd = host_fd,
		.parted = host_parted,
		.begin = host_begin,
		.reading = host_reading,
	};
}
