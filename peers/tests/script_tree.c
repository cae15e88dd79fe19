/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of the scenario language: trees compared, texts parsed and printed. */
#include "script_tree.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void tree_parse(struct tree *tree, const char *text)
{
	struct script_block all = { 0 };
	struct script_stmt *stmt;
	int more = -1;

	memset(tree, 0, sizeof(*tree));
	tree->script = script_open_text("example.vus", text, NULL, &tree->err);
	while (tree->script && (more = script_next(tree->script, &stmt, &tree->err)) > 0)
		script_block_add(&all, stmt);
	tree->stmts = all.stmts;
	tree->nstmts = all.nstmts;
	tree->failed = more < 0;
}

void tree_free(struct tree *tree)
{
	for (size_t i = 0; i < tree->nstmts; i++)
		script_stmt_free(tree->stmts[i]);
	free(tree->stmts);
	script_close(tree->script);
}

char *tree_print(const struct tree *tree)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	script_print_header(f, script_header(tree->script));
	for (size_t i = 0; i < tree->nstmts; i++)
		script_print_stmt(f, tree->stmts[i], 0);
	fclose(f);
	return text;
}

/* ---- equality ---- */

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool expr_equal(const struct script_expr *a, const struct script_expr *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->number != b->number || a->hex != b->hex ||
	    !same(a->text, b->text) || !same(a->op, b->op) || a->nargs != b->nargs)
		return false;
	for (size_t i = 0; i < a->nargs; i++)
		if (!expr_equal(a->args[i], b->args[i]))
			return false;
	return true;
}

static bool args_equal(const struct script_arg *a, size_t na, const struct script_arg *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!same(a[i].name, b[i].name) || a[i].op != b[i].op ||
		    !expr_equal(a[i].value, b[i].value))
			return false;
	return true;
}

static bool words_equal(char *const *a, size_t na, char *const *b, size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!same(a[i], b[i]))
			return false;
	return true;
}

static bool blocks_equal(struct script_stmt *const *a, size_t na, struct script_stmt *const *b,
			 size_t nb)
{
	if (na != nb)
		return false;
	for (size_t i = 0; i < na; i++)
		if (!stmt_equal(a[i], b[i]))
			return false;
	return true;
}

bool stmt_equal(const struct script_stmt *a, const struct script_stmt *b)
{
	if (a->kind != b->kind || a->arrow != b->arrow || !same(a->word, b->word) ||
	    a->within != b->within || a->window != b->window || !same(a->as, b->as) ||
	    !same(a->reads, b->reads) || !same(a->violates, b->violates) ||
	    a->nbranches != b->nbranches)
		return false;
	for (size_t i = 0; i < a->nbranches; i++)
		if (!blocks_equal(a->branches[i].stmts, a->branches[i].nstmts, b->branches[i].stmts,
				  b->branches[i].nstmts))
			return false;
	return args_equal(a->args, a->nargs, b->args, b->nargs) &&
	       args_equal(a->forge, a->nforge, b->forge, b->nforge) &&
	       words_equal(a->flags, a->nflags, b->flags, b->nflags);
}

static bool lists_equal(const struct script_list *a, const struct script_list *b)
{
	return words_equal(a->items, a->n, b->items, b->n);
}

static bool headers_equal(const struct script_header *a, const struct script_header *b)
{
	return a->fragment == b->fragment && a->subject == b->subject && a->queues == b->queues &&
	       a->version == b->version && same(a->title, b->title) && same(a->since, b->since) &&
	       same(a->until, b->until) && same(a->tentative, b->tentative) &&
	       same(a->window, b->window) && same(a->draft, b->draft) &&
	       same(a->trigger, b->trigger) && lists_equal(&a->params, &b->params) &&
	       lists_equal(&a->checks, &b->checks) && lists_equal(&a->needs, &b->needs) &&
	       lists_equal(&a->without, &b->without) && lists_equal(&a->device, &b->device) &&
	       lists_equal(&a->alias, &b->alias);
}

bool tree_equal(const struct tree *a, const struct tree *b)
{
	return headers_equal(script_header(a->script), script_header(b->script)) &&
	       blocks_equal(a->stmts, a->nstmts, b->stmts, b->nstmts);
}

/* ---- files ---- */

int memory_file(const char *text, size_t len, char path[32])
{
	int fd = memfd_create("scenario", MFD_CLOEXEC);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		abort();
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

char *normal_form(const char *text, size_t len, struct script_error *err)
{
	char path[32], *out = NULL;
	int fd = memory_file(text, len, path);
	size_t size;
	FILE *f = open_memstream(&out, &size);
	int failed = script_print(f, path, NULL, err);

	fclose(f);
	close(fd);
	if (!failed)
		return out;
	free(out);
	return NULL;
}

char *file_text(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t room = 0;

	if (!f || getdelim(&text, &room, '\0', f) < 0)
		abort();
	fclose(f);
	return text;
}

char *readme_block(const char **readme, const char *kind)
{
	char fence[32];
	const char *begin, *end;

	snprintf(fence, sizeof(fence), "\n```%s\n", kind);
	begin = strstr(*readme, fence);
	if (!begin)
		return NULL;
	begin += strlen(fence);
	end = strstr(begin, "\n```\n") + 1;
	*readme = end + 3;
	return strndup(begin, (size_t)(end - begin));
}

char *readme_scenario(const char *block)
{
	bool headed = !strncmp(block, "title", 5) || !strncmp(block, "fragment", 8);
	char *text;

	if (asprintf(&text, "%s%s", headed ? "" : PLAIN_HEAD, block) < 0)
		abort();
	return text;
}

/* ---- chance ---- */

uint64_t any_number(struct chance *c)
{
	c->state ^= c->state << 13;
	c->state ^= c->state >> 7;
	c->state ^= c->state << 17;
	return c->state;
}

size_t below(struct chance *c, size_t n)
{
	return n ? (size_t)(any_number(c) >> 11) % n : 0;
}

const char *any_of(struct chance *c, const char *const *names, size_t n)
{
	return names[below(c, n)];
}
