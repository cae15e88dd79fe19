/* SPDX-License-Identifier: Apache-2.0 */
/* One line of a scenario as tokens. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "lexer.h"
#include "parser.h"
#include "wire/deadline.h"

#define DAY_NS (86400 * VU_NSEC_PER_SEC)

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static bool is_lower(char c)
{
	return islower((unsigned char)c) || isdigit((unsigned char)c);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void bad(struct token *tok, size_t end, const char *complaint)
{
	tok->kind = TOKEN_BAD;
	tok->end = end;
	tok->complaint = complaint;
}

static size_t name_end(const char *line, size_t at)
{
	while (is_name(line[at]))
		at++;
	return at;
}

/* "[3]" behind a field name. */
static size_t index_end(const char *line, size_t at)
{
	size_t end = at + 1;

	while (isdigit((unsigned char)line[end]))
		end++;
	return end > at + 1 && line[end] == ']' ? end + 1 : at;
}

/* Dashes belong to words in lower case only: LOG_ALL-1 is a subtraction, need-reply is a word. */
static bool word_goes_on(const char *at, bool lower)
{
	if (at[0] == '.')
		return is_name_start(at[1]);
	return at[0] == '-' && lower && is_lower(at[-1]) && is_lower(at[1]);
}

static void lex_word(const char *line, struct token *tok)
{
	size_t at = name_end(line, tok->start);
	bool lower = islower((unsigned char)line[tok->start]) != 0;

	tok->kind = TOKEN_WORD;
	for (;;) {
		size_t next = at;

		if (line[at] == '[')
			next = index_end(line, at);
		else if (word_goes_on(line + at, lower))
			next = name_end(line, at + 1);
		if (next == at)
			break;
		at = next;
	}
	tok->end = at;
}

static bool multiply(uint64_t *number, uint64_t by)
{
	return !__builtin_mul_overflow(*number, by, number);
}

/* What stands behind the digits: nothing, a size or a time. */
static void lex_suffix(const char *line, struct token *tok, size_t at)
{
	static const struct {
		uint64_t factor;
		char text[4];
		bool time;
	} units[] = {
		{ 1, "", false },
		{ 1 << 10, "K", false },
		{ 1 << 20, "M", false },
		{ 1 << 30, "G", false },
		{ 1, "ns", true },
		{ 1000, "us", true },
		{ VU_NSEC_PER_MSEC, "ms", true },
		{ VU_NSEC_PER_SEC, "s", true },
	};
	size_t end = name_end(line, at);

	tok->end = end;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strlen(units[i].text) != end - at ||
		    memcmp(units[i].text, line + at, end - at) != 0)
			continue;
		tok->kind = units[i].time ? TOKEN_TIME : TOKEN_NUMBER;
		if (!multiply(&tok->number, units[i].factor))
			bad(tok, end, "this number does not fit into 64 bits");
		else if (units[i].time && tok->number > DAY_NS)
			bad(tok, end, "this is longer than a day");
		return;
	}
	bad(tok, end, "this is neither a number (12, 0x1f, 64K) nor a time (500ms, 2s)");
}

static void lex_number(const char *line, struct token *tok)
{
	size_t at = tok->start, digits;
	unsigned int base = 10;
	bool fits = true;

	if (line[at] == '0' && (line[at + 1] == 'x' || line[at + 1] == 'X')) {
		tok->hex = true;
		base = 16;
		at += 2;
	}
	for (digits = at;
	     base == 16 ? isxdigit((unsigned char)line[at]) : isdigit((unsigned char)line[at]);
	     at++) {
		char c = line[at];
		unsigned int digit =
			(unsigned int)(isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);

		fits = fits && multiply(&tok->number, base) &&
		       !__builtin_add_overflow(tok->number, digit, &tok->number);
	}
	if (!fits)
		bad(tok, name_end(line, at), "this number does not fit into 64 bits");
	else if (at == digits || (tok->hex && is_name(line[at])))
		bad(tok, name_end(line, at), "this is not a hexadecimal number");
	else
		lex_suffix(line, tok, at);
}

static void lex_string(const char *line, struct token *tok)
{
	size_t at = tok->start + 1;

	for (; line[at] && line[at] != '"'; at++) {
		if (line[at] != '\\')
			continue;
		if (!line[at + 1] || !strchr("\"\\nt", line[at + 1])) {
			bad(tok, at + 1, "only \\\" \\\\ \\n and \\t are known behind a backslash");
			return;
		}
		at++;
	}
	if (!line[at]) {
		bad(tok, at, "this string has no end");
		return;
	}
	tok->kind = TOKEN_STRING;
	tok->end = at + 1;
}

static void lex_var(const char *line, struct token *tok)
{
	if (!is_name_start(line[tok->start + 1])) {
		bad(tok, tok->start + 1, "a name has to follow $");
		return;
	}
	tok->kind = TOKEN_VAR;
	tok->end = name_end(line, tok->start + 1);
}

static void lex_bytes(const char *line, struct token *tok)
{
	size_t at = tok->start + 4;

	while (isxdigit((unsigned char)line[at]))
		at++;
	tok->kind = TOKEN_BYTES;
	tok->end = at;
	if (is_name(line[at]) || (at - tok->start) % 2)
		bad(tok, name_end(line, at), "hex: wants pairs of hexadecimal digits");
}

