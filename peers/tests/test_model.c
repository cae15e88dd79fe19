/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a connection through whole lifecycles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"

static void begins_with_nothing(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	assert_false(s.model.features_set || s.model.protocol_set || s.model.owner);
	assert_true(vu_model_suspended(&s.model));
	for (size_t i = 0; i < VU_MODEL_RINGS; i++)
		assert_false(s.model.rings[i].started || s.model.rings[i].enabled);
}

static void negotiation(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, BIT(VU_F_VERSION_1), BIT(VU_PF_MQ) | BIT(VU_PF_BACKEND_REQ));
	assert_true(s.model.features_offered_known && s.model.protocol_offered_known);
	assert_true(s.model.owner && s.model.backend_channel);
	assert_int_equal(s.model.features, BIT(VU_F_VERSION_1) | BIT(VU_F_PROTOCOL_FEATURES));
	assert_true(vu_model_has(&s.model, vu_feature_by_name("VERSION_1")));
	assert_true(vu_model_has(&s.model, vu_feature_by_name("MQ")));
	assert_false(vu_model_has(&s.model, vu_feature_by_name("REPLY_ACK")));
	assert_true(vu_model_has_protocol(&s.model, VU_PF_MQ));
	assert_false(vu_model_has_protocol(&s.model, 64));
}

static void ring_lifecycle(void **state)
{
	const struct vu_model_ring *ring;
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, 0);
	start_ring(&s, 4);
	ring = &s.model.rings[4];
	assert_true(ring->seen && ring->started && ring->enabled);
	assert_true(ring->has_addr && ring->has_num && ring->has_base && ring->has_kick);
	assert_int_equal(ring->num, 256);
	assert_int_equal(ring->desc, 0x1000);
	assert_false(s.model.rings[3].seen);
	assert_false(vu_model_suspended(&s.model));
	ask_ring(&s, VU_GET_VRING_BASE, 4, 0, 0);
	assert_true(ring->started && ring->stopping);
	answer_ring(&s, 4, 17);
	assert_false(ring->started || ring->stopping);
	assert_true(ring->enabled);
	assert_int_equal(ring->base, 17);
	assert_true(vu_model_suspended(&s.model));
	ask_fd(&s, VU_SET_VRING_KICK, 4, false, 0); /* to be polled: started all the same */
	assert_true(ring->started);
	assert_false(ring->has_kick);
}

/* A kick that follows GET_VRING_BASE at once starts the ring again, whenever the reply comes. */
static void restart_before_the_reply(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, 0);
	start_ring(&s, 0);
	ask_ring(&s, VU_GET_VRING_BASE, 0, 0, 0);
	ask_fd(&s, VU_SET_VRING_KICK, 0, true, 0);
	answer_ring(&s, 0, 1);
	clean(&s);
	assert_true(s.model.rings[0].started);
	assert_int_equal(s.model.nstarted, 1);
}

static void enabled_is_tracked_while_stopped(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, BIT(VU_F_LOG_ALL), 0);
	ask_ring(&s, VU_SET_VRING_ENABLE, 1, 1, 0);
	assert_true(s.model.rings[1].enabled);
	assert_false(s.model.rings[1].started);
	ask_u64(&s, VU_SET_FEATURES, BIT(VU_F_PROTOCOL_FEATURES) | BIT(VU_F_LOG_ALL), 0);
	assert_true(s.model.rings[1].enabled);
	assert_false(s.model.rings[0].enabled);
	ask_ring(&s, VU_SET_VRING_ENABLE, 1, 0, 0);
	assert_false(s.model.rings[1].enabled);
	ask_u64(&s, VU_SET_FEATURES, 0, 0);
	assert_true(s.model.rings[0].enabled && s.model.rings[255].enabled);
	ask_u64(&s, VU_SET_FEATURES, BIT(VU_F_PROTOCOL_FEATURES), 0);
	assert_true(s.model.rings[0].enabled);
}

static void inband_kick_starts(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0,
		  BIT(VU_PF_INBAND_NOTIFICATIONS) | BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_REPLY_ACK));
	ask_ring(&s, VU_VRING_KICK, 2, 0, VU_FLAG_NEED_REPLY);
	assert_true(s.model.rings[2].started);
	answer_u64(&s, VU_VRING_KICK, 0);
	clean(&s);
	session_init(&s);
	negotiate(&s, 0, 0);
	ask_ring(&s, VU_VRING_KICK, 2, 0, 0);
	assert_false(s.model.rings[2].started);
}

static void reset_device(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_RESET_DEVICE) | BIT(VU_PF_STATUS));
	start_ring(&s, 0);
	ask_u64(&s, VU_SET_STATUS, 15, 0);
	ask(&s, VU_RESET_DEVICE, 0);
	assert_true(vu_model_suspended(&s.model));
	assert_false(s.model.rings[0].enabled || s.model.rings[0].has_addr);
	assert_true(s.model.rings[0].seen);
	assert_int_equal(s.model.status, 0);
	assert_true(s.model.owner && s.model.protocol);
	start_ring(&s, 0);
	assert_int_equal(s.model.nstarted, 1);
}

