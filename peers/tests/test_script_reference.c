/* SPDX-License-Identifier: Apache-2.0 */
/* scenarios/README.md says all that the language has, and nothing else; and what the harness is told. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "script/describe.h"
#include "script_tree.h"

/* Every word of the tables stands in some example of the reference. */
static void note_words(char **seen, const char *block)
{
	char *all;

	assert_true(asprintf(&all, "%s %s\n", *seen, block) > 0);
	free(*seen);
	*seen = all;
}

static bool stands_in(const char *text, const char *word)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_-";
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || !strchr(letters, at[-1])) &&
		    !(at[len] && strchr(letters, at[len])))
			return true;
	return false;
}

static void check_words(const char *seen, const char *list)
{
	char room[64];

	for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		snprintf(room, sizeof(room), "%.*s", (int)strcspn(at, " "), at);
		if (!stands_in(seen, room))
			fail_msg("the reference has no example of %s", room);
	}
}

static void check_kind(const char *seen, const char *kind)
{
	const char *word;

	for (size_t i = 0; (word = script_name(NULL, kind, i)); i++)
		check_words(seen, word);
}

static void parse_fine(const char *text)
{
	struct tree t;

	tree_parse(&t, text);
	if (t.failed)
		fail_msg("%u:%u: %s in: %s", t.err.pos.line, t.err.pos.col, t.err.text, text);
	tree_free(&t);
}

static void parses_every_example(void **state)
{
	char *readme = file_text(README_PATH), *block, *seen = strdup("");
	const char *at = readme;
	size_t n = 0;

	(void)state;
	for (; (block = readme_block(&at, "vus")); n++, free(block)) {
		char *text = readme_scenario(block);

		parse_fine(text);
		note_words(&seen, block);
		free(text);
	}
	assert_true(n > 10);
	check_kind(seen, "statement");
	check_kind(seen, "directive");
	check_kind(seen, "function");
	for (const struct script_verb *verb = script_verbs; verb->word; verb++) {
		check_words(seen, verb->keys);
		check_words(seen, verb->name_keys);
		check_words(seen, verb->flags);
	}
	check_words(
		seen,
		"-> <- <= => need-reply nofd fd within with as for reads violates either or any");
	check_words(seen, "version flags size request payload truncate split fds reply fds-last");
	free(seen);
	free(readme);
}

static void writes_down_every_form(void **state)
{
	char *readme = file_text(README_PATH);

	(void)state;
	for (const struct script_directive *d = script_directives; d->word; d++)
		check_words(readme, d->word);
	for (const struct script_verb *verb = script_verbs; verb->word; verb++) {
		char *form;

		assert_true(asprintf(&form, "`%s`", verb->form) > 0);
		if (!strstr(readme, form))
			fail_msg("the reference does not have %s", form);
		free(form);
	}
	free(readme);
}

static void names_nothing_twice(void **state)
{
	static const char *const kinds[] = { "statement", "directive", "function" };
	const char *word, *other;

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t i = 0; (word = script_name(NULL, kinds[k], i)); i++)
			for (size_t j = 0; j < i && (other = script_name(NULL, kinds[k], j)); j++)
				assert_string_not_equal(word, other);
}

/* ---- what is told to the harness ---- */

static json_t *describe(const char *text, int expected)
{
	char path[32], *line = NULL;
	int fd = memory_file(text, strlen(text), path);
	size_t size;
	FILE *f = open_memstream(&line, &size);
	json_t *o;

	assert_int_equal(script_describe(f, path, NULL), expected);
	fclose(f);
	close(fd);
	o = json_loads(line, 0, NULL);
	assert_non_null(o);
	free(line);
	return o;
}

static void describes_a_scenario(void **state)
{
	json_t *o = describe("title t\nsubject front-end\nneeds LOG_ALL MQ\nspec 8.2..\n\n"
			     "use started-ring 0\neither\n<= CONFIG_CHANGE_MSG\nor\nclosed\nend\n",
			     0);
	json_t *wanted = json_loads("[\"use\",\"either\",\"<=\",\"closed\"]", 0, NULL);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(o, "title")), "t");
	assert_string_equal(json_string_value(json_object_get(o, "subject")), "front-end");
	assert_string_equal(json_string_value(json_object_get(o, "since")), "8.2");
	assert_true(json_is_null(json_object_get(o, "until")));
	assert_int_equal(json_array_size(json_object_get(o, "needs")), 2);
	assert_int_equal(json_array_size(json_object_get(o, "uses")), 1);
	assert_true(json_equal(json_object_get(o, "constructs"), wanted));
	assert_true(json_is_null(json_object_get(o, "error")));
	json_decref(wanted);
	json_decref(o);
}

static void describes_an_error(void **state)
{
	json_t *o = describe(PLAIN_HEAD "alife\n", -EINVAL), *err = json_object_get(o, "error");

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(err, "line")), 4);
	assert_string_equal(json_string_value(json_object_get(err, "hint")), "did you mean alive?");
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_every_example), cmocka_unit_test(writes_down_every_form),
		cmocka_unit_test(names_nothing_twice),  cmocka_unit_test(describes_a_scenario),
		cmocka_unit_test(describes_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
