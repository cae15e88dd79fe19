/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule about messages that concern the device or its channel, once broken and once kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "session.h"

static void config(void **state)
{
	static const struct {
		size_t len, size;
		const char *clause;
	} replies[] = {
		{ 0, 0, NULL },
		{ 20, 8, NULL },
		{ 12, 0, NULL },
		{ 11, 0, "pay.config.layout" },
		{ 12, 8, "msg.get-config.size-matches" },
		{ 21, 8, "msg.get-config.size-matches" },
	};
	struct session s;

	(void)state;
	everything(&s);
	for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
		begin(&s, VU_MAIN, VU_GET_CONFIG);
		set(&s, layout_of(VU_GET_CONFIG), "size", 8);
		s.msg.size = s.msg.len = 20;
		say_fe(&s);
		clean(&s);
		begin_reply(&s, VU_MAIN, VU_GET_CONFIG);
		set(&s, layout_of(VU_GET_CONFIG), "size", replies[i].size);
		s.msg.size = s.msg.len = replies[i].len;
		say_be(&s);
		if (replies[i].clause)
			breach_be(&s, replies[i].clause);
		else
			clean(&s);
	}
	begin(&s, VU_MAIN, VU_GET_CONFIG);
	set(&s, layout_of(VU_GET_CONFIG), "size", 9);
	s.msg.size = s.msg.len = 20;
	say_fe(&s);
	breach_fe(&s, "pay.config.layout");
}

static void features_acknowledged(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, BIT(VU_F_VERSION_1), BIT(VU_PF_MQ));
	ask_u64(&s, VU_SET_FEATURES, BIT(VU_F_LOG_ALL) | BIT(VU_F_PROTOCOL_FEATURES), 0);
	breach_fe(&s, "feat.virtio-ack-only-offered");
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES, BIT(VU_PF_CONFIG), 0);
	breach_fe(&s, "feat.ack-only-offered");
	session_init(&s);
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES,
		BIT(VU_PF_INBAND_NOTIFICATIONS) | BIT(VU_PF_REPLY_ACK), 0);
	breach_fe(&s, "inband.not-alone");
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES, BIT(VU_PF_GET_VRING_BASE_INFLIGHT), 0);
	breach_fe(&s, "msg.get-vring-base.inflight-bit-needs-shmfd");
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES, EVERY_PROTOCOL_FEATURE, 0);
	clean(&s);
	ask(&s, VU_RESET_OWNER, 0);
	breach_fe(&s, "msg.reset-owner.not-sent");
}

static void iotlb(void **state)
{
	const struct vu_payload *layout = vu_payload_by_name("iotlb");
	struct session s;

	(void)state;
	everything(&s);
	begin(&s, VU_MAIN, VU_IOTLB_MSG);
	set(&s, layout, "type", 2);
	set(&s, layout, "perm", 3);
	say_fe(&s);
	clean(&s);
	s.msg.size = s.msg.len = 26;
	say_fe(&s);
	clean(&s);
	set(&s, layout, "type", 5);
	say_fe(&s);
	breach_fe(&s, "pay.iotlb.type-values");
	begin(&s, VU_BACKEND, VU_BACKEND_IOTLB_MSG);
	set(&s, layout, "type", 1);
	set(&s, layout, "perm", 4);
	say_be(&s);
	breach_be(&s, "pay.iotlb.perm-values");
}

static void inband_on_the_channel(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	channel_ask(&s, VU_BACKEND_VRING_CALL, 0);
	clean(&s);
	begin(&s, VU_BACKEND, VU_BACKEND_VRING_CALL);
	set(&s, vu_payload_by_name("vring_state"), "num", 1);
	say_be(&s);
	breach_be(&s, "bmsg.vring-call.num-zero");
	s.msg.request = VU_BACKEND_VRING_ERR;
	say_be(&s);
	breach_be(&s, "bmsg.vring-err.num-zero");
}

static void lookup(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	for (int fd = 0; fd < 2; fd++) {
		for (int failed = 0; failed < 2; failed++) {
			channel_ask(&s, VU_BACKEND_SHARED_OBJECT_LOOKUP, 0);
			clean(&s);
			begin_reply(&s, VU_BACKEND, VU_BACKEND_SHARED_OBJECT_LOOKUP);
			vu_message_set_u64(&s.msg, failed);
			if (fd)
				vu_message_add_fd(&s.msg, SOME_FD);
			say_fe(&s);
			if (fd != failed)
				clean(&s);
			else if (fd)
				breach_fe(&s, "bmsg.shared-object-lookup.no-fd-on-failure");
			else
				breach_fe(&s, "bmsg.shared-object-lookup.reply");
		}
	}
}

