/* SPDX-License-Identifier: Apache-2.0 */
/* Device states on their way: read to the end, written and closed, or spoilt on purpose. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"
#include "verbs.h"

#define CHUNK 65536
#define CHUNKS 64 /* read in one go: an endless state must not keep deadlines from being seen */
#define STATE_MAX (64UL << 20) /* a subject that never stops sending */

static struct player_state *state_of(struct player *p, const struct script_value *v)
{
	size_t i = v->number & UINT32_MAX;

	return v->kind == VALUE_OBJECT && v->number >> 32 == OBJECT_STATE && i < p->nstates
		       ? &p->states[i]
		       : NULL;
}

/* The state behind $name, made if there is none of that name yet. */
static struct player_state *named_state(struct player *p, struct script_interp *in,
					const char *name)
{
	const struct script_value *v = script_lookup(in, name);
	struct player_state *s = v ? state_of(p, v) : NULL;

	if (s || p->nstates == PLAYER_STATES)
		return s;
	script_bind(in, name,
		    (struct script_value){ VALUE_OBJECT, PLAYER_HANDLE(OBJECT_STATE, p->nstates) });
	return &p->states[p->nstates++];
}

void player_states_free(struct player *p)
{
	for (size_t i = 0; i < p->nstates; i++)
		free(p->states[i].bytes);
	p->nstates = 0;
}

static int reserve(struct player_state *s, size_t room)
{
	uint8_t *bytes;

	if (s->room >= room)
		return 0;
	if (room < 2 * s->room)
		room = 2 * s->room;
	bytes = realloc(s->bytes, room);
	if (!bytes)
		return -ENOMEM;
	s->bytes = bytes;
	s->room = room;
	return 0;
}

static enum script_step trouble(struct script_call *call, enum script_step step, const char *why)
{
	snprintf(call->actual, sizeof(call->actual), "%s", why);
	return step;
}

static bool descriptor(struct script_call *call, int *fd)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	struct script_value v;

	if (!e || script_eval(call->interp, e, &v, call->actual, sizeof(call->actual)) ||
	    v.kind != VALUE_FD)
		return false;
	*fd = (int)v.number;
	return true;
}

/* drain FD as $state: reads what is there; done at end of file. */
enum script_step player_drain(struct player *p, struct script_call *call)
{
	const char *name = call->stmt->as ? call->stmt->as : "state";
	struct player_state *s = named_state(p, call->interp, name);
	bool ended = verb_ended(p);
	ssize_t n;
	int fd;

	if (!s || !descriptor(call, &fd))
		return trouble(call, STEP_ERROR, "drain wants a descriptor");
	if (!call->stage++) {
		s->len = 0;
		deviation_transfer(p);
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		player_watch(p, fd);
	}
	for (int i = 0; i < CHUNKS; i++) {
		if (s->len > STATE_MAX)
			return trouble(call, STEP_FAILED, "the state does not end");
		if (reserve(s, s->len + CHUNK))
			return trouble(call, STEP_ERROR, "out of memory");
		n = read(fd, s->bytes + s->len, CHUNK);
		if (n == 0)
			return STEP_DONE;
		if (n > 0) {
			s->len += (size_t)n;
			continue;
		}
		if (errno != EAGAIN)
			return trouble(call, STEP_FAILED, strerror(errno));
		if (ended)
			return verb_gone(p, call);
		break;
	}
	return trouble(call, STEP_PENDING, "the writer has not closed its end");
}

/* Without blocking, and woken whenever the reader has made room. */
static void prepare_writer(struct player *p, int fd)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLET, .data.fd = fd };

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev);
}

/* feed FD $state: writes in small pieces as the reader takes them, then closes. */
enum script_step player_feed(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 1);
	bool ended = verb_ended(p);
	struct script_value v;
	struct player_state *s;
	size_t piece;
	ssize_t n;
	int fd;

	if (!descriptor(call, &fd) ||
	    script_eval(call->interp, e, &v, call->actual, sizeof(call->actual)))
		return trouble(call, STEP_ERROR, "feed wants a descriptor and a state");
	s = state_of(p, &v);
	if (!s)
		return trouble(call, STEP_ERROR, "feed wants a state");
	if (!call->stage++) {
		deviation_transfer(p);
		prepare_writer(p, fd);
	}
	while (call->handle[0] < s->len) {
		piece = s->len - call->handle[0] < 4096 ? s->len - call->handle[0] : 4096;
		n = write(fd, s->bytes + call->handle[0], piece);
		if (n < 0 && errno == EAGAIN && ended)
			return verb_gone(p, call);
		if (n < 0 && errno == EAGAIN)
			return trouble(call, STEP_PENDING, "the reader does not take the state");
		if (n < 0)
			return trouble(call, STEP_FAILED, strerror(errno));
		call->handle[0] += (uint64_t)n;
	}
	return script_bind(call->interp, script_positional(call->stmt, 0)->text,
			   (struct script_value){ VALUE_FD, (uint64_t)-1 })
		       ? STEP_ERROR
		       : STEP_DONE;
}

/* corrupt $state at=N, truncate $state to=N, garbage $state size=N */
enum script_step player_spoil(struct player *p, struct script_call *call)
{
	const struct script_expr *e = script_positional(call->stmt, 0);
	struct player_state *s = e && e->text ? named_state(p, call->interp, e->text) : NULL;
	uint64_t at, size;

	if (!s)
		return trouble(call, STEP_ERROR, "a state is wanted, such as $state");
	switch (call->stmt->word[0]) {
	case 'c':
		at = player_option(call, "at", 0);
		if (at >= s->len)
			return trouble(call, STEP_UNREACHED, "the state is too short for that");
		s->bytes[at] ^= 0xff;
		return STEP_DONE;
	case 't':
		size = player_option(call, "to", s->len / 2);
		if (size > s->len)
			return trouble(call, STEP_UNREACHED, "the state is too short for that");
		s->len = size;
		return STEP_DONE;
	default:
		size = player_option(call, "size", 4096);
		if (size > STATE_MAX || reserve(s, size))
			return trouble(call, STEP_ERROR, "out of memory");
		memset(s->bytes, 0xa5, size);
		s->len = size;
		return STEP_DONE;
	}
}
