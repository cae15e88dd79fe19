/* SPDX-License-Identifier: Apache-2.0 */
/* Messages against bytes written down by hand, fields by name, and the generated tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "clause_ids.h"
#include "wire/message.h"
#include "wire/socket.h"

#define GOLDEN "peers/tests/golden/messages.txt"
#define ELEMENTS 2 /* in arrays that a field counts */
#define LINE_MAX_LEN (64 + 2 * (VU_HEADER_SIZE + VU_MESSAGE_PAYLOAD_MAX))

/* A walk over all fields of a layout, in their order. */
struct walk {
	struct vu_message *msg;
	const struct vu_payload *layout;
	uint64_t number;
	bool check; /* compare instead of set */
};

static uint64_t expected_value(const struct walk *walk, const struct vu_field *field)
{
	uint64_t value = (walk->number % 256) * UINT64_C(0x0101010101010101);

	for (size_t i = 0; i < walk->layout->nfields; i++) {
		const char *count_by = walk->layout->fields[i].count_by;

		if (count_by && strcmp(count_by, field->name) == 0)
			return ELEMENTS;
	}
	return field->width == 64 ? value : value & ((UINT64_C(1) << field->width) - 1);
}

static void visit_value(struct walk *walk, const struct vu_field *field, const char *path)
{
	uint64_t value;

	walk->number++;
	if (walk->check) {
		assert_int_equal(vu_field_get(walk->msg, walk->layout, path, &value), 0);
		assert_true(value == expected_value(walk, field));
	} else {
		value = expected_value(walk, field);
		assert_int_equal(vu_field_set(walk->msg, walk->layout, path, value), 0);
	}
}

static void print_path(char *path, size_t size, const char *prefix, const struct vu_field *field,
		       size_t n)
{
	char index[16] = "";

	if (field->count != 1)
		snprintf(index, sizeof(index), "[%zu]", n);
	snprintf(path, size, "%s%s%s%s", prefix, field->name, index, field->nested ? "." : "");
}

static void visit(struct walk *walk, const struct vu_payload *layout, const char *prefix)
{
	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *field = &layout->fields[i];
		size_t count = field->count_by ? ELEMENTS : field->count;

		for (size_t n = 0; n < count && !field->padding; n++) {
			char path[128];

			print_path(path, sizeof(path), prefix, field, n);
			if (field->nested)
				visit(walk, field->nested, path);
			else
				visit_value(walk, field, path);
		}
	}
}

static struct vu_conn conn_pair(int *other)
{
	struct vu_conn conn;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	vu_conn_init(&conn, pair[0], VU_MAIN);
	*other = pair[1];
	return conn;
}

static void print_sent_bytes(struct vu_message *msg, char *text)
{
	uint8_t wire[VU_HEADER_SIZE + VU_MESSAGE_PAYLOAD_MAX];
	int other;
	struct vu_conn conn = conn_pair(&other);
	ssize_t len;

	assert_int_equal(vu_conn_send(&conn, msg, NULL, VU_FOREVER), 0);
	len = recv(other, wire, sizeof(wire), MSG_DONTWAIT);
	assert_int_equal(len, VU_HEADER_SIZE + msg->len);
	for (ssize_t i = 0; i < len; i++)
		text += sprintf(text, "%02x", wire[i]);
	close(other);
	vu_conn_close(&conn);
}

static void format_message(const struct vu_message_info *info, bool reply,
			   const struct vu_payload *layout, char *line)
{
	struct vu_message msg;
	struct walk walk = { .msg = &msg, .layout = layout };

	vu_message_init(&msg, info->channel, info->id);
	if (reply)
		vu_message_init_reply(&msg, &msg);
	vu_message_set_layout(&msg, layout);
	visit(&walk, layout, "");
	assert_non_null(vu_message_layout(&msg));
	line += sprintf(line, "%s %u %s %s %s ", info->channel == VU_MAIN ? "main" : "backend",
			info->id, info->name, reply ? "reply" : "request", layout->name);
	print_sent_bytes(&msg, line);
}

static void next_golden(FILE *file, char *line)
{
	do {
		assert_non_null(fgets(line, LINE_MAX_LEN, file));
	} while (line[0] == '#');
	line[strcspn(line, "\n")] = '\0';
}

