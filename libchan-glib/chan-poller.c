/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-poller.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chan-fd-margin.h"
#include "chan-fork.h"

#define EVENTS_PER_ROUND 32
/* A run of completions ends after so many, or so long, so that other sources
 * of the same main context have their turn. */
#define RUN_BUDGET_ITEMS 64
#define RUN_BUDGET_US 1000

ChanPoller *
chan_poller_new (void (*wake) (ChanPoller *self))
{
  ChanPoller *self = g_new0 (ChanPoller, 1);

  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->epoll_fd = chan_fd_new_epoll ();
  self->wake = wake;
  self->reactors = g_hash_table_new (NULL, NULL);
  self->next_deadline = G_MAXINT64;
  self->run_tail = &self->run_head;
  self->to_flush = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_reactor_unref);
  self->wake_fd = -1;
  chan_fork_add_poller (self);
  return self;
}

void
chan_poller_add_wake_fd (ChanPoller *self)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

  self->wake_fd = chan_fd_new_event ();
  if (epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) < 0)
    g_error ("libchan-glib: epoll_ctl: %s", g_strerror (errno));
}

void
chan_poller_ring (ChanPoller *self)
{
  static const guint64 one = 1;

  g_mutex_lock (&self->lock);
  if (!self->woken && write (self->wake_fd, &one, sizeof one) < 0)
    g_critical ("libchan-glib: cannot wake a main context");
  g_atomic_int_set (&self->woken, TRUE);
  g_mutex_unlock (&self->lock);
}

/* What it was rung for is in the run queue, which is looked at after this. */
static void
poller_silence (ChanPoller *self)
{
  guint64 count;

  if (!g_atomic_int_get (&self->woken))
    return;
  g_mutex_lock (&self->lock);
  if (read (self->wake_fd, &count, sizeof count) < 0 && errno != EAGAIN)
    g_critical ("libchan-glib: eventfd: %s", g_strerror (errno));
  g_atomic_int_set (&self->woken, FALSE);
  g_mutex_unlock (&self->lock);
}

ChanPoller *
chan_poller_ref (ChanPoller *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_poller_unref (ChanPoller *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_fork_remove_poller (self);
  g_assert (g_hash_table_size (self->reactors) == 0);
  g_hash_table_unref (self->reactors);
  g_ptr_array_unref (self->to_flush);
  close (self->epoll_fd);
  if (self->wake_fd >= 0)
    close (self->wake_fd);
  g_mutex_clear (&self->lock);
  g_free (self);
}

static void
poller_wake (gpointer data)
{
  ChanPoller *self = data;

  self->wake (self);
  chan_poller_unref (self);
}

static void
poller_ctl (ChanPoller *self, int op, ChanReactor *reactor, int fd, GIOCondition want)
{
  struct epoll_event event = { .data.ptr = reactor };

  if (fd < 0)
    return;
  if (want & G_IO_IN)
    event.events |= EPOLLIN;
  if (want & G_IO_OUT)
    event.events |= EPOLLOUT;
  /* Hang-ups are reported whatever is asked for: once is enough. */
  if (want == 0)
    event.events |= EPOLLET;
  if (epoll_ctl (self->epoll_fd, op, fd, &event) < 0 && errno != ENOENT)
    g_critical ("libchan-glib: epoll_ctl: %s", g_strerror (errno));
}

void
chan_poller_forked (ChanPoller *self)
{
  int epoll = epoll_create1 (EPOLL_CLOEXEC);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
  GHashTableIter iter;
  gpointer reactor;

  dup3 (epoll, self->epoll_fd, O_CLOEXEC);
  close (epoll);
  if (self->wake_fd >= 0)
    {
      /* What waits in the run queue still does. */
      int wake = eventfd (self->run_head != NULL, EFD_CLOEXEC | EFD_NONBLOCK);

      dup3 (wake, self->wake_fd, O_CLOEXEC);
      close (wake);
      self->woken = self->run_head != NULL;
      epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event);
    }
  g_hash_table_iter_init (&iter, self->reactors);
  while (g_hash_table_iter_next (&iter, &reactor, NULL))
    poller_ctl (self, EPOLL_CTL_ADD, reactor, ((ChanReactor *) reactor)->fd, G_IO_IN);
}

