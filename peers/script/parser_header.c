/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a scenario: one directive a line, up to the first empty line. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"

#define EDITION_MAX 16

/* What has been seen, by the place of the directive in the table. */
struct head {
	unsigned int seen;
	struct script_pos draft;
};

/* The rest of the line as it stands; comments have no place behind a text. */
static int parse_text(struct script *s, const struct script_directive *d, char **text)
{
	const char *rest = s->lx.line + s->lx.tok.start;
	size_t len = strlen(rest);

	while (len && strchr(" \t", rest[len - 1]))
		len--;
	if (!len)
		return script_expected(s, "a text", d->form);
	*text = script_strndup(rest, len);
	s->lx.tok = (struct token){ .kind = TOKEN_END, .start = s->lx.tok.start + strlen(rest) };
	return 0;
}

static bool listed(const struct script_list *list, const char *word)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->items[i], word))
			return true;
	return false;
}

static int add_name(struct script *s, struct script_list *list, const char *kind, const char *form)
{
	struct script_pos pos = lexer_pos(&s->lx);
	char *word = script_parse_name(s, kind, form);
	int err = 0;

	if (!word)
		return -EINVAL;
	if (listed(list, word)) {
		err = script_fail_at(s, pos, strlen(word), "%s is named twice", word);
		free(word);
		return err;
	}
	script_list_add(list, word, pos);
	return 0;
}

static int parse_list(struct script *s, const struct script_directive *d, struct script_list *list,
		      const char *kind)
{
	do {
		if (add_name(s, list, kind, d->form))
			return -EINVAL;
	} while (s->lx.tok.kind != TOKEN_END);
	return 0;
}

/* A fragment may have no parameters. They become variables. */
static int parse_params(struct script *s, const struct script_directive *d)
{
	s->header.fragment = true;
	while (s->lx.tok.kind != TOKEN_END) {
		if (!script_is_identifier(s))
			return script_expected(s, "the name of a parameter", d->form);
		if (add_name(s, &s->header.params, "parameter", d->form))
			return -EINVAL;
	}
	return 0;
}

static int parse_count(struct script *s, const struct script_directive *d, unsigned int *count)
{
	const struct token *tok = &s->lx.tok;

	if (tok->kind != TOKEN_NUMBER || !tok->number || tok->number > 65535)
		return script_expected(s, "a number from 1 to 65535", d->form);
	*count = (unsigned int)tok->number;
	lexer_next(&s->lx);
	return 0;
}

static int parse_subject(struct script *s, const struct script_directive *d)
{
	if (lexer_is(&s->lx, "back-end"))
		s->header.subject = SUBJECT_BACKEND;
	else if (lexer_is(&s->lx, "front-end"))
		s->header.subject = SUBJECT_FRONTEND;
	else
		return script_expected(s, "back-end or front-end", d->form);
	lexer_next(&s->lx);
	return 0;
}

/* ---- editions ---- */

/* "11.1": as many digits, a dot, digits. NULL if @text is none. */
static char *edition(const char *text, size_t len)
{
	size_t major = strspn(text, "0123456789");
	size_t minor = text[major] == '.' ? strspn(text + major + 1, "0123456789") : 0;

	if (!major || !minor || major + 1 + minor != len || len > EDITION_MAX)
		return NULL;
	return script_strndup(text, len);
}

static bool later(const char *a, const char *b)
{
	unsigned long major_a = strtoul(a, NULL, 10), major_b = strtoul(b, NULL, 10);

	if (major_a != major_b)
		return major_a > major_b;
	return strtoul(strchr(a, '.') + 1, NULL, 10) > strtoul(strchr(b, '.') + 1, NULL, 10);
}

static int parse_spec(struct script *s, const struct script_directive *d)
{
	struct script_header *h = &s->header;
	const char *text, *dots;
	size_t len;

	lexer_reread(&s->lx);
	text = s->lx.line + s->lx.tok.start;
	len = s->lx.tok.end - s->lx.tok.start;
	dots = memmem(text, len, "..", 2);
	if (!dots || len == 2)
		return script_expected(s, "a range of editions", d->form);
	h->since = edition(text, (size_t)(dots - text));
	h->until = edition(dots + 2, len - (size_t)(dots + 2 - text));
	if ((!h->since && dots > text) || (!h->until && dots + 2 < text + len))
		return script_expected(s, "a range of editions", d->form);
	if (h->since && h->until && later(h->since, h->until))
		return script_fail(s, "this range of editions ends before it begins");
	lexer_next(&s->lx);
	return 0;
}

/* ---- directives ---- */

static int parse_word(struct script *s, const struct script_directive *d, const char *kind,
		      char **word)
{
	*word = script_parse_name(s, kind, d->form);
	return *word ? 0 : -EINVAL;
}

