/* SPDX-License-Identifier: Apache-2.0 */
/* Options of vu-backend: those of the back-end program conventions, and what else there is to say. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "play/stage.h"
#include "player.h"

enum {
	OPT_SOCKET_PATH = 256,
	OPT_FD,
	OPT_CAPABILITIES,
	OPT_CONNECT,
	OPT_DEVICE,
	OPT_QUEUES,
	OPT_SIZE,
	OPT_BLK_FILE,
	OPT_SHARED_DIR,
	OPT_CABLE,
	OPT_READ_ONLY,
	OPT_LATENCY,
	OPT_VIRTIO_ID,
	OPT_CONFIG_SIZE,
	OPT_WITH,
	OPT_ONCE,
	OPT_VERBOSE,
	OPT_QUIRK,
	OPT_LIST_QUIRKS,
	OPT_HELP,
};

static const struct option longopts[] = {
	PLAY_LONG_OPTIONS,
	{ "socket-path", required_argument, NULL, OPT_SOCKET_PATH },
	{ "fd", required_argument, NULL, OPT_FD },
	{ "print-capabilities", no_argument, NULL, OPT_CAPABILITIES },
	{ "connect", no_argument, NULL, OPT_CONNECT },
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "queues", required_argument, NULL, OPT_QUEUES },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "blk-file", required_argument, NULL, OPT_BLK_FILE },
	{ "shared-dir", required_argument, NULL, OPT_SHARED_DIR },
	{ "cable", required_argument, NULL, OPT_CABLE },
	{ "read-only", no_argument, NULL, OPT_READ_ONLY },
	{ "latency", required_argument, NULL, OPT_LATENCY },
	{ "virtio-id", required_argument, NULL, OPT_VIRTIO_ID },
	{ "config-size", required_argument, NULL, OPT_CONFIG_SIZE },
	{ "with", required_argument, NULL, OPT_WITH },
	{ "once", no_argument, NULL, OPT_ONCE },
	{ "verbose", no_argument, NULL, OPT_VERBOSE },
	{ "quirk", required_argument, NULL, OPT_QUIRK },
	{ "list-quirks", optional_argument, NULL, OPT_LIST_QUIRKS },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

static void help(void)
{
	printf("vu-backend: a vhost-user back-end that does what the spec says\n"
	       "\n"
	       "  vu-backend --socket-path=PATH [--device=TYPE] [OPTION...]\n"
	       "  vu-backend --run=COMMAND [--device=TYPE] [OPTION...] SCENARIO.vus\n"
	       "\n"
	       "It listens at PATH, serves one front-end after the other, and ends with SIGTERM. With a\n"
	       "scenario it plays the back-end's side of it and judges the front-end. Try\n"
	       "\n"
	       "  vu-backend --socket-path=/tmp/disk.sock --size=64M --verbose &\n"
	       "  qemu-system-x86_64 -m 256 -object memory-backend-memfd,id=m,size=256M,share=on \\\n"
	       "    -numa node,memdev=m -chardev socket,id=c,path=/tmp/disk.sock \\\n"
	       "    -device vhost-user-blk-pci,chardev=c\n"
	       "\n"
	       "The socket\n"
	       "  --socket-path=PATH     where it listens\n"
	       "  --connect              connects to a front-end that listens at PATH instead\n"
	       "  --fd=N                 inherited socket, listening or connected, instead of a path\n"
	       "  --once                 ends with the first connection\n"
	       "  --print-capabilities   says what it can do, as JSON, and nothing else\n"
	       "The device\n"
	       "  --device=TYPE          one of:");
	for (const struct vu_service_ops *const *ops = vu_services(); *ops; ops++)
		printf(" %s", (*ops)->name);
	printf(" (blk, or what stands\n"
	       "                         behind it in the name of the program: vu-backend-fs)\n"
	       "  --queues=N             queues, of net pairs of them (2)\n"
	       "  --size=N               blk: bytes of a disk in memory, with K, M or G (16M)\n"
	       "  --blk-file=PATH        blk: image or block device to serve instead\n"
	       "  --read-only            blk: refuses writes\n"
	       "  --shared-dir=PATH      fs: directory to serve instead of a tree in memory\n"
	       "  --cable=PATH           net: leads to the other one with this option; without it all comes back\n"
	       "  --latency=US           blk: holds requests for so many microseconds\n"
	       "  --virtio-id=N          generic: type that it says it is\n"
	       "  --config-size=N        generic: bytes of its config space (64)\n"
	       "  --with=LIST            what few devices have: objects,shmem,doorbells (generic has all three);\n"
	       "                         state-channel: brings the channel for its state itself\n"
	       "  --verbose              tells every message on stderr\n"
	       "Playing a scenario\n"
	       "  --run COMMAND     start the front-end: a shell command in which {socket} and {dir} stand for\n"
	       "                    the socket and for a private directory that is removed again; without it\n"
	       "                    one is awaited at --socket-path\n"
	       "  --setup COMMAND   run this in the directory first\n"
	       "  --pid PID         process of a front-end that is not started here\n"
	       "  --hook NAME=CMD   what `trigger NAME` and `host NAME` run\n"
	       "%s"
	       "Deviations from the spec\n"
	       "  --quirk=NAME           shows this one; may be given several times\n"
	       "  --list-quirks[=json]   says which there are, and nothing else\n"
	       "Dialects: proposals with numbers of their own\n"
	       "%s",
	       play_options_help, play_dialect_help);
}

static bool number(const char *text, uint64_t max, uint64_t *value)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	if (errno || end == text || *text == '-')
		return false;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		unsigned int shift = 10 * (unsigned int)(unit - units + 1);

		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
		end++;
	}
	return !*end && *value <= max;
}

static bool numeric(struct backend_options *opt, int option, const char *text)
{
	uint64_t value;

	if (!number(text, option == OPT_SIZE ? INT64_MAX : INT32_MAX, &value))
		return false;
	switch (option) {
	case OPT_FD:
		opt->fd = (int)value;
		break;
	case OPT_QUEUES:
		opt->service.queues = (unsigned int)value;
		return value >= 1 && value <= BACKEND_RINGS;
	case OPT_SIZE:
		opt->service.size = value;
		break;
	case OPT_LATENCY:
		opt->service.latency_us = value;
		break;
	case OPT_VIRTIO_ID:
		opt->service.virtio_id = (uint32_t)value;
		break;
	case OPT_CONFIG_SIZE:
		opt->service.config_size = (uint32_t)value;
		break;
	}
	return true;
}

static bool with(struct backend_options *opt, const char *list)
{
	static const struct {
		const char *name;
		enum vu_service_trait trait;
	} extras[] = { { "objects", VU_SERVICE_OBJECTS },
		       { "shmem", VU_SERVICE_SHMEM },
		       { "doorbells", VU_SERVICE_DOORBELLS },
		       { "state-channel", VU_SERVICE_STATE_CHANNEL } };
	const size_t n = sizeof(extras) / sizeof(extras[0]);

	while (*list) {
		size_t len = strcspn(list, ","), i = 0;

		while (i < n &&
		       (strlen(extras[i].name) != len || strncmp(extras[i].name, list, len) != 0))
			i++;
		if (i == n)
			return false;
		opt->traits |= extras[i].trait;
		list += len + (list[len] == ',');
	}
	return true;
}

/* True when it can go on. */
static bool take(struct backend_options *opt, int option, const char *text)
{
	switch (option) {
	case OPT_SOCKET_PATH:
		opt->socket_path = text;
		return true;
	case OPT_BLK_FILE:
	case OPT_SHARED_DIR:
	case OPT_CABLE:
		opt->service.path = text;
		return true;
	case OPT_DEVICE:
		opt->ops = vu_service_by_name(text);
		return opt->ops;
	case OPT_CONNECT:
		return opt->client = true;
	case OPT_WITH:
		return with(opt, text);
	case OPT_QUIRK:
		return quirks_add(&opt->quirks, text);
	case OPT_READ_ONLY:
		return opt->service.read_only = true;
	case OPT_ONCE:
		return opt->once = true;
	case OPT_VERBOSE:
		return opt->verbose = true;
	case '?':
		return false;
	}
	return numeric(opt, option, text);
}

