/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting to a peer that is not there yet, that is slow, or that is gone. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/socket.h"

#define SOON vu_deadline_in(10 * VU_NSEC_PER_SEC)
#define SHORTLY vu_deadline_in(20 * VU_NSEC_PER_MSEC)

/* A directory, a path in it, and what a second thread does once the first one waits. */
struct place {
	char directory[32];
	char path[64];
	pid_t waiting_thread;
	int listener;
	int pipe[2];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	snprintf(place->directory, sizeof(place->directory), "/tmp/vringer-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	assert_int_equal(pipe(place->pipe), 0);
	snprintf(place->path, sizeof(place->path), "%s/socket", place->directory);
	place->waiting_thread = gettid();
	place->listener = -1;
	*state = place;
	return 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	if (place->listener >= 0)
		close(place->listener);
	close(place->pipe[0]);
	close(place->pipe[1]);
	unlink(place->path);
	rmdir(place->directory);
	free(place);
	return 0;
}

/* The state of a thread is in no event; it sleeps a moment after it was seen running. */
static void until_it_waits(const struct place *place)
{
	char path[64], state = 'R';

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", place->waiting_thread);
	while (state != 'S') {
		FILE *file = fopen(path, "r");

		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 'S';
		if (file)
			fclose(file);
		sched_yield();
	}
}

static void *appear(void *arg)
{
	struct place *place = arg;

	until_it_waits(place);
	place->listener = vu_listen(place->path);
	return NULL;
}

static void *go_on_to_listen(void *arg)
{
	struct place *place = arg;

	until_it_waits(place);
	listen(place->listener, 1);
	return NULL;
}

static void *connect_late(void *arg)
{
	struct place *place = arg;
	int fd;

	until_it_waits(place);
	fd = vu_connect(place->path, SOON, -1);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static void *end(void *arg)
{
	struct place *place = arg;

	until_it_waits(place);
	return write(place->pipe[1], "", 1) == 1 ? NULL : arg;
}

static pthread_t meanwhile(void *(*what)(void *), struct place *place)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, what, place), 0);
	return thread;
}

static void bind_only(struct place *place)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, place->path, sizeof(place->path));
	place->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(place->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

static void connects_to_what_is_there(void **state)
{
	struct place *place = *state;
	int fd, other;

	place->listener = vu_listen(place->path);
	assert_true(place->listener >= 0);
	fd = vu_connect(place->path, SOON, -1);
	assert_true(fd >= 0);
	other = vu_accept(place->listener, SOON, -1);
	assert_true(other >= 0);
	close(fd);
	close(other);
}

static void connects_when_the_socket_appears(void **state)
{
	struct place *place = *state;
	pthread_t thread = meanwhile(appear, place);
	int fd = vu_connect(place->path, SOON, place->pipe[0]);

	pthread_join(thread, NULL);
	assert_true(fd >= 0);
	close(fd);
}

static void connects_when_the_owner_goes_on_to_listen(void **state)
{
	struct place *place = *state;
	pthread_t thread;
	int fd;

	bind_only(place);
	thread = meanwhile(go_on_to_listen, place);
	fd = vu_connect(place->path, SOON, -1);
	pthread_join(thread, NULL);
	assert_true(fd >= 0);
	close(fd);
}

static void waits_no_longer_than_the_deadline(void **state)
{
	struct place *place = *state;

	assert_int_equal(vu_connect(place->path, SHORTLY, -1), -ETIMEDOUT);
	bind_only(place);
	assert_int_equal(vu_connect(place->path, SHORTLY, -1), -ETIMEDOUT);
	close(place->listener);
	place->listener = vu_listen(place->path);
	assert_int_equal(vu_accept(place->listener, SHORTLY, -1), -ETIMEDOUT);
}

static void gives_up_when_told(void **state)
{
	struct place *place = *state;
	pthread_t thread = meanwhile(end, place);

	assert_int_equal(vu_connect(place->path, SOON, place->pipe[0]), -ECHILD);
	pthread_join(thread, NULL);
	place->listener = vu_listen(place->path);
	assert_int_equal(vu_accept(place->listener, SOON, place->pipe[0]), -ECHILD);
	close(place->listener);
	unlink(place->path);
	bind_only(place);
	assert_int_equal(vu_connect(place->path, SOON, place->pipe[0]), -ECHILD);
}

static void accepts_who_comes_late(void **state)
{
	struct place *place = *state;
	pthread_t thread;
	int fd;

	place->listener = vu_listen(place->path);
	thread = meanwhile(connect_late, place);
	fd = vu_accept(place->listener, SOON, -1);
	pthread_join(thread, NULL);
	assert_true(fd >= 0);
	close(fd);
}

static void an_old_socket_is_replaced_but_no_file(void **state)
{
	struct place *place = *state;
	FILE *file;

	bind_only(place);
	close(place->listener);
	place->listener = vu_listen(place->path);
	assert_true(place->listener >= 0);
	unlink(place->path);
	file = fopen(place->path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(vu_listen(place->path), -EADDRINUSE);
}

static void paths_that_cannot_be_are_refused(void **state)
{
	struct place *place = *state;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(vu_connect(path, SOON, -1), -ENAMETOOLONG);
	assert_int_equal(vu_listen(path), -ENAMETOOLONG);
	snprintf(path, sizeof(path), "%s/no/such", place->directory);
	assert_int_equal(vu_connect(path, SOON, -1), -ENOENT);
	assert_int_equal(vu_listen(path), -ENOENT);
	assert_int_equal(vu_connect("no-such-socket", SHORTLY, -1), -ETIMEDOUT);
}

#define placed(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		placed(connects_to_what_is_there),
		placed(connects_when_the_socket_appears),
		placed(connects_when_the_owner_goes_on_to_listen),
		placed(waits_no_longer_than_the_deadline),
		placed(gives_up_when_told),
		placed(accepts_who_comes_late),
		placed(an_old_socket_is_replaced_but_no_file),
		placed(paths_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
