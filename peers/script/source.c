/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a scenario, one at a time: constant memory, and no line that is not clean text. */
#include <errno.h>
#include <string.h>

#include "parser.h"
#include "source.h"

int source_open(struct source *src, const char *path)
{
	memset(src, 0, offsetof(struct source, buf));
	src->file = fopen(path, "re");
	return src->file ? 0 : -errno;
}

void source_open_text(struct source *src, const char *text)
{
	memset(src, 0, offsetof(struct source, buf));
	src->text = src->at = text;
}

void source_close(struct source *src)
{
	if (src->file)
		fclose(src->file);
	src->file = NULL;
}

int source_rewind(struct source *src)
{
	if (src->file && fseek(src->file, 0, SEEK_SET))
		return -errno;
	src->at = src->text;
	src->line = 0;
	return 0;
}

static int next_byte(struct source *src)
{
	if (src->file)
		return getc_unlocked(src->file);
	return *src->at ? (unsigned char)*src->at++ : EOF;
}

static int fail_at(const struct source *src, struct script_error *err, size_t at, const char *text)
{
	script_error_set(err, (struct script_pos){ src->line, (unsigned int)at + 1 }, 1, "%s",
			 text);
	return -EINVAL;
}

/* Length of the UTF-8 sequence at @s, 0 if it is none. The text ends with NUL. */
static size_t utf8_length(const unsigned char *s)
{
	static const unsigned char first_low[] = { [0xe0] = 0xa0, [0xf0] = 0x90 };
	static const unsigned char first_high[] = { [0xed] = 0x9f, [0xf4] = 0x8f };
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	if (len < 2)
		return len;
	if (s[0] < sizeof(first_low) && s[1] < first_low[s[0]])
		return 0;
	if (s[0] < sizeof(first_high) && first_high[s[0]] && s[1] > first_high[s[0]])
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static int check_line(const struct source *src, struct script_error *err)
{
	const unsigned char *s = (const unsigned char *)src->buf;
	size_t i = 0;

	while (i < src->len) {
		size_t n = utf8_length(s + i);

		if (!n)
			return fail_at(src, err, i, "this is not UTF-8");
		if (!s[i])
			return fail_at(src, err, i, "there is a NUL byte in this line");
		if ((s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return fail_at(src, err, i, "there is a control character in this line");
		i += n;
	}
	return 1;
}

int source_next(struct source *src, struct script_error *err)
{
	int c = next_byte(src);

	if (c == EOF && !(src->file && ferror(src->file)))
		return 0;
	src->line++;
	for (src->len = 0; c != EOF && c != '\n'; c = next_byte(src)) {
		src->buf[src->len] = '\0';
		if (src->len == SOURCE_LINE_MAX)
			return fail_at(src, err, src->len - 1, "this line is longer than 64 KiB");
		src->buf[src->len++] = (char)c;
	}
	if (src->file && ferror(src->file)) {
		script_error_set(err, (struct script_pos){ 0, 0 }, 0, "%s", strerror(errno));
		return -EIO;
	}
	if (src->len && src->buf[src->len - 1] == '\r')
		src->len--;
	src->buf[src->len] = '\0';
	return check_line(src, err);
}
