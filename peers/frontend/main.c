/* SPDX-License-Identifier: Apache-2.0 */
/* vu-frontend: options, and the course of one run. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lifecycle.h"
#include "play/stage.h"
#include "run.h"
#include "script/describe.h"

static const char usage_text[] =
	"usage: vu-frontend [OPTION]... SCENARIO.vus... | --lifecycle\n"
	"       vu-frontend --print FILE... | --describe FILE... | --list-devices | --list-quirks\n"
	"\n"
	"Plays the front-end of a vhost-user connection as the scenario says and judges\n"
	"the back-end (the subject) on the other side. The chart of what happened goes to\n"
	"standard output in the notation of scenarios. Several are played one after the other, each\n"
	"with a connection of its own. With --lifecycle it needs no scenario: it\n"
	"is a front-end that negotiates, works, stops, saves and loads, resets, and comes back.\n"
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
	"%s"
	"\n"
	"Deviations from the spec:\n"
	"  --quirk NAME          show this one; may be given several times\n"
	"  --list-quirks[=json]  say which there are, and nothing else\n"
	"\n"
	"Dialects: proposals with numbers of their own. A scenario says by itself which it is in; said\n"
	"here, it is what the subject speaks, and the lifecycle:\n"
	"%s"
	"\n"
	"  vu-frontend --run 'qemu-storage-daemon --blockdev file,node-name=f,filename=disk.raw \\\n"
	"      --export vhost-user-blk,id=e,node-name=f,addr.type=unix,addr.path={socket}' \\\n"
	"      --device blk scenarios/ring/kick-processes-available.vus\n"
	"\n"
	"Exit status: 0 pass or not applicable, 1 fail or inconclusive, 2 usage or an error\n"
	"in the scenario, 4 the run itself went wrong; of several scenarios the highest.\n";

static int list_devices(void)
{
	for (const struct vu_device *const *d = vu_devices(); *d; d++) {
		printf("%-8s %s\n", (*d)->name, (*d)->about);
		for (const struct vu_request_kind *k = (*d)->kinds; k && k->name; k++)
			printf("           %-10s %s%s%s\n", k->name, k->about,
			       k->args && *k->args ? "; takes " : "", k->args ? k->args : "");
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

enum option_id {
	SOCKET = 256,
	LISTEN,
	CONNECTS,
	FD,
	DEVICE,
	QUEUES,
	LIFECYCLE,
	QUIRK,
	LIST_QUIRKS,
	PRINT,
	DESCRIBE,
	DEVICES,
	HELP
};

static const struct option options[] = {
	PLAY_LONG_OPTIONS,
	{ "socket", 1, NULL, SOCKET },
	{ "listen", 1, NULL, LISTEN },
	{ "connects", 0, NULL, CONNECTS },
	{ "fd", 1, NULL, FD },
	{ "device", 1, NULL, DEVICE },
	{ "queues", 1, NULL, QUEUES },
	{ "quirk", 1, NULL, QUIRK },
	{ "list-quirks", 2, NULL, LIST_QUIRKS },
	{ "lifecycle", 0, NULL, LIFECYCLE },
	{ "print", 0, NULL, PRINT },
	{ "describe", 0, NULL, DESCRIBE },
	{ "list-devices", 0, NULL, DEVICES },
	{ "help", 0, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

static struct frontend_options *frontend_of(struct play_options *o)
{
	return o->own;
}

static int set_device(struct play_options *o, const char *name)
{
	const struct vu_device *device = vu_device_by_name(name);

	if (!device) {
		fprintf(stderr, "vu-frontend: there is no device %s (see --list-devices)\n", name);
		return -EINVAL;
	}
	frontend_of(o)->device = device;
	o->device = device->name;
	return 0;
}

static int take(struct play_options *o, int option, char *value)
{
	switch (option) {
	case SOCKET:
		o->subject.socket = value;
		break;
	case LISTEN:
		o->subject.socket = value;
		o->subject.connects = true;
		break;
	case CONNECTS:
		o->subject.connects = true;
		break;
	case FD:
		o->subject.fd = atoi(value);
		break;
	case QUEUES:
		o->queues = (unsigned int)atoi(value);
		break;
	case DEVICE:
		return set_device(o, value);
	case QUIRK:
		return quirks_add(&frontend_of(o)->quirks, value) ? 0 : -EINVAL;
	default:
		return play_take(o, option, value);
	}
	return 0;
}

static int live(struct play_options *o)
{
	char *text = lifecycle_in(o->dialect, &frontend_of(o)->quirks);
	int status = text ? play_text(o, &frontend_side, "lifecycle", text) : -ENOMEM;

	free(text);
	return status;
}

static bool interrupted(const struct play_options *o)
{
	struct pollfd signals = { .fd = o->signals, .events = POLLIN };

	return poll(&signals, 1, 0) > 0;
}

static int play_all(struct play_options *o, char **files)
{
	int worst = EXIT_AS_EXPECTED;

	for (; *files && !interrupted(o); files++) {
		int status = play_exit(play_scenario(o, &frontend_side, *files));

		worst = status > worst ? status : worst;
	}
	return worst;
}

static const char *misuse(const struct play_options *o, bool lifecycle, char **files)
{
	if (lifecycle ? files[0] != NULL : !files[0])
		return "a scenario is wanted (see --help)";
	if (!o->subject.command && !o->subject.socket && o->subject.fd < 0)
		return "say where the subject is: --run, --socket, --listen or --fd";
	if (o->subject.fd >= 0 && files[0] && files[1])
		return "one connection (--fd) is for one scenario";
	return NULL;
}

static int play(struct play_options *o, bool lifecycle, char **files)
{
	const char *wrong = misuse(o, lifecycle, files);

	if (wrong) {
		fprintf(stderr, "vu-frontend: %s\n", wrong);
		return EXIT_USAGE;
	}
	o->signals = play_signals();
	return lifecycle ? play_exit(live(o)) : play_all(o, files);
}

static int run_once(int argc, char **argv)
{
	struct frontend_options own = { 0 };
	struct play_options o;
	bool lifecycle = false;
	int option, status;

	play_defaults(&o);
	o.own = &own;
	set_device(&o, "generic");
	while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (option) {
		case 'h':
		case HELP:
			printf(usage_text, play_options_help, play_dialect_help);
			return EXIT_AS_EXPECTED;
		case DEVICES:
			return list_devices();
		case PLAY_DIALECTS:
			play_dialects_list(stdout);
			return EXIT_AS_EXPECTED;
		case LIST_QUIRKS:
			quirks_list(stdout, optarg && !strcmp(optarg, "json"));
			return EXIT_AS_EXPECTED;
		case LIFECYCLE:
			lifecycle = own.strict = true;
			break;
		case PRINT:
			return print_files(argv + optind);
		case DESCRIBE:
			return describe_files(argv + optind);
		case '?':
			return EXIT_USAGE;
		default:
			if (take(&o, option, optarg)) {
				play_close(&o);
				return EXIT_USAGE;
			}
		}
	}
	status = play(&o, lifecycle, argv + optind);
	play_close(&o);
	return status;
}

int main(int argc, char **argv)
{
	return stage(argc, argv, run_once);
}
