/* SPDX-License-Identifier: Apache-2.0 */
/* What a run wants of the back-end: to be made, to be connected to, and to say how the front-end ended. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "player.h"

#define EXIT_GRACE (300 * VU_NSEC_PER_MSEC)

/* What few devices have is there for the scenarios that are about it. */
static unsigned int traits_needed(uint64_t protocol)
{
	static const struct {
		unsigned int feature;
		enum vu_service_trait trait;
	} table[] = { { VU_PF_SHARED_OBJECT, VU_SERVICE_OBJECTS },
		      { VU_PF_SHMEM_MAP, VU_SERVICE_SHMEM },
		      { VU_PF_HOST_NOTIFIER, VU_SERVICE_DOORBELLS } };
	unsigned int traits = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (protocol >> table[i].feature & 1)
			traits |= table[i].trait;
	return traits;
}

static int side_open(struct play *play)
{
	struct script_error err;
	struct player *p = player_new(play->o->own, play);

	if (!p)
		return -ENOMEM;
	play->player = p;
	play->host = player_host(p);
	p->opt->dialect = play->draft;
	p->opt->without = p->needs.without;
	p->opt->without_protocol = p->needs.without_protocol;
	p->opt->traits |= traits_needed(p->needs.protocol);
	if (!player_scan(p, play->script, &err))
		return 0;
	script_print_error(stderr, play->script, script_path(play->script), &err,
			   play->o->report.colour);
	return -EINVAL;
}

static void side_bind(struct play *play)
{
	const struct player *p = play->player;

	script_bind_number(play->in, "needs", p->needs.features);
	script_bind_number(play->in, "needs_protocol", p->needs.protocol);
	script_bind_number(play->in, "rings", p->opt->ops->rings(play->o->queues));
}

/* The socket is the subject's to be told of, so it is there before the subject starts. */
static int side_listen(struct play *play)
{
	struct player *p = play->player;
	char *trouble = play->subject.trouble;

	p->opt->fd = fcntl(play->subject.listener, F_DUPFD_CLOEXEC, 0);
	if (p->opt->fd < 0)
		return -errno;
	p->be = backend_open(p->opt, &p->watcher, trouble, sizeof(play->subject.trouble));
	if (p->be)
		return 0;
	close(p->opt->fd);
	return -EIO;
}

static int side_connect(struct play *play, int64_t deadline)
{
	struct player *p = play->player;
	int err = side_listen(play);

	if (err)
		return err;
	backend_watch(p->be, play->o->signals, EPOLLIN, WATCH_SIGNALS, 0);
	if (play->subject.pidfd >= 0)
		backend_watch(p->be, play->subject.pidfd, EPOLLIN | EPOLLONESHOT, WATCH_SUBJECT, 0);
	while (!p->connections) {
		err = player_wait(p, deadline);
		if (err == -EINTR || play->subject.exited || vu_deadline_passed(deadline)) {
			snprintf(play->subject.trouble, sizeof(play->subject.trouble), "%s",
				 err == -EINTR          ? "interrupted"
				 : play->subject.exited ? "the subject ended before it connected"
							: "the subject did not connect in time");
			return -ETIMEDOUT;
		}
	}
	p->connections_taken = p->connections;
	return 0;
}

static void side_disconnect(struct play *play)
{
	backend_disconnect(((struct player *)play->player)->be);
}

static bool side_closed(const struct play *play)
{
	const struct player *p = play->player;

	return p->closed && !p->be->connected;
}

/* It owes an answer on the channel and does not give it. */
static bool side_hung(struct play *play)
{
	const struct player *p = play->player;

	for (size_t i = 0; i < p->model.noutstanding; i++)
		if (p->model.outstanding[i].channel == VU_BACKEND &&
		    p->model.outstanding[i].reply_due)
			return p->be->connected && !play->subject.exited;
	return false;
}

static void side_await_exit(struct play *play)
{
	int64_t deadline = vu_deadline_in(EXIT_GRACE);

	while (play->subject.ours && !play->subject.exited && !vu_deadline_passed(deadline))
		if (player_wait(play->player, deadline) == -EINTR)
			break;
}

static bool side_waits(const struct play *play, char *buf, size_t size)
{
	return player_waits(play->player, buf, size);
}

static const char *side_lacks(const struct play *play)
{
	return player_lacks(play->player);
}

static void side_close(struct play *play)
{
	player_free(play->player);
}

const struct play_side backend_side = {
	.judges = SUBJECT_FRONTEND,
	.open = side_open,
	.bind = side_bind,
	.connect = side_connect,
	.disconnect = side_disconnect,
	.closed = side_closed,
	.hung = side_hung,
	.await_exit = side_await_exit,
	.waits = side_waits,
	.lacks = side_lacks,
	.close = side_close,
};
