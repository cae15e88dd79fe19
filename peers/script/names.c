/* SPDX-License-Identifier: Apache-2.0 */
/* The words of the language: statements, directives, functions, names of the protocol. */
#include <errno.h>
#include <string.h>

#include "clause_ids.h"
#include "parser.h"
#include "trace.h"

#define JUDGED (ALLOWS_JUDGING)
#define AWAITED (ALLOWS_JUDGING | ALLOWS_WITHIN | IS_AWAITED)
#define WATCHED (ALLOWS_JUDGING | NEEDS_FOR | IS_AWAITED)
#define ONE(a) { PLACE_##a }, .needed = 1
#define TWO(a, b) { PLACE_##a, PLACE_##b }, .needed = 2
#define THREE(a, b, c) { PLACE_##a, PLACE_##b, PLACE_##c }, .needed = 3

const struct script_verb script_verbs[] = {
	{ "use", "use NAME ARG...", { PLACE_FRAGMENT, PLACE_VALUE }, .needed = 1, .repeats = true },
	{ "let", "let $x = EXPR", ONE(BINDING) },
	{ "require", "require EXPR \"why\"", TWO(VALUE, STRING) },
	{ "reach", "reach EXPR \"why\"", TWO(VALUE, STRING) },
	{ "expect", "expect EXPR \"claim\"", TWO(VALUE, STRING), .allows = JUDGED },
	{ "region", "region NAME size=.. guest=.. user=.. offset=.. [same=NAME] [unlisted]",
	  ONE(NAME), .keys = "size guest user offset", .name_keys = "same", .flags = "unlisted" },
	{ "list", "list NAME", ONE(NAME) },
	{ "unlist", "unlist NAME", ONE(NAME) },
	{ "ring", "ring N size=.. [region=NAME] [buffers=NAME] [packed] [event-idx]", ONE(VALUE),
	  .keys = "size", .name_keys = "region buffers", .flags = "packed event-idx" },
	{ "submit", "submit RING KIND key=value... [as $tag] [quietly] [indirect]",
	  TWO(VALUE, KIND), .flags = "quietly indirect", .allows = ALLOWS_ANY_KEY | ALLOWS_AS },
	{ "kick", "kick RING [value=N]", ONE(VALUE), .keys = "value" },
	{ "used", "used RING $tag key=value... [anyhow] [within T]", TWO(VALUE, VAR),
	  .flags = "anyhow", .allows = ALLOWS_ANY_KEY | ALLOWS_COMPARING | AWAITED },
	{ "unused", "unused RING $tag", TWO(VALUE, VAR), .allows = JUDGED },
	{ "called", "called RING [within T]", ONE(VALUE), .allows = AWAITED },
	{ "uncalled", "uncalled RING", ONE(VALUE), .allows = JUDGED },
	{ "errored", "errored RING [within T]", ONE(VALUE), .allows = AWAITED },
	{ "fence", "fence [RING] [within T]", { PLACE_VALUE }, .allows = AWAITED },
	{ "idle", "idle RING for T", ONE(VALUE), .allows = WATCHED },
	{ "hold-ring",
	  "hold-ring RING [until MESSAGE]",
	  { PLACE_VALUE, PLACE_UNTIL, PLACE_MESSAGE },
	  .needed = 1 },
	{ "serve-ring", "serve-ring RING", ONE(VALUE) },
	{ "silence", "silence ARROW for T", ONE(ARROW), .allows = WATCHED },
	{ "closed", "closed [within T]", .allows = AWAITED },
	{ "alive", "alive", .allows = JUDGED },
	{ "connect", "connect", .allows = JUDGED | IS_AWAITED },
	{ "disconnect", "disconnect", .needed = 0 },
	{ "restart", "restart", .needed = 0 },
	{ "serve",
	  "serve [until MESSAGE] [within T]",
	  { PLACE_UNTIL, PLACE_MESSAGE },
	  .allows = ALLOWS_WITHIN },
	{ "pipe", "pipe $reader $writer", TWO(VAR, VAR) },
	{ "eventfd", "eventfd $fd", ONE(VAR) },
	{ "close", "close $fd", ONE(VAR) },
	{ "close-channel", "close-channel", .needed = 0 },
	{ "signal", "signal $fd [value=N]", ONE(VAR), .keys = "value" },
	{ "drain", "drain $fd as $state [within T]", ONE(VAR),
	  .allows = ALLOWS_AS | NEEDS_AS | AWAITED },
	{ "feed", "feed $fd $state [within T]", TWO(VAR, VAR), .allows = AWAITED },
	{ "corrupt", "corrupt $state at=N", ONE(VAR), .keys = "at", .allows = NEEDS_KEY },
	{ "truncate", "truncate $state to=N", ONE(VAR), .keys = "to", .allows = NEEDS_KEY },
	{ "garbage", "garbage $state size=N", ONE(VAR), .keys = "size", .allows = NEEDS_KEY },
	{ "poke", "poke ADDRESS BYTES VALUE", THREE(VALUE, VALUE, VALUE) },
	{ "clear-log", "clear-log", .needed = 0 },
	{ "withhold", "withhold ADDRESS", ONE(VALUE) },
	{ "faulted", "faulted $fd [within T]", ONE(VAR), .allows = AWAITED },
	{ "bases", "bases RING VALUE", TWO(VALUE, VALUE) },
	{ "bytes", "bytes hex:..", ONE(BYTES) },
	{ "host", "host COMMAND", ONE(WORD) },
	{ "each", "each ring ... end", ONE(RING), .allows = IS_BLOCK },
	{ "repeat", "repeat N ... end", ONE(VALUE), .allows = IS_BLOCK },
	{ "if", "if EXPR ... [else ...] end", ONE(VALUE), .allows = IS_BLOCK | HAS_ELSE },
	{ .word = NULL },
};

