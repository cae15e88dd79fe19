/* SPDX-License-Identifier: Apache-2.0 */
/* Each rule about messages that name rings or memory, once broken and once kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"

static void log_base_has_three_replies(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 16; len += 8) {
		struct session s;

		everything(&s);
		begin(&s, VU_MAIN, VU_SET_LOG_BASE);
		vu_message_add_fd(&s.msg, SOME_FD);
		say_fe(&s);
		begin_reply(&s, VU_MAIN, VU_SET_LOG_BASE);
		s.msg.size = s.msg.len = len;
		say_be(&s);
		clean(&s);
	}
}

static void vring_base(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, 0);
	ask_ring(&s, VU_SET_VRING_BASE, 0, 0xffff, 0);
	clean(&s);
	ask_ring(&s, VU_SET_VRING_BASE, 0, 0x10000, 0);
	breach_fe(&s, "pay.vring-base.split-upper-bits-zero");
	ask_ring(&s, VU_GET_VRING_BASE, 0, 1, 0);
	breach_fe(&s, "msg.get-vring-base.num-zero");
	answer_ring(&s, 0, 0x80000001);
	breach_be(&s, "pay.vring-base.split-upper-bits-zero");
	ask_ring(&s, VU_GET_VRING_BASE, 2, 0, 0);
	clean(&s);
	answer_ring(&s, 1, 0);
	breach_be(&s, "msg.get-vring-base.index-echoed");
	session_init(&s);
	negotiate(&s, BIT(VU_F_RING_PACKED), 0);
	ask_ring(&s, VU_SET_VRING_BASE, 0, 0x80008000, 0);
	clean(&s);
	ask_ring(&s, VU_GET_VRING_BASE, 0, 0, 0);
	answer_ring(&s, 0, 0x80018001);
	clean(&s);
}

static void vring_descriptors(void **state)
{
	static const struct {
		uint32_t id;
		const char *clause;
	} cases[] = {
		{ VU_SET_VRING_KICK, "msg.set-vring-kick.fd" },
		{ VU_SET_VRING_CALL, "msg.set-vring-call.fd" },
		{ VU_SET_VRING_ERR, "msg.set-vring-err.fd" },
	};
	struct session s;

	(void)state;
	everything(&s);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t id = cases[i].id;

		ask_fd(&s, id, 1, true, 0);
		clean(&s);
		ask_fd(&s, id, 1, false, 0);
		clean(&s);
		begin(&s, VU_MAIN, id); /* says that there is one */
		say_fe(&s);
		breach_fe(&s, cases[i].clause);
		begin(&s, VU_MAIN, id);
		set(&s, layout_of(id), "nofd", 1);
		vu_message_add_fd(&s.msg, SOME_FD);
		say_fe(&s);
		breach_fe(&s, cases[i].clause);
		ask_fd(&s, id, 1, true, 0);
		vu_message_add_fd(&s.msg, SOME_FD);
		say_fe(&s);
		breach_fe(&s, cases[i].clause);
	}
}

static void values_of_vring_messages(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask_ring(&s, VU_SET_VRING_ENABLE, 0, 2, 0);
	breach_fe(&s, "msg.set-vring-enable.values");
	ask_ring(&s, VU_SET_VRING_ENDIAN, 0, 1, 0);
	clean(&s);
	ask_ring(&s, VU_SET_VRING_ENDIAN, 0, 2, 0);
	breach_fe(&s, "msg.set-vring-endian.values");
	ask_ring(&s, VU_VRING_KICK, 0, 0, 0);
	clean(&s);
	ask_ring(&s, VU_VRING_KICK, 0, 1, 0);
	breach_fe(&s, "msg.vring-kick.num-zero");
}

static void memory_table(void **state)
{
	const struct vu_model_region good[9] = {
		{ 0, 0x1000, 0x10000, 0 },          { 0x1000, 0x1000, 0x11000, 0 },
		{ 0x2000, 0x1000, 0x12000, 0 },     { 0x3000, 0x1000, 0x13000, 0 },
		{ 0x4000, 0x1000, 0x14000, 0 },     { 0x5000, 0x1000, 0x15000, 0 },
		{ 0x6000, 0x1000, 0x16000, 0 },     { 0x7000, 0x1000, 0x17000, 0 },
		{ UINT64_MAX, 0x1000, 0x18000, 0 },
	};
	const struct vu_model_region guest[2] = { { 0, 0x2000, 0x10000, 0 },
						  { 0x1fff, 0x1000, 0x20000, 0 } };
	const struct vu_model_region user[2] = { { 0, 0x1000, UINT64_MAX - 0xfff, 0 },
						 { 0x1000, 0x1000, UINT64_MAX, 0 } };
	struct session s;

	(void)state;
	everything(&s);
	ask_table(&s, good, 8, 0);
	clean(&s);
	assert_int_equal(s.model.nregions, 8);
	ask_table(&s, good, 9, 0);
	breach_fe(&s, "pay.mem-table.at-most-eight");
	assert_int_equal(s.model.nregions, 8);
	ask_table(&s, guest, 2, 0);
	breach_fe(&s, "pay.region.no-guest-overlap");
	ask_table(&s, user, 2, 0);
	breach_fe(&s, "pay.region.no-user-overlap");
	ask_table(&s, good, 2, 0);
	s.msg.nfds--;
	say_fe(&s);
	breach_fe(&s, "msg.set-mem-table.one-fd-per-region");
	/* the text can be read to ask for room for eight */
	ask_table(&s, good, 2, 0);
	s.msg.size = s.msg.len = layout_of(VU_SET_MEM_TABLE)->max_size;
	say_fe(&s);
	clean(&s);
	assert_int_equal(s.model.nregions, 2);
}

