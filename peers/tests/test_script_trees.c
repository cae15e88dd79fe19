/* SPDX-License-Identifier: Apache-2.0 */
/* Random trees, of everything that the tables of the language allow: parsing what they print gives them back. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script_tree.h"
#include "wire/deadline.h"

#define TREES 500

static struct script_expr *any_expr(struct chance *c, int depth);

static struct script_expr *leaf(enum script_expr_kind kind, const char *text)
{
	struct script_expr *e = script_expr_new(kind, (struct script_pos){ 0, 0 });

	e->text = text ? strdup(text) : NULL;
	return e;
}

static struct script_expr *any_leaf(struct chance *c)
{
	static const char *const vars[] = { "x", "offered", "_a1", "Ring" };
	const struct vu_feature *feature;
	struct script_expr *e;

	switch (below(c, 4)) {
	case 0:
		return leaf(EXPR_VAR, any_of(c, vars, 4));
	case 1:
		feature = &vu_features[below(c, vu_nfeatures)];
		e = leaf(EXPR_NAME, below(c, 2) ? feature->brief : feature->name);
		script_constant(e->text, &e->number);
		return e;
	case 2:
		e = leaf(EXPR_NUMBER, "64K");
		e->number = 64 << 10;
		return e;
	default:
		e = leaf(EXPR_NUMBER, NULL);
		e->number = any_number(c) >> below(c, 64);
		e->hex = below(c, 2);
		return e;
	}
}

static struct script_expr *any_call(struct chance *c, int depth)
{
	const char *name;
	size_t n = 0;
	struct script_expr *e;

	while (script_name(NULL, "function", n))
		n++;
	name = script_name(NULL, "function", below(c, n));
	e = leaf(EXPR_CALL, name);
	for (size_t i = 0; i < script_function_by_word(name)->nargs; i++)
		script_expr_add(e, any_expr(c, depth - 1));
	return e;
}

static struct script_expr *any_operation(struct chance *c, int depth)
{
	static const char *const ops[] = { "|",  "&",  "+",  "-", "*",  "/", "%", "<<",
					   ">>", "==", "!=", "<", "<=", ">", ">=" };
	bool unary = !below(c, 4);
	struct script_expr *e = leaf(unary ? EXPR_UNARY : EXPR_BINARY, NULL);

	snprintf(e->op, sizeof(e->op), "%s",
		 unary ? (below(c, 2) ? "-" : "~") : any_of(c, ops, 15));
	script_expr_add(e, any_expr(c, depth - 1));
	if (!unary)
		script_expr_add(e, any_expr(c, depth - 1));
	return e;
}

static struct script_expr *any_expr(struct chance *c, int depth)
{
	if (!depth || !below(c, 3))
		return any_leaf(c);
	return below(c, 5) ? any_operation(c, depth) : any_call(c, depth);
}

static struct script_arg *add_arg(struct script_arg **args, size_t *n, const char *name,
				  struct script_expr *value)
{
	struct script_arg *arg = script_args_add(args, n, (struct script_pos){ 0, 0 });

	arg->name = name ? strdup(name) : NULL;
	arg->value = value;
	return arg;
}

static void any_judgement(struct chance *c, struct script_stmt *stmt)
{
	if (!below(c, 3))
		stmt->reads = strdup("it \"reads\" \\ so\n\tand \303\251");
	if (!below(c, 3))
		stmt->violates = strdup("ring.enabled-normal");
}

static void any_forge(struct chance *c, struct script_stmt *stmt)
{
	add_arg(&stmt->forge, &stmt->nforge, "size", any_expr(c, 2));
	add_arg(&stmt->forge, &stmt->nforge, "split", any_expr(c, 1));
	add_arg(&stmt->forge, &stmt->nforge, "split", any_expr(c, 1));
	add_arg(&stmt->forge, &stmt->nforge, "payload", leaf(EXPR_BYTES, "00fF"));
	if (below(c, 2))
		add_arg(&stmt->forge, &stmt->nforge, "fds-last", NULL);
}

/* In a fragment nobody knows which lines are sent, so that all of them may be anything. */
static struct script_stmt *any_message(struct chance *c)
{
	const struct vu_message_info *info = &vu_messages[below(c, vu_nmessages)];
	bool back_end = info->channel == VU_BACKEND;
	struct script_stmt *stmt = script_stmt_new(STMT_MESSAGE, (struct script_pos){ 0, 0 });
	const struct vu_payload *payload = info->request;

	stmt->arrow = back_end ? ARROW_BACKEND_REQUEST : ARROW_REQUEST;
	stmt->word = strdup(info->alias && below(c, 2) ? info->alias : info->name);
	if (payload->nfields && below(c, 2))
		add_arg(&stmt->args, &stmt->nargs, NULL, any_expr(c, 3));
	for (size_t i = 0; i < payload->nfields; i++) {
		const struct vu_field *field = &payload->fields[i];
		bool plain = field->count == 1 && !field->nested;

		if (plain && below(c, 2))
			add_arg(&stmt->args, &stmt->nargs, field->name, any_expr(c, 2))->op =
				(enum script_op)below(c, SCRIPT_LACKS + 1);
	}
	if (!below(c, 3))
		add_arg(&stmt->args, &stmt->nargs, "fd", leaf(EXPR_VAR, "fd"));
	if (!below(c, 3))
		script_flags_add(stmt, strdup("need-reply"));
	if (!below(c, 3))
		stmt->within = (int64_t)below(c, 1000) * (below(c, 2) ? 1 : VU_NSEC_PER_MSEC);
	if (!below(c, 3))
		any_forge(c, stmt);
	any_judgement(c, stmt);
	return stmt;
}

