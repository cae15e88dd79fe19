/* SPDX-License-Identifier: Apache-2.0 */
/* What a process has of the sessions that were: descriptors, and mappings of memory that it was given. */
#ifndef VRINGER_TESTS_HELD_H
#define VRINGER_TESTS_HELD_H

#include "attack.h"

/* Files that a guest has open on an fs, and those in its tree, are the device's: they outlive a connection. */
#define HELD_FILES_MAX (256 + 128)

struct held {
	int fds, maps;
	int files; /* not among the descriptors */
};

/** held_by - what the process holds now. */
struct held held_by(const struct subject *s);

/** held_more - whether @now has something that @before has not. */
bool held_more(struct held now, struct held before);

/** held_settled - the same once it is no more than @before, or at @deadline: work may go on in the background. */
struct held held_settled(const struct subject *s, struct held before, int64_t deadline);

/** held_tell - what it is, as lines of the story. */
void held_tell(struct attack *a);

#endif
