/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that begin with an arrow: fields of the payload, descriptors, and what is forged. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "trace.h"
#include "wire/message.h"

static const char number_forges[] = "version flags size request payload truncate split fds";
static const char flag_forges[] = "reply fds-last";
/* Of the message as a whole, where its payload has no field of that name. */
static const char whole_fields[] = "size nfds";

#define LAYOUTS (2 * VU_PAYLOAD_FORMS)

/* A line on its way through the parser. */
struct message {
	const struct vu_message_info *info;        /* NULL: an id that no spec knows */
	const struct vu_payload *layouts[LAYOUTS]; /* it may have any of these */
	size_t nlayouts;
	bool sent, awaited; /* neither, when the file does not say who plays */
	bool forging;       /* behind `with` */
};

/* ---- which message, and along which arrow ---- */

static bool leaves_front_end(enum script_arrow arrow)
{
	return arrow == ARROW_REQUEST || arrow == ARROW_BACKEND_REPLY;
}

static void find_direction(const struct script *s, enum script_arrow arrow, struct message *m)
{
	enum script_subject subject = s->header.subject;

	m->sent =
		subject != SUBJECT_NONE && leaves_front_end(arrow) == (subject == SUBJECT_BACKEND);
	m->awaited = subject != SUBJECT_NONE && !m->sent;
}

static void add_layouts(struct message *m, const struct vu_payload *const *forms)
{
	for (size_t i = 0; i < VU_PAYLOAD_FORMS && forms[i]; i++)
		m->layouts[m->nlayouts++] = forms[i];
}

static void find_layouts(enum script_arrow arrow, struct message *m)
{
	const struct vu_payload *const *forms;

	/* what nobody knows may be acknowledged like anything else */
	if (!m->info && script_arrow_is_reply(arrow))
		m->layouts[m->nlayouts++] = vu_payload_by_name("u64");
	if (!m->info)
		return;
	forms = script_arrow_is_reply(arrow) ? m->info->reply : m->info->request_forms;
	add_layouts(m, forms);
	/* postcopy: the regions come back */
	if (script_arrow_is_reply(arrow) && m->info->reply_always_if)
		add_layouts(m, m->info->request_forms);
	/* the base of a ring can also be given as the one word that it is on the wire */
	if (m->nlayouts && m->layouts[0] == vu_payload_by_name("vring_base_split"))
		m->layouts[m->nlayouts++] = vu_payload_by_name("vring_state");
	/* a message that answers by itself only sometimes can also be answered by REPLY_ACK */
	if (script_arrow_is_reply(arrow) && m->info->reply_when == VU_REPLY_ACK)
		m->layouts[m->nlayouts++] = vu_payload_by_name("u64");
}

static int unknown_message(struct script *s, enum vu_channel channel, const char *name)
{
	bool back_end = channel == VU_BACKEND;
	enum vu_channel other = back_end ? VU_MAIN : VU_BACKEND;

	if (script_message(s, other, name)) {
		script_fail(s, "%s is no message of %s", name,
			    back_end ? "the back-end channel" : "the main socket");
		script_error_hint(s->err, "its arrows are %s",
				  back_end ? "-> and <-" : "<= and =>");
		return -EINVAL;
	}
	script_fail(s, "unknown message %s", name);
	script_suggest(s, script_nearest_to(s, back_end ? "back-end message" : "message", name));
	return -EINVAL;
}

static int parse_message_id(struct script *s, struct script_stmt *stmt, struct message *m)
{
	char id[16];

	if (s->lx.tok.number > UINT32_MAX)
		return script_fail(s, "an id has 32 bits");
	snprintf(id, sizeof(id), "%u", (unsigned int)s->lx.tok.number);
	stmt->word = strdup(id);
	m->info = vu_message_of(s->draft, script_arrow_channel(stmt->arrow),
				(uint32_t)s->lx.tok.number);
	lexer_next(&s->lx);
	return 0;
}

