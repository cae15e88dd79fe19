/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a scenario, said as a compiler would. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

#define SHOWN_MAX 160 /* bytes of a source line that are shown */

#define RED "\033[1;31m"
#define BOLD "\033[1m"
#define PLAIN "\033[0m"

#define DOTS "..."

/* A text that was cut ends with three dots, and never inside a character. */
static void format_text(char *text, size_t size, const char *format, va_list ap)
{
	size_t end = size - sizeof(DOTS);

	if (vsnprintf(text, size, format, ap) < (int)size)
		return;
	while (end && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	memcpy(text + end, DOTS, sizeof(DOTS));
}

static void set_error(struct script_error *err, struct script_pos pos, size_t width,
		      const char *format, va_list ap)
{
	err->pos = pos;
	err->width = (unsigned int)(width ? width : 1);
	err->hint[0] = '\0';
	format_text(err->text, sizeof(err->text), format, ap);
}

void script_error_set(struct script_error *err, struct script_pos pos, unsigned int width,
		      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_error(err, pos, width, format, ap);
	va_end(ap);
}

void script_error_hint(struct script_error *err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	format_text(err->hint, sizeof(err->hint), format, ap);
	va_end(ap);
}

int script_fail(struct script *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_error(s->err, lexer_pos(&s->lx), s->lx.tok.end - s->lx.tok.start, format, ap);
	va_end(ap);
	return -EINVAL;
}

int script_fail_at(struct script *s, struct script_pos pos, size_t width, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_error(s->err, pos, width, format, ap);
	va_end(ap);
	return -EINVAL;
}

int script_expected(struct script *s, const char *what, const char *form)
{
	const struct token *tok = &s->lx.tok;

	if (tok->kind == TOKEN_BAD)
		script_fail(s, "%s", tok->complaint);
	else if (tok->kind == TOKEN_END)
		script_fail(s, "expected %s, but the line ends here", what);
	else
		script_fail(s, "expected %s, not %.*s", what, (int)(tok->end - tok->start),
			    s->lx.line + tok->start);
	if (form)
		script_error_hint(s->err, "usage: %s", form);
	return -EINVAL;
}

void script_suggest(struct script *s, const char *name)
{
	if (name)
		script_error_hint(s->err, "did you mean %s?", name);
}

/* Bytes of @text that are shown: whole characters only. */
static size_t shown(const char *text)
{
	size_t len = strlen(text), end = SHOWN_MAX;

	if (len <= SHOWN_MAX)
		return len;
	while (end && ((unsigned char)text[end] & 0xc0) == 0x80)
		end--;
	return end;
}

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The caret line repeats the tabs of the line above it, so that it stands right. */
static void print_caret(FILE *out, const char *line, const struct script_error *err)
{
	size_t len = shown(line), at = err->pos.col - 1, i;

	for (i = 0; i < at && i < len; i++)
		if (!continues_character(line[i]))
			putc(line[i] == '\t' ? '\t' : ' ', out);
	putc('^', out);
	for (i = at + 1; i < at + err->width && i < len; i++)
		if (!continues_character(line[i]))
			putc('~', out);
}

static void print_source(FILE *out, const char *line, const struct script_error *err, bool colour)
{
	fprintf(out, "  %5u | ", err->pos.line);
	for (size_t i = 0; i < shown(line); i++)
		putc(iscntrl((unsigned char)line[i]) && line[i] != '\t' ? '?' : line[i], out);
	putc('\n', out);
	if (err->pos.col > shown(line) + 1)
		return;
	fprintf(out, "        | %s", colour ? RED : "");
	print_caret(out, line, err);
	fprintf(out, "%s\n", colour ? PLAIN : "");
}

void script_print_error(FILE *out, const struct script *s, const char *path,
			const struct script_error *err, bool colour)
{
	char *line = s ? script_line(s, err->pos.line) : script_line_of(path, NULL, err->pos.line);

	fprintf(out, "%s%s:", colour ? BOLD : "", path);
	if (err->pos.line)
		fprintf(out, "%u:%u:", err->pos.line, err->pos.col);
	fprintf(out, " %serror:%s %s\n", colour ? RED : "", colour ? PLAIN : "", err->text);
	if (line)
		print_source(out, line, err, colour);
	if (err->hint[0])
		fprintf(out, "  hint: %s\n", err->hint);
	free(line);
}
