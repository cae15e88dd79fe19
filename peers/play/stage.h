/* SPDX-License-Identifier: Apache-2.0 */
/* A player that stays and plays what it is asked for: to start a program takes longer than most scenarios. */
#ifndef VRINGER_PLAY_STAGE_H
#define VRINGER_PLAY_STAGE_H

/* What main() would be without a stage. */
typedef int stage_main(int argc, char **argv);

/*
 * Asked for over a socket of type SOCK_SEQPACKET. A request is one packet: the arguments as they would be on a command
 * line, the program's name first, each with a NUL behind it; with it come three descriptors: standard output, standard
 * error, and a pipe. Into the pipe go, as an int32_t each, the pid of the process that was forked for it (or -errno),
 * and once that has ended its wait status. A pipe that ends before that means that the stage is gone.
 */

/** stage - `--stage FD` as the only arguments: serve requests until the socket is closed. Otherwise, play(). */
int stage(int argc, char **argv, stage_main *play);

#endif
