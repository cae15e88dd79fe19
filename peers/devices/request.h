/* SPDX-License-Identifier: Apache-2.0 */
/* Within the room: what every device needs to put a request together and to judge its answer. */
#ifndef VRINGER_DEVICES_REQUEST_H
#define VRINGER_DEVICES_REQUEST_H

#include <endian.h>

#include "devices/device.h"

/* Far above any region, yet an address plus a length does not wrap. */
#define VU_UNMAPPED_ADDRESS (UINT64_C(1) << 62)

/* Byte that buffers are filled with before the device writes them. */
#define VU_POISON 0xdb

/** vu_arg_get - value of argument @key, or @fallback if it was not given. */
uint64_t vu_arg_get(const struct vu_arg *args, size_t nargs, const char *key, uint64_t fallback);

/** vu_request_out - append @len zeroed bytes for the device to read. Pointer to them, or NULL. */
void *vu_request_out(struct vu_request *req, struct vu_region *region, uint32_t len);

/** vu_request_in - append @len poisoned bytes for the device to write. Pointer, or NULL. */
void *vu_request_in(struct vu_request *req, struct vu_region *region, uint32_t len);

/** vu_request_unmapped - append a buffer where no memory is. */
void vu_request_unmapped(struct vu_request *req, uint32_t len, bool device_writes);

/** vu_request_add_result - one more "key=value" of the answer. */
void vu_request_add_result(struct vu_request *req, const char *key, uint64_t value);

/** vu_request_complain - say what is wrong with the answer; the first complaint stands. */
void vu_request_complain(struct vu_request *req, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** vu_request_answer - what stands in buffer @i of the chain; complains when it is not mapped. */
const void *vu_request_answer(struct vu_request *req, const struct vu_memory *mem, size_t i);

/** vu_request_ends - the finish() of a request that nothing has to come of. */
void vu_request_ends(struct vu_request *req, const struct vu_memory *mem, uint32_t written);

/** vu_all_poison - whether none of the @len bytes was written since vu_request_in(). */
bool vu_all_poison(const void *bytes, size_t len);

/** vu_load_le64 - first 8 bytes of @bytes as a little-endian number. */
uint64_t vu_load_le64(const void *bytes);

#endif
