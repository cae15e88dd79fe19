/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that mean the same on either side: descriptors, and what the harness does to the subject. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "play.h"
#include "wire/deadline.h"

#define HOOK_WITHIN (10 * VU_NSEC_PER_SEC)

static enum script_step broken(struct script_call *call, const char *why)
{
	snprintf(call->actual, sizeof(call->actual), "%s: %s", call->stmt->word, why);
	return STEP_ERROR;
}

static void bind_fd(struct script_call *call, size_t place, int fd)
{
	script_bind(call->interp, script_positional(call->stmt, place)->text,
		    (struct script_value){ VALUE_FD, (uint64_t)fd });
}

static enum script_step verb_pipe(struct play *play, struct script_call *call)
{
	int ends[2];

	(void)play;
	if (pipe2(ends, O_CLOEXEC))
		return broken(call, strerror(errno));
	bind_fd(call, 0, ends[0]);
	bind_fd(call, 1, ends[1]);
	return STEP_DONE;
}

static enum script_step verb_eventfd(struct play *play, struct script_call *call)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)play;
	if (fd < 0)
		return broken(call, strerror(errno));
	bind_fd(call, 0, fd);
	return STEP_DONE;
}

/* The descriptor is closed here and -1 stays behind. */
static enum script_step verb_close(struct play *play, struct script_call *call)
{
	(void)play;
	bind_fd(call, 0, -1);
	return STEP_DONE;
}

static enum script_step verb_signal(struct play *play, struct script_call *call)
{
	const struct script_arg *arg = script_named(call->stmt, "value");
	struct script_value fd;
	uint64_t value = 1;

	(void)play;
	if (arg &&
	    script_number(call->interp, arg->value, &value, call->actual, sizeof(call->actual)))
		return STEP_ERROR;
	if (script_eval(call->interp, script_positional(call->stmt, 0), &fd, call->actual,
			sizeof(call->actual)))
		return STEP_ERROR;
	if (fd.kind != VALUE_FD)
		return broken(call, "that is no descriptor");
	if (write((int)fd.number, &value, sizeof(value)) == sizeof(value))
		return STEP_DONE;
	return broken(call, strerror(errno));
}

static enum script_step verb_host(struct play *play, struct script_call *call)
{
	const char *name = script_positional(call->stmt, 0)->text;
	const char *command = play_hook(play, name);
	int status;

	if (!command) {
		snprintf(call->actual, sizeof(call->actual), "the candidate has no action %s",
			 name);
		return STEP_NA;
	}
	status = subject_run(&play->subject, command, vu_deadline_in(HOOK_WITHIN));
	if (!status)
		return STEP_DONE;
	subject_check(&play->subject);
	if (play->subject.exited) {
		snprintf(call->actual, sizeof(call->actual), "the subject ended");
		return STEP_FAILED;
	}
	snprintf(call->actual, sizeof(call->actual), "%s failed with status %d", name, status);
	return STEP_ERROR;
}

enum script_step play_verb(struct play *play, struct script_call *call)
{
	static const struct {
		const char *word;
		enum script_step (*run)(struct play *play, struct script_call *call);
	} verbs[] = {
		{ "pipe", verb_pipe },     { "eventfd", verb_eventfd }, { "close", verb_close },
		{ "signal", verb_signal }, { "host", verb_host },
	};

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verbs[i].word, call->stmt->word))
			return verbs[i].run(play, call);
	return broken(call, play->side->judges == SUBJECT_BACKEND ? "a front-end cannot do that"
								  : "a back-end cannot do that");
}