static void an_index_out_of_range_is_no_ring(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK));
	ask_ring(&s, VU_SET_VRING_NUM, 256, 64, VU_FLAG_NEED_REPLY);
	ask_ring(&s, VU_GET_VRING_BASE, 0x10000, 0, 0);
	clean(&s);
	assert_false(s.model.outstanding[0].reply_due || s.model.outstanding[1].reply_due);
	answer_ring(&s, UINT32_MAX, 0);
	clean(&s);
}

static void status(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_STATUS));
	ask_u64(&s, VU_SET_STATUS, 11, 0);
	assert_int_equal(s.model.status, 11);
	ask(&s, VU_GET_STATUS, 0);
	answer_u64(&s, VU_GET_STATUS, 3);
	assert_int_equal(s.model.status, 3);
}

static void memory(void **state)
{
	const struct vu_model_region regions[3] = { { 0, 0x1000, 0x100000, 0 },
						    { 0x1000, 0x1000, 0x200000, 0x40 },
						    { 0x2000, 0x1000, 0x300000, 0 } };
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	ask_table(&s, regions, 3, 0);
	clean(&s);
	assert_int_equal(s.model.nregions, 3);
	assert_memory_equal(s.model.regions, regions, sizeof(regions));
	ask_table(&s, &regions[1], 2, 0);
	clean(&s);
	assert_int_equal(s.model.nregions, 2);
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x100000, 0x1000, 0);
	clean(&s);
	assert_int_equal(s.model.nregions, 3);
	ask_region(&s, VU_REM_MEM_REG, 0x1000, 0x200001, 0x1000, 0);
	assert_int_equal(s.model.nregions, 3);
	ask_region(&s, VU_REM_MEM_REG, 0x1000, 0x200000, 0x1000, 0);
	assert_int_equal(s.model.nregions, 2);
	assert_int_equal(s.model.regions[0].guest_address, 0x2000);
	assert_int_equal(s.model.regions[1].guest_address, 0);
}

static void more_regions_than_are_kept(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	for (uint64_t i = 0; i < VU_MODEL_REGIONS + 10; i++) {
		ask_region(&s, VU_ADD_MEM_REG, i << 12, i << 12, 0x1000, 0);
		clean(&s);
	}
	assert_int_equal(s.model.nregions, VU_MODEL_REGIONS);
}

static void log_and_inflight(void **state)
{
	const struct vu_payload *log = vu_payload_by_name("log");
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_LOG_SHMFD) | BIT(VU_PF_INFLIGHT_SHMFD));
	begin(&s, VU_MAIN, VU_SET_LOG_BASE);
	set(&s, log, "size", 0x1000);
	set(&s, log, "offset", 0x40);
	vu_message_add_fd(&s.msg, 1000);
	say(&s, VU_FRONTEND);
	clean(&s);
	assert_true(s.model.log_set);
	assert_int_equal(s.model.log_size, 0x1000);
	assert_int_equal(s.model.log_offset, 0x40);
	answer(&s, VU_SET_LOG_BASE);
	clean(&s);
	assert_int_equal(s.model.noutstanding, 0);
	ask(&s, VU_SET_INFLIGHT_FD, 0);
	assert_true(s.model.inflight_set);
}

static void transfer_of_state(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_DEVICE_STATE));
	begin(&s, VU_MAIN, VU_SET_DEVICE_STATE_FD);
	set(&s, vu_payload_by_name("device_state"), "direction", 1);
	say(&s, VU_FRONTEND);
	clean(&s);
	assert_int_equal(s.model.transfer, VU_TRANSFER_LOADING);
	answer_u64(&s, VU_SET_DEVICE_STATE_FD, BIT(VU_LIMIT_VRING_NOFD_BIT));
	clean(&s);
	assert_int_equal(s.model.transfer, VU_TRANSFER_LOADING);
	ask(&s, VU_CHECK_DEVICE_STATE, 0);
	answer_u64(&s, VU_CHECK_DEVICE_STATE, 0);
	clean(&s);
	assert_int_equal(s.model.transfer, VU_TRANSFER_NONE);
	ask(&s, VU_SET_DEVICE_STATE_FD, 0);
	assert_int_equal(s.model.transfer, VU_TRANSFER_SAVING);
	answer_u64(&s, VU_SET_DEVICE_STATE_FD, BIT(VU_LIMIT_VRING_NOFD_BIT) | 1);
	assert_int_equal(s.model.transfer, VU_TRANSFER_NONE);
}

