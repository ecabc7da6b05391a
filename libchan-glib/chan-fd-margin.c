/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fd-margin.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>

/* An eighth of what the process may have, but so many at most. */
#define MARGIN_MAX 64u
#define MARGIN_PART 8u
#define RETRY_US 10000

gboolean
chan_fd_is_of_margin (int fd)
{
  struct rlimit limit;

  /* The kernel gives the lowest number that is free. */
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
    return FALSE;
  return (rlim_t) fd >= limit.rlim_cur - MIN (limit.rlim_cur / MARGIN_PART, MARGIN_MAX);
}

/* errno is of a call that gave no descriptor: may another give one? */
static gboolean
may_retry (const char *what, gboolean *told)
{
  if (errno != EMFILE && errno != ENFILE && errno != ENOMEM)
    g_error ("libchan-glib: %s: %s", what, g_strerror (errno));
  if (!*told)
    g_message ("libchan-glib: %s: %s; waiting until there is one", what, g_strerror (errno));
  *told = TRUE;
  g_usleep (RETRY_US);
  return TRUE;
}

int
chan_fd_new_epoll (void)
{
  gboolean told = FALSE;
  int fd;

  do
    fd = epoll_create1 (EPOLL_CLOEXEC);
  while (fd < 0 && may_retry ("epoll_create1", &told));
  return fd;
}

int
chan_fd_new_event (void)
{
  gboolean told = FALSE;
  int fd;

  do
    fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  while (fd < 0 && may_retry ("eventfd", &told));
  return fd;
}
