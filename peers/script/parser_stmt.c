/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that begin with a word, as the table of verbs says; and the options that many share. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "parser.h"
#include "trace.h"

bool script_is_identifier(const struct script *s)
{
	char *word = lexer_text(&s->lx);
	bool fits = s->lx.tok.kind == TOKEN_WORD && !strpbrk(word, "-.[") && !script_reserved(word);

	free(word);
	return fits;
}

static bool is_clean(const char *word)
{
	return !word[strspn(word,
			    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+")];
}

char *script_parse_name(struct script *s, const char *kind, const char *form)
{
	char what[32], *word;

	snprintf(what, sizeof(what), "the name of a %s", kind);
	lexer_reread(&s->lx);
	if (s->lx.tok.kind != TOKEN_WORD) {
		script_expected(s, what, form);
		return NULL;
	}
	word = lexer_text(&s->lx);
	if (!is_clean(word)) {
		script_expected(s, what, form);
	} else if (!script_known(s, kind, word)) {
		script_fail(s, "unknown %s %s", kind, word);
		script_suggest(s, script_nearest_to(s, kind, word));
	} else {
		lexer_next(&s->lx);
		return word;
	}
	free(word);
	return NULL;
}

/* ---- options ---- */

static bool need(struct script *s, enum token_kind kind, const char *what, const char *form)
{
	if (s->lx.tok.kind == kind)
		return true;
	script_expected(s, what, form);
	return false;
}

static int parse_time(struct script *s, int64_t *ns, const char *form)
{
	lexer_next(&s->lx);
	if (!need(s, TOKEN_TIME, "a time (500ms, 2s)", form))
		return -EINVAL;
	*ns = (int64_t)s->lx.tok.number;
	lexer_next(&s->lx);
	return 1;
}

static int parse_text(struct script *s, enum token_kind kind, char **text, const char *what,
		      const char *form)
{
	lexer_next(&s->lx);
	if (!need(s, kind, what, form))
		return -EINVAL;
	*text = lexer_text(&s->lx);
	lexer_next(&s->lx);
	return 1;
}

static int parse_violates(struct script *s, char **clause)
{
	lexer_next(&s->lx);
	*clause = script_parse_name(s, "clause", "violates CLAUSE");
	return *clause ? 1 : -EINVAL;
}

static int refuse_option(struct script *s, const char *word, bool twice, const char *form)
{
	if (twice)
		return script_fail(s, "`%s` stands here twice", word);
	script_fail(s, "`%s` has no meaning here", word);
	script_error_hint(s->err, "usage: %s", form);
	return -EINVAL;
}

int script_parse_option(struct script *s, struct script_stmt *stmt, unsigned int allows,
			const char *form)
{
	const struct {
		const char *word;
		unsigned int bit;
		bool there;
	} options[] = {
		{ "within", ALLOWS_WITHIN, stmt->within != SCRIPT_NO_TIME },
		{ "for", NEEDS_FOR, stmt->window != SCRIPT_NO_TIME },
		{ "as", ALLOWS_AS, stmt->as != NULL },
		{ "reads", ALLOWS_JUDGING, stmt->reads != NULL },
		{ "violates", ALLOWS_JUDGING, stmt->violates != NULL },
	};
	size_t i = 0, n = sizeof(options) / sizeof(options[0]);

	while (i < n && !lexer_is(&s->lx, options[i].word))
		i++;
	if (i == n)
		return 0;
	if (options[i].there || !(allows & options[i].bit))
		return refuse_option(s, options[i].word, options[i].there, form);
	switch (i) {
	case 0:
		return parse_time(s, &stmt->within, form);
	case 1:
		return parse_time(s, &stmt->window, form);
	case 2:
		return parse_text(s, TOKEN_VAR, &stmt->as, "$name", form);
	case 3:
		return parse_text(s, TOKEN_STRING, &stmt->reads, "a reading in quotes",
				  "reads \"what this shows\"");
	default:
		return parse_violates(s, &stmt->violates);
	}
}

/* ---- places: what stands in a fixed order behind the verb ---- */

static struct script_expr *parse_literal(struct script *s, const char *word, const char *form)
{
	char what[16];

	if (lexer_is(&s->lx, word))
		return script_parse_leaf(s, EXPR_WORD);
	snprintf(what, sizeof(what), "`%s`", word);
	script_expected(s, what, form);
	return NULL;
}

static struct script_expr *parse_named(struct script *s, const char *kind, const char *form)
{
	struct script_expr *expr = script_expr_new(EXPR_WORD, lexer_pos(&s->lx));

	expr->text = script_parse_name(s, kind, form);
	if (expr->text)
		return expr;
	script_expr_free(expr);
	return NULL;
}

static struct script_expr *parse_identifier(struct script *s, const char *form)
{
	if (!need(s, TOKEN_WORD, "a name", form))
		return NULL;
	if (script_is_identifier(s))
		return script_parse_leaf(s, EXPR_WORD);
	script_expected(s, "a name of letters, digits and _", form);
	return NULL;
}

static struct script_expr *parse_arrow(struct script *s, const char *form)
{
	if (lexer_reread_arrow(&s->lx))
		return script_parse_leaf(s, EXPR_WORD);
	script_expected(s, "an arrow (-> <- <= =>)", form);
	return NULL;
}

static struct script_expr *parse_message_name(struct script *s, const char *form)
{
	struct script_expr *expr;

	if (!need(s, TOKEN_WORD, "the name of a message", form))
		return NULL;
	expr = script_parse_leaf(s, EXPR_WORD);
	if (script_message(s, VU_MAIN, expr->text) || script_message(s, VU_BACKEND, expr->text))
		return expr;
	script_fail_at(s, expr->pos, strlen(expr->text), "unknown message %s", expr->text);
	script_suggest(s, script_nearest_to(s, "message", expr->text));
	script_expr_free(expr);
	return NULL;
}

/* $x = EXPR becomes an argument named x. */
static struct script_expr *parse_binding(struct script *s, struct script_arg *arg, const char *form)
{
	if (!need(s, TOKEN_VAR, "$name", form))
		return NULL;
	arg->name = lexer_text(&s->lx);
	lexer_next(&s->lx);
	if (!lexer_is(&s->lx, "=")) {
		script_expected(s, "`=`", form);
		return NULL;
	}
	lexer_next(&s->lx);
	return script_parse_expr(s);
}

static struct script_expr *parse_token(struct script *s, enum token_kind token,
				       enum script_expr_kind kind, const char *what,
				       const char *form)
{
	return need(s, token, what, form) ? script_parse_leaf(s, kind) : NULL;
}

static struct script_expr *parse_value(struct script *s, const char *form)
{
	if (script_starts_value(s))
		return script_parse_expr(s);
	script_expected(s, "a value", form);
	return NULL;
}

static int parse_place(struct script *s, enum script_place place, struct script_stmt *stmt,
		       const char *form)
{
	struct script_arg *arg = script_args_add(&stmt->args, &stmt->nargs, lexer_pos(&s->lx));

	switch (place) {
	case PLACE_VALUE:
		arg->value = parse_value(s, form);
		break;
	case PLACE_VAR:
		arg->value = parse_token(s, TOKEN_VAR, EXPR_VAR, "$name", form);
		break;
	case PLACE_STRING:
		arg->value = parse_token(s, TOKEN_STRING, EXPR_STRING, "words in quotes", form);
		break;
	case PLACE_BYTES:
		arg->value = parse_token(s, TOKEN_BYTES, EXPR_BYTES, "hex:..", form);
		break;
	case PLACE_NAME:
		arg->value = parse_identifier(s, form);
		break;
	case PLACE_WORD:
		arg->value = parse_named(s, "command", form);
		break;
	case PLACE_KIND:
		arg->value = parse_named(s, "request", form);
		break;
	case PLACE_FRAGMENT:
		arg->value = parse_named(s, "fragment", form);
		break;
	case PLACE_ARROW:
		arg->value = parse_arrow(s, form);
		break;
	case PLACE_BINDING:
		arg->value = parse_binding(s, arg, form);
		break;
	case PLACE_UNTIL:
		arg->value = parse_literal(s, "until", form);
		break;
	case PLACE_MESSAGE:
		arg->value = parse_message_name(s, form);
		break;
	case PLACE_RING:
		arg->value = parse_literal(s, "ring", form);
		break;
	case PLACE_NONE:
		break;
	}
	return arg->value ? 0 : -EINVAL;
}

/* Whether an optional place is filled. */
static bool place_begins(const struct script *s, enum script_place place)
{
	enum script_op op;
	size_t len;

	if (place == PLACE_UNTIL)
		return lexer_is(&s->lx, "until");
	return place != PLACE_NONE && script_starts_value(s) && !lexer_key(&s->lx, &op, &len);
}

static int parse_places(struct script *s, const struct script_verb *verb, struct script_stmt *stmt)
{
	size_t i = 0;

	for (; i < SCRIPT_PLACES_MAX && verb->places[i]; i++) {
		if (i == verb->needed && !place_begins(s, verb->places[i]))
			return 0;
		if (parse_place(s, verb->places[i], stmt, verb->form))
			return -EINVAL;
	}
	while (verb->repeats && place_begins(s, verb->places[i - 1]))
		if (parse_place(s, verb->places[i - 1], stmt, verb->form))
			return -EINVAL;
	return 0;
}

/* ---- keys and flags ---- */

static int refuse_word(struct script *s, const struct script_verb *verb, const char *word,
		       const char *what)
{
	struct nearest n;
	char room[32];

	script_fail(s, "`%s` has no %s %s", verb->word, what, word);
	script_error_hint(s->err, "usage: %s", verb->form);
	nearest_start(&n, word);
	nearest_try_list(&n, verb->keys, room, sizeof(room));
	nearest_try_list(&n, verb->name_keys, room, sizeof(room));
	nearest_try_list(&n, verb->flags, room, sizeof(room));
	script_suggest(s, n.best);
	return -EINVAL;
}

static bool has_key(const struct script_stmt *stmt, const char *name, enum script_op op)
{
	for (size_t i = 0; i < stmt->nargs; i++)
		if (stmt->args[i].name && stmt->args[i].op == op &&
		    !strcmp(stmt->args[i].name, name))
			return true;
	return false;
}

static int check_key(struct script *s, const struct script_verb *verb,
		     const struct script_stmt *stmt, const char *name, enum script_op op)
{
	if (!(verb->allows & ALLOWS_ANY_KEY) && !script_listed(verb->keys, name) &&
	    !script_listed(verb->name_keys, name))
		return refuse_word(s, verb, name, "key");
	if (op != SCRIPT_EQ && !(verb->allows & ALLOWS_COMPARING))
		return script_fail(s, "%s can only be set here, with `=`", name);
	if (has_key(stmt, name, op))
		return script_fail(s, "%s is given twice", name);
	return 0;
}

static int parse_key(struct script *s, const struct script_verb *verb, struct script_stmt *stmt,
		     enum script_op op, size_t op_len)
{
	char *name = lexer_text(&s->lx);
	struct script_arg *arg;

	if (check_key(s, verb, stmt, name, op)) {
		free(name);
		return -EINVAL;
	}
	arg = script_args_add(&stmt->args, &stmt->nargs, lexer_pos(&s->lx));
	arg->name = name;
	arg->op = op;
	lexer_skip(&s->lx, op_len);
	if (script_listed(verb->name_keys, name))
		arg->value = parse_identifier(s, verb->form);
	else
		arg->value = script_parse_compared(s, op);
	return arg->value ? 0 : -EINVAL;
}

int script_parse_flag(struct script *s, struct script_stmt *stmt)
{
	char *word = lexer_text(&s->lx);

	for (size_t i = 0; i < stmt->nflags; i++) {
		if (!strcmp(stmt->flags[i], word)) {
			free(word);
			return script_fail(s, "`%s` stands here twice", stmt->flags[i]);
		}
	}
	script_flags_add(stmt, word);
	lexer_next(&s->lx);
	return 0;
}

static int parse_word(struct script *s, const struct script_verb *verb, struct script_stmt *stmt)
{
	char *word = lexer_text(&s->lx);
	int err = 0;

	if (script_listed(verb->flags, word))
		err = script_parse_flag(s, stmt);
	else if (verb->flags || verb->keys)
		err = refuse_word(s, verb, word, "word");
	else
		err = script_expected(s, "the end of the line", verb->form);
	free(word);
	return err;
}

static int parse_item(struct script *s, const struct script_verb *verb, struct script_stmt *stmt)
{
	int found = script_parse_option(s, stmt, verb->allows, verb->form);
	enum script_op op;
	size_t op_len;

	if (found)
		return found < 0 ? found : 0;
	if (lexer_key(&s->lx, &op, &op_len))
		return parse_key(s, verb, stmt, op, op_len);
	if (s->lx.tok.kind == TOKEN_WORD)
		return parse_word(s, verb, stmt);
	return script_expected(s, "the end of the line", verb->form);
}

/* What cannot be left out, though it has no fixed place. */
static int check_complete(struct script *s, const struct script_verb *verb,
			  const struct script_stmt *stmt)
{
	char key[32];

	if (verb->allows & NEEDS_AS && !stmt->as)
		return script_expected(s, "`as $name`", verb->form);
	if (verb->allows & NEEDS_FOR && stmt->window == SCRIPT_NO_TIME)
		return script_expected(s, "`for TIME`", verb->form);
	if (!(verb->allows & NEEDS_KEY) || has_key(stmt, verb->keys, SCRIPT_EQ))
		return 0;
	snprintf(key, sizeof(key), "`%s`", verb->keys);
	return script_expected(s, key, verb->form);
}

int script_parse_verb(struct script *s, const struct script_verb *verb, struct script_stmt *stmt)
{
	if (parse_places(s, verb, stmt))
		return -EINVAL;
	while (s->lx.tok.kind != TOKEN_END)
		if (parse_item(s, verb, stmt))
			return -EINVAL;
	return check_complete(s, verb, stmt);
}
