/* SPDX-License-Identifier: Apache-2.0 */
/* Memory regions as the front-end announces them, and the log of writes to them. */
#include <stdio.h>
#include <string.h>

#include "event.h"

/* Value of a region's field; the region begins at @offset of the payload. */
static uint64_t region_field(const struct vu_message *msg, const struct vu_payload *layout,
			     size_t offset, const char *name)
{
	uint64_t value = 0;

	for (size_t i = 0; i < layout->nfields; i++) {
		const struct vu_field *f = &layout->fields[i];

		if (strcmp(f->name, name) != 0)
			continue;
		if (offset + f->offset + sizeof(value) <= msg->len)
			memcpy(&value, msg->payload + offset + f->offset, sizeof(value));
		break;
	}
	return value;
}

static struct vu_model_region read_region(const struct vu_message *msg,
					  const struct vu_field *field, size_t offset)
{
	const struct vu_payload *layout = field->nested;

	return (struct vu_model_region){
		.guest_address = region_field(msg, layout, offset, "guest_address"),
		.size = region_field(msg, layout, offset, "size"),
		.user_address = region_field(msg, layout, offset, "user_address"),
		.mmap_offset = region_field(msg, layout, offset, "mmap_offset"),
	};
}

/* The field that holds the region or the regions: the last of the payload. */
static const struct vu_field *regions_field(const struct vu_payload *layout)
{
	return &layout->fields[layout->nfields - 1];
}

static size_t xen_stride(void)
{
	return vu_payload_by_name("memory_region_xen")->size;
}

/* Only the regions in use are sent; by the letter of the text all eight may be. */
static bool table_fits(size_t len, size_t offset, uint64_t n, size_t stride)
{
	return len == offset + n * stride ||
	       (n < VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE &&
		len == offset + VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE * stride);
}

/** vu_regions_fit - whether the payload has the size for its regions; with @xen they are longer. */
bool vu_regions_fit(const struct vu_message *msg, const struct vu_payload *layout, bool xen)
{
	const struct vu_field *field = regions_field(layout);
	size_t stride = xen ? xen_stride() : field->stride;
	uint64_t n;

	if (!field->count_by)
		return msg->len == field->offset + stride;
	return vu_field_get(msg, layout, field->count_by, &n) == 0 &&
	       table_fits(msg->len, field->offset, n, stride);
}

/*
 * In postcopy the front-end acknowledges the addresses of the back-end with a message without
 * regions: empty by the text, but 8 zero bytes are sent, too, also under another of the three ids.
 */
bool vu_is_postcopy_ack(const struct vu_model *model, const struct vu_message *msg)
{
	uint64_t zero = 0;

	if (!model->postcopy_ack_due || msg->channel != VU_MAIN || msg->nfds)
		return false;
	if (msg->request != VU_SET_MEM_TABLE && msg->request != VU_ADD_MEM_REG &&
	    msg->request != VU_REM_MEM_REG)
		return false;
	return msg->len == 0 ||
	       (msg->len == sizeof(zero) && vu_message_u64(msg, &zero) && zero == 0);
}

void vu_doubt_memory(struct vu_event *ev)
{
	ev->model->memory_doubtful = true;
}

static uint64_t last_byte(uint64_t address, uint64_t size)
{
	return size - 1 > UINT64_MAX - address ? UINT64_MAX : address + size - 1;
}

static bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
	if (!a_size || !b_size)
		return false;
	return a <= last_byte(b, b_size) && b <= last_byte(a, a_size);
}

static void check_overlap(struct vu_event *ev, const struct vu_model_region *new, bool guest,
			  const char *clause)
{
	const struct vu_model *model = ev->model;

	for (size_t i = 0; i < model->nregions; i++) {
		const struct vu_model_region *old = &model->regions[i];
		uint64_t a = guest ? new->guest_address : new->user_address;
		uint64_t b = guest ? old->guest_address : old->user_address;

		if (!overlap(a, new->size, b, old->size))
			continue;
		vu_breach(ev, clause, "%s: %s range 0x%llx+0x%llx overlaps 0x%llx+0x%llx",
			  ev->info->name, guest ? "guest" : "user", (unsigned long long)a,
			  (unsigned long long)new->size, (unsigned long long)b,
			  (unsigned long long)old->size);
		return;
	}
}

static void add(struct vu_event *ev, struct vu_model_region new)
{
	struct vu_model *model = ev->model;
	bool adding = ev->info->id == VU_ADD_MEM_REG;

	if (vu_protocol_in_force(model, VU_BIT(VU_PF_GPA_ADDRESSES)) == VU_YES &&
	    new.user_address != new.guest_address)
		vu_breach(ev, "pay.region.gpa-duplicates",
			  "%s: guest address 0x%llx, user address 0x%llx", ev->info->name,
			  (unsigned long long)new.guest_address,
			  (unsigned long long)new.user_address);
	if (!model->memory_doubtful) {
		check_overlap(ev, &new, true,
			      adding ? "pay.region.remove-before-overlap"
				     : "pay.region.no-guest-overlap");
		check_overlap(ev, &new, false, "pay.region.no-user-overlap");
	}
	if (model->nregions < VU_MODEL_REGIONS)
		model->regions[model->nregions++] = new;
	else
		model->memory_doubtful = true;
}

