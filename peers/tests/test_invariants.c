/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule that holds for any message, once broken and once kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "model/event.h"
#include "session.h"

/* Clauses named in the table of rules exist. */
static void clauses_of_the_rules_exist(void **state)
{
	(void)state;
	for (size_t i = 0; i < vu_nmessages; i++) {
		const struct vu_rule *rule = vu_rule_of(&vu_messages[i]);

		if (rule->needs_clause)
			assert_true(is_clause(rule->needs_clause));
		if (rule->fd_clause)
			assert_true(is_clause(rule->fd_clause));
	}
}

static void version(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	begin(&s, VU_MAIN, VU_SET_OWNER)->flags = 2;
	say_fe(&s);
	breach_fe(&s, "hdr.version-one");
	ask(&s, VU_GET_FEATURES, 0);
	begin_reply(&s, VU_MAIN, VU_GET_FEATURES)->flags = VU_FLAG_REPLY;
	say_be(&s);
	breach_be(&s, "hdr.version-one");
	assert_true(s.obs.answered);
	begin(&s, VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG)->flags = 3;
	say_be(&s);
	breach_be(&s, "hdr.version-one");
}

static void reply_flag_on_requests(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_SET_OWNER, VU_FLAG_REPLY);
	breach_fe(&s, "hdr.reply-flag-clear-on-requests");
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, VU_FLAG_REPLY);
	breach_be(&s, "hdr.reply-flag-clear-on-requests");
}

static void size_field(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	begin(&s, VU_MAIN, VU_SET_VRING_NUM)->size = 80;
	say_fe(&s);
	breach_fe(&s, "hdr.size-counts-payload");
}

/* Well-formed requests of all messages pass; one byte more breaks the layout. */
static void sizes_of_requests(void **state)
{
	static const struct {
		enum vu_channel channel;
		uint32_t id;
		const char *clause;
	} cases[] = {
		{ VU_MAIN, VU_SET_OWNER, "msg.ids-and-payloads" },
		{ VU_MAIN, VU_SET_FEATURES, "pay.u64.eight-bytes" },
		{ VU_MAIN, VU_SET_VRING_NUM, "pay.vring-state.layout" },
		{ VU_MAIN, VU_SET_VRING_BASE, "pay.vring-state.layout" },
		{ VU_MAIN, VU_SET_VRING_ADDR, "pay.vring-addr.layout" },
		{ VU_MAIN, VU_SET_MEM_TABLE, "pay.mem-table.layout" },
		{ VU_MAIN, VU_REM_MEM_REG, "pay.single-region.layout" },
		{ VU_MAIN, VU_SET_LOG_BASE, "msg.set-log-base.shmfd-payload" },
		{ VU_MAIN, VU_GET_CONFIG, "pay.config.layout" },
		{ VU_MAIN, VU_GET_INFLIGHT_FD, "pay.inflight.layout" },
		{ VU_MAIN, VU_GET_SHARED_OBJECT, "pay.uuid.sixteen-bytes" },
		{ VU_MAIN, VU_SET_DEVICE_STATE_FD, "pay.device-state.layout" },
		{ VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG, "bmsg.ids-and-payloads" },
		{ VU_BACKEND, VU_BACKEND_IOTLB_MSG, "pay.iotlb.layout" },
		{ VU_BACKEND, VU_BACKEND_VRING_HOST_NOTIFIER_MSG, "pay.vring-area.layout" },
		{ VU_BACKEND, VU_BACKEND_VRING_CALL, "pay.vring-state.layout" },
		{ VU_BACKEND, VU_BACKEND_SHARED_OBJECT_ADD, "pay.uuid.sixteen-bytes" },
		{ VU_BACKEND, VU_BACKEND_SHMEM_UNMAP, "pay.mmap.layout" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool main = cases[i].channel == VU_MAIN;
		struct session s;

		everything(&s);
		begin(&s, cases[i].channel, cases[i].id);
		if (cases[i].channel == VU_BACKEND && cases[i].id == VU_BACKEND_IOTLB_MSG)
			s.msg.payload[25] = 1;
		if (main && cases[i].id == VU_SET_LOG_BASE)
			vu_message_add_fd(&s.msg, SOME_FD);
		say(&s, main ? VU_FRONTEND : VU_BACKEND_ROLE);
		clean(&s);
		s.msg.size = ++s.msg.len;
		say(&s, main ? VU_FRONTEND : VU_BACKEND_ROLE);
		breach(&s, cases[i].clause, main ? VU_FRONTEND : VU_BACKEND_ROLE);
	}
}

static void sizes_of_replies(void **state)
{
	static const struct {
		uint32_t id;
		const char *clause;
	} cases[] = {
		{ VU_GET_FEATURES, "pay.u64.eight-bytes" },
		{ VU_GET_VRING_BASE, "pay.vring-state.layout" },
		{ VU_SET_OWNER, "pay.u64.eight-bytes" },
		{ VU_GET_INFLIGHT_FD, "pay.inflight.layout" },
		{ VU_CHECK_DEVICE_STATE, "pay.u64.eight-bytes" },
		{ VU_POSTCOPY_ADVISE, "msg.ids-and-payloads" },
		{ VU_GET_SHMEM_CONFIG, "pay.shmem-config.layout" },
		{ VU_SET_LOG_BASE, "msg.ids-and-payloads" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct session s;

			everything(&s);
			s.model.transfer_seen = true;
			begin(&s, VU_MAIN, cases[i].id)->flags |= VU_FLAG_NEED_REPLY;
			if (cases[i].id == VU_SET_LOG_BASE)
				vu_message_add_fd(&s.msg, SOME_FD);
			say_fe(&s);
			clean(&s);
			begin_reply(&s, VU_MAIN, cases[i].id);
			s.msg.len += more;
			s.msg.size = s.msg.len;
			say_be(&s);
			if (more)
				breach_be(&s, cases[i].clause);
			else
				clean(&s);
			assert_true(s.obs.answered);
		}
	}
}

/* Both the end of the text's field list and that of the C structure are in use. */
static void padding_at_the_end_is_optional(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_GET_INFLIGHT_FD, 0);
	begin_reply(&s, VU_MAIN, VU_GET_INFLIGHT_FD);
	s.msg.size = s.msg.len = 20;
	say_be(&s);
	clean(&s);
	ask(&s, VU_GET_INFLIGHT_FD, 0);
	begin_reply(&s, VU_MAIN, VU_GET_INFLIGHT_FD);
	s.msg.size = s.msg.len = 19;
	say_be(&s);
	breach_be(&s, "pay.inflight.layout");
}

