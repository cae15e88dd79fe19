/* SPDX-License-Identifier: Apache-2.0 */
/* A program under valgrind: what starts it so, and what valgrind says that is not in its exit status. */
#ifndef VRINGER_TESTS_MEMCHECK_H
#define VRINGER_TESTS_MEMCHECK_H

#define MEMCHECK_COMPLAINED 99 /* exit status after an error or a leak */
#define MEMCHECK_SLOWNESS 10   /* times more time than without it, on a busy machine too */

/** memcheck_command - words before those that start the program. It ends at the first error. */
extern const char memcheck_command[];

/** memcheck_fds_left - descriptors of its own that were open at exit as @log has it, -1 when it has nothing. */
int memcheck_fds_left(const char *log);

#endif
