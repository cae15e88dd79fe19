/* SPDX-License-Identifier: Apache-2.0 */
/* The player's rings: laid out when first named, filled with requests, reaped when anything happens. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "player.h"

#define RING_SIZE 64
#define BACKGROUND_REQUESTS 16
#define INTRODUCED_WITHIN (2 * VU_NSEC_PER_SEC)

static struct player_ring *ring_at(struct player *p, uint64_t index)
{
	struct player_ring *ring;

	for (; p->nrings <= index; p->nrings++)
		p->rings[p->nrings].kick = p->rings[p->nrings].call = p->rings[p->nrings].err = -1;
	ring = &p->rings[index];
	if (!ring->size) {
		ring->size = RING_SIZE;
		ring->packed = p->wanted >> VU_F_RING_PACKED & 1;
		ring->event_idx = p->wanted >> VU_F_EVENT_IDX & 1;
	}
	return ring;
}

struct player_ring *player_ring(struct player *p, uint64_t index, char *why, size_t size)
{
	if (index < VU_MODEL_RINGS)
		return ring_at(p, index);
	snprintf(why, size, "a ring number is at most %d", VU_MODEL_RINGS - 1);
	return NULL;
}

static bool takes_background(const struct player *p, uint64_t index)
{
	const struct vu_device *dev = p->dev;

	return dev->background && dev->ring_stride && index % dev->ring_stride != dev->probe_ring;
}

static int post_background(struct player *p, uint64_t index)
{
	char why[SCRIPT_TEXT_MAX];
	int i, n = 0;

	for (i = 0; i < BACKGROUND_REQUESTS && n >= 0; i++) {
		n = player_submit(p, index, p->dev->background, NULL, 0, false, why, sizeof(why));
		if (n >= 0)
			p->requests[n].background = true;
	}
	return n < 0 ? n : 0;
}

int player_lay_out(struct player *p, uint64_t index)
{
	struct player_ring *ring = ring_at(p, index);
	struct vu_region *region = player_region(p, ring->region);
	int err;

	if (ring->laid_out)
		return 0;
	if (!region)
		return -ENOENT;
	err = vu_vring_init(&ring->vr, &p->memory, region, ring->size, ring->packed,
			    ring->event_idx);
	if (err)
		return err;
	ring->laid_out = true;
	return takes_background(p, index) ? post_background(p, index) : 0;
}

/* ---- requests ---- */

static int new_request(struct player *p)
{
	if (p->nrequests < PLAYER_REQUESTS)
		return (int)p->nrequests++;
	for (size_t i = 0; i < PLAYER_REQUESTS; i++) /* reuse the oldest that nobody can wait for */
		if (p->requests[i].done || !p->requests[i].submitted)
			return (int)i;
	return -ENOSPC;
}

static int prepare(struct player *p, struct player_request *r, const char *kind,
		   const struct vu_arg *args, size_t nargs, char *why, size_t size)
{
	const struct vu_request_kind *k = vu_request_kind(p->dev, kind);
	struct vu_region *region = player_region(p, p->rings[r->ring].buffers);
	int err;

	if (!k) {
		snprintf(why, size, "%s has no request %s", p->dev->name, kind);
		return -ENOENT;
	}
	if (!region) {
		snprintf(why, size, "ring %u: no such region", r->ring);
		return -ENOENT;
	}
	r->req.kind = k;
	err = k->prepare(&r->req, &p->memory, region, args, nargs);
	if (err)
		snprintf(why, size, "%s: %s", kind, strerror(-err));
	return err;
}

/* Given to the subject, not given up, and not yet back. */
static bool awaits(const struct player_request *r, uint64_t ring)
{
	return r->submitted && !r->done && r->ring == ring;
}

static int make_available(struct player *p, struct player_request *r, char *why, size_t size)
{
	int id = vu_vring_add(&p->rings[r->ring].vr, &r->req.chain);

	if (id < 0) {
		snprintf(why, size, "ring %u: %s", r->ring, id == -ENOSPC ? "full" : strerror(-id));
		return id;
	}
	r->id = id;
	r->submitted = true;
	return 0;
}

static bool wants_introduction(const struct player *p, uint64_t ring)
{
	const struct vu_device *dev = p->dev;

	return dev->first && !p->initialised &&
	       ring % dev->ring_stride == dev->probe_ring % dev->ring_stride;
}

/*
 * Some devices want one request before any other (FUSE_INIT); scenarios need
 * not say so. On a running ring it is done before the next one follows, which
 * a subject with several threads could take first.
 */
