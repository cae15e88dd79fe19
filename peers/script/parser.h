/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the language share with one another and with nobody else. */
#ifndef VRINGER_SCRIPT_PARSER_H
#define VRINGER_SCRIPT_PARSER_H

#include "lexer.h"
#include "source.h"
#include "wire/protocol.h"

#define SCRIPT_DEPTH_MAX 32      /* blocks, parentheses and calls inside one another */
#define SCRIPT_OPERATORS_MAX 256 /* of one expression */
#define SCRIPT_PLACES_MAX 3

/* What a positional argument of a verb has to be. */
enum script_place {
	PLACE_NONE,
	PLACE_VALUE,    /* an expression */
	PLACE_VAR,      /* $name */
	PLACE_NAME,     /* a name that can be a variable's */
	PLACE_WORD,     /* what the candidate calls an action */
	PLACE_KIND,     /* what the device calls a request */
	PLACE_FRAGMENT, /* a name below scenarios/common/ */
	PLACE_STRING,
	PLACE_BYTES,
	PLACE_ARROW,
	PLACE_BINDING, /* $x = EXPR: an argument of that name */
	PLACE_UNTIL,   /* the literal "until" */
	PLACE_MESSAGE, /* the name of a message */
	PLACE_RING,    /* the literal "ring" */
};

enum script_allows {
	ALLOWS_AS = 1 << 0,
	ALLOWS_WITHIN = 1 << 1,
	ALLOWS_JUDGING = 1 << 2,   /* reads, violates */
	ALLOWS_ANY_KEY = 1 << 3,   /* keys belong to the device */
	ALLOWS_COMPARING = 1 << 4, /* keys with != < ... */
	NEEDS_AS = 1 << 5,
	NEEDS_FOR = 1 << 6,
	NEEDS_KEY = 1 << 7,
	IS_AWAITED = 1 << 8, /* may begin a branch */
	IS_BLOCK = 1 << 9,   /* runs to an `end` */
	HAS_ELSE = 1 << 10,
};

/* One kind of statement. The parser does what this table says. */
struct script_verb {
	const char *word;
	const char *form; /* how it is written, for hints */
	enum script_place places[SCRIPT_PLACES_MAX];
	unsigned int
		needed; /* so many places have to be filled; one that is filled needs the next */
	unsigned int allows;   /* enum script_allows */
	bool repeats;          /* the last place, as often as one likes */
	const char *keys;      /* space separated: key=EXPR */
	const char *name_keys; /* key=NAME */
	const char *flags;
};

struct script_directive {
	const char *word;
	const char *form;
	bool repeats; /* may stand there more than once */
	bool in_fragment;
};

struct script_function {
	const char *word;
	size_t nargs;
};

/* A comment or (text NULL) an empty line, kept for the printer. */
struct script_comment {
	unsigned int line;
	char *text;
	struct script_comment *next;
};

struct script {
	char *path;
	const struct script_names *names;
	const struct vu_draft *draft;
	struct script_header header;
	unsigned int head_end;  /* last line of the head */
	bool pending;           /* a line waits in lx */
	unsigned int depth;     /* of what is being parsed */
	unsigned int operators; /* of the expression that is being parsed */
	struct script_error *err;
	bool keep_comments;
	struct script_comment *comments, **last_comment;
	struct lexer lx;
	struct source src;
};

/* ---- names.c: what words there are ---- */

extern const struct script_verb script_verbs[];
extern const struct script_directive script_directives[];
extern const char script_message_form[];

/** script_name - the @i-th name of @kind, or NULL after the last. */
const char *script_name(const struct script_names *names, const char *kind, size_t i);

const struct script_verb *script_verb_by_word(const char *word);
const struct script_directive *script_directive_by_word(const char *word);
const struct script_function *script_function_by_word(const char *word);

/** script_reserved - whether @word cannot be a value: need-reply, with, ... */
bool script_reserved(const char *word);

/** script_listed - whether @word is one of the space separated @list. */
bool script_listed(const char *list, const char *word);

/** script_known - whether @word is a name of @kind; kinds that nobody lists know every word. */
bool script_known(const struct script *s, const char *kind, const char *word);

const struct vu_message_info *script_message(const struct script *s, enum vu_channel channel,
					     const char *name);
const struct vu_feature *script_feature(const struct script *s, const char *name);

/** script_value_of - value of a feature or constant: 0 or -ENOENT. */
int script_value_of(const struct script *s, const char *name, uint64_t *value);

enum vu_channel script_arrow_channel(enum script_arrow arrow);
bool script_arrow_is_reply(enum script_arrow arrow);
enum script_arrow script_arrow_by_text(const char *text);
const char *script_op_text(enum script_op op);
const char *script_subject_text(enum script_subject subject);

