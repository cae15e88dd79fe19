/* SPDX-License-Identifier: Apache-2.0 */
/* What a message line leaves out is filled in here: ring, region, feature and descriptor, from live state. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deviations.h"

struct filling {
	struct player *p;
	struct script_call *call;
	struct vu_message *msg;
	const struct vu_payload *layout;
};

static int fail(struct filling *f, const char *why)
{
	snprintf(f->call->actual, sizeof(f->call->actual), "%s: %s", f->call->stmt->word, why);
	return -EINVAL;
}

/* Whether the line gives the field, by name or as the bare first value. */
static bool given(const struct filling *f, const char *field)
{
	if (script_named(f->call->stmt, field))
		return true;
	return !strcmp(field, f->layout->fields[0].name) && script_positional(f->call->stmt, 0);
}

static int set(struct filling *f, const char *field, uint64_t value)
{
	return given(f, field) ? 0 : vu_field_set(f->msg, f->layout, field, value);
}

static uint64_t get(const struct filling *f, const char *field)
{
	uint64_t value = 0;

	vu_field_get(f->msg, f->layout, field, &value);
	return value;
}

static bool fds_given(const struct filling *f)
{
	return script_flag(f->call->stmt, "nofd") || script_named(f->call->stmt, "fd");
}

static int attach(struct filling *f, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return fail(f, "out of descriptors");
	if (vu_message_add_fd(f->msg, copy)) {
		close(copy);
		return fail(f, "too many descriptors");
	}
	return 0;
}

/* ---- features and memory ---- */

static int fill_features(struct filling *f)
{
	const struct vu_model *m = &f->p->model;

	if (f->msg->request == VU_SET_FEATURES)
		return set(f, "u64", f->p->wanted & m->features_offered);
	return set(f, "u64", f->p->wanted_protocol & m->protocol_offered);
}

static int put_region(struct filling *f, const char *at, const struct vu_region *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} fields[] = { { "guest_address", r->guest_address },
		       { "size", r->size },
		       { "user_address", r->user_address },
		       { "mmap_offset", r->mmap_offset } };
	char path[64];
	int err = 0;

	for (size_t i = 0; i < 4 && !err; i++) {
		snprintf(path, sizeof(path), "%s.%s", at, fields[i].name);
		err = set(f, path, fields[i].value);
	}
	return err;
}

static int fill_mem_table(struct filling *f)
{
	struct vu_memory *mem = &f->p->memory;
	uint64_t claimed = get(f, "num_regions"), n = 0;
	char path[32];
	int err = 0;

	if (player_default_memory(f->p))
		return fail(f, "no memory for the regions");
	for (size_t i = 0; i < mem->nregions && !err; i++) {
		struct vu_region *r = &mem->regions[i];

		if (!r->listed || (given(f, "num_regions") && n >= claimed))
			continue;
		if (n == VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE)
			return fail(f, "a table has no room for so many regions");
		vu_field_set(f->msg, f->layout, "num_regions", n + 1);
		snprintf(path, sizeof(path), "regions[%u]", (unsigned int)n++);
		err = put_region(f, path, r);
		if (!err && !fds_given(f))
			err = attach(f, r->fd);
	}
	if (!err && given(f, "num_regions"))
		err = vu_field_set(f->msg, f->layout, "num_regions", claimed);
	return err;
}

/* ADD_MEM_REG $mem1: the bare value is a region, not a number. */
static int fill_mem_reg(struct filling *f)
{
	const struct script_expr *e = script_positional(f->call->stmt, 0);
	struct script_value value = { 0 };
	struct vu_region *r;
	int err;

	if (player_default_memory(f->p))
		return fail(f, "no memory for the region");
	if (e && script_eval(f->call->interp, e, &value, f->call->actual, sizeof(f->call->actual)))
		return -EINVAL;
	if (e && (value.kind != VALUE_OBJECT || value.number >> 32 != OBJECT_REGION))
		return fail(f, "the value has to be a region, such as $mem0");
	r = &f->p->memory.regions[value.number & UINT32_MAX];
	r->listed = f->msg->request == VU_ADD_MEM_REG;
	err = put_region(f, "region", r);
	if (!err && r->listed && !fds_given(f))
		err = attach(f, r->fd);
	return err;
}

/* ---- rings ---- */

static struct player_ring *ring_of(struct filling *f)
{
	return player_ring(f->p, get(f, "index"), f->call->actual, sizeof(f->call->actual));
}

