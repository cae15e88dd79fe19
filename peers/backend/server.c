/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop, and the life of a connection: one front-end at a time, one after the other. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend.h"

#define EVENTS 16
#define CONNECT_WITHIN (10 * VU_NSEC_PER_SEC)

void backend_complain(const char *format, ...)
{
	char line[256];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "vu-backend: %s\n", line);
}

/* ---- what the loop looks at ---- */

int backend_watch(struct backend *be, int fd, uint32_t events, enum watched what,
		  unsigned int index)
{
	struct epoll_event ev = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	return epoll_ctl(be->epoll, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* Closing is not enough: the front-end may have the same description open. */
void backend_unwatch(struct backend *be, int fd)
{
	epoll_ctl(be->epoll, EPOLL_CTL_DEL, fd, NULL);
}

void backend_close_fd(struct backend *be, int *fd)
{
	if (*fd < 0)
		return;
	backend_unwatch(be, *fd);
	close(*fd);
	*fd = -1;
}

/* ---- connections ---- */

static int connected(struct backend *be, int fd)
{
	vu_conn_init(&be->main, fd, VU_MAIN);
	be->main.draft = be->opt->dialect;
	be->connected = true;
	if (be->watcher)
		be->watcher->connected(be->watcher->ctx);
	if (quirk(be, QUIRK_RINGS_BEGIN_ENABLED))
		rings_enable_all(be, true);
	return backend_watch(be, fd, EPOLLIN, WATCH_MAIN, 0);
}

void backend_disconnect(struct backend *be)
{
	if (!be->connected)
		return;
	if (be->watcher)
		be->watcher->disconnected(be->watcher->ctx);
	transfer_abort(be);
	channel_close(be);
	rings_close(be);
	inflight_close(be);
	postcopy_close(be);
	vu_map_free(&be->map);
	vu_map_init(&be->map);
	backend_close_fd(be, &be->log_event);
	backend_close_fd(be, &be->object_fd);
	backend_close_fd(be, &be->shmem_fd);
	backend_unwatch(be, be->main.fd);
	vu_conn_close(&be->main);
	be->connected = be->holding = be->features_set = be->shmem_mapped = be->object_added =
		false;
	be->features = be->protocol = 0;
	be->drafted = (struct drafted){ 0 };
	be->status = 0;
	if (be->opt->once || be->listener < 0)
		be->stop = true;
	else
		backend_watch(be, be->listener, EPOLLIN, WATCH_LISTENER, 0);
}

/* The next front-end waits in the backlog for as long as this one is served. */
static void accept_front_end(struct backend *be)
{
	int fd = accept4(be->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	backend_unwatch(be, be->listener);
	connected(be, fd);
}

static void main_event(struct backend *be, uint32_t events)
{
	int err = 0;

	if (!be->connected)
		return;
	if (!be->holding)
		err = backend_receive(be);
	else if (events & (EPOLLHUP | EPOLLERR))
		err = -EPIPE;
	if (!err)
		return;
	if (err != -EPIPE && err != -ECONNRESET)
		backend_complain("connection closed: %s", strerror(-err));
	backend_disconnect(be);
}

/* ---- sending ---- */

int backend_send(struct backend *be, const struct vu_message *msg, const struct vu_forge *forge,
		 int64_t deadline)
{
	struct vu_conn *conn = msg->channel == VU_MAIN ? &be->main : &be->channel;
	int err = vu_conn_send(conn, msg, forge, deadline);

	if (!err && be->watcher)
		be->watcher->sent(be->watcher->ctx, msg, forge);
	return err;
}

bool backend_came(struct backend *be, struct vu_message *msg)
{
	return be->watcher && be->watcher->came(be->watcher->ctx, msg);
}

/* ---- the loop ---- */

static void dispatch(struct backend *be, const struct epoll_event *ev)
{
	unsigned int index = ev->data.u64 & UINT32_MAX;

	switch ((enum watched)(ev->data.u64 >> 32)) {
	case WATCH_LISTENER:
		accept_front_end(be);
		break;
	case WATCH_SIGNALS:
		be->stop = true;
		break;
	case WATCH_MAIN:
		main_event(be, ev->events);
		break;
	case WATCH_CHANNEL:
		channel_receive(be);
		break;
	case WATCH_KICK:
		ring_kicked(be, &be->rings[index]);
		break;
	case WATCH_TRANSFER:
		transfer_ready(be);
		break;
	case WATCH_SERVICE:
		be->ops->ready(be->service, UINT32_MAX, (int)index);
		rings_tell(be);
		break;
	case WATCH_SUBJECT: /* to be awake is enough */
		break;
	}
}

static int wait_ms(const struct backend *be, int64_t deadline)
{
	int rings = rings_wait_ms(be), left = vu_deadline_poll_ms(deadline);

	if (transfer_restless(be))
		return 0;
	return rings < 0 || (left >= 0 && left < rings) ? left : rings;
}

bool backend_turn(struct backend *be, int64_t deadline)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(be->epoll, events, EVENTS, wait_ms(be, deadline));

	for (int i = 0; i < n && !be->stop; i++)
		dispatch(be, &events[i]);
	if (transfer_restless(be))
		transfer_ready(be);
	draft_turn(be);
	rings_turn(be);
	return n > 0;
}

/* ---- beginning and end ---- */

static bool listens(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value;
}

/* Whether an inherited socket listens or is connected already is not said: it can be asked. */
static int open_socket(struct backend *be)
{
	const struct backend_options *opt = be->opt;
	int fd = opt->fd;

	if (opt->client)
		fd = vu_connect(opt->socket_path, vu_deadline_in(CONNECT_WITHIN), be->signals);
	else if (opt->socket_path)
		fd = vu_listen(opt->socket_path);
	if (fd < 0)
		return fd;
	if (!listens(fd))
		return connected(be, fd);
	be->listener = fd;
	return backend_watch(be, fd, EPOLLIN, WATCH_LISTENER, 0);
}

static int open_signals(struct backend *be)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	be->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return be->signals < 0 ? -errno : backend_watch(be, be->signals, EPOLLIN, WATCH_SIGNALS, 0);
}

static int begin(struct backend *be, char *why, size_t size)
{
	int err;

	be->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (be->epoll < 0)
		return -errno;
	survive_truncation();
	err = open_signals(be);
	if (err)
		return err;
	be->service = be->ops->open(&be->opt->service, &be->host, why, size);
	if (!be->service)
		return -ENODEV;
	be->nrings = be->ops->rings(be->opt->service.queues);
	if (be->nrings > BACKEND_RINGS) {
		snprintf(why, size, "more than %d rings", BACKEND_RINGS);
		return -ERANGE;
	}
	err = open_socket(be);
	if (err)
		snprintf(why, size, "%s: %s", be->opt->socket_path ? be->opt->socket_path : "--fd",
			 strerror(-err));
	return err;
}

void backend_close(struct backend *be)
{
	backend_disconnect(be);
	if (be->service)
		be->ops->close(be->service);
	if (be->listener >= 0 && be->opt->socket_path)
		unlink(be->opt->socket_path);
	backend_close_fd(be, &be->listener);
	backend_close_fd(be, &be->signals);
	if (be->epoll >= 0)
		close(be->epoll);
	free(be);
}

static struct backend *backend_new(const struct backend_options *opt)
{
	struct backend *be = calloc(1, sizeof(*be));

	if (!be)
		return NULL;
	be->opt = opt;
	be->ops = opt->ops;
	be->host = rings_host(be);
	be->epoll = be->listener = be->signals = be->log_event = -1;
	be->shmem_fd = be->object_fd = be->transfer.fd = be->postcopy.uffd = -1;
	be->main.fd = be->channel.fd = -1;
	be->postcopy_works = postcopy_available();
	vu_map_init(&be->map);
	rings_init(be);
	return be;
}

struct backend *backend_open(const struct backend_options *opt,
			     const struct backend_watcher *watcher, char *why, size_t size)
{
	struct backend *be = backend_new(opt);
	int err;

	if (!be)
		return NULL;
	be->watcher = watcher;
	err = begin(be, why, size);
	if (!err)
		return be;
	if (!why[0])
		snprintf(why, size, "%s", strerror(-err));
	backend_close(be);
	return NULL;
}

int backend_run(const struct backend_options *opt, char *why, size_t size)
{
	struct backend *be = backend_open(opt, NULL, why, size);

	if (!be)
		return -EIO;
	while (!be->stop)
		backend_turn(be, VU_FOREVER);
	backend_close(be);
	return 0;
}
