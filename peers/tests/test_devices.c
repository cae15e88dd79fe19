/* SPDX-License-Identifier: Apache-2.0 */
/* Requests of each device as the device sees them, and what is made of right and wrong answers. */
#include <errno.h>
#include <linux/fuse.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "devices/device.h"
#include "fake_device.h"

#define MB (UINT64_C(1) << 20)
#define NET_HEADER sizeof(struct virtio_net_hdr_mrg_rxbuf)

typedef uint32_t serve_fn(const struct fake_device *dev, const struct fake_request *req,
			  void *opaque);

struct bench {
	struct vu_memory mem;
	struct vu_region *region;
	struct vu_vring vr;
	struct fake_device dev;
	struct vu_request req;
	uint8_t disk[64][512];
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	b->region = vu_memory_add(&b->mem, "mem0", 16 * MB, 0, 4 * MB, 0);
	*state = b;
	if (vu_vring_init(&b->vr, &b->mem, b->region, 64, false, false) < 0)
		return -1;
	fake_device_init(&b->dev, &b->vr, 0);
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	vu_memory_free(&b->mem);
	free(b);
	return 0;
}

static int prepare(struct bench *b, const struct vu_device *device, const char *kind,
		   const struct vu_arg *args, size_t nargs)
{
	memset(&b->req, 0, sizeof(b->req));
	b->req.kind = vu_request_kind(device, kind);
	assert_non_null(b->req.kind);
	return b->req.kind->prepare(&b->req, &b->mem, b->region, args, nargs);
}

/* A request all the way to the device, answered by @serve, and back. */
static void run(struct bench *b, const struct vu_device *device, const char *kind,
		const struct vu_arg *args, size_t nargs, serve_fn *serve, void *opaque)
{
	struct vu_completion done;

	assert_int_equal(prepare(b, device, kind, args, nargs), 0);
	assert_true(vu_vring_add(&b->vr, &b->req.chain) >= 0);
	assert_int_equal(fake_device_serve(&b->dev, serve, opaque), 1);
	assert_int_equal(vu_vring_take(&b->vr, &done), 0);
	b->req.kind->finish(&b->req, &b->mem, done.len);
}

static uint64_t result(const struct bench *b, const char *key)
{
	uint64_t value;

	assert_true(vu_request_result(&b->req, key, &value));
	return value;
}

static void assert_complains(const struct bench *b, const char *text)
{
	assert_non_null(strstr(b->req.complaint, text));
}

#define assert_content(b) assert_string_equal((b)->req.complaint, "")

static void *bytes(const struct fake_device *dev, const struct fake_request *req, size_t i)
{
	return fake_device_host(dev, req->buffers[i].guest, req->buffers[i].len);
}

/* blk */

static uint32_t serve_disk(const struct fake_device *dev, const struct fake_request *req,
			   void *disk)
{
	const struct virtio_blk_outhdr *header = bytes(dev, req, 0);
	uint8_t(*sectors)[512] = disk, *status = bytes(dev, req, req->nbuffers - 1);

	assert_int_equal(req->buffers[0].len, sizeof(*header));
	assert_int_equal(req->buffers[req->nbuffers - 1].len, 1);
	*status = header->sector + req->nbuffers - 2 <= 64 ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR;
	for (size_t i = 1; i + 1 < req->nbuffers && *status == VIRTIO_BLK_S_OK; i++) {
		uint8_t *data = bytes(dev, req, i), *sector = sectors[header->sector + i - 1];

		assert_int_equal(req->buffers[i].device_writes, header->type != VIRTIO_BLK_T_OUT);
		if (header->type == VIRTIO_BLK_T_OUT)
			memcpy(sector, data, req->buffers[i].len);
		else if (header->type == VIRTIO_BLK_T_IN)
			memcpy(data, sector, req->buffers[i].len);
		else if (header->type == VIRTIO_BLK_T_GET_ID)
			memcpy(data, "vringer", 8);
	}
	return 1;
}

