/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a scenario, and its statements one after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "trace.h"

void script_keep_comment(struct script *s)
{
	const char *text = lexer_comment(&s->lx);
	struct script_comment *comment;

	if (!s->keep_comments)
		return;
	comment = script_alloc(sizeof(*comment));
	comment->line = s->lx.lineno;
	comment->text = text ? strdup(text) : NULL;
	*s->last_comment = comment;
	s->last_comment = &comment->next;
}

int script_line_next(struct script *s)
{
	int more;

	if (s->pending)
		return 1;
	while ((more = source_next(&s->src, s->err)) > 0) {
		lexer_start(&s->lx, s->src.buf, s->src.line);
		if (s->lx.tok.kind != TOKEN_END) {
			s->pending = true;
			break;
		}
		script_keep_comment(s);
	}
	return more;
}

int script_line_end(struct script *s, const char *form)
{
	if (s->lx.tok.kind != TOKEN_END)
		return script_expected(s, "the end of the line", form);
	if (lexer_comment(&s->lx))
		script_keep_comment(s);
	s->pending = false;
	return 0;
}

/* ---- blocks ---- */

static int unknown_statement(struct script *s)
{
	char *word;

	if (s->lx.tok.kind != TOKEN_WORD)
		return script_expected(s, "a statement or an arrow (-> <- <= =>)", NULL);
	word = lexer_text(&s->lx);
	if (!strcmp(word, "or") || !strcmp(word, "else") || !strcmp(word, "end")) {
		script_fail(s, "`%s` without a block that it belongs to", word);
	} else if (!strcmp(word, "reads") || !strcmp(word, "violates")) {
		script_fail(s, "`%s` continues a statement, and there is none above it", word);
	} else {
		script_fail(s, "unknown statement %s", word);
		if (script_directive_by_word(word))
			script_error_hint(s->err, "directives stand above the first empty line");
		else
			script_suggest(s, script_nearest_to(s, "statement", word));
	}
	free(word);
	return -EINVAL;
}

/* What has to happen for a branch to be taken is its first line. */
static int check_awaited(struct script *s, const struct script_stmt *stmt)
{
	const struct script_verb *verb;

	if (stmt->kind == STMT_MESSAGE)
		return 0;
	verb = stmt->kind == STMT_VERB ? script_verb_by_word(stmt->word) : NULL;
	if (verb && verb->allows & IS_AWAITED)
		return 0;
	script_fail_at(s, stmt->pos, strlen(stmt->word), "a branch cannot begin with `%s`",
		       stmt->word);
	script_error_hint(s->err, "its first line is what is awaited: a message, used, called, "
				  "errored, closed, connect, fence, drain, feed, idle or silence");
	return -EINVAL;
}

/* Statements up to a line that begins with `end` or @divider (may be NULL), which is left current. */
static int parse_branch(struct script *s, struct script_stmt *head, const char *divider)
{
	struct script_block *branch = script_branch_add(head);
	struct script_stmt *stmt;
	int err;

	for (;;) {
		err = script_line_next(s);
		if (err < 0)
			return err;
		if (!err)
			return script_fail_at(s, head->pos, strlen(head->word),
					      "this `%s` has no `end`", head->word);
		branch->end = lexer_pos(&s->lx);
		if (lexer_is(&s->lx, "end") || (divider && lexer_is(&s->lx, divider)))
			return 0;
		err = script_parse_stmt(s, &stmt);
		if (err)
			return err;
		script_block_add(branch, stmt);
		if (head->kind == STMT_EITHER && branch->nstmts == 1 && check_awaited(s, stmt))
			return -EINVAL;
	}
}

static int check_either(struct script *s, const struct script_stmt *stmt)
{
	const struct script_block *last = &stmt->branches[stmt->nbranches - 1];

	if (!last->nstmts)
		return script_fail_at(s, last->end, 1, "the branch that ends here is empty");
	return 0;
}

