/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of a scenario before it is played: that it parses, and which back-end requests it deals with. */
#include <errno.h>
#include <string.h>

#include "scan.h"

static void scan_stmt(struct player *p, const struct script_stmt *stmt)
{
	const struct vu_message_info *info;

	for (size_t b = 0; b < stmt->nbranches; b++)
		for (size_t i = 0; i < stmt->branches[b].nstmts; i++)
			scan_stmt(p, stmt->branches[b].stmts[i]);
	if (stmt->kind == STMT_VERB && !strcmp(stmt->word, "serve")) {
		const struct script_expr *e = script_positional(stmt, 1);

		info = e && e->text ? vu_message_by_name(VU_BACKEND, e->text) : NULL;
		if (info && info->id < 64)
			p->asks_for[info->id] = true;
	}
	if (stmt->arrow != ARROW_BACKEND_REQUEST && stmt->arrow != ARROW_BACKEND_REPLY)
		return;
	info = vu_message_by_name(VU_BACKEND, stmt->word);
	if (!info || info->id >= 64)
		return;
	p->asks_for[info->id] = true; /* even if only a fragment awaits what is answered here */
	if (stmt->arrow == ARROW_BACKEND_REPLY)
		p->answers[info->id] = true;
}

int scan_script(struct player *p, struct script *s, struct script_error *err)
{
	struct script_stmt *stmt;
	int more;

	while ((more = script_next(s, &stmt, err)) > 0) {
		scan_stmt(p, stmt);
		script_stmt_free(stmt);
	}
	return more < 0 ? more : script_rewind(s);
}

static int add_feature(const char *name, uint64_t *features, uint64_t *protocol)
{
	const struct vu_feature *f = vu_feature_by_name(name);

	if (!f)
		return -ENOENT;
	if (f->kind == VU_VIRTIO_FEATURE)
		*features |= 1ULL << f->bit;
	if (f->kind != VU_PROTOCOL_FEATURE)
		return 0;
	*protocol |= 1ULL << f->bit;
	for (size_t i = 0; f->requires && f->requires[i]; i++)
		add_feature(f->requires[i], features, protocol);
	for (size_t i = 0; f->implies && f->implies[i]; i++)
		add_feature(f->implies[i], features, protocol);
	return 0;
}

void scan_features(const struct script_header *h, const struct vu_device *dev, struct scan_wanted *w)
{
	uint64_t without = 0, without_protocol = 0, unused = 0;

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < h->needs.n; i++)
		add_feature(h->needs.items[i], &w->needs, &w->needs_protocol);
	if (w->needs_protocol)
		w->needs |= 1ULL << VU_F_PROTOCOL_FEATURES;
	w->features = w->needs | dev->features | 1ULL << VU_F_VERSION_1 | 1ULL << VU_F_PROTOCOL_FEATURES;
	w->protocol = w->needs_protocol | 1ULL << VU_PF_REPLY_ACK;
	if (h->queues > 1)
		w->protocol |= 1ULL << VU_PF_MQ;
	for (size_t i = 0; i < h->without.n; i++) {
		const struct vu_feature *f = vu_feature_by_name(h->without.items[i]);

		if (f)
			*(f->kind == VU_VIRTIO_FEATURE  ? &without :
			  f->kind == VU_PROTOCOL_FEATURE ? &without_protocol :
							   &unused) |= 1ULL << f->bit;
	}
	/* logging is turned on by the script, once there is a log */
	w->features &= ~(without | 1ULL << VU_F_LOG_ALL);
	w->protocol &= ~without_protocol;
}