const char script_message_form[] =
	"ARROW MESSAGE [VALUE] [field=VALUE...] [need-reply] [fd $name] [nofd] [within T] [with ...]";

const struct script_directive script_directives[] = {
	{ "fragment", "fragment PARAM...", false, true },
	{ "title", "title TEXT", false, true },
	{ "subject", "subject back-end, or subject front-end", false, false },
	{ "checks", "checks CLAUSE...", true, false },
	{ "needs", "needs FEATURE...", true, false },
	{ "without", "without FEATURE...", true, false },
	{ "device", "device NAME...", true, false },
	{ "queues", "queues N", false, false },
	{ "spec", "spec 11.1.., spec ..11.0, or spec 8.2..10.2", false, false },
	{ "version", "version N", false, false },
	{ "tentative", "tentative TEXT", false, false },
	{ "window", "window TEXT", false, false },
	{ "draft", "draft NAME", false, true },
	{ "trigger", "trigger NAME", false, false },
	{ "alias", "alias ID", true, false },
	{ .word = NULL },
};

static const struct script_function functions[] = {
	{ "used_idx", 1 },       { "avail_idx", 1 },
	{ "base", 1 },           { "calls", 1 },
	{ "pending", 1 },        { "offered", 1 },
	{ "acked", 1 },          { "offered_protocol", 1 },
	{ "acked_protocol", 1 }, { "started", 1 },
	{ "enabled", 1 },        { "logged", 1 },
	{ "log_count", 0 },      { "log_guard", 0 },
	{ "guest", 1 },          { "user", 1 },
	{ "size", 1 },           { "ring_guest", 1 },
	{ "ring_table", 1 },     { "ring_available", 1 },
	{ "buffer", 2 },         { "peek", 2 },
	{ "checksum", 0 },       { "open_fds", 0 },
	{ "mapped", 1 },         { "populated", 1 },
	{ "in_regions", 2 },     { "regions_end", 0 },
	{ "fd_size", 1 },        { "fd_peek", 3 },
	{ "driver_guest", 1 },   { "signals", 1 },
	{ "unread", 1 },         { "hung_up", 1 },
	{ "transferring", 0 },   { "buffers", 1 },
	{ "state_size", 1 },     { NULL, 0 },
};

static const char *const reserved[] = {
	"need-reply", "nofd", "fd", "within", "with", "as", "for", "reads", "violates", NULL,
};

