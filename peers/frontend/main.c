/* SPDX-License-Identifier: Apache-2.0 */
/* vu-frontend: options, and the course of one run. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "run.h"
#include "script/describe.h"

enum { EXIT_AS_EXPECTED, EXIT_NOT_SO, EXIT_USAGE, EXIT_NOTHING_RAN, EXIT_HARNESS };

static const char usage_text[] =
	"usage: vu-frontend [OPTION]... SCENARIO.vus\n"
	"       vu-frontend --print FILE... | --describe FILE... | --list-devices\n"
	"\n"
	"Plays the front-end of a vhost-user connection as the scenario says and judges\n"
	"the back-end (the subject) on the other side. The chart of what happened goes to\n"
	"standard output in the notation of scenarios.\n"
	"\n"
	"The subject:\n"
	"  --run COMMAND     start it: a shell command in which {socket} and {dir} stand for\n"
	"                    the socket and for a private directory that is removed again\n"
	"  --setup COMMAND   run this in the directory first\n"
	"  --socket PATH     connect to a subject that listens there\n"
	"  --listen PATH     the subject connects to this socket\n"
	"  --connects        the subject that --run starts connects to {socket}\n"
	"  --fd N            the connection is descriptor N\n"
	"  --pid PID         process of a subject that is not started here\n"
	"  --device NAME     its type (--list-devices); generic if not said\n"
	"  --queues N        queues (net: pairs) it has; 1 if not said\n"
	"  --hook NAME=CMD   what the statement `host NAME` runs\n"
	"\n"
	"The run:\n"
	"  --scale F         multiply every deadline; 0: no deadlines (for debuggers)\n"
	"  --events FILE     write the events of the run there as JSON Lines\n"
	"  --trace FILE      write what was played there, as a scenario\n"
	"  --fragments DIR   DIR/common holds the fragments that are not found above the scenario\n"
	"  --log FILE        append what the subject prints\n"
	"  --quiet           no chart\n"
	"  --colour WHEN     never, auto, always\n"
	"  --die-with-parent end the run when the process that started it ends\n"
	"\n"
	"  vu-frontend --run 'qemu-storage-daemon --blockdev file,node-name=f,filename=disk.raw \\\n"
	"      --export vhost-user-blk,id=e,node-name=f,addr.type=unix,addr.path={socket}' \\\n"
	"      --device blk scenarios/ring/kick-processes-available.vus\n"
	"\n"
	"Exit status: 0 pass or not applicable, 1 fail or inconclusive, 2 usage or an error\n"
	"in the scenario, 4 the run itself went wrong.\n";

static int list_devices(void)
{
	for (const struct vu_device *const *d = vu_devices(); *d; d++) {
		printf("%-8s %s\n", (*d)->name, (*d)->about);
		for (const struct vu_request_kind *k = (*d)->kinds; k && k->name; k++)
			printf("           %-10s %s%s%s\n", k->name, k->about, k->args && *k->args ? "; takes " : "",
			       k->args ? k->args : "");
	}
	return EXIT_AS_EXPECTED;
}

static int print_files(char **files)
{
	struct script_error err;
	int bad = 0;

	for (; *files; files++)
		if (script_print(stdout, *files, NULL, &err)) {
			script_print_error(stderr, NULL, *files, &err, isatty(STDERR_FILENO));
			bad = EXIT_USAGE;
		}
	return bad;
}

static int describe_files(char **files)
{
	for (; *files; files++)
		script_describe(stdout, *files, NULL);
	return EXIT_AS_EXPECTED;
}

static FILE *open_output(const char *path, const char *mode)
{
	FILE *f = !strcmp(path, "-") ? stdout : fopen(path, mode);

	if (!f)
		fprintf(stderr, "vu-frontend: %s: %s\n", path, strerror(errno));
	return f;
}

static int set_hook(struct run_options *o, char *text)
{
	char *equals = strchr(text, '=');

	if (!equals || o->nhooks == PLAYER_HOOKS)
		return -EINVAL;
	*equals = '\0';
	o->hooks[o->nhooks].name = text;
	o->hooks[o->nhooks++].command = equals + 1;
	return 0;
}

static bool want_colour(const char *when)
{
	const char *no = getenv("NO_COLOR");

	if (!strcmp(when, "auto"))
		return isatty(STDOUT_FILENO) && !(no && *no);
	return !strcmp(when, "always");
}

enum option_id { RUN = 256, SETUP, SOCKET, LISTEN, CONNECTS, FD, PID, DEVICE, QUEUES, HOOK, SCALE, EVENTS,
	      TRACE, FRAGMENTS, LOG, QUIET, COLOUR, DIE, PRINT, DESCRIBE, DEVICES, HELP };

static const struct option options[] = {
	{ "run", 1, NULL, RUN },	     { "setup", 1, NULL, SETUP },
	{ "socket", 1, NULL, SOCKET },	     { "listen", 1, NULL, LISTEN },
	{ "connects", 0, NULL, CONNECTS },   { "fd", 1, NULL, FD },
	{ "pid", 1, NULL, PID },	     { "device", 1, NULL, DEVICE },
	{ "queues", 1, NULL, QUEUES },	     { "hook", 1, NULL, HOOK },
	{ "scale", 1, NULL, SCALE },	     { "events", 1, NULL, EVENTS },
	{ "trace", 1, NULL, TRACE },	     { "log", 1, NULL, LOG },
	{ "fragments", 1, NULL, FRAGMENTS },
	{ "quiet", 0, NULL, QUIET },	     { "colour", 1, NULL, COLOUR },
	{ "color", 1, NULL, COLOUR },	     { "die-with-parent", 0, NULL, DIE },
	{ "print", 0, NULL, PRINT },	     { "describe", 0, NULL, DESCRIBE },
	{ "list-devices", 0, NULL, DEVICES }, { "help", 0, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static int subject_option(struct run_options *o, int option, char *value)
{
	switch (option) {
	case RUN: o->subject.command = value; break;
	case SETUP: o->subject.setup = value; break;
	case SOCKET: o->subject.socket = value; break;
	case LISTEN:
		o->subject.socket = value;
		o->subject.connects = true;
		break;
	case CONNECTS: o->subject.connects = true; break;
	case FD: o->subject.fd = atoi(value); break;
	case PID: o->subject.pid = atoi(value); break;
	case LOG: o->subject.log = value; break;
	case QUEUES: o->queues = (unsigned int)atoi(value); break;
	case HOOK: return set_hook(o, value);
	case DEVICE:
		o->device = vu_device_by_name(value);
		if (!o->device)
			fprintf(stderr, "vu-frontend: there is no device %s (see --list-devices)\n", value);
		return o->device ? 0 : -EINVAL;
	default: return -ENOENT;
	}
	return 0;
}

static int run_option(struct run_options *o, int option, char *value)
{
	switch (option) {
	case SCALE: o->scale = atof(value); break;
	case EVENTS:
		o->report.events = open_output(value, "w");
		return o->report.events ? 0 : -EIO;
	case TRACE:
		o->trace = open_output(value, "w");
		return o->trace ? 0 : -EIO;
	case FRAGMENTS: o->fragments = value; break;
	case QUIET: o->report.chart = NULL; break;
	case COLOUR: o->report.colour = want_colour(value); break;
	case DIE: prctl(PR_SET_PDEATHSIG, SIGTERM); break;
	default: return subject_option(o, option, value);
	}
	return 0;
}

static void close_outputs(struct run_options *o)
{
	if (o->report.events && o->report.events != stdout)
		fclose(o->report.events);
	if (o->trace && o->trace != stdout)
		fclose(o->trace);
}

static int signals(void)
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

static int play(struct run_options *o, char **files)
{
	int status;

	if (!files[0] || files[1]) {
		fprintf(stderr, "vu-frontend: one scenario is wanted (see --help)\n");
		return EXIT_USAGE;
	}
	if (!o->subject.command && !o->subject.socket && o->subject.fd < 0) {
		fprintf(stderr, "vu-frontend: say where the subject is: --run, --socket, --listen or --fd\n");
		return EXIT_USAGE;
	}
	o->signals = signals();
	status = run_scenario(o, files[0]);
	close(o->signals);
	switch (status) {
	case VERDICT_PASS:
	case VERDICT_NA: return EXIT_AS_EXPECTED;
	case VERDICT_FAIL:
	case VERDICT_INCONCLUSIVE: return EXIT_NOT_SO;
	case -EINVAL: return EXIT_USAGE;
	default: return EXIT_HARNESS;
	}
}

int main(int argc, char **argv)
{
	struct run_options o = { .device = &vu_generic, .queues = 1, .scale = 1, .subject.fd = -1,
				 .report = { .chart = stdout, .colour = want_colour("auto") } };
	int option, status;

	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case HELP:
			fputs(usage_text, stdout);
			return EXIT_AS_EXPECTED;
		case DEVICES: return list_devices();
		case PRINT: return print_files(argv + optind);
		case DESCRIBE: return describe_files(argv + optind);
		case '?': return EXIT_USAGE;
		default:
			if (run_option(&o, option, optarg)) {
				close_outputs(&o);
				return EXIT_USAGE;
			}
		}
	}
	status = play(&o, argv + optind);
	close_outputs(&o);
	return status;
}