static struct script_expr *any_filling(struct chance *c, enum script_place place)
{
	switch (place) {
	case PLACE_VALUE:
		return any_expr(c, 4);
	case PLACE_VAR:
		return leaf(EXPR_VAR, "tag");
	case PLACE_STRING:
		return leaf(EXPR_STRING, "say \"so\"");
	case PLACE_BYTES:
		return leaf(EXPR_BYTES, "");
	case PLACE_ARROW:
		return leaf(EXPR_WORD, below(c, 2) ? "<=" : "->");
	case PLACE_UNTIL:
		return leaf(EXPR_WORD, "until");
	case PLACE_RING:
		return leaf(EXPR_WORD, "ring");
	case PLACE_MESSAGE:
		return leaf(EXPR_WORD, "GET_VRING_BASE");
	default:
		return leaf(EXPR_WORD, "some_name");
	}
}

static void fill_places(struct chance *c, const struct script_verb *verb, struct script_stmt *stmt)
{
	for (size_t i = 0; i < SCRIPT_PLACES_MAX && verb->places[i]; i++) {
		if (verb->places[i] == PLACE_BINDING)
			add_arg(&stmt->args, &stmt->nargs, "x", any_expr(c, 4));
		else
			add_arg(&stmt->args, &stmt->nargs, NULL, any_filling(c, verb->places[i]));
	}
	for (size_t i = verb->repeats ? below(c, 3) : 0; i; i--)
		add_arg(&stmt->args, &stmt->nargs, NULL, any_expr(c, 2));
}

static void add_words(struct chance *c, struct script_stmt *stmt, const char *list, char what)
{
	for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		char *word = strndup(at, strcspn(at, " "));

		if (what == 'f' && below(c, 2))
			script_flags_add(stmt, strdup(word));
		else if (what != 'f')
			add_arg(&stmt->args, &stmt->nargs, word,
				what == 'n' ? leaf(EXPR_WORD, "low") : any_expr(c, 2));
		free(word);
	}
}

static void any_options(struct chance *c, const struct script_verb *verb, struct script_stmt *stmt)
{
	if (verb->allows & ALLOWS_ANY_KEY)
		add_words(c, stmt, "sector value", 'k');
	if (verb->allows & ALLOWS_AS)
		stmt->as = strdup("tag");
	if (verb->allows & NEEDS_FOR)
		stmt->window = (int64_t)below(c, 100) * VU_NSEC_PER_SEC;
	if (verb->allows & ALLOWS_WITHIN && below(c, 2))
		stmt->within = (int64_t)below(c, 1000) * 1000;
	if (verb->allows & ALLOWS_JUDGING)
		any_judgement(c, stmt);
}

static struct script_stmt *any_stmt(struct chance *c, int depth);

static void any_branch(struct chance *c, struct script_stmt *stmt, int depth)
{
	size_t n = 1 + below(c, 3);

	script_branch_add(stmt);
	for (size_t i = 0; i < n; i++) {
		bool awaited = stmt->kind == STMT_EITHER && !i;
		struct script_stmt *inner = awaited ? any_message(c) : any_stmt(c, depth - 1);

		script_block_add(&stmt->branches[stmt->nbranches - 1], inner);
	}
}

static struct script_stmt *any_verb(struct chance *c, int depth)
{
	size_t n = 0;
	const struct script_verb *verb;
	struct script_stmt *stmt;

	while (script_verbs[n].word)
		n++;
	verb = &script_verbs[below(c, n)];
	if (verb->allows & IS_BLOCK && !depth)
		return any_message(c);
	stmt = script_stmt_new(verb->allows & IS_BLOCK ? STMT_BLOCK : STMT_VERB,
			       (struct script_pos){ 0, 0 });
	stmt->word = strdup(verb->word);
	fill_places(c, verb, stmt);
	add_words(c, stmt, verb->keys, 'k');
	add_words(c, stmt, verb->name_keys, 'n');
	add_words(c, stmt, verb->flags, 'f');
	any_options(c, verb, stmt);
	if (verb->allows & IS_BLOCK)
		any_branch(c, stmt, depth);
	if (verb->allows & HAS_ELSE && below(c, 2))
		any_branch(c, stmt, depth);
	return stmt;
}

static struct script_stmt *any_stmt(struct chance *c, int depth)
{
	struct script_stmt *stmt;

	if (!depth || below(c, 4))
		return below(c, 2) ? any_message(c) : any_verb(c, depth);
	stmt = script_stmt_new(STMT_EITHER, (struct script_pos){ 0, 0 });
	stmt->word = strdup("either");
	for (size_t i = 1 + below(c, 3); i; i--)
		any_branch(c, stmt, depth);
	return stmt;
}

static char *print_stmt(const struct script_stmt *stmt)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs("fragment\n\n", f);
	script_print_stmt(f, stmt, 0);
	fclose(f);
	return text;
}

static void parses_what_it_prints(void **state)
{
	struct chance c = { 0x9e3779b97f4a7c15 };

	(void)state;
	for (int i = 0; i < TREES; i++) {
		struct script_stmt *stmt = any_stmt(&c, 4);
		char *text = print_stmt(stmt), *again;
		struct tree t;

		tree_parse(&t, text);
		if (t.failed)
			fail_msg("%u:%u: %s in:\n%s", t.err.pos.line, t.err.pos.col, t.err.text,
				 text);
		assert_int_equal(t.nstmts, 1);
		if (!stmt_equal(stmt, t.stmts[0]))
			fail_msg("not the same tree:\n%s", text);
		again = print_stmt(t.stmts[0]);
		assert_string_equal(text, again);
		free(again);
		free(text);
		tree_free(&t);
		script_stmt_free(stmt);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_what_it_prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
