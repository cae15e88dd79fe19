/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that hold for any message: header, size of the payload, descriptors, features needed. */
#include <string.h>

#include "event.h"

/* Clauses that lay a payload out, by its name; the others are laid out by the message's entry. */
static const struct {
	const char *payload, *clause;
} layout_clauses[] = {
	{ "u64", "pay.u64.eight-bytes" },
	{ "vring_fd", "pay.u64.eight-bytes" },
	{ "device_state_reply", "pay.u64.eight-bytes" },
	{ "vring_state", "pay.vring-state.layout" },
	{ "vring_base_split", "pay.vring-state.layout" },
	{ "vring_base_packed", "pay.vring-state.layout" },
	{ "vring_addr", "pay.vring-addr.layout" },
	{ "memory_regions", "pay.mem-table.layout" },
	{ "single_memory_region", "pay.single-region.layout" },
	{ "log", "pay.log.layout" },
	{ "iotlb", "pay.iotlb.layout" },
	{ "config", "pay.config.layout" },
	{ "vring_area", "pay.vring-area.layout" },
	{ "inflight", "pay.inflight.layout" },
	{ "shared_object", "pay.uuid.sixteen-bytes" },
	{ "device_state", "pay.device-state.layout" },
	{ "mmap", "pay.mmap.layout" },
	{ "shmem_config", "pay.shmem-config.layout" },
};

static const char *entry_clause(const struct vu_event *ev)
{
	return ev->msg->channel == VU_MAIN ? "msg.ids-and-payloads" : "bmsg.ids-and-payloads";
}

static const char *size_clause(const struct vu_event *ev, const struct vu_payload *const *forms)
{
	const size_t n = sizeof(layout_clauses) / sizeof(layout_clauses[0]);

	/* of several forms none is the right one */
	if (forms[1] && forms[0]->size != forms[1]->size)
		return entry_clause(ev);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(layout_clauses[i].payload, forms[0]->name) == 0)
			return layout_clauses[i].clause;
	}
	return entry_clause(ev);
}

static bool array_fits(const struct vu_message *msg, const struct vu_payload *layout,
		       const struct vu_field *array)
{
	uint64_t count;

	return vu_field_get(msg, layout, array->count_by, &count) == 0 &&
	       msg->len == array->offset + count * array->stride;
}

/* Some write the padding at the end of the C structure, the text ends before it. */
static bool padded_fits(const struct vu_message *msg, const struct vu_payload *layout,
			const struct vu_field *last)
{
	bool tail = strcmp(last->name, "tail_padding") == 0;

	return msg->len <= layout->size && msg->len >= (tail ? last->offset : layout->size);
}

static bool layout_fits(const struct vu_message *msg, const struct vu_payload *layout)
{
	const struct vu_field *last;

	if (layout->nfields == 0)
		return msg->len == 0;
	last = &layout->fields[layout->nfields - 1];
	if (last->nested)
		return vu_regions_fit(msg, layout, false);
	if (last->count_by)
		return array_fits(msg, layout, last);
	return padded_fits(msg, layout, last);
}

static bool some_layout_fits(const struct vu_message *msg, const struct vu_payload *const *forms)
{
	for (size_t i = 0; i < VU_PAYLOAD_FORMS && forms[i]; i++) {
		if (layout_fits(msg, forms[i]))
			return true;
	}
	return false;
}

/** vu_check_header - of requests and replies alike. */
void vu_check_header(struct vu_event *ev)
{
	const struct vu_message *msg = ev->msg;

	if ((msg->flags & VU_FLAG_VERSION_MASK) != VU_FLAG_VERSION) {
		vu_breach(ev, "hdr.version-one", "%s with flags 0x%x", vu_message_name(msg),
			  msg->flags);
		ev->malformed = true;
	}
	if (msg->size != msg->len) {
		vu_breach(ev, "hdr.size-counts-payload", "%s with size %u and %zu payload bytes",
			  vu_message_name(msg), msg->size, msg->len);
		ev->malformed = true;
	}
}

static bool has_regions(const struct vu_payload *layout)
{
	return layout->nfields && layout->fields[layout->nfields - 1].nested;
}