void
chan_poller_watch (ChanPoller *self, ChanReactor *reactor, int fd, GIOCondition want, gint64 deadline)
{
  gboolean known;

  g_mutex_lock (&self->lock);
  known = !g_hash_table_add (self->reactors, reactor);
  if (!known)
    chan_reactor_ref (reactor);
  poller_ctl (self, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, reactor, fd, want);
  self->next_deadline = MIN (self->next_deadline, deadline);
  g_mutex_unlock (&self->lock);
}

void
chan_poller_pause (ChanPoller *self, ChanReactor *reactor, int fd)
{
  g_mutex_lock (&self->lock);
  if (g_hash_table_contains (self->reactors, reactor))
    poller_ctl (self, EPOLL_CTL_MOD, reactor, fd, 0);
  g_mutex_unlock (&self->lock);
}

void
chan_poller_forget (ChanPoller *self, ChanReactor *reactor, int fd, ChanLater *later)
{
  gboolean known;

  g_mutex_lock (&self->lock);
  known = g_hash_table_remove (self->reactors, reactor);
  if (known)
    poller_ctl (self, EPOLL_CTL_DEL, reactor, fd, 0);
  g_mutex_unlock (&self->lock);
  if (known)
    chan_later_add (later, (ChanLaterFunc) chan_reactor_unref, reactor);
}

void
chan_poller_queue (ChanPoller *self, ChanRunItem *item, ChanLater *later)
{
  gboolean was_empty, added = FALSE;

  g_mutex_lock (&self->lock);
  was_empty = self->run_head == NULL;
  if (!item->queued)
    {
      item->queued = TRUE;
      item->next = NULL;
      g_atomic_pointer_set (self->run_tail, item);
      self->run_tail = &item->next;
      added = TRUE;
    }
  g_mutex_unlock (&self->lock);
  if (added && was_empty)
    chan_later_add (later, poller_wake, chan_poller_ref (self));
}

void
chan_poller_unqueue (ChanPoller *self, ChanRunItem *item)
{
  g_mutex_lock (&self->lock);
  for (ChanRunItem **at = &self->run_head; item->queued && *at != NULL; at = &(*at)->next)
    if (*at == item)
      {
        g_atomic_pointer_set (at, item->next);
        if (item->next == NULL)
          self->run_tail = at;
        item->queued = FALSE;
        break;
      }
  g_mutex_unlock (&self->lock);
}

gboolean
chan_poller_has_queue (ChanPoller *self)
{
  /* Without the lock: who queues wakes. So what is written to run_head is written atomically. */
  return g_atomic_pointer_get (&self->run_head) != NULL;
}

static ChanRunItem *
poller_pop (ChanPoller *self)
{
  ChanRunItem *item;

  g_mutex_lock (&self->lock);
  item = self->run_head;
  if (item != NULL)
    {
      g_atomic_pointer_set (&self->run_head, item->next);
      if (self->run_head == NULL)
        self->run_tail = &self->run_head;
      item->queued = FALSE;
    }
  g_mutex_unlock (&self->lock);
  return item;
}

gboolean
chan_poller_run (ChanPoller *self)
{
  gint64 end = 0;
  ChanRunItem *item;

  for (guint n = 0; n < RUN_BUDGET_ITEMS && (item = poller_pop (self)) != NULL; n++)
    {
      item->run (item);
      if ((n & 7) != 7)
        continue;
      if (end == 0)
        end = g_get_monotonic_time () + RUN_BUDGET_US;
      else if (g_get_monotonic_time () > end)
        break;
    }
  return chan_poller_has_queue (self);
}