/* Indices out of range are the script's to send; then there is nothing to fill in. */
static bool in_range(const struct filling *f)
{
	return get(f, "index") < VU_MODEL_RINGS;
}

static int fill_vring_num(struct filling *f)
{
	return in_range(f) && !given(f, "num") ? set(f, "num", ring_of(f)->size) : 0;
}

static int fill_vring_base(struct filling *f)
{
	struct player_ring *ring;

	if (!in_range(f) || given(f, "num") || player_lay_out(f->p, get(f, "index")))
		return 0;
	ring = ring_of(f);
	return vu_field_set(f->msg, vu_payload_by_name("vring_state"), "num",
			    ring->has_base ? ring->base : vu_vring_base(&ring->vr));
}

static int fill_vring_addr(struct filling *f)
{
	const struct vu_memory *mem = &f->p->memory;
	struct player_ring *ring;
	int err;

	if (!in_range(f))
		return 0;
	if (player_lay_out(f->p, get(f, "index")))
		return fail(f, "no memory for the ring");
	ring = ring_of(f);
	err = set(f, "descriptor", vu_memory_guest_to_user(mem, ring->vr.desc));
	if (!err)
		err = set(f, "available", vu_memory_guest_to_user(mem, ring->vr.avail));
	if (!err)
		err = set(f, "used", vu_memory_guest_to_user(mem, ring->vr.used));
	return err ? err : set(f, "log", ring->packed ? ring->vr.desc : ring->vr.used);
}

/* An eventfd that the ring keeps; one that the script gives takes its place. */
static int ring_event(struct filling *f, int *slot)
{
	bool reads = f->msg->request != VU_SET_VRING_KICK;

	if (f->msg->nfds) {
		if (*slot >= 0)
			close(*slot);
		*slot = fcntl(f->msg->fds[0], F_DUPFD_CLOEXEC, 0);
		fcntl(*slot, F_SETFL, fcntl(*slot, F_GETFL) | O_NONBLOCK);
	} else if (*slot < 0) {
		*slot = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	if (*slot < 0)
		return fail(f, "out of descriptors");
	if (reads)
		player_watch(f->p, *slot);
	return f->msg->nfds ? 0 : attach(f, *slot);
}

static int fill_vring_fd(struct filling *f)
{
	struct player_ring *ring;

	if (script_flag(f->call->stmt, "nofd"))
		return set(f, "nofd", 1);
	if (!in_range(f) || given(f, "nofd"))
		return 0;
	ring = ring_of(f);
	if (f->msg->request == VU_SET_VRING_KICK) {
		ring->has_base = false; /* from here on memory says where it stands */
		return ring_event(f, &ring->kick);
	}
	return ring_event(f, f->msg->request == VU_SET_VRING_CALL ? &ring->call : &ring->err);
}

static int fill_vring_enable(struct filling *f)
{
	return set(f, "num", 1);
}

/* ---- log, channel, in-flight, device state, config ---- */

static uint64_t memory_end(const struct vu_memory *mem)
{
	uint64_t end = 0;

	for (size_t i = 0; i < mem->nregions; i++)
		if (mem->regions[i].guest_address + mem->regions[i].size > end)
			end = mem->regions[i].guest_address + mem->regions[i].size;
	return end;
}

static int fill_log_base(struct filling *f)
{
	struct vu_log *log = &f->p->log;
	int err;

	if (player_default_memory(f->p))
		return fail(f, "no memory for the regions");
	if (log->fd >= 0)
		vu_log_close(log);
	log->fd = -1;
	err = vu_log_open(log, memory_end(&f->p->memory), get(f, "offset"));
	if (err) {
		log->fd = -1;
		return fail(f, strerror(-err));
	}
	err = set(f, "size", log->size);
	return err || fds_given(f) ? err : attach(f, log->fd);
}

static int fill_log_fd(struct filling *f)
{
	if (fds_given(f))
		return 0;
	if (f->p->log_event < 0)
		f->p->log_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return attach(f, f->p->log_event);
}

static int fill_backend_channel(struct filling *f)
{
	int pair[2], err;

	if (fds_given(f))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return fail(f, "out of descriptors");
	if (f->p->channel_open)
		vu_conn_close(&f->p->channel);
	vu_conn_init(&f->p->channel, pair[0], VU_BACKEND);
	f->p->channel.draft = f->p->play->draft;
	f->p->channel_open = true;
	player_watch(f->p, pair[0]);
	err = vu_message_add_fd(f->msg, pair[1]);
	if (err)
		close(pair[1]);
	return err;
}

static int fill_inflight(struct filling *f)
{
	const struct player_inflight *in = &f->p->inflight;
	bool known = f->msg->request == VU_SET_INFLIGHT_FD && in->fd >= 0;
	uint16_t rings =
		(uint16_t)(f->p->dev->min_rings + (f->p->queues - 1) * f->p->dev->ring_stride);
	uint16_t size = player_ring(f->p, f->p->dev->probe_ring, NULL, 0)->size;
	int err = set(f, "num_queues", known ? in->num_queues : rings);

	if (!err)
		err = set(f, "queue_size", known ? in->queue_size : size);
	if (f->msg->request == VU_GET_INFLIGHT_FD || err)
		return err;
	if (known) {
		err = set(f, "mmap_size", in->mmap_size);
		err = err ? err : set(f, "mmap_offset", in->mmap_offset);
		return err || fds_given(f) ? err : attach(f, in->fd);
	}
	if (!fds_given(f)) {
		int fd = memfd_create("inflight", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, (off_t)(get(f, "mmap_offset") + get(f, "mmap_size"))) ||
		    vu_message_add_fd(f->msg, fd))
			return fail(f, "no memory for the buffer");
	}
	return 0;
}

