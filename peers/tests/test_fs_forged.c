/* SPDX-License-Identifier: Apache-2.0 */
/* What no driver should send to the fs service: it is answered, or given back, and nothing happens. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fs_driver.h"

#define ROOT FUSE_ROOT_ID
#define HEADER sizeof(struct fuse_in_header)
#define ROUNDS 25000 /* on each of the two trees */

static int in_memory(void **state)
{
	*state = calloc(1, sizeof(struct fs_driver));
	fs_driver_start(*state, false);
	return 0;
}

static int in_directory(void **state)
{
	*state = calloc(1, sizeof(struct fs_driver));
	fs_driver_start(*state, true);
	return 0;
}

static int stop(void **state)
{
	fs_driver_stop(*state, true);
	free(*state);
	return 0;
}

static void what_is_not_known_is_said(void **state)
{
	static const uint32_t opcodes[] = {
		0, FUSE_READLINK, FUSE_RENAME, FUSE_SETXATTR, FUSE_READDIRPLUS, FUSE_INTERRUPT,
		7, 4096,          UINT32_MAX,
	};
	struct fs_driver *d = *state;

	for (size_t i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		assert_int_equal(fs_driver_call(d, opcodes[i], ROOT, NULL, 0, "x", 2, NULL, 0),
				 -ENOSYS);
}

static void a_header_that_is_too_short_is_refused(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_in_header header = { .len = sizeof(header), .opcode = FUSE_STATFS };
	struct fuse_out_header out;

	for (size_t len = 0; len < sizeof(header); len++) {
		assert_int_equal(fs_driver_raw(d, 1, &header, len, &out, sizeof(out)), sizeof(out));
		assert_int_equal(out.error, -EINVAL);
		assert_int_equal(fs_driver_raw(d, 1, &header, len, NULL, 0), 0);
	}
}

static void a_length_that_is_not_there_is_refused(void **state)
{
	static const uint32_t lengths[] = { 0, 1, sizeof(struct fuse_in_header) - 1,
					    sizeof(struct fuse_in_header) + 1, UINT32_MAX };
	struct fs_driver *d = *state;
	struct fuse_in_header header = { .opcode = FUSE_STATFS };
	struct {
		struct fuse_out_header out;
		struct fuse_statfs_out statfs;
	} answer;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		header.len = lengths[i];
		assert_int_equal(
			fs_driver_raw(d, 1, &header, sizeof(header), &answer, sizeof(answer)),
			sizeof(answer.out));
		assert_int_equal(answer.out.error, -EINVAL);
	}
}

/* What is written must be there, whatever the header says. */
static void data_that_is_not_there_is_not_written(void **state)
{
	struct fs_driver *d = *state;
	struct {
		struct fuse_in_header header;
		struct fuse_write_in in;
		uint8_t data[400];
	} request = { { .len = 2000, .opcode = FUSE_WRITE }, { .size = 1000 }, { 0 } };
	struct {
		struct fuse_out_header out;
		struct fuse_write_out write;
	} answer;
	uint64_t node;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &request.in.fh), 0);
	assert_int_equal(fs_driver_raw(d, 1, &request, sizeof(request), &answer, sizeof(answer)),
			 sizeof(answer.out));
	assert_int_equal(answer.out.error, -EINVAL);
}

static void arguments_that_are_too_short_are_refused(void **state)
{
	static const struct {
		uint32_t opcode;
		size_t args;
	} calls[] = {
		{ FUSE_INIT, FUSE_COMPAT_INIT_OUT_SIZE * 2 },
		{ FUSE_GETATTR, sizeof(struct fuse_getattr_in) },
		{ FUSE_SETATTR, sizeof(struct fuse_setattr_in) },
		{ FUSE_ACCESS, sizeof(struct fuse_access_in) },
		{ FUSE_OPEN, sizeof(struct fuse_open_in) },
		{ FUSE_OPENDIR, sizeof(struct fuse_open_in) },
		{ FUSE_READ, sizeof(struct fuse_read_in) },
		{ FUSE_WRITE, sizeof(struct fuse_write_in) },
		{ FUSE_RELEASE, sizeof(struct fuse_release_in) },
	};
	struct fs_driver *d = *state;
	uint8_t answer[256];
	struct {
		uint64_t fh;
		uint8_t zero[120];
	} args = { 0 };
	uint64_t node;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &args.fh), 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_int_equal(fs_driver_call(d, calls[i].opcode, node, &args, calls[i].args - 1,
						NULL, 0, answer, sizeof(answer)),
				 -EINVAL);
}

