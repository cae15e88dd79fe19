/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario as a tree, and the functions that read and print one. The grammar
 * is in scenarios/README.md. Parsing pulls one top-level statement at a time,
 * so that a trace of any length needs constant memory.
 */
#ifndef VRINGER_SCRIPT_SCRIPT_H
#define VRINGER_SCRIPT_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct vu_message_info;

#define SCRIPT_NO_TIME INT64_MIN

struct script_pos {
	unsigned int line, col; /* from 1; columns count bytes */
};

enum script_op {
	SCRIPT_EQ,
	SCRIPT_NE,
	SCRIPT_LT,
	SCRIPT_LE,
	SCRIPT_GT,
	SCRIPT_GE,
	SCRIPT_HAS,   /* & : all these bits are set */
	SCRIPT_LACKS, /* !& : none of these bits is set */
};

enum script_expr_kind {
	EXPR_NUMBER,
	EXPR_NAME, /* feature or constant, resolved by script_constant() while parsing; printed by name */
	EXPR_VAR,    /* $name */
	EXPR_STRING, /* "..." */
	EXPR_WORD,   /* a bare word in a place where a word is meant (region or probe names) */
	EXPR_BYTES,  /* hex:0011aabb */
	EXPR_UNARY,  /* ~ - */
	EXPR_BINARY, /* | & + - * / % << >> == != < <= > >= */
	EXPR_CALL,   /* name(args) */
};

struct script_expr {
	enum script_expr_kind kind;
	struct script_pos pos;
	uint64_t number;
	bool hex;   /* written in hexadecimal: printed so */
	char *text; /* name, variable without $, string, word, hex digits */
	char op[3];
	struct script_expr **args; /* operands or call arguments */
	size_t nargs;
};

/* field=value, key=value, or (name NULL) a positional value. */
struct script_arg {
	struct script_pos pos;
	char *name;
	enum script_op op;
	struct script_expr *value;
};

enum script_arrow {
	ARROW_NONE,
	ARROW_REQUEST,
	ARROW_REPLY,
	ARROW_BACKEND_REQUEST,
	ARROW_BACKEND_REPLY
};

enum script_kind {
	STMT_MESSAGE, /* arrow NAME args... */
	STMT_VERB,    /* word args... : every other one-line statement */
	STMT_EITHER,  /* branches */
	STMT_BLOCK, /* each / repeat / if: args in the head; a second branch is what follows `else` */
};

struct script_stmt;

struct script_block {
	struct script_stmt **stmts;
	size_t nstmts;
	struct script_pos end; /* of the `or`, `else` or `end` that closes it */
};

/*
 * How the places of a statement lie in `args`: what stands without a key has
 * name NULL, in source order. `let $x = EXPR` is one argument named x; `fd $name`
 * is one named fd; `until`, the message behind it and the ARROW of `silence` are
 * words. Forge keys that have no value (reply, fds-last) have value NULL.
 */
struct script_stmt {
	enum script_kind kind;
	struct script_pos pos;
	enum script_arrow arrow;
	char *word;                            /* message name, decimal id, or verb */
	const struct vu_message_info *message; /* that the word names, or NULL */
	struct script_arg *args;
	size_t nargs;
	char **flags; /* bare words that the verb or message allows: need-reply, nofd, quietly */
	size_t nflags;
	struct script_arg *forge; /* after `with` */
	size_t nforge;
	char *as;       /* `as $name` (without $), or NULL */
	int64_t within; /* ns, SCRIPT_NO_TIME if absent */
	int64_t window; /* `for T` */
	char *reads;
	char *violates;
	struct script_block *branches;
	size_t nbranches;
};

/* What stands above the statements. Lists are in source order. */
struct script_list {
	char **items;
	struct script_pos *pos;
	size_t n;
};

enum script_subject { SUBJECT_NONE, SUBJECT_BACKEND, SUBJECT_FRONTEND };

struct script_header {
	bool fragment;
	struct script_list params; /* of a fragment */
	char *title;
	enum script_subject subject;
	struct script_list checks, needs, without, device, alias;
	unsigned int queues; /* queues (pairs) of the same kind that are needed; 1 if not said */
	char *since, *until; /* editions it holds for; NULL: open */
	unsigned int version;
	char *tentative, *window, *draft, *trigger;
};

struct script_error {
	struct script_pos pos;
	unsigned int width; /* of the caret */
	char text[200];     /* "unknown message GET_FEATURE" */
	char hint[200];     /* "did you mean GET_FEATURES?", or empty */
};

/* Names from outside that the parser checks; any member may be NULL (not checked). */
struct script_names {
	/* returns 0 and the value of a name used in an expression, or -ENOENT; NULL: script_constant() */
	int (*constant)(const char *name, uint64_t *value);
	/* next known name of a kind ("clause", "fragment", ...) for checks and "did you mean":
	   NULL after the last; ctx is the caller's */
	const char *(*name)(void *ctx, const char *kind, size_t i);
	void *ctx;
};

struct script; /* an open scenario file */

/** script_open - open @path and parse its header. NULL on error, @err filled (pos.line 0: errno text). */
struct script *script_open(const char *path, const struct script_names *names,
			   struct script_error *err);

/** script_open_text - the same for text in memory, @name being used in messages. @text is not copied. */
struct script *script_open_text(const char *name, const char *text,
				const struct script_names *names, struct script_error *err);

const struct script_header *script_header(const struct script *s);
const char *script_path(const struct script *s);

/** script_next - next top-level statement: 1 and *@stmt (caller frees), 0 at the end, -EINVAL with @err. */
int script_next(struct script *s, struct script_stmt **stmt, struct script_error *err);

/** script_rewind - back to the first statement. */
int script_rewind(struct script *s);

typedef void (*script_look)(void *ctx, const struct script_stmt *stmt);

/** script_survey - show every statement to @look, those within branches too, and rewind. 0 or -EINVAL with @err. */
int script_survey(struct script *s, script_look look, void *ctx, struct script_error *err);
void script_close(struct script *s);
void script_stmt_free(struct script_stmt *stmt);

/** script_line - source line @line without its newline, for messages; NULL if there is none. Free it. */
char *script_line(const struct script *s, unsigned int line);

/**
 * script_print_error - as a compiler would:
 *   FILE:LINE:COL: error: TEXT
 *     LINE | source
 *          |    ^~~~
 *     hint: HINT
 */
void script_print_error(FILE *out, const struct script *s, const char *path,
			const struct script_error *err, bool colour);

/**
 * script_print_header, script_print_stmt - normal form; parsing it gives the
 * same tree. @indent counts levels. Every line ends with a newline; the header
 * ends with the empty line that closes it.
 */
void script_print_header(FILE *out, const struct script_header *h);
void script_print_stmt(FILE *out, const struct script_stmt *stmt, unsigned int indent);

/** script_print_options - what stands behind the arguments on the line of @stmt, but for what is forged. */
void script_print_options(FILE *out, const struct script_stmt *stmt);

/** script_print - whole file in normal form (comments are kept on lines of their own). 0 or -EINVAL. */
int script_print(FILE *out, const char *path, const struct script_names *names,
		 struct script_error *err);

/** script_constant - value of a feature's name: 0 and 1 << bit, or -ENOENT. The default of script_names. */
int script_constant(const char *name, uint64_t *value);

/** script_nearest - of the names of @kind the one most like @word, or NULL if none is close. */
const char *script_nearest(const struct script_names *names, const char *kind, const char *word);

#endif
