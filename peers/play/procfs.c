/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of the subject: open descriptors and mappings. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "play/subject.h"

/* The file has a size of none, so that stdio would take it in bits of 1 KiB. */
#define MAPS_BUFFER 16384

int subject_open_fds(const struct subject *s)
{
	char path[64];
	DIR *dir;
	int n = -2; /* . and .. */

	snprintf(path, sizeof(path), "/proc/%d/fd", s->pid);
	dir = s->pid > 0 && !s->exited ? opendir(path) : NULL;
	if (!dir)
		return -1;
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static bool maps_file(const char *line, const struct stat *file)
{
	unsigned int major, minor;
	unsigned long inode;

	return sscanf(line, "%*s %*s %*s %x:%x %lu", &major, &minor, &inode) == 3 &&
	       file->st_dev == makedev(major, minor) && file->st_ino == inode;
}

static int count_maps(const struct subject *s, const struct stat *file)
{
	char path[64], buffer[MAPS_BUFFER], *line = NULL;
	size_t size = 0;
	FILE *f;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", s->pid);
	f = s->pid > 0 && !s->exited ? fopen(path, "re") : NULL;
	if (!f)
		return -1;
	setvbuf(f, buffer, _IOFBF, sizeof(buffer));
	while (getline(&line, &size, f) > 0)
		n += !file || maps_file(line, file);
	free(line);
	fclose(f);
	return n;
}

int subject_maps(const struct subject *s)
{
	return count_maps(s, NULL);
}

int subject_maps_file(const struct subject *s, int fd)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : count_maps(s, &st);
}