static int parse_directive(struct script *s, const struct script_directive *d)
{
	struct script_header *h = &s->header;
	const struct {
		const char *word;
		struct script_list *list;
		const char *kind;
		char **text, **name;
		unsigned int *count;
	} members[] = {
		{ "title", .text = &h->title },
		{ "checks", .list = &h->checks, .kind = "clause" },
		{ "needs", .list = &h->needs, .kind = "feature" },
		{ "without", .list = &h->without, .kind = "feature" },
		{ "device", .list = &h->device, .kind = "device" },
		{ "queues", .count = &h->queues },
		{ "version", .count = &h->version },
		{ "tentative", .text = &h->tentative },
		{ "window", .text = &h->window },
		{ "draft", .name = &h->draft, .kind = "draft" },
		{ "trigger", .name = &h->trigger, .kind = "trigger" },
		{ "alias", .list = &h->alias, .kind = "alias" },
	};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (strcmp(members[i].word, d->word) != 0)
			continue;
		if (members[i].text)
			return parse_text(s, d, members[i].text);
		if (members[i].list)
			return parse_list(s, d, members[i].list, members[i].kind);
		if (members[i].count)
			return parse_count(s, d, members[i].count);
		return parse_word(s, d, members[i].kind, members[i].name);
	}
	if (!strcmp(d->word, "subject"))
		return parse_subject(s, d);
	return !strcmp(d->word, "spec") ? parse_spec(s, d) : parse_params(s, d);
}

static int unknown_directive(struct script *s)
{
	char *word = s->lx.tok.kind == TOKEN_WORD ? lexer_text(&s->lx) : NULL;
	bool statement = !word || script_verb_by_word(word) || !strcmp(word, "either");

	if (!word)
		script_expected(s, "a directive", NULL);
	else
		script_fail(s, "unknown directive %s", word);
	if (statement)
		script_error_hint(s->err,
				  "an empty line has to stand between the head and the statements");
	else
		script_suggest(s, script_nearest_to(s, "directive", word));
	free(word);
	return -EINVAL;
}

static int parse_line(struct script *s, struct head *head)
{
	const struct script_directive *d;
	unsigned int bit;
	char *word;

	if (s->lx.tok.kind != TOKEN_WORD)
		return unknown_directive(s);
	word = lexer_text(&s->lx);
	d = script_directive_by_word(word);
	free(word);
	if (!d)
		return unknown_directive(s);
	bit = 1U << (d - script_directives);
	if (head->seen & bit && !d->repeats)
		return script_fail(s, "`%s` stands here twice", d->word);
	head->seen |= bit;
	if (!strcmp(d->word, "draft"))
		head->draft = lexer_pos(&s->lx);
	lexer_next(&s->lx);
	return parse_directive(s, d) ? -EINVAL : script_line_end(s, d->form);
}

/* ---- when all of it is known ---- */

static int check_features(struct script *s, const struct script_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *name = list->items[i];
		const struct vu_feature *feature = script_feature(s, name);

		if (feature && feature->kind != VU_VRING_FLAG)
			continue;
		script_fail_at(s, list->pos[i], strlen(name), "unknown feature %s", name);
		script_suggest(s, script_nearest_to(s, "feature", name));
		return -EINVAL;
	}
	for (size_t i = 0; i < list->n; i++)
		if (list != &s->header.needs && listed(&s->header.needs, list->items[i]))
			return script_fail_at(s, list->pos[i], strlen(list->items[i]),
					      "%s is both needed and left out", list->items[i]);
	return 0;
}

static int missing(struct script *s, const char *word)
{
	script_fail_at(s, (struct script_pos){ 1, 1 }, 1, "the head has no `%s`", word);
	script_error_hint(s->err, "usage: %s", script_directive_by_word(word)->form);
	return -EINVAL;
}

static int check_fragment(struct script *s, const struct head *head)
{
	for (size_t i = 0; script_directives[i].word; i++)
		if (head->seen & 1U << i && !script_directives[i].in_fragment)
			return script_fail_at(s, (struct script_pos){ 1, 1 }, 1,
					      "a fragment has no `%s`", script_directives[i].word);
	return 0;
}

static int check_head(struct script *s, const struct head *head)
{
	struct script_header *h = &s->header;

	if (h->draft) {
		s->draft = vu_draft_by_name(h->draft);
		if (!s->draft)
			return script_fail_at(s, head->draft, 5, "unknown draft %s", h->draft);
	}
	if (h->fragment)
		return check_fragment(s, head);
	if (!h->title)
		return missing(s, "title");
	if (h->subject == SUBJECT_NONE)
		return missing(s, "subject");
	return check_features(s, &h->needs) ? -EINVAL : check_features(s, &h->without);
}

int script_parse_header(struct script *s)
{
	struct head head = { .seen = 0 };
	int more;

	s->header.queues = 1;
	s->header.version = 1;
	while ((more = source_next(&s->src, s->err)) > 0) {
		lexer_start(&s->lx, s->src.buf, s->src.line);
		if (s->lx.tok.kind == TOKEN_END) {
			script_keep_comment(s);
			if (head.seen && !lexer_comment(&s->lx))
				break;
			continue;
		}
		if (parse_line(s, &head))
			return -EINVAL;
	}
	s->head_end = s->src.line;
	return more < 0 ? -EINVAL : check_head(s, &head);
}