/* With XEN_MMAP regions have one form, without it the other; in doubt both will do. */
static const char *broken_by_regions(const struct vu_event *ev, const struct vu_payload *layout)
{
	enum vu_certainty xen = vu_protocol_in_force(ev->model, VU_BIT(VU_PF_XEN_MMAP));
	bool plain_fits = vu_regions_fit(ev->msg, layout, false);

	if (plain_fits)
		return xen == VU_YES ? "pay.region.xen-extra-fields" : NULL;
	if (xen != VU_NO && vu_regions_fit(ev->msg, layout, true))
		return NULL;
	return size_clause(ev, ev->info->request_forms);
}

static void check_request_size(struct vu_event *ev)
{
	const char *clause = NULL;

	if (ev->rule->any_size || ev->acknowledges)
		return;
	if (has_regions(ev->info->request))
		clause = broken_by_regions(ev, ev->info->request);
	else if (!some_layout_fits(ev->msg, ev->info->request_forms))
		clause = size_clause(ev, ev->info->request_forms);
	if (!clause)
		return;
	vu_breach(ev, clause, "%s with %zu payload bytes", ev->info->name, ev->msg->len);
	ev->malformed = true;
}

static void check_request_fds(struct vu_event *ev)
{
	const struct vu_fd_rule *fds = &ev->info->fds_request;
	const char *clause = ev->rule->fd_clause;

	if (ev->acknowledges || ev->rule->counts_fds ||
	    (ev->nfds >= fds->min && ev->nfds <= fds->max))
		return;
	if (ev->msg->channel == VU_MAIN && fds->max == 0)
		clause = "comm.fds-only-on-listed-messages";
	else if (ev->msg->channel == VU_BACKEND && ev->nfds > fds->max)
		clause = entry_clause(ev);
	vu_breach(ev, clause, "%s with %zu descriptors", ev->info->name, ev->nfds);
	ev->malformed = true;
}

static void check_needs(struct vu_event *ev)
{
	if (vu_needs(ev->model, ev->rule, ev->msg->channel) != VU_NO)
		return;
	vu_breach(ev, ev->rule->needs_clause, "%s without the feature it needs", ev->info->name);
	ev->malformed = true;
}

/** vu_check_request - is it well-formed? An unknown id is no breach, but not well-formed either. */
void vu_check_request(struct vu_event *ev)
{
	if (vu_message_is_reply(ev->msg)) {
		vu_breach(ev, "hdr.reply-flag-clear-on-requests", "%s, a request, with flags 0x%x",
			  vu_message_name(ev->msg), ev->msg->flags);
		ev->malformed = true;
	}
	if (ev->msg->channel == VU_BACKEND)
		vu_check_channel_request(ev);
	if (!ev->info) {
		ev->malformed = true;
		return;
	}
	if (ev->draft)
		return;
	ev->acknowledges = vu_is_postcopy_ack(ev->model, ev->msg);
	check_request_size(ev);
	check_request_fds(ev);
	check_needs(ev);
	if (ev->rule->names_ring && !ev->malformed)
		ev->index = vu_event_field(ev, "index");
}

/* Postcopy: the regions come back as they were sent, with other addresses. */
static bool addresses_fit(const struct vu_event *ev)
{
	return ev->msg->len == ev->to->len || layout_fits(ev->msg, ev->info->request);
}

static void check_reply_fds(struct vu_event *ev)
{
	if (ev->nfds > ev->info->fds_reply.max)
		vu_breach(ev, entry_clause(ev), "%s reply with %zu descriptors", ev->info->name,
			  ev->nfds);
}

/** vu_check_reply - whether its content can be relied upon. */
bool vu_check_reply(struct vu_event *ev)
{
	const struct vu_payload *const *forms;
	bool fits;

	if (!ev->info || ev->draft)
		return false;
	forms = ev->to->addresses ? ev->info->request_forms : ev->info->reply;
	if (ev->rule->any_reply_size)
		fits = true;
	else
		fits = ev->to->addresses ? addresses_fit(ev) : some_layout_fits(ev->msg, forms);
	if (!ev->sure)
		return fits;
	if (!fits)
		vu_breach(ev, size_clause(ev, forms), "%s reply with %zu payload bytes",
			  ev->info->name, ev->msg->len);
	check_reply_fds(ev);
	return fits;
}
