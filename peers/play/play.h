/* SPDX-License-Identifier: Apache-2.0 */
/* One run, whichever side plays it: a scenario, a subject, a verdict. */
#ifndef VRINGER_PLAY_PLAY_H
#define VRINGER_PLAY_PLAY_H

#include "report.h"
#include "subject.h"

#define PLAY_BREACHES 8
#define PLAY_HOOKS 16

/* What the harness can do to a subject when a scenario asks for it by name. */
struct play_hook {
	const char *name, *command;
};

struct play_options {
	struct subject_options subject;
	const char *device; /* type of the device, by name */
	unsigned int queues;
	double scale; /* of every deadline; 0: none */
	int signals;  /* signalfd, or -1 */
	struct play_hook hooks[PLAY_HOOKS];
	size_t nhooks;
	struct report report;
	FILE *trace;           /* scenario text, or NULL */
	const char *fragments; /* see script_interp_fragments() */
	const struct vu_draft
		*dialect; /* that of the subject, if it was said; NULL: the spec's numbers */
	void *own;        /* what only the side that plays knows */
};

/* What was seen of the numbers that the subject is on, with the words for it. */
struct play_numbers {
	bool meant;    /* it meant other numbers: a request makes sense only by them */
	bool later;    /* it knows numbers that were given after those that it is spoken to with */
	uint32_t last; /* request sent last, ... */
	bool contests; /* ... whose number is contested, ... */
	bool unanswered; /* ... and nothing came of it so far */
	bool understood; /* such a request was answered before */
	char seen[SCRIPT_TEXT_MAX / 2], contested[SCRIPT_TEXT_MAX / 2];
};

struct play {
	struct play_options *o;
	const struct play_side *side;
	void *player;
	struct script *script;
	const struct vu_draft *draft; /* whose numbers are spoken; NULL: the spec's */
	struct play_numbers numbers;
	struct subject subject;
	struct script_host host;
	struct script_interp *in;
	struct script_outcome out;
	struct report_ending end;
	struct vu_breach breaches[PLAY_BREACHES]; /* of the subject */
	size_t nbreaches;
	bool looked;                 /* at the subject, when its first message came: */
	int fds_before, maps_before; /* -1: not known */
	char ending[64], waits[1024];
};

/* A player as the run sees it. */
struct play_side {
	enum script_subject judges;
	/* Make play->player and play->host. 0, -EINVAL when that was explained, or -errno. */
	int (*open)(struct play *play);
	/* Bind what the scenario may use; play->in is there. */
	void (*bind)(struct play *play);
	/* The subject is started: connect with it. 0 or -errno, with subject.trouble. */
	int (*connect)(struct play *play, int64_t deadline);
	void (*disconnect)(struct play *play);
	/* Whether the subject ended the connection. */
	bool (*closed)(const struct play *play);
	/* Whether it stands but does not answer any more. */
	bool (*hung)(struct play *play);
	/* The connection ended: the subject may be about to exit. */
	void (*await_exit)(struct play *play);
	/* Who waits for whom, as text; true when it is a cycle. */
	bool (*waits)(const struct play *play, char *buf, size_t size);
	/* What the subject lacks of `needs`, or NULL. */
	const char *(*lacks)(const struct play *play);
	void (*close)(struct play *play);
};

/** play_scenario - play @path and report. An enum script_verdict, or -EINVAL when it does not parse. */
int play_scenario(struct play_options *o, const struct play_side *side, const char *path);

/** play_text - the same for a scenario in memory. */
int play_text(struct play_options *o, const struct play_side *side, const char *name,
	      const char *text);

/** play_observed - a message of the subject was observed: count it, and note what it broke. */
void play_observed(struct play *play, const struct vu_observation *obs);

/** play_breach - the subject broke a rule that holds for every scenario. */
void play_breach(struct play *play, const struct vu_breach *breach);

/** play_sent - a message was sent: tell @model what is on the wire; of one that is cut short it learns nothing. */
void play_sent(struct vu_model *model, enum vu_role role, const struct vu_message *msg,
	       const struct vu_forge *forge);

