/* SPDX-License-Identifier: Apache-2.0 */
/* Variables and expressions of a scenario at play. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interp_internal.h"

#define CALL_ARGS_MAX 4

const struct script_value *script_lookup(const struct script_interp *in, const char *name)
{
	for (size_t i = in->nvars; i-- > 0;)
		if (!strcmp(in->vars[i].name, name))
			return &in->vars[i].value;
	return NULL;
}

static void release(struct script_value *value)
{
	if (value->kind == VALUE_FD && (int)value->number >= 0)
		close((int)value->number);
}

int script_push(struct script_interp *in, const char *name, struct script_value value)
{
	struct script_var *var;

	if (in->nvars == in->room) {
		size_t room = in->room ? 2 * in->room : 32;
		struct script_var *vars = realloc(in->vars, room * sizeof(*vars));

		if (!vars)
			return -ENOMEM;
		in->vars = vars;
		in->room = room;
	}
	var = &in->vars[in->nvars];
	var->name = strdup(name);
	if (!var->name)
		return -ENOMEM;
	var->value = value;
	in->nvars++;
	return 0;
}

void script_drop(struct script_interp *in, size_t at, size_t count)
{
	for (size_t i = at; i < at + count; i++) {
		release(&in->vars[i].value);
		free(in->vars[i].name);
	}
	memmove(in->vars + at, in->vars + at + count, (in->nvars - at - count) * sizeof(*in->vars));
	in->nvars -= count;
}

int script_bind(struct script_interp *in, const char *name, struct script_value value)
{
	for (size_t i = in->nvars; i-- > 0;) {
		if (strcmp(in->vars[i].name, name) != 0)
			continue;
		release(&in->vars[i].value);
		in->vars[i].value = value;
		return 0;
	}
	return script_push(in, name, value);
}

int script_bind_number(struct script_interp *in, const char *name, uint64_t number)
{
	return script_bind(in, name, (struct script_value){ VALUE_NUMBER, number });
}

static int unary(const struct script_expr *e, uint64_t a, uint64_t *out)
{
	*out = e->op[0] == '~' ? ~a : e->op[0] == '!' ? !a : 0 - a;
	return 0;
}

/* Operators of two characters; one of a single character stands for itself. */
enum {
	SHIFT_LEFT = 'l',
	SHIFT_RIGHT = 'r',
	EQUAL = '=',
	UNEQUAL = 'n',
	AT_MOST = 'L',
	AT_LEAST = 'G'
};

static char operator_of(const char *text)
{
	static const struct {
		char text[3];
		char code;
	} ops[] = { { "<<", SHIFT_LEFT }, { ">>", SHIFT_RIGHT }, { "==", EQUAL },
		    { "!=", UNEQUAL },    { "<=", AT_MOST },     { ">=", AT_LEAST } };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strcmp(text, ops[i].text))
			return ops[i].code;
	return text[0];
}

static uint64_t apply(char code, uint64_t a, uint64_t b)
{
	switch (code) {
	case '|':
		return a | b;
	case '&':
		return a & b;
	case '+':
		return a + b;
	case '-':
		return a - b;
	case '*':
		return a * b;
	case '/':
		return a / b;
	case '%':
		return a % b;
	case SHIFT_LEFT:
		return b < 64 ? a << b : 0;
	case SHIFT_RIGHT:
		return b < 64 ? a >> b : 0;
	case EQUAL:
		return a == b;
	case UNEQUAL:
		return a != b;
	case '<':
		return a < b;
	case AT_MOST:
		return a <= b;
	case '>':
		return a > b;
	default: /* AT_LEAST: the parser passes no other on */
		return a >= b;
	}
}

static int binary(const struct script_expr *e, uint64_t a, uint64_t b, uint64_t *out)
{
	char code = operator_of(e->op);

	if ((code == '/' || code == '%') && !b)
		return -EDOM;
	*out = apply(code, a, b);
	return 0;
}

