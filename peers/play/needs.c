/* SPDX-License-Identifier: Apache-2.0 */
/* The features that the head of a scenario asks for, and those that it does without. */
#include <string.h>

#include "play.h"
#include "wire/draft.h"

static void add(const struct vu_draft *draft, const char *name, uint64_t *features,
		uint64_t *protocol)
{
	const struct vu_feature *f = vu_feature_named(draft, name);

	if (f && f->kind == VU_VIRTIO_FEATURE)
		*features |= 1ULL << f->bit;
	if (!f || f->kind != VU_PROTOCOL_FEATURE)
		return;
	*protocol |= 1ULL << f->bit;
	for (size_t i = 0; f->requires && f->requires[i]; i++)
		add(draft, f->requires[i], features, protocol);
	for (size_t i = 0; f->implies && f->implies[i]; i++)
		add(draft, f->implies[i], features, protocol);
}

void play_needs(const struct script_header *h, struct play_needs *n)
{
	const struct vu_draft *draft = h->draft ? vu_draft_by_name(h->draft) : NULL;

	memset(n, 0, sizeof(*n));
	for (size_t i = 0; i < h->needs.n; i++)
		add(draft, h->needs.items[i], &n->features, &n->protocol);
	if (n->protocol)
		n->features |= 1ULL << VU_F_PROTOCOL_FEATURES;
	for (size_t i = 0; i < h->without.n; i++) {
		const struct vu_feature *f = vu_feature_named(draft, h->without.items[i]);

		if (f && f->kind == VU_VIRTIO_FEATURE)
			n->without |= 1ULL << f->bit;
		else if (f && f->kind == VU_PROTOCOL_FEATURE)
			n->without_protocol |= 1ULL << f->bit;
	}
}