/* Regions of no size lie nowhere. */
static void empty_regions(void **state)
{
	const struct vu_model_region empty[2] = { { 0, 0, 0x1000, 0 }, { 0, 0x1000, 0x1000, 0 } };
	struct session s;

	(void)state;
	everything(&s);
	ask_table(&s, empty, 2, 0);
	clean(&s);
}

static void memory_slots(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_GET_MAX_MEM_SLOTS, 0);
	answer_u64(&s, VU_GET_MAX_MEM_SLOTS, 2);
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x100000, 0x10000, 0);
	clean(&s);
	s.msg.nfds = 0;
	say_fe(&s);
	breach_fe(&s, "msg.add-mem-reg.one-fd");
	ask_table(&s, NULL, 0,
		  0); /* what a malformed request did is unknown until the next table */
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x100000, 0x10000, 0);
	ask_region(&s, VU_ADD_MEM_REG, 0x8000, 0x200000, 0x10000, 0);
	breach_fe(&s, "pay.region.remove-before-overlap");
	ask_region(&s, VU_ADD_MEM_REG, 0x80000, 0x300000, 0x1000, 0);
	breach_fe(&s, "msg.get-max-mem-slots.respected");
	ask_region(&s, VU_REM_MEM_REG, 0x8000, 0x200000, 0x10000, 0);
	clean(&s);
	vu_message_add_fd(&s.msg, SOME_FD);
	say_fe(&s);
	breach_fe(&s, "msg.rem-mem-reg.no-fd");
	assert_int_equal(s.model.nregions, 2);
}

/* A refused region is not there: a later one in its place overlaps nothing. */
static void refused_region(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x100000, 0x10000, VU_FLAG_NEED_REPLY);
	answer_u64(&s, VU_ADD_MEM_REG, 1);
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x200000, 0x10000, 0);
	clean(&s);
}

static void guest_addresses_for_user_addresses(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_GPA_ADDRESSES) | BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	ask_region(&s, VU_ADD_MEM_REG, 0x1000, 0x1000, 0x1000, 0);
	clean(&s);
	ask_region(&s, VU_ADD_MEM_REG, 0x4000, 0x8000, 0x1000, 0);
	breach_fe(&s, "pay.region.gpa-duplicates");
}

static void regions_with_xen(void **state)
{
	struct session s;

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_XEN_MMAP) | BIT(VU_PF_CONFIGURE_MEM_SLOTS));
	ask_region(&s, VU_ADD_MEM_REG, 0, 0x1000, 0x1000, 0);
	breach_fe(&s, "pay.region.xen-extra-fields");
	s.msg.size = s.msg.len = 48;
	say_fe(&s);
	clean(&s);
	assert_int_equal(s.model.nregions, 1);
	/* two regions, the second 40 bytes behind the first */
	begin(&s, VU_MAIN, VU_SET_MEM_TABLE);
	s.msg.size = s.msg.len = 88;
	memset(s.msg.payload, 0, s.msg.len);
	s.msg.payload[0] = 2;
	s.msg.payload[8 + 40 + 2] = 1;
	vu_message_add_fd(&s.msg, SOME_FD);
	vu_message_add_fd(&s.msg, SOME_FD);
	say_fe(&s);
	clean(&s);
	assert_int_equal(s.model.nregions, 2);
	assert_int_equal(s.model.regions[1].guest_address, 0x10000);
}

static void log_base(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	ask(&s, VU_SET_LOG_BASE, 0);
	breach_fe(&s, "msg.set-log-base.shmfd-payload");
	session_init(&s);
	negotiate(&s, 0, 0);
	ask_u64(&s, VU_SET_LOG_BASE, 0, 0);
	clean(&s);
	s.msg.size = s.msg.len = 12;
	say_fe(&s);
	breach_fe(&s, "pay.log.layout");
}

/* Only when the last ring stopped, and something was answered since, is a message surely too late. */
static void suspended(void **state)
{
	struct session s;

	(void)state;
	everything(&s);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s); /* nothing was ever started */
	start_ring(&s, 0);
	start_ring(&s, 1);
	stop_ring(&s, 0);
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 0);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s); /* ring 1 runs */
	stop_ring(&s, 1);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s); /* may have been sent before the reply, which was read first */
	ask(&s, VU_GET_FEATURES, 0);
	answer_u64(&s, VU_GET_FEATURES, 0);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	breach_be(&s, "susp.no-frontend-messages");
	start_ring(&s, 1);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, 0);
	clean(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_base_has_three_replies),
		cmocka_unit_test(vring_base),
		cmocka_unit_test(vring_descriptors),
		cmocka_unit_test(values_of_vring_messages),
		cmocka_unit_test(memory_table),
		cmocka_unit_test(empty_regions),
		cmocka_unit_test(memory_slots),
		cmocka_unit_test(refused_region),
		cmocka_unit_test(guest_addresses_for_user_addresses),
		cmocka_unit_test(regions_with_xen),
		cmocka_unit_test(log_base),
		cmocka_unit_test(suspended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
