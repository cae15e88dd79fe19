/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attack upon a process, in sessions that the seed decides one by one: what is sent is
 * kept in the notation of scenarios, and what is found is told so that it can be repeated.
 */
#ifndef VRINGER_TESTS_ATTACK_H
#define VRINGER_TESTS_ATTACK_H

#include "mutate.h"
#include "play/subject.h"
#include "script/trace.h"

/* As the command line says. */
struct attack_options {
	const char *program;            /* that is attacked */
	const char *out;                /* directory for what is found */
	const char *device;             /* only this one, or NULL */
	const char *scenarios;          /* directory of the scenarios that a front-end plays */
	uint64_t seed, messages, first; /* session */
	bool valgrind;                  /* run it under valgrind */
	unsigned int slowness;          /* how many times more time it is given */
};

struct attack {
	const struct attack_options *opt;
	const char *role, *device; /* of the process */
	struct subject subject;
	char command[4000], log[256];
	uint64_t session;       /* the one that runs */
	uint64_t since;         /* the first one that may be to blame for what is found */
	uint64_t sent, mutated; /* messages so far */
	uint64_t named;         /* descriptors in the story of the session */
	bool regions;           /* it declares memory as regions, by the names of their files */
	FILE *story;
	char *text;
	size_t len;
	bool found;
};

/** attack_options - read the command line; false when it is wrong, which was said. */
bool attack_options(struct attack_options *opt, int argc, char **argv);

typedef bool attack_fn(const struct attack_options *opt, const char *device, uint64_t messages);

/** attack_devices - @attack each of those @devices, or the one that was asked for. */
bool attack_devices(const struct attack_options *opt, const char *const *devices, size_t n,
		    attack_fn *attack);

/**
 * attack_open - make ready to attack a process of that role and device type; it connects to us or not.
 * What starts it goes into `command`, then subject_start(). 0 or -errno, which was said.
 */
int attack_open(struct attack *a, const struct attack_options *opt, const char *role,
		const char *device, bool connects);

/** attack_deadline - @ns from now, as the process counts them: it may be slow. */
int64_t attack_deadline(const struct attack *a, int64_t ns);

/** attack_command - what starts it: its program, and these arguments. */
void attack_command(struct attack *a, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** attack_end - end the process if it is there, look at how it ended, and clean up. False if something was found. */
bool attack_end(struct attack *a);

/** attack_session - the next session begins, and its story. What is found before belongs to the last one. */
void attack_session(struct attack *a);

/** attack_chance - what decides that session, by the seed and the type of device. */
struct chance attack_chance(const struct attack *a, uint64_t session);

/** attack_tell - a line of the story. */
void attack_tell(struct attack *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** attack_tell_message - a message that is sent, as the line that sends it; attack_tell_awaited() one that came. */
void attack_tell_message(struct attack *a, enum script_arrow arrow, const struct vu_message *msg,
			 const struct vu_forge *forge);

void attack_tell_awaited(struct attack *a, enum script_arrow arrow, const struct vu_message *msg);

/** attack_found - say what is wrong and how to see it again, and write the story down. */
void attack_found(struct attack *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** attack_ended - look at a process that has ended: true when it ended as it may, with a status up to @highest. */
bool attack_ended(struct attack *a, int highest);

#endif
