/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of expressions that mean the same on either side: of descriptors, of the subject and of features. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "play.h"

typedef int (*function)(struct play *play, const struct script_value *args, uint64_t *value);

static int fn_open_fds(struct play *play, const struct script_value *a, uint64_t *value)
{
	int n = subject_open_fds(&play->subject);

	(void)a;
	*value = (uint64_t)n;
	return n < 0 ? -EINVAL : 0;
}

static int fn_fd_size(struct play *play, const struct script_value *a, uint64_t *value)
{
	struct stat st;

	(void)play;
	if (a[0].kind != VALUE_FD || fstat((int)a[0].number, &st))
		return -EINVAL;
	*value = (uint64_t)st.st_size;
	return 0;
}

/* Where to look may be what the subject said: what is not there is zero, and no mistake of the script. */
static int fn_fd_peek(struct play *play, const struct script_value *a, uint64_t *value)
{
	(void)play;
	*value = 0;
	if (a[0].kind != VALUE_FD || a[2].number > sizeof(*value))
		return -EINVAL;
	if (pread((int)a[0].number, value, a[2].number, (off_t)a[1].number) < 0)
		*value = 0;
	return 0;
}

static int fn_unread(struct play *play, const struct script_value *a, uint64_t *value)
{
	int n;

	(void)play;
	if (a[0].kind != VALUE_FD || ioctl((int)a[0].number, FIONREAD, &n))
		return -EINVAL;
	*value = (uint64_t)n;
	return 0;
}

/* Nobody holds the other end of a pipe or socket any more. */
static int fn_hung_up(struct play *play, const struct script_value *a, uint64_t *value)
{
	struct pollfd pfd = { .fd = (int)a[0].number };

	(void)play;
	if (a[0].kind != VALUE_FD || poll(&pfd, 1, 0) < 0)
		return -EINVAL;
	*value = (pfd.revents & (POLLHUP | POLLERR)) != 0;
	return 0;
}

/* What an event descriptor that no ring owns has counted since it was last asked. */
static int fn_signals(struct play *play, const struct script_value *a, uint64_t *value)
{
	(void)play;
	*value = 0;
	if (a[0].kind != VALUE_FD)
		return -EINVAL;
	if (read((int)a[0].number, value, sizeof(*value)) < 0 && errno != EAGAIN)
		return -EINVAL;
	return 0;
}

/* Whether all the features that the argument names are among these. */
static int features_function(const struct vu_model *model, const char *name,
			     const struct script_value *args, size_t nargs, uint64_t *value)
{
	const struct {
		const char *name;
		uint64_t features;
	} table[] = {
		{ "offered", model->features_offered },
		{ "offered_protocol", model->protocol_offered },
		{ "acked", model->features },
		{ "acked_protocol", model->protocol },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name)) {
			*value = nargs == 1 &&
				 (table[i].features & args[0].number) == args[0].number;
			return nargs == 1 ? 0 : -EINVAL;
		}
	return -ENOENT;
}

int play_function(struct play *play, const struct vu_model *model, const char *name,
		  const struct script_value *args, size_t nargs, uint64_t *value)
{
	static const struct {
		const char *name;
		size_t nargs;
		function call;
	} table[] = {
		{ "open_fds", 0, fn_open_fds }, { "fd_size", 1, fn_fd_size },
		{ "fd_peek", 3, fn_fd_peek },   { "unread", 1, fn_unread },
		{ "signals", 1, fn_signals },   { "hung_up", 1, fn_hung_up },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (!strcmp(table[i].name, name))
			return table[i].nargs == nargs ? table[i].call(play, args, value) : -EINVAL;
	return features_function(model, name, args, nargs, value);
}
