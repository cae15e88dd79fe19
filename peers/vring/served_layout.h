/* SPDX-License-Identifier: Apache-2.0 */
/* Within the room: what the parts of the device's side share. */
#ifndef VRINGER_VRING_SERVED_LAYOUT_H
#define VRINGER_VRING_SERVED_LAYOUT_H

#include "vring/served.h"
#include "vring/shared.h"

/* A descriptor in the byte order of this machine, copied once so that it cannot change any more. */
struct served_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next; /* packed: buffer id */
};

/* served.c, for the layouts. All return 0 or -errno as vu_served_pop() does. */

/** served_broken - say in `trouble` what is wrong with the ring. Returns -EPROTO. */
int served_broken(struct vu_served *r, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/** served_add - append a buffer to @el. */
int served_add(struct vu_served *r, struct vu_element *el, uint64_t address, uint32_t len,
	       bool write);

/** served_read - copy @len bytes at @address of the device's address space. */
int served_read(struct vu_served *r, uint64_t address, void *to, uint32_t len);

/** served_table - how many entries the indirect table has that @desc points to. */
int served_table(struct vu_served *r, const struct served_desc *desc, uint32_t *entries);

/** served_wrote - enter @len bytes at @offset of the used ring in the dirty log, if that is on. */
void served_wrote(struct vu_served *r, size_t offset, size_t len);

/* served_split.c */
int served_split_pop(struct vu_served *r, struct vu_element *el);
int served_split_chain(struct vu_served *r, struct vu_element *el, uint16_t head);
void served_split_push(struct vu_served *r, const struct vu_element *el, uint32_t written);
bool served_split_should_call(const struct vu_served *r);
void served_split_want_kick(struct vu_served *r, bool want);
bool served_split_waiting(const struct vu_served *r);

/* served_packed.c */
int served_packed_pop(struct vu_served *r, struct vu_element *el);
int served_packed_add(struct vu_served *r, struct vu_element *el, const struct served_desc *desc);
void served_packed_read(const struct vring_packed_desc *from, struct served_desc *desc);
void served_packed_push(struct vu_served *r, const struct vu_element *el, uint32_t written);
bool served_packed_should_call(const struct vu_served *r);
void served_packed_want_kick(struct vu_served *r, bool want);
bool served_packed_waiting(const struct vu_served *r);

/* inflight.c; without an in-flight buffer nothing happens */

/** inflight_fetch - @el is popped: remember it. */
int inflight_fetch(struct vu_served *r, struct vu_element *el);

/** inflight_completing, inflight_completed - before and after the driver can see that @el is used. */
void inflight_completing(struct vu_served *r, const struct vu_element *el);
void inflight_completed(struct vu_served *r, const struct vu_element *el);

/** inflight_moved - the ring starts at another place; where nothing is in flight that counts. */
void inflight_moved(struct vu_served *r);

/* recover.c */

/** inflight_pop - hand out again the next of what an earlier life left. */
int inflight_pop(struct vu_served *r, struct vu_element *el);

/** inflight_forget_list - hand out no more of that. */
void inflight_forget_list(struct vu_served *r);

#endif
