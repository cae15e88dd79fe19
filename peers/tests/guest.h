/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest and its front-end as a fuzzer of back-ends plays them: memory, rings with
 * requests in them, and everything that messages tell about those.
 */
#ifndef VRINGER_TESTS_GUEST_H
#define VRINGER_TESTS_GUEST_H

#include "devices/device.h"
#include "mutate.h"

#define GUEST_RINGS 4
#define GUEST_PLACES 3 /* regions that are told about */
#define GUEST_STATE 4096

/* Guest addresses of the regions, and the size of each. User addresses lie beyond GUEST_USER. */
#define GUEST_LOW UINT64_C(0x100000)
#define GUEST_HIGH UINT64_C(0x200000)
#define GUEST_LOOSE UINT64_C(0x400000)
#define GUEST_SIZE UINT64_C(0x40000)
#define GUEST_USER UINT64_C(0x7f0000000000)

struct guest {
	struct chance *chance;
	const struct vu_device *device;
	bool packed;
	unsigned int nrings;
	uint64_t features, protocol; /* what is acknowledged */
	struct vu_memory memory;
	struct vu_vring rings[GUEST_RINGS];
	int kicks[GUEST_RINGS];
	int loose;  /* a memfd without seals, which may get shorter: the last region */
	int shared; /* what GET_INFLIGHT_FD returned, mapped at `inflight` */
	uint8_t *inflight;
	size_t inflight_size;
	int log;
	int stream;                 /* our end of a device state on its way, or -1 */
	uint8_t state[GUEST_STATE]; /* the beginning of what was saved last */
	size_t state_len;
	int channel; /* our end of the back-end channel that was told last, or -1: the taker clears it */
	unsigned int ring, region; /* those that the message in the making is about */
	char deed[128];            /* what was done to memory last, as a scenario says it */
};

/** guest_open - memory and rings for @device, laid out as @chance says. 0 or -errno. */
int guest_open(struct guest *g, struct chance *chance, const struct vu_device *device);
void guest_close(struct guest *g);

/** guest_declare - its memory as statements of a scenario. */
void guest_declare(const struct guest *g, char *text, size_t size);

/** guest_message - the message @id as a front-end in its right mind would send it for ring @ring. */
void guest_message(struct guest *g, struct vu_message *msg, uint32_t id, unsigned int ring);

/** guest_reply - what a reply brought along: the in-flight buffer is kept. */
void guest_reply(struct guest *g, struct vu_message *reply);

/** guest_submit - a request of the device into @ring, or the one that has to be the first of all. */
void guest_submit(struct guest *g, unsigned int ring);
void guest_submit_first(struct guest *g, unsigned int ring);

/** guest_disturb - write nonsense where rings, tables and the in-flight buffer are. `deed` says what. */
void guest_disturb(struct guest *g);

void guest_kick(struct guest *g, unsigned int ring);

/** guest_stream - move the device state on without waiting: take what comes. */
void guest_stream(struct guest *g);

#endif
