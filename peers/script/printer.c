/* SPDX-License-Identifier: Apache-2.0 */
/* The tree as text, in the one form that `script_print` gives every scenario. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "trace.h"
#include "wire/deadline.h"

#define LINE_WIDTH 100

/* Where the text goes, and (when a whole file is printed) the comments that belong in between. */
struct printer {
	FILE *out;
	struct script *script; /* or NULL */
	bool gap;              /* an empty line is due before the next one */
	bool begun;
};

/* ---- expressions ---- */

static int binds(const struct script_expr *expr)
{
	return expr->kind == EXPR_BINARY  ? script_op_binds(expr->op)
	       : expr->kind == EXPR_UNARY ? 8
					  : 9;
}

static void print_expr(FILE *out, const struct script_expr *expr);

static void print_operand(FILE *out, const struct script_expr *expr, bool parentheses)
{
	fputs(parentheses ? "(" : "", out);
	print_expr(out, expr);
	fputs(parentheses ? ")" : "", out);
}

static void print_string(FILE *out, const char *text)
{
	putc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '\t')
			fputs("\\t", out);
		else
			putc(*text, out);
	}
	putc('"', out);
}

static void print_number(FILE *out, const struct script_expr *expr)
{
	if (expr->text)
		fputs(expr->text, out);
	else if (expr->hex)
		fprintf(out, "0x%" PRIx64, expr->number);
	else
		fprintf(out, "%" PRIu64, expr->number);
}

static void print_call(FILE *out, const struct script_expr *expr)
{
	fprintf(out, "%s(", expr->text);
	for (size_t i = 0; i < expr->nargs; i++) {
		fputs(i ? ", " : "", out);
		print_expr(out, expr->args[i]);
	}
	putc(')', out);
}

static void print_expr(FILE *out, const struct script_expr *expr)
{
	switch (expr->kind) {
	case EXPR_NUMBER:
		print_number(out, expr);
		break;
	case EXPR_NAME:
	case EXPR_WORD:
		fputs(expr->text, out);
		break;
	case EXPR_VAR:
		fprintf(out, "$%s", expr->text);
		break;
	case EXPR_STRING:
		print_string(out, expr->text);
		break;
	case EXPR_BYTES:
		fprintf(out, "hex:%s", expr->text);
		break;
	case EXPR_CALL:
		print_call(out, expr);
		break;
	case EXPR_UNARY:
		fputs(expr->op, out);
		print_operand(out, expr->args[0], binds(expr->args[0]) < 8);
		break;
	case EXPR_BINARY:
		print_operand(out, expr->args[0], binds(expr->args[0]) < binds(expr));
		fprintf(out, " %s ", expr->op);
		print_operand(out, expr->args[1], binds(expr->args[1]) <= binds(expr));
		break;
	}
}

/* Behind another value a sign would be taken for a subtraction. */
static bool begins_with_sign(const struct script_expr *expr)
{
	while (expr->kind == EXPR_BINARY)
		expr = expr->args[0];
	return expr->kind == EXPR_UNARY && expr->op[0] == '-';
}

/* ---- one statement ---- */

static void print_time(FILE *out, const char *word, int64_t ns)
{
	static const struct {
		const char *text;
		int64_t ns;
	} units[] = {
		{ "s", VU_NSEC_PER_SEC }, { "ms", VU_NSEC_PER_MSEC }, { "us", 1000 }, { "ns", 1 }
	};
	size_t i = 0;

	if (ns == SCRIPT_NO_TIME)
		return;
	while (ns % units[i].ns)
		i++;
	fprintf(out, " %s %" PRId64 "%s", word, ns / units[i].ns, units[i].text);
}

static void print_arg(FILE *out, const struct script_arg *arg, bool binding, bool first)
{
	putc(' ', out);
	if (arg->name && binding)
		fprintf(out, "$%s = ", arg->name);
	else if (arg->name && arg->value && arg->value->kind == EXPR_VAR &&
		 !strcmp(arg->name, "fd"))
		fputs("fd ", out);
	else if (arg->name)
		fprintf(out, "%s%s", arg->name, arg->value ? script_op_text(arg->op) : "");
	if (arg->value)
		print_operand(out, arg->value,
			      !arg->name && !first && begins_with_sign(arg->value));
}

static void print_args(FILE *out, const struct script_stmt *stmt)
{
	bool message = stmt->kind == STMT_MESSAGE;
	bool binding = !message && !strcmp(stmt->word, "let");

	for (size_t i = 0; i < stmt->nargs; i++)
		print_arg(out, &stmt->args[i], binding, i == 0);
}

static void print_judging(FILE *out, const struct script_stmt *stmt, unsigned int indent)
{
	int width = (int)(2 * (indent + 1));

	if (stmt->reads) {
		fprintf(out, "%*sreads ", width, "");
		print_string(out, stmt->reads);
		putc('\n', out);
	}
	if (stmt->violates)
		fprintf(out, "%*sviolates %s\n", width, "", stmt->violates);
}

void script_print_options(FILE *out, const struct script_stmt *stmt)
{
	if (stmt->as)
		fprintf(out, " as $%s", stmt->as);
	for (size_t i = 0; i < stmt->nflags; i++)
		fprintf(out, " %s", stmt->flags[i]);
	print_time(out, "for", stmt->window);
	print_time(out, "within", stmt->within);
}

