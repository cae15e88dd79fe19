/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of a disk: the protocol up to the start of the ring, and then the ring alone. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "blk_driver.h"

#define BIT(n) (UINT64_C(1) << (n))
#define MEMORY (UINT64_C(4) << 20)
#define USER UINT64_C(0x7f0000000000)
#define BLOCK 4096
#define SECTOR 512
#define WITHIN (10 * VU_NSEC_PER_SEC)
#define FEATURES (BIT(VU_F_PROTOCOL_FEATURES) | BIT(VU_F_VERSION_1) | BIT(VU_F_EVENT_IDX))

static int trouble(struct blk_driver *d, const char *what, int err)
{
	snprintf(d->trouble, sizeof(d->trouble), "%s: %s", what, strerror(-err));
	return err;
}

/* ---- messages ---- */

static struct vu_message *begin(struct blk_driver *d, uint32_t id)
{
	vu_message_init(&d->msg, VU_MAIN, id);
	return &d->msg;
}

/* The first field that is set lays the message out. */
static void set(struct blk_driver *d, const char *payload, const char *field, uint64_t value)
{
	const struct vu_payload *layout = vu_payload_by_name(payload);

	if (!d->msg.len)
		vu_message_set_layout(&d->msg, layout);
	vu_field_set(&d->msg, layout, field, value);
}

static int say(struct blk_driver *d)
{
	int err = vu_conn_send(&d->conn, &d->msg, NULL, vu_deadline_in(WITHIN));

	return err ? trouble(d, vu_message_name(&d->msg), err) : 0;
}

static int say_u64(struct blk_driver *d, uint32_t id, uint64_t value)
{
	vu_message_set_u64(begin(d, id), value);
	return say(d);
}

static int say_fd(struct blk_driver *d, uint32_t id, int fd)
{
	vu_message_set_u64(begin(d, id), 0);
	vu_message_add_fd(&d->msg, fd);
	return say(d);
}

static int say_ring(struct blk_driver *d, uint32_t id, uint32_t num)
{
	begin(d, id);
	set(d, "vring_state", "index", 0);
	set(d, "vring_state", "num", num);
	return say(d);
}

static int ask(struct blk_driver *d, uint32_t id, uint64_t *value)
{
	int err;

	begin(d, id);
	err = say(d);
	if (!err)
		err = vu_conn_recv_until(&d->conn, &d->msg, vu_deadline_in(WITHIN));
	if (err)
		return trouble(d, "no answer", err);
	return vu_message_u64(&d->msg, value) ? 0 : trouble(d, "no u64", -EPROTO);
}

/* ---- set-up ---- */

static int negotiate(struct blk_driver *d, bool packed)
{
	uint64_t wanted = FEATURES | (packed ? BIT(VU_F_RING_PACKED) : 0), offered, protocol;
	int err = ask(d, VU_GET_FEATURES, &offered);

	if (!err && (offered & wanted) != wanted)
		return trouble(d, "features", -EOPNOTSUPP);
	if (!err)
		err = ask(d, VU_GET_PROTOCOL_FEATURES, &protocol);
	if (!err)
		err = say_u64(d, VU_SET_PROTOCOL_FEATURES, protocol & BIT(VU_PF_MQ));
	if (!err)
		err = say_u64(d, VU_SET_FEATURES, wanted);
	begin(d, VU_SET_OWNER);
	return err ? err : say(d);
}

static int tell_memory(struct blk_driver *d)
{
	const struct vu_region *r = &d->mem.regions[0];

	begin(d, VU_SET_MEM_TABLE);
	set(d, "memory_regions", "num_regions", 1);
	set(d, "memory_regions", "regions[0].guest_address", r->guest_address);
	set(d, "memory_regions", "regions[0].size", r->size);
	set(d, "memory_regions", "regions[0].user_address", r->user_address);
	set(d, "memory_regions", "regions[0].mmap_offset", r->mmap_offset);
	vu_message_add_fd(&d->msg, r->fd);
	return say(d);
}

static int tell_addresses(struct blk_driver *d)
{
	begin(d, VU_SET_VRING_ADDR);
	set(d, "vring_addr", "index", 0);
	set(d, "vring_addr", "descriptor", vu_memory_guest_to_user(&d->mem, d->vr.desc));
	set(d, "vring_addr", "available", vu_memory_guest_to_user(&d->mem, d->vr.avail));
	set(d, "vring_addr", "used", vu_memory_guest_to_user(&d->mem, d->vr.used));
	return say(d);
}

static int start_ring(struct blk_driver *d)
{
	int err = tell_memory(d);

	if (!err)
		err = say_ring(d, VU_SET_VRING_NUM, BLK_RING);
	if (!err)
		err = say_ring(d, VU_SET_VRING_BASE, vu_vring_base(&d->vr));
	if (!err)
		err = tell_addresses(d);
	if (!err)
		err = say_fd(d, VU_SET_VRING_CALL, d->call);
	if (!err)
		err = say_fd(d, VU_SET_VRING_KICK, d->kick);
	return err ? err : say_ring(d, VU_SET_VRING_ENABLE, 1);
}