static uint32_t serve_nothing(const struct fake_device *dev, const struct fake_request *req,
			      void *opaque)
{
	(void)dev;
	(void)req;
	(void)opaque;
	return 0;
}

static uint32_t serve_status_alone(const struct fake_device *dev, const struct fake_request *req,
				   void *status)
{
	*(uint8_t *)bytes(dev, req, req->nbuffers - 1) = *(const uint8_t *)status;
	return 1;
}

static void blk_reads_what_it_wrote(void **state)
{
	struct bench *b = *state;
	struct vu_arg args[] = { { "sector", 5 }, { "value", 0x1122334455667788 } };

	run(b, &vu_blk, "write", args, 2, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(result(b, "status"), VIRTIO_BLK_S_OK);
	for (size_t i = 0; i < 512; i += 8)
		assert_memory_equal(&b->disk[5][i], "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	run(b, &vu_blk, "read", args, 1, serve_disk, b->disk);
	assert_content(b);
	assert_true(result(b, "value") == args[1].value);
	run(b, &vu_blk, "probe", NULL, 0, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(result(b, "value"), 0);
	assert_int_equal(b->req.chain.buffers[1].len, 512);
}

static void blk_writes_sectors_in_one_buffer(void **state)
{
	struct bench *b = *state;
	struct vu_arg args[] = { { "sector", 5 }, { "sectors", 3 }, { "value", 7 } };

	run(b, &vu_blk, "write", args, 3, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(b->req.chain.nbuffers, 3);
	assert_int_equal(b->req.chain.buffers[1].len, 3 * 512);
	assert_memory_equal(b->disk[5], b->disk[7], 512);
	assert_int_equal(b->disk[7][504], 7);
	assert_int_equal(b->disk[8][0], 0);
	args[1].value = 0;
	assert_int_equal(prepare(b, &vu_blk, "write", args, 3), -EINVAL);
	args[1].value = UINT32_MAX;
	assert_int_equal(prepare(b, &vu_blk, "write", args, 3), -EINVAL);
}

static void blk_other_kinds(void **state)
{
	struct bench *b = *state;
	struct vu_arg sectors = { "sectors", 30 };

	run(b, &vu_blk, "flush", NULL, 0, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(b->req.chain.nbuffers, 2);
	run(b, &vu_blk, "id", NULL, 0, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(b->req.chain.buffers[1].len, VIRTIO_BLK_ID_BYTES);
	run(b, &vu_blk, "large", &sectors, 1, serve_disk, b->disk);
	assert_content(b);
	assert_int_equal(b->req.chain.nbuffers, VU_CHAIN_MAX);
	sectors.value = 31;
	assert_int_equal(prepare(b, &vu_blk, "large", &sectors, 1), -EINVAL);
	sectors.value = 0;
	assert_int_equal(prepare(b, &vu_blk, "large", &sectors, 1), -EINVAL);
}

static void blk_wrong_answers(void **state)
{
	struct bench *b = *state;
	struct vu_arg beyond = { "sector", 64 };
	uint8_t status = VIRTIO_BLK_S_OK;

	run(b, &vu_blk, "read", &beyond, 1, serve_disk, b->disk);
	assert_complains(b, "status is 1: I/O error");
	assert_int_equal(result(b, "status"), VIRTIO_BLK_S_IOERR);
	run(b, &vu_blk, "probe", NULL, 0, serve_nothing, NULL);
	assert_complains(b, "no status was written");
	run(b, &vu_blk, "probe", NULL, 0, serve_status_alone, &status);
	assert_complains(b, "buffer 1 of 1 was not written");
	status = VIRTIO_BLK_S_UNSUPP;
	run(b, &vu_blk, "flush", NULL, 0, serve_status_alone, &status);
	assert_complains(b, "status is 2: unsupported");
	status = 77;
	run(b, &vu_blk, "flush", NULL, 0, serve_status_alone, &status);
	assert_complains(b, "status is 77: no status");
	status = VIRTIO_BLK_S_IOERR;
	run(b, &vu_blk, "bad", NULL, 0, serve_status_alone, &status);
	assert_content(b);
}

static void bad_chains_point_nowhere(void **state)
{
	struct bench *b = *state;
	const struct vu_device *const devices[] = { &vu_blk, &vu_fs, &vu_net, &vu_rng, &vu_echo };

	for (size_t d = 0; d < 5; d++) {
		bool nowhere = false;

		assert_int_equal(prepare(b, devices[d], "bad", NULL, 0), 0);
		for (size_t i = 0; i < b->req.chain.nbuffers; i++)
			nowhere |= !vu_memory_host(&b->mem, b->req.chain.buffers[i].guest, 1);
		assert_true(nowhere);
	}
}

/* fs: what is checked of a request, and how its answer is bent */

struct fuse_script {
	uint32_t opcode;
	uint64_t node;
	const void *in, *out;
	uint32_t in_len, out_len;
	int32_t error;
	uint64_t unique_off;
	int32_t len_off;
};

static uint32_t serve_fuse(const struct fake_device *dev, const struct fake_request *req,
			   void *opaque)
{
	const struct fuse_script *s = opaque;
	const struct fuse_in_header *in = bytes(dev, req, 0);
	size_t at = s->in_len ? 2 : 1;
	struct fuse_out_header *out = bytes(dev, req, at);

	assert_int_equal(req->nbuffers, at + 2);
	assert_int_equal(req->buffers[0].len, sizeof(*in));
	assert_int_equal(in->len, sizeof(*in) + s->in_len);
	assert_int_equal(in->opcode, s->opcode);
	assert_int_equal(in->nodeid, s->node);
	assert_int_equal(in->unique & 1, 0);
	if (s->in_len) {
		assert_int_equal(req->buffers[1].len, s->in_len);
		if (s->in)
			assert_memory_equal(bytes(dev, req, 1), s->in, s->in_len);
	}
	assert_true(req->buffers[at].device_writes && req->buffers[at + 1].device_writes);
	out->unique = in->unique + s->unique_off;
	out->error = s->error;
	out->len = (uint32_t)((int32_t)sizeof(*out) + (s->error ? 0 : (int32_t)s->out_len) +
			      s->len_off);
	if (!s->error)
		memcpy(bytes(dev, req, at + 1), s->out, s->out_len);
	return out->len <= sizeof(*out) + s->out_len ? out->len : 0;
}

static void fs_init_is_the_first(void **state)
{
	struct bench *b = *state;
	struct fuse_init_in in = { .major = 7,
				   .minor = FUSE_KERNEL_MINOR_VERSION,
				   .max_readahead = 128 << 10 };
	struct fuse_init_out out = { .major = 7, .minor = 33 };
	struct fuse_script s = { FUSE_INIT, 0, &in, &out, sizeof(in), sizeof(out), 0, 0, 0 };

	assert_string_equal(vu_fs.first, "init");
	run(b, &vu_fs, vu_fs.first, NULL, 0, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "minor"), 33);
	s.out_len = FUSE_COMPAT_22_INIT_OUT_SIZE;
	run(b, &vu_fs, "init", NULL, 0, serve_fuse, &s);
	assert_content(b);
	out.major = 6;
	run(b, &vu_fs, "init", NULL, 0, serve_fuse, &s);
	assert_complains(b, "FUSE version 6.33");
}

static void fs_probe(void **state)
{
	struct bench *b = *state;
	struct fuse_attr_out out = { .attr.mode = S_IFDIR | 0755 };
	struct fuse_script s = { FUSE_GETATTR,
				 FUSE_ROOT_ID,
				 NULL,
				 &out,
				 sizeof(struct fuse_getattr_in),
				 sizeof(out),
				 0,
				 0,
				 0 };

	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "mode"), S_IFDIR | 0755);
	out.attr.mode = S_IFREG;
	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_complains(b, "no directory");
	s.unique_off = 2;
	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_complains(b, "unique is");
	s.unique_off = 0;
	s.len_off = -1;
	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_complains(b, "bytes long");
	s.len_off = 1;
	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_complains(b, "bytes long");
	s.error = -EIO;
	run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
	assert_complains(b, "error 5");
	assert_int_equal(result(b, "error"), EIO);
	for (s.error = 1; s.error != INT32_MIN; s.error = s.error == 1 ? -4096 : INT32_MIN) {
		run(b, &vu_fs, "probe", NULL, 0, serve_fuse, &s);
		assert_complains(b, "no negative errno");
	}
	run(b, &vu_fs, "probe", NULL, 0, serve_nothing, NULL);
	assert_complains(b, "no answer was written");
}

static void fs_names(void **state)
{
	struct bench *b = *state;
	struct vu_arg value = { "value", 12 };
	struct fuse_entry_out out = { .nodeid = 9, .attr.mode = S_IFDIR };
	struct fuse_script s = {
		FUSE_LOOKUP, FUSE_ROOT_ID, "vringer-12", &out, 11, sizeof(out), 0, 0, 0
	};
	uint8_t mkdir_in[sizeof(struct fuse_mkdir_in) + 11] = { 0xed, 0x01 };

	run(b, &vu_fs, "lookup", &value, 1, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "found"), 1);
	assert_int_equal(result(b, "node"), 9);
	s.error = -ENOENT;
	run(b, &vu_fs, "lookup", &value, 1, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "found"), 0);
	s.error = -EACCES;
	run(b, &vu_fs, "lookup", &value, 1, serve_fuse, &s);
	assert_complains(b, "error 13");
	s = (struct fuse_script){
		FUSE_LOOKUP, FUSE_ROOT_ID, "hello", &out, 6, sizeof(out), 0, 0, 0
	};
	run(b, &vu_fs, "lookup", NULL, 0, serve_fuse, &s);
	assert_content(b);
	memcpy(mkdir_in + sizeof(struct fuse_mkdir_in), "vringer-12", 11);
	s = (struct fuse_script){
		FUSE_MKDIR, FUSE_ROOT_ID, mkdir_in, &out, sizeof(mkdir_in), sizeof(out), 0, 0, 0
	};
	run(b, &vu_fs, "mkdir", &value, 1, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "node"), 9);
}

