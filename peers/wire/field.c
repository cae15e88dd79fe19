/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a payload by name: "num", "region.size", "regions[1].size". */
#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where a path leads: the innermost field, and its first byte in the payload. */
struct place {
	const struct vu_field *field;
	size_t offset;
};

static const struct vu_field *field_named(const struct vu_payload *layout, const char *name,
					  size_t len)
{
	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *field = &layout->fields[i];

		if (strlen(field->name) == len && strncmp(field->name, name, len) == 0)
			return field;
	}
	return NULL;
}

/* The index behind a name; an array has to have one, and nothing has one of nonsense. */
static int parse_index(const struct vu_field *field, const char **path, size_t *index)
{
	char *end;

	*index = 0;
	if (**path != '[')
		return field->count == 1 ? 0 : -ENOENT;
	if ((*path)[1] < '0' || (*path)[1] > '9')
		return -ENOENT;
	*index = strtoul(*path + 1, &end, 10);
	if (*end != ']')
		return -ENOENT;
	*path = end + 1;
	if (*index >= VU_MESSAGE_PAYLOAD_MAX || (field->count && *index >= field->count))
		return -ERANGE;
	return 0;
}

/*
 * Follow @path from @layout. How often a counted array
 * repeats is not looked at: a writer may be about to say more than the count.
 */
static int find(const struct vu_payload *layout, const char *path, struct place *place)
{
	size_t offset = 0;

	for (;;) {
		size_t len = strcspn(path, ".[");
		const struct vu_field *field = field_named(layout, path, len);
		size_t index;
		int ret;

		if (!field)
			return -ENOENT;
		path += len;
		ret = parse_index(field, &path, &index);
		if (ret)
			return ret;
		offset += field->offset + index * field->stride;
		if (!field->nested && *path == '\0') {
			*place = (struct place){ .field = field, .offset = offset };
			return 0;
		}
		if (!field->nested || *path++ != '.')
			return -ENOENT;
		layout = field->nested;
	}
}

static uint64_t load(const uint8_t *at, size_t bytes)
{
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	switch (bytes) {
	case 1:
		return *at;
	case 2:
		return memcpy(&u16, at, bytes), u16;
	case 4:
		return memcpy(&u32, at, bytes), u32;
	default:
		return memcpy(&u64, at, sizeof(u64)), u64;
	}
}

static void store(uint8_t *at, size_t bytes, uint64_t value)
{
	uint16_t u16 = (uint16_t)value;
	uint32_t u32 = (uint32_t)value;

	switch (bytes) {
	case 1:
		*at = (uint8_t)value;
		break;
	case 2:
		memcpy(at, &u16, bytes);
		break;
	case 4:
		memcpy(at, &u32, bytes);
		break;
	default:
		memcpy(at, &value, sizeof(value));
	}
}

static uint64_t field_mask(const struct vu_field *field)
{
	return field->width == 64 ? UINT64_MAX : (UINT64_C(1) << field->width) - 1;
}

/* Whether an element that starts at @offset is one of those that the count announces. */
static bool counted(const struct vu_message *msg, const struct vu_payload *layout, size_t offset)
{
	const struct vu_field *last = &layout->fields[layout->nfields - 1];
	uint64_t count;

	if (!last->count_by || offset < last->offset)
		return true;
	if (vu_field_get(msg, layout, last->count_by, &count) != 0)
		return false;
	return (offset - last->offset) / last->stride < count;
}

int vu_field_get(const struct vu_message *msg, const struct vu_payload *layout, const char *path,
		 uint64_t *value)
{
	struct place place;
	int ret = find(layout, path, &place);

	if (ret)
		return ret;
	if (place.offset + place.field->bytes > msg->len || !counted(msg, layout, place.offset))
		return -ERANGE;
	*value = load(msg->payload + place.offset, place.field->bytes) >> place.field->shift;
	*value &= field_mask(place.field);
	return 0;
}

/* Make the payload at least @end bytes long. */
static int grow(struct vu_message *msg, size_t end)
{
	if (end > VU_MESSAGE_PAYLOAD_MAX)
		return -ERANGE;
	if (end > msg->len) {
		memset(msg->payload + msg->len, 0, end - msg->len);
		msg->len = end;
	}
	if (msg->size < msg->len)
		msg->size = msg->len;
	return 0;
}

int vu_field_set(struct vu_message *msg, const struct vu_payload *layout, const char *path,
		 uint64_t value)
{
	struct place place;
	uint64_t mask, word;
	int ret = find(layout, path, &place);

	if (ret)
		return ret;
	mask = field_mask(place.field);
	if (value & ~mask)
		return -ERANGE;
	ret = grow(msg, place.offset + place.field->bytes);
	if (ret)
		return ret;
	word = load(msg->payload + place.offset, place.field->bytes);
	word &= ~(mask << place.field->shift);
	word |= value << place.field->shift;
	store(msg->payload + place.offset, place.field->bytes, word);
	return 0;
}

static const struct vu_field *byte_array(const struct vu_payload *layout, const char *name)
{
	const struct vu_field *field = field_named(layout, name, strlen(name));

	return field && field->bytes == 1 && field->count != 1 ? field : NULL;
}

const uint8_t *vu_field_bytes(const struct vu_message *msg, const struct vu_payload *layout,
			      const char *name, size_t *len)
{
	const struct vu_field *field = byte_array(layout, name);
	uint64_t count;

	if (!field)
		return NULL;
	count = field->count;
	if (field->count_by && vu_field_get(msg, layout, field->count_by, &count) != 0)
		count = 0;
	*len = msg->len > field->offset ? msg->len - field->offset : 0;
	if (*len > count)
		*len = count;
	return msg->payload + field->offset;
}

int vu_field_set_bytes(struct vu_message *msg, const struct vu_payload *layout, const char *name,
		       const void *bytes, size_t len)
{
	const struct vu_field *field = byte_array(layout, name);
	int ret;

	if (!field)
		return -ENOENT;
	if (len > VU_MESSAGE_PAYLOAD_MAX || (field->count && len > field->count))
		return -ERANGE;
	ret = grow(msg, field->offset + len);
	if (ret == 0 && len)
		memcpy(msg->payload + field->offset, bytes, len);
	return ret;
}
