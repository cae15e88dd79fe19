/* SPDX-License-Identifier: Apache-2.0 */
/* Message lines of a scenario at play: building what is sent, comparing what arrives. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interp_internal.h"
#include "parser.h"
#include "trace.h"

static enum vu_channel channel_of(enum script_arrow arrow)
{
	return arrow == ARROW_REQUEST || arrow == ARROW_REPLY ? VU_MAIN : VU_BACKEND;
}

static bool is_reply(enum script_arrow arrow)
{
	return arrow == ARROW_REPLY || arrow == ARROW_BACKEND_REPLY;
}

/* The message that the line names; a decimal number names one that no spec knows. */
static bool request_id(const struct script_interp *in, const struct script_stmt *stmt,
		       const struct vu_message_info **info, uint32_t *id)
{
	char *end;

	*info = stmt->message;
	if (*info) {
		*id = (*info)->id;
		return true;
	}
	*id = (uint32_t)strtoul(stmt->word, &end, 0);
	*info = vu_message_of(in->draft, channel_of(stmt->arrow), *id);
	return end != stmt->word && !*end;
}

static const struct vu_payload *layout_of(const struct script_stmt *stmt,
					  const struct vu_message_info *info)
{
	if (!info)
		return NULL;
	if (!is_reply(stmt->arrow))
		return info->request;
	return info->reply[0] ? info->reply[0] : info->request;
}

/* Of the forms that a payload may have the one with that field; a ring base is also one plain word. */
static const struct vu_payload *layout_with(const struct vu_message *msg, const char *path)
{
	const struct vu_payload *layout = vu_message_layout_with(msg, path);
	uint64_t value;

	if (layout)
		return layout;
	layout = vu_payload_by_name("vring_state");
	if (msg->channel == VU_MAIN &&
	    (msg->request == VU_SET_VRING_BASE || msg->request == VU_GET_VRING_BASE) &&
	    vu_field_get(msg, layout, path, &value) != -ENOENT)
		return layout;
	return vu_message_is_reply(msg) && !strcmp(path, "u64") ? vu_payload_by_name("u64") : NULL;
}

static const char *first_field(const struct vu_payload *layout)
{
	for (size_t i = 0; layout && i < layout->nfields; i++)
		if (!layout->fields[i].padding)
			return layout->fields[i].name;
	return NULL;
}

static bool names_fd(const struct script_arg *arg)
{
	return arg->name && !strcmp(arg->name, "fd");
}

static int attach(struct script_interp *in, const struct script_arg *arg, struct vu_message *msg,
		  char *why, size_t size)
{
	struct script_value value;
	int fd;

	if (script_eval(in, arg->value, &value, why, size))
		return -EINVAL;
	fd = fcntl(in->host->fd(in->host->ctx, value), F_DUPFD_CLOEXEC, 0);
	if (fd < 0 && errno == EBADF) {
		snprintf(why, size, "fd wants a descriptor");
		return -EINVAL;
	}
	if (fd < 0 || vu_message_add_fd(msg, fd)) {
		snprintf(why, size, "no room for one more descriptor");
		if (fd >= 0)
			close(fd);
		return -EINVAL;
	}
	return 0;
}

/* hex:0011 into the payload; a plain number N stands for N zero bytes. */
static int raw_payload(struct script_interp *in, const struct script_expr *e,
		       struct vu_message *msg, char *why, size_t size)
{
	uint64_t len;

	if (e->kind == EXPR_BYTES) {
		len = script_unhex(e->text, msg->payload, sizeof(msg->payload));
	} else {
		if (script_number(in, e, &len, why, size))
			return -EINVAL;
		if (len > sizeof(msg->payload)) {
			snprintf(why, size, "a payload has at most %zu bytes",
				 sizeof(msg->payload));
			return -EINVAL;
		}
		memset(msg->payload, 0, len);
	}
	msg->len = len;
	msg->size = (uint32_t)len;
	return 0;
}

static int set_bytes(struct vu_message *msg, const struct vu_payload *layout, const char *path,
		     const struct script_expr *e)
{
	uint8_t bytes[VU_MESSAGE_PAYLOAD_MAX];
	size_t n = script_unhex(e->text, bytes, sizeof(bytes));
	char element[96];
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		snprintf(element, sizeof(element), "%s[%zu]", path, i);
		err = vu_field_set(msg, layout, element, bytes[i]);
	}
	return err;
}