static void fs_files(void **state)
{
	struct bench *b = *state;
	struct vu_arg args[] = { { "node", 9 }, { "fh", 4 }, { "size", 100 } };
	struct fuse_open_out open_out = { .fh = 4 };
	struct fuse_read_in read_in = { .fh = 4, .size = 100 };
	struct fuse_statfs_out statfs_out = { .st = { .blocks = 1000, .bsize = 4096 } };
	struct fuse_script s = { FUSE_OPEN,        9, NULL, &open_out, sizeof(struct fuse_open_in),
				 sizeof(open_out), 0, 0,    0 };

	run(b, &vu_fs, "open", args, 1, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "fh"), 4);
	s = (struct fuse_script){ FUSE_READ, 9, &read_in, "hello", sizeof(read_in), 5, 0, 0, 0 };
	run(b, &vu_fs, "read", args, 3, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "len"), 5);
	assert_true(result(b, "value") == 0x6f6c6c6568);
	s.len_off = 96;
	run(b, &vu_fs, "read", args, 3, serve_fuse, &s);
	assert_complains(b, "bytes long");
	args[2].value = 0;
	assert_int_equal(prepare(b, &vu_fs, "read", args, 3), -EINVAL);
	s = (struct fuse_script){
		FUSE_STATFS, FUSE_ROOT_ID, NULL, &statfs_out, 0, sizeof(statfs_out), 0, 0, 0
	};
	run(b, &vu_fs, "statfs", NULL, 0, serve_fuse, &s);
	assert_content(b);
	assert_int_equal(result(b, "blocks"), 1000);
}

