/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-selector-private.h"

#include <poll.h>
#include <unistd.h>

#include "chan-attendant.h"
#include "chan-dispatcher.h"

/* A thread that blocks in a select: like chan_sync_op_wait(), but it polls the
 * sockets of several sessions, those that nobody else serves. Only one lock is
 * held at a time. */

typedef struct
{
  ChanReactor *reactor; /* a reference */
  ChanWaiter waiter;    /* in its ring */
  int polled;           /* index of its fd in `fds`, or -1 */
} Joined;

typedef struct
{
  ChanSelector *self;
  GPtrArray *joined; /* of Joined */
  GArray *fds;       /* of struct pollfd: the thread's, the cancellable's, the context's, the sessions' */
  ChanPoller *held_up;
  gint64 deadline;   /* the caller's; G_MAXINT64 */
} SelectWait;

enum { FD_WAKE, FD_CANCEL, FD_CONTEXT, N_FIXED_FDS };

static void
blocking_wake (ChanSelector *self, ChanLater *later)
{
  if (g_atomic_int_exchange (&self->woken, TRUE) == FALSE)
    chan_wait_ring (self->event_fd);
}

static gboolean
has_joined (SelectWait *wait, ChanReactor *reactor)
{
  for (guint i = 0; i < wait->joined->len; i++)
    if (((Joined *) wait->joined->pdata[i])->reactor == reactor)
      return TRUE;
  return FALSE;
}

/* A pipe may have joined a session while we slept. */
static void
join_all (SelectWait *wait)
{
  for (guint i = 0; i < wait->self->cases->len; i++)
    {
      ChanSelectorCase *item = wait->self->cases->pdata[i];
      ChanReactor *reactor = item->pipe != NULL ? g_atomic_pointer_get (&item->pipe->guard.reactor) : NULL;
      Joined *added;

      if (reactor == NULL || has_joined (wait, reactor))
        continue;
      added = g_new0 (Joined, 1);
      added->reactor = chan_reactor_ref (reactor);
      added->waiter.event_fd = wait->self->event_fd;
      g_mutex_lock (&reactor->lock);
      chan_reactor_add_waiter (reactor, &added->waiter);
      g_mutex_unlock (&reactor->lock);
      g_ptr_array_add (wait->joined, added);
    }
}

/* What to poll for this session, if nobody else does. Returns when it wants to be served anyway. */
static gint64
prepare_one (SelectWait *wait, Joined *joined)
{
  ChanReactor *reactor = joined->reactor;
  gint64 deadline = G_MAXINT64;
  ChanLater later;

  joined->polled = -1;
  chan_later_init (&later);
  chan_reactor_lock (reactor);
  chan_reactor_begin_wait (reactor, &later);
  if (chan_reactor_try_hold (reactor, &joined->waiter))
    {
      struct pollfd fd = { reactor->want != 0 ? reactor->fd : -1, 0, 0 };

      fd.events = (short) ((reactor->want & G_IO_IN ? POLLIN : 0) | (reactor->want & G_IO_OUT ? POLLOUT : 0));
      joined->polled = (int) wait->fds->len;
      g_array_append_val (wait->fds, fd);
      deadline = chan_reactor_poll_deadline (reactor, &later);
    }
  joined->waiter.asleep = TRUE;
  chan_reactor_unlock (reactor, &later);
  return deadline;
}

static void
serve_one (SelectWait *wait, Joined *joined)
{
  ChanReactor *reactor = joined->reactor;
  short revents = joined->polled >= 0 ? g_array_index (wait->fds, struct pollfd, joined->polled).revents : 0;
  GIOCondition ready = 0;
  ChanLater later;

  if (revents & ~POLLOUT)
    ready |= G_IO_IN;
  if (revents & ~POLLIN)
    ready |= G_IO_OUT;
  chan_later_init (&later);
  chan_reactor_lock (reactor);
  joined->waiter.asleep = FALSE;
  if (joined->waiter.holds && (ready != 0 || reactor->deadline <= g_get_monotonic_time ()))
    {
      /* This thread writes before it sleeps again, and goes on to do something if not. */
      reactor->hold_back = TRUE;
      chan_reactor_do_service (reactor, ready, &later);
      if (reactor->held_back)
        {
          reactor->batched_output = TRUE;
          chan_attendant_note_batch (reactor, &later);
        }
    }
  chan_reactor_unlock (reactor, &later);
}

static int
timeout_until (gint64 deadline)
{
  gint64 left;

  if (deadline == G_MAXINT64)
    return -1;
  left = deadline - g_get_monotonic_time ();
  return left <= 0 ? 0 : (int) MIN (left / 1000 + 1, G_MAXINT);
}

