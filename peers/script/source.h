/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of a scenario, one at a time: constant memory, and no line that is not clean text. */
#ifndef VRINGER_SCRIPT_SOURCE_H
#define VRINGER_SCRIPT_SOURCE_H

#include "script.h"

#define SOURCE_LINE_MAX 65536

struct source {
	FILE *file;        /* either a file */
	const char *text;  /* or text in memory, */
	const char *at;    /* read up to here */
	unsigned int line; /* number of the line in buf, 0 before the first */
	size_t len;
	char buf[SOURCE_LINE_MAX + 1];
};

/** source_open - read @path. 0 or -errno. */
int source_open(struct source *src, const char *path);

/** source_open_text - read @text, which has to outlive @src. */
void source_open_text(struct source *src, const char *text);

/**
 * source_next - next line into `buf`, without its end (LF or CRLF). 1; 0 after
 * the last line; -EINVAL with @err for a line that is too long, that is not
 * UTF-8 or that holds control characters; -EIO with @err when reading fails.
 */
int source_next(struct source *src, struct script_error *err);

/** source_rewind - before the first line again. 0, or -errno for a pipe. */
int source_rewind(struct source *src);
void source_close(struct source *src);

#endif