static void device_state_reply(void **state)
{
	const struct vu_payload *layout = vu_payload_by_name("device_state_reply");
	static const struct {
		int status, nofd, fd;
		const char *clause;
	} cases[] = {
		{ 0, 1, 0, NULL },
		{ 0, 0, 1, NULL },
		{ 1, 1, 0, NULL },
		{ 0, 0, 0, "msg.set-device-state-fd.nofd-bit" },
		{ 0, 1, 1, "msg.set-device-state-fd.nofd-bit" },
		{ 1, 0, 1, "msg.set-device-state-fd.no-error-with-fd" },
	};
	struct session s;

	(void)state;
	everything(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(&s, VU_SET_DEVICE_STATE_FD, 0);
		clean(&s);
		begin_reply(&s, VU_MAIN, VU_SET_DEVICE_STATE_FD);
		set(&s, layout, "status", cases[i].status);
		set(&s, layout, "nofd", cases[i].nofd);
		if (cases[i].fd)
			vu_message_add_fd(&s.msg, SOME_FD);
		say_be(&s);
		if (cases[i].clause)
			breach_be(&s, cases[i].clause);
		else
			clean(&s);
	}
}

static void device_state_request(void **state)
{
	const struct vu_payload *layout = vu_payload_by_name("device_state");
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_CHECK_DEVICE_STATE, 0);
	breach_fe(&s, "msg.check-device-state.after-transfer");
	answer_u64(&s, VU_CHECK_DEVICE_STATE, 1);
	begin(&s, VU_MAIN, VU_SET_DEVICE_STATE_FD);
	set(&s, layout, "direction", 2);
	say_fe(&s);
	breach_fe(&s, "pay.device-state.direction-values");
	begin(&s, VU_MAIN, VU_SET_DEVICE_STATE_FD);
	set(&s, layout, "phase", 1);
	say_fe(&s);
	breach_fe(&s, "pay.device-state.phase-values");
	start_ring(&s, 0);
	ask(&s, VU_SET_DEVICE_STATE_FD, 0);
	breach_fe(&s, "state.only-while-suspended");
	ask(&s, VU_CHECK_DEVICE_STATE, 0);
	clean(&s);
}

static void postcopy_order(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_POSTCOPY_LISTEN, 0);
	breach_fe(&s, "msg.postcopy-listen.after-advise");
	ask(&s, VU_POSTCOPY_END, 0);
	clean(&s);
	ask(&s, VU_POSTCOPY_END, 0);
	breach_fe(&s, "msg.postcopy-end.after-listen");
	ask(&s, VU_POSTCOPY_ADVISE, 0);
	ask(&s, VU_POSTCOPY_LISTEN, 0);
	clean(&s);
	ask_table(&s, NULL, 0, VU_FLAG_NEED_REPLY);
	breach_fe(&s, "msg.set-mem-table.postcopy-no-need-reply");
	ask_region(&s, VU_ADD_MEM_REG, 0, 0, 0x1000, VU_FLAG_NEED_REPLY);
	breach_fe(&s, "msg.add-mem-reg.postcopy-fe-rules");
}

static void shmem_config(void **state)
{
	const struct vu_payload *layout = vu_payload_by_name("shmem_config");
	struct session s;

	(void)state;
	everything(&s);
	for (uint64_t count = 0; count < 4; count++) {
		ask(&s, VU_GET_SHMEM_CONFIG, 0);
		begin_reply(&s, VU_MAIN, VU_GET_SHMEM_CONFIG);
		set(&s, layout, "num_regions", count);
		set(&s, layout, "sizes[0]", 4096);
		set(&s, layout, "sizes[255]", 4096);
		say_be(&s);
		if (count == 2)
			clean(&s);
		else
			breach_be(&s, "pay.shmem-config.count-is-nonzero-sizes");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config),
		cmocka_unit_test(features_acknowledged),
		cmocka_unit_test(iotlb),
		cmocka_unit_test(inband_on_the_channel),
		cmocka_unit_test(lookup),
		cmocka_unit_test(device_state_reply),
		cmocka_unit_test(device_state_request),
		cmocka_unit_test(postcopy_order),
		cmocka_unit_test(shmem_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