/* net */

static uint32_t take_frame(const struct fake_device *dev, const struct fake_request *req,
			   void *frame)
{
	assert_int_equal(req->nbuffers, 1);
	assert_int_equal(req->buffers[0].len, NET_HEADER + 60);
	memcpy(frame, bytes(dev, req, 0), NET_HEADER + 60);
	return 0;
}

static void net_sends_an_arp_request(void **state)
{
	struct bench *b = *state;
	struct vu_arg value = { "value", 0x01020304 };
	uint8_t frame[NET_HEADER + 60], zero[NET_HEADER] = { 0 };
	static const uint8_t head[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 'v', 1, 2, 3,
					4,    8,    6,    0,    1,    8,    0,    6,   4, 0, 1,
					0x02, 'v',  1,    2,    3,    4,    192,  0,   2, 2, 0,
					0,    0,    0,    0,    0,    192,  0,    2,   1, 0 };

	run(b, &vu_net, "probe", &value, 1, take_frame, frame);
	assert_content(b);
	assert_memory_equal(frame, zero, NET_HEADER);
	assert_memory_equal(frame + NET_HEADER, head, sizeof(head));
	assert_true(result(b, "mac") == 0x027601020304);
	value.value = UINT64_C(1) << 32;
	assert_int_equal(prepare(b, &vu_net, "probe", &value, 1), -EINVAL);
	run(b, &vu_net, "probe", NULL, 0, take_frame, frame);
	assert_memory_not_equal(frame + NET_HEADER, head, 12);
}

