/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty log as a front-end keeps it: a bitmap in a memfd, one bit a page of 4096 bytes. */
#ifndef VRINGER_MEMORY_LOG_H
#define VRINGER_MEMORY_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vu_log {
	int fd;          /* owned */
	uint64_t size;   /* of the bitmap, bytes */
	uint64_t offset; /* of the bitmap in the file */
	uint8_t *map;    /* whole file, offset + size + guard bytes */
	size_t map_len;
};

/**
 * vu_log_open - a zeroed bitmap for guest addresses below @limit, at @offset
 * of its file, a multiple of 8. Bytes around it are filled with a pattern, so
 * that writes outside are seen. 0 or -errno.
 */
int vu_log_open(struct vu_log *log, uint64_t limit, uint64_t offset);

/** vu_log_close - unmap and close. Idempotent; a zeroed log is a closed one. */
void vu_log_close(struct vu_log *log);

/** vu_log_dirty - whether the page of guest address @guest is marked. */
bool vu_log_dirty(const struct vu_log *log, uint64_t guest);

/** vu_log_count - number of marked pages. */
uint64_t vu_log_count(const struct vu_log *log);

/** vu_log_clear - clear the bitmap, atomically word by word. */
void vu_log_clear(struct vu_log *log);

/** vu_log_guard_intact - whether the bytes around the bitmap are untouched. */
bool vu_log_guard_intact(const struct vu_log *log);

#endif
