/* SPDX-License-Identifier: Apache-2.0 */
/* What a number means to whom: by the spec, by a draft, and where the two disagree. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

#define BIT(n) (UINT64_C(1) << (n))
#define SUSPEND "41 is SUSPEND in the draft suspend-resume, GET_SHARED_OBJECT since 8.2"

static const struct vu_draft *suspend_resume(void)
{
	return vu_draft_by_name("suspend-resume");
}

static struct vu_message *request(const struct vu_draft *draft, uint32_t id, size_t len)
{
	static struct vu_message msg;

	vu_message_init(&msg, VU_MAIN, id);
	memset(msg.payload, 0, len);
	msg.draft = draft;
	msg.len = len;
	msg.size = (uint32_t)len;
	return &msg;
}

static void a_drafts_numbers_come_first(void **state)
{
	const struct vu_draft *draft = suspend_resume();

	(void)state;
	assert_string_equal(vu_message_of(NULL, VU_MAIN, VU_GET_SHARED_OBJECT)->name,
			    "GET_SHARED_OBJECT");
	assert_string_equal(vu_message_of(draft, VU_MAIN, VU_GET_SHARED_OBJECT)->name, "SUSPEND");
	assert_string_equal(vu_message_of(draft, VU_MAIN, VU_GET_FEATURES)->name, "GET_FEATURES");
	assert_null(vu_message_of(draft, VU_MAIN, 99));
	assert_int_equal(vu_message_named(draft, VU_MAIN, "RESUME")->id, VU_SET_DEVICE_STATE_FD);
	assert_null(vu_message_named(NULL, VU_MAIN, "RESUME"));
	assert_int_equal(vu_feature_named(draft, "SUSPEND")->bit, VU_PF_SHARED_OBJECT);
	assert_null(vu_feature_named(NULL, "SUSPEND"));
	assert_string_equal(vu_feature_of(draft, VU_PROTOCOL_FEATURE, VU_PF_SHARED_OBJECT)->brief,
			    "SUSPEND");
}

static void a_message_is_on_somebodys_numbers(void **state)
{
	const struct vu_draft *v4 = vu_draft_by_name("device-state-v4");
	struct vu_message reply, *msg = request(v4, VU_SET_DEVICE_STATE_FD, 0);

	(void)state;
	assert_string_equal(vu_message_name(msg), "CHECK_DEVICE_STATE");
	assert_int_equal(vu_message_sense(msg), VU_CHECK_DEVICE_STATE);
	vu_message_init_reply(&reply, msg);
	assert_string_equal(vu_message_name(&reply), "CHECK_DEVICE_STATE");
	msg = request(suspend_resume(), VU_GET_SHARED_OBJECT, 0);
	assert_int_equal(vu_message_sense(msg), UINT32_MAX);
	msg->draft = NULL;
	assert_int_equal(vu_message_sense(msg), VU_GET_SHARED_OBJECT);
}

static void later_features_are_those_with_higher_numbers(void **state)
{
	const struct vu_draft *v2 = vu_draft_by_name("device-state-v2");

	(void)state;
	assert_true(vu_draft_bits(v2) == (BIT(VU_PF_SHARED_OBJECT) | BIT(VU_PF_DEVICE_STATE)));
	assert_true(vu_draft_later(v2) == ~(BIT(VU_PF_DEVICE_STATE + 1) - 1));
	assert_true(vu_draft_bits(NULL) == 0 && vu_draft_later(NULL) == 0);
	assert_true(vu_draft_later(vu_draft_by_name("suspended-state-v4")) == 0);
}

static void a_contested_number_is_told_in_words(void **state)
{
	char text[200];

	(void)state;
	assert_true(vu_contested(NULL, VU_MAIN, VU_GET_SHARED_OBJECT, text, sizeof(text)));
	assert_string_equal(text, SUSPEND);
	assert_true(
		vu_contested(suspend_resume(), VU_MAIN, VU_GET_SHARED_OBJECT, text, sizeof(text)));
	assert_string_equal(text, SUSPEND);
	assert_false(vu_contested(NULL, VU_MAIN, VU_GET_FEATURES, text, sizeof(text)));
	assert_false(vu_contested(suspend_resume(), VU_MAIN, VU_SET_STATUS, text, sizeof(text)));
	assert_false(vu_contested(NULL, VU_MAIN, 99, text, sizeof(text)));
	assert_true(vu_contested(NULL, VU_BACKEND, VU_BACKEND_SHMEM_UNMAP, text, sizeof(text)));
	assert_non_null(strstr(text, "SLAVE_STOP_CHANNEL_COMPLETE"));
}

static void what_fits_other_numbers_alone_is_recognised(void **state)
{
	const size_t uuid = vu_message_by_id(VU_MAIN, VU_GET_SHARED_OBJECT)->request->size;
	char text[200];

	(void)state;
	assert_true(vu_other_meaning(request(NULL, VU_GET_SHARED_OBJECT, 0), text, sizeof(text)));
	assert_string_equal(text, SUSPEND "; the former is meant");
	assert_true(vu_other_meaning(request(suspend_resume(), VU_GET_SHARED_OBJECT, uuid), text,
				     sizeof(text)));
	assert_string_equal(text, SUSPEND "; the latter is meant");
	assert_false(
		vu_other_meaning(request(NULL, VU_GET_SHARED_OBJECT, uuid), text, sizeof(text)));
	assert_false(vu_other_meaning(request(NULL, VU_GET_SHARED_OBJECT, 3), text, sizeof(text)));
	assert_false(vu_other_meaning(request(NULL, VU_GET_FEATURES, 8), text, sizeof(text)));
	assert_false(vu_other_meaning(request(NULL, 99, 8), text, sizeof(text)));
}

static void who_offers_what_came_later_is_recognised(void **state)
{
	char text[200];

	(void)state;
	assert_true(
		vu_later_numbers(suspend_resume(), BIT(VU_PF_DEVICE_STATE), text, sizeof(text)));
	assert_string_equal(text,
			    SUSPEND "; who offers DEVICE_STATE (19, since 8.2) means the latter");
	assert_false(
		vu_later_numbers(suspend_resume(), BIT(VU_PF_SHARED_OBJECT), text, sizeof(text)));
	assert_false(vu_later_numbers(suspend_resume(), BIT(63), text, sizeof(text)));
	assert_false(vu_later_numbers(NULL, UINT64_MAX, text, sizeof(text)));
}

static void words_are_cut_off_where_there_is_no_room(void **state)
{
	char text[16];

	(void)state;
	assert_true(vu_other_meaning(request(NULL, VU_GET_SHARED_OBJECT, 0), text, sizeof(text)));
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_true(
		vu_later_numbers(suspend_resume(), BIT(VU_PF_DEVICE_STATE), text, sizeof(text)));
	assert_int_equal(strlen(text), sizeof(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_drafts_numbers_come_first),
		cmocka_unit_test(a_message_is_on_somebodys_numbers),
		cmocka_unit_test(later_features_are_those_with_higher_numbers),
		cmocka_unit_test(a_contested_number_is_told_in_words),
		cmocka_unit_test(what_fits_other_numbers_alone_is_recognised),
		cmocka_unit_test(who_offers_what_came_later_is_recognised),
		cmocka_unit_test(words_are_cut_off_where_there_is_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
