/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A back-end that means harm, against vu-frontend: it plays scenarios with it, and what it
 * answers, asks and writes into rings is wrong in every way. The front-end has to end by
 * itself, with a verdict and with nothing left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "attack.h"
#include "impostor.h"

#define ENDS_WITHIN (60 * VU_NSEC_PER_SEC)
#define SENT_WITHIN (50 * VU_NSEC_PER_MSEC)
#define VERDICTS 2 /* exit status of a run that came to one */
#define SCENARIOS 1024
#define SCENARIOS_A_SESSION 8
#define PATH_SIZE 256

/* In the order in which they are polled. */
enum { SOURCE_END, SOURCE_LISTENER, SOURCE_MAIN, SOURCE_CHANNEL, SOURCE_STREAM, SOURCE_KICKS };

#define SOURCES (SOURCE_KICKS + IMPOSTOR_RINGS)

struct session {
	struct attack *attack;
	struct chance chance;
	struct impostor impostor;
	struct vu_conn main, channel;
	unsigned int connections;
	unsigned int patience; /* once in so many times something goes wrong */
	struct vu_message in, out;
};

struct scenarios {
	char *paths[SCENARIOS];
	size_t n;
};

/* ---- speaking ---- */

static void send_forged(struct session *s, struct vu_conn *conn, struct vu_message *msg,
			const struct vu_forge *forge)
{
	s->attack->sent++;
	attack_tell_message(s->attack, script_arrow_of(msg), msg, forge);
	if (conn->fd >= 0 &&
	    vu_conn_send(conn, msg, forge, attack_deadline(s->attack, SENT_WITHIN)))
		vu_conn_close(conn);
	vu_message_close_fds(msg);
}

static void say(struct session *s, struct vu_conn *conn, struct vu_message *msg)
{
	send_forged(s, conn, msg, NULL);
}

static void say_badly(struct session *s, struct vu_conn *conn, struct vu_message *msg)
{
	struct vu_forge forge = { 0 };

	mutate_message(&s->chance, msg, &forge);
	s->attack->mutated++;
	send_forged(s, conn, msg, &forge);
}

/* One of many: what ends the conversation is mended mostly, or few would be heard. */
static void say_one_more(struct session *s, struct vu_conn *conn, struct vu_message *msg)
{
	struct vu_forge forge = { 0 };

	mutate_message(&s->chance, msg, &forge);
	if (!mutate_spares_framing(msg, &forge) && chance_below(&s->chance, 20)) {
		forge.truncate = false;
		msg->size = (uint32_t)msg->len;
	}
	s->attack->mutated++;
	send_forged(s, conn, msg, &forge);
}

static bool harm(struct session *s)
{
	return chance_one_in(&s->chance, s->patience);
}

/* A reply that nobody waits for. */
static void answer_unasked(struct session *s)
{
	const struct vu_message_info *info;

	do {
		info = &vu_messages[chance_below(&s->chance, vu_nmessages)];
	} while (info->channel != VU_MAIN);
	vu_message_init(&s->out, VU_MAIN, info->id);
	s->out.flags |= VU_FLAG_REPLY;
	vu_message_set_layout(&s->out, info->reply[0]);
	say_one_more(s, &s->main, &s->out);
}

static void ask(struct session *s)
{
	impostor_ask(&s->impostor, &s->out);
	if (chance_one_in(&s->chance, 4))
		say(s, &s->channel, &s->out);
	else
		say_one_more(s, &s->channel, &s->out);
}

/* A few, or a flood. */
static uint64_t many(struct session *s)
{
	return 1 + chance_below(&s->chance, chance_one_in(&s->chance, 2) ? 400 : 16);
}

static void speak_unasked(struct session *s)
{
	if (!harm(s))
		return;
	for (uint64_t n = many(s); n && s->channel.fd >= 0; n--)
		ask(s);
	if (chance_one_in(&s->chance, 2))
		for (uint64_t n = many(s); n && s->main.fd >= 0; n--)
			answer_unasked(s);
}

/* Well, badly, twice or not at all. */
static void answer(struct session *s)
{
	struct vu_message twice;

	if (!impostor_answer(&s->impostor, &s->in, &s->out))
		return;
	if (!harm(s)) {
		say(s, &s->main, &s->out);
		return;
	}
	twice = s->out;
	twice.nfds = 0;
	switch (chance_below(&s->chance, 8)) {
	case 0:
		vu_message_close_fds(&s->out);
		break;
	case 1:
		say(s, &s->main, &s->out);
		say_badly(s, &s->main, &twice);
		break;
	default:
		say_badly(s, &s->main, &s->out);
	}
}

