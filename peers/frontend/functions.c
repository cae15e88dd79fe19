/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that expressions may call: what the player knows of rings, memory, log and subject. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "player.h"

typedef int (*function)(struct player *p, const struct script_value *args, uint64_t *value);

static struct player_ring *laid_out(struct player *p, uint64_t index)
{
	return index < VU_MODEL_RINGS && p->rings[index].laid_out ? &p->rings[index] : NULL;
}

static int fn_used_idx(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = vu_vring_used_idx(&ring->vr);
	return 0;
}

static int fn_avail_idx(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->vr.next_avail;
	return 0;
}

static int fn_base(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->has_base ? ring->base : vu_vring_base(&ring->vr);
	return 0;
}

static int fn_ring_guest(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->packed ? ring->vr.desc : ring->vr.used;
	return 0;
}

static int fn_driver_guest(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->vr.avail;
	return 0;
}

static int fn_ring_table(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->vr.desc;
	return 0;
}

static int fn_ring_available(struct player *p, const struct script_value *a, uint64_t *value)
{
	struct player_ring *ring = laid_out(p, a[0].number);

	if (!ring)
		return -EINVAL;
	*value = ring->vr.avail;
	return 0;
}

static int fn_calls(struct player *p, const struct script_value *a, uint64_t *value)
{
	if (a[0].number >= VU_MODEL_RINGS)
		return -EINVAL;
	player_wait(p, 0);
	*value = p->rings[a[0].number].calls;
	return 0;
}

static int fn_pending(struct player *p, const struct script_value *a, uint64_t *value)
{
	*value = 0;
	player_reap(p);
	for (size_t i = 0; i < p->nrequests; i++)
		*value += p->requests[i].submitted && !p->requests[i].done &&
			  !p->requests[i].background && p->requests[i].ring == a[0].number;
	return 0;
}

static int fn_started(struct player *p, const struct script_value *a, uint64_t *value)
{
	if (a[0].number >= VU_MODEL_RINGS)
		return -EINVAL;
	*value = p->model.rings[a[0].number].started;
	return 0;
}

static int fn_enabled(struct player *p, const struct script_value *a, uint64_t *value)
{
	if (a[0].number >= VU_MODEL_RINGS)
		return -EINVAL;
	*value = p->model.rings[a[0].number].enabled;
	return 0;
}

/* ---- log ---- */

static int fn_logged(struct player *p, const struct script_value *a, uint64_t *value)
{
	if (p->log.fd < 0)
		return -EINVAL;
	*value = vu_log_dirty(&p->log, a[0].number);
	return 0;
}

static int fn_log_count(struct player *p, const struct script_value *a, uint64_t *value)
{
	(void)a;
	if (p->log.fd < 0)
		return -EINVAL;
	*value = vu_log_count(&p->log);
	return 0;
}

static int fn_log_guard(struct player *p, const struct script_value *a, uint64_t *value)
{
	(void)a;
	if (p->log.fd < 0)
		return -EINVAL;
	*value = vu_log_guard_intact(&p->log);
	return 0;
}

/* ---- memory ---- */

static const struct vu_region *region(const struct player *p, const struct script_value *a)
{
	size_t i = a->number & UINT32_MAX;

	if (a->kind != VALUE_OBJECT || a->number >> 32 != OBJECT_REGION || i >= p->memory.nregions)
		return NULL;
	return &p->memory.regions[i];
}

static int fn_guest(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_region *r = region(p, a);

	if (!r)
		return -EINVAL;
	*value = r->guest_address;
	return 0;
}

static int fn_user(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_region *r = region(p, a);

	if (!r)
		return -EINVAL;
	*value = r->user_address;
	return 0;
}

static int fn_size(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_region *r = region(p, a);

	if (!r)
		return -EINVAL;
	*value = r->size;
	return 0;
}

static int fn_mapped(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_region *r = region(p, a);
	int n = r ? subject_maps_file(p->subject, r->fd) : -1;

	if (n < 0)
		return -EINVAL;
	*value = n > 0;
	return 0;
}

/* Bytes of the region that are there at all: to look at a page that is not makes it one that is. */
static int fn_populated(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_region *r = region(p, a);
	struct stat st;

	if (!r || fstat(r->fd, &st))
		return -EINVAL;
	*value = (uint64_t)st.st_blocks * 512;
	return 0;
}

static int fn_buffer(struct player *p, const struct script_value *a, uint64_t *value)
{
	const struct vu_chain *chain;

	if (a[0].number >= p->nrequests)
		return -EINVAL;
	chain = &p->requests[a[0].number].req.chain;
	if (a[1].number >= chain->nbuffers)
		return -EINVAL;
	*value = chain->buffers[a[1].number].guest;
	return 0;
}

static int fn_buffers(struct player *p, const struct script_value *a, uint64_t *value)
{
	if (a[0].number >= p->nrequests)
		return -EINVAL;
	*value = p->requests[a[0].number].req.chain.nbuffers;
	return 0;
}

static int fn_peek(struct player *p, const struct script_value *a, uint64_t *value)
{
	const void *host = a[1].number <= sizeof(*value)
				   ? vu_memory_host(&p->memory, a[0].number, a[1].number)
				   : NULL;

	if (!host)
		return -EINVAL;
	*value = 0;
	memcpy(value, host, a[1].number);
	return 0;
}

static int fn_checksum(struct player *p, const struct script_value *a, uint64_t *value)
{
	(void)a;
	*value = vu_memory_checksum(&p->memory);
	return 0;
}

/* ---- device states ---- */

static int fn_state_size(struct player *p, const struct script_value *a, uint64_t *value)
{
	size_t i = a->number & UINT32_MAX;

	if (a->kind != VALUE_OBJECT || a->number >> 32 != OBJECT_STATE || i >= p->nstates)
		return -EINVAL;
	*value = p->states[i].len;
	return 0;
}

int player_function(void *ctx, const char *name, const struct script_value *args, size_t nargs,
		    uint64_t *value)
{
	static const struct {
		const char *name;
		size_t nargs;
		function call;
	} table[] = {
		{ "used_idx", 1, fn_used_idx },
		{ "avail_idx", 1, fn_avail_idx },
		{ "base", 1, fn_base },
		{ "ring_guest", 1, fn_ring_guest },
		{ "ring_table", 1, fn_ring_table },
		{ "ring_available", 1, fn_ring_available },
		{ "calls", 1, fn_calls },
		{ "pending", 1, fn_pending },
		{ "started", 1, fn_started },
		{ "enabled", 1, fn_enabled },
		{ "logged", 1, fn_logged },
		{ "log_count", 0, fn_log_count },
		{ "log_guard", 0, fn_log_guard },
		{ "guest", 1, fn_guest },
		{ "user", 1, fn_user },
		{ "size", 1, fn_size },
		{ "mapped", 1, fn_mapped },
		{ "populated", 1, fn_populated },
		{ "driver_guest", 1, fn_driver_guest },
		{ "buffer", 2, fn_buffer },
		{ "buffers", 1, fn_buffers },
		{ "peek", 2, fn_peek },
		{ "checksum", 0, fn_checksum },
		{ "state_size", 1, fn_state_size },
	};
	struct player *p = ctx;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return table[i].nargs == nargs ? table[i].call(p, args, value) : -EINVAL;
	return play_function(p->play, &p->model, name, args, nargs, value);
}
