/* SPDX-License-Identifier: Apache-2.0 */
/* The process that is attacked, and the story of what was done to it. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "memcheck.h"

#define END_WITHIN (30 * VU_NSEC_PER_SEC)
#define BYTES_AS_FIELDS 64 /* what the notation of a trace shows in full */
/* Exit status that valgrind and sanitizers are told to leave. */
#define COMPLAINED MEMCHECK_COMPLAINED

/* ---- options ---- */

static int usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--seed N] [--messages N] [--session N] [--device NAME] [--out DIR] [--scenarios DIR] [--valgrind] PROGRAM\n"
		"Sends so many mutated messages to PROGRAM; --session begins with that one.\n",
		program);
	return false;
}

bool attack_options(struct attack_options *opt, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", 1, NULL, 's' },     { "messages", 1, NULL, 'm' },
		{ "session", 1, NULL, 'n' },  { "device", 1, NULL, 'd' },
		{ "out", 1, NULL, 'o' },      { "scenarios", 1, NULL, 'c' },
		{ "valgrind", 0, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	int option;

	*opt = (struct attack_options){
		.seed = 1, .messages = 100000, .out = ".", .scenarios = "scenarios", .slowness = 1
	};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 's':
			opt->seed = strtoull(optarg, NULL, 0);
			break;
		case 'm':
			opt->messages = strtoull(optarg, NULL, 0);
			break;
		case 'n':
			opt->first = strtoull(optarg, NULL, 0);
			break;
		case 'd':
			opt->device = optarg;
			break;
		case 'o':
			opt->out = optarg;
			break;
		case 'c':
			opt->scenarios = optarg;
			break;
		case 'v':
			opt->valgrind = true;
			opt->slowness = MEMCHECK_SLOWNESS;
			break;
		default:
			return usage(argv[0]);
		}
	}
	opt->program = argv[optind];
	return optind + 1 == argc || usage(argv[0]);
}

/* ---- one process for each type of device: they mostly wait ---- */

static pid_t attack_aside(const struct attack_options *opt, const char *device, attack_fn *attack,
			  uint64_t messages)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	exit(attack(opt, device, messages) ? EXIT_SUCCESS : EXIT_FAILURE);
}

bool attack_devices(const struct attack_options *opt, const char *const *devices, size_t n,
		    attack_fn *attack)
{
	bool good = true;
	int status;

	if (opt->device)
		return attack(opt, opt->device, opt->messages);
	for (size_t i = 0; i < n; i++)
		good &= attack_aside(opt, devices[i], attack, opt->messages / n) > 0;
	while (wait(&status) > 0)
		good &= WIFEXITED(status) && !WEXITSTATUS(status);
	return good;
}

/* ---- the process ---- */

static void begin_story(struct attack *a)
{
	if (a->story)
		fclose(a->story);
	free(a->text);
	a->text = NULL;
	a->named = 0;
	a->story = open_memstream(&a->text, &a->len);
	attack_tell(a, "title   Session %" PRIu64 " of seed %" PRIu64, a->session, a->opt->seed);
	attack_tell(a, "subject %s", a->role);
	attack_tell(a, "device  %s\n", a->device);
}

int attack_open(struct attack *a, const struct attack_options *opt, const char *role,
		const char *device, bool connects)
{
	struct subject_options subject = {
		.connects = connects, .fd = -1, .signals = -1, .grace = END_WITHIN * opt->slowness
	};
	int err;

	*a = (struct attack){
		.opt = opt, .role = role, .device = device, .session = opt->first - 1
	};
	subject.command = a->command;
	subject.log = a->log;
	snprintf(a->log, sizeof(a->log), "%s/%s-%s.log", opt->out, role, device);
	unlink(a->log);
	setenv("ASAN_OPTIONS", "exitcode=99:detect_leaks=1:strict_string_checks=1", true);
	setenv("UBSAN_OPTIONS", "exitcode=99:print_stacktrace=1", true);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	signal(SIGPIPE, SIG_IGN);
	begin_story(a);
	err = subject_open(&a->subject, &subject, vu_deadline_in(END_WITHIN));
	if (err)
		fprintf(stderr, "%s %s: %s\n", role, device, a->subject.trouble);
	return err;
}