static int set_field(struct script_interp *in, const struct script_arg *arg,
		     const struct vu_payload *layout, struct vu_message *msg, char *why,
		     size_t size)
{
	const char *path = arg->name ? arg->name : first_field(layout);
	const struct vu_payload *form = path ? layout_with(msg, path) : NULL;
	int err;

	if (form) /* none fits while a count is ahead of what it counts */
		layout = form;
	if (!path || !layout) {
		snprintf(why, size, "the message has no payload to set");
		return -EINVAL;
	}
	if (arg->value->kind == EXPR_BYTES) {
		err = set_bytes(msg, layout, path, arg->value);
	} else {
		struct script_value value;

		if (script_eval(in, arg->value, &value, why, size))
			return -EINVAL;
		if (value.kind == VALUE_OBJECT)
			return 0; /* what it stands for is the host's to fill in */
		err = vu_field_set(msg, layout, path, value.number);
	}
	if (err)
		snprintf(why, size, err == -ENOENT ? "there is no field %s" : "%s cannot hold that",
			 path);
	return err ? -EINVAL : 0;
}

static int set_forge(struct script_interp *in, const struct script_arg *arg, struct vu_message *msg,
		     struct vu_forge *forge, char *why, size_t size)
{
	uint64_t n = 0;

	if (!strcmp(arg->name, "payload"))
		return raw_payload(in, arg->value, msg, why, size);
	if (arg->value && script_number(in, arg->value, &n, why, size))
		return -EINVAL;
	if (!strcmp(arg->name, "request")) {
		forge->set_request = true;
		forge->request = (uint32_t)n;
	} else if (!strcmp(arg->name, "flags")) {
		forge->set_flags = true;
		forge->flags = (uint32_t)n;
	} else if (!strcmp(arg->name, "size")) {
		forge->set_size = true;
		forge->size = (uint32_t)n;
	} else if (!strcmp(arg->name, "version")) {
		msg->flags =
			(msg->flags & ~VU_FLAG_VERSION_MASK) | ((uint32_t)n & VU_FLAG_VERSION_MASK);
	} else if (!strcmp(arg->name, "reply")) {
		msg->flags |= VU_FLAG_REPLY;
	} else if (!strcmp(arg->name, "truncate")) {
		forge->truncate = true;
		forge->bytes = n;
	} else if (!strcmp(arg->name, "split") && forge->nsplits < VU_MAX_SPLITS) {
		forge->splits[forge->nsplits++] = n;
	} else if (!strcmp(arg->name, "fds")) {
		forge->extra_fds = n;
	} else if (!strcmp(arg->name, "fds-last")) {
		forge->fds_on_last = true;
	} else {
		snprintf(why, size, "%s cannot be forged so", arg->name);
		return -EINVAL;
	}
	return 0;
}

static int build(struct script_interp *in, struct script_call *call, struct vu_message *msg,
		 struct vu_forge *forge)
{
	const struct script_stmt *stmt = call->stmt;
	const struct vu_message_info *info;
	const struct vu_payload *layout;
	char *why = call->actual;
	size_t size = sizeof(call->actual);
	uint32_t id;

	if (!request_id(in, stmt, &info, &id)) {
		snprintf(why, size, "unknown message %s", stmt->word);
		return -EINVAL;
	}
	layout = layout_of(stmt, info);
	vu_message_init(msg, channel_of(stmt->arrow), id);
	msg->draft = in->draft;
	if (layout)
		vu_message_set_layout(msg, layout);
	if (is_reply(stmt->arrow))
		msg->flags |= VU_FLAG_REPLY;
	if (script_flag(stmt, "need-reply"))
		msg->flags |= VU_FLAG_NEED_REPLY;
	for (size_t i = 0; i < stmt->nargs; i++) {
		const struct script_arg *arg = &stmt->args[i];
		int err = names_fd(arg) ? attach(in, arg, msg, why, size)
					: set_field(in, arg, layout, msg, why, size);

		if (err)
			return err;
	}
	if (in->host->fill(in->host->ctx, call, msg))
		return -EINVAL;
	for (size_t i = 0; i < stmt->nforge; i++)
		if (set_forge(in, &stmt->forge[i], msg, forge, why, size))
			return -EINVAL;
	return 0;
}

enum script_step script_send_message(struct script_interp *in, struct script_call *call)
{
	int64_t deadline = script_deadline(in, call->stmt, call->since);
	struct vu_forge forge = { 0 };
	struct vu_message msg;
	int err;

	if (build(in, call, &msg, &forge)) {
		vu_message_close_fds(&msg);
		return STEP_ERROR;
	}
	err = in->host->send(in->host->ctx, &msg, &forge, deadline);
	if (!err)
		script_record_sent(in, call->stmt, &msg);
	vu_message_close_fds(&msg);
	/* who hangs up on the first piece is seen by the lines that follow */
	if (!err || (err == -EPIPE && forge.nsplits))
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual),
		 err == -ETIMEDOUT ? "the subject does not read: %s" : "the subject is gone: %s",
		 strerror(-err));
	return STEP_FAILED;
}

