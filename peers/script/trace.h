/* SPDX-License-Identifier: Apache-2.0 */
/* A message as a line of a scenario, and hexadecimal bytes as scenarios write them. */
#ifndef VRINGER_SCRIPT_TRACE_H
#define VRINGER_SCRIPT_TRACE_H

#include "script.h"
#include "wire/message.h"

/**
 * script_format_message - @msg as the line that would send or await it, fields
 * that are zero padding left out, feature masks by name. Always terminated;
 * returns the length needed.
 */
size_t script_format_message(char *buf, size_t size, enum script_arrow arrow,
			     const struct vu_message *msg);

/** script_format_fields - the payload alone and in full, with a space in front; nothing when it is empty. */
size_t script_format_fields(char *buf, size_t size, const struct vu_message *msg);

/** script_arrow_text - "->", "<-", "<=" or "=>". */
const char *script_arrow_text(enum script_arrow arrow);

/** script_arrow_of - the arrow of @msg as its channel and reply flag say. */
enum script_arrow script_arrow_of(const struct vu_message *msg);

/** script_unhex - hex digits to bytes, as many as fit @size; the number written. */
size_t script_unhex(const char *digits, uint8_t *bytes, size_t size);

#endif
