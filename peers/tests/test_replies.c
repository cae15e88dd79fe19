/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests are owed a reply, what a reply answers, and replies that nobody asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "session.h"

static bool due(struct session *s, uint32_t id, uint32_t flags)
{
	begin(s, VU_MAIN, id)->flags |= flags;
	return vu_model_reply_due(&s->model, &s->msg);
}

static void reply_is_due_by_message_feature_and_flag(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	assert_true(due(&s, VU_GET_FEATURES, 0));
	assert_false(due(&s, VU_SET_OWNER, 0));
	assert_false(due(&s, VU_SET_OWNER, VU_FLAG_NEED_REPLY));
	assert_false(due(&s, VU_SET_LOG_BASE, 0));
	assert_false(due(&s, VU_GET_CONFIG, 0)); /* CONFIG is not negotiated */
	assert_false(due(&s, 99, VU_FLAG_NEED_REPLY));
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_LOG_SHMFD) | BIT(VU_PF_CONFIG));
	assert_true(due(&s, VU_SET_OWNER, VU_FLAG_NEED_REPLY));
	assert_false(due(&s, VU_SET_OWNER, 0));
	assert_true(due(&s, VU_SET_LOG_BASE, 0));
	assert_true(due(&s, VU_GET_CONFIG, 0));
}

static void replies_match_in_order(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_MQ));
	assert_int_equal(s.model.noutstanding, 0);
	ask_ring(&s, VU_SET_VRING_NUM, 7, 64, VU_FLAG_NEED_REPLY);
	ask(&s, VU_GET_QUEUE_NUM, 0);
	ask_ring(&s, VU_SET_VRING_NUM, 8, 64, VU_FLAG_NEED_REPLY);
	assert_int_equal(s.model.noutstanding, 3);
	answer_u64(&s, VU_SET_VRING_NUM, 0);
	clean(&s);
	assert_true(s.obs.answered);
	assert_int_equal(s.obs.to.index, 7);
	answer_u64(&s, VU_GET_QUEUE_NUM, 4);
	clean(&s);
	assert_int_equal(s.model.queue_num, 4);
	answer_u64(&s, VU_SET_VRING_NUM, 0);
	clean(&s);
	assert_int_equal(s.obs.to.index, 8);
	assert_int_equal(s.model.noutstanding, 0);
}

static void channels_are_matched_apart(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_CONFIG));
	ask(&s, VU_GET_FEATURES, 0);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, VU_FLAG_NEED_REPLY);
	channel_answer(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s);
	assert_int_equal(s.obs.to.channel, VU_BACKEND);
	answer_u64(&s, VU_GET_FEATURES, 0);
	clean(&s);
	assert_int_equal(s.obs.to.channel, VU_MAIN);
}

static void wrong_id(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_QUEUE_NUM, 1);
	breach_be(&s, "hdr.reply-id-matches-request");
	assert_false(s.obs.answered);
	/* the answer may still come, or not: both ways the next one is in step */
	answer_u64(&s, VU_GET_FEATURES, 1);
	clean(&s);
	assert_true(s.obs.answered);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 1);
	clean(&s);
}

static void answers_out_of_order(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_MQ));
	ask(&s, VU_GET_QUEUE_NUM, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 1);
	breach_be(&s, "hdr.reply-id-matches-request");
	answer_u64(&s, VU_GET_QUEUE_NUM, 2);
	clean(&s);
	assert_int_equal(s.model.noutstanding, 0);
	/* the same, but the answer that was passed over never comes: told once */
	ask(&s, VU_GET_QUEUE_NUM, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 1);
	breach_be(&s, "hdr.reply-id-matches-request");
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 1);
	clean(&s);
}

static void reply_flag(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_CONFIG));
	ask(&s, VU_GET_FEATURES, 0);
	begin_reply(&s, VU_MAIN, VU_GET_FEATURES)->flags &= ~VU_FLAG_REPLY;
	say(&s, VU_BACKEND_ROLE);
	breach_be(&s, "hdr.reply-flag-set");
	assert_true(s.obs.answered);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, VU_FLAG_NEED_REPLY);
	begin_reply(&s, VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG)->flags &= ~VU_FLAG_REPLY;
	say(&s, VU_FRONTEND);
	breach_fe(&s, "hdr.reply-flag-set-backend-channel");
	assert_int_equal(s.model.noutstanding, 0);
}

static void requests_against_the_direction(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	begin(&s, VU_MAIN, VU_SET_OWNER);
	say(&s, VU_BACKEND_ROLE);
	breach_be(&s, "comm.backend-only-replies");
	ask(&s, VU_GET_FEATURES, 0);
	begin(&s, VU_MAIN, VU_SET_OWNER);
	say(&s, VU_BACKEND_ROLE);
	breach_be(&s, "comm.backend-only-replies");
	answer_u64(&s, VU_GET_FEATURES, 0);
	clean(&s);
	begin(&s, VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG);
	say(&s, VU_FRONTEND);
	breach_fe(&s, "bmsg.backend-asks-frontend-answers");
}

