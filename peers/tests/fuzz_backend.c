/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front-end that means harm, against vu-backend: sessions that begin as they should, and
 * messages, descriptors and guest memory that are wrong in every way. The back-end has to
 * live, to answer the next session, and to keep nothing of the last one.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack.h"
#include "guest.h"
#include "held.h"

#define BIT(n) (UINT64_C(1) << (n))
#define ANSWER_WITHIN (20 * VU_NSEC_PER_SEC)
#define REPLY_WITHIN (50 * VU_NSEC_PER_MSEC)
#define RELEASED_WITHIN VU_NSEC_PER_SEC
#define DEEDS 60
#define FDS_UNKNOWN (-1)

struct session {
	struct attack *attack;
	struct guest guest;
	struct chance chance;
	struct vu_conn main, channel;
	bool closed;  /* by the back-end, or given up */
	bool adrift;  /* what it takes for messages may not be what was sent as such */
	bool waiting; /* it may hold back an answer until a state was transferred */
	struct vu_message in, out;
};

/* ---- listening ---- */

static void forget_channel(struct session *s)
{
	vu_conn_close(&s->channel);
	s->channel.fd = -1;
}

/* Requests of the back-end are answered, well or badly. */
static void answer_channel(struct session *s)
{
	struct vu_forge forge = { 0 };

	if (!vu_message_needs_reply(&s->in) && chance_below(&s->chance, 8))
		return;
	vu_message_init_reply(&s->out, &s->in);
	vu_message_set_u64(&s->out, 0);
	if (chance_one_in(&s->chance, 4)) {
		mutate_message(&s->chance, &s->out, &forge);
		s->attack->mutated++;
	}
	s->attack->sent++;
	attack_tell_message(s->attack, ARROW_BACKEND_REPLY, &s->out, &forge);
	if (vu_conn_send(&s->channel, &s->out, &forge, attack_deadline(s->attack, REPLY_WITHIN)))
		forget_channel(s);
	vu_message_close_fds(&s->out);
}

static void listen_channel(struct session *s)
{
	while (s->channel.fd >= 0) {
		int err = vu_conn_recv(&s->channel, &s->in);

		if (err == -EAGAIN)
			return;
		if (err) {
			forget_channel(s);
			return;
		}
		answer_channel(s);
		vu_message_close_fds(&s->in);
	}
}

/* Take what came; true when it is the answer to @request. The answer stays in `in`. */
static bool listen_main(struct session *s, uint32_t request)
{
	for (;;) {
		int err = vu_conn_recv(&s->main, &s->in);

		if (err && err != -EAGAIN)
			s->closed = true;
		if (err)
			return false;
		guest_reply(&s->guest, &s->in);
		vu_message_close_fds(&s->in);
		if (s->in.request == request)
			return true;
	}
}

/* Wait for the answer to @request while everything else is served. 0, -EPIPE or -ETIMEDOUT. */
static int await(struct session *s, uint32_t request, int64_t deadline)
{
	while (!listen_main(s, request)) {
		struct pollfd fds[] = { { .fd = s->main.fd, .events = POLLIN },
					{ .fd = s->channel.fd, .events = POLLIN },
					{ .fd = s->guest.stream, .events = POLLIN } };
		int err;

		if (s->closed)
			return -EPIPE;
		err = vu_poll(fds, 3, deadline);
		if (err)
			return err;
		listen_channel(s);
		guest_stream(&s->guest);
	}
	return 0;
}

/* ---- speaking ---- */

/* A channel was handed over with the message. */
static void open_channel(struct session *s)
{
	if (s->guest.channel < 0)
		return;
	forget_channel(s);
	vu_conn_init(&s->channel, s->guest.channel, VU_BACKEND);
	s->guest.channel = -1;
}

/* Whether an answer is to be expected, if the stream is followed. */
static bool answer_due(const struct session *s, const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);

	if (s->adrift || s->closed)
		return false;
	return vu_message_needs_reply(msg) || (info && info->reply_when == VU_REPLY_ALWAYS);
}

