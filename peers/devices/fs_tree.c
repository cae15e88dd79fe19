/* SPDX-License-Identifier: Apache-2.0 */
/* What both trees of the fs device share: names, paths, and lists of entries. */
#include "devices/fs_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool component_is_valid(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX)
		return false;
	return !(len == 1 && name[0] == '.') && !(len == 2 && name[0] == '.' && name[1] == '.');
}

bool fs_name_is_valid(const char *name)
{
	return !strchr(name, '/') && component_is_valid(name, strlen(name));
}

bool fs_path_is_valid(const char *path)
{
	const char *end;

	if (strlen(path) >= FS_PATH_MAX)
		return false;
	if (!*path)
		return true;
	for (; (end = strchr(path, '/')); path = end + 1)
		if (!component_is_valid(path, (size_t)(end - path)))
			return false;
	return component_is_valid(path, strlen(path));
}

int fs_path_join(char path[FS_PATH_MAX], const char *parent, const char *name)
{
	int len;

	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	if (!fs_name_is_valid(name))
		return -EINVAL;
	len = snprintf(path, FS_PATH_MAX, "%s%s%s", parent, *parent ? "/" : "", name);
	return len < FS_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int fs_list_add(struct fs_list *list, const char *name, uint64_t ino, mode_t type)
{
	struct fs_entry entry = { .ino = ino, .type = type };

	if (list->nentries == list->room) {
		size_t room = list->room ? list->room * 2 : 16;
		struct fs_entry *entries = realloc(list->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		list->room = room;
	}
	entry.name = strdup(name);
	if (!entry.name)
		return -ENOMEM;
	list->entries[list->nentries++] = entry;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fs_entry *)a)->name, ((const struct fs_entry *)b)->name);
}

void fs_list_sort(struct fs_list *list)
{
	if (list->nentries)
		qsort(list->entries, list->nentries, sizeof(*list->entries), by_name);
}

void fs_list_free(struct fs_list *list)
{
	for (size_t i = 0; i < list->nentries; i++)
		free(list->entries[i].name);
	free(list->entries);
	memset(list, 0, sizeof(*list));
}
