/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation for tests of the model. */
#include "session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "clause_ids.h"

void session_init(struct session *s)
{
	vu_model_init(&s->model);
	s->obs.nbreaches = 0;
}

const struct vu_payload *layout_of(uint32_t id)
{
	return vu_message_by_id(VU_MAIN, id)->request;
}

struct vu_message *begin(struct session *s, enum vu_channel channel, uint32_t id)
{
	const struct vu_message_info *info = vu_message_by_id(channel, id);

	vu_message_init(&s->msg, channel, id);
	if (info && info->request->nfields)
		vu_message_set_layout(&s->msg, info->request);
	for (size_t i = 0; info && i < info->fds_request.min; i++)
		vu_message_add_fd(&s->msg, SOME_FD);
	return &s->msg;
}

struct vu_message *begin_reply(struct session *s, enum vu_channel channel, uint32_t id)
{
	const struct vu_message_info *info = vu_message_by_id(channel, id);

	vu_message_init(&s->msg, channel, id);
	s->msg.flags |= VU_FLAG_REPLY;
	if (info && info->reply[0]->nfields)
		vu_message_set_layout(&s->msg, info->reply[0]);
	for (size_t i = 0; info && i < info->fds_reply.min; i++)
		vu_message_add_fd(&s->msg, SOME_FD);
	return &s->msg;
}

void say(struct session *s, enum vu_role from)
{
	vu_model_observe(&s->model, from, &s->msg, &s->obs);
	for (size_t i = 0; i < s->obs.nbreaches; i++) {
		if (!is_clause(s->obs.breaches[i].clause))
			fail_msg("no such clause: %s", s->obs.breaches[i].clause);
	}
}

void say_fe(struct session *s)
{
	say(s, VU_FRONTEND);
}

void say_be(struct session *s)
{
	say(s, VU_BACKEND_ROLE);
}

void set(struct session *s, const struct vu_payload *layout, const char *path, uint64_t value)
{
	assert_int_equal(vu_field_set(&s->msg, layout, path, value), 0);
}

void ask(struct session *s, uint32_t id, uint32_t flags)
{
	begin(s, VU_MAIN, id)->flags |= flags;
	say(s, VU_FRONTEND);
}

void ask_u64(struct session *s, uint32_t id, uint64_t value, uint32_t flags)
{
	vu_message_set_u64(begin(s, VU_MAIN, id), value);
	s->msg.flags |= flags;
	say(s, VU_FRONTEND);
}

/* SET_VRING_BASE has a layout of its own, of the same form. */
void ask_ring(struct session *s, uint32_t id, uint32_t index, uint32_t num, uint32_t flags)
{
	const struct vu_payload *layout = layout_of(VU_GET_VRING_BASE);

	begin(s, VU_MAIN, id)->flags |= flags;
	set(s, layout, "index", index);
	set(s, layout, "num", num);
	say(s, VU_FRONTEND);
}

void ask_fd(struct session *s, uint32_t id, uint32_t index, bool fd, uint32_t flags)
{
	begin(s, VU_MAIN, id)->flags |= flags;
	set(s, layout_of(id), "index", index);
	set(s, layout_of(id), "nofd", !fd);
	if (fd)
		vu_message_add_fd(&s->msg, SOME_FD);
	say(s, VU_FRONTEND);
}

void ask_region(struct session *s, uint32_t id, uint64_t guest, uint64_t user, uint64_t size,
		uint32_t flags)
{
	begin(s, VU_MAIN, id)->flags |= flags;
	set(s, layout_of(id), "region.guest_address", guest);
	set(s, layout_of(id), "region.user_address", user);
	set(s, layout_of(id), "region.size", size);
	if (id == VU_ADD_MEM_REG)
		vu_message_add_fd(&s->msg, SOME_FD);
	say(s, VU_FRONTEND);
}

static void set_in_table(struct session *s, size_t i, const char *field, uint64_t value)
{
	char path[64];

	snprintf(path, sizeof(path), "regions[%zu].%s", i, field);
	set(s, layout_of(VU_SET_MEM_TABLE), path, value);
}

void ask_table(struct session *s, const struct vu_model_region *regions, size_t n, uint32_t flags)
{
	begin(s, VU_MAIN, VU_SET_MEM_TABLE)->flags |= flags;
	set(s, layout_of(VU_SET_MEM_TABLE), "num_regions", n);
	for (size_t i = 0; i < n; i++) {
		set_in_table(s, i, "mmap_offset", regions[i].mmap_offset);
		set_in_table(s, i, "guest_address", regions[i].guest_address);
		set_in_table(s, i, "user_address", regions[i].user_address);
		set_in_table(s, i, "size", regions[i].size);
		vu_message_add_fd(&s->msg, SOME_FD);
	}
	say(s, VU_FRONTEND);
}

