/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of an element as one run of bytes. */
#include <string.h>
#include <sys/uio.h>

#include "devices/service.h"

int vu_segments_iov(const struct vu_segment *segments, size_t n, uint64_t offset, uint64_t len,
		    struct iovec *iov)
{
	int count = 0;

	for (size_t i = 0; i < n && len; i++) {
		uint64_t here = segments[i].len;

		if (offset >= here) {
			offset -= here;
			continue;
		}
		here -= offset;
		if (here > len)
			here = len;
		iov[count].iov_base = (uint8_t *)segments[i].host + offset;
		iov[count++].iov_len = here;
		len -= here;
		offset = 0;
	}
	return count;
}

static size_t copy(const struct vu_segment *segments, size_t n, uint64_t offset, uint8_t *bytes,
		   size_t len, bool in)
{
	struct iovec iov[VU_SEGMENTS_MAX];
	int count = vu_segments_iov(segments, n, offset, len, iov);
	size_t done = 0;

	for (int i = 0; i < count; i++) {
		if (in)
			memcpy(iov[i].iov_base, bytes + done, iov[i].iov_len);
		else
			memcpy(bytes + done, iov[i].iov_base, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	return done;
}

size_t vu_segments_read(const struct vu_segment *segments, size_t n, uint64_t offset, void *bytes,
			size_t len)
{
	return copy(segments, n, offset, bytes, len, false);
}

size_t vu_segments_write(const struct vu_segment *segments, size_t n, uint64_t offset,
			 const void *bytes, size_t len)
{
	return copy(segments, n, offset, (uint8_t *)bytes, len, true);
}
