/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzzer's back-end does when it is told to, and what it answers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "impostor.h"

#define BIT(n) (UINT64_C(1) << (n))
#define SOME_SIZE 65536
#define DEVICE_FEATURES 24 /* bits below are those of device types */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void impostor_init(struct impostor *im, struct chance *chance)
{
	memset(im, 0, sizeof(*im));
	im->chance = chance;
	im->offered = BIT(VU_F_PROTOCOL_FEATURES) | BIT(VU_F_VERSION_1) | BIT(VU_F_LOG_ALL) |
		      BIT(VU_F_INDIRECT_DESC) | BIT(VU_F_EVENT_IDX) | BIT(VU_F_IN_ORDER) |
		      (BIT(DEVICE_FEATURES) - 1);
	if (chance_one_in(chance, 3))
		im->offered |= BIT(VU_F_RING_PACKED);
	if (chance_one_in(chance, 4))
		im->offered |= BIT(VU_F_IOMMU_PLATFORM);
	vu_map_init(&im->map);
	im->channel = im->stream = -1;
	for (unsigned int i = 0; i < IMPOSTOR_RINGS; i++)
		im->rings[i].kick = im->rings[i].call = -1;
}

void impostor_close(struct impostor *im)
{
	vu_map_free(&im->map);
	close_fd(&im->channel);
	close_fd(&im->stream);
	for (unsigned int i = 0; i < IMPOSTOR_RINGS; i++) {
		close_fd(&im->rings[i].kick);
		close_fd(&im->rings[i].call);
	}
}

/* ---- rings ---- */

static void place(struct impostor *im, struct impostor_ring *ring)
{
	struct vu_served *r = &ring->served;

	r->map = &im->map;
	r->packed = im->features >> VU_F_RING_PACKED & 1;
	r->event_idx = im->features >> VU_F_EVENT_IDX & 1;
	ring->ready = r->size && r->desc_user && !vu_served_map(r);
	if (ring->ready)
		vu_served_set_base(r, ring->base);
}

/* Entries that nobody asked for, indices that jump, descriptors that change. */
static void spoil(struct impostor *im, const struct vu_served *r)
{
	size_t entry =
		r->packed ? sizeof(struct vring_packed_desc) : sizeof(struct vring_used_elem);

	for (uint64_t i = 1 + chance_below(im->chance, 3); i; i--)
		if (r->packed || chance_one_in(im->chance, 2))
			mutate_bytes(im->chance, r->packed ? r->desc : r->used, entry * r->size);
		else
			mutate_bytes(im->chance, r->used, sizeof(uint32_t));
}

static uint32_t written(struct impostor *im, bool harm)
{
	return harm && chance_one_in(im->chance, 2) ? (uint32_t)chance_number(im->chance)
						    : (uint32_t)im->element.in_len;
}

void impostor_serve(struct impostor *im, unsigned int i, bool harm)
{
	struct impostor_ring *ring = &im->rings[i];
	const uint64_t one = 1;
	uint64_t kicks;

	if (ring->kick >= 0 && read(ring->kick, &kicks, sizeof(kicks)) < 0 && errno != EAGAIN)
		close_fd(&ring->kick);
	if (!ring->ready)
		place(im, ring);
	if (!ring->ready)
		return;
	while (!vu_served_pop(&ring->served, &im->element, NULL, NULL)) {
		if (harm && chance_one_in(im->chance, 4))
			im->element.id = (uint16_t)chance_number(im->chance);
		vu_served_push(&ring->served, &im->element, written(im, harm));
	}
	if (harm)
		spoil(im, &ring->served);
	if (ring->call >= 0 && write(ring->call, &one, sizeof(one)) < 0)
		close_fd(&ring->call);
}

/* ---- what it is told ---- */

static void add_region(struct impostor *im, const struct vu_message *msg, const char *path, int fd)
{
	static const char *const names[] = { "guest_address", "user_address", "size",
					     "mmap_offset" };
	uint64_t v[4];
	char name[64];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s.%s", path, names[i]);
		v[i] = vu_get(msg, name);
	}
	if (fd >= 0)
		vu_map_add(&im->map, v[0], v[1], v[2], v[3], fd);
}

static void take_memory(struct impostor *im, const struct vu_message *msg)
{
	char path[32];

	for (unsigned int i = 0; i < IMPOSTOR_RINGS; i++)
		im->rings[i].ready = false;
	if (msg->request == VU_ADD_MEM_REG) {
		add_region(im, msg, "region", msg->nfds ? msg->fds[0] : -1);
		return;
	}
	vu_map_clear(&im->map);
	for (unsigned int i = 0; i < msg->nfds; i++) {
		snprintf(path, sizeof(path), "regions[%u]", i);
		add_region(im, msg, path, msg->fds[i]);
	}
}

static void take_ring(struct impostor_ring *ring, const struct vu_message *msg)
{
	switch (msg->request) {
	case VU_SET_VRING_NUM:
		ring->served.size = (uint16_t)vu_get(msg, "num");
		break;
	case VU_SET_VRING_BASE:
		ring->base = (uint32_t)vu_get(msg, "num");
		break;
	case VU_SET_VRING_ADDR:
		ring->served.desc_user = vu_get(msg, "descriptor");
		ring->served.avail_user = vu_get(msg, "available");
		ring->served.used_user = vu_get(msg, "used");
		break;
	}
	ring->ready = false;
}

static void replace(int *fd, struct vu_message *msg)
{
	close_fd(fd);
	*fd = vu_message_take_fd(msg, 0);
	if (*fd >= 0)
		fcntl(*fd, F_SETFL, fcntl(*fd, F_GETFL) | O_NONBLOCK);
}

