/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-fork.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

/* Never freed: a child reads them without a lock. */
struct _ChanDBusForkFd
{
  gint fd;                    /* atomic; -1: none */
  ChanDBusForkFd *next;
  ChanDBusForkFd *next_spare; /* under the lock */
};

static ChanDBusForkFd *all;   /* atomic */
static GMutex lock;           /* leaf; guards: */
static ChanDBusForkFd *spare; /* those that have none */
static guint generation;      /* only changes where there is one thread */

static void
replace_fds (void)
{
  int ended[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ended) < 0)
    return;
  close (ended[1]);
  for (ChanDBusForkFd *at = g_atomic_pointer_get (&all); at != NULL; at = at->next)
    if (at->fd >= 0)
      dup3 (ended[0], at->fd, O_CLOEXEC);
  close (ended[0]);
}

static void
after_in_child (void)
{
  generation++;
  replace_fds ();
  /* Whoever had it is not here; what was spare is not worth the question. */
  memset (&lock, 0, sizeof lock);
  spare = NULL;
}

static void
ensure (void)
{
  static gsize once = 0;

  if (!g_once_init_enter (&once))
    return;
  pthread_atfork (NULL, NULL, after_in_child);
  g_once_init_leave (&once, 1);
}

guint
chan_dbus_fork_generation (void)
{
  ensure ();
  return generation;
}

gboolean
chan_dbus_fork_check (GError **error)
{
  if (chan_dbus_fork_generation () == 0)
    return TRUE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                       "The process that forked this one uses D-Bus, and GLib's D-Bus works in one of them only: execute a program here");
  return FALSE;
}

ChanDBusForkFd *
chan_dbus_fork_add_fd (int fd)
{
  ChanDBusForkFd *self;

  ensure ();
  g_mutex_lock (&lock);
  self = spare;
  if (self != NULL)
    spare = self->next_spare;
  else
    {
      self = g_new0 (ChanDBusForkFd, 1);
      self->fd = -1;
      self->next = all;
      g_atomic_pointer_set (&all, self);
    }
  g_mutex_unlock (&lock);
  g_atomic_int_set (&self->fd, fd);
  return self;
}

void
chan_dbus_fork_remove_fd (ChanDBusForkFd *self)
{
  if (self == NULL)
    return;
  g_atomic_int_set (&self->fd, -1);
  g_mutex_lock (&lock);
  self->next_spare = spare;
  spare = self;
  g_mutex_unlock (&lock);
}