static void say(struct session *s, struct vu_message *msg, const struct vu_forge *forge)
{
	attack_tell_message(s->attack, ARROW_REQUEST, msg, forge);
	s->attack->sent++;
	/* who holds back an answer may take nothing more */
	s->closed |=
		vu_conn_send(&s->main, msg, forge, attack_deadline(s->attack, REPLY_WITHIN)) != 0;
	vu_message_close_fds(msg);
	s->adrift |= !mutate_spares_framing(msg, forge);
	s->waiting |= msg->request == VU_CHECK_DEVICE_STATE;
	if (answer_due(s, msg))
		await(s, msg->request, attack_deadline(s->attack, REPLY_WITHIN));
	open_channel(s);
	listen_channel(s);
	guest_stream(&s->guest);
}

static void say_well(struct session *s, uint32_t id, unsigned int ring)
{
	static const struct vu_forge honest;

	guest_message(&s->guest, &s->out, id, ring);
	say(s, &s->out, &honest);
}

static void say_badly(struct session *s, uint32_t id, unsigned int ring)
{
	struct vu_forge forge = { 0 };

	guest_message(&s->guest, &s->out, id, ring);
	mutate_message(&s->chance, &s->out, &forge);
	s->attack->mutated++;
	say(s, &s->out, &forge);
}

/* ---- a session ---- */

static bool agreed_upon(const struct session *s, const struct vu_message_info *info)
{
	for (const char *const *name = info->requires; *name; name++) {
		const struct vu_feature *f = vu_feature_by_name(*name);
		uint64_t acknowledged =
			f && f->kind == VU_PROTOCOL_FEATURE ? s->guest.protocol : s->guest.features;

		if (f && !(acknowledged & BIT(f->bit)))
			return false;
	}
	return true;
}

/* What ends the connection when it is refused comes less often: much can be done before. */
static uint32_t any_message(struct session *s)
{
	const struct vu_message_info *info;
	bool good;

	do {
		info = &vu_messages[chance_below(&s->chance, vu_nmessages)];
		good = agreed_upon(s, info) &&
		       (info->reply_when != VU_REPLY_ALWAYS || chance_one_in(&s->chance, 4));
	} while (info->channel != VU_MAIN || (!good && chance_below(&s->chance, 100)));
	return info->id;
}

/* Most of what is offered, so that most of it is in force at once. */
static void choose_features(struct session *s, uint64_t offered, uint64_t offered_protocol)
{
	struct guest *g = &s->guest;
	uint64_t few = BIT(VU_F_IOMMU_PLATFORM), layout = BIT(VU_F_RING_PACKED);

	g->features = offered & ~layout;
	if (g->packed)
		g->features |= layout;
	if (chance_below(&s->chance, 8))
		g->features &= ~few;
	if (chance_one_in(&s->chance, 2))
		g->features &= ~BIT(VU_F_LOG_ALL);
	g->protocol = offered_protocol & ~BIT(VU_PF_GPA_ADDRESSES);
	if (chance_one_in(&s->chance, 8))
		g->protocol |= BIT(VU_PF_GPA_ADDRESSES);
	if (chance_one_in(&s->chance, 8))
		g->protocol &= chance_next(&s->chance) | BIT(VU_PF_REPLY_ACK);
}

static uint64_t ask(struct session *s, uint32_t id)
{
	uint64_t value = 0;

	say_well(s, id, 0);
	if (s->in.request == id)
		vu_message_u64(&s->in, &value);
	return value;
}

/* A step of the beginning is left out, or goes wrong, now and then. */
static void step(struct session *s, uint32_t id, unsigned int ring)
{
	if (chance_one_in(&s->chance, 40))
		return;
	if (chance_one_in(&s->chance, 40))
		say_badly(s, id, ring);
	else
		say_well(s, id, ring);
}

static void submit(struct session *s, unsigned int ring)
{
	uint64_t n = 1 + chance_below(&s->chance, 20);

	attack_tell(s->attack, "# %u requests in ring %u", (unsigned int)n, ring);
	while (n--)
		guest_submit(&s->guest, ring);
	guest_kick(&s->guest, ring);
}

static void start_ring(struct session *s, unsigned int ring)
{
	static const uint32_t steps[] = { VU_SET_VRING_NUM,  VU_SET_VRING_BASE, VU_SET_VRING_ADDR,
					  VU_SET_VRING_CALL, VU_SET_VRING_ERR,  VU_SET_VRING_ENABLE,
					  VU_SET_VRING_KICK };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		step(s, steps[i], ring);
	guest_submit_first(&s->guest, ring);
	submit(s, ring);
}

