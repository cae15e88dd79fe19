/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the model: one message on its way through it, and the table row
 * that says what the message needs and which functions follow it.
 */
#ifndef VRINGER_MODEL_EVENT_H
#define VRINGER_MODEL_EVENT_H

#include "model.h"

#define VU_BIT(n) (UINT64_C(1) << (n))
#define VU_NO_RING UINT64_MAX
#define VU_NEVER UINT64_MAX

struct vu_rule;

struct vu_event {
	struct vu_model *model;
	enum vu_role from;
	const struct vu_message *msg;
	const struct vu_message_info *info; /* NULL: unknown id */
	const struct vu_rule *rule;         /* never NULL */
	bool draft;                         /* the id is that of a draft */
	struct vu_observation *obs;
	size_t nfds;
	/* of a request */
	enum vu_debt debt;
	bool malformed;
	bool acknowledges; /* it is the front-end's acknowledgement of a postcopy reply */
	uint64_t index;
	/* of a reply */
	const struct vu_outstanding *to;
	bool sure; /* that it answers @to, and that @to was well-formed */
};

typedef void (*vu_follow_fn)(struct vu_event *ev);

/*
 * One row a message. `features` and `protocol` have to be in force, of the `_offered` ones it is
 * enough that the back-end offered them.
 */
struct vu_rule {
	uint64_t features, features_offered;
	uint64_t protocol, protocol_offered;
	const char *needs_clause; /* broken when one is missing */
	const char *fd_clause;    /* broken when the descriptors are not as the table wants them */
	bool names_ring;          /* the request has a field "index" */
	bool counts_fds; /* request() looks at the number of descriptors, the table does not tell */
	bool any_size;   /* the table does not settle the size of the payload */
	bool any_reply_size;  /* nor that of the reply */
	vu_follow_fn request; /* a well-formed request: more checks, and its effect */
	vu_follow_fn reply;   /* a well-formed reply */
	vu_follow_fn doubt;   /* a malformed request that may have been obeyed */
};

enum vu_certainty { VU_NO, VU_PERHAPS, VU_YES };

/* rules.c */
const struct vu_rule *vu_rule_of(const struct vu_message_info *info);

/* model.c */
void vu_breach(struct vu_event *ev, const char *clause, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
const struct vu_message_info *vu_model_info(const struct vu_model *model, enum vu_channel channel,
					    uint32_t id);
const struct vu_rule *vu_model_rule(const struct vu_model *model,
				    const struct vu_message_info *info);
uint64_t vu_event_field(const struct vu_event *ev, const char *name);

/* invariants.c */
void vu_check_header(struct vu_event *ev);
void vu_check_request(struct vu_event *ev);
bool vu_check_reply(struct vu_event *ev);

/* negotiate.c: whether what a message needs is in force, and what asks for acknowledgements */
enum vu_certainty vu_needs(const struct vu_model *model, const struct vu_rule *rule,
			   enum vu_channel channel);
enum vu_certainty vu_protocol_in_force(const struct vu_model *model, uint64_t bits);
void vu_doubt_features(struct vu_event *ev);
void vu_doubt_protocol_features(struct vu_event *ev);
void vu_reply_features(struct vu_event *ev);
void vu_set_features(struct vu_event *ev);
void vu_reply_protocol_features(struct vu_event *ev);
void vu_set_protocol_features(struct vu_event *ev);
void vu_set_owner(struct vu_event *ev);
void vu_reset_owner(struct vu_event *ev);
void vu_reply_queue_num(struct vu_event *ev);

/* replies.c */
enum vu_debt vu_debt_of(const struct vu_model *model, const struct vu_message_info *info,
			const struct vu_message *msg);
void vu_owe_reply(struct vu_event *ev);
void vu_see_reply(struct vu_event *ev);

/* rings.c */
void vu_rings_enable_all(struct vu_model *model);
void vu_rings_reset(struct vu_model *model);
void vu_rings_forget_silence(struct vu_model *model);
void vu_rings_answered(struct vu_model *model, const struct vu_outstanding *to);
void vu_set_vring_num(struct vu_event *ev);
void vu_set_vring_addr(struct vu_event *ev);
void vu_set_vring_base(struct vu_event *ev);
void vu_get_vring_base(struct vu_event *ev);
void vu_reply_vring_base(struct vu_event *ev);
void vu_set_vring_kick(struct vu_event *ev);
void vu_set_vring_call(struct vu_event *ev);
void vu_set_vring_err(struct vu_event *ev);
void vu_set_vring_enable(struct vu_event *ev);
void vu_set_vring_endian(struct vu_event *ev);
void vu_vring_kick(struct vu_event *ev);

/* memory.c: regions and the log of writes to them */
bool vu_regions_fit(const struct vu_message *msg, const struct vu_payload *layout, bool xen);
bool vu_is_postcopy_ack(const struct vu_model *model, const struct vu_message *msg);
void vu_doubt_memory(struct vu_event *ev);
void vu_set_mem_table(struct vu_event *ev);
void vu_add_mem_reg(struct vu_event *ev);
void vu_rem_mem_reg(struct vu_event *ev);
void vu_reply_memory(struct vu_event *ev);
void vu_reply_max_mem_slots(struct vu_event *ev);
void vu_set_log_base(struct vu_event *ev);

/* device.c: what concerns the device as a whole */
void vu_reset_device(struct vu_event *ev);
void vu_status(struct vu_event *ev);
void vu_reply_config(struct vu_event *ev);
void vu_set_inflight_fd(struct vu_event *ev);
void vu_set_device_state_fd(struct vu_event *ev);
void vu_reply_device_state_fd(struct vu_event *ev);
void vu_check_device_state(struct vu_event *ev);
void vu_reply_check_device_state(struct vu_event *ev);
void vu_postcopy_advise(struct vu_event *ev);
void vu_postcopy_listen(struct vu_event *ev);
void vu_doubt_postcopy(struct vu_event *ev);
void vu_postcopy_end(struct vu_event *ev);
void vu_reply_shmem_config(struct vu_event *ev);

/* channel.c: the back-end channel */
void vu_set_backend_req_fd(struct vu_event *ev);
void vu_check_channel_request(struct vu_event *ev);
void vu_iotlb_msg(struct vu_event *ev);
void vu_channel_vring(struct vu_event *ev);
void vu_reply_lookup(struct vu_event *ev);

#endif
