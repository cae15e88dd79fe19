/* SPDX-License-Identifier: Apache-2.0 */
/* Messages filled in from the tables: every field by its name, with what fits the guest. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

#define STATUS_BITS 8

static const struct vu_region *told(const struct guest *g, struct vu_region *loose)
{
	if (g->region + 1 < GUEST_PLACES)
		return &g->memory.regions[g->region];
	*loose = (struct vu_region){ .guest_address = GUEST_LOOSE,
				     .user_address = GUEST_USER,
				     .size = GUEST_SIZE };
	return loose;
}

/* ---- fields ---- */

static uint64_t ring_index(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return g->ring;
}

/* A size may be right and yet not that of the ring that is there. */
static uint64_t number(struct guest *g, const struct vu_message *msg)
{
	if (msg->request == VU_SET_VRING_NUM)
		return chance_one_in(g->chance, 8) ? UINT64_C(1) << chance_below(g->chance, 16)
						   : g->rings[g->ring].size;
	return msg->request == VU_SET_VRING_ENABLE && !chance_one_in(g->chance, 8);
}

static uint64_t flag(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return chance_below(g->chance, 2);
}

static uint64_t user(const struct guest *g, uint64_t guest)
{
	return g->protocol >> VU_PF_GPA_ADDRESSES & 1 ? guest
						      : vu_memory_guest_to_user(&g->memory, guest);
}

static uint64_t descriptors(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return user(g, g->rings[g->ring].desc);
}

static uint64_t available(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return user(g, g->rings[g->ring].avail);
}

static uint64_t used(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return user(g, g->rings[g->ring].used);
}

static uint64_t used_guest(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return g->packed ? g->rings[g->ring].desc : g->rings[g->ring].used;
}

static uint64_t regions(struct guest *g, const struct vu_message *msg)
{
	(void)g;
	(void)msg;
	return GUEST_PLACES;
}

static uint64_t guest_address(struct guest *g, const struct vu_message *msg)
{
	struct vu_region loose;

	(void)msg;
	return told(g, &loose)->guest_address;
}

static uint64_t user_address(struct guest *g, const struct vu_message *msg)
{
	struct vu_region loose;

	(void)msg;
	return told(g, &loose)->user_address;
}

static uint64_t mmap_offset(struct guest *g, const struct vu_message *msg)
{
	struct vu_region loose;

	return msg->request == VU_SET_INFLIGHT_FD ? 0 : told(g, &loose)->mmap_offset;
}

static uint64_t size(struct guest *g, const struct vu_message *msg)
{
	struct vu_region loose;

	if (msg->request == VU_GET_CONFIG || msg->request == VU_SET_CONFIG)
		return 1 + chance_below(g->chance, 60);
	if (msg->request == VU_SET_LOG_BASE)
		return chance_one_in(g->chance, 2) ? 0x400 : 8;
	return told(g, &loose)->size;
}

static uint64_t offset(struct guest *g, const struct vu_message *msg)
{
	return msg->request == VU_SET_LOG_BASE ? 0 : chance_below(g->chance, 8);
}

static uint64_t iotlb_type(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return 2 + chance_one_in(g->chance, 8);
}

static uint64_t permission(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return 1 + chance_below(g->chance, 3);
}

static uint64_t inflight_size(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return g->inflight_size;
}

static uint64_t queues(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return g->nrings;
}

static uint64_t queue_size(struct guest *g, const struct vu_message *msg)
{
	(void)g;
	(void)msg;
	return 256;
}

static uint64_t wraps(struct guest *g, const struct vu_message *msg)
{
	(void)msg;
	return g->packed;
}

static uint64_t word(struct guest *g, const struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_FEATURES:
		return g->features;
	case VU_SET_PROTOCOL_FEATURES:
		return g->protocol;
	case VU_SET_STATUS:
		return chance_below(g->chance, 1 << STATUS_BITS);
	case VU_NET_SET_MTU:
		return 1500;
	default:
		return chance_number(g->chance);
	}
}

static uint64_t value_of(struct guest *g, const struct vu_message *msg, const char *name)
{
	static const struct {
		const char *name;
		uint64_t (*value)(struct guest *g, const struct vu_message *msg);
	} fields[] = {
		{ "index", ring_index },
		{ "num", number },
		{ "flags", flag },
		{ "direction", flag },
		{ "descriptor", descriptors },
		{ "available", available },
		{ "used", used },
		{ "log", used_guest },
		{ "num_regions", regions },
		{ "guest_address", guest_address },
		{ "user_address", user_address },
		{ "iova", user_address },
		{ "mmap_offset", mmap_offset },
		{ "size", size },
		{ "offset", offset },
		{ "type", iotlb_type },
		{ "perm", permission },
		{ "mmap_size", inflight_size },
		{ "num_queues", queues },
		{ "queue_size", queue_size },
		{ "avail_wrap", wraps },
		{ "used_wrap", wraps },
		{ "u64", word },
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(fields[i].name, name) == 0)
			return fields[i].value(g, msg);
	return 0;
}

