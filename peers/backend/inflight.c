/* SPDX-License-Identifier: Apache-2.0 */
/* The shared buffer that outlives this process: which requests were taken and not completed. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deviations.h"
#include "vring/inflight.h"

void inflight_close(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		vu_inflight_detach(&be->rings[i].served);
	if (be->inflight.mapping)
		munmap(be->inflight.mapping, be->inflight.mapped);
	be->inflight = (struct inflight){ 0 };
}

static uint64_t region_size(const struct backend *be, uint64_t queue_size)
{
	return vu_inflight_size((uint16_t)queue_size, has_feature(be, VU_F_RING_PACKED));
}

static int make_buffer(uint64_t size)
{
	int fd = memfd_create("inflight", MFD_CLOEXEC);

	if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -errno;
}

/* One region a queue; zeroes say that a region is fresh. */
int get_inflight_fd(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t queues = vu_get(msg, "num_queues"), queue_size = vu_get(msg, "queue_size");
	uint64_t size = queues * region_size(be, queue_size);
	int fd;

	if (queues > be->nrings || !size)
		return -EINVAL;
	if (quirk(be, QUIRK_INFLIGHT_UNANSWERED))
		return DONE;
	if (quirk(be, QUIRK_INFLIGHT_ONE_REGION))
		size /= queues;
	fd = make_buffer(quirk(be, QUIRK_INFLIGHT_SIZE_WRONG) ? size / 2 : size);
	if (fd < 0)
		return fd;
	vu_set(reply, "mmap_size", size);
	vu_set(reply, "mmap_offset", quirk(be, QUIRK_INFLIGHT_OFFSET_ODD) ? size : 0);
	vu_set(reply, "num_queues", queues);
	vu_set(reply, "queue_size", queue_size);
	if (quirk(be, QUIRK_INFLIGHT_VERSION_ODD))
		pwrite(fd, &(uint16_t){ 2 }, sizeof(uint16_t),
		       offsetof(struct inflight_split, version));
	if (quirk(be, QUIRK_INFLIGHT_HOARDED))
		dup(fd);
	if (!quirk(be, QUIRK_INFLIGHT_WITHOUT_BUFFER))
		vu_message_add_fd(reply, fd);
	return ANSWERED;
}

static bool file_holds(int fd, uint64_t offset, uint64_t size)
{
	struct stat st;

	return fstat(fd, &st) == 0 && size && offset + size > offset &&
	       offset + size <= (uint64_t)st.st_size;
}

static int map(struct inflight *in, int fd, uint64_t offset)
{
	uint64_t within = offset % (uint64_t)sysconf(_SC_PAGESIZE);

	if (!file_holds(fd, offset, in->size))
		return -EINVAL;
	in->mapped = in->size + within;
	in->mapping = mmap(NULL, in->mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   (off_t)(offset - within));
	if (in->mapping == MAP_FAILED) {
		in->mapping = NULL;
		return -errno;
	}
	in->bytes = (uint8_t *)in->mapping + within;
	return 0;
}

static void reattach(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		if (be->rings[i].positioned)
			inflight_attach(be, &be->rings[i]);
}

int set_inflight_fd(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	struct inflight in = {
		.size = vu_get(msg, "mmap_size"),
		.queues = (uint16_t)vu_get(msg, "num_queues"),
		.queue_size = (uint16_t)vu_get(msg, "queue_size"),
	};
	int err;

	(void)reply;
	if (quirk(be, QUIRK_INFLIGHT_QUEUES_CRASH) && in.queues > be->nrings)
		deviation_crash();
	if (in.queues * region_size(be, in.queue_size) > in.size)
		return -EINVAL;
	err = map(&in, msg->fds[0], vu_get(msg, "mmap_offset"));
	if (err)
		return err;
	inflight_close(be);
	be->inflight = in;
	reattach(be);
	return DONE;
}

/* The part of @ring, or NULL where the buffer is not for rings as large, or of another layout. */
static uint8_t *part_of(const struct backend *be, const struct ring *ring)
{
	const struct inflight *in = &be->inflight;
	uint64_t size = region_size(be, in->queue_size);

	if (!in->bytes || ring->index >= in->queues || ring->served.size > in->queue_size ||
	    (ring->index + 1) * size > in->size)
		return NULL;
	return in->bytes + ring->index * size;
}

int inflight_attach(struct backend *be, struct ring *ring)
{
	uint8_t *part = part_of(be, ring);

	vu_inflight_detach(&ring->served);
	if (!be->inflight.bytes || ring->index >= be->inflight.queues)
		return 0;
	if (!part)
		return -EINVAL;
	deviation_before_attach(be, ring, part);
	return vu_inflight_attach(&ring->served, part);
}

void inflight_review(struct backend *be, struct ring *ring)
{
	if (ring->served.inflight != part_of(be, ring))
		vu_inflight_detach(&ring->served);
}
