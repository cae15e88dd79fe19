/* SPDX-License-Identifier: Apache-2.0 */
/* Printing and parsing undo each other: on the scenarios there are, and on damaged text. */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script_tree.h"

#define DAMAGED 20000

/* ---- scenarios that exist ---- */

/* The normal form of @text is a fixed point, and says the same as @text. */
static void check_text(const char *name, const char *text)
{
	struct script_error err;
	struct tree a, b;
	char *once = normal_form(text, strlen(text), &err), *twice;

	if (!once) {
		fail_msg("%s:%u:%u: %s", name, err.pos.line, err.pos.col, err.text);
		return;
	}
	twice = normal_form(once, strlen(once), &err);
	if (!twice || strcmp(once, twice) != 0)
		fail_msg("%s: printed twice it is not the same:\n%s", name, once);
	tree_parse(&a, text);
	tree_parse(&b, once);
	assert_true(tree_equal(&a, &b));
	tree_free(&a);
	tree_free(&b);
	free(once);
	free(twice);
}

static int check_file(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	const char *ending = strrchr(path, '.');
	char *text;

	(void)st;
	(void)where;
	if (kind != FTW_F || !ending || strcmp(ending, ".vus") != 0)
		return 0;
	text = file_text(path);
	check_text(path, text);
	free(text);
	return 0;
}

static void prints_every_scenario(void **state)
{
	(void)state;
	assert_int_equal(nftw("scenarios", check_file, 16, FTW_PHYS), 0);
}

static void prints_every_example(void **state)
{
	char *readme = file_text(README_PATH), *block;
	const char *at = readme;

	(void)state;
	for (; (block = readme_block(&at, "vus")); free(block)) {
		char *text = readme_scenario(block);

		check_text(block, text);
		free(text);
	}
	free(readme);
}

static void has_one_normal_form(void **state)
{
	static const char text[] =
		"# top\ntitle\tA   title # and all of it  \nchecks ring.enabled-normal # why\n"
		"subject front-end\r\nqueues 1\nspec 8.2..\nchecks ring.independent-states\n\n\n\n"
		"use   x  1+2   # behind\n\n\n#   above\nlet $x=(1|2)&(3&4)   \n   if $x\n"
		"fence\n# last\nelse\n alive  reads\t\"a\"\n#in between\n violates ring.enabled-normal\n"
		"end\n\n# end\n\n";
	static const char normal[] =
		"# top\n# why\ntitle    A   title # and all of it\nsubject  front-end\n"
		"checks   ring.enabled-normal ring.independent-states\nspec     8.2..\n\n"
		"# behind\nuse x 1 + 2\n\n#   above\nlet $x = (1 | 2) & (3 & 4)\nif $x\n"
		"  fence\n  # last\nelse\n  alive\n    reads \"a\"\n    violates ring.enabled-normal\n"
		"  #in between\nend\n\n# end\n";
	struct script_error err;
	char *out = normal_form(text, strlen(text), &err);

	(void)state;
	assert_non_null(out);
	assert_string_equal(out, normal);
	check_text("normal", text);
	free(out);
}

/* ---- damaged text ---- */

#define TEXT_MAX 6000

static const char *const pieces[] = {
	"\n",
	" ",
	"end",
	"or\n",
	"either\n",
	"(",
	")",
	"\"",
	"$",
	"hex:",
	"with ",
	"0x",
	"-",
	"=",
	"&",
	"!&",
	"<=",
	"reads \"x\"",
	"violates ",
	"within 2s",
	"[0]",
	".",
	"#",
	"\303\251",
	"\377",
	"\r\n",
	"64K",
	"99999999999999999999",
	"-> SET_FEATURES 1\n",
	"\t",
	"\001",
	"title x\n",
	"any",
	",",
};

/* Change, drop, put in or repeat a few bytes. The new length. */
static size_t damage(struct chance *c, char *text, size_t len)
{
	size_t at = below(c, len + 1), n = 1 + below(c, 20);
	const char *piece = any_of(c, pieces, sizeof(pieces) / sizeof(pieces[0]));

	if (n > len - at)
		n = len - at;
	switch (below(c, 4)) {
	case 0:
		if (at < len)
			text[at] = (char)any_number(c);
		return len;
	case 1:
		memmove(text + at, text + at + n, len - at - n);
		return len - n;
	case 2:
		piece = at > 40 ? text + below(c, at) : piece;
		/* fall through */
	default:
		n = strnlen(piece, 40);
		if (len + n > TEXT_MAX - 100)
			return len;
		memmove(text + at + n, text + at, len - at);
		memmove(text + at, piece, n);
		return len + n;
	}
}

static void check_damaged(const char *text, size_t len)
{
	struct script_error err = { .text = "" };
	char *once = normal_form(text, len, &err), *twice;

	if (!once) {
		assert_true(err.text[0]);
		return;
	}
	twice = normal_form(once, strlen(once), &err);
	if (!twice || strcmp(once, twice) != 0)
		fail_msg("not a fixed point:\n%s\n%s", once, twice ? twice : err.text);
	free(once);
	free(twice);
}

static size_t examples(char *blocks[64])
{
	char *readme = file_text(README_PATH), *block;
	const char *at = readme;
	size_t n = 0;

	for (; n < 64 && (block = readme_block(&at, "vus")); free(block))
		blocks[n++] = readme_scenario(block);
	free(readme);
	return n;
}

static void survives_damage(void **state)
{
	struct chance c = { 0x2545f4914f6cdd1d };
	char *blocks[64], text[TEXT_MAX];
	size_t n = examples(blocks);

	(void)state;
	for (int i = 0; i < DAMAGED; i++) {
		size_t len = (size_t)snprintf(text, sizeof(text), "%s", blocks[below(&c, n)]);

		for (size_t k = 1 + below(&c, 6); k; k--)
			len = damage(&c, text, len);
		check_damaged(text, len);
	}
	while (n)
		free(blocks[--n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_every_scenario),
		cmocka_unit_test(prints_every_example),
		cmocka_unit_test(has_one_normal_form),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
