/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tree in memory. Behind each file is an anonymous one, which keeps contents,
 * mode and times, and stays readable through a descriptor after its name is gone;
 * a directory is but a name. There is an end to both: a driver may fill it up.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/fs_tree.h"

#define ENTRIES_MAX 8192
#define FILES_MAX 128 /* each takes a descriptor */
#define FILE_BYTES_MAX (1 << 20)
#define BLOCK 4096
#define PERMISSIONS 07777

static const char hello[] = "Hello from behind the ring.\n";

struct entry {
	char *path;
	uint32_t hash; /* of the path: comparing thousands of those takes too long */
	mode_t mode;   /* as it was made; a file has its own */
	uint64_t ino;
	int fd; /* -1 for a directory */
};

/* In the order in which they were made: a directory stands before what lies in it. */
struct memory {
	struct fs_tree tree;
	struct entry entries[ENTRIES_MAX];
	size_t nentries, nfiles;
	uint64_t next_ino;
};

static struct memory *memory_of(struct fs_tree *tree)
{
	return (struct memory *)tree;
}

static bool is_directory(const struct entry *entry)
{
	return entry->fd < 0;
}

static uint32_t hash_of(const char *path)
{
	uint32_t hash = 5381;

	while (*path)
		hash = hash * 33 + (uint8_t)*path++;
	return hash;
}

static struct entry *find(struct memory *mem, const char *path)
{
	uint32_t hash = hash_of(path);

	for (size_t i = 0; i < mem->nentries; i++)
		if (mem->entries[i].hash == hash && !strcmp(mem->entries[i].path, path))
			return &mem->entries[i];
	return NULL;
}

/* The last component of @path if it lies directly in @parent, or NULL. */
static const char *name_in(const char *path, const char *parent)
{
	size_t len = strlen(parent);

	if (strncmp(path, parent, len) != 0 || !path[len])
		return NULL;
	if (len && path[len++] != '/')
		return NULL;
	return strchr(path + len, '/') ? NULL : path + len;
}

/* Whether something may be made at @path. */
static int check_free(struct memory *mem, const char *path, mode_t type)
{
	const char *slash = strrchr(path, '/');
	char parent[FS_PATH_MAX] = "";
	const struct entry *in;

	if (find(mem, path))
		return -EEXIST;
	if (mem->nentries == ENTRIES_MAX || (type == S_IFREG && mem->nfiles == FILES_MAX))
		return -ENOSPC;
	if (slash)
		memcpy(parent, path, (size_t)(slash - path));
	in = find(mem, parent);
	if (!in)
		return *path ? -ENOENT : 0; /* the root itself lies in nothing */
	return is_directory(in) ? 0 : -ENOTDIR;
}

static int make_file(mode_t mode)
{
	int fd = memfd_create("vringer-fs", MFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!fchmod(fd, mode & PERMISSIONS))
		return fd;
	close(fd);
	return -EPERM;
}

/* A file or a directory, as the type in @mode says. */
static int make(struct memory *mem, const char *path, uint64_t ino, mode_t mode)
{
	struct entry entry = { .hash = hash_of(path), .ino = ino, .mode = mode, .fd = -1 };
	bool file = S_ISREG(mode);
	int ret = check_free(mem, path, mode & S_IFMT);

	if (ret)
		return ret;
	entry.path = strdup(path);
	if (!entry.path)
		return -ENOMEM;
	if (file)
		entry.fd = make_file(mode);
	if (file && entry.fd < 0) {
		free(entry.path);
		return entry.fd;
	}
	mem->entries[mem->nentries++] = entry;
	mem->nfiles += file;
	if (ino >= mem->next_ino)
		mem->next_ino = ino + 1;
	return 0;
}

static void drop(struct memory *mem, struct entry *entry)
{
	if (!is_directory(entry)) {
		close(entry->fd);
		mem->nfiles--;
	}
	free(entry->path);
}

static void memory_close(struct fs_tree *tree)
{
	struct memory *mem = memory_of(tree);

	for (size_t i = 0; i < mem->nentries; i++)
		drop(mem, &mem->entries[i]);
	free(mem);
}

static int memory_stat(struct fs_tree *tree, const char *path, struct stat *st)
{
	const struct entry *entry = find(memory_of(tree), path);

	if (!entry)
		return -ENOENT;
	memset(st, 0, sizeof(*st));
	st->st_mode = entry->mode;
	st->st_blksize = BLOCK;
	if (!is_directory(entry) && fstat(entry->fd, st))
		return -errno;
	st->st_ino = entry->ino;
	st->st_nlink = 1;
	return 0;
}

