/* SPDX-License-Identifier: Apache-2.0 */
/* A run as a scenario: each statement is written when it is over. */
#include "record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "interp_internal.h"
#include "parser.h"
#include "trace.h"

#define LINE_MAX_TEXT 16384

/* Of the head what decides whether and how a scenario can be played, not what it judges. */
static void record_head(FILE *out, const struct script_header *h)
{
	struct script_header head = {
		.title = h->title,
		.subject = h->subject,
		.needs = h->needs,
		.without = h->without,
		.device = h->device,
		.queues = h->queues,
		.draft = h->draft,
	};

	script_print_header(out, &head);
}

void script_record_to(struct script_interp *in, FILE *out)
{
	in->record.out = out;
}

void script_record_begin(struct script_interp *in)
{
	if (in->record.out)
		record_head(in->record.out, script_header(in->script));
}

/* ---- variables: bound again where the trace does not say yet what they are ---- */

static bool is_known(struct script_record *record, const char *name, uint64_t value)
{
	struct script_recorded *var = record->vars;

	while (var && strcmp(var->name, name) != 0)
		var = var->next;
	if (!var) {
		var = script_alloc(sizeof(*var));
		var->name = script_strndup(name, strlen(name));
		var->next = record->vars;
		record->vars = var;
	} else if (var->value == value) {
		return true;
	}
	var->value = value;
	return false;
}

void script_record_end(struct script_record *record)
{
	while (record->vars) {
		struct script_recorded *var = record->vars;

		record->vars = var->next;
		free(var->name);
		free(var);
	}
}

/* The number that $@name stands for. Descriptors and objects keep their names. */
static bool number_of(const struct script_interp *in, const char *name, uint64_t *value)
{
	const struct script_value *bound = script_lookup(in, name);

	if (!bound || bound->kind != VALUE_NUMBER)
		return false;
	*value = bound->number;
	return true;
}

static void bind_variables(struct script_interp *in, const struct script_expr *e)
{
	uint64_t value;

	for (size_t i = 0; e && i < e->nargs; i++)
		bind_variables(in, e->args[i]);
	if (e && e->kind == EXPR_VAR && number_of(in, e->text, &value) &&
	    !is_known(&in->record, e->text, value))
		fprintf(in->record.out, "let $%s = %#" PRIx64 "\n", e->text, value);
}

/* ---- statements as they stood ---- */

static void record_as_it_stood(struct script_interp *in, const struct script_stmt *stmt)
{
	uint64_t value;

	for (size_t i = 0; i < stmt->nargs; i++)
		bind_variables(in, stmt->args[i].value);
	for (size_t i = 0; i < stmt->nforge; i++)
		bind_variables(in, stmt->forge[i].value);
	script_print_stmt(in->record.out, stmt, 0);
	if (stmt->as && number_of(in, stmt->as, &value))
		is_known(&in->record, stmt->as, value);
}

/* What only reckons leaves nothing to be done again. */
static bool only_reckons(const struct script_interp *in, const struct script_stmt *stmt)
{
	uint64_t value;

	if (!strcmp(stmt->word, "let"))
		return number_of(in, stmt->args[0].name, &value);
	return !strcmp(stmt->word, "require") || !strcmp(stmt->word, "reach") ||
	       !strcmp(stmt->word, "expect");
}

void script_record_stmt(struct script_interp *in, const struct script_stmt *stmt,
			enum script_step step)
{
	bool implied = !stmt->pos.line;

	if (!in->record.out || implied)
		return;
	if (step == STEP_DONE && (stmt->kind == STMT_MESSAGE || only_reckons(in, stmt)))
		return;
	record_as_it_stood(in, stmt);
}

/* ---- messages as they were seen ---- */

/* Whether the bytes of the message do not tell all that the line says. */
static bool says_more(const struct script_interp *in, const struct script_stmt *stmt,
		      const struct vu_message *msg)
{
	for (size_t i = 0; i < stmt->nargs; i++) {
		const struct script_arg *arg = &stmt->args[i];
		const struct script_value *bound =
			arg->value->kind == EXPR_VAR ? script_lookup(in, arg->value->text) : NULL;

		if ((bound && bound->kind == VALUE_OBJECT) ||
		    (arg->name && !strcmp(arg->name, "nofd")))
			return true;
	}
	return stmt->nforge || script_header(in->script)->draft ||
	       (msg->len && !vu_message_layout(msg));
}

static void record_message(struct script_interp *in, const struct script_stmt *stmt,
			   const char *fields)
{
	FILE *out = in->record.out;

	fprintf(out, "%s %s%s", script_arrow_text(stmt->arrow), stmt->word, fields);
	for (size_t i = 0; i < stmt->nargs; i++)
		if (stmt->args[i].name && !strcmp(stmt->args[i].name, "fd"))
			fprintf(out, " fd $%s", stmt->args[i].value->text);
	script_print_options(out, stmt);
	putc('\n', out);
}

void script_record_sent(struct script_interp *in, const struct script_stmt *stmt,
			const struct vu_message *msg)
{
	char fields[LINE_MAX_TEXT];

	if (!in->record.out)
		return;
	if (says_more(in, stmt, msg)) {
		record_as_it_stood(in, stmt);
		return;
	}
	script_format_fields(fields, sizeof(fields), msg);
	record_message(in, stmt, fields);
}

void script_record_taken(struct script_interp *in, const struct script_stmt *stmt,
			 const struct vu_message *msg)
{
	const struct vu_message_info *info = vu_message_info(msg);
	char fields[LINE_MAX_TEXT];

	if (!in->record.out)
		return;
	script_format_fields(fields, sizeof(fields), msg);
	if (info && info->reply_when == VU_REPLY_ACK && vu_message_is_reply(msg)) {
		record_message(in, stmt, fields);
		return;
	}
	if (*fields)
		fprintf(in->record.out, "# %s %s%s\n", script_arrow_text(stmt->arrow), stmt->word,
			fields);
	record_message(in, stmt, "");
}

void script_record_note(const struct script_interp *in, const struct vu_message *msg)
{
	char text[LINE_MAX_TEXT];

	if (!in->record.out)
		return;
	script_format_message(text, sizeof(text), script_arrow_of(msg), msg);
	fprintf(in->record.out, "# %s\n", text);
}
