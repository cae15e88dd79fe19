/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and rings of the fuzzer's guest, and the harm that is done to them. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest.h"

/* ---- beginning and end ---- */

static int lay_out(struct guest *g, struct vu_region *region)
{
	static const uint16_t sizes[] = { 2, 8, 64, 256 };

	for (unsigned int i = 0; i < GUEST_RINGS; i++) {
		int err = vu_vring_init(&g->rings[i], &g->memory, region,
					sizes[chance_below(g->chance, 4)], g->packed,
					chance_one_in(g->chance, 2));

		if (err)
			return err;
		vu_vring_set_base(&g->rings[i], vu_vring_base(&g->rings[i]));
		g->kicks[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
	return 0;
}

static int make_file(const char *name, off_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, size))
		return -1;
	return fd;
}

int guest_open(struct guest *g, struct chance *chance, const struct vu_device *device)
{
	struct vu_region *low;

	memset(g, 0, sizeof(*g));
	g->chance = chance;
	g->device = device;
	g->packed = chance_one_in(chance, 2);
	g->nrings = device == &vu_rng ? 1 : device->min_rings > 1 ? device->min_rings : 2;
	g->shared = g->stream = g->channel = -1;
	memset(g->kicks, -1, sizeof(g->kicks));
	g->loose = make_file("loose", GUEST_SIZE);
	g->log = make_file("log", GUEST_SIZE);
	vu_memory_init(&g->memory);
	low = vu_memory_add(&g->memory, "low", GUEST_LOW, GUEST_USER + GUEST_LOW, GUEST_SIZE, 0);
	if (!low || !vu_memory_add(&g->memory, "high", GUEST_HIGH, GUEST_USER + GUEST_LOOSE,
				   GUEST_SIZE, VU_LIMIT_LOG_PAGE_SIZE))
		return -errno;
	return lay_out(g, low);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void guest_close(struct guest *g)
{
	if (g->inflight)
		munmap(g->inflight, g->inflight_size);
	g->inflight = NULL;
	for (unsigned int i = 0; i < GUEST_RINGS; i++)
		close_fd(&g->kicks[i]);
	close_fd(&g->loose);
	close_fd(&g->shared);
	close_fd(&g->log);
	close_fd(&g->stream);
	close_fd(&g->channel);
	vu_memory_free(&g->memory);
}

static size_t declare(char *text, size_t size, const char *name, uint64_t guest, uint64_t user,
		      const char *how)
{
	return (size_t)snprintf(text, size,
				"region %s size=%#" PRIx64 " guest=%#" PRIx64 " user=%#" PRIx64
				" offset=%s\n",
				name, GUEST_SIZE, guest, user, how);
}

/* Log and in-flight buffer are regions that nobody is told about. */
void guest_declare(const struct guest *g, char *text, size_t size)
{
	const uint64_t aside = 0x10000000;
	size_t n = 0;

	for (int i = 0; i < GUEST_PLACES - 1; i++) {
		const struct vu_region *r = &g->memory.regions[i];

		n += declare(text + n, size - n, r->name, r->guest_address, r->user_address,
			     r->mmap_offset ? "4K" : "0");
	}
	n += declare(text + n, size - n, "loose", GUEST_LOOSE, GUEST_USER, "0");
	n += declare(text + n, size - n, "log", aside, GUEST_USER + aside, "0 unlisted");
	declare(text + n, size - n, "inflight", 2 * aside, GUEST_USER + 2 * aside, "0 unlisted");
}

/* ---- what goes on in rings ---- */

#define HEADER 48 /* of a request, of any device */

/* A small value for each of the keys that @kind takes. */
static size_t choose_arguments(struct guest *g, const struct vu_request_kind *kind, char *keys,
			       size_t size, struct vu_arg *args)
{
	size_t n = 0;
	char *rest;

	snprintf(keys, size, "%s", kind->args ? kind->args : "");
	for (char *key = strtok_r(keys, " ", &rest); key && n < VU_REQUEST_ARGS;
	     key = strtok_r(NULL, " ", &rest))
		args[n++] = (struct vu_arg){ key, chance_below(g->chance, 5) };
	return n;
}

/* What the device is asked for: the header, or just what it begins with, which is a type mostly. */
static void spoil(struct guest *g, const struct vu_buffer *header)
{
	void *bytes = vu_memory_host(&g->memory, header->guest, header->len);
	size_t len = chance_one_in(g->chance, 2) ? HEADER : 2 * sizeof(uint32_t);

	len = header->len < len ? header->len : len;
	if (bytes && !header->device_writes)
		for (uint64_t i = chance_below(g->chance, 4); i; i--)
			mutate_bytes(g->chance, bytes, len);
}

static void submit(struct guest *g, unsigned int ring, const struct vu_request_kind *kind)
{
	struct vu_region *high = &g->memory.regions[1];
	struct vu_request req = { .kind = kind };
	struct vu_arg args[VU_REQUEST_ARGS];
	char keys[128];
	size_t n = choose_arguments(g, kind, keys, sizeof(keys), args);

	if (high->used > high->size / 2)
		high->used = 0;
	if (kind->prepare(&req, &g->memory, high, args, chance_one_in(g->chance, 4) ? 0 : n))
		return;
	if (chance_one_in(g->chance, 2))
		spoil(g, &req.chain.buffers[0]);
	req.chain.indirect = chance_one_in(g->chance, 3);
	vu_vring_add(&g->rings[ring], &req.chain);
}

void guest_submit(struct guest *g, unsigned int ring)
{
	const struct vu_request_kind *kinds = g->device->kinds;
	struct vu_completion done;
	unsigned int n = 0;

	while (vu_vring_take(&g->rings[ring], &done) == 0)
		continue;
	while (kinds && kinds[n].name)
		n++;
	if (n)
		submit(g, ring, &kinds[chance_below(g->chance, n)]);
}

void guest_submit_first(struct guest *g, unsigned int ring)
{
	const struct vu_device *dev = g->device;

	if (dev->first && ring == dev->probe_ring && chance_below(g->chance, 8))
		submit(g, ring, vu_request_kind(dev, dev->first));
}

void guest_kick(struct guest *g, unsigned int ring)
{
	const uint64_t one = 1;

	if (write(g->kicks[ring], &one, sizeof(one)) < 0)
		return;
}

/* ---- harm ---- */

struct target {
	uint8_t *bytes;
	size_t len;
	uint64_t guest; /* 0: not guest memory */
};

static struct target part_of(struct guest *g, uint64_t guest, size_t len)
{
	return (struct target){ vu_memory_host(&g->memory, guest, len), len, guest };
}

/* A part of the ring, an indirect table, a buffer, or the in-flight region. */
static struct target choose(struct guest *g, const struct vu_vring *vr)
{
	const size_t events = sizeof(struct vring_packed_desc_event);
	struct vu_region *high = &g->memory.regions[1];
	uint64_t table;

	switch (chance_below(g->chance, 8)) {
	case 0:
	case 1:
		return part_of(g, vr->desc, (size_t)vr->size * sizeof(struct vring_desc));
	case 2:
		return part_of(g, vr->avail, g->packed ? events : 4 + 2u * vr->size);
	case 3:
		return part_of(g, vr->avail, 4);
	case 4:
		return part_of(g, vr->used, g->packed ? events : 4 + 8u * vr->size);
	case 5:
		return (struct target){ g->inflight, g->inflight_size, 0 };
	case 6:
		table = vr->indirect[chance_below(g->chance, vr->size)];
		return part_of(g, table ? table : vr->desc, sizeof(struct vring_desc) * 2);
	default:
		return part_of(g, high->guest_address, high->used ? high->used : 8);
	}
}

/* A descriptor that looks well, but for where it leads and to what. */
static void write_descriptor(struct guest *g, const struct target *t)
{
	static const uint64_t places[] = { GUEST_LOW,
					   GUEST_HIGH,
					   GUEST_LOOSE,
					   GUEST_LOOSE + GUEST_SIZE - 1,
					   GUEST_HIGH + GUEST_SIZE - 16,
					   0 };
	struct vring_desc desc = {
		.addr = places[chance_below(g->chance, 6)] + chance_below(g->chance, 0x2000),
		.len = (uint32_t)(chance_one_in(g->chance, 2) ? chance_below(g->chance, 0x3000)
							      : chance_number(g->chance)),
		.flags = (uint16_t)chance_below(g->chance, 8),
		.next = (uint16_t)chance_below(g->chance, 8),
	};
	size_t at = sizeof(desc) * chance_below(g->chance, t->len / sizeof(desc));
	uint64_t words[2];

	memcpy(t->bytes + at, &desc, sizeof(desc));
	memcpy(words, &desc, sizeof(words));
	snprintf(g->deed, sizeof(g->deed),
		 "poke %#" PRIx64 " 8 %#" PRIx64 "\npoke %#" PRIx64 " 8 %#" PRIx64, t->guest + at,
		 words[0], t->guest + at + sizeof(words[0]), words[1]);
}

static void write_number(struct guest *g, const struct target *t)
{
	size_t at = 2 * chance_below(g->chance, t->len / 2);
	unsigned int width = t->len - at < sizeof(uint64_t) ? sizeof(uint16_t) : sizeof(uint64_t);
	uint64_t value = 0;

	mutate_bytes(g->chance, t->bytes + at, width);
	memcpy(&value, t->bytes + at, width);
	if (t->guest)
		snprintf(g->deed, sizeof(g->deed), "poke %#" PRIx64 " %u %#" PRIx64, t->guest + at,
			 width, value);
	else
		snprintf(g->deed, sizeof(g->deed), "# in-flight buffer at %#zx: %#" PRIx64, at,
			 value);
}

static void shorten(struct guest *g)
{
	off_t size = (off_t)chance_below(g->chance, GUEST_SIZE);

	snprintf(g->deed, sizeof(g->deed), "# the last region is cut to %#llx bytes",
		 ftruncate(g->loose, size) ? 0LL : (long long)size);
}

void guest_disturb(struct guest *g)
{
	struct target t = choose(g, &g->rings[chance_below(g->chance, g->nrings)]);

	g->deed[0] = '\0';
	if (chance_one_in(g->chance, 100))
		shorten(g);
	else if (!t.bytes)
		return;
	else if (t.guest && t.len >= sizeof(struct vring_desc) && chance_one_in(g->chance, 2))
		write_descriptor(g, &t);
	else
		write_number(g, &t);
}

/* ---- what came back ---- */

/* Sealed or not, it is the back-end's: it will not become shorter by itself. */
void guest_reply(struct guest *g, struct vu_message *reply)
{
	struct stat st;
	int fd;

	if (reply->request != VU_GET_INFLIGHT_FD || g->inflight)
		return;
	fd = vu_message_take_fd(reply, 0);
	if (fd < 0 || fstat(fd, &st) || !st.st_size) {
		close_fd(&fd);
		return;
	}
	g->shared = fd;
	g->inflight = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	g->inflight_size = (size_t)st.st_size;
	if (g->inflight == MAP_FAILED)
		g->inflight = NULL;
}

void guest_stream(struct guest *g)
{
	ssize_t n;

	if (g->stream < 0)
		return;
	do {
		n = read(g->stream, g->state, sizeof(g->state));
		if (n > 0)
			g->state_len = (size_t)n;
	} while (n > 0);
	if (n == 0 || errno != EAGAIN)
		close_fd(&g->stream);
}
