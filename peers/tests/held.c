/* SPDX-License-Identifier: Apache-2.0 */
/* What a process holds, as /proc has it. */
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "held.h"

#define SHARED "/memfd:" /* how memory is handed over */
#define DEVICE_FILE "/memfd:vringer-fs"

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

/* Every descriptor; how many of them are files of the device is said in @files. */
static int each_fd(const struct subject *s, struct attack *told, int *files)
{
	struct dirent *entry;
	char path[32], what[128];
	int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", s->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, what, sizeof(what) - 1);

		if (len <= 0)
			continue;
		what[len] = '\0';
		n++;
		*files += !strncmp(what, DEVICE_FILE, strlen(DEVICE_FILE));
		if (told)
			attack_tell(told, "# it has %s open: %s", entry->d_name, what);
	}
	if (dir)
		closedir(dir);
	return n;
}

struct held held_by(const struct subject *s)
{
	struct held h = { .maps = each_map(s, NULL) };

	h.fds = each_fd(s, NULL, &h.files) - h.files;
	return h;
}

bool held_more(struct held now, struct held before)
{
	return now.fds > before.fds || now.maps > before.maps || now.files > HELD_FILES_MAX;
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

void held_tell(struct attack *a)
{
	int files = 0;

	each_fd(&a->subject, a, &files);
	each_map(&a->subject, a);
}