/* Even with room for one. */
static void what_has_no_answer_gets_none(void **state)
{
	struct fs_driver *d = *state;
	struct {
		struct fuse_in_header header;
		struct fuse_forget_in in;
	} request = { { .len = sizeof(request), .opcode = FUSE_FORGET, .nodeid = 99 }, { 1 } };
	struct fuse_out_header out;

	assert_int_equal(fs_driver_raw(d, 0, &request, sizeof(request), &out, sizeof(out)), 0);
	request.header.opcode = FUSE_BATCH_FORGET;
	assert_int_equal(fs_driver_raw(d, 0, &request, sizeof(request), &out, sizeof(out)), 0);
}

/* Nothing is done whose result could not be told. */
static void an_answer_without_room_means_no_effect(void **state)
{
	struct fs_driver *d = *state;
	struct {
		struct fuse_in_header header;
		struct fuse_mkdir_in in;
		char name[4];
	} request = { { .len = sizeof(request), .opcode = FUSE_MKDIR, .nodeid = ROOT },
		      { .mode = 0755 },
		      "dir" };
	uint8_t answer[sizeof(struct fuse_out_header) + sizeof(struct fuse_entry_out)];
	uint64_t node;
	uint32_t written;

	for (size_t room = 0; room < sizeof(answer); room++) {
		written = fs_driver_raw(d, 1, &request, sizeof(request), answer, room);
		assert_int_equal(written, room < sizeof(struct fuse_out_header)
						  ? 0
						  : sizeof(struct fuse_out_header));
	}
	assert_int_equal(fs_driver_lookup(d, ROOT, "dir", &node), -ENOENT);
	assert_int_equal(fs_driver_raw(d, 1, &request, sizeof(request), answer, sizeof(answer)),
			 sizeof(answer));
}

static void names_end_within_the_request(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_entry_out out;
	char name[600];

	memset(name, 'n', sizeof(name));
	assert_int_equal(fs_driver_call(d, FUSE_LOOKUP, ROOT, NULL, 0, name, 0, &out, sizeof(out)),
			 -EINVAL);
	assert_int_equal(fs_driver_call(d, FUSE_LOOKUP, ROOT, NULL, 0, name, 5, &out, sizeof(out)),
			 -EINVAL);
	assert_int_equal(
		fs_driver_call(d, FUSE_LOOKUP, ROOT, NULL, 0, name, 255, &out, sizeof(out)),
		-EINVAL);
	for (size_t len = 256; len < sizeof(name); len++)
		assert_int_equal(
			fs_driver_call(d, FUSE_LOOKUP, ROOT, NULL, 0, name, len, &out, sizeof(out)),
			-ENAMETOOLONG);
	name[255] = '\0';
	assert_int_equal(
		fs_driver_call(d, FUSE_LOOKUP, ROOT, NULL, 0, name, 256, &out, sizeof(out)),
		-ENOENT);
}

static void sizes_fit_the_buffers(void **state)
{
	struct fs_driver *d = *state;
	struct fuse_read_in read = { .size = 100 };
	struct fuse_write_in write = { .size = 100 };
	struct fuse_write_out out;
	uint8_t bytes[100];
	uint64_t node;

	assert_int_equal(fs_driver_create(d, ROOT, "file", O_RDWR, &node, &read.fh), 0);
	write.fh = read.fh;
	assert_int_equal(
		fs_driver_call(d, FUSE_READ, node, &read, sizeof(read), NULL, 0, bytes, 99),
		-EINVAL);
	assert_int_equal(fs_driver_call(d, FUSE_WRITE, node, &write, sizeof(write), bytes, 99, &out,
					sizeof(out)),
			 -EINVAL);
	write.size = UINT32_MAX;
	assert_int_equal(fs_driver_call(d, FUSE_WRITE, node, &write, sizeof(write), bytes, 99, &out,
					sizeof(out)),
			 -EINVAL);
	assert_int_equal(fs_driver_write(d, read.fh, UINT64_MAX, bytes, 2), -EFBIG);
	assert_int_equal(fs_driver_write(d, read.fh, INT64_MAX, bytes, 2), -EFBIG);
	assert_int_equal(fs_driver_read(d, read.fh, UINT64_MAX, bytes, 2), -EINVAL);
}

