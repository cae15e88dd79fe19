/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drafts: proposals that gave numbers to messages and features which the spec later gave to others.
 * A peer speaks the spec (a NULL draft) or the dialect that is the spec with one draft's numbers put
 * in, and what a number means depends on whose it is.
 */
#ifndef VRINGER_WIRE_DRAFT_H
#define VRINGER_WIRE_DRAFT_H

#include "protocol.h"

struct vu_message;

/** vu_message_of, vu_message_named, vu_feature_named - look @draft up first, then the spec; or NULL. */
const struct vu_message_info *vu_message_of(const struct vu_draft *draft, enum vu_channel channel,
					    uint32_t id);
const struct vu_message_info *vu_message_named(const struct vu_draft *draft,
					       enum vu_channel channel, const char *name);
const struct vu_feature *vu_feature_named(const struct vu_draft *draft, const char *name);

/** vu_feature_of - what a bit stands for by @draft, or by the spec; or NULL. */
const struct vu_feature *vu_feature_of(const struct vu_draft *draft, enum vu_feature_kind kind,
				       unsigned int bit);

/** vu_draft_has - whether @info is a row of @draft, not of the spec. */
bool vu_draft_has(const struct vu_draft *draft, const struct vu_message_info *info);

/** vu_draft_bits - mask of the protocol features that @draft has numbers for; 0 without one. */
uint64_t vu_draft_bits(const struct vu_draft *draft);

/**
 * vu_draft_later - mask of the protocol features that got their numbers after those of @draft, which
 * are handed out in order: who knows one of them knows whom the draft's numbers went to.
 */
uint64_t vu_draft_later(const struct vu_draft *draft);

/**
 * vu_contested - whether request @id means something else to others than by @draft: true, with a
 * sentence such as "41 is SUSPEND in the draft suspend-resume, GET_SHARED_OBJECT since 8.2".
 */
bool vu_contested(const struct vu_draft *draft, enum vu_channel channel, uint32_t id, char *buf,
		  size_t size);

/** vu_other_meaning - whether @msg, a request, fits what it is on other numbers and not what it is on its own. */
bool vu_other_meaning(const struct vu_message *msg, char *buf, size_t size);

/** vu_later_numbers - whether who offers @features is on the spec's numbers where @draft was expected. */
bool vu_later_numbers(const struct vu_draft *draft, uint64_t features, char *buf, size_t size);

#endif
