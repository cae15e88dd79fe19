/* SPDX-License-Identifier: Apache-2.0 */
/* The dirty log: where it is kept. What is entered is up to those who write memory. */
#include <errno.h>
#include <unistd.h>

#include "backend.h"

/* Without LOG_SHMFD the log would be an address in another process. */
int set_log_base(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	uint64_t offset = quirk(be, QUIRK_LOG_OFFSET_IGNORED) ? 0 : vu_get(msg, "offset");
	uint64_t size = vu_get(msg, "size");
	int err = 0;

	if (!has_protocol(be, VU_PF_LOG_SHMFD) || msg->nfds != 1)
		return -EINVAL;
	if (quirk(be, QUIRK_LOG_OF_WHOLE_PAGES))
		size = (size | (VU_LIMIT_LOG_PAGE_SIZE - 1)) + 1;
	if (quirk(be, QUIRK_LOG_STAYS_MAPPED))
		be->map.log_mapping = NULL;
	if (!be->map.log || !quirk(be, QUIRK_LOG_LATCHED))
		err = vu_map_log(&be->map, msg->fds[0], size, offset);
	if (err)
		return err;
	if (quirk(be, QUIRK_LOG_BASE_UNANSWERED))
		return DONE;
	vu_message_set_u64(reply, 0);
	return ANSWERED;
}

int set_log_fd(struct backend *be, struct vu_message *msg, struct vu_message *reply)
{
	(void)reply;
	backend_close_fd(be, &be->log_event);
	be->log_event = vu_message_take_fd(msg, 0);
	be->map.logging &= !quirk(be, QUIRK_LOG_FD_ENDS_LOG);
	return DONE;
}

void log_tell(struct backend *be)
{
	if (be->logged && be->map.logging && be->map.log)
		event_signal(be->log_event);
	be->logged = false;
}