static int parse_branches(struct script *s, struct script_stmt *stmt, const char *divider,
			  size_t most)
{
	int err;

	do {
		err = parse_branch(s, stmt, stmt->nbranches + 1 < most ? divider : NULL);
		if (!err && stmt->kind == STMT_EITHER)
			err = check_either(s, stmt);
		if (err)
			return err;
		err = lexer_is(&s->lx, "end") ? 1 : 0;
		lexer_next(&s->lx);
		if (script_line_end(s, NULL))
			return -EINVAL;
	} while (!err);
	return 0;
}

static int parse_block(struct script *s, struct script_stmt *stmt, const char *divider, size_t most)
{
	int err;

	if (s->depth >= SCRIPT_DEPTH_MAX)
		return script_fail_at(s, stmt->pos, strlen(stmt->word),
				      "blocks are nested more than %d deep", SCRIPT_DEPTH_MAX);
	s->depth++;
	err = parse_branches(s, stmt, divider, most);
	s->depth--;
	return err;
}

/* ---- statements ---- */

static int parse_either(struct script *s, struct script_stmt *stmt)
{
	stmt->kind = STMT_EITHER;
	lexer_next(&s->lx);
	return script_line_end(s, "either") ? -EINVAL : parse_block(s, stmt, "or", SIZE_MAX);
}

static int parse_verb(struct script *s, const struct script_verb *verb, struct script_stmt *stmt)
{
	bool block = verb->allows & IS_BLOCK;

	stmt->kind = block ? STMT_BLOCK : STMT_VERB;
	lexer_next(&s->lx);
	if (script_parse_verb(s, verb, stmt) || script_line_end(s, verb->form))
		return -EINVAL;
	if (!block)
		return 0;
	return parse_block(s, stmt, verb->allows & HAS_ELSE ? "else" : NULL, 2);
}

static int parse_message(struct script *s, struct script_stmt *stmt)
{
	char *arrow = lexer_text(&s->lx);

	stmt->kind = STMT_MESSAGE;
	stmt->arrow = script_arrow_by_text(arrow);
	free(arrow);
	lexer_next(&s->lx);
	return script_parse_message(s, stmt) ? -EINVAL : script_line_end(s, script_message_form);
}

/* A line that begins with `reads` or `violates` goes on with the statement above it. */
static int parse_continuations(struct script *s, struct script_stmt *stmt)
{
	const struct script_verb *verb =
		stmt->kind == STMT_VERB ? script_verb_by_word(stmt->word) : NULL;
	unsigned int allows = verb ? verb->allows : ALLOWS_JUDGING;
	int err;

	if (stmt->kind == STMT_EITHER || stmt->kind == STMT_BLOCK)
		return 0;
	while ((err = script_line_next(s)) > 0) {
		if (!lexer_is(&s->lx, "reads") && !lexer_is(&s->lx, "violates"))
			return 0;
		while ((err = script_parse_option(s, stmt, allows & ALLOWS_JUDGING,
						  verb ? verb->form : script_message_form)) > 0)
			;
		if (err || script_line_end(s, NULL))
			return -EINVAL;
	}
	return err;
}

static int parse_line(struct script *s, struct script_stmt *stmt)
{
	const struct script_verb *verb;

	if (lexer_reread_arrow(&s->lx))
		return parse_message(s, stmt);
	if (s->lx.tok.kind != TOKEN_WORD)
		return unknown_statement(s);
	stmt->word = lexer_text(&s->lx);
	if (!strcmp(stmt->word, "either"))
		return parse_either(s, stmt);
	verb = script_verb_by_word(stmt->word);
	return verb ? parse_verb(s, verb, stmt) : unknown_statement(s);
}

int script_parse_stmt(struct script *s, struct script_stmt **result)
{
	struct script_stmt *stmt = script_stmt_new(STMT_VERB, lexer_pos(&s->lx));

	if (parse_line(s, stmt) || parse_continuations(s, stmt)) {
		script_stmt_free(stmt);
		return -EINVAL;
	}
	*result = stmt;
	return 0;
}