/* From now on pages are fetched: the confirmation that memory was taken is a message of that id. */
static void begin_postcopy(struct session *s)
{
	static const struct vu_forge honest;

	say_well(s, VU_POSTCOPY_ADVISE, 0);
	say_well(s, VU_POSTCOPY_LISTEN, 0);
	say_well(s, VU_SET_MEM_TABLE, 0);
	vu_message_init(&s->out, VU_MAIN, VU_SET_MEM_TABLE);
	vu_message_set_u64(&s->out, 0);
	say(s, &s->out, &honest);
}

static void begin(struct session *s)
{
	static const uint32_t steps[] = { VU_SET_PROTOCOL_FEATURES, VU_SET_OWNER, VU_SET_FEATURES,
					  VU_SET_BACKEND_REQ_FD, VU_SET_LOG_BASE };
	uint64_t offered = ask(s, VU_GET_FEATURES);

	choose_features(s, offered, ask(s, VU_GET_PROTOCOL_FEATURES));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		step(s, steps[i], 0);
	if (chance_one_in(&s->chance, 50))
		begin_postcopy(s);
	else
		step(s, VU_SET_MEM_TABLE, 0);
	if (chance_one_in(&s->chance, 2)) {
		step(s, VU_GET_INFLIGHT_FD, 0);
		step(s, VU_SET_INFLIGHT_FD, 0);
	}
	for (unsigned int i = 0; i < s->guest.nrings; i++)
		start_ring(s, i);
}

static void disturb(struct session *s)
{
	guest_disturb(&s->guest);
	if (s->guest.deed[0])
		attack_tell(s->attack, "%s", s->guest.deed);
}

/* The device at rest, saved and loaded; the state may be spoilt, and so may what is said. */
static void transfer(struct session *s)
{
	for (unsigned int i = 0; i < s->guest.nrings; i++)
		step(s, VU_GET_VRING_BASE, i);
	for (uint64_t i = 1 + chance_below(&s->chance, 4); i; i--) {
		step(s, VU_SET_DEVICE_STATE_FD, 0);
		step(s, VU_CHECK_DEVICE_STATE, 0);
	}
}

static void deed(struct session *s)
{
	unsigned int ring = (unsigned int)chance_below(&s->chance, s->guest.nrings);

	switch (chance_below(&s->chance, 10)) {
	case 0:
		submit(s, ring);
		break;
	case 1:
		for (uint64_t i = chance_below(&s->chance, 6); i; i--)
			disturb(s);
		guest_kick(&s->guest, ring);
		attack_tell(s->attack, "# ring %u is kicked", ring);
		break;
	case 2:
		say_well(s, any_message(s), ring);
		break;
	case 3:
		if (chance_one_in(&s->chance, 4) && s->guest.protocol & BIT(VU_PF_DEVICE_STATE))
			transfer(s);
		step(s, VU_GET_VRING_BASE, ring);
		start_ring(s, ring);
		break;
	default:
		say_badly(s, any_message(s), ring);
	}
}

/* ---- the back-end between two sessions ---- */

/* A process that has ended is looked at as such: it had no reason to. */
static void lost(struct session *s, const char *what, int err)
{
	struct pollfd ended = { .fd = s->attack->subject.pidfd, .events = POLLIN };

	vu_poll(&ended, 1, attack_deadline(s->attack, err == -ETIMEDOUT ? 0 : VU_NSEC_PER_SEC));
	subject_check(&s->attack->subject);
	if (s->attack->subject.exited)
		attack_ended(s->attack, -1);
	attack_found(s->attack, "%s: %s", what, strerror(-err));
}

/* 0, or -errno when no answer came. */
static int fence(struct session *s)
{
	static const struct vu_forge honest;
	int err;

	guest_message(&s->guest, &s->out, VU_GET_FEATURES, 0);
	err = vu_conn_send(&s->main, &s->out, &honest, attack_deadline(s->attack, ANSWER_WITHIN));
	return err ? err : await(s, VU_GET_FEATURES, attack_deadline(s->attack, ANSWER_WITHIN));
}

