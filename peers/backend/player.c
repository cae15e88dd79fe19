/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end as the host of a script: connection, sending, waiting. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

static void watch_connected(void *ctx)
{
	struct player *p = ctx;

	vu_model_init(&p->model);
	vu_model_use_draft(&p->model, p->play->draft);
	p->connections++;
	p->closed = p->parted = false;
}

static void watch_disconnected(void *ctx)
{
	struct player *p = ctx;

	p->closed = true;
	if (!p->leaving)
		report_subject(&p->play->o->report, "closed", "the connection is closed");
	player_forget(p);
	vu_model_close(&p->model);
}

static bool watch_asks(void *ctx, uint32_t request)
{
	struct player *p = ctx;

	return request < PLAYER_IDS && p->asks[request];
}

static void watch_sent(void *ctx, const struct vu_message *msg, const struct vu_forge *forge)
{
	struct player *p = ctx;

	report_message(&p->play->o->report, msg, true, forge);
	play_said(p->play, msg);
	play_sent(&p->model, VU_BACKEND_ROLE, msg, forge);
}

struct player *player_new(struct backend_options *opt, struct play *play)
{
	struct player *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->opt = opt;
	p->play = play;
	p->watcher = (struct backend_watcher){ p,           watch_connected, watch_disconnected,
					       player_came, watch_sent,      watch_asks };
	play_needs(script_header(play->script), &p->needs);
	vu_model_init(&p->model);
	return p;
}

void player_free(struct player *p)
{
	if (!p)
		return;
	p->leaving = true;
	if (p->be)
		backend_close(p->be);
	player_forget(p);
	free(p);
}

/* ---- before it is played ---- */

static void scan_stmt(void *ctx, const struct script_stmt *stmt)
{
	const struct vu_message_info *info;
	struct player *p = ctx;

	if (stmt->arrow == ARROW_BACKEND_REQUEST) {
		info = vu_message_named(p->play->draft, VU_BACKEND, stmt->word);
		if (info && info->id < PLAYER_IDS)
			p->asks[info->id] = true;
	}
	if (stmt->arrow != ARROW_REPLY)
		return;
	info = vu_message_named(p->play->draft, VU_MAIN, stmt->word);
	if (info && info->id < PLAYER_IDS)
		p->answers[info->id] = true;
}

int player_scan(struct player *p, struct script *s, struct script_error *err)
{
	return script_survey(s, scan_stmt, p, err);
}

/* ---- who waits ---- */

static bool awaits(const struct player *p, unsigned int ring)
{
	return p->be->rings[ring].held && p->released_by[ring];
}

static bool is_outstanding(const struct player *p, uint32_t request)
{
	for (size_t i = 0; i < p->model.noutstanding; i++)
		if (p->model.outstanding[i].channel == VU_BACKEND &&
		    p->model.outstanding[i].request == request)
			return true;
	return false;
}

/* A ring that is held for an answer waits in the place of the back-end, which waits for the ring. */
static void add_ring(const struct player *p, unsigned int index, struct vu_waits *waits)
{
	const struct vu_message_info *info =
		vu_message_of(p->play->draft, VU_BACKEND, p->released_by[index]);
	char ring[32], what[96];

	snprintf(ring, sizeof(ring), "ring %u", index);
	snprintf(what, sizeof(what), "the reply to %s", info->name);
	for (size_t i = 0; i < waits->nedges; i++)
		if (!strcmp(waits->edges[i].who, "back-end") && !strcmp(waits->edges[i].what, what))
			snprintf(waits->edges[i].who, sizeof(waits->edges[i].who), "%s", ring);
	vu_waits_add(waits, "back-end", ring, "the end of what is under way on it");
}

bool player_waits(const struct player *p, char *buf, size_t size)
{
	struct vu_waits *waits = malloc(sizeof(*waits));
	size_t path[VU_WAITS_MAX], n;

	buf[0] = '\0';
	if (!waits)
		return false;
	vu_waits_init(waits);
	vu_waits_from_model(waits, &p->model);
	for (unsigned int i = 0; i < p->be->nrings; i++)
		if (awaits(p, i) && is_outstanding(p, p->released_by[i]))
			add_ring(p, i, waits);
	vu_waits_cycle(waits, path, &n);
	vu_waits_print(waits, buf, size);
	free(waits);
	return n;
}

/* ---- what was agreed upon ---- */