void attack_command(struct attack *a, const char *format, ...)
{
	size_t size = sizeof(a->command);
	int n = snprintf(a->command, size, "%s%s", a->opt->valgrind ? memcheck_command : "",
			 a->opt->program);
	va_list args;

	va_start(args, format);
	if ((size_t)n < size)
		vsnprintf(a->command + n, size - (size_t)n, format, args);
	va_end(args);
}

int64_t attack_deadline(const struct attack *a, int64_t ns)
{
	return vu_deadline_in(ns * a->opt->slowness);
}

static void look_for_fds(struct attack *a)
{
	int left = a->opt->valgrind && !a->found ? memcheck_fds_left(a->log) : 0;

	if (left < 0)
		attack_found(a, "was not seen to its end by valgrind");
	else if (left)
		attack_found(a, "leaves %d descriptors open", left);
}

bool attack_ended(struct attack *a, int highest)
{
	const struct subject *s = &a->subject;
	int status = s->status;

	if (s->stubborn)
		attack_found(a, "does not end when it is told to");
	else if (WIFSIGNALED(status))
		attack_found(a, "was ended by SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == COMPLAINED)
		attack_found(a, "made a sanitizer or valgrind complain");
	else if (WEXITSTATUS(status) > highest)
		attack_found(a, "ended with status %d", WEXITSTATUS(status));
	look_for_fds(a);
	return !a->found;
}

bool attack_end(struct attack *a)
{
	bool running = a->subject.ours && !a->subject.exited;

	subject_stop(&a->subject);
	a->since = a->opt->first;
	if (running && !a->found)
		attack_ended(a, 0);
	subject_close(&a->subject);
	if (a->story)
		fclose(a->story);
	free(a->text);
	printf("  %s %s: %" PRIu64 " messages in %" PRIu64 " sessions, %" PRIu64 " mutated\n",
	       a->role, a->device, a->sent, a->session + 1 - a->opt->first, a->mutated);
	fflush(stdout);
	if (!a->found)
		unlink(a->log);
	return !a->found;
}

/* ---- the story ---- */

/* Every type of device is attacked in its own way. */
struct chance attack_chance(const struct attack *a, uint64_t session)
{
	uint64_t type = 0;

	for (const char *c = a->device; *c; c++)
		type = type * 31 + (unsigned char)*c;
	return chance_of(a->opt->seed, type << 32 ^ session);
}

void attack_session(struct attack *a)
{
	a->since = ++a->session;
	begin_story(a);
}

void attack_tell(struct attack *a, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(a->story, format, args);
	va_end(args);
	fputc('\n', a->story);
}

/* Memory that the story has declared goes by the name of its file. */
static bool is_region(const struct attack *a, const char *what, char *name, size_t size)
{
	static const char memory[] = "/memfd:";
	const char *file = what + strlen(memory);

	if (!a->regions || strncmp(what, memory, strlen(memory)) != 0 ||
	    !strncmp(file, STRANGE, strlen(STRANGE)))
		return false;
	snprintf(name, size, " fd $%.*s", (int)strcspn(file, " "), file);
	return true;
}

/* A descriptor is named by a line of its own; what the language cannot make is an event descriptor there. */
static void tell_fd(struct attack *a, int fd, char *name, size_t size)
{
	char path[32], what[128] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, what, sizeof(what) - 1) > 0 && is_region(a, what, name, size))
		return;
	snprintf(name, size, " fd $fd%" PRIu64, a->named);
	if (!strstr(what, "[eventfd]"))
		attack_tell(a, "# a descriptor of %s", what);
	attack_tell(a, "eventfd $fd%" PRIu64, a->named++);
}

