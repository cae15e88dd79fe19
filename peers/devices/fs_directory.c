/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shared directory as a tree. Every path is walked from the root down, one
 * component at a time and through no symbolic link, so that none leads out of it
 * whatever the driver asks for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "devices/fs_tree.h"

struct directory {
	struct fs_tree tree;
	int root;
};

static struct directory *directory_of(struct fs_tree *tree)
{
	return (struct directory *)tree;
}

/* One step down, into the directory that the first @len bytes of @name name. Closes @fd. */
static int descend(int fd, const char *name, size_t len)
{
	char component[NAME_MAX + 1];
	int below = -ENAMETOOLONG;

	if (len <= NAME_MAX) {
		memcpy(component, name, len);
		component[len] = '\0';
		below = openat(fd, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below < 0)
			below = -errno;
	}
	close(fd);
	return below;
}

/* Descriptor of the directory that @path lies in, and its last component. */
static int walk(const struct directory *dir, const char *path, const char **last)
{
	int fd = fcntl(dir->root, F_DUPFD_CLOEXEC, 0);
	const char *end;

	*last = ".";
	if (fd < 0)
		return -errno;
	for (; fd >= 0 && (end = strchr(path, '/')); path = end + 1)
		fd = descend(fd, path, (size_t)(end - path));
	if (*path)
		*last = path;
	return fd;
}

static void directory_close(struct fs_tree *tree)
{
	close(directory_of(tree)->root);
	free(tree);
}

static int directory_stat(struct fs_tree *tree, const char *path, struct stat *st)
{
	const char *name;
	int fd = walk(directory_of(tree), path, &name), ret;

	if (fd < 0)
		return fd;
	ret = fstatat(fd, name, st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	close(fd);
	return ret;
}

static int directory_open(struct fs_tree *tree, const char *path, int flags, mode_t mode)
{
	const char *name;
	int fd = walk(directory_of(tree), path, &name), ret;

	if (fd < 0)
		return fd;
	ret = openat(fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
	if (ret < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* The mode is meant as it is: the mask of this process must not count. */
static int set_mode(int parent, const char *name, mode_t mode)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = fchmod(fd, mode) ? -errno : 0;
	close(fd);
	return ret;
}

static int directory_mkdir(struct fs_tree *tree, const char *path, mode_t mode)
{
	const char *name;
	int fd = walk(directory_of(tree), path, &name), ret;

	if (fd < 0)
		return fd;
	ret = mkdirat(fd, name, 0700) ? -errno : set_mode(fd, name, mode);
	close(fd);
	return ret;
}

static int directory_remove(struct fs_tree *tree, const char *path, bool directory)
{
	const char *name;
	int fd = walk(directory_of(tree), path, &name), ret;

	if (fd < 0)
		return fd;
	ret = unlinkat(fd, name, directory ? AT_REMOVEDIR : 0) ? -errno : 0;
	close(fd);
	return ret;
}

static int read_entries(DIR *stream, struct fs_list *list)
{
	const struct dirent *entry;
	int ret = 0;

	errno = 0;
	while (!ret && (entry = readdir(stream))) {
		if (fs_name_is_valid(entry->d_name))
			ret = fs_list_add(list, entry->d_name, entry->d_ino, DTTOIF(entry->d_type));
		errno = 0;
	}
	return ret ? ret : -errno;
}

static int directory_list(struct fs_tree *tree, const char *path, struct fs_list *list)
{
	int fd = directory_open(tree, path, O_RDONLY | O_DIRECTORY, 0), ret;
	DIR *stream;

	if (fd < 0)
		return fd;
	stream = fdopendir(fd);
	if (!stream) {
		ret = -errno;
		close(fd);
		return ret;
	}
	ret = read_entries(stream, list);
	closedir(stream);
	return ret;
}

static int directory_statfs(struct fs_tree *tree, struct statvfs *st)
{
	return fstatvfs(directory_of(tree)->root, st) ? -errno : 0;
}

static const struct fs_tree_ops directory_ops = {
	.kind = "directory",
	.close = directory_close,
	.stat = directory_stat,
	.open = directory_open,
	.mkdir = directory_mkdir,
	.remove = directory_remove,
	.list = directory_list,
	.statfs = directory_statfs,
};

struct fs_tree *fs_directory(const char *path)
{
	struct directory *dir = calloc(1, sizeof(*dir));

	if (!dir)
		return NULL;
	dir->tree.ops = &directory_ops;
	dir->tree.file_max = INT64_MAX;
	dir->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir->root >= 0)
		return &dir->tree;
	free(dir);
	return NULL;
}
