/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event stream of a run (JSON Lines), and its view on the terminal, the chart.
 */
#ifndef VRINGER_PLAY_REPORT_H
#define VRINGER_PLAY_REPORT_H

#include <stdio.h>

#include "model/model.h"
#include "script/interp.h"

struct report {
	FILE *events; /* JSON Lines, or NULL */
	FILE *chart;  /* for people, or NULL */
	bool colour;
	int64_t started;
	const struct script *script; /* where play is now */
	unsigned int line;           /* of the statement, which may be gone already */
};

struct report_ending {
	const char *ending; /* of the subject */
	const char *waits;
	int fds_left, maps_left; /* -1 unknown */
	int64_t start_ns, play_ns;
	const struct vu_breach *breaches;
	size_t nbreaches;
};

void report_start(struct report *r, const char *scenario, const char *device);
void report_message(struct report *r, const struct vu_message *msg, bool sent,
		    const struct vu_forge *forge);
void report_statement(struct report *r, const struct script *s, const struct script_stmt *stmt);
void report_breach(struct report *r, const struct vu_breach *breach);
void report_reading(struct report *r, const char *reading);
void report_subject(struct report *r, const char *what, const char *text);
void report_verdict(struct report *r, const struct script_outcome *out,
		    const struct report_ending *end);

#endif
