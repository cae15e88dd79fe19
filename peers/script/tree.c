/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the tree. A scenario is small: running out of memory over one ends the program. */
#include <stdlib.h>
#include <string.h>

#include "parser.h"

void *script_alloc(size_t size)
{
	void *p = calloc(1, size);

	if (!p)
		abort();
	return p;
}

/* Lists grow by doubling: there is room up to the next power of two. */
static void *grow(void *list, size_t n, size_t size)
{
	if (n & (n - 1))
		return list;
	list = reallocarray(list, n ? 2 * n : 1, size);
	if (!list)
		abort();
	return list;
}

char *script_strndup(const char *text, size_t len)
{
	char *copy = script_alloc(len + 1);

	memcpy(copy, text, len);
	return copy;
}

struct script_expr *script_expr_new(enum script_expr_kind kind, struct script_pos pos)
{
	struct script_expr *expr = script_alloc(sizeof(*expr));

	expr->kind = kind;
	expr->pos = pos;
	return expr;
}

void script_expr_add(struct script_expr *expr, struct script_expr *arg)
{
	expr->args = grow(expr->args, expr->nargs, sizeof(struct script_expr *));
	expr->args[expr->nargs++] = arg;
}

void script_expr_free(struct script_expr *expr)
{
	if (!expr)
		return;
	for (size_t i = 0; i < expr->nargs; i++)
		script_expr_free(expr->args[i]);
	free(expr->args);
	free(expr->text);
	free(expr);
}

struct script_stmt *script_stmt_new(enum script_kind kind, struct script_pos pos)
{
	struct script_stmt *stmt = script_alloc(sizeof(*stmt));

	stmt->kind = kind;
	stmt->pos = pos;
	stmt->within = SCRIPT_NO_TIME;
	stmt->window = SCRIPT_NO_TIME;
	return stmt;
}

struct script_arg *script_args_add(struct script_arg **args, size_t *n, struct script_pos pos)
{
	*args = grow(*args, *n, sizeof(**args));
	(*args)[*n] = (struct script_arg){ .pos = pos };
	return &(*args)[(*n)++];
}

void script_flags_add(struct script_stmt *stmt, char *flag)
{
	stmt->flags = grow(stmt->flags, stmt->nflags, sizeof(*stmt->flags));
	stmt->flags[stmt->nflags++] = flag;
}

struct script_block *script_branch_add(struct script_stmt *stmt)
{
	stmt->branches = grow(stmt->branches, stmt->nbranches, sizeof(*stmt->branches));
	stmt->branches[stmt->nbranches] = (struct script_block){ 0 };
	return &stmt->branches[stmt->nbranches++];
}

void script_block_add(struct script_block *block, struct script_stmt *stmt)
{
	block->stmts = grow(block->stmts, block->nstmts, sizeof(struct script_stmt *));
	block->stmts[block->nstmts++] = stmt;
}

static void free_args(struct script_arg *args, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(args[i].name);
		script_expr_free(args[i].value);
	}
	free(args);
}

static void free_branches(struct script_stmt *stmt)
{
	for (size_t i = 0; i < stmt->nbranches; i++) {
		for (size_t j = 0; j < stmt->branches[i].nstmts; j++)
			script_stmt_free(stmt->branches[i].stmts[j]);
		free(stmt->branches[i].stmts);
	}
	free(stmt->branches);
}

void script_stmt_free(struct script_stmt *stmt)
{
	if (!stmt)
		return;
	free(stmt->word);
	free_args(stmt->args, stmt->nargs);
	free_args(stmt->forge, stmt->nforge);
	for (size_t i = 0; i < stmt->nflags; i++)
		free(stmt->flags[i]);
	free(stmt->flags);
	free(stmt->as);
	free(stmt->reads);
	free(stmt->violates);
	free_branches(stmt);
	free(stmt);
}

void script_list_add(struct script_list *list, char *item, struct script_pos pos)
{
	list->items = grow(list->items, list->n, sizeof(*list->items));
	list->pos = grow(list->pos, list->n, sizeof(*list->pos));
	list->items[list->n] = item;
	list->pos[list->n++] = pos;
}

static void free_list(struct script_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->items[i]);
	free(list->items);
	free(list->pos);
}

void script_header_free(struct script_header *h)
{
	free_list(&h->params);
	free_list(&h->checks);
	free_list(&h->needs);
	free_list(&h->without);
	free_list(&h->device);
	free_list(&h->alias);
	free(h->title);
	free(h->since);
	free(h->until);
	free(h->tentative);
	free(h->window);
	free(h->draft);
	free(h->trigger);
}
