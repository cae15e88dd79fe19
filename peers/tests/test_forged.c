/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that break the rules: a reply to them is possible, not due, and later ones stay in step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "session.h"

static void reply_ack_that_sets_itself(void **state)
{
	for (int answers = 0; answers < 2; answers++) {
		struct session s;

		(void)state;
		session_init(&s);
		ask_u64(&s, VU_SET_PROTOCOL_FEATURES, BIT(VU_PF_REPLY_ACK), VU_FLAG_NEED_REPLY);
		if (answers)
			answer_u64(&s, VU_SET_PROTOCOL_FEATURES, 0);
		clean(&s);
		ask(&s, VU_GET_FEATURES, 0);
		answer_u64(&s, VU_GET_FEATURES, 0);
		clean(&s);
	}
}

/* Make GET_QUEUE_NUM wrong in one of several ways. */
static void forge(struct session *s, int way)
{
	switch (way) {
	case 0:
		s->msg.flags = 2;
		break;
	case 1:
		s->msg.flags |= VU_FLAG_REPLY;
		break;
	case 2:
		vu_message_set_u64(&s->msg, 3);
		break;
	case 3:
		vu_message_add_fd(&s->msg, 1000);
		break;
	case 4:
		s->msg.size = 8;
		break;
	default:
		s->msg.request = 99;
	}
}

static void forged_request_may_be_answered_or_not(void **state)
{
	(void)state;
	for (int way = 0; way < 6; way++) {
		for (int answers = 0; answers < 3; answers++) {
			struct session s;
			uint32_t id;

			session_init(&s);
			negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_MQ));
			begin(&s, VU_MAIN, VU_GET_QUEUE_NUM);
			forge(&s, way);
			id = s.msg.request;
			say(&s, VU_FRONTEND);
			assert_int_equal(s.obs.nbreaches, way != 5);
			assert_int_equal(s.model.noutstanding, 1);
			assert_false(s.model.outstanding[0].reply_due);
			if (answers == 1) {
				answer_u64(&s, id, 1);
				clean(&s);
				assert_true(s.obs.answered);
			}
			ask(&s, VU_GET_FEATURES, 0);
			answer_u64(&s, VU_GET_FEATURES, 0);
			clean(&s);
			assert_int_equal(s.model.noutstanding, 0);
			if (answers == 2) { /* late */
				answer_u64(&s, id, 1);
				clean(&s);
			}
			if (answers) {
				answer_u64(&s, id, 1);
				assert_int_equal(s.obs.nbreaches, 1);
			}
		}
	}
}

/* Which of the two is answered cannot be told: nothing is held against the answer. */
static void forged_and_proper_request_of_one_id(void **state)
{
	for (int both = 0; both < 2; both++) {
		struct session s;

		(void)state;
		session_init(&s);
		negotiate(&s, 0, 0);
		begin(&s, VU_MAIN, VU_GET_VRING_BASE)->flags = 0;
		say(&s, VU_FRONTEND);
		ask_ring(&s, VU_GET_VRING_BASE, 1, 0, 0);
		answer_ring(&s, 0, 0x12345);
		clean(&s);
		if (both)
			answer_ring(&s, 1, 0);
		clean(&s);
		ask(&s, VU_GET_FEATURES, 0);
		answer_u64(&s, VU_GET_FEATURES, 0);
		clean(&s);
		assert_int_equal(s.model.noutstanding, 0);
	}
}

/* The request begun is said; a breach of it makes an answer possible, not due. */
static void say_nonsense(struct session *s, const char *clause)
{
	s->msg.flags |= VU_FLAG_NEED_REPLY;
	say(s, VU_FRONTEND);
	breach_fe(s, clause);
	assert_false(s->model.outstanding[s->model.noutstanding - 1].reply_due);
}

static void begin_ring(struct session *s, uint32_t id, uint32_t num)
{
	begin(s, VU_MAIN, id);
	set(s, vu_payload_by_name("vring_state"), "num", num);
}

static void nonsense_may_be_refused(void **state)
{
	const struct vu_payload *table = vu_payload_by_name("memory_regions");
	const struct vu_payload *iotlb = vu_payload_by_name("iotlb");
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, BIT(VU_F_IOMMU_PLATFORM),
		  BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_CROSS_ENDIAN) | BIT(VU_PF_LOG_SHMFD) |
			  BIT(VU_PF_CONFIGURE_MEM_SLOTS) | BIT(VU_PF_DEVICE_STATE));
	begin_ring(&s, VU_SET_VRING_ENABLE, 2);
	say_nonsense(&s, "msg.set-vring-enable.values");
	begin_ring(&s, VU_SET_VRING_ENDIAN, 2);
	say_nonsense(&s, "msg.set-vring-endian.values");
	begin(&s, VU_MAIN, VU_SET_VRING_KICK);
	say_nonsense(&s, "msg.set-vring-kick.fd");
	begin(&s, VU_MAIN, VU_SET_MEM_TABLE);
	set(&s, table, "num_regions", 1);
	set(&s, table, "regions[0].mmap_offset", 0);
	say_nonsense(&s, "msg.set-mem-table.one-fd-per-region");
	begin(&s, VU_MAIN, VU_SET_MEM_TABLE);
	set(&s, table, "num_regions", 9);
	set(&s, table, "regions[8].mmap_offset", 0);
	say_nonsense(&s, "pay.mem-table.at-most-eight");
	begin(&s, VU_MAIN, VU_SET_LOG_BASE);
	say_nonsense(&s, "msg.set-log-base.shmfd-payload");
	begin(&s, VU_MAIN, VU_IOTLB_MSG);
	say_nonsense(&s, "pay.iotlb.type-values");
	begin(&s, VU_MAIN, VU_IOTLB_MSG);
	set(&s, iotlb, "type", 4);
	set(&s, iotlb, "perm", 4);
	say_nonsense(&s, "pay.iotlb.perm-values");
	begin(&s, VU_MAIN, VU_SET_DEVICE_STATE_FD);
	set(&s, vu_payload_by_name("device_state"), "phase", 1);
	say_nonsense(&s, "pay.device-state.phase-values");
	assert_int_equal(s.model.nregions, 0);
	assert_false(s.model.rings[0].started);
}

/* REPLY_ACK was set although it was not offered: the back-end may honour it or not. */
static void acknowledged_but_not_offered(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, 0);
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES, BIT(VU_PF_REPLY_ACK), 0);
	breach_fe(&s, "feat.ack-only-offered");
	ask(&s, VU_SET_OWNER, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_SET_OWNER, 0);
	clean(&s);
}

/* Many that need not be answered give way to those that must be. */
static void forged_requests_do_not_fill_the_memory(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	for (int i = 0; i < 3 * VU_MODEL_OUTSTANDING; i++)
		ask(&s, 1000 + i, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 0);
	clean(&s);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_QUEUE_NUM, 0);
	breach_be(&s, "hdr.reply-id-matches-request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reply_ack_that_sets_itself),
		cmocka_unit_test(forged_request_may_be_answered_or_not),
		cmocka_unit_test(forged_and_proper_request_of_one_id),
		cmocka_unit_test(nonsense_may_be_refused),
		cmocka_unit_test(acknowledged_but_not_offered),
		cmocka_unit_test(forged_requests_do_not_fill_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
