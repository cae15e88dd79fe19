/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario's head and what it uses, as JSON, for those who choose among scenarios. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "describe.h"
#include "parser.h"
#include "trace.h"

/* Paths are not always UTF-8, JSON is. */
static json_t *text(const char *s)
{
	json_t *string = s ? json_string(s) : json_null();

	return string ? string : json_string("?");
}

static json_t *list(const struct script_list *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(array, text(l->items[i]));
	return array;
}

/* The path below the last "scenarios/", without ".vus". */
static json_t *id_of(const char *path)
{
	static const char root[] = "scenarios/", ending[] = ".vus";
	size_t len;
	json_t *id;
	char *copy;

	for (const char *at = path; (at = strstr(at, root)); at++)
		if (at == path || at[-1] == '/')
			path = at + strlen(root);
	len = strlen(path);
	if (len > strlen(ending) && !strcmp(path + len - strlen(ending), ending))
		len -= strlen(ending);
	copy = script_strndup(path, len);
	id = text(copy);
	free(copy);
	return id;
}

static void describe_header(json_t *o, const struct script_header *h)
{
	json_object_set_new(o, "title", text(h->title));
	json_object_set_new(o, "subject",
			    text(h->subject ? script_subject_text(h->subject) : NULL));
	json_object_set_new(o, "fragment", json_boolean(h->fragment));
	json_object_set_new(o, "params", list(&h->params));
	json_object_set_new(o, "checks", list(&h->checks));
	json_object_set_new(o, "needs", list(&h->needs));
	json_object_set_new(o, "without", list(&h->without));
	json_object_set_new(o, "device", list(&h->device));
	json_object_set_new(o, "queues", json_integer(h->queues));
	json_object_set_new(o, "since", text(h->since));
	json_object_set_new(o, "until", text(h->until));
	json_object_set_new(o, "version", json_integer(h->version));
	json_object_set_new(o, "tentative", text(h->tentative));
	json_object_set_new(o, "window", text(h->window));
	json_object_set_new(o, "draft", text(h->draft));
	json_object_set_new(o, "trigger", text(h->trigger));
	json_object_set_new(o, "alias", list(&h->alias));
}

/* ---- what the statements use ---- */

static void add_once(json_t *array, const char *word)
{
	size_t i;
	json_t *item;

	json_array_foreach(array, i, item) if (!strcmp(json_string_value(item), word)) return;
	json_array_append_new(array, text(word));
}

static void describe_stmt(json_t *o, const struct script_stmt *stmt)
{
	bool message = stmt->kind == STMT_MESSAGE;

	add_once(json_object_get(o, "constructs"),
		 message ? script_arrow_text(stmt->arrow) : stmt->word);
	if (stmt->within != SCRIPT_NO_TIME)
		add_once(json_object_get(o, "constructs"), "within");
	if (!message && !strcmp(stmt->word, "use"))
		add_once(json_object_get(o, "uses"), stmt->args[0].value->text);
	for (size_t i = 0; i < stmt->nbranches; i++)
		for (size_t k = 0; k < stmt->branches[i].nstmts; k++)
			describe_stmt(o, stmt->branches[i].stmts[k]);
}

static int describe_stmts(json_t *o, struct script *s, struct script_error *err)
{
	struct script_stmt *stmt;
	int more;

	while ((more = script_next(s, &stmt, err)) > 0) {
		describe_stmt(o, stmt);
		script_stmt_free(stmt);
	}
	return more;
}

static json_t *describe_error(const struct script_error *err)
{
	json_t *o = json_object();

	json_object_set_new(o, "line", json_integer(err->pos.line));
	json_object_set_new(o, "col", json_integer(err->pos.col));
	json_object_set_new(o, "text", text(err->text));
	json_object_set_new(o, "hint", text(err->hint[0] ? err->hint : NULL));
	return o;
}

int script_describe(FILE *out, const char *path, const struct script_names *names)
{
	static const struct script_header nothing = { .queues = 1, .version = 1 };
	struct script_error err;
	struct script *s = script_open(path, names, &err);
	json_t *o = json_object();
	int failed = s ? 0 : -EINVAL;

	json_object_set_new(o, "path", text(path));
	json_object_set_new(o, "id", id_of(path));
	describe_header(o, s ? script_header(s) : &nothing);
	json_object_set_new(o, "uses", json_array());
	json_object_set_new(o, "constructs", json_array());
	if (s)
		failed = describe_stmts(o, s, &err);
	json_object_set_new(o, "error", failed ? describe_error(&err) : json_null());
	json_dumpf(o, out, JSON_COMPACT);
	putc('\n', out);
	json_decref(o);
	script_close(s);
	return failed;
}
