/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared objects: the device exports one buffer, under a name of its own, and looks it up again
 * as another device would. Memory of a memfd stands in for that of a dma-buf: it maps alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/uuid.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"

#define OBJECT_SIZE 4096
#define UUID_BYTES 16

/* 7672696e-6765-4000-8072-0000nnnnnnnn; the first three components are big-endian as written. */
static void name_object(uint8_t uuid[UUID_BYTES])
{
	static const uint8_t prefix[] = {
		0x76, 0x72, 0x69, 0x6e, 0x67, 0x65, 0x40, 0x00, 0x80, 0x72
	};
	const uint64_t pid = (uint64_t)getpid();

	memset(uuid, 0, UUID_BYTES);
	memcpy(uuid, prefix, sizeof(prefix));
	for (unsigned int i = 0; i < 4; i++)
		uuid[UUID_BYTES - 1 - i] = (uint8_t)(pid >> 8 * i);
}

static int make_object(void)
{
	int fd = memfd_create("shared-object", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, OBJECT_SIZE) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int request(struct backend *be, uint32_t id,
		   void (*answered)(struct backend *, unsigned int, struct vu_message *))
{
	struct vu_message msg;
	uint8_t uuid[UUID_BYTES];

	name_object(uuid);
	vu_message_init(&msg, VU_BACKEND, id);
	vu_field_set_bytes(&msg, vu_payload_by_name("shared_object"), "uuid", uuid, sizeof(uuid));
	return channel_ask(be, &msg, 0, answered);
}

static void looked_up(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	(void)be;
	(void)ring;
	if (!reply->nfds)
		backend_complain("the front-end does not find the object that was added");
}

static void added(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	uint64_t result = 1;

	(void)ring;
	be->object_added = vu_message_u64(reply, &result) && !result;
	if (!be->object_added)
		backend_complain("the front-end does not take the object");
	else if (channel_may(be, VU_BACKEND_SHARED_OBJECT_LOOKUP))
		request(be, VU_BACKEND_SHARED_OBJECT_LOOKUP, looked_up);
}

static void add(struct backend *be)
{
	if (be->object_fd < 0)
		be->object_fd = make_object();
	if (be->object_fd >= 0 && channel_may(be, VU_BACKEND_SHARED_OBJECT_ADD))
		request(be, VU_BACKEND_SHARED_OBJECT_ADD, added);
}

static void removed(struct backend *be, unsigned int ring, struct vu_message *reply)
{
	(void)ring;
	(void)reply;
	be->object_added = false;
	add(be);
}

/* Each run of the device exports anew: what the run before exported goes first. */
void object_announce(struct backend *be)
{
	if (!has_trait(be, VU_SERVICE_OBJECTS) || !channel_may(be, VU_BACKEND_SHARED_OBJECT_ADD))
		return;
	if (be->object_added)
		request(be, VU_BACKEND_SHARED_OBJECT_REMOVE, removed);
	else
		add(be);
}

/* An object that is not ours is answered without a descriptor. */
int get_shared_object(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint8_t uuid[UUID_BYTES];
	size_t len = 0;
	const uint8_t *asked = vu_field_bytes(msg, vu_message_layout(msg), "uuid", &len);
	int fd;

	name_object(uuid);
	if (be->object_fd < 0 || quirk(be, QUIRK_OBJECT_MISSING))
		return ANSWERED;
	if (!quirk(be, QUIRK_OBJECT_ANY) &&
	    (len != sizeof(uuid) || memcmp(asked, uuid, sizeof(uuid)) != 0))
		return ANSWERED;
	fd = fcntl(be->object_fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0)
		vu_message_add_fd(reply, fd);
	return ANSWERED;
}