static uint32_t give_frame(const struct fake_device *dev, const struct fake_request *req, void *len)
{
	static const uint8_t head[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 8, 6 };
	uint8_t *packet = bytes(dev, req, 0);

	assert_true(req->buffers[0].device_writes);
	memset(packet, 0, NET_HEADER + 64);
	memcpy(packet + NET_HEADER, head, sizeof(head));
	return *(const uint32_t *)len;
}

static void net_receives(void **state)
{
	struct bench *b = *state;
	uint32_t len = NET_HEADER + 64;

	assert_string_equal(vu_net.background, "receive");
	run(b, &vu_net, "receive", NULL, 0, give_frame, &len);
	assert_content(b);
	assert_int_equal(result(b, "len"), 64);
	assert_true(result(b, "value") == 0x0807060504030201);
	assert_true(result(b, "mac") == 0x0708090a0b0c);
	assert_int_equal(result(b, "type"), 0x0806);
	for (len = 0; len < NET_HEADER + 14; len++) {
		run(b, &vu_net, "receive", NULL, 0, give_frame, &len);
		assert_complains(b, "bytes were received");
	}
}

/* rng */

static uint32_t serve_entropy(const struct fake_device *dev, const struct fake_request *req,
			      void *len)
{
	uint8_t *data = bytes(dev, req, 0);

	assert_int_equal(req->nbuffers, 1);
	assert_true(req->buffers[0].device_writes && req->buffers[0].len == 64);
	for (uint32_t i = 0; i < *(const uint32_t *)len && i < 64; i++)
		data[i] = (uint8_t)i;
	return *(const uint32_t *)len;
}

static uint32_t serve_as_if_written(const struct fake_device *dev, const struct fake_request *req,
				    void *len)
{
	(void)dev;
	(void)req;
	return *(const uint32_t *)len;
}

static void rng_fills_buffers(void **state)
{
	struct bench *b = *state;
	uint32_t len = 64;

	run(b, &vu_rng, "probe", NULL, 0, serve_entropy, &len);
	assert_content(b);
	assert_int_equal(result(b, "len"), 64);
	run(b, &vu_rng, "probe", NULL, 0, serve_as_if_written, &len);
	assert_complains(b, "none was written");
	len = 1;
	run(b, &vu_rng, "probe", NULL, 0, serve_entropy, &len);
	assert_content(b);
	len = 0;
	run(b, &vu_rng, "probe", NULL, 0, serve_as_if_written, &len);
	assert_complains(b, "0 bytes are said to be random");
}

/* echo */

static uint32_t serve_echo(const struct fake_device *dev, const struct fake_request *req,
			   void *change)
{
	uint8_t *back = bytes(dev, req, 1);

	assert_true(req->nbuffers == 2 && req->buffers[1].device_writes);
	assert_int_equal(req->buffers[0].len, req->buffers[1].len);
	memcpy(back, bytes(dev, req, 0), req->buffers[0].len);
	back[0] ^= *(const uint8_t *)change;
	return req->buffers[1].len;
}