/* The reply repeats the regions; the acknowledgement is empty or 8 zero bytes. */
static void postcopy_with_a_table(void **state)
{
	const struct vu_model_region region = { 0, 0x1000, 0x100000, 0 };

	(void)state;
	for (size_t ack = 0; ack <= 8; ack += 8) {
		struct session s;

		session_init(&s);
		negotiate(&s, 0, BIT(VU_PF_PAGEFAULT) | BIT(VU_PF_REPLY_ACK));
		ask(&s, VU_POSTCOPY_ADVISE, 0);
		answer(&s, VU_POSTCOPY_ADVISE);
		ask(&s, VU_POSTCOPY_LISTEN, VU_FLAG_NEED_REPLY);
		answer_u64(&s, VU_POSTCOPY_LISTEN, 0);
		clean(&s);
		assert_true(s.model.postcopy_advised && s.model.postcopy_listening);
		ask_table(&s, &region, 1, 0);
		clean(&s);
		assert_true(s.model.outstanding[0].reply_due);
		s.msg.nfds = 0;
		s.msg.flags |= VU_FLAG_REPLY;
		say(&s, VU_BACKEND_ROLE);
		clean(&s);
		assert_true(s.obs.answered && s.model.postcopy_ack_due);
		memset(s.msg.payload, 0, sizeof(s.msg.payload));
		begin(&s, VU_MAIN, VU_SET_MEM_TABLE);
		s.msg.size = s.msg.len = ack;
		say(&s, VU_FRONTEND);
		clean(&s);
		assert_false(s.model.postcopy_ack_due);
		assert_int_equal(s.model.noutstanding, 0);
		assert_int_equal(s.model.nregions, 1);
		ask(&s, VU_POSTCOPY_END, 0);
		answer_u64(&s, VU_POSTCOPY_END, 0);
		clean(&s);
		assert_false(s.model.postcopy_listening);
	}
}

/* A table that is answered as if there were no postcopy. */
static void postcopy_with_a_plain_reply(void **state)
{
	const struct vu_model_region region = { 0, 0x1000, 0x100000, 0 };
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_PAGEFAULT));
	ask(&s, VU_POSTCOPY_ADVISE, 0);
	answer(&s, VU_POSTCOPY_ADVISE);
	ask(&s, VU_POSTCOPY_LISTEN, 0);
	ask_table(&s, &region, 1, 0);
	begin_reply(&s, VU_MAIN, VU_SET_MEM_TABLE);
	s.msg.payload[0] = 1;
	say(&s, VU_BACKEND_ROLE);
	breach_be(&s, "pay.mem-table.layout");
}

/* After several additions one acknowledgement, under the id of the last message. */
static void postcopy_with_slots(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_PAGEFAULT) | BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	ask(&s, VU_POSTCOPY_ADVISE, 0);
	answer(&s, VU_POSTCOPY_ADVISE);
	ask(&s, VU_POSTCOPY_LISTEN, 0);
	for (uint64_t i = 0; i < 2; i++) {
		ask_region(&s, VU_ADD_MEM_REG, i << 12, i << 12, 0x1000, 0);
		s.msg.nfds = 0;
		s.msg.flags |= VU_FLAG_REPLY;
		say(&s, VU_BACKEND_ROLE);
		clean(&s);
	}
	vu_message_set_u64(begin(&s, VU_MAIN, VU_REM_MEM_REG), 0);
	say(&s, VU_FRONTEND);
	clean(&s);
	assert_int_equal(s.model.noutstanding, 0);
	assert_int_equal(s.model.nregions, 2);
	ask_region(&s, VU_REM_MEM_REG, 0, 0, 0x1000, 0);
	clean(&s);
	assert_int_equal(s.model.nregions, 1);
}

/* The life of a device as a common front-end leads it. */
static void whole_session(void **state)
{
	const struct vu_model_region region = { 0, 0x1000, 0x100000, 0 };
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, BIT(VU_F_LOG_ALL), BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_BACKEND_REQ));
	answer_u64(&s, VU_SET_BACKEND_REQ_FD, 0);
	for (int round = 0; round < 3; round++) {
		ask_table(&s, &region, 1, VU_FLAG_NEED_REPLY);
		answer_u64(&s, VU_SET_MEM_TABLE, 0);
		clean(&s);
		start_ring(&s, 0);
		start_ring(&s, 1);
		ask_u64(&s, VU_SET_FEATURES, BIT(VU_F_LOG_ALL) | BIT(VU_F_PROTOCOL_FEATURES),
			VU_FLAG_NEED_REPLY);
		answer_u64(&s, VU_SET_FEATURES, 0);
		clean(&s);
		stop_ring(&s, 0);
		assert_false(vu_model_suspended(&s.model));
		stop_ring(&s, 1);
		assert_true(vu_model_suspended(&s.model));
	}
	assert_int_equal(s.model.noutstanding, 0);
	vu_model_close(&s.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_with_nothing),
		cmocka_unit_test(negotiation),
		cmocka_unit_test(ring_lifecycle),
		cmocka_unit_test(restart_before_the_reply),
		cmocka_unit_test(enabled_is_tracked_while_stopped),
		cmocka_unit_test(inband_kick_starts),
		cmocka_unit_test(reset_device),
		cmocka_unit_test(an_index_out_of_range_is_no_ring),
		cmocka_unit_test(status),
		cmocka_unit_test(memory),
		cmocka_unit_test(more_regions_than_are_kept),
		cmocka_unit_test(log_and_inflight),
		cmocka_unit_test(transfer_of_state),
		cmocka_unit_test(postcopy_with_a_table),
		cmocka_unit_test(postcopy_with_a_plain_reply),
		cmocka_unit_test(postcopy_with_slots),
		cmocka_unit_test(whole_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