/* ---- listening ---- */

static void open_channel(struct session *s)
{
	if (s->impostor.channel < 0)
		return;
	vu_conn_close(&s->channel);
	vu_conn_init(&s->channel, s->impostor.channel, VU_BACKEND);
	s->impostor.channel = -1;
}

/* A connection that ended leaves nothing behind: the next one begins from nothing. */
static void forget(struct session *s)
{
	vu_conn_close(&s->main);
	vu_conn_close(&s->channel);
	impostor_close(&s->impostor);
	impostor_init(&s->impostor, &s->chance);
}

static void hear(struct session *s, struct vu_conn *conn)
{
	int err = conn->fd < 0 ? -EAGAIN : vu_conn_recv(conn, &s->in);

	if (err == -EAGAIN)
		return;
	if (err && conn == &s->main)
		forget(s);
	else if (err)
		vu_conn_close(conn);
	if (err)
		return;
	if (conn == &s->main) {
		attack_tell_awaited(s->attack, ARROW_REQUEST, &s->in);
		impostor_take(&s->impostor, &s->in);
		open_channel(s);
		speak_unasked(s);
		answer(s);
	}
	vu_message_close_fds(&s->in);
}

static void take_connection(struct session *s)
{
	int fd = vu_accept(s->attack->subject.listener, vu_now(), -1);

	if (fd < 0)
		return;
	if (s->connections++)
		attack_tell(s->attack, "connect");
	forget(s);
	vu_conn_init(&s->main, fd, VU_MAIN);
}

static void watch(const struct session *s, struct pollfd *fds)
{
	fds[SOURCE_END] = (struct pollfd){ s->attack->subject.pidfd, POLLIN, 0 };
	fds[SOURCE_LISTENER] = (struct pollfd){ s->attack->subject.listener, POLLIN, 0 };
	fds[SOURCE_MAIN] = (struct pollfd){ s->main.fd, POLLIN, 0 };
	fds[SOURCE_CHANNEL] = (struct pollfd){ s->channel.fd, POLLIN, 0 };
	fds[SOURCE_STREAM] = (struct pollfd){ s->impostor.stream, POLLOUT, 0 };
	for (int i = 0; i < IMPOSTOR_RINGS; i++)
		fds[SOURCE_KICKS + i] = (struct pollfd){ s->impostor.rings[i].kick, POLLIN, 0 };
}

static void react(struct session *s, const struct pollfd *fds)
{
	if (fds[SOURCE_LISTENER].revents)
		take_connection(s);
	hear(s, &s->main);
	hear(s, &s->channel);
	if (fds[SOURCE_STREAM].revents)
		impostor_stream(&s->impostor);
	for (unsigned int i = 0; i < IMPOSTOR_RINGS; i++)
		if (fds[SOURCE_KICKS + i].revents)
			impostor_serve(&s->impostor, i, harm(s));
}

/* Until the front-end has ended. 0 or -ETIMEDOUT. */
static int play(struct session *s)
{
	int64_t deadline = attack_deadline(s->attack, ENDS_WITHIN);
	struct pollfd fds[SOURCES];

	for (;;) {
		int err;

		watch(s, fds);
		err = vu_poll(fds, SOURCES, deadline);
		if (err)
			return err;
		if (fds[SOURCE_END].revents)
			return 0;
		react(s, fds);
	}
}

/* ---- what it leaves behind ---- */

static bool is_left(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "socket") != 0;
}