static void unasked(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	answer_u64(&s, VU_GET_FEATURES, 0);
	breach_be(&s, "comm.no-reply-by-default");
	ask_ring(&s, VU_SET_VRING_NUM, 0, 64, 0);
	answer_u64(&s, VU_SET_VRING_NUM, 0);
	breach_be(&s, "comm.no-reply-by-default");
	assert_false(s.obs.answered);
	/* it is named even when it comes in front of an answer that is due */
	ask_ring(&s, VU_SET_VRING_NUM, 0, 64, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_SET_VRING_NUM, 0);
	breach_be(&s, "comm.no-reply-by-default");
	answer_u64(&s, VU_GET_FEATURES, 0);
	clean(&s);
}

static void need_reply_without_the_feature(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_MQ));
	ask_ring(&s, VU_SET_VRING_NUM, 0, 64, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_SET_VRING_NUM, 0);
	breach_be(&s, "ack.not-without-feature");
}

static void reply_to_memory_slots(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x1000, 0x1000, 0);
	answer_u64(&s, VU_ADD_MEM_REG, 0);
	breach_be(&s, "msg.add-mem-reg.no-plain-reply");
	ask_region(&s, VU_REM_MEM_REG, 0, 0x1000, 0x1000, 0);
	answer_u64(&s, VU_REM_MEM_REG, 0);
	breach_be(&s, "msg.rem-mem-reg.no-plain-reply");
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x1000, 0x1000, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_ADD_MEM_REG, 0);
	clean(&s);
}

static void second_reply(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_LOG_SHMFD));
	ask(&s, VU_GET_FEATURES, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_GET_FEATURES, 1);
	clean(&s);
	answer_u64(&s, VU_GET_FEATURES, 0);
	breach_be(&s, "ack.no-second-reply");
	vu_message_add_fd(begin(&s, VU_MAIN, VU_SET_LOG_BASE), 1000);
	s.msg.flags |= VU_FLAG_NEED_REPLY;
	say(&s, VU_FRONTEND);
	answer(&s, VU_SET_LOG_BASE);
	clean(&s);
	answer(&s, VU_SET_LOG_BASE);
	breach_be(&s, "ack.no-second-reply");
	ask(&s, VU_SET_OWNER, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_SET_OWNER, 0);
	clean(&s);
	answer_u64(&s, VU_SET_OWNER, 0);
	breach_be(&s, "comm.no-reply-by-default");
}

static void unasked_on_the_channel(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_CONFIG));
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	channel_answer(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	breach_fe(&s, "ack.on-backend-channel");
	/* no clause forbids the front-end to honour need_reply without REPLY_ACK */
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, VU_FLAG_NEED_REPLY);
	channel_answer(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s);
}

/* By their entries REPLY_ACK alone may be meant. */
static void two_messages_that_may_be_answered_unasked(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_BACKEND_REQ));
	answer_u64(&s, VU_SET_BACKEND_REQ_FD, 0);
	clean(&s);
	answer_u64(&s, VU_SET_BACKEND_REQ_FD, 0);
	breach_be(&s, "comm.no-reply-by-default");
}

/* Nothing is certain about replies once more requests are outstanding than can be remembered. */
static void too_many_outstanding(void **state)
{
	const int n = VU_MODEL_OUTSTANDING + 5;
	struct session s;

	(void)state;
	session_init(&s);
	for (int i = 0; i < n; i++)
		ask(&s, VU_GET_FEATURES, 0);
	for (int i = 0; i < n; i++) {
		answer_u64(&s, VU_GET_FEATURES, 0);
		clean(&s);
	}
	ask_ring(&s, VU_GET_VRING_BASE, 0, 0, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 0);
	clean(&s);
	vu_model_close(&s.model);
	assert_int_equal(s.model.noutstanding, 0);
	answer_u64(&s, VU_GET_FEATURES, 0);
	breach_be(&s, "comm.no-reply-by-default");
}

static void ids_of_a_draft(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	vu_model_use_draft(&s.model, vu_draft_by_name("device-state-v2"));
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK));
	ask(&s, 41,
	    VU_FLAG_NEED_REPLY); /* SUSPEND; else GET_SHARED_OBJECT, which is not negotiated */
	clean(&s);
	assert_true(s.model.outstanding[0].reply_due);
	answer_u64(&s, 41, 0);
	clean(&s);
	ask(&s, 41, 0);
	clean(&s);
	answer_u64(&s, 41, 0);
	breach_be(&s, "comm.no-reply-by-default");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_is_due_by_message_feature_and_flag),
		cmocka_unit_test(replies_match_in_order),
		cmocka_unit_test(channels_are_matched_apart),
		cmocka_unit_test(wrong_id),
		cmocka_unit_test(answers_out_of_order),
		cmocka_unit_test(reply_flag),
		cmocka_unit_test(requests_against_the_direction),
		cmocka_unit_test(unasked),
		cmocka_unit_test(need_reply_without_the_feature),
		cmocka_unit_test(reply_to_memory_slots),
		cmocka_unit_test(second_reply),
		cmocka_unit_test(unasked_on_the_channel),
		cmocka_unit_test(two_messages_that_may_be_answered_unasked),
		cmocka_unit_test(too_many_outstanding),
		cmocka_unit_test(ids_of_a_draft),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