static void paths_have_an_end(void **state)
{
	struct fs_driver *d = *state;
	char name[201];
	uint64_t node = ROOT;
	int ret = 0, depth = 0;

	memset(name, 'd', sizeof(name) - 1);
	name[200] = '\0';
	for (; !ret && depth < 10; depth++)
		ret = fs_driver_mkdir(d, node, name, &node);
	assert_int_equal(ret, -ENAMETOOLONG);
	assert_int_equal(depth, 6);
}

/* Random requests. Half-right ones get furthest, so that most begin as what a driver would send. */

struct dice {
	uint64_t state;
	/* numbers that answers gave, to go on with */
	uint64_t nodes[8], handles[8];
};

static uint64_t roll(struct dice *dice, uint64_t sides)
{
	dice->state ^= dice->state << 13;
	dice->state ^= dice->state >> 7;
	dice->state ^= dice->state << 17;
	return dice->state % sides;
}

static uint32_t pick_opcode(struct dice *dice)
{
	static const uint32_t known[] = {
		FUSE_LOOKUP,  FUSE_FORGET,     FUSE_GETATTR, FUSE_SETATTR, FUSE_MKDIR,
		FUSE_UNLINK,  FUSE_RMDIR,      FUSE_OPEN,    FUSE_READ,    FUSE_WRITE,
		FUSE_STATFS,  FUSE_RELEASE,    FUSE_FSYNC,   FUSE_FLUSH,   FUSE_OPENDIR,
		FUSE_READDIR, FUSE_RELEASEDIR, FUSE_ACCESS,  FUSE_CREATE,  FUSE_BATCH_FORGET,
	};

	if (!roll(dice, 200))
		return FUSE_INIT;
	if (!roll(dice, 50))
		return (uint32_t)roll(dice, 60);
	return known[roll(dice, sizeof(known) / sizeof(known[0]))];
}

static void put_name(struct dice *dice, uint32_t opcode, uint8_t *args)
{
	static const char *const names[] = { "a", "b", "hello", "..", "c/d", "" };
	const char *name = names[roll(dice, 6)];

	if (opcode == FUSE_MKDIR)
		args += sizeof(struct fuse_mkdir_in);
	else if (opcode == FUSE_CREATE)
		args += sizeof(struct fuse_create_in);
	else if (opcode != FUSE_LOOKUP && opcode != FUSE_UNLINK && opcode != FUSE_RMDIR)
		return;
	memcpy(args, name, strlen(name) + 1);
}

/* The mode of a directory that is removed afterwards must let us do so. */
static void keep_accessible(uint32_t opcode, uint8_t *args)
{
	struct fuse_setattr_in *setattr = (void *)args;
	struct fuse_mkdir_in *mkdir = (void *)args;

	if (opcode == FUSE_SETATTR)
		setattr->valid &= ~(uint32_t)(FATTR_MODE | FATTR_UID | FATTR_GID);
	if (opcode == FUSE_MKDIR)
		mkdir->mode |= 0700;
}