static int usage(const char *what)
{
	fprintf(stderr, "vu-backend: %s (--help tells more)\n", what);
	return EXIT_USAGE;
}

/* A program that is found by its type alone is told no options: vu-backend-net is a network device. */
static const struct vu_service_ops *named_after(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
	size_t prefix = strlen("vu-backend-");

	return strncmp(name, "vu-backend-", prefix) == 0 ? vu_service_by_name(name + prefix) : NULL;
}

/* With it nothing else counts but the type of the device, however broken. */
static bool asks_for_capabilities(struct backend_options *opt, int argc, char **argv)
{
	bool asked = false;

	for (int i = 1; i < argc; i++) {
		const struct vu_service_ops *ops = NULL;

		asked |= strcmp(argv[i], "--print-capabilities") == 0;
		if (strncmp(argv[i], "--device=", 9) == 0)
			ops = vu_service_by_name(argv[i] + 9);
		else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc)
			ops = vu_service_by_name(argv[i + 1]);
		if (ops)
			opt->ops = ops;
	}
	return asked;
}

static const char *contradiction(const struct backend_options *opt)
{
	if (!opt->socket_path && opt->fd < 0)
		return "--socket-path=PATH or --fd=N is needed";
	if (opt->socket_path && opt->fd >= 0)
		return "--socket-path and --fd do not go together";
	if (opt->client && !opt->socket_path)
		return "--connect needs --socket-path";
	return NULL;
}