/* TRUE: the cancellable is ready. */
static gboolean
sleep_once (SelectWait *wait)
{
  gint64 deadline = chan_wait_look_again_at (wait->self->event_fd, wait->deadline);
  guint64 count;

  g_array_set_size (wait->fds, N_FIXED_FDS);
  join_all (wait);
  for (guint i = 0; i < wait->joined->len; i++)
    deadline = MIN (deadline, prepare_one (wait, wait->joined->pdata[i]));
  poll (&g_array_index (wait->fds, struct pollfd, 0), wait->fds->len, timeout_until (deadline));
  if (g_array_index (wait->fds, struct pollfd, FD_CONTEXT).revents != 0)
    chan_poller_service (wait->held_up, 0);
  for (guint i = 0; i < wait->joined->len; i++)
    serve_one (wait, wait->joined->pdata[i]);
  /* Emptied first: who wakes us after that writes again. */
  while (read (wait->self->event_fd, &count, sizeof count) == sizeof count)
    continue;
  g_atomic_int_set (&wait->self->woken, FALSE);
  return g_array_index (wait->fds, struct pollfd, FD_CANCEL).revents != 0;
}

static void
leave_all (SelectWait *wait)
{
  for (guint i = 0; i < wait->joined->len; i++)
    {
      Joined *joined = wait->joined->pdata[i];
      ChanLater later;

      chan_later_init (&later);
      chan_reactor_lock (joined->reactor);
      chan_reactor_remove_waiter (joined->reactor, &joined->waiter, &later);
      chan_reactor_unlock (joined->reactor, &later);
      chan_reactor_unref (joined->reactor);
    }
}

static int
run (SelectWait *wait, GCancellable *cancellable, GError **error)
{
  ChanSelector *self = wait->self;
  ChanSelectorCase *winner;
  gboolean cancelled = FALSE;
  int index;

  while ((winner = chan_selector_look (self)) == NULL)
    {
      gboolean late = g_get_monotonic_time () >= wait->deadline;

      if ((cancelled || late) && chan_selector_give_up (self))
        {
          chan_wait_set_error (cancelled ? CHAN_WAIT_CANCELLED : CHAN_WAIT_TIMED_OUT, error);
          break;
        }
      /* A message that is out cannot be called back: then only its end is waited for. */
      if (cancelled || late)
        {
          wait->deadline = G_MAXINT64;
          g_array_index (wait->fds, struct pollfd, FD_CANCEL).fd = -1;
        }
      cancelled = sleep_once (wait) || cancelled;
    }
  leave_all (wait);
  chan_selector_end (self);
  index = winner != NULL ? chan_selector_conclude (self, winner) : -1;
  chan_selector_leave (self);
  return index;
}

/**
 * chan_selector_wait:
 * @self: a selector
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Waits until one of the channels can go, and does it: takes a message, sends
 * one, or finds the end. Then [method@Chan.Selector.steal_message] has what
 * came of it. If the call fails, nothing happened on any channel.
 *
 * While it waits it serves the sessions itself; it never runs callbacks of the
 * caller's main context.
 *
 * Returns: the index of the case, or -1 on error (%G_IO_ERROR_CANCELLED;
 *   %G_IO_ERROR_INVALID_ARGUMENT without cases; %G_IO_ERROR_PENDING)
 *
 * Since: 0.1
 */
int
chan_selector_wait (ChanSelector *self, GCancellable *cancellable, GError **error)
{
  return chan_selector_wait_until (self, 0, cancellable, error);
}

/**
 * chan_selector_wait_until:
 * @self: a selector
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never;
 *   one that has passed makes it a try
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Selector.wait], with a deadline: when it passes, the call
 * fails with %G_IO_ERROR_TIMED_OUT.
 *
 * Returns: the index of the case, or -1 on error
 *
 * Since: 0.1
 */
int
chan_selector_wait_until (ChanSelector *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (GPtrArray) joined = NULL;
  g_autoptr (GArray) fds = NULL;
  SelectWait wait = { .self = self, .deadline = deadline > 0 ? deadline : G_MAXINT64 };
  struct pollfd fixed[N_FIXED_FDS] = { { -1, POLLIN, 0 }, { -1, POLLIN, 0 }, { -1, POLLIN, 0 } };
  GPollFD cancel = { -1, 0, 0 };
  int index;

  g_return_val_if_fail (self != NULL, -1);
  if (g_cancellable_set_error_if_cancelled (cancellable, error) || !chan_selector_enter (self, error))
    return -1;

  self->wake = blocking_wake;
  self->event_fd = chan_wait_thread_fd ();
  self->woken = FALSE;
  chan_selector_begin (self);
  wait.joined = joined = g_ptr_array_new_with_free_func (g_free);
  wait.fds = fds = g_array_new (FALSE, FALSE, sizeof (struct pollfd));
  wait.held_up = chan_dispatcher_ref_held_up ();
  if (wait.held_up != NULL && wait.held_up == chan_dispatcher_get_running ())
    chan_poller_flush (wait.held_up);
  fixed[FD_WAKE].fd = self->event_fd;
  fixed[FD_CONTEXT].fd = wait.held_up != NULL ? wait.held_up->epoll_fd : -1;
  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &cancel))
    fixed[FD_CANCEL].fd = cancel.fd;
  g_array_append_vals (fds, fixed, N_FIXED_FDS);
  index = run (&wait, cancellable, error);
  if (cancel.fd >= 0)
    g_cancellable_release_fd (cancellable);
  g_clear_pointer (&wait.held_up, chan_poller_unref);
  return index;
}
