/* SPDX-License-Identifier: Apache-2.0 */
/* The scenario language: trees, complaints, and limits of the input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script_tree.h"
#include "wire/deadline.h"

/* ---- trees ---- */

static void parse_fine(struct tree *tree, const char *text)
{
	tree_parse(tree, text);
	if (tree->failed)
		fail_msg("%u:%u: %s in: %s", tree->err.pos.line, tree->err.pos.col, tree->err.text,
			 text);
}

static void reads_a_message(void **state)
{
	struct tree t;
	const struct script_stmt *stmt;

	(void)state;
	parse_fine(&t, PLAIN_HEAD "-> SET_VRING_NUM 1 num=64K need-reply fd $x within 20ms "
				  "with size=0x10 split=3 split=5 fds-last\n");
	assert_int_equal(t.nstmts, 1);
	stmt = t.stmts[0];
	assert_int_equal(stmt->kind, STMT_MESSAGE);
	assert_int_equal(stmt->arrow, ARROW_REQUEST);
	assert_string_equal(stmt->word, "SET_VRING_NUM");
	assert_int_equal(stmt->pos.line, 4);
	assert_int_equal(stmt->nargs, 3);
	assert_null(stmt->args[0].name);
	assert_int_equal(stmt->args[0].value->number, 1);
	assert_string_equal(stmt->args[1].name, "num");
	assert_int_equal(stmt->args[1].pos.col, 20);
	assert_int_equal(stmt->args[1].value->number, 65536);
	assert_string_equal(stmt->args[2].name, "fd");
	assert_int_equal(stmt->args[2].value->kind, EXPR_VAR);
	assert_string_equal(stmt->flags[0], "need-reply");
	assert_int_equal(stmt->within, 20 * VU_NSEC_PER_MSEC);
	assert_int_equal(stmt->nforge, 4);
	assert_true(stmt->forge[0].value->hex);
	assert_null(stmt->forge[3].value);
	tree_free(&t);
}

