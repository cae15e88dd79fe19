/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in the generated tables. */
#include "protocol.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static bool listed(const char *const *names, const char *name)
{
	for (; names && *names; names++) {
		if (same(*names, name))
			return true;
	}
	return false;
}

const struct vu_message_info *vu_message_by_id(enum vu_channel channel, uint32_t id)
{
	for (size_t i = 0; i < vu_nmessages; i++) {
		if (vu_messages[i].channel == channel && vu_messages[i].id == id)
			return &vu_messages[i];
	}
	return NULL;
}

const struct vu_message_info *vu_message_by_name(enum vu_channel channel, const char *name)
{
	for (size_t i = 0; i < vu_nmessages; i++) {
		const struct vu_message_info *info = &vu_messages[i];

		if (info->channel == channel &&
		    (same(info->name, name) || same(info->alias, name) || same(info->older, name)))
			return info;
	}
	return NULL;
}

const struct vu_feature *vu_feature_by_name(const char *name)
{
	for (size_t i = 0; i < vu_nfeatures; i++) {
		const struct vu_feature *feature = &vu_features[i];

		if (same(feature->name, name) || same(feature->brief, name) ||
		    listed(feature->aliases, name))
			return feature;
	}
	return NULL;
}

const struct vu_feature *vu_feature_by_bit(enum vu_feature_kind kind, unsigned int bit)
{
	for (size_t i = 0; i < vu_nfeatures; i++) {
		if (vu_features[i].kind == kind && vu_features[i].bit == bit)
			return &vu_features[i];
	}
	return NULL;
}

const char *vu_feature_name(enum vu_feature_kind kind, unsigned int bit)
{
	const struct vu_feature *feature = vu_feature_by_bit(kind, bit);

	return feature ? feature->brief : NULL;
}

const struct vu_payload *vu_payload_by_name(const char *name)
{
	for (size_t i = 0; i < vu_npayloads; i++) {
		if (same(vu_payloads[i].name, name))
			return &vu_payloads[i];
	}
	return NULL;
}

const struct vu_draft *vu_draft_by_name(const char *name)
{
	for (size_t i = 0; i < vu_ndrafts; i++) {
		if (same(vu_drafts[i].name, name))
			return &vu_drafts[i];
	}
	return NULL;
}
