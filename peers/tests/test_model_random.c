/* SPDX-License-Identifier: Apache-2.0 */
/* What always holds, under messages made at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"

/* xorshift: the same numbers everywhere. */
static uint32_t roll(uint64_t *dice)
{
	*dice ^= *dice << 13;
	*dice ^= *dice >> 7;
	*dice ^= *dice << 17;
	return *dice >> 32;
}

static void random_message(uint64_t *dice, struct vu_message *msg)
{
	static const uint32_t flags[] = { 1, 1, 1, 1, 5, 5, 9, 9, 13, 0, 2, 0xffffffff };

	msg->channel = roll(dice) % 4 ? VU_MAIN : VU_BACKEND;
	msg->request = roll(dice) % 40 ? roll(dice) % 47 : roll(dice);
	msg->flags = flags[roll(dice) % (sizeof(flags) / sizeof(flags[0]))];
	for (size_t i = 0; i < 64; i++)
		msg->payload[i] = roll(dice) % 3 ? 0 : roll(dice) % 4;
	msg->len = roll(dice) % 3 ? 8 * (roll(dice) % 7) : roll(dice) % VU_MESSAGE_PAYLOAD_MAX;
	msg->size = roll(dice) % 30 ? msg->len : (uint32_t)roll(dice);
	msg->nfds = roll(dice) % 2 ? roll(dice) % 3 : 0;
	msg->fds_dropped = roll(dice) % 50 ? 0 : roll(dice) % 5;
}

/* Often one that fits, so that states deep inside are reached. */
static void probable_message(uint64_t *dice, struct session *s)
{
	uint32_t id = 1 + roll(dice) % 44;
	enum vu_channel channel = roll(dice) % 5 ? VU_MAIN : VU_BACKEND;

	if (s->model.noutstanding && roll(dice) % 2) {
		const struct vu_outstanding *to = &s->model.outstanding[0];

		begin_reply(s, to->channel, to->request);
		return;
	}
	begin(s, channel, channel == VU_MAIN ? id : 1 + id % 10);
	s->msg.payload[0] = s->msg.len ? roll(dice) % 3 : 0;
	s->msg.flags |= roll(dice) % 2 ? VU_FLAG_NEED_REPLY : 0;
	if (id == VU_SET_PROTOCOL_FEATURES || id == VU_SET_FEATURES)
		memset(s->msg.payload, 0xff, 8);
}

static void check_invariants(const struct session *s)
{
	const struct vu_model *model = &s->model;
	size_t started = 0;

	assert_true(model->noutstanding <= VU_MODEL_OUTSTANDING);
	assert_true(model->nregions <= VU_MODEL_REGIONS);
	assert_true(s->obs.nbreaches <= VU_BREACHES_MAX);
	for (size_t i = 0; i < VU_MODEL_RINGS; i++) {
		const struct vu_model_ring *ring = &model->rings[i];

		started += ring->started;
		assert_true(ring->seen || !(ring->started || ring->stopping || ring->has_kick));
	}
	assert_int_equal(started, model->nstarted);
	assert_int_equal(vu_model_suspended(model), started == 0);
	assert_true(model->protocol_set || !model->protocol);
	assert_true(model->features_set || !model->features);
	assert_false(model->silence_due && started);
	for (size_t i = 1; i < model->noutstanding; i++)
		assert_true(model->outstanding[i - 1].sequence < model->outstanding[i].sequence);
	if (s->obs.answered)
		assert_true(s->obs.to.sequence < model->messages);
}

static void messages_at_random(void **state)
{
	static const int rounds = 40, messages = 500;
	struct session s;
	uint64_t dice;

	(void)state;
	memset(&s, 0, sizeof(s));
	for (int seed = 1; seed <= rounds; seed++) {
		dice = seed * UINT64_C(0x9e3779b97f4a7c15);
		session_init(&s);
		if (seed % 3 == 0)
			vu_model_use_draft(&s.model, &vu_drafts[seed % vu_ndrafts]);
		for (int i = 0; i < messages; i++) {
			bool main;

			if (roll(&dice) % 2)
				random_message(&dice, &s.msg);
			else
				probable_message(&dice, &s);
			main = s.msg.channel == VU_MAIN;
			/* mostly in the direction that the flags tell */
			if (roll(&dice) % 10 == 0 || vu_message_is_reply(&s.msg))
				main = !main;
			say(&s, main ? VU_FRONTEND : VU_BACKEND_ROLE);
			check_invariants(&s);
		}
	}
}

/* A pair that keeps the rules is never accused, whatever it says. */
static void well_behaved_pair_at_random(void **state)
{
	static const uint32_t asked[] = {
		VU_GET_FEATURES,   VU_SET_OWNER,      VU_SET_VRING_NUM,
		VU_SET_VRING_BASE, VU_GET_VRING_BASE, VU_GET_QUEUE_NUM,
		VU_GET_STATUS,     VU_SET_STATUS,     VU_SET_VRING_ENABLE
	};
	struct session s;
	uint64_t dice;

	(void)state;
	for (int seed = 1; seed <= 20; seed++) {
		dice = seed * UINT64_C(0x9e3779b97f4a7c15);
		session_init(&s);
		negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_MQ) | BIT(VU_PF_STATUS));
		for (int i = 0; i < 300; i++) {
			uint32_t id = asked[roll(&dice) % (sizeof(asked) / sizeof(asked[0]))];

			if (s.model.noutstanding &&
			    (roll(&dice) % 2 || s.model.noutstanding > 20)) {
				const struct vu_outstanding to = s.model.outstanding[0];

				if (to.request == VU_GET_VRING_BASE)
					answer_ring(&s, to.index, roll(&dice) % 65536);
				else
					answer(&s, to.request);
				assert_int_equal(s.obs.to.sequence, to.sequence);
			} else if (roll(&dice) % 4 == 0) {
				ask_fd(&s, VU_SET_VRING_KICK, roll(&dice) % 4, roll(&dice) % 2, 0);
			} else {
				begin(&s, VU_MAIN, id);
				s.msg.flags |= roll(&dice) % 2 ? VU_FLAG_NEED_REPLY : 0;
				s.msg.payload[0] = s.msg.len ? roll(&dice) % 4 : 0;
				say(&s, VU_FRONTEND);
			}
			clean(&s);
			check_invariants(&s);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_at_random),
		cmocka_unit_test(well_behaved_pair_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