/* The end that stays here becomes $transfer. */
static int fill_device_state(struct filling *f)
{
	bool load = get(f, "direction") == 1;
	int ends[2], err;

	if (fds_given(f))
		return 0;
	if (pipe2(ends, O_CLOEXEC))
		return fail(f, "out of descriptors");
	deviation_channel(f->p, ends[load ? 1 : 0], load);
	script_bind(f->call->interp, "transfer",
		    (struct script_value){ VALUE_FD, (uint64_t)ends[load ? 1 : 0] });
	err = vu_message_add_fd(f->msg, ends[load ? 0 : 1]);
	if (err)
		close(ends[load ? 0 : 1]);
	return err;
}

static int fill_config(struct filling *f)
{
	uint64_t size;
	int err = set(f, "size", f->p->dev->config_size);

	size = get(f, "size");
	if (err || !size || size > VU_MESSAGE_PAYLOAD_MAX - f->layout->size)
		return err;
	if (f->msg->len < f->layout->size + size) {
		memset(f->msg->payload + f->msg->len, 0, f->layout->size + size - f->msg->len);
		f->msg->len = f->layout->size + size;
		f->msg->size = (uint32_t)f->msg->len;
	}
	return 0;
}

/* What each request needs is known by what it means. */
static int fill_request(struct filling *f)
{
	switch (vu_message_sense(f->msg)) {
	case VU_SET_FEATURES:
	case VU_SET_PROTOCOL_FEATURES:
		return fill_features(f);
	case VU_SET_MEM_TABLE:
		return fill_mem_table(f);
	case VU_ADD_MEM_REG:
	case VU_REM_MEM_REG:
		return fill_mem_reg(f);
	case VU_SET_VRING_NUM:
		return fill_vring_num(f);
	case VU_SET_VRING_BASE:
		return fill_vring_base(f);
	case VU_SET_VRING_ADDR:
		return fill_vring_addr(f);
	case VU_SET_VRING_KICK:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		return fill_vring_fd(f);
	case VU_SET_VRING_ENABLE:
		return fill_vring_enable(f);
	case VU_SET_LOG_BASE:
		return fill_log_base(f);
	case VU_SET_LOG_FD:
		return fill_log_fd(f);
	case VU_SET_BACKEND_REQ_FD:
		return fill_backend_channel(f);
	case VU_GET_INFLIGHT_FD:
	case VU_SET_INFLIGHT_FD:
		return fill_inflight(f);
	case VU_SET_DEVICE_STATE_FD:
		return fill_device_state(f);
	case VU_GET_CONFIG:
	case VU_SET_CONFIG:
		return fill_config(f);
	default:
		return 0;
	}
}

int player_fill(void *ctx, struct script_call *call, struct vu_message *msg)
{
	struct filling f = { ctx, call, msg, NULL };

	if (msg->channel != VU_MAIN || vu_message_is_reply(msg))
		return 0;
	f.layout = vu_message_info(msg) ? vu_message_info(msg)->request : NULL;
	return f.layout ? fill_request(&f) : 0;
}