static void every_message_has_its_golden_bytes(void **state)
{
	static char expected[LINE_MAX_LEN], actual[LINE_MAX_LEN];
	FILE *file = fopen(GOLDEN, "r");

	(void)state;
	assert_non_null(file);
	for (size_t i = 0; i < vu_nmessages; i++) {
		const struct vu_message_info *info = &vu_messages[i];

		for (size_t n = 0; n < 2 * VU_PAYLOAD_FORMS; n++) {
			bool reply = n >= VU_PAYLOAD_FORMS;
			const struct vu_payload *layout =
				reply ? info->reply[n % VU_PAYLOAD_FORMS] : info->request_forms[n];

			if (!layout)
				continue;
			next_golden(file, expected);
			format_message(info, reply, layout, actual);
			assert_string_equal(actual, expected);
		}
	}
	assert_null(fgets(expected, sizeof(expected), file));
	fclose(file);
}

static size_t parse_hex(const char *text, uint8_t *bytes)
{
	size_t len = 0;
	unsigned int byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[len++] = (uint8_t)byte;
	return len;
}

static void check_golden_line(const char *line)
{
	char channel[16], name[64], kind[16], layout_name[64];
	uint8_t wire[VU_HEADER_SIZE + VU_MESSAGE_PAYLOAD_MAX];
	struct vu_message msg;
	struct walk walk = { .msg = &msg, .check = true };
	unsigned int id;
	int hex, other;
	struct vu_conn conn = conn_pair(&other);
	size_t len;

	assert_int_equal(sscanf(line, "%15s %u %63s %15s %63s %n", channel, &id, name, kind,
				layout_name, &hex),
			 5);
	len = parse_hex(line + hex, wire);
	assert_int_equal(send(other, wire, len, 0), len);
	conn.channel = strcmp(channel, "main") == 0 ? VU_MAIN : VU_BACKEND;
	assert_int_equal(vu_conn_recv(&conn, &msg), 0);
	assert_int_equal(msg.request, id);
	assert_string_equal(vu_message_name(&msg), name);
	assert_int_equal(vu_message_is_reply(&msg), strcmp(kind, "reply") == 0);
	assert_int_equal(vu_message_layout(&msg)->size, vu_payload_by_name(layout_name)->size);
	walk.layout = vu_payload_by_name(layout_name);
	visit(&walk, walk.layout, "");
	close(other);
	vu_conn_close(&conn);
}

static void every_golden_line_reads_back(void **state)
{
	static char line[LINE_MAX_LEN];
	FILE *file = fopen(GOLDEN, "r");

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (line[0] != '#')
			check_golden_line(line);
	}
	fclose(file);
}

/* A reply of @len bytes of 0xff to message @id. */
static struct vu_message reply_of(uint32_t id, size_t len)
{
	struct vu_message msg;

	vu_message_init(&msg, VU_MAIN, id);
	vu_message_init_reply(&msg, &msg);
	memset(msg.payload, 0xff, sizeof(msg.payload));
	msg.size = msg.len = len;
	return msg;
}

static void assert_layout(uint32_t id, size_t len, const char *name)
{
	struct vu_message msg = reply_of(id, len);
	const struct vu_payload *layout = vu_message_layout(&msg);

	if (!name) {
		assert_null(layout);
		return;
	}
	assert_non_null(layout);
	assert_string_equal(layout->name, name);
}

static void layout_follows_the_size(void **state)
{
	struct vu_message msg = reply_of(VU_SET_MEM_TABLE, 72);
	uint32_t count = 2;

	(void)state;
	assert_layout(VU_SET_LOG_BASE, 0, "none");
	assert_layout(VU_SET_LOG_BASE, 8, "u64");
	assert_layout(VU_SET_LOG_BASE, 16, "log");
	assert_layout(VU_SET_LOG_BASE, 12, NULL);
	assert_layout(VU_GET_FEATURES, 0, NULL);
	assert_layout(VU_GET_FEATURES, 16, NULL);
	assert_layout(VU_SET_VRING_ADDR, 40, NULL);
	assert_layout(VU_ADD_MEM_REG, 40, "single_memory_region");
	assert_layout(9999, 8, NULL);

	assert_null(vu_message_layout(&msg)); /* it claims 2^32 - 1 regions */
	memcpy(msg.payload, &count, sizeof(count));
	assert_string_equal(vu_message_layout(&msg)->name, "memory_regions");
}