void
chan_poller_put_off (ChanPoller *self, ChanReactor *reactor)
{
  g_mutex_lock (&self->lock);
  g_ptr_array_add (self->to_flush, chan_reactor_ref (reactor));
  g_mutex_unlock (&self->lock);
}

static ChanReactor *
poller_take_put_off (ChanPoller *self)
{
  ChanReactor *reactor = NULL;

  g_mutex_lock (&self->lock);
  if (self->to_flush->len > 0)
    reactor = g_ptr_array_steal_index_fast (self->to_flush, self->to_flush->len - 1);
  g_mutex_unlock (&self->lock);
  return reactor;
}

void
chan_poller_flush (ChanPoller *self)
{
  ChanReactor *reactor;

  while ((reactor = poller_take_put_off (self)) != NULL)
    {
      chan_reactor_flush (reactor);
      chan_reactor_unref (reactor);
    }
}

/* The one reactor of a poller that has only one: saves a system call. */
static ChanReactor *
poller_only (ChanPoller *self)
{
  GHashTableIter iter;
  gpointer reactor = NULL;

  g_mutex_lock (&self->lock);
  if (g_hash_table_size (self->reactors) == 1)
    {
      g_hash_table_iter_init (&iter, self->reactors);
      if (g_hash_table_iter_next (&iter, &reactor, NULL))
        chan_reactor_ref (reactor);
    }
  g_mutex_unlock (&self->lock);
  return reactor;
}

static void
poller_service_due (ChanPoller *self)
{
  g_autoptr (GPtrArray) all = NULL;
  gint64 next = G_MAXINT64;
  GHashTableIter iter;
  gpointer reactor;

  if (chan_poller_get_deadline (self) > g_get_monotonic_time ())
    return;
  all = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_reactor_unref);
  g_mutex_lock (&self->lock);
  self->next_deadline = G_MAXINT64;
  g_hash_table_iter_init (&iter, self->reactors);
  while (g_hash_table_iter_next (&iter, &reactor, NULL))
    g_ptr_array_add (all, chan_reactor_ref (reactor));
  g_mutex_unlock (&self->lock);
  for (guint i = 0; i < all->len; i++)
    next = MIN (next, chan_reactor_service_from (all->pdata[i], self, 0));
  g_mutex_lock (&self->lock);
  self->next_deadline = MIN (self->next_deadline, next);
  g_mutex_unlock (&self->lock);
}

static GIOCondition
conditions_of (const struct epoll_event *event)
{
  GIOCondition ready = 0;

  if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP))
    ready |= G_IO_IN;
  if (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
    ready |= G_IO_OUT;
  return ready;
}

void
chan_poller_service (ChanPoller *self, int timeout_ms)
{
  struct epoll_event events[EVENTS_PER_ROUND];
  ChanReactor *only = timeout_ms == 0 ? poller_only (self) : NULL;
  int n = 0;

  poller_silence (self);
  if (only != NULL)
    {
      chan_reactor_service_from (only, self, G_IO_IN);
      chan_reactor_unref (only);
    }
  else
    n = epoll_wait (self->epoll_fd, events, EVENTS_PER_ROUND, timeout_ms);
  for (int i = 0; i < n; i++)
    {
      ChanReactor *reactor = events[i].data.ptr;
      gboolean known;

      if (reactor == NULL)
        continue;
      g_mutex_lock (&self->lock);
      known = g_hash_table_contains (self->reactors, reactor);
      if (known)
        chan_reactor_ref (reactor);
      g_mutex_unlock (&self->lock);
      if (!known)
        continue;
      chan_reactor_service_from (reactor, self, conditions_of (&events[i]));
      chan_reactor_unref (reactor);
    }
  poller_service_due (self);
}

gint64
chan_poller_get_deadline (ChanPoller *self)
{
  gint64 deadline;

  g_mutex_lock (&self->lock);
  deadline = self->next_deadline;
  g_mutex_unlock (&self->lock);
  return deadline;
}
