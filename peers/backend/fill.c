/* SPDX-License-Identifier: Apache-2.0 */
/* What a reply of the script leaves out is what the reference would answer, once it has done what was asked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "player.h"

/* The request held is served now, and once: a second reply repeats the first. */
static void serve_once(struct player *p, uint32_t request)
{
	int outcome;

	if (p->state == HELD_NONE || p->held.request != request || p->served)
		return;
	p->served = true;
	vu_message_close_fds(&p->reply);
	vu_message_init_reply(&p->reply, &p->held);
	if (request == VU_SET_DEVICE_STATE_FD && p->moves_state) {
		vu_message_close_fds(&p->held);
		vu_set(&p->reply, "nofd", 1);
		return;
	}
	outcome = backend_reply(p->be, &p->held);
	if (outcome == ANSWERED) {
		p->reply = p->be->out;
		p->be->out.nfds = 0;
	}
	if (outcome == LATER)
		p->be->transfer.check_held = false; /* the script answers, whenever that is */
}

static const char *path_of(const struct script_arg *arg, const struct vu_payload *layout)
{
	if (arg->name)
		return arg->name;
	for (size_t i = 0; layout && i < layout->nfields; i++)
		if (!layout->fields[i].padding)
			return layout->fields[i].name;
	return "u64";
}

static void put(struct vu_message *msg, const struct vu_message *said, const struct script_arg *arg)
{
	const char *path = path_of(arg, vu_message_layout(said));
	const struct vu_payload *from = vu_message_layout_with(said, path);
	const struct vu_payload *to = vu_message_layout_with(msg, path);
	const uint8_t *bytes;
	uint64_t value;
	size_t len;

	if (!from || !to)
		return;
	bytes = vu_field_bytes(said, from, path, &len);
	if (bytes)
		vu_field_set_bytes(msg, to, path, bytes, len);
	else if (!vu_field_get(said, from, path, &value))
		vu_field_set(msg, to, path, value);
}

static int attach(struct player *p, struct vu_message *msg)
{
	for (size_t i = 0; i < p->reply.nfds; i++) {
		int fd = fcntl(p->reply.fds[i], F_DUPFD_CLOEXEC, 0);

		if (fd >= 0 && !vu_message_add_fd(msg, fd))
			continue;
		if (fd >= 0)
			close(fd);
		return -EMFILE;
	}
	return 0;
}

/* A reply that says whether it has a descriptor says so of the one that the script attaches. */
static void tell_of_fd(const struct script_stmt *stmt, struct vu_message *msg)
{
	const struct vu_payload *layout = vu_message_layout(msg);
	uint64_t nofd;

	if (!layout || vu_field_get(msg, layout, "nofd", &nofd))
		return;
	if (script_flag(stmt, "nofd") || script_named(stmt, "fd"))
		vu_field_set(msg, layout, "nofd", script_flag(stmt, "nofd"));
}

static int fill_reply(struct player *p, struct script_call *call, struct vu_message *msg)
{
	const struct script_stmt *stmt = call->stmt;
	struct vu_message said;

	serve_once(p, msg->request);
	if (p->reply.request != msg->request || (!p->reply.len && !p->reply.nfds))
		return 0;
	said = *msg;
	memcpy(msg->payload, p->reply.payload, p->reply.len);
	msg->len = p->reply.len;
	msg->size = p->reply.size;
	for (size_t i = 0; i < stmt->nargs; i++)
		if (!stmt->args[i].name || strcmp(stmt->args[i].name, "fd") != 0)
			put(msg, &said, &stmt->args[i]);
	tell_of_fd(stmt, msg);
	if (script_flag(stmt, "nofd") || script_named(stmt, "fd") || !attach(p, msg))
		return 0;
	snprintf(call->actual, sizeof(call->actual), "out of descriptors");
	return -EMFILE;
}

int player_fill(void *ctx, struct script_call *call, struct vu_message *msg)
{
	return vu_message_is_reply(msg) && msg->channel == VU_MAIN ? fill_reply(ctx, call, msg) : 0;
}
