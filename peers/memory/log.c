/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty log: a bitmap between guard bytes, which the back-end maps and marks. */
#include "memory/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LOG_PAGE 4096
#define WORD sizeof(uint64_t)
#define GUARD_BYTE 0xa7

/* A page of guard behind the bitmap at least, and the rest of the last page. */
static size_t file_size(uint64_t offset, uint64_t size)
{
	return (offset + size + LOG_PAGE + LOG_PAGE - 1) / LOG_PAGE * LOG_PAGE;
}

/* Like guest memory the log cannot be shrunk by whom it is given to. */
static int create_file(size_t size)
{
	int fd = memfd_create("log", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ret = 0;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) < 0)
		ret = -errno;
	if (ret < 0)
		close(fd);
	return ret < 0 ? ret : fd;
}

static _Atomic(uint64_t) *word(const struct vu_log *log, uint64_t i)
{
	return (_Atomic(uint64_t) *)(log->map + log->offset) + i;
}

int vu_log_open(struct vu_log *log, uint64_t limit, uint64_t offset)
{
	uint64_t pages = limit / LOG_PAGE + (limit % LOG_PAGE != 0);
	uint64_t size = (pages + 63) / 64 * WORD;
	int ret;

	memset(log, 0, sizeof(*log));
	if (limit == 0 || offset % WORD || offset > INT64_MAX / 2)
		return -EINVAL;
	ret = create_file(file_size(offset, size));
	if (ret < 0)
		return ret;
	log->fd = ret;
	log->map_len = file_size(offset, size);
	log->map = mmap(NULL, log->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
			log->fd, 0);
	if (log->map == MAP_FAILED) {
		ret = -errno;
		close(log->fd);
		memset(log, 0, sizeof(*log));
		return ret;
	}
	log->offset = offset;
	log->size = size;
	memset(log->map, GUARD_BYTE, offset);
	memset(log->map + offset + size, GUARD_BYTE, log->map_len - offset - size);
	return 0;
}

void vu_log_close(struct vu_log *log)
{
	if (log->map) {
		munmap(log->map, log->map_len);
		close(log->fd);
	}
	memset(log, 0, sizeof(*log));
}

bool vu_log_dirty(const struct vu_log *log, uint64_t guest)
{
	uint64_t page = guest / LOG_PAGE;
	const volatile uint8_t *bitmap = log->map + log->offset;

	return page / 8 < log->size && bitmap[page / 8] >> page % 8 & 1;
}

uint64_t vu_log_count(const struct vu_log *log)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < log->size / WORD; i++)
		count += (uint64_t)__builtin_popcountll(atomic_load(word(log, i)));
	return count;
}

void vu_log_clear(struct vu_log *log)
{
	for (uint64_t i = 0; i < log->size / WORD; i++)
		atomic_exchange(word(log, i), 0);
}

static bool all_guard(const uint8_t *bytes, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		if (bytes[i] != GUARD_BYTE)
			return false;
	return true;
}

bool vu_log_guard_intact(const struct vu_log *log)
{
	uint64_t end = log->offset + log->size;

	return all_guard(log->map, log->offset) && all_guard(log->map + end, log->map_len - end);
}