static int memory_open(struct fs_tree *tree, const char *path, int flags, mode_t mode)
{
	struct memory *mem = memory_of(tree);
	const struct entry *entry = find(mem, path);
	int fd, ret;

	if (entry && flags & O_CREAT && flags & O_EXCL)
		return -EEXIST;
	if (!entry && flags & O_CREAT) {
		ret = make(mem, path, mem->next_ino, S_IFREG | (mode & PERMISSIONS));
		if (ret)
			return ret;
		entry = find(mem, path);
	}
	if (!entry)
		return -ENOENT;
	if (is_directory(entry))
		return -EPERM; /* nothing of it can be changed */
	fd = fcntl(entry->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int memory_mkdir(struct fs_tree *tree, const char *path, mode_t mode)
{
	return make(memory_of(tree), path, memory_of(tree)->next_ino,
		    S_IFDIR | (mode & PERMISSIONS));
}

static bool is_empty(struct memory *mem, const char *path)
{
	for (size_t i = 0; i < mem->nentries; i++)
		if (name_in(mem->entries[i].path, path))
			return false;
	return true;
}

static int memory_remove(struct fs_tree *tree, const char *path, bool directory)
{
	struct memory *mem = memory_of(tree);
	struct entry *entry = find(mem, path);
	size_t behind;

	if (!entry)
		return -ENOENT;
	if (is_directory(entry) != directory)
		return directory ? -ENOTDIR : -EISDIR;
	if (!is_empty(mem, path))
		return -ENOTEMPTY;
	drop(mem, entry);
	behind = (size_t)(mem->entries + mem->nentries - entry) - 1;
	memmove(entry, entry + 1, behind * sizeof(*entry));
	mem->nentries--;
	return 0;
}

static int memory_list(struct fs_tree *tree, const char *path, struct fs_list *list)
{
	const struct memory *mem = memory_of(tree);
	int ret = 0;

	for (size_t i = 0; !ret && i < mem->nentries; i++) {
		const struct entry *entry = &mem->entries[i];
		const char *name = name_in(entry->path, path);

		if (name)
			ret = fs_list_add(list, name, entry->ino, entry->mode & S_IFMT);
	}
	return ret;
}

static int memory_statfs(struct fs_tree *tree, struct statvfs *st)
{
	const struct memory *mem = memory_of(tree);

	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = BLOCK;
	st->f_blocks = (fsblkcnt_t)FILES_MAX * (FILE_BYTES_MAX / BLOCK);
	st->f_bfree = st->f_bavail = (FILES_MAX - mem->nfiles) * (FILE_BYTES_MAX / BLOCK);
	st->f_files = ENTRIES_MAX;
	st->f_ffree = st->f_favail = ENTRIES_MAX - mem->nentries;
	st->f_namemax = NAME_MAX;
	return 0;
}

static int save_entry(const struct entry *entry, struct vu_state_writer *w)
{
	struct stat st = { .st_mode = entry->mode };
	void *data;

	if (!is_directory(entry) && fstat(entry->fd, &st))
		return -errno;
	vu_state_put_bytes(w, entry->path, strlen(entry->path));
	vu_state_put_number(w, entry->ino);
	vu_state_put_number(w, st.st_mode);
	if (is_directory(entry))
		return 0;
	data = vu_state_put_bytes(w, NULL, (size_t)st.st_size);
	if (data && pread(entry->fd, data, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	return 0;
}

static int memory_save(struct fs_tree *tree, struct vu_state_writer *w)
{
	const struct memory *mem = memory_of(tree);
	int ret = 0;

	vu_state_put_number(w, mem->nentries);
	for (size_t i = 0; !ret && i < mem->nentries; i++)
		ret = save_entry(&mem->entries[i], w);
	return ret;
}

static int load_contents(int fd, struct vu_state_reader *r)
{
	size_t size;
	const void *data = vu_state_bytes(r, FILE_BYTES_MAX, &size);

	if (!data)
		return -EINVAL;
	return pwrite(fd, data, size, 0) == (ssize_t)size ? 0 : -ENOSPC;
}

static int load_entry(struct memory *mem, struct vu_state_reader *r)
{
	char path[FS_PATH_MAX] = "";
	size_t len;
	const char *bytes = vu_state_bytes(r, sizeof(path) - 1, &len);
	uint64_t ino = vu_state_number(r, INT64_MAX);
	mode_t mode = (mode_t)vu_state_number(r, S_IFMT | PERMISSIONS);
	int ret;

	if (r->failed || ino == 0 || !(S_ISREG(mode) || S_ISDIR(mode)))
		return -EINVAL;
	memcpy(path, bytes, len);
	if (!fs_path_is_valid(path))
		return -EINVAL;
	ret = make(mem, path, ino, mode);
	if (ret || S_ISDIR(mode))
		return ret;
	return load_contents(find(mem, path)->fd, r);
}

static struct memory *empty(void);

static struct fs_tree *memory_load(struct vu_state_reader *r)
{
	struct memory *mem = empty();
	uint64_t n = vu_state_number(r, ENTRIES_MAX);
	int ret = mem ? 0 : -ENOMEM;

	for (uint64_t i = 0; !ret && i < n; i++)
		ret = load_entry(mem, r);
	if (ret || !find(mem, "") || !is_directory(find(mem, ""))) {
		r->failed = true;
		if (mem)
			memory_close(&mem->tree);
		return NULL;
	}
	return &mem->tree;
}

static const struct fs_tree_ops memory_ops = {
	.kind = "memory",
	.close = memory_close,
	.stat = memory_stat,
	.open = memory_open,
	.mkdir = memory_mkdir,
	.remove = memory_remove,
	.list = memory_list,
	.statfs = memory_statfs,
	.save = memory_save,
	.load = memory_load,
};

static struct memory *empty(void)
{
	struct memory *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return NULL;
	mem->tree.ops = &memory_ops;
	mem->tree.file_max = FILE_BYTES_MAX;
	mem->next_ino = 1;
	return mem;
}

struct fs_tree *fs_memory(void)
{
	const ssize_t len = sizeof(hello) - 1;
	struct memory *mem = empty();

	if (!mem)
		return NULL;
	if (!make(mem, "", 1, S_IFDIR | 0755) && !make(mem, "hello", 2, S_IFREG | 0644) &&
	    pwrite(find(mem, "hello")->fd, hello, (size_t)len, 0) == len)
		return &mem->tree;
	memory_close(&mem->tree);
	return NULL;
}
