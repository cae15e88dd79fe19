/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits for whom: edges from the model, cycles, how they are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/waits.h"
#include "session.h"

static void no_edges(void **state)
{
	struct vu_waits waits;
	size_t path[VU_WAITS_MAX], len = 1;
	char text[8] = "x";

	(void)state;
	vu_waits_init(&waits);
	assert_false(vu_waits_cycle(&waits, path, &len));
	assert_int_equal(len, 0);
	assert_int_equal(vu_waits_print(&waits, text, sizeof(text)), 0);
	assert_string_equal(text, "");
}

static void edges_without_cycle_are_listed(void **state)
{
	struct vu_waits waits;
	char text[256];

	(void)state;
	vu_waits_init(&waits);
	vu_waits_add(&waits, "front-end", "back-end", "the reply to GET_FEATURES");
	vu_waits_add(&waits, "ring 0", "back-end", "a used buffer");
	vu_waits_print(&waits, text, sizeof(text));
	assert_string_equal(text, "front-end waits for back-end: the reply to GET_FEATURES\n"
				  "ring 0 waits for back-end: a used buffer");
}

static void cycle_is_found_behind_other_edges(void **state)
{
	struct vu_waits waits;
	size_t path[VU_WAITS_MAX], len;
	char text[400];

	(void)state;
	vu_waits_init(&waits);
	vu_waits_add(&waits, "guest", "front-end", "a write");
	vu_waits_add(&waits, "front-end", "guest memory", "a page");
	vu_waits_add(&waits, "front-end", "back-end", "the reply to GET_VRING_BASE 0");
	vu_waits_add(&waits, "back-end", "ring 0", "the last request");
	vu_waits_add(&waits, "ring 0", "front-end", "the reply to CONFIG_CHANGE_MSG");
	assert_true(vu_waits_cycle(&waits, path, &len));
	assert_int_equal(len, 3);
	for (size_t i = 0; i < len; i++)
		assert_int_equal(path[i], i + 2);
	vu_waits_print(&waits, text, sizeof(text));
	assert_string_equal(text, "front-end waits for back-end: the reply to GET_VRING_BASE 0 <- "
				  "back-end waits for ring 0: the last request <- "
				  "ring 0 waits for front-end: the reply to CONFIG_CHANGE_MSG");
}

static void waiting_for_oneself_is_a_cycle(void **state)
{
	struct vu_waits waits;
	size_t path[VU_WAITS_MAX], len;

	(void)state;
	vu_waits_init(&waits);
	vu_waits_add(&waits, "ring 1", "ring 1", "itself");
	assert_true(vu_waits_cycle(&waits, path, &len));
	assert_int_equal(len, 1);
}

static void print_counts_what_does_not_fit(void **state)
{
	struct vu_waits waits;
	char text[10], all[200];
	size_t need;

	(void)state;
	vu_waits_init(&waits);
	vu_waits_add(&waits, "front-end", "back-end", "an answer");
	vu_waits_add(&waits, "back-end", "front-end", "a page");
	need = vu_waits_print(&waits, NULL, 0);
	assert_int_equal(vu_waits_print(&waits, text, sizeof(text)), need);
	assert_string_equal(text, "front-end");
	assert_int_equal(vu_waits_print(&waits, all, sizeof(all)), need);
	assert_int_equal(strlen(all), need);
}

static void full_and_overlong(void **state)
{
	struct vu_waits waits;
	size_t path[VU_WAITS_MAX], len;
	char long_name[200], name[16];

	(void)state;
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	vu_waits_init(&waits);
	assert_int_equal(vu_waits_add(&waits, long_name, long_name, long_name), 0);
	for (int i = 1; i < VU_WAITS_MAX; i++) {
		char next[16];

		snprintf(name, sizeof(name), "party %d", i);
		snprintf(next, sizeof(next), "party %d", i == VU_WAITS_MAX - 1 ? 1 : i + 1);
		assert_int_equal(vu_waits_add(&waits, name, next, "a turn"), 0);
	}
	assert_true(vu_waits_add(&waits, "a", "b", "c") < 0);
	/* the overlong name was cut at both ends alike: a cycle of one */
	assert_true(vu_waits_cycle(&waits, path, &len));
	assert_int_equal(len, 1);
	strcpy(waits.edges[0].whom, "nobody");
	assert_true(vu_waits_cycle(&waits, path, &len));
	assert_int_equal(len, VU_WAITS_MAX - 1);
}

static void edges_follow_from_the_model(void **state)
{
	struct session s;
	struct vu_waits waits;
	char text[300];

	(void)state;
	session_init(&s);
	negotiate(&s, 0, BIT(VU_PF_REPLY_ACK) | BIT(VU_PF_BACKEND_REQ) | BIT(VU_PF_CONFIG));
	start_ring(&s, 3);
	vu_waits_init(&waits);
	vu_waits_from_model(&waits, &s.model);
	assert_int_equal(waits.nedges, 0);
	ask_ring(&s, VU_GET_VRING_BASE, 3, 0, 0);
	channel_ask(&s, VU_BACKEND_CONFIG_CHANGE_MSG, VU_FLAG_NEED_REPLY);
	vu_waits_from_model(&waits, &s.model);
	vu_waits_print(&waits, text, sizeof(text));
	assert_string_equal(text, "front-end waits for back-end: the reply to GET_VRING_BASE 3 <- "
				  "back-end waits for front-end: the reply to CONFIG_CHANGE_MSG");
}

/* Nobody is owed an answer to nonsense, so nobody waits for one. */
static void malformed_requests_make_no_edge(void **state)
{
	struct session s;
	struct vu_waits waits;

	(void)state;
	session_init(&s);
	begin(&s, VU_MAIN, VU_GET_FEATURES)->flags = 0;
	say(&s, VU_FRONTEND);
	assert_int_equal(s.model.noutstanding, 1);
	vu_waits_init(&waits);
	vu_waits_from_model(&waits, &s.model);
	assert_int_equal(waits.nedges, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_edges),
		cmocka_unit_test(edges_without_cycle_are_listed),
		cmocka_unit_test(cycle_is_found_behind_other_edges),
		cmocka_unit_test(waiting_for_oneself_is_a_cycle),
		cmocka_unit_test(print_counts_what_does_not_fit),
		cmocka_unit_test(full_and_overlong),
		cmocka_unit_test(edges_follow_from_the_model),
		cmocka_unit_test(malformed_requests_make_no_edge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
