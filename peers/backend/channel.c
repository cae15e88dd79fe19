/* SPDX-License-Identifier: Apache-2.0 */
/* The back-end channel: requests to the front-end, and the replies to them. Nothing waits here. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "deviations.h"

void channel_close(struct backend *be)
{
	if (!be->channel_open)
		return;
	backend_unwatch(be, be->channel.fd);
	vu_conn_close(&be->channel);
	be->channel_open = false;
	be->nasked = 0;
	for (unsigned int i = 0; i < be->nrings; i++)
		be->rings[i].calling = be->rings[i].recall = false;
}

void channel_ask_again(struct backend *be)
{
	for (unsigned int i = 0; i < be->nrings; i++)
		be->rings[i].starving = false;
	rings_run(be);
}

int set_backend_req_fd(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)reply;
	if (be->odd.channelled && quirk(be, QUIRK_CHANNEL_LATCHED))
		return DONE;
	be->odd.channelled = true;
	channel_close(be);
	vu_conn_init(&be->channel, vu_message_take_fd(msg, 0), VU_BACKEND);
	be->channel.draft = be->opt->dialect;
	if (quirk(be, QUIRK_CHANNEL_STAYS_OPEN))
		dup(be->channel.fd);
	be->channel_open = true;
	be->announced = false;
	be->drafted.channel = CHANNEL_UNSTARTED;
	if (backend_watch(be, be->channel.fd, EPOLLIN, WATCH_CHANNEL, 0)) {
		channel_close(be);
		return -EINVAL;
	}
	channel_resume(be);
	channel_ask_again(be);
	return DONE;
}

/* ---- requests ---- */

/* While no ring is started the device says nothing of its own. */
bool channel_may(const struct backend *be, uint32_t request)
{
	return (be->channel_open || quirk(be, QUIRK_CHANNEL_IS_MAIN)) && !draft_shuts_channel(be) &&
	       (!suspended(be) || quirk(be, QUIRK_SUSPENDED_ASKS)) &&
	       deviation_may_use(be, vu_message_by_id(VU_BACKEND, request));
}

static int expect(struct backend *be, uint32_t request, unsigned int ring,
		  void (*answered)(struct backend *, unsigned int, struct vu_message *))
{
	if (be->nasked == BACKEND_ASKED)
		return -EBUSY;
	be->asked[be->nasked++] = (struct asked){ request, ring, answered };
	return 0;
}

int channel_ask(struct backend *be, struct vu_message *msg, unsigned int ring,
		void (*answered)(struct backend *, unsigned int, struct vu_message *))
{
	const struct vu_message_info *info =
		vu_message_of(be->opt->dialect, VU_BACKEND, msg->request);
	bool reply = info->reply_when == VU_REPLY_ALWAYS || has_protocol(be, VU_PF_REPLY_ACK);
	int err = 0;

	msg->draft = be->opt->dialect;
	deviation_request(be, msg);
	if (answered && has_protocol(be, VU_PF_REPLY_ACK) &&
	    !quirk(be, QUIRK_INBAND_CALL_UNCONFIRMED))
		msg->flags |= VU_FLAG_NEED_REPLY;
	if (answered && reply)
		err = expect(be, msg->request, ring, answered);
	if (err)
		return err;
	if (be->opt->verbose)
		backend_complain("<= %s", vu_message_name(msg));
	err = backend_send(be, msg, NULL, vu_now());
	if (err) {
		backend_complain("the back-end channel takes no message: %s", strerror(-err));
		channel_close(be);
	}
	return err;
}

/* ---- replies ---- */

static void answer(struct backend *be, struct vu_message *reply)
{
	for (size_t i = 0; i < be->nasked; i++) {
		struct asked asked = be->asked[i];

		if (asked.request != reply->request)
			continue;
		be->nasked--;
		memmove(&be->asked[i], &be->asked[i + 1], (be->nasked - i) * sizeof(asked));
		asked.answered(be, asked.ring, reply);
		return;
	}
	backend_complain("%s was answered unasked", vu_message_name(reply));
}

void channel_receive(struct backend *be)
{
	struct vu_message reply;
	int err = 0;

	while (be->channel_open && !err) {
		err = vu_conn_recv(&be->channel, &reply);
		if (err)
			break;
		if (!backend_came(be, &reply) && vu_message_is_reply(&reply))
			answer(be, &reply);
		vu_message_close_fds(&reply);
	}
	if (err && err != -EAGAIN && quirk(be, QUIRK_CHANNEL_CLOSED_CRASH))
		deviation_crash();
	if (err != -EAGAIN)
		channel_close(be);
}

void channel_resume(struct backend *be)
{
	if ((suspended(be) && !quirk(be, QUIRK_SUSPENDED_ASKS)) || !be->channel_open)
		return;
	if (draft_shuts_channel(be))
		return;
	if (be->config_changed)
		config_tell(be);
	if (be->watcher) /* the script has what there is to say of one's own accord */
		return;
	notifier_announce(be);
	if (be->announced)
		return;
	be->announced = true;
	object_announce(be);
	shmem_announce(be);
}
