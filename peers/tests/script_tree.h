/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the scenario language: trees compared, texts parsed and printed. */
#ifndef VRINGER_TESTS_SCRIPT_TREE_H
#define VRINGER_TESTS_SCRIPT_TREE_H

#include "script/parser.h"

#define PLAIN_HEAD "title x\nsubject back-end\n\n"

/* All of a scenario. */
struct tree {
	struct script *script; /* holds the head */
	struct script_stmt **stmts;
	size_t nstmts;
	struct script_error err;
	bool failed;
};

/** tree_parse - parse @text to its end. */
void tree_parse(struct tree *tree, const char *text);
void tree_free(struct tree *tree);

/** tree_print - the normal form without comments. Free it. */
char *tree_print(const struct tree *tree);

/** tree_equal - whether both say the same; positions count for nothing. */
bool tree_equal(const struct tree *a, const struct tree *b);

/** stmt_equal, expr_equal - the same for parts. */
bool stmt_equal(const struct script_stmt *a, const struct script_stmt *b);
bool expr_equal(const struct script_expr *a, const struct script_expr *b);

/** normal_form - what script_print() makes of @len bytes; NULL with @err when it refuses them. Free it. */
char *normal_form(const char *text, size_t len, struct script_error *err);

/** memory_file - a descriptor of a file with @len bytes of @text; @path is a name for it. */
int memory_file(const char *text, size_t len, char path[32]);

/** file_text - all of @path. Free it. */
char *file_text(const char *path);

/** readme_block - next block of @readme that is fenced as @kind, NULL after the last. Free it. */
char *readme_block(const char **readme, const char *kind);

/** readme_scenario - @block with a head, if it has none. Free it. */
char *readme_scenario(const char *block);

/* Numbers by chance, the same ones each time. Begin with any state but 0. */
struct chance {
	uint64_t state;
};

uint64_t any_number(struct chance *c);

/** below - one of 0 .. @n - 1. */
size_t below(struct chance *c, size_t n);

/** any_of - one of @n names. */
const char *any_of(struct chance *c, const char *const *names, size_t n);

#define README_PATH "scenarios/README.md"

#endif