#define FIND(table, text)                           \
	for (size_t i = 0; (table)[i].word; i++)    \
		if (!strcmp((table)[i].word, text)) \
			return &(table)[i];         \
	return NULL

const struct script_verb *script_verb_by_word(const char *word)
{
	FIND(script_verbs, word);
}

const struct script_directive *script_directive_by_word(const char *word)
{
	FIND(script_directives, word);
}

const struct script_function *script_function_by_word(const char *word)
{
	FIND(functions, word);
}

bool script_reserved(const char *word)
{
	for (size_t i = 0; reserved[i]; i++)
		if (!strcmp(reserved[i], word))
			return true;
	return false;
}

bool script_listed(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
		if (strcspn(at, " ") == len && !memcmp(at, word, len))
			return true;
	return false;
}

/* ---- names of the protocol; those of the draft come first ---- */

const struct vu_message_info *script_message(const struct script *s, enum vu_channel channel,
					     const char *name)
{
	return vu_message_named(s->draft, channel, name);
}

const struct vu_feature *script_feature(const struct script *s, const char *name)
{
	return vu_feature_named(s->draft, name);
}

int script_constant(const char *name, uint64_t *value)
{
	const struct vu_feature *feature = vu_feature_by_name(name);

	if (!feature)
		return -ENOENT;
	*value = 1ULL << feature->bit;
	return 0;
}

int script_value_of(const struct script *s, const char *name, uint64_t *value)
{
	const struct vu_feature *feature = s->draft ? script_feature(s, name) : NULL;

	if (feature) {
		*value = 1ULL << feature->bit;
		return 0;
	}
	return s->names && s->names->constant ? s->names->constant(name, value)
					      : script_constant(name, value);
}

static const char *name_from_outside(const struct script_names *names, const char *kind, size_t i)
{
	return names && names->name ? names->name(names->ctx, kind, i) : NULL;
}

const char *script_name(const struct script_names *names, const char *kind, size_t i)
{
	if (name_from_outside(names, kind, 0))
		return name_from_outside(names, kind, i);
	if (!strcmp(kind, "clause"))
		return i < vu_nclause_ids ? vu_clause_ids[i] : NULL;
	if (!strcmp(kind, "draft"))
		return i < vu_ndrafts ? vu_drafts[i].name : NULL;
	if (!strcmp(kind, "statement"))
		return i < sizeof(script_verbs) / sizeof(script_verbs[0]) ? script_verbs[i].word
									  : NULL;
	if (!strcmp(kind, "directive"))
		return script_directives[i].word;
	if (!strcmp(kind, "function"))
		return functions[i].word;
	return NULL;
}

bool script_known(const struct script *s, const char *kind, const char *word)
{
	const char *name = script_name(s->names, kind, 0);

	if (!name)
		return true;
	for (size_t i = 1; name; i++) {
		if (!strcmp(name, word))
			return true;
		name = script_name(s->names, kind, i);
	}
	return false;
}

/* ---- arrows and operators ---- */

static const char ops[][3] = { "=", "!=", "<", "<=", ">", ">=", "&", "!&" };

enum vu_channel script_arrow_channel(enum script_arrow arrow)
{
	return arrow == ARROW_BACKEND_REQUEST || arrow == ARROW_BACKEND_REPLY ? VU_BACKEND
									      : VU_MAIN;
}

bool script_arrow_is_reply(enum script_arrow arrow)
{
	return arrow == ARROW_REPLY || arrow == ARROW_BACKEND_REPLY;
}

enum script_arrow script_arrow_by_text(const char *text)
{
	for (int i = ARROW_REQUEST; i <= ARROW_BACKEND_REPLY; i++)
		if (!strcmp(script_arrow_text((enum script_arrow)i), text))
			return (enum script_arrow)i;
	return ARROW_NONE;
}

const char *script_op_text(enum script_op op)
{
	return ops[op];
}

const char *script_subject_text(enum script_subject subject)
{
	static const char *const names[] = { "", "back-end", "front-end" };

	return names[subject];
}
