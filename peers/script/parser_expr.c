/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: C's operators with C's precedence. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

static struct script_expr *parse_binary(struct script *s, int tightest);

static const struct {
	char op[3];
	int binds; /* the higher, the tighter */
} binary_ops[] = {
	{ "|", 1 },  { "&", 2 }, { "==", 3 }, { "!=", 3 }, { "<", 4 },
	{ "<=", 4 }, { ">", 4 }, { ">=", 4 }, { "<<", 5 }, { ">>", 5 },
	{ "+", 6 },  { "-", 6 }, { "*", 7 },  { "/", 7 },  { "%", 7 },
};

static struct script_expr *fail(struct script_expr *expr)
{
	script_expr_free(expr);
	return NULL;
}

static bool enter(struct script *s)
{
	if (++s->depth <= SCRIPT_DEPTH_MAX)
		return true;
	script_fail(s, "this is nested more than %d deep", SCRIPT_DEPTH_MAX);
	return false;
}

static void leave(struct script *s)
{
	s->depth--;
}

static bool expect_op(struct script *s, const char *op)
{
	char what[16];

	if (lexer_is(&s->lx, op)) {
		lexer_next(&s->lx);
		return true;
	}
	snprintf(what, sizeof(what), "`%s`", op);
	script_expected(s, what, NULL);
	return false;
}

struct script_expr *script_parse_leaf(struct script *s, enum script_expr_kind kind)
{
	struct script_expr *expr = script_expr_new(kind, lexer_pos(&s->lx));

	expr->text = lexer_text(&s->lx);
	lexer_next(&s->lx);
	return expr;
}

/* The spelling is kept where it says more than the value: 64K. */
static struct script_expr *parse_number(struct script *s)
{
	const struct token *tok = &s->lx.tok;
	struct script_expr *expr = script_expr_new(EXPR_NUMBER, lexer_pos(&s->lx));

	expr->number = tok->number;
	expr->hex = tok->hex;
	if (strchr("KMG", s->lx.line[tok->end - 1]))
		expr->text = lexer_text(&s->lx);
	lexer_next(&s->lx);
	return expr;
}

static bool parse_call_args(struct script *s, struct script_expr *call)
{
	struct script_expr *arg;

	lexer_next(&s->lx);
	if (lexer_is(&s->lx, ")"))
		return expect_op(s, ")");
	for (;;) {
		arg = parse_binary(s, 1);
		if (!arg)
			return false;
		script_expr_add(call, arg);
		if (!lexer_is(&s->lx, ","))
			return expect_op(s, ")");
		lexer_next(&s->lx);
	}
}

static struct script_expr *parse_call(struct script *s)
{
	struct script_expr *call = script_parse_leaf(s, EXPR_CALL);
	const struct script_function *function = script_function_by_word(call->text);
	size_t width = strlen(call->text);
	bool fine;

	if (!function) {
		script_fail_at(s, call->pos, width, "unknown function %s()", call->text);
		script_suggest(s, script_nearest_to(s, "function", call->text));
		return fail(call);
	}
	if (!enter(s))
		return fail(call);
	fine = parse_call_args(s, call);
	leave(s);
	if (!fine)
		return fail(call);
	if (call->nargs != function->nargs) {
		script_fail_at(s, call->pos, width, "%s() takes %zu value%s, not %zu", call->text,
			       function->nargs, function->nargs == 1 ? "" : "s", call->nargs);
		return fail(call);
	}
	return call;
}

static struct script_expr *parse_name(struct script *s)
{
	struct script_expr *name;

	if (s->lx.line[s->lx.tok.end] == '(')
		return parse_call(s);
	name = script_parse_leaf(s, EXPR_NAME);
	if (!script_value_of(s, name->text, &name->number))
		return name;
	script_fail_at(s, name->pos, strlen(name->text), "unknown name %s", name->text);
	script_suggest(s, script_nearest_to(s, "feature", name->text));
	return fail(name);
}

static struct script_expr *parse_parentheses(struct script *s)
{
	struct script_expr *expr;

	lexer_next(&s->lx);
	if (!enter(s))
		return NULL;
	expr = parse_binary(s, 1);
	leave(s);
	return !expr || expect_op(s, ")") ? expr : fail(expr);
}

static struct script_expr *parse_unary(struct script *s);

static struct script_expr *parse_sign(struct script *s)
{
	struct script_expr *expr = script_expr_new(EXPR_UNARY, lexer_pos(&s->lx)), *operand;

	expr->op[0] = s->lx.line[s->lx.tok.start];
	lexer_next(&s->lx);
	if (!enter(s))
		return fail(expr);
	operand = parse_unary(s);
	leave(s);
	if (!operand)
		return fail(expr);
	script_expr_add(expr, operand);
	return expr;
}

bool script_starts_value(const struct script *s)
{
	char *word;
	bool free_word;

	switch (s->lx.tok.kind) {
	case TOKEN_NUMBER:
	case TOKEN_VAR:
		return true;
	case TOKEN_OP:
		return lexer_is(&s->lx, "(") || lexer_is(&s->lx, "~") || lexer_is(&s->lx, "-");
	case TOKEN_WORD:
		word = lexer_text(&s->lx);
		free_word = !script_reserved(word);
		free(word);
		return free_word;
	default:
		return false;
	}
}

static struct script_expr *parse_unary(struct script *s)
{
	if (!script_starts_value(s)) {
		script_expected(s, "a value", NULL);
		return NULL;
	}
	switch (s->lx.tok.kind) {
	case TOKEN_NUMBER:
		return parse_number(s);
	case TOKEN_VAR:
		return script_parse_leaf(s, EXPR_VAR);
	case TOKEN_WORD:
		return parse_name(s);
	default:
		return lexer_is(&s->lx, "(") ? parse_parentheses(s) : parse_sign(s);
	}
}

int script_op_binds(const char *op)
{
	for (size_t i = 0; i < sizeof(binary_ops) / sizeof(binary_ops[0]); i++)
		if (!strcmp(binary_ops[i].op, op))
			return binary_ops[i].binds;
	return 0;
}

static int binds(const struct script *s)
{
	const struct token *tok = &s->lx.tok;
	char op[3] = "";

	if (tok->kind != TOKEN_OP)
		return 0;
	memcpy(op, s->lx.line + tok->start, tok->end - tok->start);
	return script_op_binds(op);
}

static struct script_expr *parse_right(struct script *s, struct script_expr *left, int level)
{
	struct script_expr *expr = script_expr_new(EXPR_BINARY, left->pos), *right;

	script_expr_add(expr, left);
	memcpy(expr->op, s->lx.line + s->lx.tok.start, s->lx.tok.end - s->lx.tok.start);
	if (++s->operators > SCRIPT_OPERATORS_MAX) {
		script_fail(s, "an expression has at most %d operators", SCRIPT_OPERATORS_MAX);
		return fail(expr);
	}
	lexer_next(&s->lx);
	right = parse_binary(s, level + 1);
	if (!right)
		return fail(expr);
	script_expr_add(expr, right);
	return expr;
}

/* Operators that bind at least as tightly as @least. */
static struct script_expr *parse_binary(struct script *s, int least)
{
	struct script_expr *left = parse_unary(s);
	int level;

	while (left && (level = binds(s)) >= least && level)
		left = parse_right(s, left, level);
	return left;
}

struct script_expr *script_parse_expr(struct script *s)
{
	s->operators = 0;
	return parse_binary(s, 1);
}
