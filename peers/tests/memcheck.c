/* SPDX-License-Identifier: Apache-2.0 */
/* Valgrind tells of descriptors but does not fail for them: its log is read. */
#include <stdio.h>
#include <string.h>

#include "memcheck.h"

#define TEXT(n) TEXT_OF(n)
#define TEXT_OF(n) #n

const char memcheck_command[] =
	"valgrind --leak-check=full --track-fds=yes --child-silent-after-fork=yes "
	"--exit-on-first-error=yes --error-exitcode=" TEXT(MEMCHECK_COMPLAINED) " ";

/* Those that it was started with count as standard ones, by newer versions as inherited ones. */
static int left(const char *line)
{
	const char *count = strstr(line, "FILE DESCRIPTORS:");
	int open, inherited;

	if (!count || sscanf(count, "FILE DESCRIPTORS: %d open (%d", &open, &inherited) != 2)
		return -1;
	return open - inherited;
}

int memcheck_fds_left(const char *log)
{
	FILE *f = fopen(log, "re");
	char line[256];
	int most = -1;

	while (f && fgets(line, sizeof(line), f))
		most = left(line) > most ? left(line) : most;
	if (f)
		fclose(f);
	return most;
}