/* Header, block and status of each request stay where they are; they are read again and again. */
static void lay_out(struct blk_driver *d, struct vu_region *region, unsigned int i)
{
	uint64_t header = vu_memory_alloc(region, sizeof(struct virtio_blk_outhdr), 16);
	uint64_t block = vu_memory_alloc(region, BLOCK, BLOCK);
	uint64_t status = vu_memory_alloc(region, 1, 1);
	struct virtio_blk_outhdr *out = vu_memory_host(&d->mem, header, sizeof(*out));

	out->type = htole32(VIRTIO_BLK_T_IN);
	out->sector = htole64((uint64_t)i * (BLOCK / SECTOR));
	d->chains[i] = (struct vu_chain){
		.buffers = { { header, sizeof(struct virtio_blk_outhdr), false },
			     { block, BLOCK, true },
			     { status, 1, true } },
		.nbuffers = 3,
	};
}

static int make_ring(struct blk_driver *d, bool packed)
{
	struct vu_region *region = vu_memory_add(&d->mem, "mem", 0, USER, MEMORY, 0);
	int err = region ? vu_vring_init(&d->vr, &d->mem, region, BLK_RING, packed, true) : -ENOMEM;

	for (unsigned int i = 0; i < BLK_DEPTH && !err; i++)
		lay_out(d, region, i);
	return err ? trouble(d, "memory", err) : 0;
}

static int open_all(struct blk_driver *d, const struct subject_options *opt, bool packed)
{
	int64_t deadline = vu_deadline_in(WITHIN);
	int err = subject_open(&d->subject, opt, deadline), fd;

	if (!err)
		err = subject_start(&d->subject);
	if (err)
		return trouble(d, d->subject.trouble, err);
	fd = subject_connect(&d->subject, deadline);
	if (fd < 0)
		return trouble(d, d->subject.trouble, fd);
	vu_conn_init(&d->conn, fd, VU_MAIN);
	err = negotiate(d, packed);
	if (!err)
		err = make_ring(d, packed);
	return err ? err : start_ring(d);
}

void blk_driver_init(struct blk_driver *d)
{
	memset(d, 0, sizeof(*d));
	d->conn.fd = d->subject.pidfd = d->subject.listener = d->subject.attention = -1;
	vu_memory_init(&d->mem);
	d->kick = eventfd(0, EFD_CLOEXEC);
	d->call = eventfd(0, EFD_CLOEXEC);
}

int blk_driver_open(struct blk_driver *d, const char *command, bool packed)
{
	const struct subject_options opt = {
		.grace = SUBJECT_GRACE, .command = command, .fd = -1, .signals = -1
	};

	return open_all(d, &opt, packed);
}

void blk_driver_close(struct blk_driver *d)
{
	vu_conn_close(&d->conn);
	subject_close(&d->subject);
	vu_memory_free(&d->mem);
	close(d->kick);
	close(d->call);
}

/* ---- the ring ---- */

static int submit(struct blk_driver *d, unsigned int i)
{
	uint8_t *status = vu_memory_host(&d->mem, d->chains[i].buffers[2].guest, 1);
	int id = vu_vring_add(&d->vr, &d->chains[i]);

	if (id < 0)
		return trouble(d, "the ring takes no more", id);
	*status = VIRTIO_BLK_S_UNSUPP;
	d->owner[id] = i;
	return 0;
}

static int check(struct blk_driver *d, unsigned int i)
{
	const uint8_t *status = vu_memory_host(&d->mem, d->chains[i].buffers[2].guest, 1);

	return *status == VIRTIO_BLK_S_OK ? 0 : trouble(d, "a read", -EIO);
}

static void kick(struct blk_driver *d, uint16_t old)
{
	if (d->vr.next_avail != old && vu_vring_needs_kick(&d->vr, old))
		eventfd_write(d->kick, 1);
}

/* Take what is done and ask for as much again, while any is left to be asked for. Number done, or -errno. */
static int turn(struct blk_driver *d, unsigned int *left)
{
	uint16_t old = d->vr.next_avail;
	struct vu_completion done;
	int n = 0, err;

	while ((err = vu_vring_take(&d->vr, &done)) == 0) {
		n++;
		err = check(d, d->owner[done.id]);
		if (!err && *left) {
			(*left)--;
			err = submit(d, d->owner[done.id]);
		}
		if (err)
			return err;
	}
	kick(d, old);
	return err == -EAGAIN ? n : trouble(d, done.problem, err);
}

/* Who has asked to be called looks once more before it sleeps: something may have been done meanwhile. */
static bool rest(struct blk_driver *d, bool asked)
{
	eventfd_t count;

	if (asked)
		eventfd_read(d->call, &count);
	else
		vu_vring_want_call(&d->vr, true);
	return !asked;
}

int blk_driver_read(struct blk_driver *d, unsigned int requests, unsigned int depth)
{
	unsigned int left = requests > depth ? requests - depth : 0, first = requests - left;
	uint16_t old = d->vr.next_avail;
	bool asked = false;
	int n = 0;

	for (unsigned int i = 0; i < first && !n; i++)
		n = submit(d, i);
	kick(d, old);
	while (n >= 0 && requests) {
		n = turn(d, &left);
		if (n > 0)
			requests -= (unsigned int)n;
		asked = n == 0 && rest(d, asked);
	}
	return n < 0 ? n : 0;
}
