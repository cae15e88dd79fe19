/* SPDX-License-Identifier: Apache-2.0 */
/* What a process holds, as /proc has it. */
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "held.h"

#define SHARED "/memfd:" /* how memory is handed over */

/* Every line of its mappings that shared memory is behind. */
static int each_map(const struct subject *s, struct attack *told)
{
	char path[32], *line = NULL;
	size_t size = 0;
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", s->pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		const char *file = strstr(line, SHARED);

		n += file != NULL;
		if (file && told)
			attack_tell(told, "# it has %.*s mapped", (int)strcspn(file, "\n"), file);
	}
	free(line);
	if (f)
		fclose(f);
	return n;
}

struct held held_by(const struct subject *s)
{
	return (struct held){ .fds = subject_open_fds(s), .maps = each_map(s, NULL) };
}

bool held_more(struct held now, struct held before)
{
	return now.fds > before.fds || now.maps > before.maps;
}

struct held held_settled(const struct subject *s, struct held before, int64_t deadline)
{
	struct pollfd ended = { .fd = s->pidfd, .events = POLLIN };
	struct held now = held_by(s);

	while (held_more(now, before) && !vu_deadline_passed(deadline) &&
	       vu_poll(&ended, 1, vu_deadline_in(VU_NSEC_PER_MSEC)))
		now = held_by(s);
	return now;
}

static void tell_fds(struct attack *a)
{
	struct dirent *entry;
	char path[32], what[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", a->subject.pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, what, sizeof(what));

		if (len > 0)
			attack_tell(a, "# it has %s open: %.*s", entry->d_name, (int)len, what);
	}
	if (dir)
		closedir(dir);
}

void held_tell(struct attack *a)
{
	tell_fds(a);
	each_map(&a->subject, a);
}