static size_t make_request(struct dice *dice, uint8_t *request, size_t max)
{
	const uint32_t version[] = { FUSE_KERNEL_VERSION, FUSE_KERNEL_MINOR_VERSION };
	struct fuse_in_header *header = (void *)request;
	uint8_t *args = request + HEADER;
	size_t len = HEADER + roll(dice, roll(dice, 4) ? 128 : max - HEADER);

	for (size_t i = HEADER; i < max; i++)
		request[i] = roll(dice, 3) ? 0 : (uint8_t)roll(dice, 256);
	header->len = (uint32_t)(roll(dice, 20) ? len : roll(dice, 2 * max));
	header->opcode = pick_opcode(dice);
	header->unique = roll(dice, UINT64_MAX);
	header->nodeid = roll(dice, 10) ? dice->nodes[roll(dice, 8)] : roll(dice, UINT64_MAX);
	memcpy(args, &dice->handles[roll(dice, 8)], sizeof(dice->handles[0]));
	if (roll(dice, 2))
		memset(args + 8, 0, 8);
	put_name(dice, header->opcode, args);
	if (header->opcode == FUSE_INIT)
		memcpy(args, version, sizeof(version));
	keep_accessible(header->opcode, args);
	return roll(dice, 20) ? len : roll(dice, len + 1);
}

static void check_answer(const void *request, const void *answer, uint32_t written)
{
	const struct fuse_in_header *header = request;
	const struct fuse_out_header *out = answer;

	if (!written)
		return;
	assert_true(written >= sizeof(*out));
	assert_int_equal(out->len, written);
	assert_true(out->error <= 0 && out->error > -4096);
	assert_true(out->unique == header->unique || out->error == -EINVAL);
}

static void learn(struct dice *dice, const void *request, const void *answer)
{
	const struct fuse_in_header *header = request;
	const uint8_t *out = (const uint8_t *)answer + sizeof(struct fuse_out_header);
	uint64_t *node = &dice->nodes[1 + roll(dice, 7)], *handle = &dice->handles[roll(dice, 8)];

	switch (header->opcode) {
	case FUSE_INIT:
		for (size_t i = 0; i < 8; i++)
			dice->nodes[i] = ROOT;
		break;
	case FUSE_CREATE:
		memcpy(handle, out + sizeof(struct fuse_entry_out), sizeof(*handle));
		/* fall through */
	case FUSE_LOOKUP:
	case FUSE_MKDIR:
		memcpy(node, out, sizeof(*node));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		memcpy(handle, out, sizeof(*handle));
		break;
	default:
		break;
	}
}

static void random_requests_are_answered_or_given_back(void **state)
{
	static _Alignas(8) uint8_t request[4096], answer[8192];
	struct dice dice = { UINT64_C(0x9e3779b97f4a7c15), { ROOT }, { 0 } };
	struct fs_driver *d = *state;
	struct fuse_attr attr;
	unsigned int succeeded = 0;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		size_t len = make_request(&dice, request, sizeof(request));
		size_t room = roll(&dice, 4) ? 16 + roll(&dice, 4096) : roll(&dice, 256);
		uint32_t written;

		d->piece = roll(&dice, 3) ? 0 : 1 + roll(&dice, 64);
		d->disabled = !roll(&dice, 100);
		written =
			fs_driver_raw(d, (unsigned int)roll(&dice, 3), request, len, answer, room);
		check_answer(request, answer, written);
		if (!written || ((struct fuse_out_header *)answer)->error)
			continue;
		succeeded++;
		learn(&dice, request, answer);
	}
	/* or it would be a test of refusals alone */
	assert_true(succeeded > ROUNDS / 10);
	d->disabled = false;
	assert_int_equal(fs_driver_init(d), 0);
	assert_int_equal(fs_driver_getattr(d, ROOT, &attr), 0);
}

#define both(f)                                                \
	{ #f " (memory)", f, in_memory, stop, NULL },          \
	{                                                      \
#f " (directory)", f, in_directory, stop, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(what_is_not_known_is_said),
		both(a_header_that_is_too_short_is_refused),
		both(a_length_that_is_not_there_is_refused),
		both(data_that_is_not_there_is_not_written),
		both(arguments_that_are_too_short_are_refused),
		both(what_has_no_answer_gets_none),
		both(an_answer_without_room_means_no_effect),
		both(names_end_within_the_request),
		both(sizes_fit_the_buffers),
		both(paths_have_an_end),
		both(random_requests_are_answered_or_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
