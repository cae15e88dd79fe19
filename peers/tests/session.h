/* SPDX-License-Identifier: Apache-2.0 */
/* A conversation for tests of the model: messages said in one line, breaches compared in one. */
#ifndef VRINGER_TESTS_SESSION_H
#define VRINGER_TESTS_SESSION_H

#include "model/model.h"

#define BIT(n) (UINT64_C(1) << (n))

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
void set(struct session *s, const struct vu_payload *layout, const char *path, uint64_t value);

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