static void echo_sends_back(void **state)
{
	const struct vu_arg args[] = { { "value", 0x123456789abcdef0u } };
	struct bench *b = *state;
	uint8_t change = 0;

	run(b, &vu_echo, "probe", args, 1, serve_echo, &change);
	assert_content(b);
	assert_true(result(b, "value") == args[0].value);
	run(b, &vu_echo, "probe", NULL, 0, serve_echo, &change);
	assert_content(b);
	change = 0x80;
	run(b, &vu_echo, "probe", NULL, 0, serve_echo, &change);
	assert_complains(b, "was sent");
	run(b, &vu_echo, "probe", NULL, 0, serve_nothing, NULL);
	assert_complains(b, "0 bytes came back of 64");
}

/* all of them */

static void devices_by_name(void **state)
{
	(void)state;
	for (const struct vu_device *const *d = vu_devices(); *d; d++) {
		assert_ptr_equal(vu_device_by_name((*d)->name), *d);
		assert_true((*d)->min_rings > (*d)->probe_ring && (*d)->ring_stride > 0);
		assert_non_null((*d)->about);
		assert_true(!(*d)->kinds->name || vu_request_kind(*d, "probe"));
		assert_true(!(*d)->first || vu_request_kind(*d, (*d)->first));
		assert_true(!(*d)->background || vu_request_kind(*d, (*d)->background));
		assert_null(vu_request_kind(*d, "no such kind"));
	}
	assert_null(vu_device_by_name("no such device"));
	assert_int_equal(vu_blk.virtio_id, VIRTIO_ID_BLOCK);
	assert_int_equal(vu_blk.config_size, 60);
	assert_null(vu_generic.kinds->name);
}

/* Whatever stands in the buffers, or if they are gone, finish() reads no byte beyond. */
static void any_answer_can_be_judged(void **state)
{
	struct bench *b = *state;
	struct vu_memory *empty = calloc(1, sizeof(*empty));
	uint64_t used = b->region->used;

	for (const struct vu_device *const *d = vu_devices(); *d; d++) {
		for (const struct vu_request_kind *k = (*d)->kinds; k->name; k++) {
			for (uint64_t fill = 0; fill < 256; fill++) {
				b->region->used = used;
				assert_int_equal(prepare(b, *d, k->name, NULL, 0), 0);
				memset(b->region->host + used, (int)fill, b->region->used - used);
				k->finish(&b->req, &b->mem, (uint32_t)(fill * 0x1010101));
				assert_int_equal(prepare(b, *d, k->name, NULL, 0), 0);
				k->finish(&b->req, empty, UINT32_MAX);
			}
		}
	}
	free(empty);
}

static void a_full_region_is_told(void **state)
{
	struct bench *b = *state;

	for (const struct vu_device *const *d = vu_devices(); *d; d++) {
		for (const struct vu_request_kind *k = (*d)->kinds; k->name; k++) {
			uint64_t left = 0;
			int ret;

			do {
				b->region->used = b->region->size - left++;
				ret = prepare(b, *d, k->name, NULL, 0);
				assert_true(ret == 0 || ret == -ENOSPC);
			} while (ret && left < 8192);
			assert_int_equal(ret, 0);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(blk_reads_what_it_wrote),
		TEST(blk_writes_sectors_in_one_buffer),
		TEST(blk_other_kinds),
		TEST(blk_wrong_answers),
		TEST(bad_chains_point_nowhere),
		TEST(fs_init_is_the_first),
		TEST(fs_probe),
		TEST(fs_names),
		TEST(fs_files),
		TEST(net_sends_an_arp_request),
		TEST(net_receives),
		TEST(rng_fills_buffers),
		TEST(echo_sends_back),
		TEST(devices_by_name),
		TEST(any_answer_can_be_judged),
		TEST(a_full_region_is_told),
	};

	return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