static void lex_op(const char *line, struct token *tok)
{
	static const char twos[][3] = { "<<", ">>", "==", "!=", "<=", ">=", "!&" };
	char c = line[tok->start];

	tok->kind = TOKEN_OP;
	for (size_t i = 0; i < sizeof(twos) / sizeof(twos[0]); i++) {
		if (!strncmp(line + tok->start, twos[i], 2)) {
			tok->end = tok->start + 2;
			return;
		}
	}
	tok->end = tok->start + 1;
	if (strchr("|&~+-*/%<>()=,", c))
		return;
	while (((unsigned char)line[tok->end] & 0xc0) == 0x80)
		tok->end++;
	bad(tok, tok->end, "this character has no meaning here");
}

static void lex(struct lexer *lx, size_t at)
{
	const char *line = lx->line;
	struct token *tok = &lx->tok;

	while (is_space(line[at]))
		at++;
	*tok = (struct token){ .kind = TOKEN_END, .start = at, .end = at };
	if (!line[at] || line[at] == '#')
		return;
	if (!strncmp(line + at, "hex:", 4))
		lex_bytes(line, tok);
	else if (is_name_start(line[at]))
		lex_word(line, tok);
	else if (isdigit((unsigned char)line[at]))
		lex_number(line, tok);
	else if (line[at] == '"')
		lex_string(line, tok);
	else if (line[at] == '$')
		lex_var(line, tok);
	else
		lex_op(line, tok);
}

void lexer_start(struct lexer *lx, const char *line, unsigned int lineno)
{
	lx->line = line;
	lx->lineno = lineno;
	lex(lx, 0);
}

void lexer_next(struct lexer *lx)
{
	lex(lx, lx->tok.end);
}

void lexer_skip(struct lexer *lx, size_t bytes)
{
	lex(lx, lx->tok.end + bytes);
}

void lexer_reread(struct lexer *lx)
{
	size_t at = lx->tok.start;

	if (lx->tok.kind == TOKEN_END)
		return;
	while (lx->line[at] && !is_space(lx->line[at]))
		at++;
	lx->tok = (struct token){ .kind = TOKEN_WORD, .start = lx->tok.start, .end = at };
}

bool lexer_reread_arrow(struct lexer *lx)
{
	const char *s = lx->line + lx->tok.start;

	if (strncmp(s, "->", 2) != 0 && strncmp(s, "<-", 2) != 0 && strncmp(s, "<=", 2) != 0 &&
	    strncmp(s, "=>", 2) != 0)
		return false;
	lx->tok = (struct token){ .kind = TOKEN_OP,
				  .start = lx->tok.start,
				  .end = lx->tok.start + 2 };
	return true;
}

bool lexer_is(const struct lexer *lx, const char *text)
{
	const struct token *tok = &lx->tok;
	size_t len = strlen(text);

	return (tok->kind == TOKEN_WORD || tok->kind == TOKEN_OP) && tok->end - tok->start == len &&
	       !memcmp(lx->line + tok->start, text, len);
}

bool lexer_key(const struct lexer *lx, enum script_op *op, size_t *len)
{
	static const struct {
		const char *text;
		enum script_op op;
	} ops[] = {
		/* the longer ones first */
		{ "!=", SCRIPT_NE }, { "!&", SCRIPT_LACKS }, { "<=", SCRIPT_LE },
		{ ">=", SCRIPT_GE }, { "=", SCRIPT_EQ },     { "<", SCRIPT_LT },
		{ ">", SCRIPT_GT },  { "&", SCRIPT_HAS },
	};

	if (lx->tok.kind != TOKEN_WORD)
		return false;
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		*len = strlen(ops[i].text);
		*op = ops[i].op;
		if (!strncmp(lx->line + lx->tok.end, ops[i].text, *len))
			return true;
	}
	return false;
}

struct script_pos lexer_pos(const struct lexer *lx)
{
	return (struct script_pos){ lx->lineno, (unsigned int)lx->tok.start + 1 };
}

static char *unescape(const char *s, size_t len)
{
	char *text = script_alloc(len + 1), *out = text;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '\\') {
			*out++ = s[i];
			continue;
		}
		i++;
		*out++ = s[i] == 'n' ? '\n' : s[i] == 't' ? '\t' : s[i];
	}
	return text;
}

char *lexer_text(const struct lexer *lx)
{
	const struct token *tok = &lx->tok;
	const char *s = lx->line + tok->start;
	size_t len = tok->end - tok->start;

	switch (tok->kind) {
	case TOKEN_STRING:
		return unescape(s + 1, len - 2);
	case TOKEN_VAR:
		return script_strndup(s + 1, len - 1);
	case TOKEN_BYTES:
		return script_strndup(s + 4, len - 4);
	default:
		return script_strndup(s, len);
	}
}

const char *lexer_comment(const struct lexer *lx)
{
	const char *s = lx->line + lx->tok.start;

	return lx->tok.kind == TOKEN_END && *s == '#' ? s : NULL;
}