static int parse_message_name(struct script *s, struct script_stmt *stmt, struct message *m)
{
	enum vu_channel channel = script_arrow_channel(stmt->arrow);

	if (s->lx.tok.kind == TOKEN_NUMBER)
		return parse_message_id(s, stmt, m);
	if (s->lx.tok.kind != TOKEN_WORD)
		return script_expected(s, "a message", script_message_form);
	stmt->word = lexer_text(&s->lx);
	m->info = stmt->message = script_message(s, channel, stmt->word);
	if (!m->info)
		return unknown_message(s, channel, stmt->word);
	lexer_next(&s->lx);
	return 0;
}

/* ---- fields ---- */

static bool has_field(const struct message *m, const char *path)
{
	struct vu_message empty = { .len = 0 };
	uint64_t value;

	for (size_t i = 0; i < m->nlayouts; i++)
		if (vu_field_get(&empty, m->layouts[i], path, &value) != -ENOENT)
			return true;
	return false;
}

/* An array is only known with an index; without one it stands for its bytes. */
static bool has_array(const struct message *m, const char *path)
{
	char first[128];

	if (strlen(path) + sizeof("[0]") > sizeof(first) || has_field(m, path))
		return false;
	snprintf(first, sizeof(first), "%s[0]", path);
	return has_field(m, first);
}

/* Whether there is a payload at all; then first_field() has an answer. */
static bool has_fields(const struct message *m)
{
	for (size_t i = 0; i < m->nlayouts; i++)
		if (m->layouts[i]->nfields)
			return true;
	return false;
}

static const char *first_field(const struct message *m)
{
	size_t i = 0;

	while (!m->layouts[i]->nfields)
		i++;
	return m->layouts[i]->fields[0].name;
}

static int refuse_fields(struct script *s, const struct script_stmt *stmt, const struct message *m)
{
	if (!m->info) {
		script_fail(s, "no spec says what message %s carries", stmt->word);
		script_error_hint(s->err, "give it bytes: with payload=hex:..");
		return -EINVAL;
	}
	return script_fail(s, "%s %s carries no payload",
			   script_arrow_is_reply(stmt->arrow) ? "the reply to" : "the request",
			   stmt->word);
}

static int unknown_field(struct script *s, const struct script_stmt *stmt, const struct message *m,
			 const char *name)
{
	struct nearest n;
	char room[32];

	if (!has_fields(m))
		return refuse_fields(s, stmt, m);
	script_fail(s, "%s %s has no field %s",
		    script_arrow_is_reply(stmt->arrow) ? "the reply to" : "the request", stmt->word,
		    name);
	nearest_start(&n, name);
	for (size_t i = 0; i < m->nlayouts; i++)
		for (size_t k = 0; k < m->layouts[i]->nfields; k++)
			nearest_try(&n, m->layouts[i]->fields[k].name);
	nearest_try_list(&n, "need-reply nofd with within", room, sizeof(room));
	script_suggest(s, n.best);
	return -EINVAL;
}

static bool is_given(const struct script_stmt *stmt, const char *name, enum script_op op)
{
	for (size_t i = 0; i < stmt->nargs; i++)
		if (stmt->args[i].name && stmt->args[i].op == op &&
		    !strcmp(stmt->args[i].name, name))
			return true;
	return false;
}

static int check_field(struct script *s, const struct script_stmt *stmt, const struct message *m,
		       const char *name, enum script_op op)
{
	bool whole = !m->sent && script_listed(whole_fields, name);

	if (!whole && !has_field(m, name) && !has_array(m, name))
		return unknown_field(s, stmt, m, name);
	if (m->sent && op != SCRIPT_EQ)
		return script_fail(s, "this line is sent: %s can only be set, with `=`", name);
	if (is_given(stmt, name, op))
		return script_fail(s, "%s is given twice", name);
	return 0;
}

/* What stands behind a field: `any`, bytes, or an expression. */
struct script_expr *script_parse_compared(struct script *s, enum script_op op)
{
	if (op == SCRIPT_EQ && lexer_is(&s->lx, "any"))
		return script_parse_leaf(s, EXPR_WORD);
	if (op == SCRIPT_EQ && s->lx.tok.kind == TOKEN_BYTES)
		return script_parse_leaf(s, EXPR_BYTES);
	return script_parse_expr(s);
}

