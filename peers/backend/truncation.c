/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Guest memory belongs to the front-end, which can make its file shorter at any time: then an
 * access raises SIGBUS. Private zeroes take the place of the page, and the access goes on.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"

static void fill_hole(int signal, siginfo_t *info, void *context)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *hole = (void *)((uintptr_t)info->si_addr & ~(page - 1));

	(void)context;
	if (info->si_code != BUS_ADRERR ||
	    mmap(hole, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		_exit(128 + signal);
}

void survive_truncation(void)
{
	struct sigaction action = { .sa_sigaction = fill_hole, .sa_flags = SA_SIGINFO };

	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
}
