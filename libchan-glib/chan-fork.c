/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fork.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chan-attendant.h"
#include "chan-wait.h"

static GMutex registry; /* Never waited for while it is held. Guards: */
static GList reactors;  /* head of a ring of ChanReactor.fork_link */
static GList pollers;   /* the same of ChanPoller.fork_link */

static guint generation; /* only changes where there is one thread */

/* --- at fork --- */

static void
unlock_until (GList *ring, GList *end)
{
  for (GList *at = ring->next; at != end; at = at->next)
    g_mutex_unlock (ring == &reactors ? &((ChanReactor *) at->data)->lock : &((ChanPoller *) at->data)->lock);
}

/* A lock may be held by who waits for the registry: then all are given back. */
static gboolean
try_lock_reactors (void)
{
  for (GList *at = reactors.next; at != &reactors; at = at->next)
    if (!g_mutex_trylock (&((ChanReactor *) at->data)->lock))
      {
        unlock_until (&reactors, at);
        return FALSE;
      }
  return TRUE;
}

static void
before (void)
{
  g_mutex_lock (&registry);
  while (!try_lock_reactors ())
    {
      g_mutex_unlock (&registry);
      g_thread_yield ();
      g_mutex_lock (&registry);
    }
  /* These are leaves: who holds one waits for nothing. */
  for (GList *at = pollers.next; at != &pollers; at = at->next)
    g_mutex_lock (&((ChanPoller *) at->data)->lock);
  chan_attendant_before_fork ();
}

static void
after (void)
{
  chan_attendant_after_fork ();
  unlock_until (&pollers, &pollers);
  unlock_until (&reactors, &reactors);
  g_mutex_unlock (&registry);
}

static void
replace (int fd, int with)
{
  if (fd >= 0 && with >= 0)
    dup3 (with, fd, O_CLOEXEC);
}

static void
replace_connections (void)
{
  int ended[2] = { -1, -1 };
  int quiet = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ended) == 0)
    close (ended[1]);
  for (GList *at = reactors.next; at != &reactors; at = at->next)
    {
      ChanReactor *reactor = at->data;

      replace (reactor->fd, reactor->accepts ? quiet : ended[0]);
      for (guint i = 0; reactor->extra_fds != NULL && i < CHAN_EXTRA_FDS; i++)
        replace ((int) reactor->extra_fds[i] - 1, ended[0]);
      /* Threads that waited are not here. */
      reactor->hold = reactor->hold == CHAN_HOLD_HELD ? CHAN_HOLD_FREE : reactor->hold;
      reactor->waiters.next = reactor->waiters.prev = &reactor->waiters;
      /* Nor is who would have written: the next output finds somebody. */
      reactor->at_attendant = reactor->flush_queued = reactor->lazy_output = reactor->batched_output = FALSE;
    }
  close (ended[0]);
  close (quiet);
}

static void
replace_polling (void)
{
  for (GList *at = pollers.next; at != &pollers; at = at->next)
    chan_poller_forked (at->data);
}

static void
after_in_child (void)
{
  generation++;
  replace_connections ();
  replace_polling ();
  chan_wait_forked ();
  chan_attendant_forked ();
  after ();
}

/* --- the registry --- */

static void
add (GList *ring, GList *link, gpointer data)
{
  static gsize once = 0;

  if (g_once_init_enter (&once))
    {
      reactors.next = reactors.prev = &reactors;
      pollers.next = pollers.prev = &pollers;
      pthread_atfork (before, after, after_in_child);
      g_once_init_leave (&once, 1);
    }
  g_mutex_lock (&registry);
  *link = (GList){ data, ring, ring->prev };
  ring->prev->next = link;
  ring->prev = link;
  g_mutex_unlock (&registry);
}

static void
remove_link (GList *link)
{
  g_mutex_lock (&registry);
  link->prev->next = link->next;
  link->next->prev = link->prev;
  g_mutex_unlock (&registry);
}

void
chan_fork_add_reactor (ChanReactor *reactor)
{
  add (&reactors, &reactor->fork_link, reactor);
}

void
chan_fork_remove_reactor (ChanReactor *reactor)
{
  remove_link (&reactor->fork_link);
}

void
chan_fork_add_poller (ChanPoller *poller)
{
  add (&pollers, &poller->fork_link, poller);
}

void
chan_fork_remove_poller (ChanPoller *poller)
{
  remove_link (&poller->fork_link);
}

guint
chan_fork_generation (void)
{
  return generation;
}