static int check_bytes(struct script *s, const struct message *m, const char *name)
{
	bool bytes = s->lx.tok.kind == TOKEN_BYTES;

	if (!name || lexer_is(&s->lx, "any") || (!bytes && !script_starts_value(s)) ||
	    bytes == has_array(m, name))
		return 0;
	if (bytes)
		return script_fail(s, "%s is a number, not bytes", name);
	script_fail(s, "%s is made of bytes", name);
	script_error_hint(s->err, "write %s=hex:.. or %s[0]=N", name, name);
	return -EINVAL;
}

static int parse_compared(struct script *s, const struct message *m, struct script_arg *arg)
{
	if (check_bytes(s, m, arg->name))
		return -EINVAL;
	if (m->sent && lexer_is(&s->lx, "any"))
		return script_fail(s, "this line is sent: leave out what the player is to fill in");
	arg->value = script_parse_compared(s, arg->op);
	return arg->value ? 0 : -EINVAL;
}

static int parse_field(struct script *s, struct script_stmt *stmt, const struct message *m,
		       enum script_op op, size_t op_len)
{
	char *name = lexer_text(&s->lx);
	struct script_arg *arg;

	if (check_field(s, stmt, m, name, op)) {
		free(name);
		return -EINVAL;
	}
	arg = script_args_add(&stmt->args, &stmt->nargs, lexer_pos(&s->lx));
	arg->name = name;
	arg->op = op;
	lexer_skip(&s->lx, op_len);
	return parse_compared(s, m, arg);
}

/* A bare value stands for the first field. */
static int parse_first(struct script *s, struct script_stmt *stmt, const struct message *m)
{
	if (!has_fields(m))
		return refuse_fields(s, stmt, m);
	if (s->lx.tok.kind == TOKEN_BYTES && check_bytes(s, m, first_field(m)))
		return -EINVAL;
	return parse_compared(s, m, script_args_add(&stmt->args, &stmt->nargs, lexer_pos(&s->lx)));
}

static int parse_fd(struct script *s, struct script_stmt *stmt)
{
	struct script_arg *arg = script_args_add(&stmt->args, &stmt->nargs, lexer_pos(&s->lx));

	arg->name = lexer_text(&s->lx);
	lexer_next(&s->lx);
	if (s->lx.tok.kind != TOKEN_VAR)
		return script_expected(s, "$name of a descriptor", script_message_form);
	arg->value = script_parse_leaf(s, EXPR_VAR);
	return 0;
}

/* ---- what is forged ---- */

static int refuse_forge(struct script *s, const char *word)
{
	struct nearest n;
	char room[32];

	script_fail(s, "%s cannot be forged", word);
	script_error_hint(s->err, "what can: %s= and %s", number_forges, flag_forges);
	nearest_start(&n, word);
	nearest_try_list(&n, number_forges, room, sizeof(room));
	nearest_try_list(&n, flag_forges, room, sizeof(room));
	script_suggest(s, n.best);
	return -EINVAL;
}

static bool is_forged(const struct script_stmt *stmt, const char *name)
{
	for (size_t i = 0; i < stmt->nforge; i++)
		if (!strcmp(stmt->forge[i].name, name))
			return strcmp(name, "split") != 0;
	return false;
}

static int check_forge(struct script *s, const struct script_stmt *stmt, const char *name,
		       bool keyed, enum script_op op)
{
	if (!script_listed(keyed ? number_forges : flag_forges, name))
		return refuse_forge(s, name);
	if (keyed && op != SCRIPT_EQ)
		return script_fail(s, "%s can only be set, with `=`", name);
	if (is_forged(stmt, name))
		return script_fail(s, "%s is forged twice", name);
	return 0;
}

static int parse_forge_value(struct script *s, struct script_arg *arg)
{
	bool bytes = !strcmp(arg->name, "payload") && s->lx.tok.kind == TOKEN_BYTES;

	arg->value = bytes ? script_parse_leaf(s, EXPR_BYTES) : script_parse_expr(s);
	return arg->value ? 0 : -EINVAL;
}