static int eval_call(struct script_interp *in, const struct script_expr *e, uint64_t *out,
		     char *why, size_t size)
{
	struct script_value args[CALL_ARGS_MAX];
	int err;

	if (e->nargs > CALL_ARGS_MAX) {
		snprintf(why, size, "%s() takes fewer values", e->text);
		return -EINVAL;
	}
	for (size_t i = 0; i < e->nargs; i++)
		if (script_eval(in, e->args[i], &args[i], why, size))
			return -EINVAL;
	err = in->host->function(in->host->ctx, e->text, args, e->nargs, out);
	if (err == -ENOENT)
		snprintf(why, size, "there is no function %s()", e->text);
	else if (err)
		snprintf(why, size, "%s() cannot tell: %s", e->text, strerror(-err));
	return err ? -EINVAL : 0;
}

static int eval_operator(struct script_interp *in, const struct script_expr *e, uint64_t *out,
			 char *why, size_t size)
{
	uint64_t a, b = 0;
	int err;

	if (script_number(in, e->args[0], &a, why, size))
		return -EINVAL;
	if (e->kind == EXPR_UNARY)
		return unary(e, a, out);
	if (script_number(in, e->args[1], &b, why, size))
		return -EINVAL;
	err = binary(e, a, b, out);
	if (err)
		snprintf(why, size, err == -EDOM ? "division by zero" : "unknown operator");
	return err ? -EINVAL : 0;
}

static int eval_var(struct script_interp *in, const struct script_expr *e,
		    struct script_value *value, char *why, size_t size)
{
	const struct script_value *bound = script_lookup(in, e->text);

	if (!bound) {
		snprintf(why, size, "$%s is not bound", e->text);
		return -EINVAL;
	}
	*value = *bound;
	return 0;
}

int script_eval(struct script_interp *in, const struct script_expr *e, struct script_value *value,
		char *why, size_t size)
{
	value->kind = VALUE_NUMBER;
	switch (e->kind) {
	case EXPR_NUMBER:
	case EXPR_NAME:
		value->number = e->number;
		return 0;
	case EXPR_VAR:
		return eval_var(in, e, value, why, size);
	case EXPR_UNARY:
	case EXPR_BINARY:
		return eval_operator(in, e, &value->number, why, size);
	case EXPR_CALL:
		return eval_call(in, e, &value->number, why, size);
	case EXPR_STRING:
	case EXPR_WORD:
	case EXPR_BYTES:
		break;
	}
	snprintf(why, size, "a number is wanted here, not %s", e->text ? e->text : "that");
	return -EINVAL;
}

int script_number(struct script_interp *in, const struct script_expr *e, uint64_t *number,
		  char *why, size_t size)
{
	struct script_value value;
	int err = script_eval(in, e, &value, why, size);

	if (err)
		return err;
	if (value.kind == VALUE_FD) {
		snprintf(why, size, "$%s is a descriptor, a number is wanted", e->text);
		return -EINVAL;
	}
	*number = value.number;
	return 0;
}

static bool compare(enum script_op op, uint64_t actual, uint64_t wanted)
{
	switch (op) {
	case SCRIPT_EQ:
		return actual == wanted;
	case SCRIPT_NE:
		return actual != wanted;
	case SCRIPT_LT:
		return actual < wanted;
	case SCRIPT_LE:
		return actual <= wanted;
	case SCRIPT_GT:
		return actual > wanted;
	case SCRIPT_GE:
		return actual >= wanted;
	case SCRIPT_HAS:
		return (actual & wanted) == wanted;
	case SCRIPT_LACKS:
		return !(actual & wanted);
	}
	return false;
}

static bool is_any(const struct script_expr *e)
{
	return (e->kind == EXPR_WORD || e->kind == EXPR_NAME) && e->text && !strcmp(e->text, "any");
}

bool script_match(struct script_interp *in, const struct script_arg *arg, uint64_t actual)
{
	const struct script_expr *e = arg->value;
	char why[SCRIPT_TEXT_MAX];
	uint64_t wanted;

	if (is_any(e))
		return true;
	if (arg->op == SCRIPT_EQ && e->kind == EXPR_VAR && !script_lookup(in, e->text))
		return !script_bind_number(in, e->text, actual);
	if (script_number(in, e, &wanted, why, sizeof(why)))
		return false;
	return compare(arg->op, actual, wanted);
}