static void look_for_files(struct attack *a)
{
	DIR *dir = opendir(a->subject.dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (is_left(entry))
			attack_found(a, "leaves the file %s", entry->d_name);
	if (dir)
		closedir(dir);
}

/* Orphans become our children. */
static void look_for_processes(struct attack *a)
{
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	if (pid >= 0)
		attack_found(a, "leaves a process behind");
}

static void judge(struct attack *a)
{
	subject_check(&a->subject);
	if (attack_ended(a, VERDICTS)) {
		look_for_processes(a);
		look_for_files(a);
	}
	subject_stop(&a->subject);
}

/* ---- sessions ---- */

/* One process plays several: what one leaves behind is there in the next. */
static void choose_scenarios(struct session *s, const struct scenarios *all, char *paths,
			     size_t size)
{
	size_t len = 0;

	for (int i = 0; i < SCENARIOS_A_SESSION && len < size; i++)
		len += (size_t)snprintf(paths + len, size - len, " %s",
					all->paths[chance_below(&s->chance, all->n)]);
}

static void choose(struct session *s, const struct scenarios *all)
{
	static const unsigned int patience[] = { 1, 2, 5, 12, 30 };
	struct attack *a = s->attack;
	char paths[SCENARIOS_A_SESSION * PATH_SIZE];
	double scale;

	choose_scenarios(s, all, paths, sizeof(paths));
	s->patience = patience[chance_below(&s->chance, 5)];
	scale = chance_one_in(&s->chance, 4) ? 0.02 : 0.004;
	attack_command(
		a,
		" --socket {socket} --pid %d --device %s --scale %g --events /dev/null --trace /dev/null%s",
		getpid(), a->device, scale * a->opt->slowness, paths);
	attack_tell(a, "# against%s", paths);
}

static bool session(struct session *s, struct attack *a, const struct scenarios *all)
{
	int err;

	attack_session(a);
	*s = (struct session){ .attack = a, .chance = attack_chance(a, a->session) };
	s->main.fd = s->channel.fd = -1;
	impostor_init(&s->impostor, &s->chance);
	choose(s, all);
	unlink(a->log);
	err = subject_start(&a->subject);
	if (err)
		attack_found(a, "does not start: %s", a->subject.trouble);
	else if (play(s))
		attack_found(a, "does not end");
	else
		judge(a);
	vu_conn_close(&s->main);
	vu_conn_close(&s->channel);
	impostor_close(&s->impostor);
	return !a->found;
}

/* ---- scenarios: all that judge back-ends, in an order that does not change ---- */

static bool judges_backend(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[256];
	bool does = false;

	while (f && !does && fgets(line, sizeof(line), f))
		does = !strncmp(line, "subject", 7) && strstr(line, "back-end");
	if (f)
		fclose(f);
	return does;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_in(struct scenarios *all, const char *area)
{
	DIR *dir = opendir(area);
	struct dirent *entry;
	char *path;

	while (dir && (entry = readdir(dir)) && all->n < SCENARIOS) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".vus") != 0 ||
		    asprintf(&path, "%s/%s", area, entry->d_name) < 0)
			continue;
		if (judges_backend(path))
			all->paths[all->n++] = path;
		else
			free(path);
	}
	if (dir)
		closedir(dir);
}

static void find_scenarios(struct scenarios *all, const char *top)
{
	DIR *dir = opendir(top);
	struct dirent *entry;
	char area[512];

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			snprintf(area, sizeof(area), "%s/%s", top, entry->d_name);
			find_in(all, area);
		}
	if (dir)
		closedir(dir);
	qsort(all->paths, all->n, sizeof(all->paths[0]), by_name);
}

static void forget_scenarios(struct scenarios *all)
{
	while (all->n)
		free(all->paths[--all->n]);
}

/* ---- all sessions ---- */

static void attack_all(struct attack *a, const struct scenarios *all, uint64_t messages)
{
	struct session *s = malloc(sizeof(*s));

	if (!all->n)
		attack_found(a, "could not be attacked: no scenarios in %s", a->opt->scenarios);
	while (s && !a->found && a->mutated < messages && session(s, a, all))
		continue;
	free(s);
}

static bool attack_device(const struct attack_options *opt, const char *device, uint64_t messages)
{
	struct scenarios all = { .n = 0 };
	struct attack a;

	if (attack_open(&a, opt, "front-end", device, true))
		return false;
	setenv("TMPDIR", a.subject.dir, true);
	find_scenarios(&all, opt->scenarios);
	attack_all(&a, &all, messages);
	forget_scenarios(&all);
	return attack_end(&a);
}

int main(int argc, char **argv)
{
	static const char *const devices[] = { "blk", "fs", "net", "rng", "echo" };
	struct attack_options opt;

	if (!attack_options(&opt, argc, argv))
		return 2;
	return attack_devices(&opt, devices, sizeof(devices) / sizeof(devices[0]), attack_device)
		       ? 0
		       : 1;
}