/* bytes hex:.. on the main socket, whatever they mean */
enum script_step script_send_bytes(struct script_interp *in, struct script_call *call)
{
	uint8_t bytes[VU_MESSAGE_PAYLOAD_MAX];
	size_t len = script_unhex(script_positional(call->stmt, 0)->text, bytes, sizeof(bytes));
	int err = in->host->send_bytes(in->host->ctx, bytes, len,
				       script_deadline(in, call->stmt, call->since));

	if (!err)
		return STEP_DONE;
	snprintf(call->actual, sizeof(call->actual), "the subject does not take it: %s",
		 strerror(-err));
	return STEP_FAILED;
}

/* ---- awaited ---- */

/* A copy for the script: who plays may still have use for the message. */
static bool capture_fd(struct script_interp *in, const char *name, const struct vu_message *msg,
		       size_t i)
{
	int fd = i < msg->nfds ? fcntl(msg->fds[i], F_DUPFD_CLOEXEC, 0) : -1;

	if (fd < 0)
		return false;
	script_bind(in, name, (struct script_value){ VALUE_FD, (uint64_t)fd });
	return true;
}

static bool match_fds(struct script_interp *in, const struct script_stmt *stmt,
		      struct vu_message *msg)
{
	size_t next = 0;

	if (script_flag(stmt, "nofd") && msg->nfds)
		return false;
	for (size_t i = 0; i < stmt->nargs; i++)
		if (names_fd(&stmt->args[i]) &&
		    !capture_fd(in, stmt->args[i].value->text, msg, next++))
			return false;
	return true;
}

static bool match_bytes(const struct script_expr *e, const struct vu_message *msg,
			const struct vu_payload *layout, const char *path)
{
	uint8_t wanted[VU_MESSAGE_PAYLOAD_MAX];
	size_t n = script_unhex(e->text, wanted, sizeof(wanted));
	char element[96];
	uint64_t byte;

	for (size_t i = 0; i < n; i++) {
		snprintf(element, sizeof(element), "%s[%zu]", path, i);
		if (vu_field_get(msg, layout, element, &byte) || byte != wanted[i])
			return false;
	}
	return true;
}

/* The field that a value without a name stands for; of a reply without any it is the acknowledgement. */
static const char *bare_field(const struct vu_message *msg)
{
	const struct vu_payload *layout = vu_message_layout(msg);

	return layout || !vu_message_is_reply(msg) ? first_field(layout) : "u64";
}

static bool match_field(struct script_interp *in, const struct script_arg *arg,
			const struct vu_message *msg)
{
	const char *path = arg->name ? arg->name : bare_field(msg);
	const struct vu_payload *layout = path ? layout_with(msg, path) : NULL;
	uint64_t actual;

	if (!layout && path && !strcmp(path, "size"))
		return script_match(in, arg, msg->size);
	if (!layout && path && !strcmp(path, "nfds"))
		return script_match(in, arg, msg->nfds);
	if (!layout)
		return false;
	if (arg->value->kind == EXPR_BYTES)
		return match_bytes(arg->value, msg, layout, path);
	if (vu_field_get(msg, layout, path, &actual))
		return false;
	return script_match(in, arg, actual);
}

static bool match_message(struct script_interp *in, const struct script_stmt *stmt,
			  struct vu_message *msg)
{
	for (size_t i = 0; i < stmt->nargs; i++)
		if (!names_fd(&stmt->args[i]) && !match_field(in, &stmt->args[i], msg))
			return false;
	if (script_flag(stmt, "need-reply") && !vu_message_needs_reply(msg))
		return false;
	return match_fds(in, stmt, msg);
}

enum script_step script_await_message(struct script_interp *in, struct script_call *call)
{
	const struct script_stmt *stmt = call->stmt;
	const struct script_host *host = in->host;
	const struct vu_message_info *info;
	struct vu_message *msg;
	uint32_t id;

	if (!request_id(in, stmt, &info, &id)) {
		snprintf(call->actual, sizeof(call->actual), "unknown message %s", stmt->word);
		return STEP_ERROR;
	}
	msg = host->arrived(host->ctx, stmt->arrow, id);
	if (!msg)
		return host->may_arrive(host->ctx, stmt->arrow, id, call->actual,
					sizeof(call->actual))
			       ? STEP_PENDING
			       : STEP_FAILED;
	if (!match_message(in, stmt, msg)) {
		script_format_message(call->actual, sizeof(call->actual), stmt->arrow, msg);
		return STEP_FAILED;
	}
	script_record_taken(in, stmt, msg);
	host->took(host->ctx, msg);
	return STEP_DONE;
}