/* ---- payloads ---- */

static void fill_nested(struct guest *g, struct vu_message *msg, const struct vu_payload *layout,
			const struct vu_field *f)
{
	unsigned int n = f->count_by ? GUEST_PLACES : 1;
	char path[64];

	for (unsigned int i = 0; i < n; i++) {
		if (f->count_by)
			g->region = i;
		for (size_t k = 0; k < f->nested->nfields; k++) {
			const char *name = f->nested->fields[k].name;

			if (f->count_by)
				snprintf(path, sizeof(path), "%s[%u].%s", f->name, i, name);
			else
				snprintf(path, sizeof(path), "%s.%s", f->name, name);
			vu_field_set(msg, layout, path, value_of(g, msg, name));
		}
	}
}

static void fill_bytes(struct guest *g, struct vu_message *msg, const struct vu_payload *layout,
		       const struct vu_field *f)
{
	uint8_t bytes[64] = { 0 };
	uint64_t n = f->count;

	if (f->count_by)
		vu_field_get(msg, layout, f->count_by, &n);
	for (uint64_t i = 0; i < n && i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)chance_next(g->chance);
	if (n <= sizeof(bytes))
		vu_field_set_bytes(msg, layout, f->name, bytes, n);
}

static void fill(struct guest *g, struct vu_message *msg, const struct vu_payload *layout)
{
	vu_message_set_layout(msg, layout);
	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *f = &layout->fields[i];

		if (f->nested)
			fill_nested(g, msg, layout, f);
		else if (f->bytes == 1 && (f->count_by || f->count != 1))
			fill_bytes(g, msg, layout, f);
		else if (f->count == 1)
			vu_field_set(msg, layout, f->name, value_of(g, msg, f->name));
	}
}

/* ---- descriptors ---- */

static void add(struct vu_message *msg, int fd)
{
	if (fd >= 0 && vu_message_add_fd(msg, fd))
		close(fd);
}

static int copy(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

static int region_file(const struct guest *g, unsigned int region)
{
	return region + 1 < GUEST_PLACES ? g->memory.regions[region].fd : g->loose;
}

/* One end stays with the guest, in place of an earlier one, the other goes. */
static int part(const int ends[2], unsigned int keep, int *mine)
{
	if (*mine >= 0)
		close(*mine);
	*mine = ends[keep];
	fcntl(*mine, F_SETFL, fcntl(*mine, F_GETFL) | O_NONBLOCK);
	return ends[!keep];
}

static int new_channel(struct guest *g)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)
		       ? -1
		       : part(ends, 0, &g->channel);
}

/* A state to be loaded is the one that was saved, mostly: it fits the pipe, and is there at once. */
static int feed(struct guest *g, const int ends[2])
{
	if (chance_one_in(g->chance, 2))
		mutate_bytes(g->chance, g->state, g->state_len);
	if (chance_one_in(g->chance, 4))
		g->state_len = chance_below(g->chance, g->state_len + 1);
	if (write(ends[1], g->state, g->state_len) < 0)
		perror("pipe");
	close(ends[1]);
	return ends[0];
}

static int new_stream(struct guest *g, const struct vu_message *msg)
{
	uint64_t load = 0;
	int ends[2];

	vu_field_get(msg, vu_message_layout(msg), "direction", &load);
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	return load ? feed(g, ends) : part(ends, 0, &g->stream);
}

static void add_descriptors(struct guest *g, struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_MEM_TABLE:
		for (unsigned int i = 0; i < GUEST_PLACES; i++)
			add(msg, copy(region_file(g, i)));
		break;
	case VU_ADD_MEM_REG:
		add(msg, copy(region_file(g, g->region)));
		break;
	case VU_SET_LOG_BASE:
		add(msg, copy(g->log));
		break;
	case VU_SET_VRING_KICK:
		add(msg, copy(g->kicks[g->ring]));
		break;
	case VU_SET_LOG_FD:
	case VU_SET_VRING_CALL:
	case VU_SET_VRING_ERR:
		add(msg, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		break;
	case VU_SET_BACKEND_REQ_FD:
		add(msg, new_channel(g));
		break;
	case VU_SET_INFLIGHT_FD:
		add(msg, copy(g->shared));
		break;
	case VU_SET_DEVICE_STATE_FD:
		add(msg, new_stream(g, msg));
		break;
	}
}

void guest_message(struct guest *g, struct vu_message *msg, uint32_t id, unsigned int ring)
{
	const struct vu_message_info *info = vu_message_by_id(VU_MAIN, id);
	unsigned int form;

	vu_message_init(msg, VU_MAIN, id);
	if (!info)
		return;
	g->ring = ring;
	g->region = (unsigned int)chance_below(g->chance, GUEST_PLACES);
	form = g->packed && info->request_forms[1] ? 1 : 0;
	fill(g, msg, info->request_forms[form]);
	add_descriptors(g, msg);
	if (chance_below(g->chance, 16))
		msg->flags |= VU_FLAG_NEED_REPLY;
}