static bool connect_to(struct session *s)
{
	int fd = subject_connect(&s->attack->subject, attack_deadline(s->attack, ANSWER_WITHIN));
	int err = fd < 0 ? fd : 0;

	if (!err) {
		vu_conn_init(&s->main, fd, VU_MAIN);
		err = fence(s);
	}
	if (err)
		lost(s, "does not serve the next connection", err);
	return !err;
}

/* What an earlier session left would be there still, once this one is served. */
static bool holds_nothing(struct session *s, struct held *before)
{
	struct attack *a = s->attack;
	struct held now;

	if (before->fds == FDS_UNKNOWN)
		*before = held_by(&a->subject);
	now = held_settled(&a->subject, *before, attack_deadline(a, RELEASED_WITHIN));
	if (!held_more(now, *before))
		return true;
	held_tell(a);
	attack_found(
		a,
		"keeps what the session before left: %d descriptors, at first %d; %d mappings, at first %d",
		now.fds, before->fds, now.maps, before->maps);
	return false;
}

static void session_close(struct session *s)
{
	forget_channel(s);
	vu_conn_close(&s->main);
	guest_close(&s->guest);
}

/* Adrift, or while an answer may be held back, nothing can be asked: the next session shows whether it lives. */
static void session_end(struct session *s)
{
	if (s->closed || s->adrift || s->waiting || s->attack->found)
		return;
	if (fence(s) == -ETIMEDOUT)
		lost(s, "does not answer any more", -ETIMEDOUT);
}

static void play(struct session *s)
{
	char memory[512];

	guest_declare(&s->guest, memory, sizeof(memory));
	attack_tell(s->attack, "%s", memory);
	begin(s);
	for (int i = 0; i < DEEDS && !s->closed; i++)
		deed(s);
	session_end(s);
}

static bool session(struct session *s, struct attack *a, const struct vu_device *device,
		    struct held *before)
{
	struct chance next = attack_chance(a, a->session + 1);
	int err;

	*s = (struct session){ .attack = a, .main.fd = -1, .channel.fd = -1, .chance = next };
	err = guest_open(&s->guest, &s->chance, device);
	if (err)
		attack_found(a, "could not be attacked: %s", strerror(-err));
	else if (connect_to(s) && holds_nothing(s, before)) {
		attack_session(a);
		play(s);
	}
	session_close(s);
	return !a->found;
}

static void leave(struct session *s, struct attack *a, const struct vu_device *device)
{
	*s = (struct session){ .attack = a, .main.fd = -1, .channel.fd = -1 };
	if (!guest_open(&s->guest, &s->chance, device))
		connect_to(s);
	session_close(s);
}

/* What drives it: the generic device echoes. */
static const struct vu_device *driver_of(const char *name)
{
	return strcmp(name, vu_generic.name) == 0 ? &vu_echo : vu_device_by_name(name);
}

/* A disk that holds requests for a while has them when memory goes away; a small one is a small state. */
static bool attack_device(const struct attack_options *opt, const char *name, uint64_t messages)
{
	const struct vu_device *device = driver_of(name);
	struct session *s;
	struct attack a;
	struct held before = { .fds = FDS_UNKNOWN };

	if (attack_open(&a, opt, "back-end", name, false))
		return false;
	a.regions = true;
	attack_command(&a, " --socket-path={socket} --device=%s --latency=50 --size=2K", name);
	if (subject_start(&a.subject))
		attack_found(&a, "does not start: %s", a.subject.trouble);
	s = malloc(sizeof(*s));
	while (s && !a.found && a.mutated < messages && session(s, &a, device, &before))
		continue;
	/* as long as pages may be fetched signals just end it: leave it without a front-end that might */
	if (s && !a.found)
		leave(s, &a, device);
	free(s);
	return attack_end(&a);
}

int main(int argc, char **argv)
{
	static const char *const devices[] = { "blk", "fs", "net", "rng", "generic" };
	struct attack_options opt;

	if (!attack_options(&opt, argc, argv))
		return 2;
	return attack_devices(&opt, devices, sizeof(devices) / sizeof(devices[0]), attack_device)
		       ? 0
		       : 1;
}
