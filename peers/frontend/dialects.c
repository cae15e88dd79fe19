/* SPDX-License-Identifier: Apache-2.0 */
/* What drafts demand of a front-end, as lines of its life: each has a place in lifecycle.c that begins with @. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lifecycle.h"
#include "wire/draft.h"

/* Of a dialect that has @feature; quirks leave it out, or put it in (QUIRKS: none does). */
struct demand {
	const char *place, *feature;
	enum quirk unless, only;
	const char *lines;
};

#define CHANNEL "SLAVE_CH_START_STOP"
#define IF_CHANNEL "if acked_protocol(SLAVE_CH_START_STOP)\n"
#define START IF_CHANNEL "-> START_SLAVE_CHANNEL need-reply\n<- START_SLAVE_CHANNEL 0\nend\n"
#define STOP       \
	IF_CHANNEL \
	"-> STOP_SLAVE_CHANNEL need-reply\n<- STOP_SLAVE_CHANNEL 0\nlet $stopped = 1\nend\n"
#define ACKNOWLEDGED(message)                              \
	"-> " message " need-reply\n"                      \
	"if acked_protocol(REPLY_ACK)\n<- " message " 0\n" \
	"end\n"

/*
 * A back-end is suspended before its rings are stopped, and goes on only when they have been set up,
 * started and kicked again.
 */
static const struct demand demands[] = {
	{ "@offered", CHANNEL, QUIRK_CHANNEL_ALONE, QUIRKS,
	  "if offered_protocol(SLAVE_CH_START_STOP)\n"
	  "require offered_protocol(BACKEND_REQ | REPLY_ACK) \"it comes with a channel and acknowledgements\"\n"
	  "end\n" },
	{ "@offered", CHANNEL, QUIRKS, QUIRKS,
	  "let $useful = $useful | SLAVE_CH_START_STOP\n"
	  "let $stopped = 0\n" },
	{ "@agreed", CHANNEL, QUIRKS, QUIRKS, "let $has_status = 0\n" },
	{ "@channel", CHANNEL, QUIRK_CHANNEL_START_MISSING, QUIRKS, START },
	{ "@start", CHANNEL, QUIRK_CHANNEL_START_MISSING, QUIRKS, START },
	{ "@stop", CHANNEL, QUIRK_CHANNEL_STOP_MISSING, QUIRKS, STOP },
	{ "@stop", CHANNEL, QUIRK_CHANNEL_NOT_FLUSHED, QUIRKS,
	  IF_CHANNEL "if $stopped\n<= SLAVE_STOP_CHANNEL_COMPLETE\nend\nend\n" },
	{ "@offered", "SUSPEND", QUIRKS, QUIRKS,
	  "let $useful = $useful | SUSPEND\n"
	  "let $suspended = 0\n" },
	{ "@stop", "SUSPEND", QUIRK_SUSPEND_MISSING, QUIRKS,
	  "if acked_protocol(SUSPEND)\n" ACKNOWLEDGED("SUSPEND") "let $suspended = 1\nend\n" },
	{ "@stop", "SUSPEND", QUIRKS, QUIRK_SUSPEND_UNNEGOTIATED, "-> SUSPEND\n" },
	{ "@started", "SUSPEND", QUIRKS, QUIRKS,
	  "if acked_protocol(SUSPEND) & $suspended\n" ACKNOWLEDGED(
		  "RESUME") "let $suspended = 0\nend\n" },
	{ "@stop", "DEVICE_STATE", QUIRKS, QUIRK_STATE_OF_A_RUNNING_DEVICE,
	  "-> SET_DEVICE_STATE_FD direction=0 phase=0\n<- SET_DEVICE_STATE_FD\n" },
	{ "@offered", "MIGRATORY_STATE", QUIRKS, QUIRKS,
	  "let $stateful = MIGRATORY_STATE\n"
	  "let $useful = $useful | $stateful\n" },
};

static bool has_feature(const struct vu_draft *draft, const char *name)
{
	for (size_t i = 0; draft && i < draft->nfeatures; i++)
		if (!strcmp(draft->features[i].name, name))
			return true;
	return false;
}

static bool holds(const struct demand *d, const struct vu_draft *draft,
		  const struct quirk_set *quirks)
{
	return has_feature(draft, d->feature) && (d->unless == QUIRKS || !quirks->has[d->unless]) &&
	       (d->only == QUIRKS || quirks->has[d->only]);
}

/* What got its number later is not acknowledged: in the time of the draft nobody knew it. */
static void put_time(FILE *out, const struct vu_draft *draft)
{
	if (draft)
		fprintf(out, "let $useful = $useful & ~%#" PRIx64 "\n", vu_draft_later(draft));
}

static bool is_place(const char *line, size_t len, const char *place)
{
	return strlen(place) == len && !strncmp(place, line, len);
}

static void put_demands(FILE *out, const char *place, size_t len, const struct vu_draft *draft,
			const struct quirk_set *quirks)
{
	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++)
		if (is_place(place, len, demands[i].place) && holds(&demands[i], draft, quirks))
			fputs(demands[i].lines, out);
}

char *lifecycle_in(const struct vu_draft *draft, const struct quirk_set *quirks)
{
	char *text = NULL;
	size_t size, len;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	if (draft)
		fprintf(out, "draft    %s\n", draft->name);
	for (const char *line = lifecycle_text; *line; line += len + 1) {
		len = strcspn(line, "\n");
		if (is_place(line, len, "@offered"))
			put_time(out, draft);
		if (*line == '@')
			put_demands(out, line, len, draft, quirks);
		else
			fprintf(out, "%.*s\n", (int)len, line);
	}
	fclose(out);
	return text;
}
