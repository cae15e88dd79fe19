/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was played, written as a scenario: messages as they were seen, other statements
 * as they stood, loops unrolled and fragments spread out. What is awaited keeps to what
 * every run shows: acknowledgements are compared, other replies stand in a comment.
 */
#ifndef VRINGER_SCRIPT_RECORD_H
#define VRINGER_SCRIPT_RECORD_H

#include "interp.h"

/** script_record_to - have what @in plays written to @out. */
void script_record_to(struct script_interp *in, FILE *out);

/** script_record_note - write @msg, which was dealt with behind the script's back, as a comment. */
void script_record_note(const struct script_interp *in, const struct vu_message *msg);

#endif