static int introduce(struct player *p, uint64_t ring, const char *kind, char *why, size_t size)
{
	int64_t deadline = vu_deadline_in(script_scaled(p->play->in, INTRODUCED_WITHIN));
	int n;

	if (!wants_introduction(p, ring))
		return 0;
	p->initialised = true;
	if (!strcmp(kind, p->dev->first))
		return 0;
	n = player_submit(p, ring, p->dev->first, NULL, 0, false, why, size);
	if (n < 0)
		return n;
	if (!p->model.rings[ring].started || !p->model.rings[ring].enabled)
		return 0;
	player_kick(p, ring, 1);
	while (!p->requests[n].done && !p->closed && !vu_deadline_passed(deadline))
		if (player_wait(p, deadline) == -EINTR)
			return -EINTR;
	return 0;
}

int player_submit(struct player *p, uint64_t ring, const char *kind, const struct vu_arg *args,
		  size_t nargs, bool indirect, char *why, size_t size)
{
	struct player_request *r;
	int n, err;

	if (!player_ring(p, ring, why, size))
		return -ERANGE;
	err = player_lay_out(p, ring);
	if (err) {
		snprintf(why, size, "ring %u: %s", (unsigned int)ring, strerror(-err));
		return err;
	}
	err = introduce(p, ring, kind, why, size);
	n = err ? err : new_request(p);
	if (n < 0)
		return n;
	r = &p->requests[n];
	memset(r, 0, sizeof(*r));
	r->ring = (unsigned int)ring;
	r->req.chain.indirect = indirect;
	err = prepare(p, r, kind, args, nargs, why, size);
	if (!err) {
		r->req.chain.indirect = indirect;
		err = make_available(p, r, why, size);
	}
	if (err)
		r->done = true;
	return err ? err : n;
}

int player_kick(struct player *p, uint64_t ring, uint64_t value)
{
	int fd = ring < p->nrings ? p->rings[ring].kick : -1;

	if (fd < 0)
		return 0; /* no descriptor: the subject polls, or was told nothing yet */
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -errno;
}

static struct player_request *request_in(struct player *p, unsigned int ring, int id)
{
	for (size_t i = p->nrequests; i-- > 0;)
		if (awaits(&p->requests[i], ring) && p->requests[i].id == id)
			return &p->requests[i];
	return NULL;
}

static void wild_completion(struct player *p, unsigned int ring, const struct vu_completion *done)
{
	struct vu_breach breach = { .clause = "ring.enabled-normal", .by = VU_BACKEND_ROLE };

	snprintf(breach.text, sizeof(breach.text), "ring %u: %s", ring, done->problem);
	play_breach(p->play, &breach);
}

static void complete(struct player *p, struct player_request *r, uint32_t len)
{
	r->done = true;
	r->len = len;
	r->order = ++p->completions;
	r->req.kind->finish(&r->req, &p->memory, len);
}

static void reap_ring(struct player *p, unsigned int index)
{
	struct player_ring *ring = &p->rings[index];
	struct vu_completion done;
	struct player_request *r;
	int err;

	while ((err = vu_vring_take(&ring->vr, &done)) != -EAGAIN) {
		ring->events++;
		if (err && !ring->wild)
			wild_completion(p, index, &done);
		ring->wild = ring->wild || err;
		r = request_in(p, index, done.id);
		if (r)
			complete(p, r, done.len);
	}
}

void player_reap(struct player *p)
{
	for (unsigned int i = 0; i < p->nrings; i++)
		if (p->rings[i].laid_out)
			reap_ring(p, i);
}

void player_give_up(struct player *p, uint64_t ring)
{
	for (size_t i = 0; i < p->nrequests; i++)
		if (p->requests[i].ring == ring && !p->requests[i].done)
			p->requests[i].submitted = false;
}

bool player_in_flight(const struct player *p)
{
	for (size_t i = 0; i < p->nrequests; i++)
		if (awaits(&p->requests[i], p->requests[i].ring) && !p->requests[i].background)
			return true;
	return false;
}

/* GET_VRING_BASE was answered: that is where to go on. */
void player_rings_stopped(struct player *p, const struct vu_message *reply)
{
	const struct vu_payload *layout = vu_payload_by_name("vring_state");
	uint64_t index, num;

	if (vu_field_get(reply, layout, "index", &index) ||
	    vu_field_get(reply, layout, "num", &num) || index >= VU_MODEL_RINGS)
		return;
	player_reap(p);
	p->rings[index].has_base = true;
	p->rings[index].base = (uint32_t)num;
}

void player_rings_close(struct player *p)
{
	for (size_t i = 0; i < p->nrings; i++) {
		int *fds[] = { &p->rings[i].kick, &p->rings[i].call, &p->rings[i].err };

		for (size_t k = 0; k < 3; k++) {
			if (*fds[k] >= 0)
				close(*fds[k]);
			*fds[k] = -1;
		}
	}
}
