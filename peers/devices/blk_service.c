/* SPDX-License-Identifier: Apache-2.0 */
/* A disk: a file, or memory that is accessed like one. Requests may be held for a while. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "devices/service.h"

#define SECTOR 512
#define BLOCK_SIZE 4096
#define SEG_MAX 126 /* and two for header and status */
#define BIT(n) (UINT64_C(1) << (n))

/* A request that was taken and not carried out yet. */
struct held {
	struct held *next;
	unsigned int ring;
	struct vu_element el;
};

struct vu_service {
	const struct vu_service_host *host;
	int fd;
	int changes; /* inotify of the image, or -1 */
	int timer;   /* when the first held request is due, or -1 */
	bool read_only, in_memory;
	bool may_cache; /* the driver knows how to flush */
	uint8_t write_cache;
	unsigned int queues;
	uint64_t latency_us, capacity; /* in sectors, as last told */
	struct held *first, **last;
};

static unsigned int rings(unsigned int queues)
{
	return queues;
}

/* ---- the medium ---- */

static uint64_t sectors(const struct vu_service *s)
{
	off_t end = lseek(s->fd, 0, SEEK_END);

	return end < 0 ? 0 : (uint64_t)end / SECTOR;
}

static int open_medium(struct vu_service *s, const struct vu_service_options *opt)
{
	s->in_memory = !opt->path;
	if (opt->path) {
		s->fd = open(opt->path, (opt->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
		return s->fd < 0 ? -errno : 0;
	}
	s->fd = memfd_create("disk", MFD_CLOEXEC);
	return s->fd < 0 || ftruncate(s->fd, (off_t)opt->size) ? -errno : 0;
}

/* Whoever makes the image larger closes it in the end; our own writes do not. */
static void watch_medium(struct vu_service *s, const char *path)
{
	s->changes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (s->changes >= 0 && (inotify_add_watch(s->changes, path, IN_CLOSE_WRITE) < 0 ||
				s->host->watch(s->host->ctx, s->changes))) {
		close(s->changes);
		s->changes = -1;
	}
}

static int open_timer(struct vu_service *s)
{
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return s->timer < 0 ? -errno : s->host->watch(s->host->ctx, s->timer);
}

static void abandon(struct vu_service *s, unsigned int ring)
{
	for (struct held **at = &s->first; *at;) {
		struct held *h = *at;

		if (ring != VU_ALL_RINGS && ring != h->ring) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		free(h);
	}
	for (s->last = &s->first; *s->last;)
		s->last = &(*s->last)->next;
}

static void close_blk(struct vu_service *s)
{
	const int fds[] = { s->fd, s->changes, s->timer };

	abandon(s, VU_ALL_RINGS);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(s);
}

static struct vu_service *open_blk(const struct vu_service_options *opt,
				   const struct vu_service_host *host, char *why, size_t size)
{
	struct vu_service *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return NULL;
	*s = (struct vu_service){ .host = host,
				  .changes = -1,
				  .timer = -1,
				  .last = &s->first,
				  .read_only = opt->read_only,
				  .queues = opt->queues,
				  .latency_us = opt->latency_us,
				  .write_cache = 1 };
	err = open_medium(s, opt);
	if (!err && opt->latency_us)
		err = open_timer(s);
	if (err) {
		snprintf(why, size, "%s: %s", opt->path ? opt->path : "memory of the disk",
			 strerror(-err));
		close_blk(s);
		return NULL;
	}
	if (opt->path)
		watch_medium(s, opt->path);
	s->capacity = sectors(s);
	return s;
}

/* ---- requests ---- */

static int move(struct vu_service *s, const struct vu_segment *segments, size_t n, uint64_t skip,
		uint64_t len, uint64_t offset, bool write)
{
	struct iovec iov[VU_SEGMENTS_MAX];

	while (len) {
		int count = vu_segments_iov(segments, n, skip, len, iov);
		ssize_t done = write ? pwritev(s->fd, iov, count, (off_t)offset)
				     : preadv(s->fd, iov, count, (off_t)offset);

		if (done <= 0)
			return -EIO;
		skip += (uint64_t)done;
		offset += (uint64_t)done;
		len -= (uint64_t)done;
	}
	return 0;
}

static bool on_disk(const struct vu_service *s, uint64_t sector, uint64_t len)
{
	uint64_t capacity = sectors(s);

	return len % SECTOR == 0 && sector <= capacity && len / SECTOR <= capacity - sector;
}

static uint8_t flush(struct vu_service *s)
{
	return fdatasync(s->fd) ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

static uint8_t read_sectors(struct vu_service *s, const struct vu_element *el, uint64_t sector)
{
	uint64_t len = el->in_len - 1;

	if (!on_disk(s, sector, len) || move(s, el->in, el->nin, 0, len, sector * SECTOR, false))
		return VIRTIO_BLK_S_IOERR;
	return VIRTIO_BLK_S_OK;
}

/* A driver that cannot flush, or was told that it need not, finds what it wrote on the medium. */
static uint8_t write_sectors(struct vu_service *s, const struct vu_element *el, uint64_t sector)
{
	const uint64_t skip = sizeof(struct virtio_blk_outhdr);
	uint64_t len = el->out_len - skip;

	if (s->read_only || !on_disk(s, sector, len) ||
	    move(s, el->out, el->nout, skip, len, sector * SECTOR, true))
		return VIRTIO_BLK_S_IOERR;
	return s->may_cache && s->write_cache ? VIRTIO_BLK_S_OK : flush(s);
}

static uint8_t tell_id(const struct vu_element *el)
{
	char id[VIRTIO_BLK_ID_BYTES] = "vu-backend";
	size_t len = el->in_len - 1 < sizeof(id) ? el->in_len - 1 : sizeof(id);

	vu_segments_write(el->in, el->nin, 0, id, len);
	return VIRTIO_BLK_S_OK;
}

static uint8_t execute(struct vu_service *s, const struct vu_element *el)
{
	struct virtio_blk_outhdr head;

	if (vu_segments_read(el->out, el->nout, 0, &head, sizeof(head)) < sizeof(head))
		return VIRTIO_BLK_S_IOERR;
	switch (le32toh(head.type)) {
	case VIRTIO_BLK_T_IN:
		return read_sectors(s, el, le64toh(head.sector));
	case VIRTIO_BLK_T_OUT:
		return write_sectors(s, el, le64toh(head.sector));
	case VIRTIO_BLK_T_FLUSH:
		return flush(s);
	case VIRTIO_BLK_T_GET_ID:
		return tell_id(el);
	}
	return VIRTIO_BLK_S_UNSUPP;
}

/* The status is the last byte that may be written; without one there is nothing to be told. */
static uint32_t carry_out(struct vu_service *s, const struct vu_element *el)
{
	uint8_t status;

	if (!el->in_len)
		return 0;
	status = execute(s, el);
	vu_segments_write(el->in, el->nin, el->in_len - 1, &status, 1);
	return (uint32_t)el->in_len;
}

/* ---- requests that are held ---- */

static void arm(struct vu_service *s)
{
	const struct itimerspec when = { .it_value = { .tv_sec = (time_t)(s->latency_us / 1000000),
						       .tv_nsec = (long)(s->latency_us % 1000000 *
									 1000) } };

	timerfd_settime(s->timer, 0, &when, NULL);
}

static int hold(struct vu_service *s, unsigned int ring, const struct vu_element *el)
{
	struct held *h = malloc(sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->next = NULL;
	h->ring = ring;
	h->el = *el;
	if (!s->first)
		arm(s);
	*s->last = h;
	s->last = &h->next;
	return 0;
}

/* In the order in which they came. */
static void drain(struct vu_service *s, unsigned int ring)
{
	for (const struct held *h = s->first; h; h = h->next)
		if (ring == VU_ALL_RINGS || ring == h->ring)
			s->host->give(s->host->ctx, h->ring, &h->el, carry_out(s, &h->el));
	abandon(s, ring);
}

static int serve(struct vu_service *s, unsigned int ring, const struct vu_element *el, bool effects,
		 uint32_t *written)
{
	(void)effects;
	if (s->latency_us && hold(s, ring, el) == 0)
		return -EINPROGRESS;
	*written = carry_out(s, el);
	return 0;
}

/* ---- configuration ---- */

static void changed(struct vu_service *s)
{
	char events[4096];
	uint64_t now = sectors(s);

	while (read(s->changes, events, sizeof(events)) > 0)
		;
	if (now != s->capacity)
		s->host->config_changed(s->host->ctx);
	s->capacity = now;
}

static void ready(struct vu_service *s, unsigned int ring, int fd)
{
	uint64_t expirations;

	(void)ring;
	if (fd == s->changes)
		changed(s);
	else if (fd == s->timer && read(fd, &expirations, sizeof(expirations)) > 0)
		drain(s, VU_ALL_RINGS);
}

static uint32_t config_size(const struct vu_service *s)
{
	(void)s;
	return sizeof(struct virtio_blk_config);
}

static void config(const struct vu_service *s, uint8_t *bytes)
{
	const struct virtio_blk_config c = {
		.capacity = htole64(sectors(s)),
		.seg_max = htole32(SEG_MAX),
		.blk_size = htole32(SECTOR),
		.min_io_size = htole16(BLOCK_SIZE / SECTOR),
		.wce = s->write_cache,
		.num_queues = htole16((uint16_t)s->queues),
	};

	memcpy(bytes, &c, sizeof(c));
}

/* Migration writes back what it read: what follows from the medium has to be the same here. */
static int restore_config(struct vu_service *s, uint32_t offset, uint32_t size,
			  const uint8_t *bytes)
{
	const size_t wce = offsetof(struct virtio_blk_config, wce);
	uint8_t now[sizeof(struct virtio_blk_config)];

	config(s, now);
	for (uint32_t i = 0; i < size; i++)
		if (offset + i != wce && bytes[i] != now[offset + i])
			return -EACCES;
	if (offset <= wce && wce < offset + size)
		s->write_cache = bytes[wce - offset] & 1;
	return 0;
}

static int set_config(struct vu_service *s, uint32_t offset, uint32_t size, const uint8_t *bytes,
		      bool migration)
{
	if (migration)
		return restore_config(s, offset, size, bytes);
	if (offset != offsetof(struct virtio_blk_config, wce) || size != 1)
		return -EACCES;
	if (*bytes > 1)
		return -ERANGE;
	s->write_cache = *bytes;
	return 0;
}

static void acked(struct vu_service *s, uint64_t features)
{
	s->may_cache = features & BIT(VIRTIO_BLK_F_FLUSH);
}

static void reset(struct vu_service *s)
{
	s->write_cache = 1;
}

/* ---- state: the cache mode, and of a disk in memory what is on it ---- */

struct state {
	uint64_t size;
	uint64_t write_cache;
};

static int save(struct vu_service *s, uint8_t **bytes, size_t *len)
{
	struct state state = { .size = s->in_memory ? sectors(s) * SECTOR : 0,
			       .write_cache = s->write_cache };

	*len = sizeof(state) + state.size;
	*bytes = malloc(*len);
	if (!*bytes)
		return -ENOMEM;
	memcpy(*bytes, &state, sizeof(state));
	if (pread(s->fd, *bytes + sizeof(state), state.size, 0) == (ssize_t)state.size)
		return 0;
	free(*bytes);
	return -EIO;
}

static int load(struct vu_service *s, const uint8_t *bytes, size_t len)
{
	struct state state;

	if (len < sizeof(state))
		return -EINVAL;
	memcpy(&state, bytes, sizeof(state));
	if (state.size != (s->in_memory ? sectors(s) * SECTOR : 0) ||
	    len != sizeof(state) + state.size || state.write_cache > 1)
		return -EINVAL;
	if (pwrite(s->fd, bytes + sizeof(state), state.size, 0) != (ssize_t)state.size)
		return -EIO;
	s->write_cache = (uint8_t)state.write_cache;
	return 0;
}

static const char *const options[] = { "read-only", "blk-file", NULL };

const struct vu_service_ops vu_blk_service = {
	.name = "blk",
	.capability = "block",
	.options = options,
	.features = BIT(VIRTIO_BLK_F_SEG_MAX) | BIT(VIRTIO_BLK_F_BLK_SIZE) |
		    BIT(VIRTIO_BLK_F_FLUSH) | BIT(VIRTIO_BLK_F_CONFIG_WCE) | BIT(VIRTIO_BLK_F_MQ),
	.rings = rings,
	.open = open_blk,
	.close = close_blk,
	.serve = serve,
	.drain = drain,
	.abandon = abandon,
	.ready = ready,
	.config_size = config_size,
	.config = config,
	.set_config = set_config,
	.acked = acked,
	.reset = reset,
	.save = save,
	.load = load,
};