static void add_forgery(char *line, size_t size, const char *key, uint64_t value)
{
	size_t len = strlen(line);

	if (!strstr(line, " with "))
		len += (size_t)snprintf(line + len, size - len, " with");
	snprintf(line + len, size - len, " %s=%" PRIu64, key, value);
}

static void add_forge(char *line, size_t size, const struct vu_forge *forge)
{
	if (forge->truncate)
		add_forgery(line, size, "truncate", forge->bytes);
	for (size_t i = 0; i < forge->nsplits; i++)
		add_forgery(line, size, "split", forge->splits[i]);
	if (forge->extra_fds)
		add_forgery(line, size, "fds", forge->extra_fds);
	if (forge->nsplits && forge->fds_on_last)
		snprintf(line + strlen(line), size - strlen(line), " fds-last");
}

/* What a trace would abridge is written as the bytes that it is. */
static void write_bytes(char *line, size_t size, enum script_arrow arrow,
			const struct vu_message *msg)
{
	int n = snprintf(line, size,
			 "%s %u with flags=%#x size=%u payload=hex:", script_arrow_text(arrow),
			 msg->request, msg->flags, msg->size);

	for (size_t i = 0; i < msg->len; i++)
		n += snprintf(line + n, size - (size_t)n, "%02x", msg->payload[i]);
}

/* Who plays the story makes a channel by itself. */
static bool is_channel(const struct vu_message *msg, int fd)
{
	struct stat st;

	return msg->channel == VU_MAIN && msg->request == VU_SET_BACKEND_REQ_FD &&
	       !fstat(fd, &st) && S_ISSOCK(st.st_mode);
}

void attack_tell_message(struct attack *a, enum script_arrow arrow, const struct vu_message *msg,
			 const struct vu_forge *forge)
{
	char line[2 * VU_MESSAGE_PAYLOAD_MAX + 256], fds[VU_MESSAGE_FDS_MAX * 24] = "";
	struct vu_message bare = *msg;
	size_t len = 0;

	for (size_t i = 0; i < msg->nfds; i++)
		if (msg->fds[i] >= 0 && !is_channel(msg, msg->fds[i])) {
			tell_fd(a, msg->fds[i], fds + len, sizeof(fds) - len);
			len = strlen(fds);
		}
	bare.nfds = 0;
	if (msg->len > BYTES_AS_FIELDS)
		write_bytes(line, sizeof(line), arrow, &bare);
	else
		script_format_message(line, sizeof(line), arrow, &bare);
	if (forge)
		add_forge(line, sizeof(line), forge);
	attack_tell(a, "%s%s", line, fds);
}

void attack_tell_awaited(struct attack *a, enum script_arrow arrow, const struct vu_message *msg)
{
	if (vu_message_info(msg))
		attack_tell(a, "%s %s", script_arrow_text(arrow), vu_message_name(msg));
	else
		attack_tell(a, "%s %u", script_arrow_text(arrow), msg->request);
}

/* ---- findings ---- */

static void write_story(struct attack *a, char *path, size_t size)
{
	FILE *f;

	fflush(a->story);
	snprintf(path, size, "%s/%s-%s-%" PRIu64 "-%" PRIu64 ".vus", a->opt->out, a->role,
		 a->device, a->opt->seed, a->session);
	f = fopen(path, "w");
	if (!f)
		return;
	fwrite(a->text, 1, a->len, f);
	fclose(f);
}

void attack_found(struct attack *a, const char *format, ...)
{
	char path[PATH_MAX];
	va_list args;

	if (a->found)
		return;
	a->found = true;
	write_story(a, path, sizeof(path));
	fprintf(stderr, "FOUND: %s (%s) ", a->opt->program, a->device);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr,
		"\n  after message %" PRIu64 ", in session %" PRIu64 "; again: --seed %" PRIu64
		" --device %s --session %" PRIu64 "%s\n  what was sent: %s\n  what it said:  %s\n",
		a->sent, a->session, a->opt->seed, a->device, a->since,
		a->opt->valgrind ? " --valgrind" : "", path, a->log);
}