static bool one_fd_each(struct vu_event *ev, uint64_t n)
{
	if (ev->nfds == n)
		return true;
	vu_breach(ev, ev->rule->fd_clause, "%s: %llu regions and %zu descriptors", ev->info->name,
		  (unsigned long long)n, ev->nfds);
	ev->malformed = true;
	return false;
}

/* In postcopy the back-end answers with its own addresses, and need_reply has no place. */
static void expect_addresses(struct vu_event *ev, const char *clause)
{
	if (ev->model->postcopy_listening && vu_message_needs_reply(ev->msg))
		vu_breach(ev, clause, "%s in postcopy with need_reply", ev->info->name);
}

static void replace_table(struct vu_event *ev, const struct vu_field *field, uint64_t n)
{
	bool xen = !vu_regions_fit(ev->msg, ev->info->request, false);
	size_t stride = xen ? xen_stride() : field->stride;

	ev->model->nregions = 0;
	ev->model->memory_doubtful = false;
	for (uint64_t i = 0; i < n; i++)
		add(ev, read_region(ev->msg, field, field->offset + i * stride));
}

void vu_set_mem_table(struct vu_event *ev)
{
	const struct vu_field *field = regions_field(ev->info->request);
	uint64_t n = vu_event_field(ev, field->count_by);

	if (ev->acknowledges) {
		ev->model->postcopy_ack_due = false;
		return;
	}
	expect_addresses(ev, "msg.set-mem-table.postcopy-no-need-reply");
	if (n > VU_LIMIT_MAX_REGIONS_SET_MEM_TABLE) {
		vu_breach(ev, "pay.mem-table.at-most-eight", "SET_MEM_TABLE of %llu regions",
			  (unsigned long long)n);
		ev->malformed = true;
		return;
	}
	if (one_fd_each(ev, n))
		replace_table(ev, field, n);
}

void vu_add_mem_reg(struct vu_event *ev)
{
	const struct vu_field *field = regions_field(ev->info->request);
	struct vu_model *model = ev->model;

	if (ev->acknowledges) {
		model->postcopy_ack_due = false;
		return;
	}
	expect_addresses(ev, "msg.add-mem-reg.postcopy-fe-rules");
	if (!one_fd_each(ev, 1))
		return;
	if (model->max_mem_slots && !model->memory_doubtful &&
	    model->nregions >= model->max_mem_slots)
		vu_breach(ev, "msg.get-max-mem-slots.respected",
			  "region %zu where %llu are possible", model->nregions + 1,
			  (unsigned long long)model->max_mem_slots);
	add(ev, read_region(ev->msg, field, field->offset));
}

static bool same_region(const struct vu_model_region *a, const struct vu_model_region *b)
{
	return a->guest_address == b->guest_address && a->user_address == b->user_address &&
	       a->size == b->size;
}

void vu_rem_mem_reg(struct vu_event *ev)
{
	const struct vu_field *field = regions_field(ev->info->request);
	struct vu_model_region gone = read_region(ev->msg, field, field->offset);
	struct vu_model *model = ev->model;

	if (ev->acknowledges) {
		model->postcopy_ack_due = false;
		return;
	}
	if (ev->nfds) {
		vu_breach(ev, ev->rule->fd_clause, "REM_MEM_REG with a descriptor");
		ev->debt = VU_DEBT_MAYBE; /* the back-end need not tolerate it */
	}
	for (size_t i = 0; i < model->nregions; i++) {
		if (!same_region(&model->regions[i], &gone))
			continue;
		model->nregions--;
		memmove(&model->regions[i], &model->regions[i + 1],
			(model->nregions - i) * sizeof(model->regions[0]));
		return;
	}
}

void vu_reply_memory(struct vu_event *ev)
{
	if (ev->to->addresses)
		ev->model->postcopy_ack_due = true;
	else if (vu_event_field(ev, "u64"))
		ev->model->memory_doubtful = true; /* refused: which regions are left is unknown */
}

void vu_reply_max_mem_slots(struct vu_event *ev)
{
	ev->model->max_mem_slots = vu_event_field(ev, "u64");
}

void vu_set_log_base(struct vu_event *ev)
{
	const size_t size = ev->info->request->size, len = ev->msg->len;
	enum vu_certainty shmfd = vu_protocol_in_force(ev->model, VU_BIT(VU_PF_LOG_SHMFD));

	if (shmfd == VU_YES && (len != size || ev->nfds != 1)) {
		vu_breach(ev, "msg.set-log-base.shmfd-payload",
			  "SET_LOG_BASE with LOG_SHMFD: %zu payload bytes, %zu descriptors", len,
			  ev->nfds);
		ev->malformed = true;
		return;
	}
	/* the entry of the message has a plain u64 */
	if (len != size && len != sizeof(uint64_t)) {
		vu_breach(ev, "pay.log.layout", "SET_LOG_BASE of %zu bytes", len);
		ev->malformed = true;
		return;
	}
	if (len == size) {
		ev->model->log_size = vu_event_field(ev, "size");
		ev->model->log_offset = vu_event_field(ev, "offset");
	}
	ev->model->log_set = true;
}