static void descriptors_where_none_belong(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	begin(&s, VU_MAIN, VU_SET_OWNER);
	vu_message_add_fd(&s.msg, SOME_FD);
	say_fe(&s);
	breach_fe(&s, "comm.fds-only-on-listed-messages");
	ask(&s, VU_GET_FEATURES, 0);
	begin_reply(&s, VU_MAIN, VU_GET_FEATURES);
	vu_message_add_fd(&s.msg, SOME_FD);
	say_be(&s);
	breach_be(&s, "msg.ids-and-payloads");
	begin(&s, VU_BACKEND, VU_BACKEND_CONFIG_CHANGE_MSG);
	vu_message_add_fd(&s.msg, SOME_FD);
	say_be(&s);
	breach_be(&s, "bmsg.ids-and-payloads");
}

static void descriptors_that_are_missing(void **state)
{
	static const struct {
		uint32_t id;
		const char *clause;
	} cases[] = {
		{ VU_SET_LOG_FD, "msg.set-log-fd.carries-fd" },
		{ VU_SET_BACKEND_REQ_FD, "msg.set-backend-req-fd.fd" },
		{ VU_GPU_SET_SOCKET, "msg.gpu-set-socket.carries-fd" },
		{ VU_SET_INFLIGHT_FD, "msg.set-inflight-fd.gives-buffer-back" },
		{ VU_SET_DEVICE_STATE_FD, "msg.set-device-state-fd.carries-fd" },
	};
	struct session s;

	(void)state;
	everything(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(&s, VU_MAIN, cases[i].id)->nfds = 0;
		say_fe(&s);
		breach_fe(&s, cases[i].clause);
	}
	begin(&s, VU_BACKEND, VU_BACKEND_SHMEM_MAP)->nfds = 0;
	say_be(&s);
	breach_be(&s, "bmsg.shmem-map.carries-fd");
}

static void descriptors_on_the_channel(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_SHMEM_MAP));
	channel_ask(&s, VU_BACKEND_SHMEM_MAP, 0);
	breach_be(&s, "bch.fds-need-send-fd");
	everything(&s);
	channel_ask(&s, VU_BACKEND_SHMEM_MAP, 0);
	clean(&s);
	begin(&s, VU_BACKEND, 77);
	for (int i = 0; i < 8; i++)
		vu_message_add_fd(&s.msg, SOME_FD);
	say_be(&s);
	clean(&s);
	s.msg.fds_dropped = 1;
	say_be(&s);
	breach_be(&s, "bch.at-most-eight-fds");
}