static int parse_forge(struct script *s, struct script_stmt *stmt)
{
	struct script_arg *arg;
	enum script_op op = SCRIPT_EQ;
	size_t op_len;
	bool keyed;
	char *name;

	if (s->lx.tok.kind != TOKEN_WORD)
		return script_expected(s, "what to forge", script_message_form);
	keyed = lexer_key(&s->lx, &op, &op_len);
	name = lexer_text(&s->lx);
	if (check_forge(s, stmt, name, keyed, op)) {
		free(name);
		return -EINVAL;
	}
	arg = script_args_add(&stmt->forge, &stmt->nforge, lexer_pos(&s->lx));
	arg->name = name;
	lexer_skip(&s->lx, keyed ? op_len : 0);
	return keyed ? parse_forge_value(s, arg) : 0;
}

static int start_forging(struct script *s, struct message *m)
{
	if (m->forging)
		return script_fail(s, "`with` stands here twice");
	if (m->awaited)
		return script_fail(s, "this line is awaited: only what is sent can be forged");
	m->forging = true;
	lexer_next(&s->lx);
	if (s->lx.tok.kind == TOKEN_END)
		return script_expected(s, "what to forge", script_message_form);
	return 0;
}

/* ---- the line ---- */

static int refuse_item(struct script *s, const struct script_stmt *stmt, const struct message *m)
{
	char *word;

	if (s->lx.tok.kind != TOKEN_WORD)
		return script_expected(s, "field=VALUE or the end of the line",
				       script_message_form);
	word = lexer_text(&s->lx);
	if (has_field(m, word)) {
		script_fail(s, "%s has no value", word);
		script_error_hint(s->err, "write %s=VALUE, with no space in front of the operator",
				  word);
	} else {
		unknown_field(s, stmt, m, word);
	}
	free(word);
	return -EINVAL;
}

static int parse_item(struct script *s, struct script_stmt *stmt, struct message *m)
{
	enum script_op op;
	size_t op_len;
	bool key = lexer_key(&s->lx, &op, &op_len);
	int found;

	if (!key) {
		if (lexer_is(&s->lx, "need-reply") || lexer_is(&s->lx, "nofd"))
			return script_parse_flag(s, stmt);
		if (lexer_is(&s->lx, "fd"))
			return parse_fd(s, stmt);
		if (lexer_is(&s->lx, "with"))
			return start_forging(s, m);
		found = script_parse_option(s, stmt, ALLOWS_WITHIN | ALLOWS_JUDGING,
					    script_message_form);
		if (found)
			return found < 0 ? found : 0;
	}
	if (m->forging)
		return parse_forge(s, stmt);
	return key ? parse_field(s, stmt, m, op, op_len) : refuse_item(s, stmt, m);
}

/* A value may stand directly behind the name of the message. */
static bool begins_with_value(const struct script *s, const struct message *m)
{
	enum script_op op;
	size_t op_len;
	char *word;
	bool field;

	if (s->lx.tok.kind == TOKEN_BYTES)
		return true;
	if (!script_starts_value(s) || lexer_key(&s->lx, &op, &op_len))
		return false;
	if (s->lx.tok.kind != TOKEN_WORD || s->lx.line[s->lx.tok.end] == '(')
		return true;
	/* names of values are in capitals: a word that is not was meant as a field */
	word = lexer_text(&s->lx);
	field = has_field(m, word) || !strpbrk(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	field = field && strcmp(word, "any") != 0;
	free(word);
	return !field;
}

int script_parse_message(struct script *s, struct script_stmt *stmt)
{
	struct message m = { .info = NULL };

	if (parse_message_name(s, stmt, &m))
		return -EINVAL;
	find_direction(s, stmt->arrow, &m);
	find_layouts(stmt->arrow, &m);
	if (begins_with_value(s, &m) && parse_first(s, stmt, &m))
		return -EINVAL;
	while (s->lx.tok.kind != TOKEN_END)
		if (parse_item(s, stmt, &m))
			return -EINVAL;
	return 0;
}
