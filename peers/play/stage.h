/* SPDX-License-Identifier: Apache-2.0 */
/* A player that stays and plays what it is asked for: to start a program takes longer than most scenarios. */
#ifndef VRINGER_PLAY_STAGE_H
#define VRINGER_PLAY_STAGE_H

/* What main() would be without a stage. It may run many times in one process. */
typedef int stage_main(int argc, char **argv);

/*
 * Asked for over a socket of type SOCK_SEQPACKET, one run after the other. A request is one packet: the arguments as
 * they would be on a command line, the program's name first, each with a NUL behind it; with it come two descriptors:
 * standard output and standard error. The answer is one packet: the exit status of the run, as an int32_t.
 */

/** stage - `--stage FD` as the only arguments: serve requests until the socket is closed. Otherwise, play(). */
int stage(int argc, char **argv, stage_main *play);

#endif