/* Nothing is negotiated but bit 30: every message that needs more is a breach of its own clause. */
static void messages_without_their_feature(void **state)
{
	(void)state;
	for (size_t i = 0; i < vu_nmessages; i++) {
		const struct vu_message_info *info = &vu_messages[i];
		const struct vu_rule *rule = vu_rule_of(info);
		bool main = info->channel == VU_MAIN;
		struct session s;

		if (!rule->needs_clause || rule->features_offered == BIT(VU_F_PROTOCOL_FEATURES) ||
		    rule->features == BIT(VU_F_PROTOCOL_FEATURES))
			continue;
		session_init(&s);
		negotiate(&s, 0, BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_BACKEND_SEND_FD));
		begin(&s, info->channel, info->id);
		if (main && info->id == VU_ADD_MEM_REG)
			vu_message_add_fd(&s.msg, SOME_FD);
		say(&s, main ? VU_FRONTEND : VU_BACKEND_ROLE);
		breach(&s, rule->needs_clause, main ? VU_FRONTEND : VU_BACKEND_ROLE);
	}
}

static void messages_without_bit_30(void **state)
{
	static const struct {
		uint32_t id;
		const char *clause;
	} cases[] = {
		{ VU_GET_PROTOCOL_FEATURES, "msg.get-protocol-features.needs-bit30" },
		{ VU_SET_PROTOCOL_FEATURES, "msg.set-protocol-features.needs-bit30" },
		{ VU_SEND_RARP, "msg.send-rarp.only-with-rarp" },
		{ VU_NET_SET_MTU, "msg.net-set-mtu.conditions" },
		{ VU_SET_BACKEND_REQ_FD, "msg.set-backend-req-fd.conditions" },
		{ VU_SET_VRING_ENABLE, "msg.set-vring-enable.only-with-bit30" },
	};
	struct session s;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		session_init(&s);
		ask(&s, cases[i].id, 0); /* it is not known what was offered */
		clean(&s);
		session_init(&s);
		ask(&s, VU_GET_FEATURES, 0);
		answer_u64(&s, VU_GET_FEATURES, BIT(VU_F_NET_F_MTU));
		ask_u64(&s, VU_SET_FEATURES, BIT(VU_F_NET_F_MTU), 0);
		clean(&s);
		ask(&s, cases[i].id, 0);
		breach_fe(&s, cases[i].clause);
	}
}

/* The front-end set other features, which the back-end had not seen when it sent its request. */
static void channel_request_crosses_features(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask_u64(&s, VU_SET_PROTOCOL_FEATURES, 0, 0);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s);
}

/* A malformed SET_FEATURES may have been obeyed. */
static void doubtful_features(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, 0);
	begin(&s, VU_MAIN, VU_SET_FEATURES)->flags = 0;
	say_fe(&s);
	ask_ring(&s, VU_SET_VRING_BASE, 0, 0x10000, 0);
	clean(&s);
	begin(&s, VU_MAIN, VU_SET_PROTOCOL_FEATURES)->flags = 0;
	say_fe(&s);
	ask(&s, VU_GET_CONFIG, 0);
	clean(&s);
	ask(&s, VU_SET_OWNER, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_SET_OWNER, 0);
	clean(&s);
	begin(&s, VU_MAIN, VU_POSTCOPY_LISTEN)->flags = 0;
	say_fe(&s);
	ask_table(&s, NULL, 0, 0);
	answer(&s, VU_SET_MEM_TABLE);
	clean(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clauses_of_the_rules_exist),
		cmocka_unit_test(version),
		cmocka_unit_test(reply_flag_on_requests),
		cmocka_unit_test(size_field),
		cmocka_unit_test(sizes_of_requests),
		cmocka_unit_test(sizes_of_replies),
		cmocka_unit_test(padding_at_the_end_is_optional),
		cmocka_unit_test(descriptors_where_none_belong),
		cmocka_unit_test(descriptors_that_are_missing),
		cmocka_unit_test(descriptors_on_the_channel),
		cmocka_unit_test(messages_without_their_feature),
		cmocka_unit_test(messages_without_bit_30),
		cmocka_unit_test(channel_request_crosses_features),
		cmocka_unit_test(doubtful_features),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
