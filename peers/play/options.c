/* SPDX-License-Identifier: Apache-2.0 */
/* Options that both players know: how the subject is started, and what is told of the run. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "play.h"

const char play_options_help[] =
	"  --scale F         multiply every deadline; 0: no deadlines (for debuggers)\n"
	"  --grace SECONDS   time from SIGTERM to SIGKILL at the end; 2 if not said\n"
	"  --events FILE     write the events of the run there as JSON Lines\n"
	"  --trace FILE      write what was played there, as a scenario\n"
	"  --fragments DIR   DIR/common holds the fragments that are not found above the scenario\n"
	"  --log FILE        append what the subject prints\n"
	"  --quiet           no chart\n"
	"  --colour WHEN     never, auto, always\n"
	"  --die-with-parent end the run when the process that started it ends\n"
	"  --stage FD        alone: stay, and play what is asked for over this socket\n";

const char play_dialect_help[] =
	"  --dialect NAME    speak the numbers of this draft where they differ from the spec's\n"
	"  --list-dialects   say which drafts there are, and nothing else\n";

static bool want_colour(const char *when)
{
	const char *no = getenv("NO_COLOR");

	if (!strcmp(when, "auto"))
		return isatty(STDOUT_FILENO) && !(no && *no);
	return !strcmp(when, "always");
}

void play_defaults(struct play_options *o)
{
	*o = (struct play_options){
		.queues = 1,
		.scale = 1,
		.signals = -1,
		.subject = { .fd = -1, .signals = -1, .grace = SUBJECT_GRACE },
		.report = { .chart = stdout, .colour = want_colour("auto") },
	};
}

static int open_output(FILE **out, const char *path)
{
	*out = !strcmp(path, "-") ? stdout : fopen(path, "w");
	if (*out)
		return 0;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, path, strerror(errno));
	return -EIO;
}

static int set_hook(struct play_options *o, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || o->nhooks == PLAY_HOOKS)
		return -EINVAL;
	*equals = '\0';
	o->hooks[o->nhooks].name = text;
	o->hooks[o->nhooks++].command = equals + 1;
	return 0;
}

int play_take(struct play_options *o, int option, char *value)
{
	switch (option) {
	case PLAY_RUN:
		o->subject.command = value;
		break;
	case PLAY_SETUP:
		o->subject.setup = value;
		break;
	case PLAY_PID:
		o->subject.pid = atoi(value);
		break;
	case PLAY_LOG:
		o->subject.log = value;
		break;
	case PLAY_HOOK:
		return set_hook(o, value);
	case PLAY_SCALE:
		o->scale = atof(value);
		break;
	case PLAY_GRACE:
		o->subject.grace = (int64_t)(atof(value) * VU_NSEC_PER_SEC);
		break;
	case PLAY_EVENTS:
		return open_output(&o->report.events, value);
	case PLAY_TRACE:
		return open_output(&o->trace, value);
	case PLAY_FRAGMENTS:
		o->fragments = value;
		break;
	case PLAY_QUIET:
		o->report.chart = NULL;
		break;
	case PLAY_COLOUR:
		o->report.colour = want_colour(value);
		break;
	case PLAY_DIALECT:
		o->dialect = play_dialect(value);
		return o->dialect ? 0 : -EINVAL;
	case PLAY_DIE:
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		break;
	default:
		return -ENOENT;
	}
	return 0;
}

int play_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

void play_close(struct play_options *o)
{
	if (o->report.events && o->report.events != stdout)
		fclose(o->report.events);
	if (o->trace && o->trace != stdout)
		fclose(o->trace);
	if (o->signals >= 0)
		close(o->signals);
}

int play_exit(int status)
{
	switch (status) {
	case VERDICT_PASS:
	case VERDICT_NA:
		return EXIT_AS_EXPECTED;
	case VERDICT_FAIL:
	case VERDICT_INCONCLUSIVE:
		return EXIT_NOT_SO;
	case -EINVAL:
		return EXIT_USAGE;
	default:
		return EXIT_HARNESS;
	}
}