static void layout_follows_the_field(void **state)
{
	struct vu_message msg = reply_of(VU_GET_VRING_BASE, 8);

	(void)state;
	assert_string_equal(vu_message_layout_with(&msg, "index")->name, "vring_base_split");
	assert_string_equal(vu_message_layout_with(&msg, "used_wrap")->name, "vring_base_packed");
	assert_string_equal(vu_message_layout_with(&msg, "num")->name, "vring_state");
	assert_null(vu_message_layout_with(&msg, "region"));
	vu_message_init(&msg, VU_MAIN, VU_SET_VRING_BASE);
	assert_string_equal(vu_message_layout_with(&msg, "used_index")->name, "vring_base_packed");
}

static void fields_by_name(void **state)
{
	struct vu_message msg;

	(void)state;
	vu_message_init(&msg, VU_MAIN, VU_SET_VRING_ENABLE);
	assert_int_equal(vu_get(&msg, "num"), 0);
	vu_set(&msg, "num", 7);
	assert_int_equal(msg.len, 8);
	assert_int_equal(vu_get(&msg, "num"), 7);
	assert_int_equal(vu_get(&msg, "index"), 0);
	vu_set(&msg, "region", 7);
	assert_int_equal(vu_get(&msg, "region"), 0);
	assert_int_equal(msg.len, 8);
}