int script_next(struct script *s, struct script_stmt **stmt, struct script_error *err)
{
	int more;

	*stmt = NULL;
	s->err = err;
	s->depth = 0;
	more = script_line_next(s);
	if (more > 0)
		return script_parse_stmt(s, stmt) ? -EINVAL : 1;
	return more < 0 ? -EINVAL : 0;
}

/* ---- opening and closing ---- */

static struct script *open_source(struct script *s, const char *path,
				  const struct script_names *names, struct script_error *err)
{
	s->path = strdup(path);
	s->names = names;
	s->err = err;
	s->last_comment = &s->comments;
	return s;
}

/* Not cleared is the buffer for a line, which is far larger than most scripts: its source knows what is in it. */
static struct script *new_script(void)
{
	struct script *s = malloc(sizeof(*s));

	if (!s)
		abort();
	memset(s, 0, offsetof(struct script, src));
	return s;
}

static struct script *read_header(struct script *s)
{
	if (!script_parse_header(s))
		return s;
	script_close(s);
	return NULL;
}

struct script *script_open_at(const char *path, const struct script_names *names,
			      bool keep_comments, struct script_error *err)
{
	struct script *s = open_source(new_script(), path, names, err);
	int failed = source_open(&s->src, path);

	s->keep_comments = keep_comments;
	if (!failed)
		return read_header(s);
	script_error_set(err, (struct script_pos){ 0, 0 }, 0, "%s", strerror(-failed));
	script_close(s);
	return NULL;
}

struct script *script_open(const char *path, const struct script_names *names,
			   struct script_error *err)
{
	return script_open_at(path, names, false, err);
}

struct script *script_open_text(const char *name, const char *text,
				const struct script_names *names, struct script_error *err)
{
	struct script *s = open_source(new_script(), name, names, err);

	source_open_text(&s->src, text);
	return read_header(s);
}

const struct script_header *script_header(const struct script *s)
{
	return &s->header;
}

const char *script_path(const struct script *s)
{
	return s->path;
}

int script_rewind(struct script *s)
{
	struct script_error err;
	int failed = source_rewind(&s->src);

	s->pending = false;
	while (!failed && s->src.line < s->head_end)
		failed = source_next(&s->src, &err) > 0 ? 0 : -EIO;
	return failed;
}

static void look_at(const struct script_stmt *stmt, script_look look, void *ctx)
{
	look(ctx, stmt);
	for (size_t b = 0; b < stmt->nbranches; b++)
		for (size_t i = 0; i < stmt->branches[b].nstmts; i++)
			look_at(stmt->branches[b].stmts[i], look, ctx);
}

int script_survey(struct script *s, script_look look, void *ctx, struct script_error *err)
{
	struct script_stmt *stmt;
	int more;

	while ((more = script_next(s, &stmt, err)) > 0) {
		look_at(stmt, look, ctx);
		script_stmt_free(stmt);
	}
	return more < 0 ? more : script_rewind(s);
}

static void free_comments(struct script_comment *comment)
{
	while (comment) {
		struct script_comment *next = comment->next;

		free(comment->text);
		free(comment);
		comment = next;
	}
}

void script_close(struct script *s)
{
	if (!s)
		return;
	source_close(&s->src);
	script_header_free(&s->header);
	free_comments(s->comments);
	free(s->path);
	free(s);
}

char *script_line_of(const char *path, const char *text, unsigned int line)
{
	struct source *src = script_alloc(sizeof(*src));
	struct script_error err;
	char *copy = NULL;
	int more = 1;

	if (text)
		source_open_text(src, text);
	else if (source_open(src, path))
		more = 0;
	while (more > 0 && src->line < line)
		more = source_next(src, &err);
	/* a line that is not clean is shown all the same */
	if (more && line && src->line == line)
		copy = strdup(src->buf);
	source_close(src);
	free(src);
	return copy;
}

char *script_line(const struct script *s, unsigned int line)
{
	return script_line_of(s->path, s->src.text, line);
}
