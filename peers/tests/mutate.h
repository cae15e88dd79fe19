/* SPDX-License-Identifier: Apache-2.0 */
/* Chance that repeats itself, and what it makes of messages and descriptors. For the fuzzers. */
#ifndef VRINGER_TESTS_MUTATE_H
#define VRINGER_TESTS_MUTATE_H

#include "wire/socket.h"

/* The same numbers for the same seed. */
struct chance {
	uint64_t state;
};

/** chance_of - the numbers of part @part of all that @seed decides. */
struct chance chance_of(uint64_t seed, uint64_t part);

uint64_t chance_next(struct chance *c);

/** chance_below - 0 .. @n - 1. */
uint64_t chance_below(struct chance *c, uint64_t n);

/** chance_one_in - true once in @n times. */
bool chance_one_in(struct chance *c, uint64_t n);

/** chance_number - mostly one at which code goes wrong: around powers of two, pages, zero and all ones. */
uint64_t chance_number(struct chance *c);

/** mutate_bytes - write a number of 1 to 8 bytes somewhere, or change the one that is there a little. */
void mutate_bytes(struct chance *c, void *bytes, size_t len);

/**
 * mutate_message - change header, payload, sizes or the number of descriptors of @msg, or say in @forge how
 * it is cut. What it does to descriptors it does with strange ones.
 */
void mutate_message(struct chance *c, struct vu_message *msg, struct vu_forge *forge);

/** mutate_spares_framing - whether the receiver knows where the message ends as the sender does. */
bool mutate_spares_framing(const struct vu_message *msg, const struct vu_forge *forge);

#define STRANGE "strange" /* name of its file where it is memory */

/** strange_fd - a descriptor that is hardly what anybody expects. The caller owns it. */
int strange_fd(struct chance *c);

#endif
