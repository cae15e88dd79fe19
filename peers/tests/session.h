/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation for tests of the model: messages said in one line, breaches compared in one. */
#ifndef VRINGER_TESTS_SESSION_H
#define VRINGER_TESTS_SESSION_H

#include "model/model.h"

#define BIT(n) (UINT64_C(1) << (n))

/* The model counts descriptors and touches none: any number will do. */
#define SOME_FD 1000

#define EVERY_PROTOCOL_FEATURE \
	((BIT(VU_PF_SHMEM_MAP + 1) - 1) & ~BIT(VU_PF_XEN_MMAP) & ~BIT(VU_PF_GPA_ADDRESSES))

struct session {
	struct vu_model model;
	struct vu_observation obs;
	struct vu_message msg; /* the one being made */
};

void session_init(struct session *s);

/* A message is begun, changed at will, and said. */
struct vu_message *begin(struct session *s, enum vu_channel channel, uint32_t id);
struct vu_message *begin_reply(struct session *s, enum vu_channel channel, uint32_t id);
void say(struct session *s, enum vu_role from);
void say_fe(struct session *s);
void say_be(struct session *s);
void set(struct session *s, const struct vu_payload *layout, const char *path, uint64_t value);

/* The layout of a request of the front-end. */
const struct vu_payload *layout_of(uint32_t id);

/* Requests of the front-end; @flags are added to the header. */
void ask(struct session *s, uint32_t id, uint32_t flags);
void ask_u64(struct session *s, uint32_t id, uint64_t value, uint32_t flags);
void ask_ring(struct session *s, uint32_t id, uint32_t index, uint32_t num, uint32_t flags);
void ask_fd(struct session *s, uint32_t id, uint32_t index, bool fd, uint32_t flags);
void ask_region(struct session *s, uint32_t id, uint64_t guest, uint64_t user, uint64_t size,
		uint32_t flags);
void ask_table(struct session *s, const struct vu_model_region *regions, size_t n, uint32_t flags);

/* Replies of the back-end. */
void answer(struct session *s, uint32_t id);
void answer_u64(struct session *s, uint32_t id, uint64_t value);
void answer_ring(struct session *s, uint32_t index, uint32_t num);

/* The back-end channel. */
void channel_ask(struct session *s, uint32_t id, uint32_t flags);
void channel_answer(struct session *s, uint32_t id, uint64_t value);

/* Features are offered and acknowledged: @features besides bit 30. */
void negotiate(struct session *s, uint64_t features, uint64_t protocol);

/* A new conversation in which all that bears on messages was acknowledged. */
void everything(struct session *s);

/* Ring @index is set up and runs; it is stopped again. */
void start_ring(struct session *s, uint32_t index);
void stop_ring(struct session *s, uint32_t index);

/* What was observed of the last message. */
void check_clean(const struct session *s, const char *file, int line);
void check_breach(const struct session *s, const char *clause, enum vu_role by, const char *file,
		  int line);

#define clean(s) check_clean(s, __FILE__, __LINE__)
#define breach(s, clause, by) check_breach(s, clause, by, __FILE__, __LINE__)
#define breach_fe(s, clause) breach(s, clause, VU_FRONTEND)
#define breach_be(s, clause) breach(s, clause, VU_BACKEND_ROLE)

bool is_clause(const char *id);

#endif
