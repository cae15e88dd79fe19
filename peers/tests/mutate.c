/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that are wrong in one or a few places, chosen where mistakes are likely. */
#include <string.h>
#include <unistd.h>

#include "mutate.h"

/* ---- chance ---- */

/* splitmix64: any state is a good one, and neighbours have nothing in common. */
uint64_t chance_next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

struct chance chance_of(uint64_t seed, uint64_t part)
{
	struct chance c = { seed };

	c.state = chance_next(&c) ^ part;
	chance_next(&c);
	return c;
}

uint64_t chance_below(struct chance *c, uint64_t n)
{
	return n ? chance_next(c) % n : 0;
}

bool chance_one_in(struct chance *c, uint64_t n)
{
	return chance_below(c, n) == 0;
}

uint64_t chance_number(struct chance *c)
{
	uint64_t little = chance_below(c, 5) - 2;

	switch (chance_below(c, 7)) {
	case 0:
		return chance_below(c, 64);
	case 1:
		return little;
	case 2:
		return (UINT64_C(1) << chance_below(c, 64)) + little;
	case 3:
		return (UINT64_MAX >> chance_below(c, 64)) + little;
	case 4:
		return VU_LIMIT_LOG_PAGE_SIZE * chance_below(c, 1024) + little;
	case 5:
		return -(uint64_t)VU_LIMIT_LOG_PAGE_SIZE * chance_below(c, 1024) + little;
	default:
		return chance_next(c);
	}
}

/* ---- payload ---- */

void mutate_bytes(struct chance *c, void *bytes, size_t len)
{
	size_t width = (size_t)1 << chance_below(c, 4), at;
	uint64_t value = 0;

	while (width > len)
		width /= 2;
	if (!width)
		return;
	at = width * chance_below(c, len / width);
	memcpy(&value, (uint8_t *)bytes + at, width);
	switch (chance_below(c, 4)) {
	case 0:
		value ^= UINT64_C(1) << chance_below(c, 8 * width);
		break;
	case 1:
		value += chance_below(c, 5) - 2;
		break;
	default:
		value = chance_number(c);
	}
	memcpy((uint8_t *)bytes + at, &value, width);
}

static void mutate_payload(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	(void)forge;
	mutate_bytes(c, msg->payload, msg->len);
}

/* A little shorter or longer, or as long as it can be; the header agrees. */
static void mutate_length(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	size_t len = chance_one_in(c, 8) ? chance_below(c, VU_MESSAGE_PAYLOAD_MAX + 1)
					 : chance_below(c, msg->len + 17);

	(void)forge;
	if (len > VU_MESSAGE_PAYLOAD_MAX)
		len = VU_MESSAGE_PAYLOAD_MAX;
	if (len > msg->len)
		memset(msg->payload + msg->len, (int)chance_below(c, 256), len - msg->len);
	msg->len = msg->size = len;
}

/* ---- header ---- */

static void mutate_size(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	(void)forge;
	msg->size = chance_one_in(c, 2) ? (uint32_t)chance_number(c)
					: msg->size + (uint32_t)chance_below(c, 33) - 16;
}

static void mutate_flags(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	(void)forge;
	msg->flags ^= chance_one_in(c, 2) ? VU_FLAG_NEED_REPLY : 1u << chance_below(c, 32);
}

static void mutate_request(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	(void)forge;
	msg->request =
		chance_one_in(c, 4) ? (uint32_t)chance_number(c) : (uint32_t)chance_below(c, 64);
}

/* ---- how it is sent ---- */

static void mutate_end(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	forge->truncate = true;
	forge->bytes = chance_below(c, VU_HEADER_SIZE + msg->len);
}

static void mutate_pieces(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	size_t whole = VU_HEADER_SIZE + msg->len, at = 0;

	for (forge->nsplits = 0; forge->nsplits < 3; forge->nsplits++) {
		at += 1 + chance_below(c, whole / 2);
		if (at >= whole)
			break;
		forge->splits[forge->nsplits] = at;
	}
	forge->fds_on_last = chance_one_in(c, 2);
}

static void mutate_descriptors(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	int fd;

	if (!msg->nfds && chance_below(c, 8)) {
		mutate_payload(c, msg, forge);
		return;
	}
	if (chance_one_in(c, 16)) {
		forge->extra_fds = chance_below(c, 600);
		return;
	}
	if (msg->nfds && chance_one_in(c, 4)) {
		vu_message_close_fds(msg);
		return;
	}
	if (msg->nfds && chance_one_in(c, 2))
		vu_message_close_fds(msg);
	fd = strange_fd(c);
	if (fd >= 0 && vu_message_add_fd(msg, fd))
		close(fd);
}

/* What ends the conversation comes seldom: nothing behind it would be looked at. */
void mutate_message(struct chance *c, struct vu_message *msg, struct vu_forge *forge)
{
	static const struct {
		void (*mutate)(struct chance *c, struct vu_message *msg, struct vu_forge *forge);
		unsigned int weight;
	} ways[] = {
		{ mutate_payload, 52 }, { mutate_descriptors, 24 }, { mutate_length, 3 },
		{ mutate_pieces, 4 },   { mutate_request, 1 },      { mutate_flags, 2 },
		{ mutate_size, 1 },     { mutate_end, 1 },
	};
	unsigned int times = 1 + chance_one_in(c, 3) + chance_one_in(c, 6);

	while (times--) {
		uint64_t choice = chance_below(c, 88);
		size_t i = 0;

		while (choice >= ways[i].weight)
			choice -= ways[i++].weight;
		ways[i].mutate(c, msg, forge);
	}
	/* cuts have to lie within what was left of it */
	if (forge->truncate || msg->len != msg->size)
		forge->nsplits = 0;
}

bool mutate_spares_framing(const struct vu_message *msg, const struct vu_forge *forge)
{
	return !forge->truncate && msg->size == msg->len;
}
