/* SPDX-License-Identifier: Apache-2.0 */
/* One reading of a scenario before it is played: that it parses, and which back-end requests it deals with. */
#include <errno.h>
#include <string.h>

#include "scan.h"

static void scan_stmt(void *ctx, const struct script_stmt *stmt)
{
	const struct vu_message_info *info;
	struct player *p = ctx;

	if (stmt->kind == STMT_VERB && !strcmp(stmt->word, "serve")) {
		const struct script_expr *e = script_positional(stmt, 1);

		info = e && e->text ? vu_message_named(p->play->draft, VU_BACKEND, e->text) : NULL;
		if (info && info->id < 64)
			p->asks_for[info->id] = true;
	}
	if (stmt->arrow != ARROW_BACKEND_REQUEST && stmt->arrow != ARROW_BACKEND_REPLY)
		return;
	info = vu_message_named(p->play->draft, VU_BACKEND, stmt->word);
	if (!info || info->id >= 64)
		return;
	p->asks_for[info->id] = true; /* even if only a fragment awaits what is answered here */
	if (stmt->arrow == ARROW_BACKEND_REPLY)
		p->answers[info->id] = true;
}

int scan_script(struct player *p, struct script *s, struct script_error *err)
{
	return script_survey(s, scan_stmt, p, err);
}

void scan_features(const struct script_header *h, const struct vu_device *dev,
		   struct scan_wanted *w)
{
	struct play_needs n;

	play_needs(h, &n);
	*w = (struct scan_wanted){ .needs = n.features, .needs_protocol = n.protocol };
	w->features =
		w->needs | dev->features | 1ULL << VU_F_VERSION_1 | 1ULL << VU_F_PROTOCOL_FEATURES;
	w->protocol = w->needs_protocol | 1ULL << VU_PF_REPLY_ACK;
	if (h->queues > 1)
		w->protocol |= 1ULL << VU_PF_MQ;
	/* logging is turned on by the script, once there is a log */
	w->features &= ~(n.without | 1ULL << VU_F_LOG_ALL);
	w->protocol &= ~n.without_protocol;
}
