/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back-end that a fuzzer of front-ends plays: it knows enough to keep a front-end going,
 * takes whatever it is told, and gives back every request as done.
 */
#ifndef VRINGER_TESTS_IMPOSTOR_H
#define VRINGER_TESTS_IMPOSTOR_H

#include "mutate.h"
#include "vring/served.h"

#define IMPOSTOR_RINGS 8

struct impostor_ring {
	struct vu_served served;
	uint32_t base;
	bool ready; /* found in memory */
	int kick, call;
};

struct impostor {
	struct chance *chance;
	uint64_t offered;            /* virtio features */
	uint64_t features, protocol; /* acknowledged */
	struct vu_map map;
	struct impostor_ring rings[IMPOSTOR_RINGS];
	int channel;  /* descriptor of SET_BACKEND_REQ_FD, or -1: the taker clears it */
	int stream;   /* of a device state that we save, or -1 */
	bool endless; /* that state */
	struct vu_element element;
};

void impostor_init(struct impostor *im, struct chance *chance);
void impostor_close(struct impostor *im);

/** impostor_take - do what @msg asks for; its descriptors are taken as they are needed. */
void impostor_take(struct impostor *im, struct vu_message *msg);

/** impostor_answer - the reply that is due to @msg; false when none is. */
bool impostor_answer(struct impostor *im, const struct vu_message *msg, struct vu_message *reply);

/** impostor_ask - some request for the back-end channel. */
void impostor_ask(struct impostor *im, struct vu_message *msg);

/** impostor_serve - ring @i was kicked: give back what is there, with @harm not as it should be. */
void impostor_serve(struct impostor *im, unsigned int i, bool harm);

/** impostor_stream - go on with a state that is being saved, as far as that works without waiting. */
void impostor_stream(struct impostor *im);

#endif