static const char *missing(const struct player *p, enum vu_feature_kind kind, uint64_t bits)
{
	return vu_feature_of(p->play->draft, kind, (unsigned int)__builtin_ctzll(bits))->brief;
}

/* Logging is turned on by the front-end when it migrates, and not before. */
const char *player_lacks(struct player *p)
{
	const uint64_t later = UINT64_C(1) << VU_F_LOG_ALL;
	uint64_t features = p->needs.features & ~p->model.features & ~later;
	uint64_t protocol = p->needs.protocol & ~p->model.protocol;

	if (!p->model.features_set)
		features = 0;
	if (!p->model.protocol_set && !p->model.features_set)
		protocol = 0;
	if (!(features | protocol))
		return NULL;
	snprintf(p->lack, sizeof(p->lack), "the front-end does not acknowledge %s",
		 protocol ? missing(p, VU_PROTOCOL_FEATURE, protocol)
			  : missing(p, VU_VIRTIO_FEATURE, features));
	return p->lack;
}

/* ---- the host's side of the interpreter ---- */

static bool stands(const struct player *p, enum vu_channel channel)
{
	return channel == VU_MAIN ? p->be->connected : p->be->channel_open;
}

static int host_send(void *ctx, struct vu_message *msg, const struct vu_forge *forge,
		     int64_t deadline)
{
	struct player *p = ctx;
	int err;

	if (!stands(p, msg->channel))
		return -ENOTCONN;
	err = backend_send(p->be, msg, forge, deadline);
	if (err)
		return err;
	if (msg->channel == VU_BACKEND && msg->request < PLAYER_IDS)
		p->asked[msg->request]++;
	if (msg->channel == VU_MAIN && p->state != HELD_NONE && msg->request == p->held.request)
		player_let_go(p);
	return 0;
}

static int host_bytes(void *ctx, const uint8_t *bytes, size_t len, int64_t deadline)
{
	struct player *p = ctx;

	return p->be->connected ? vu_conn_send_bytes(&p->be->main, bytes, len, deadline)
				: -ENOTCONN;
}

bool player_at_work(const struct player *p)
{
	for (unsigned int i = 0; i < p->be->nrings; i++)
		if (p->be->rings[i].started && p->be->rings[i].enabled)
			return true;
	return false;
}

/*
 * What the harness does to the front-end runs beside the script; without it the subject gets there by itself.
 * Who is still setting the device up would take a stop for one that comes before the device is used at all.
 */
static void pull_trigger(struct player *p)
{
	const char *name = script_header(p->play->script)->trigger;
	const char *command = name ? play_hook(p->play, name) : NULL;

	if (p->triggered || !command || !player_at_work(p))
		return;
	p->triggered = true;
	subject_launch(&p->play->subject, command);
}

int player_wait(void *ctx, int64_t deadline)
{
	struct player *p = ctx;
	bool happened;

	player_pass_on(p);
	pull_trigger(p);
	happened = backend_turn(p->be, deadline);
	subject_check(&p->play->subject);
	if (p->be->stop)
		return -EINTR;
	return happened ? 0 : -ETIMEDOUT;
}

static int host_fd(void *ctx, struct script_value value)
{
	(void)ctx;
	return value.kind == VALUE_FD ? (int)value.number : -1;
}

static bool host_parted(void *ctx)
{
	return ((struct player *)ctx)->parted;
}

static void host_begin(void *ctx, const struct script *s, const struct script_stmt *stmt)
{
	struct player *p = ctx;

	memset(p->awaited, 0, sizeof(p->awaited));
	if (stmt->kind == STMT_MESSAGE && stmt->arrow == ARROW_REQUEST)
		p->moves_state = script_named(stmt, "fd");
	report_statement(&p->play->o->report, s, stmt);
}

static void host_reading(void *ctx, const char *reading)
{
	report_reading(&((struct player *)ctx)->play->o->report, reading);
}

struct script_host player_host(struct player *p)
{
	return (struct script_host){
		.ctx = p,
		.subject = SUBJECT_FRONTEND,
		.fill = player_fill,
		.send = host_send,
		.send_bytes = host_bytes,
		.arrived = player_arrived,
		.took = player_took,
		.may_arrive = player_may_arrive,
		.verb = player_verb,
		.function = player_function,
		.wait = player_wait,
		.fd = host_fd,
		.parted = host_parted,
		.begin = host_begin,
		.reading = host_reading,
	};
}
