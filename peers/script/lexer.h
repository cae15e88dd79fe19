/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a scenario as tokens. */
#ifndef VRINGER_SCRIPT_LEXER_H
#define VRINGER_SCRIPT_LEXER_H

#include "script.h"

enum token_kind {
	TOKEN_END,    /* of the line, or where a comment begins */
	TOKEN_WORD,   /* GET_FEATURES, need-reply, regions[0].size */
	TOKEN_NUMBER, /* 12, 0x1f, 64K */
	TOKEN_TIME,   /* 500ms: nanoseconds in `number` */
	TOKEN_STRING, /* "..." */
	TOKEN_VAR,    /* $name */
	TOKEN_BYTES,  /* hex:0011 */
	TOKEN_OP,     /* | & ~ + - * / % << >> == != < <= > >= !& ( ) = , */
	TOKEN_BAD,    /* none of these; `complaint` says why */
};

struct token {
	enum token_kind kind;
	size_t start, end; /* in the line */
	uint64_t number;
	bool hex;
	const char *complaint;
};

struct lexer {
	const char *line;
	unsigned int lineno;
	struct token tok; /* the current one */
};

/** lexer_start - the first token of @line becomes the current one. */
void lexer_start(struct lexer *lx, const char *line, unsigned int lineno);

/** lexer_next - go on to the next token. */
void lexer_next(struct lexer *lx);

/**
 * lexer_reread - read the current token anew as all that stands up to the next
 * white space, where names are meant that are not the language's own.
 */
void lexer_reread(struct lexer *lx);

/** lexer_reread_arrow - read it anew as -> <- <= => ; false if it is none. */
bool lexer_reread_arrow(struct lexer *lx);

/** lexer_is - whether the current token is this operator or word. */
bool lexer_is(const struct lexer *lx, const char *text);

/**
 * lexer_key - whether the current token is a field or key: a word with an
 * operator (= != < <= > >= & !&) close behind it. Sets @op and @len, the
 * length of the operator.
 */
bool lexer_key(const struct lexer *lx, enum script_op *op, size_t *len);

/** lexer_skip - go on to the token @bytes behind the end of the current one. */
void lexer_skip(struct lexer *lx, size_t bytes);

struct script_pos lexer_pos(const struct lexer *lx);

/** lexer_text - what the current token says (strings without quotes, $name without $). Free it. */
char *lexer_text(const struct lexer *lx);

/** lexer_comment - where the comment of the line begins if the current token is the end, or NULL. */
const char *lexer_comment(const struct lexer *lx);

#endif