static int run(const struct backend_options *opt)
{
	char why[160] = "";
	int err = backend_run(opt, why, sizeof(why));

	if (err)
		fprintf(stderr, "vu-backend: %s\n", why[0] ? why : strerror(-err));
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The front-end connects to us, wherever it comes from. */
static int play(struct backend_options *opt, struct play_options *o, char **files)
{
	int status;

	if (files[1])
		return usage("one scenario is wanted");
	if (!o->subject.command && !opt->socket_path)
		return usage("say where the front-end is: --run or --socket-path");
	o->own = opt;
	o->device = opt->ops->name;
	o->queues = opt->service.queues;
	o->subject.socket = opt->socket_path;
	o->subject.connects = true;
	opt->socket_path = NULL;
	o->signals = play_signals();
	status = play_exit(play_scenario(o, &backend_side, files[0]));
	play_close(o);
	return status;
}

static bool take_any(struct backend_options *opt, struct play_options *o, int option, char *text)
{
	return option >= PLAY_RUN ? !play_take(o, option, text) : take(opt, option, text);
}

static int run_once(int argc, char **argv)
{
	struct play_options o;
	struct backend_options opt = {
		.ops = &vu_blk_service,
		.fd = -1,
		.service = { .size = 16 << 20, .queues = 2, .config_size = 64 },
	};
	int option;

	if (argc && named_after(argv[0]))
		opt.ops = named_after(argv[0]);
	play_defaults(&o);
	if (asks_for_capabilities(&opt, argc, argv)) {
		print_capabilities(&opt);
		return EXIT_SUCCESS;
	}
	while ((option = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		if (option == OPT_HELP) {
			help();
			return EXIT_SUCCESS;
		}
		if (option == OPT_LIST_QUIRKS) {
			quirks_list(stdout, optarg && strcmp(optarg, "json") == 0);
			return EXIT_SUCCESS;
		}
		if (option == PLAY_DIALECTS) {
			play_dialects_list(stdout);
			return EXIT_SUCCESS;
		}
		if (!take_any(&opt, &o, option, optarg))
			return usage(option == '?' ? "wrong use" : "an argument is out of range");
	}
	if (optind < argc)
		return play(&opt, &o, argv + optind);
	opt.dialect = o.dialect;
	if (contradiction(&opt))
		return usage(contradiction(&opt));
	return run(&opt);
}

int main(int argc, char **argv)
{
	return stage(argc, argv, run_once);
}