static void reads_every_operator_of_a_field(void **state)
{
	static const enum script_op ops[] = { SCRIPT_EQ, SCRIPT_NE, SCRIPT_LT,  SCRIPT_LE,
					      SCRIPT_GT, SCRIPT_GE, SCRIPT_HAS, SCRIPT_LACKS };
	struct tree t;

	(void)state;
	parse_fine(&t, PLAIN_HEAD "<- GET_FEATURES u64=1 u64!=2 u64<3 u64<=4 u64>5 u64>=6 "
				  "u64&LOG_ALL | 1 u64!&8\n");
	assert_int_equal(t.stmts[0]->nargs, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(t.stmts[0]->args[i].op, ops[i]);
	assert_int_equal(t.stmts[0]->args[6].value->kind, EXPR_BINARY);
	assert_int_equal(t.stmts[0]->args[6].value->args[0]->number, 1 << VU_F_LOG_ALL);
	tree_free(&t);
}

static void reads_an_either(void **state)
{
	struct tree t;
	const struct script_stmt *stmt;

	(void)state;
	parse_fine(&t,
		   PLAIN_HEAD "either\n idle 0 for 2s\n\n # why\n reads \"a \\\"b\\\"\"\n"
			      "  violates ring.enabled-normal\nor\n closed\n alive\nend\nfence");
	assert_int_equal(t.nstmts, 2);
	stmt = t.stmts[0];
	assert_int_equal(stmt->kind, STMT_EITHER);
	assert_int_equal(stmt->nbranches, 2);
	assert_string_equal(stmt->branches[0].stmts[0]->reads, "a \"b\"");
	assert_string_equal(stmt->branches[0].stmts[0]->violates, "ring.enabled-normal");
	assert_int_equal(stmt->branches[0].stmts[0]->window, 2 * VU_NSEC_PER_SEC);
	assert_int_equal(stmt->branches[0].end.line, 10);
	assert_int_equal(stmt->branches[1].nstmts, 2);
	tree_free(&t);
}

static void binds_let_by_name(void **state)
{
	struct tree t;

	(void)state;
	parse_fine(&t, PLAIN_HEAD "let $x = -1 - 2\n");
	assert_string_equal(t.stmts[0]->args[0].name, "x");
	assert_string_equal(t.stmts[0]->args[0].value->op, "-");
	tree_free(&t);
}

/* What `left` says is what `right` says with its parentheses. */
static void check_precedence(const char *left, const char *right)
{
	struct tree a, b;
	char *x, *y;

	assert_true(asprintf(&x, PLAIN_HEAD "let $x = %s\n", left) > 0);
	assert_true(asprintf(&y, PLAIN_HEAD "let $x = %s\n", right) > 0);
	parse_fine(&a, x);
	parse_fine(&b, y);
	if (!tree_equal(&a, &b))
		fail_msg("%s is not %s", left, right);
	tree_free(&a);
	tree_free(&b);
	free(x);
	free(y);
}

static void binds_operators_as_c_does(void **state)
{
	(void)state;
	check_precedence("1|2&3==4<5<<6+7*8", "1|(2&(3==(4<(5<<(6+(7*8))))))");
	check_precedence("8*7+6<<5<4==3&2|1", "((((((8*7)+6)<<5)<4)==3)&2)|1");
	check_precedence("9-5-1", "(9-5)-1");
	check_precedence("~-1*2", "(~(-1))*2");
	check_precedence("16/4%3", "(16/4)%3");
}

static void looks_into_the_draft_first(void **state)
{
	struct tree t;

	(void)state;
	parse_fine(&t, "draft suspend-resume\nneeds SUSPEND\n" PLAIN_HEAD
		       "-> SUSPEND\nlet $x = SUSPEND\n-> GET_FEATURES\n");
	assert_int_equal(t.stmts[1]->args[0].value->number, 1 << 18);
	tree_free(&t);
	tree_parse(&t, PLAIN_HEAD "-> SUSPEND\n");
	assert_true(t.failed);
	tree_free(&t);
}

static void rewinds_to_the_first_statement(void **state)
{
	struct script_error err;
	struct script_stmt *stmt;
	struct script *s = script_open_text("x", PLAIN_HEAD "alive\nfence 0\n", NULL, &err);

	(void)state;
	for (int round = 0; round < 3; round++) {
		assert_int_equal(script_next(s, &stmt, &err), 1);
		assert_string_equal(stmt->word, "alive");
		assert_int_equal(stmt->pos.line, 4);
		script_stmt_free(stmt);
		assert_int_equal(script_rewind(s), 0);
	}
	script_close(s);
}

/* ---- complaints ---- */

struct complaint {
	const char *text;
	unsigned int line, col;
	const char *says, *hint;
};

static void check_complaint(const char *text, const struct complaint *c)
{
	struct tree t;

	tree_parse(&t, text);
	if (!t.failed)
		fail_msg("nothing was said about: %s", c->text);
	if (t.err.pos.line != c->line || t.err.pos.col != c->col ||
	    strcmp(t.err.text, c->says) != 0 || (c->hint && strcmp(t.err.hint, c->hint) != 0))
		fail_msg("%s\n\tis answered by %u:%u: %s (%s)", c->text, t.err.pos.line,
			 t.err.pos.col, t.err.text, t.err.hint);
	tree_free(&t);
}

static void says_what_is_wrong_with_a_statement(void **state)
{
	static const struct complaint complaints[] = {
#include "script_complaints.inc"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++) {
		char *text;

		assert_true(asprintf(&text, PLAIN_HEAD "%s\n", complaints[i].text) > 0);
		check_complaint(text, &complaints[i]);
		free(text);
	}
}

static void says_what_is_wrong_with_a_head(void **state)
{
	static const struct complaint complaints[] = {
		{ "", 1, 1, "the head has no `title`", "usage: title TEXT" },
		{ "title x\n\nalive\n", 1, 1, "the head has no `subject`", NULL },
		{ "titel x\n", 1, 1, "unknown directive titel", "did you mean title?" },
		{ "title x\nalive\n", 2, 1, "unknown directive alive",
		  "an empty line has to stand between the head and the statements" },
		{ "title x\ntitle y\n", 2, 1, "`title` stands here twice", NULL },
		{ "title\n", 1, 6, "expected a text, but the line ends here", "usage: title TEXT" },
		{ "checks ring.enabled-norml\n", 1, 8, "unknown clause ring.enabled-norml",
		  "did you mean ring.enabled-normal?" },
		{ "needs LOG_AL\n" PLAIN_HEAD, 1, 7, "unknown feature LOG_AL",
		  "did you mean LOG_ALL?" },
		{ "needs LOG_ALL LOG_ALL\n" PLAIN_HEAD, 1, 15, "LOG_ALL is named twice", NULL },
		{ "needs LOG_ALL\nwithout LOG_ALL\n" PLAIN_HEAD, 2, 9,
		  "LOG_ALL is both needed and left out", NULL },
		{ "needs VRING_F_LOG\n" PLAIN_HEAD, 1, 7, "unknown feature VRING_F_LOG", NULL },
		{ "subject back\n", 1, 9, "expected back-end or front-end, not back", NULL },
		{ "spec 8.2\n", 1, 6, "expected a range of editions, not 8.2",
		  "usage: spec 11.1.., spec ..11.0, or spec 8.2..10.2" },
		{ "spec ..\n", 1, 6, "expected a range of editions, not ..", NULL },
		{ "spec 8.x..\n", 1, 6, "expected a range of editions, not 8.x..", NULL },
		{ "spec 10.0..9.2\n", 1, 6, "this range of editions ends before it begins", NULL },
		{ "queues 0\n", 1, 8, "expected a number from 1 to 65535, not 0", NULL },
		{ "draft suspend-resum\n", 1, 7, "unknown draft suspend-resum",
		  "did you mean suspend-resume?" },
		{ "fragment a b\nneeds LOG_ALL\n", 1, 1, "a fragment has no `needs`", NULL },
		{ "fragment with\n", 1, 10, "expected the name of a parameter, not with", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		check_complaint(complaints[i].text, &complaints[i]);
}

static char *error_text(const struct tree *t)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	script_print_error(f, t->script, "example.vus", &t->err, false);
	fclose(f);
	return text;
}

static void shows_the_line_and_a_caret(void **state)
{
	char *readme = file_text(README_PATH), *block, *shown, *text;
	const char *at = readme;
	struct tree t;

	(void)state;
	block = readme_block(&at, "error");
	tree_parse(&t, block);
	assert_true(t.failed);
	shown = readme_block(&at, "");
	text = error_text(&t);
	assert_string_equal(text, shown);
	free(text);
	free(shown);
	free(block);
	free(readme);
	tree_free(&t);
}

static void puts_the_caret_below_wide_letters_and_tabs(void **state)
{
	struct tree t;
	char *text;

	(void)state;
	tree_parse(&t, PLAIN_HEAD "\texpect 1 \"\303\251\" foo\n");
	text = error_text(&t);
	assert_non_null(strstr(text, "\n        | \t             ^~~\n"));
	free(text);
	tree_free(&t);
}

/* ---- limits of the input ---- */

static void check_bytes(const char *text, size_t len, unsigned int line, const char *says)
{
	struct script_error err = { .text = "" };
	char *out = normal_form(text, len, &err);

	if (!says)
		assert_non_null(out);
	else
		assert_string_equal(err.text, says);
	if (says)
		assert_int_equal(err.pos.line, line);
	free(out);
}

static void refuses_what_is_not_clean_text(void **state)
{
#define TEXT(s) s, sizeof(s) - 1
	(void)state;
	check_bytes(TEXT(PLAIN_HEAD "alive"), 0, NULL);
	check_bytes(TEXT("title x\r\nsubject\tback-end\r\n\r\nfence\t0\r\n"), 0, NULL);
	check_bytes(TEXT(PLAIN_HEAD "# caf\303\251 \360\237\230\200\n"), 0, NULL);
	check_bytes(TEXT(PLAIN_HEAD "al\0ive\n"), 4, "there is a NUL byte in this line");
	check_bytes(TEXT("title \302\n"), 1, "this is not UTF-8");
	check_bytes(TEXT("title \300\200\n"), 1, "this is not UTF-8");
	check_bytes(TEXT("title \355\240\200\n"), 1, "this is not UTF-8");
	check_bytes(TEXT("title \364\220\200\200\n"), 1, "this is not UTF-8");
	check_bytes(TEXT(PLAIN_HEAD "# \033[31m\n"), 4,
		    "there is a control character in this line");
	check_bytes(TEXT(PLAIN_HEAD "alive\rfence\n"), 4,
		    "there is a control character in this line");
	check_bytes(TEXT("\357\273\277title x\n"), 1, "this character has no meaning here");
}

static void bounds_the_length_of_a_line(void **state)
{
	size_t head = strlen(PLAIN_HEAD);
	char text[SOURCE_LINE_MAX + 64] = PLAIN_HEAD "#";

	(void)state;
	memset(text + head + 1, 'x', SOURCE_LINE_MAX);
	check_bytes(text, head + SOURCE_LINE_MAX, 0, NULL);
	check_bytes(text, head + SOURCE_LINE_MAX + 1, 4, "this line is longer than 64 KiB");
}

static void check_depth(const char *open, const char *inside, const char *close, int depth,
			const char *says)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	fputs(PLAIN_HEAD, f);
	for (int i = 0; i < depth; i++)
		fputs(open, f);
	fputs(inside, f);
	for (int i = 0; i < depth; i++)
		fputs(close, f);
	fclose(f);
	check_bytes(text, size, 4 + (strchr(open, '\n') ? SCRIPT_DEPTH_MAX : 0), says);
	free(text);
}

static void bounds_the_depth(void **state)
{
	(void)state;
	check_depth("repeat 2\n", "", "end\n", SCRIPT_DEPTH_MAX, NULL);
	check_depth("repeat 2\n", "", "end\n", SCRIPT_DEPTH_MAX + 1,
		    "blocks are nested more than 32 deep");
	check_depth("repeat 2\n", "", "end\n", 2000, "blocks are nested more than 32 deep");
	check_bytes(TEXT(PLAIN_HEAD "let $x = ((((((((((((((((((((((((((((((((1"
				    "))))))))))))))))))))))))))))))))\n"),
		    0, NULL);
	check_depth("", "let $x = (((((((((((((((((((((((((((((((((1", "", 1,
		    "this is nested more than 32 deep");
	check_depth("", "let $x = ---------------------------------1", "", 1,
		    "this is nested more than 32 deep");
}

static void bounds_an_expression(void **state)
{
	char text[4096];
	size_t head = (size_t)snprintf(text, sizeof(text), PLAIN_HEAD "let $x = 1");

	(void)state;
	for (size_t i = 0; i < 2 * (SCRIPT_OPERATORS_MAX + 1); i += 2) {
		text[head + i] = '+';
		text[head + i + 1] = '1';
	}
	check_bytes(text, head + 2 * SCRIPT_OPERATORS_MAX, 0, NULL);
	check_bytes(text, head + 2 * (SCRIPT_OPERATORS_MAX + 1), 4,
		    "an expression has at most 256 operators");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_message),
		cmocka_unit_test(reads_every_operator_of_a_field),
		cmocka_unit_test(reads_an_either),
		cmocka_unit_test(binds_let_by_name),
		cmocka_unit_test(binds_operators_as_c_does),
		cmocka_unit_test(looks_into_the_draft_first),
		cmocka_unit_test(rewinds_to_the_first_statement),
		cmocka_unit_test(says_what_is_wrong_with_a_statement),
		cmocka_unit_test(says_what_is_wrong_with_a_head),
		cmocka_unit_test(shows_the_line_and_a_caret),
		cmocka_unit_test(puts_the_caret_below_wide_letters_and_tabs),
		cmocka_unit_test(refuses_what_is_not_clean_text),
		cmocka_unit_test(bounds_the_length_of_a_line),
		cmocka_unit_test(bounds_the_depth),
		cmocka_unit_test(bounds_an_expression),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