void impostor_take(struct impostor *im, struct vu_message *msg)
{
	struct impostor_ring *ring = &im->rings[vu_get(msg, "index") % IMPOSTOR_RINGS];

	switch (msg->request) {
	case VU_SET_FEATURES:
		vu_message_u64(msg, &im->features);
		break;
	case VU_SET_PROTOCOL_FEATURES:
		vu_message_u64(msg, &im->protocol);
		break;
	case VU_SET_MEM_TABLE:
	case VU_ADD_MEM_REG:
		take_memory(im, msg);
		break;
	case VU_SET_VRING_NUM:
	case VU_SET_VRING_BASE:
	case VU_SET_VRING_ADDR:
		take_ring(ring, msg);
		break;
	case VU_SET_VRING_KICK:
		replace(&ring->kick, msg);
		break;
	case VU_SET_VRING_CALL:
		replace(&ring->call, msg);
		break;
	case VU_SET_BACKEND_REQ_FD:
		replace(&im->channel, msg);
		break;
	case VU_SET_DEVICE_STATE_FD:
		replace(&im->stream, msg);
		im->endless = chance_one_in(im->chance, 4);
		if (vu_get(msg, "direction"))
			close_fd(&im->stream);
		break;
	}
}

/* Zeroes for as long as they are taken, or a few of them. */
void impostor_stream(struct impostor *im)
{
	static const char page[4096];

	if (im->stream < 0)
		return;
	if (write(im->stream, page, sizeof(page)) < 0 ? errno != EAGAIN : !im->endless)
		close_fd(&im->stream);
}

/* ---- what it answers ---- */

static uint64_t all_protocol_features(void)
{
	uint64_t bits = 0;

	for (size_t i = 0; i < vu_nfeatures; i++)
		if (vu_features[i].kind == VU_PROTOCOL_FEATURE &&
		    vu_features[i].bit != VU_PF_XEN_MMAP)
			bits |= BIT(vu_features[i].bit);
	return bits;
}

static uint64_t word(const struct impostor *im, uint32_t request)
{
	switch (request) {
	case VU_GET_FEATURES:
		return im->offered;
	case VU_GET_PROTOCOL_FEATURES:
		return all_protocol_features();
	case VU_GET_QUEUE_NUM:
	case VU_GET_MAX_MEM_SLOTS:
		return IMPOSTOR_RINGS;
	case VU_SET_DEVICE_STATE_FD:
		return BIT(VU_LIMIT_VRING_NOFD_BIT);
	default:
		return 0;
	}
}

static void add_memory(struct vu_message *reply)
{
	int fd = memfd_create("buffer", MFD_CLOEXEC);

	if (fd < 0)
		return;
	if (ftruncate(fd, SOME_SIZE) || vu_message_add_fd(reply, fd))
		close(fd);
}

/* Where a reply has the form of its request, it says the same. */
static void fill(struct impostor *im, const struct vu_message *msg, struct vu_message *reply)
{
	const struct vu_message_info *info = vu_message_info(msg);
	const struct vu_payload *layout = info->reply[0];

	vu_message_set_layout(reply, layout);
	if (layout->size == sizeof(uint64_t) && msg->request != VU_GET_VRING_BASE)
		vu_message_set_u64(reply, word(im, msg->request));
	else if (msg->len && msg->len <= sizeof(reply->payload)) {
		memcpy(reply->payload, msg->payload, msg->len);
		reply->len = reply->size = msg->len;
	}
	if (msg->request == VU_GET_INFLIGHT_FD)
		vu_field_set(reply, layout, "mmap_size", SOME_SIZE);
	if (info->fds_reply.max && msg->request != VU_SET_DEVICE_STATE_FD)
		add_memory(reply);
}

static bool due(const struct impostor *im, const struct vu_message *msg,
		const struct vu_message_info *info)
{
	bool acknowledges = im->protocol >> VU_PF_REPLY_ACK & 1;

	if (msg->request == VU_SET_LOG_BASE)
		return im->protocol >> VU_PF_LOG_SHMFD & 1;
	return info->reply_when == VU_REPLY_ALWAYS || (acknowledges && vu_message_needs_reply(msg));
}

bool impostor_answer(struct impostor *im, const struct vu_message *msg, struct vu_message *reply)
{
	const struct vu_message_info *info = vu_message_info(msg);

	if (!info || !due(im, msg, info))
		return false;
	vu_message_init_reply(reply, msg);
	if (info->reply_when == VU_REPLY_ALWAYS)
		fill(im, msg, reply);
	else
		vu_message_set_u64(reply, 0);
	if (msg->request == VU_GET_VRING_BASE) {
		struct impostor_ring *ring = &im->rings[vu_get(msg, "index") % IMPOSTOR_RINGS];

		vu_field_set(reply, vu_payload_by_name("vring_state"), "num",
			     ring->ready ? vu_served_base(&ring->served) : ring->base);
		ring->ready = false;
		close_fd(&ring->kick);
	}
	return true;
}

void impostor_ask(struct impostor *im, struct vu_message *msg)
{
	const struct vu_message_info *info;

	do {
		info = &vu_messages[chance_below(im->chance, vu_nmessages)];
	} while (info->channel != VU_BACKEND);
	vu_message_init(msg, VU_BACKEND, info->id);
	vu_message_set_layout(msg, info->request);
	for (int i = 0; i < 3; i++)
		mutate_bytes(im->chance, msg->payload, msg->len);
	if (info->fds_request.max)
		add_memory(msg);
	if (chance_below(im->chance, 4))
		msg->flags |= VU_FLAG_NEED_REPLY;
}
