/* SPDX-License-Identifier: Apache-2.0 */
/* What quirks do where it takes more than a line. Without a quirk nothing here does anything. */
#ifndef VRINGER_BACKEND_DEVIATIONS_H
#define VRINGER_BACKEND_DEVIATIONS_H

#include "backend.h"

/** deviation_crash, deviation_hang - as by a bug. */
void deviation_crash(void);
void deviation_hang(void);

/** deviation_await - do nothing until something comes on @conn, for @ms at most (-1: however long). */
void deviation_await(const struct vu_conn *conn, int ms);

/** deviation_forge - how @reply is to be sent. */
const struct vu_forge *deviation_forge(const struct backend *be, struct vu_message *reply,
				       struct vu_forge *forge);

/** deviation_ack - whether @msg is acknowledged, which would be @due; deviation_result() says with what. */
bool deviation_ack(const struct backend *be, const struct vu_message *msg, bool due);
uint64_t deviation_result(const struct backend *be, uint64_t result);

/** deviation_impatient - whether it gives up on a message of which a part is here. */
bool deviation_impatient(const struct backend *be);

/** deviation_leak - forget descriptors of @msg beyond those that @belong to it. */
void deviation_leak(const struct backend *be, struct vu_message *msg, size_t belong);

/** deviation_request - how a request on the back-end channel is changed; deviation_may_use() whether it may be sent. */
void deviation_request(const struct backend *be, struct vu_message *msg);
bool deviation_may_use(const struct backend *be, const struct vu_message_info *info);

/** deviation_features - what else SET_FEATURES does; @before were in force. */
void deviation_features(struct backend *be, uint64_t before);

/** deviation_forget - drop what was agreed upon, and memory. */
void deviation_forget(struct backend *be);

/** deviation_take - event_take() of a kick. */
int deviation_take(const struct backend *be, int kick);

/** deviation_keeps_stopped - whether @ring does not start although it should. */
bool deviation_keeps_stopped(const struct backend *be, const struct ring *ring);

/** deviation_starts_by_kick - whether rings start by what is written to a descriptor, not by the message that brings it. */
bool deviation_starts_by_kick(const struct backend *be);

/** deviation_emptied - what happens when nothing of @ring is held any more, and it is about to stop. */
void deviation_emptied(const struct backend *be, const struct ring *ring);

/** deviation_hinders - whether @ring is not served although it might. */
bool deviation_hinders(const struct backend *be, const struct ring *ring);

/** deviation_base - what is told instead of @base. */
uint32_t deviation_base(const struct backend *be, const struct ring *ring, uint32_t base);

/** deviation_header - what is done when the header of @msg was read. */
void deviation_header(const struct backend *be, const struct vu_message *msg);

/** deviation_message - what is done when @msg comes: while all rings are stopped, most of all. */
void deviation_message(struct backend *be, const struct vu_message *msg);

/** deviation_config - what is told instead of @config. */
void deviation_config(struct backend *be, uint8_t *config);

/** deviation_declines - whether the region at @guest, of ADD_MEM_REG, is not mapped. */
bool deviation_declines(const struct backend *be, uint64_t guest);

/** deviation_private - what is done with the region that was mapped last, of @fd. */
void deviation_private(const struct backend *be, int fd);

/** deviation_overwrite - what happens to the log before the page of @guest is marked. */
void deviation_overwrite(struct backend *be, uint64_t guest);

/** deviation_piece - how many of the bytes that are @left are written next. */
size_t deviation_piece(struct backend *be, size_t left);

/** deviation_transferred - what happens besides when a transfer has ended. */
void deviation_transferred(struct backend *be, bool good);

/** deviation_before_attach - what happens to the part of the in-flight buffer that @ring is to track in. */
void deviation_before_attach(const struct backend *be, struct ring *ring, void *bytes);

/** deviation_careless - whether addresses in no region are taken: the quirk is about those it does not find. */
bool deviation_careless(const struct backend *be);

/** deviation_taken - what happens when @el was taken: to where its buffers are logged, and its mark. */
void deviation_taken(const struct backend *be, const struct ring *ring, struct vu_element *el);

/** deviation_done - what happens to its mark when it was given back. */
void deviation_done(const struct backend *be, const struct ring *ring, const struct vu_element *el);

#endif