static void print_line(FILE *out, const struct script_stmt *stmt, unsigned int indent)
{
	fprintf(out, "%*s", (int)(2 * indent), "");
	if (stmt->kind == STMT_MESSAGE)
		fprintf(out, "%s ", script_arrow_text(stmt->arrow));
	fputs(stmt->word, out);
	print_args(out, stmt);
	script_print_options(out, stmt);
	fputs(stmt->nforge ? " with" : "", out);
	for (size_t i = 0; i < stmt->nforge; i++)
		print_arg(out, &stmt->forge[i], false, false);
	putc('\n', out);
	print_judging(out, stmt, indent);
}

/* ---- comments and empty lines in between ---- */

static void close_gap(struct printer *p)
{
	if (p->gap && p->begun)
		putc('\n', p->out);
	p->gap = false;
	p->begun = true;
}

static void print_comment(struct printer *p, const struct script_comment *comment,
			  unsigned int indent)
{
	size_t len;

	if (!comment->text) {
		p->gap = true;
		return;
	}
	len = strlen(comment->text);
	while (len && strchr(" \t", comment->text[len - 1]))
		len--;
	close_gap(p);
	fprintf(p->out, "%*s%.*s\n", (int)(2 * indent), "", (int)len, comment->text);
}

/* Those that stand above @line or behind it; then the line itself can follow. */
static void print_comments(struct printer *p, unsigned int line, unsigned int indent)
{
	struct script *s = p->script;

	while (s && s->comments && s->comments->line <= line) {
		struct script_comment *comment = s->comments;

		print_comment(p, comment, indent);
		s->comments = comment->next;
		if (!s->comments)
			s->last_comment = &s->comments;
		free(comment->text);
		free(comment);
	}
}

static void print_stmt(struct printer *p, const struct script_stmt *stmt, unsigned int indent);

static void print_branches(struct printer *p, const struct script_stmt *stmt, unsigned int indent)
{
	const char *divider = stmt->kind == STMT_EITHER ? "or" : "else";

	for (size_t i = 0; i < stmt->nbranches; i++) {
		const struct script_block *branch = &stmt->branches[i];
		bool last = i + 1 == stmt->nbranches;

		for (size_t k = 0; k < branch->nstmts; k++)
			print_stmt(p, branch->stmts[k], indent + 1);
		print_comments(p, branch->end.line, indent + 1);
		close_gap(p);
		fprintf(p->out, "%*s%s\n", (int)(2 * indent), "", last ? "end" : divider);
	}
}

static void print_stmt(struct printer *p, const struct script_stmt *stmt, unsigned int indent)
{
	print_comments(p, stmt->pos.line, indent);
	close_gap(p);
	print_line(p->out, stmt, indent);
	print_branches(p, stmt, indent);
}

void script_print_stmt(FILE *out, const struct script_stmt *stmt, unsigned int indent)
{
	struct printer p = { .out = out };

	print_stmt(&p, stmt, indent);
}

/* ---- the head ---- */

static void print_text(FILE *out, const char *word, const char *text)
{
	if (text)
		fprintf(out, "%-8s %s\n", word, text);
}

/* Several lines when one would be too long. */
static void print_list(FILE *out, const char *word, const struct script_list *list)
{
	size_t width = 0;

	for (size_t i = 0; i < list->n; i++) {
		size_t len = 1 + strlen(list->items[i]);

		if (width && width + len > LINE_WIDTH) {
			putc('\n', out);
			width = 0;
		}
		if (!width)
			width = (size_t)fprintf(out, "%-8s", word);
		fprintf(out, " %s", list->items[i]);
		width += len;
	}
	if (list->n)
		putc('\n', out);
}

static void print_fragment(FILE *out, const struct script_header *h)
{
	if (!h->fragment)
		return;
	fputs("fragment", out);
	for (size_t i = 0; i < h->params.n; i++)
		fprintf(out, " %s", h->params.items[i]);
	putc('\n', out);
}

void script_print_header(FILE *out, const struct script_header *h)
{
	print_fragment(out, h);
	print_text(out, "title", h->title);
	if (h->subject != SUBJECT_NONE)
		print_text(out, "subject", script_subject_text(h->subject));
	print_list(out, "checks", &h->checks);
	print_list(out, "needs", &h->needs);
	print_list(out, "without", &h->without);
	print_list(out, "device", &h->device);
	if (h->queues > 1)
		fprintf(out, "queues   %u\n", h->queues);
	if (h->since || h->until)
		fprintf(out, "spec     %s..%s\n", h->since ? h->since : "",
			h->until ? h->until : "");
	if (h->version > 1)
		fprintf(out, "version  %u\n", h->version);
	print_text(out, "tentative", h->tentative);
	print_text(out, "window", h->window);
	print_text(out, "draft", h->draft);
	print_text(out, "trigger", h->trigger);
	print_list(out, "alias", &h->alias);
	putc('\n', out);
}

/* ---- a whole file ---- */

static void print_head(struct printer *p)
{
	/* comments between the directives stand above them: the directives have an order of their own */
	print_comments(p, p->script->head_end, 0);
	script_print_header(p->out, &p->script->header);
	p->begun = p->gap = false; /* the head ends with an empty line already */
}

int script_print(FILE *out, const char *path, const struct script_names *names,
		 struct script_error *err)
{
	struct script *s = script_open_at(path, names, true, err);
	struct printer p = { .out = out, .script = s };
	struct script_stmt *stmt;
	int more;

	if (!s)
		return -EINVAL;
	print_head(&p);
	while ((more = script_next(s, &stmt, err)) > 0) {
		print_stmt(&p, stmt, 0);
		script_stmt_free(stmt);
	}
	if (!more)
		print_comments(&p, s->src.line, 0);
	script_close(s);
	return more;
}