/* ---- dialects.c: whose numbers are spoken, and what tells that the subject is on others ---- */

/** play_dialects_list - the drafts that can be spoken. play_dialect() takes one by name, or complains. */
void play_dialects_list(FILE *out);
const struct vu_draft *play_dialect(const char *name);

/** play_speak - choose the numbers by the scenario and by what the subject was said to speak. */
void play_speak(struct play *play);

/** play_said - @msg was sent, play_heard - it came from the subject, whoever is judged. */
void play_said(struct play *play, const struct vu_message *msg);
void play_heard(struct play *play, const struct vu_message *msg, const struct vu_observation *obs);

/** play_numbers - what is to be said of the subject's numbers, or NULL. */
const char *play_numbers(const struct play *play);

/* What the head of a scenario asks for, with what that implies, and what it does without. */
struct play_needs {
	uint64_t features, protocol;
	uint64_t without, without_protocol;
};

void play_needs(const struct script_header *h, struct play_needs *needs);

/** play_verb - statements that mean the same on either side; any other is an error. */
enum script_step play_verb(struct play *play, struct script_call *call);

/** play_function - functions that mean the same on either side. 0, -EINVAL, or -ENOENT: there is none. */
int play_function(struct play *play, const struct vu_model *model, const char *name,
		  const struct script_value *args, size_t nargs, uint64_t *value);

/** play_hook - the command of that name, or NULL. */
const char *play_hook(const struct play *play, const char *name);

/* ---- options.c: what the command lines of both players have in common ---- */

enum play_exit { EXIT_AS_EXPECTED, EXIT_NOT_SO, EXIT_USAGE, EXIT_NOTHING_RAN, EXIT_HARNESS };

enum play_option {
	PLAY_RUN = 512,
	PLAY_SETUP,
	PLAY_PID,
	PLAY_HOOK,
	PLAY_SCALE,
	PLAY_GRACE,
	PLAY_EVENTS,
	PLAY_TRACE,
	PLAY_FRAGMENTS,
	PLAY_LOG,
	PLAY_QUIET,
	PLAY_COLOUR,
	PLAY_DIE,
	PLAY_DIALECT,
	PLAY_DIALECTS,
};

/* Rows for getopt_long(). */
#define PLAY_LONG_OPTIONS                                                                \
	{ "run", 1, NULL, PLAY_RUN }, { "setup", 1, NULL, PLAY_SETUP },                  \
		{ "pid", 1, NULL, PLAY_PID }, { "hook", 1, NULL, PLAY_HOOK },            \
		{ "scale", 1, NULL, PLAY_SCALE }, { "grace", 1, NULL, PLAY_GRACE },      \
		{ "events", 1, NULL, PLAY_EVENTS }, { "trace", 1, NULL, PLAY_TRACE },    \
		{ "fragments", 1, NULL, PLAY_FRAGMENTS }, { "log", 1, NULL, PLAY_LOG },  \
		{ "quiet", 0, NULL, PLAY_QUIET }, { "colour", 1, NULL, PLAY_COLOUR },    \
		{ "color", 1, NULL, PLAY_COLOUR }, { "dialect", 1, NULL, PLAY_DIALECT }, \
		{ "list-dialects", 0, NULL, PLAY_DIALECTS },                             \
	{                                                                                \
		"die-with-parent", 0, NULL, PLAY_DIE                                     \
	}

/** play_options_help - what --help says of those that concern the run. */
extern const char play_options_help[];
/** play_dialect_help - the same of dialects. */
extern const char play_dialect_help[];

/** play_defaults - nothing said: a chart on standard output, every deadline as it is written. */
void play_defaults(struct play_options *o);

/** play_take - one option. 0, -ENOENT when it is none of these, or another -errno. */
int play_take(struct play_options *o, int option, char *value);

/** play_signals - from now on SIGINT, SIGTERM and SIGHUP are read from this descriptor. */
int play_signals(void);

/** play_close - the files that were opened by options. */
void play_close(struct play_options *o);

/** play_exit - exit status for what play_scenario() returned. */
int play_exit(int status);

#endif
