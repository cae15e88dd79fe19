/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who waits for a page sees nothing else, not even that the front-end, which was to bring it, is
 * gone. A thread looks for that; then no page is missed any more, and the wait is over.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"

struct guard {
	pthread_t thread;
	pthread_mutex_t lock;
	int connection, uffd, stop;
	bool gone; /* the front-end */
	struct uffdio_range ranges[VU_MAP_REGIONS];
	size_t nranges;
};

static void let_go(struct guard *g)
{
	for (size_t i = 0; i < g->nranges; i++)
		ioctl(g->uffd, UFFDIO_UNREGISTER, &g->ranges[i]);
}

static void *watch(void *arg)
{
	struct guard *g = arg;
	struct pollfd fds[] = { { .fd = g->connection, .events = POLLRDHUP },
				{ .fd = g->stop, .events = POLLIN } };

	if (vu_poll(fds, 2, VU_FOREVER) || !fds[0].revents)
		return NULL;
	pthread_mutex_lock(&g->lock);
	g->gone = true;
	let_go(g);
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

struct guard *guard_new(int connection, int uffd)
{
	struct guard *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->connection = connection;
	g->uffd = uffd;
	g->stop = eventfd(0, EFD_CLOEXEC);
	pthread_mutex_init(&g->lock, NULL);
	if (g->stop >= 0 && !pthread_create(&g->thread, NULL, watch, g))
		return g;
	if (g->stop >= 0)
		close(g->stop);
	free(g);
	return NULL;
}

void guard_ranges(struct guard *g, const struct vu_map *map)
{
	pthread_mutex_lock(&g->lock);
	g->nranges = map->nregions;
	for (size_t i = 0; i < map->nregions; i++)
		g->ranges[i] = (struct uffdio_range){ (uintptr_t)map->regions[i].mapping,
						      map->regions[i].mapped };
	if (g->gone)
		let_go(g);
	pthread_mutex_unlock(&g->lock);
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	eventfd_write(g->stop, 1);
	pthread_join(g->thread, NULL);
	pthread_mutex_destroy(&g->lock);
	close(g->stop);
	free(g);
}