static void wrong_paths_and_values_are_refused(void **state)
{
	const struct vu_payload *table = vu_payload_by_name("memory_regions");
	const struct vu_payload *base = vu_payload_by_name("vring_base_packed");
	const struct vu_payload *shmem = vu_payload_by_name("shmem_config");
	struct vu_message msg;
	uint64_t value;

	(void)state;
	vu_message_init(&msg, VU_MAIN, VU_SET_MEM_TABLE);
	assert_int_equal(vu_field_set(&msg, table, "regions[1].size", 7), 0);
	assert_int_equal(msg.len, 8 + 32 + 16);
	assert_int_equal(vu_field_get(&msg, table, "regions[1].size", &value), -ERANGE);
	assert_int_equal(vu_field_set(&msg, table, "num_regions", 2), 0);
	assert_int_equal(vu_field_get(&msg, table, "regions[1].size", &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(vu_field_get(&msg, table, "regions[1].mmap_offset", &value), -ERANGE);
	assert_int_equal(vu_field_get(&msg, table, "regions[2].size", &value), -ERANGE);
	assert_int_equal(vu_field_set(&msg, table, "regions[128].size", 0), -ERANGE);
	assert_int_equal(vu_field_set(&msg, table, "regions[99999999999999999999].size", 0),
			 -ERANGE);
	assert_int_equal(vu_field_set(&msg, table, "regions[576460752303423488].size", 0), -ERANGE);
	assert_int_equal(vu_field_set(&msg, table, "num_regions", UINT64_C(1) << 32), -ERANGE);
	assert_int_equal(vu_field_set(&msg, shmem, "sizes[255]", 1), 0);
	assert_int_equal(vu_field_set(&msg, shmem, "sizes[256]", 1), -ERANGE);

	for (const char *const *path =
		     (const char *const[]){ "", "no", "regions", "regions[0]", "regions[0].",
					    "regions.size", "regions[-1].size", "regions[1",
					    "regions[].size", "num_regions.x", "num_regions[0]x",
					    "regions[0]size", NULL };
	     *path; path++)
		assert_int_equal(vu_field_get(&msg, table, *path, &value), -ENOENT);

	assert_int_equal(vu_field_set(&msg, base, "avail_wrap", 2), -ERANGE);
	assert_int_equal(vu_field_set(&msg, base, "avail_index", 0x8000), -ERANGE);
}

static void bits_leave_their_neighbours_alone(void **state)
{
	const struct vu_payload *base = vu_payload_by_name("vring_base_packed");
	struct vu_message msg;
	uint32_t words[2];

	(void)state;
	vu_message_init(&msg, VU_MAIN, VU_SET_VRING_BASE);
	vu_message_set_layout(&msg, base);
	assert_int_equal(vu_field_set(&msg, base, "used_index", 0x7fff), 0);
	assert_int_equal(vu_field_set(&msg, base, "avail_wrap", 1), 0);
	assert_int_equal(vu_field_set(&msg, base, "used_index", 0x1234), 0);
	memcpy(words, msg.payload, sizeof(words));
	assert_int_equal(words[1], 0x12348000);
}

static void byte_arrays_are_read_and_written_whole(void **state)
{
	const struct vu_payload *config = vu_payload_by_name("config");
	const struct vu_payload *shared = vu_payload_by_name("shared_object");
	struct vu_message msg;
	const uint8_t *bytes;
	size_t len;

	(void)state;
	vu_message_init(&msg, VU_MAIN, VU_SET_CONFIG);
	vu_message_set_layout(&msg, config);
	assert_int_equal(vu_field_set_bytes(&msg, config, "region", "abcd", 4), 0);
	assert_non_null(vu_field_bytes(&msg, config, "region", &len));
	assert_int_equal(len, 0); /* not counted yet */
	assert_int_equal(vu_field_set(&msg, config, "size", 100), 0);
	bytes = vu_field_bytes(&msg, config, "region", &len);
	assert_int_equal(len, 4);
	assert_memory_equal(bytes, "abcd", 4);
	assert_null(vu_field_bytes(&msg, config, "size", &len));
	assert_int_equal(vu_field_set_bytes(&msg, config, "region", msg.payload, 4090), -ERANGE);
	assert_int_equal(vu_field_set_bytes(&msg, shared, "uuid", msg.payload, 17), -ERANGE);
	assert_int_equal(vu_field_set_bytes(&msg, shared, "size", "", 1), -ENOENT);
}

static void things_are_found_by_all_their_names(void **state)
{
	(void)state;
	assert_ptr_equal(vu_message_by_name(VU_BACKEND, "IOTLB_MSG"),
			 vu_message_by_id(VU_BACKEND, VU_BACKEND_IOTLB_MSG));
	assert_ptr_equal(vu_message_by_name(VU_BACKEND, "BACKEND_IOTLB_MSG"),
			 vu_message_by_name(VU_BACKEND, "SLAVE_IOTLB_MSG"));
	assert_ptr_equal(vu_message_by_name(VU_MAIN, "SET_SLAVE_REQ_FD"),
			 vu_message_by_id(VU_MAIN, VU_SET_BACKEND_REQ_FD));
	assert_null(vu_message_by_name(VU_MAIN, "SHMEM_MAP"));

	assert_int_equal(vu_feature_by_name("VHOST_F_LOG_ALL")->bit, VU_F_LOG_ALL);
	assert_int_equal(vu_feature_by_name("ACCESS_PLATFORM")->bit, VU_F_IOMMU_PLATFORM);
	assert_int_equal(vu_feature_by_name("NET_F_MTU")->kind, VU_VIRTIO_FEATURE);
	assert_int_equal(vu_feature_by_name("NET_MTU")->kind, VU_PROTOCOL_FEATURE);
	assert_string_equal(vu_feature_by_name("SLAVE_REQ")->brief, "BACKEND_REQ");
	assert_string_equal(vu_feature_name(VU_PROTOCOL_FEATURE, VU_PF_STATUS), "STATUS");
	assert_null(vu_feature_name(VU_PROTOCOL_FEATURE, 63));
}

static void drafts_have_numbers_of_their_own(void **state)
{
	const struct vu_draft *draft = vu_draft_by_name("device-state-v4");

	(void)state;
	assert_non_null(draft);
	assert_int_equal(draft->features[0].bit, VU_PF_SHARED_OBJECT);
	assert_string_equal(draft->messages[0].name, "SET_DEVICE_STATE_FD");
	assert_int_equal(draft->messages[0].id, VU_GET_SHARED_OBJECT);
	assert_string_equal(draft->messages[0].reply[0]->name, "device_state_reply");
	assert_int_equal(draft->messages[0].fds_request.min, 1);
	assert_null(vu_draft_by_name("nothing"));
}

static void tables_hold_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < vu_nmessages; i++) {
		for (const char *const *name = vu_messages[i].requires; *name; name++)
			assert_non_null(vu_feature_by_name(*name));
	}
	for (size_t i = 0; i < vu_nfeatures; i++) {
		for (const char *const *name = vu_features[i].implies; *name; name++)
			assert_non_null(vu_feature_by_name(*name));
	}
	assert_null(vu_clause_ids[vu_nclause_ids]);
	assert_non_null(vu_payload_by_name("desc_state_split"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_has_its_golden_bytes),
		cmocka_unit_test(every_golden_line_reads_back),
		cmocka_unit_test(layout_follows_the_size),
		cmocka_unit_test(layout_follows_the_field),
		cmocka_unit_test(fields_by_name),
		cmocka_unit_test(wrong_paths_and_values_are_refused),
		cmocka_unit_test(bits_leave_their_neighbours_alone),
		cmocka_unit_test(byte_arrays_are_read_and_written_whole),
		cmocka_unit_test(things_are_found_by_all_their_names),
		cmocka_unit_test(drafts_have_numbers_of_their_own),
		cmocka_unit_test(tables_hold_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
