/* SPDX-License-Identifier: Apache-2.0 */
/* Looking up numbers and names by the spec or by a draft, and telling who means what by a number. */
#include "draft.h"

#include <stdio.h>
#include <string.h>

#include "message.h"

#define BIT(n) (UINT64_C(1) << (n))

static bool same(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* ---- looking up ---- */

static const struct vu_message_info *own_message(const struct vu_draft *draft,
						 enum vu_channel channel, uint32_t id)
{
	for (size_t i = 0; draft && i < draft->nmessages; i++) {
		const struct vu_message_info *info = &draft->messages[i];

		if (info->channel == channel && info->id == id)
			return info;
	}
	return NULL;
}

const struct vu_message_info *vu_message_of(const struct vu_draft *draft, enum vu_channel channel,
					    uint32_t id)
{
	const struct vu_message_info *own = own_message(draft, channel, id);

	return own ? own : vu_message_by_id(channel, id);
}

const struct vu_message_info *vu_message_named(const struct vu_draft *draft,
					       enum vu_channel channel, const char *name)
{
	for (size_t i = 0; draft && i < draft->nmessages; i++) {
		const struct vu_message_info *info = &draft->messages[i];

		if (info->channel == channel && (same(info->name, name) || same(info->alias, name)))
			return info;
	}
	return vu_message_by_name(channel, name);
}

const struct vu_feature *vu_feature_named(const struct vu_draft *draft, const char *name)
{
	for (size_t i = 0; draft && i < draft->nfeatures; i++) {
		const struct vu_feature *feature = &draft->features[i];

		if (same(feature->name, name) || same(feature->brief, name))
			return feature;
	}
	return vu_feature_by_name(name);
}

const struct vu_feature *vu_feature_of(const struct vu_draft *draft, enum vu_feature_kind kind,
				       unsigned int bit)
{
	for (size_t i = 0; draft && i < draft->nfeatures; i++)
		if (draft->features[i].kind == kind && draft->features[i].bit == bit)
			return &draft->features[i];
	return vu_feature_by_bit(kind, bit);
}

bool vu_draft_has(const struct vu_draft *draft, const struct vu_message_info *info)
{
	return draft && info >= draft->messages && info < draft->messages + draft->nmessages;
}

uint64_t vu_draft_bits(const struct vu_draft *draft)
{
	uint64_t bits = 0;

	for (size_t i = 0; draft && i < draft->nfeatures; i++)
		bits |= BIT(draft->features[i].bit);
	return bits;
}

uint64_t vu_draft_later(const struct vu_draft *draft)
{
	uint64_t bits = vu_draft_bits(draft);

	return bits ? ~(BIT(64 - __builtin_clzll(bits)) - 1) : 0;
}

/* ---- who means what by a number ---- */

static int print_meaning(char *buf, size_t size, const struct vu_draft *draft,
			 const struct vu_message_info *info)
{
	return snprintf(buf, size, "%s %s%s", info->name, draft ? "in the draft " : "since ",
			draft ? draft->name : info->since);
}

/* The draft's meaning goes first: it is the older one. */
static void print_both(char *buf, size_t size, const struct vu_draft *draft,
		       const struct vu_message_info *a, const struct vu_draft *other,
		       const struct vu_message_info *b)
{
	char first[80], second[80];

	print_meaning(first, sizeof(first), draft, a);
	print_meaning(second, sizeof(second), other, b);
	snprintf(buf, size, "%u is %s, %s", a->id, draft ? first : second, draft ? second : first);
}

/* By whom else @id has a meaning: the spec, then one draft after the other, from number *@at on. */
static const struct vu_message_info *next_meaning(const struct vu_draft *draft,
						  enum vu_channel channel, uint32_t id, size_t *at,
						  const struct vu_draft **whose)
{
	for (; *at <= vu_ndrafts; ++*at) {
		const struct vu_draft *other = *at ? &vu_drafts[*at - 1] : NULL;
		const struct vu_message_info *info =
			other ? own_message(other, channel, id) : vu_message_by_id(channel, id);

		if (other == draft || !info)
			continue;
		++*at;
		*whose = other;
		return info;
	}
	return NULL;
}

bool vu_contested(const struct vu_draft *draft, enum vu_channel channel, uint32_t id, char *buf,
		  size_t size)
{
	const struct vu_message_info *own =
		draft ? own_message(draft, channel, id) : vu_message_by_id(channel, id);
	const struct vu_message_info *other;
	const struct vu_draft *whose;
	size_t at = 0;

	if (!own || !(other = next_meaning(draft, channel, id, &at, &whose)))
		return false;
	print_both(buf, size, draft, own, whose, other);
	return true;
}

bool vu_other_meaning(const struct vu_message *msg, char *buf, size_t size)
{
	const struct vu_message_info *own = vu_message_info(msg), *other;
	const struct vu_draft *draft = vu_draft_has(msg->draft, own) ? msg->draft : NULL, *whose;
	size_t at = 0, len;

	if (!own || vu_message_fits(msg, own))
		return false;
	while ((other = next_meaning(draft, msg->channel, msg->request, &at, &whose)))
		if (vu_message_fits(msg, other))
			break;
	if (!other)
		return false;
	print_both(buf, size, draft, own, whose, other);
	len = strlen(buf);
	snprintf(buf + len, size - len, "; the %s is meant", draft ? "latter" : "former");
	return true;
}

bool vu_later_numbers(const struct vu_draft *draft, uint64_t features, char *buf, size_t size)
{
	uint64_t later = features & vu_draft_later(draft);
	const struct vu_feature *known;
	char contested[160];

	if (!later)
		return false;
	known = vu_feature_by_bit(VU_PROTOCOL_FEATURE, (unsigned int)__builtin_ctzll(later));
	if (!known || !draft->nmessages ||
	    !vu_contested(draft, draft->messages->channel, draft->messages->id, contested,
			  sizeof(contested)))
		return false;
	snprintf(buf, size, "%s; who offers %s (%u, since %s) means the latter", contested,
		 known->brief, known->bit, known->since);
	return true;
}