void answer(struct session *s, uint32_t id)
{
	begin_reply(s, VU_MAIN, id);
	say(s, VU_BACKEND_ROLE);
}

void answer_u64(struct session *s, uint32_t id, uint64_t value)
{
	vu_message_set_u64(begin_reply(s, VU_MAIN, id), value);
	say(s, VU_BACKEND_ROLE);
}

void answer_ring(struct session *s, uint32_t index, uint32_t num)
{
	const struct vu_payload *layout = layout_of(VU_GET_VRING_BASE);

	begin_reply(s, VU_MAIN, VU_GET_VRING_BASE);
	set(s, layout, "index", index);
	set(s, layout, "num", num);
	say(s, VU_BACKEND_ROLE);
}

void channel_ask(struct session *s, uint32_t id, uint32_t flags)
{
	begin(s, VU_BACKEND, id)->flags |= flags;
	say(s, VU_BACKEND_ROLE);
}

void channel_answer(struct session *s, uint32_t id, uint64_t value)
{
	vu_message_set_u64(begin_reply(s, VU_BACKEND, id), value);
	say(s, VU_FRONTEND);
}

void negotiate(struct session *s, uint64_t features, uint64_t protocol)
{
	features |= BIT(VU_F_PROTOCOL_FEATURES);
	ask(s, VU_GET_FEATURES, 0);
	answer_u64(s, VU_GET_FEATURES, features);
	ask(s, VU_GET_PROTOCOL_FEATURES, 0);
	answer_u64(s, VU_GET_PROTOCOL_FEATURES, protocol);
	ask_u64(s, VU_SET_PROTOCOL_FEATURES, protocol, 0);
	clean(s);
	ask(s, VU_SET_OWNER, 0);
	ask_u64(s, VU_SET_FEATURES, features, 0);
	clean(s);
	if (protocol & BIT(VU_PF_BACKEND_REQ))
		ask(s, VU_SET_BACKEND_REQ_FD, 0);
}

void everything(struct session *s)
{
	session_init(s);
	negotiate(s, BIT(VU_F_IOMMU_PLATFORM) | BIT(VU_F_NET_F_MTU), EVERY_PROTOCOL_FEATURE);
}

void start_ring(struct session *s, uint32_t index)
{
	ask_ring(s, VU_SET_VRING_NUM, index, 256, 0);
	ask_ring(s, VU_SET_VRING_BASE, index, 0, 0);
	begin(s, VU_MAIN, VU_SET_VRING_ADDR);
	set(s, layout_of(VU_SET_VRING_ADDR), "index", index);
	set(s, layout_of(VU_SET_VRING_ADDR), "descriptor", 0x1000);
	say(s, VU_FRONTEND);
	ask_fd(s, VU_SET_VRING_CALL, index, true, 0);
	ask_fd(s, VU_SET_VRING_KICK, index, true, 0);
	clean(s);
	ask_ring(s, VU_SET_VRING_ENABLE, index, 1, 0);
	clean(s);
}

void stop_ring(struct session *s, uint32_t index)
{
	ask_ring(s, VU_GET_VRING_BASE, index, 0, 0);
	answer_ring(s, index, 5);
	clean(s);
}

void check_clean(const struct session *s, const char *file, int line)
{
	if (s->obs.nbreaches)
		fail_msg("%s:%d: %s: %s", file, line, s->obs.breaches[0].clause,
			 s->obs.breaches[0].text);
}

void check_breach(const struct session *s, const char *clause, enum vu_role by, const char *file,
		  int line)
{
	const struct vu_breach *seen = &s->obs.breaches[0];

	if (s->obs.nbreaches != 1)
		fail_msg("%s:%d: %zu breaches instead of %s alone, first %s", file, line,
			 s->obs.nbreaches, clause, s->obs.nbreaches ? seen->clause : "-");
	if (strcmp(seen->clause, clause) != 0)
		fail_msg("%s:%d: %s (%s) instead of %s", file, line, seen->clause, seen->text,
			 clause);
	if (seen->by != by || !seen->text[0])
		fail_msg("%s:%d: %s by the wrong side, or without words", file, line, clause);
}

bool is_clause(const char *id)
{
	for (const char *const *known = vu_clause_ids; *known; known++) {
		if (strcmp(*known, id) == 0)
			return true;
	}
	return false;
}
