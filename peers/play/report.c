/* SPDX-License-Identifier: Apache-2.0 */
/* Events as JSON Lines, and the chart for people. */
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "play/report.h"
#include "script/trace.h"

#define LINE_MAX_TEXT 4096

static double elapsed_ms(const struct report *r)
{
	return (double)(vu_now() - r->started) / 1e6;
}

static void emit(struct report *r, json_t *event)
{
	if (r->events && event) {
		json_object_set_new(event, "t", json_integer(vu_now() - r->started));
		json_dumpf(event, r->events, JSON_COMPACT | JSON_SORT_KEYS);
		fputc('\n', r->events);
		fflush(r->events);
	}
	json_decref(event);
}

__attribute__((format(printf, 3, 4))) static void chart(struct report *r, const char *colour,
							const char *format, ...)
{
	va_list args;

	if (!r->chart)
		return;
	fprintf(r->chart, "%9.3f  %s", elapsed_ms(r), r->colour ? colour : "");
	va_start(args, format);
	vfprintf(r->chart, format, args);
	va_end(args);
	fprintf(r->chart, "%s\n", r->colour && *colour ? "\033[0m" : "");
}

void report_start(struct report *r, const char *scenario, const char *device)
{
	r->started = vu_now();
	emit(r, json_pack("{s:s, s:s, s:s}", "event", "start", "scenario", scenario, "device",
			  device));
}

static void as_on_the_wire(struct vu_message *msg, const struct vu_forge *forge)
{
	if (forge && forge->set_request)
		msg->request = forge->request;
	if (forge && forge->set_flags)
		msg->flags = forge->flags;
	if (forge && forge->set_size)
		msg->size = forge->size;
}

void report_message(struct report *r, const struct vu_message *msg, bool sent,
		    const struct vu_forge *forge)
{
	char text[LINE_MAX_TEXT];
	struct vu_message *wire;

	if (!r->events && !r->chart)
		return;
	wire = malloc(sizeof(*wire));
	if (!wire)
		return;
	*wire = *msg;
	script_format_message(text, sizeof(text), script_arrow_of(wire), wire);
	as_on_the_wire(wire, forge);
	chart(r, sent ? "" : "\033[36m", "%s", text);
	if (r->events)
		emit(r,
		     json_pack("{s:s, s:s, s:s, s:b, s:i, s:i, s:I, s:I, s:I, s:i}", "event",
			       "message", "channel", wire->channel == VU_MAIN ? "main" : "back-end",
			       "text", text, "sent", sent, "line", sent ? (int)r->line : 0, "fds",
			       (int)wire->nfds, "request", (json_int_t)wire->request, "flags",
			       (json_int_t)wire->flags, "size", (json_int_t)wire->size, "bytes",
			       (int)wire->len));
	free(wire);
}

void report_statement(struct report *r, const struct script *s, const struct script_stmt *stmt)
{
	char *text = NULL;
	size_t size;
	FILE *f;

	r->script = s;
	r->line = stmt->pos.line;
	if (!r->chart || stmt->kind != STMT_VERB)
		return;
	f = open_memstream(&text, &size);
	if (!f)
		return;
	script_print_stmt(f, stmt, 0);
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	chart(r, "\033[2m", "   %s", text);
	free(text);
}

void report_breach(struct report *r, const struct vu_breach *b)
{
	chart(r, "\033[31m", "!! %s: %s", b->clause, b->text);
	emit(r, json_pack("{s:s, s:s, s:s, s:s}", "event", "breach", "clause", b->clause, "by",
			  b->by == VU_FRONTEND ? "front-end" : "back-end", "text", b->text));
}

void report_reading(struct report *r, const char *reading)
{
	chart(r, "\033[33m", "=> reading: %s", reading);
	emit(r, json_pack("{s:s, s:s}", "event", "reading", "text", reading));
}

void report_subject(struct report *r, const char *what, const char *text)
{
	chart(r, "\033[2m", "** %s", text);
	emit(r, json_pack("{s:s, s:s, s:s}", "event", "subject", "state", what, "text", text));
}

static json_t *strings(char *const *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_string(list[i]));
	return array;
}

static json_t *breaches(const struct report_ending *end)
{
	json_t *array = json_array();

	for (size_t i = 0; i < end->nbreaches; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:s}", "clause", end->breaches[i].clause,
						"text", end->breaches[i].text));
	return array;
}

static void chart_verdict(struct report *r, const struct script_outcome *out,
			  const struct report_ending *end)
{
	static const char *const colours[] = { [VERDICT_PASS] = "\033[32m",
					       [VERDICT_FAIL] = "\033[31m",
					       [VERDICT_INCONCLUSIVE] = "\033[33m",
					       [VERDICT_NA] = "\033[2m",
					       [VERDICT_ERROR] = "\033[35m" };

	if (!r->chart)
		return;
	if (out->expected) {
		fprintf(r->chart, "\n  %s:%u:%u\n", out->file, out->pos.line, out->pos.col);
		fprintf(r->chart, "  expected  %s\n", out->expected);
		if (out->actual)
			fprintf(r->chart, "  actual    %s\n", out->actual);
	}
	for (size_t i = 0; i < out->nclauses; i++)
		fprintf(r->chart, "  violates  %s\n", out->clauses[i]);
	if (end->waits && *end->waits)
		fprintf(r->chart, "  waits     %s\n", end->waits);
	fprintf(r->chart, "\n%s%s%s%s%s (subject: %s)\n", r->colour ? colours[out->verdict] : "",
		script_verdict_name(out->verdict), r->colour ? "\033[0m" : "",
		out->reason[0] ? ": " : "", out->reason, end->ending);
}

void report_verdict(struct report *r, const struct script_outcome *out,
		    const struct report_ending *end)
{
	json_t *event = json_pack(
		"{s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:i, s:i, s:I, s:I}",
		"event", "verdict", "verdict", script_verdict_name(out->verdict), "clauses",
		strings(out->clauses, out->nclauses), "readings",
		strings(out->readings, out->nreadings), "breaches", breaches(end), "reason",
		out->reason, "file", out->file ? out->file : "", "line", (int)out->pos.line,
		"expected", out->expected ? out->expected : "", "actual",
		out->actual ? out->actual : "", "ending", end->ending, "waits",
		end->waits ? end->waits : "", "fds_left", end->fds_left, "maps_left",
		end->maps_left, "started_ns", (json_int_t)end->start_ns, "played_ns",
		(json_int_t)end->play_ns);

	chart_verdict(r, out, end);
	emit(r, event);
}