/* ---- nearest.c: the name that was meant ---- */

struct nearest {
	const char *word;
	const char *best;
	size_t distance;
};

void nearest_start(struct nearest *n, const char *word);
void nearest_try(struct nearest *n, const char *name);
void nearest_try_list(struct nearest *n, const char *list, char *room, size_t size);

/** script_nearest_to - script_nearest() that knows the draft of @s. */
const char *script_nearest_to(const struct script *s, const char *kind, const char *word);

/* ---- error.c ---- */

void script_error_set(struct script_error *err, struct script_pos pos, unsigned int width,
		      const char *format, ...) __attribute__((format(printf, 4, 5)));
void script_error_hint(struct script_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** script_fail - complain about the current token; -EINVAL. */
int script_fail(struct script *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** script_fail_at - complain about @width bytes at @pos; -EINVAL. */
int script_fail_at(struct script *s, struct script_pos pos, size_t width, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/** script_expected - complain that the current token is not @what; -EINVAL. */
int script_expected(struct script *s, const char *what, const char *form);

/** script_suggest - "did you mean" for the error just set, if @name is not NULL. */
void script_suggest(struct script *s, const char *name);

/* ---- tree.c: memory. Running out of it ends the program. ---- */

void *script_alloc(size_t size);
char *script_strndup(const char *text, size_t len);
struct script_expr *script_expr_new(enum script_expr_kind kind, struct script_pos pos);
void script_expr_add(struct script_expr *expr, struct script_expr *arg);
void script_expr_free(struct script_expr *expr);
struct script_stmt *script_stmt_new(enum script_kind kind, struct script_pos pos);

/** script_args_add - append to a list of arguments. The result is good until the next one. */
struct script_arg *script_args_add(struct script_arg **args, size_t *n, struct script_pos pos);
void script_flags_add(struct script_stmt *stmt, char *flag);
struct script_block *script_branch_add(struct script_stmt *stmt);
void script_block_add(struct script_block *block, struct script_stmt *stmt);
void script_list_add(struct script_list *list, char *item, struct script_pos pos);
void script_header_free(struct script_header *header);

/** script_open_at - script_open() that may keep comments and empty lines for the printer. */
struct script *script_open_at(const char *path, const struct script_names *names,
			      bool keep_comments, struct script_error *err);

/* ---- the parser itself: 0 (or a tree), -EINVAL (or NULL) with s->err ---- */

/** script_line_next - next line that holds something into s->lx: 1, 0 at the end, -EINVAL. */
int script_line_next(struct script *s);

/** script_keep_comment - keep the comment, or the empty line, that the current token is. */
void script_keep_comment(struct script *s);

/** script_line_end - the line has to be over here. */
int script_line_end(struct script *s, const char *form);

/** script_line_of - line @line of @text, or if that is NULL of the file @path. Free it. */
char *script_line_of(const char *path, const char *text, unsigned int line);

int script_parse_header(struct script *s);
int script_parse_stmt(struct script *s, struct script_stmt **stmt);
struct script_expr *script_parse_expr(struct script *s);

/** script_op_binds - how tightly binary operator @op binds, 0 if it is none. */
int script_op_binds(const char *op);

/** script_parse_leaf - the current token as a leaf of kind @kind, whatever it is. */
struct script_expr *script_parse_leaf(struct script *s, enum script_expr_kind kind);

/** script_starts_value - whether the current token can begin an expression. */
bool script_starts_value(const struct script *s);

/** script_parse_message - the rest of a line that begins with @arrow. */
int script_parse_message(struct script *s, struct script_stmt *stmt);

/** script_parse_verb - the arguments of @verb. */
int script_parse_verb(struct script *s, const struct script_verb *verb, struct script_stmt *stmt);

/** script_parse_option - `within`, `as`, `for`, `reads`, `violates`: 1 if it was one, 0 if not. */
int script_parse_option(struct script *s, struct script_stmt *stmt, unsigned int allows,
			const char *form);

/** script_is_identifier - whether the current token can be the name of a variable. */
bool script_is_identifier(const struct script *s);

/** script_parse_flag - the current token as a flag of @stmt. */
int script_parse_flag(struct script *s, struct script_stmt *stmt);

/** script_parse_compared - what a field is compared with or set to: `any`, hex:.., an expression. */
struct script_expr *script_parse_compared(struct script *s, enum script_op op);

/** script_parse_name - the current token, which has to be a name of @kind; NULL if it is not. */
char *script_parse_name(struct script *s, const char *kind, const char *form);

#endif
