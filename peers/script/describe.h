/* SPDX-License-Identifier: Apache-2.0 */
/* A scenario's head and what it uses, as JSON, for those who choose among scenarios. */
#ifndef VRINGER_SCRIPT_DESCRIBE_H
#define VRINGER_SCRIPT_DESCRIBE_H

#include "script.h"

/**
 * script_describe - one JSON object, on one line, about the scenario at @path:
 *
 *   path, id, title, subject, fragment, params, checks, needs, without, device,
 *   queues, since, until, version, tentative, window, draft, trigger, alias;
 *   uses (fragments), constructs (statements and arrows, in order of first use);
 *   error: null, or line, col, text, hint
 *
 * What a scenario does not say is null, an empty list, or the default that
 * holds then. The whole file is parsed. 0, or -EINVAL when there was an error.
 */
int script_describe(FILE *out, const char *path, const struct script_names *names);

#endif
