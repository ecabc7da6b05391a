/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-wait.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chan-attendant.h"
#include "chan-dispatcher.h"

/* A thread without a file descriptor to be woken by looks that often. */
#define LOOK_AGAIN_US (10 * G_TIME_SPAN_MILLISECOND)

void
chan_guard_init (ChanGuard *self, ChanReactor *reactor)
{
  g_mutex_init (&self->own);
  self->reactor = reactor != NULL ? chan_reactor_ref (reactor) : NULL;
}

void
chan_guard_clear (ChanGuard *self)
{
  g_clear_pointer (&self->reactor, chan_reactor_unref);
  g_mutex_clear (&self->own);
}

void
chan_guard_lock (ChanGuard *self)
{
  ChanReactor *reactor = g_atomic_pointer_get (&self->reactor);

  if (reactor == NULL)
    {
      chan_spin_lock (&self->own);
      reactor = self->reactor;
      if (reactor == NULL)
        return;
      g_mutex_unlock (&self->own);
    }
  chan_spin_lock (&reactor->lock);
}

void
chan_guard_unlock (ChanGuard *self, ChanLater *later)
{
  g_mutex_unlock (self->reactor != NULL ? &self->reactor->lock : &self->own);
  chan_later_run (later);
}

void
chan_op_ring_append (ChanOpRing *ring, ChanOp *op)
{
  op->state = CHAN_OP_PENDING;
  op->next = NULL;
  op->prev = ring->last;
  if (ring->last != NULL)
    ring->last->next = op;
  else
    ring->first = op;
  ring->last = op;
}

void
chan_op_ring_prepend (ChanOpRing *ring, ChanOp *op)
{
  op->state = CHAN_OP_PENDING;
  op->prev = NULL;
  op->next = ring->first;
  if (ring->first != NULL)
    ring->first->prev = op;
  else
    ring->last = op;
  ring->first = op;
}

void
chan_op_ring_remove (ChanOpRing *ring, ChanOp *op)
{
  if (op->prev != NULL)
    op->prev->next = op->next;
  else
    ring->first = op->next;
  if (op->next != NULL)
    op->next->prev = op->prev;
  else
    ring->last = op->prev;
  op->next = op->prev = NULL;
  op->state = CHAN_OP_IDLE;
}

void
chan_op_end (ChanOpRing *ring, ChanOp *op, ChanOpState state, ChanLater *later)
{
  chan_op_ring_remove (ring, op);
  op->state = state;
  op->wake (op, later);
}

gboolean
chan_op_claim (ChanOp *op)
{
  if (op->claim == NULL || op->won)
    return TRUE;
  op->won = g_atomic_int_compare_and_exchange (&op->claim->claimed, FALSE, TRUE);
  if (op->won)
    return TRUE;
  g_atomic_int_set (&op->claim->missed, TRUE);
  /* It may have been given back before the note was there. */
  op->won = g_atomic_int_compare_and_exchange (&op->claim->claimed, FALSE, TRUE);
  return op->won;
}

void
chan_op_unclaim (ChanOp *op, ChanLater *later)
{
  if (op->claim == NULL)
    return;
  op->won = FALSE;
  g_atomic_int_set (&op->claim->claimed, FALSE);
  if (g_atomic_int_get (&op->claim->missed))
    op->wake (op, later);
}

gboolean
chan_op_is_claimable (ChanOp *op)
{
  return op->claim == NULL || op->won || !g_atomic_int_get (&op->claim->claimed);
}

void
chan_op_attached (ChanOp *op, ChanReactor *reactor, ChanLater *later)
{
  op->attached (op, reactor, later);
}

/* --- a blocked thread --- */

static void
thread_fd_close (gpointer data)
{
  close (GPOINTER_TO_INT (data) - 1);
}

static GPrivate thread_fd = G_PRIVATE_INIT (thread_fd_close);

/* One eventfd a thread, kept: making one costs two system calls. */
int
chan_wait_thread_fd (void)
{
  int fd = GPOINTER_TO_INT (g_private_get (&thread_fd)) - 1;

  if (fd < 0)
    {
      fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
      g_private_set (&thread_fd, GINT_TO_POINTER (fd + 1));
    }
  return fd;
}

void
chan_wait_ring (int fd)
{
  static const guint64 one = 1;

  if (fd >= 0 && write (fd, &one, sizeof one) < 0)
    g_critical ("libchan-glib: cannot wake a waiting thread");
}

gint64
chan_wait_look_again_at (int fd, gint64 deadline)
{
  return fd >= 0 ? deadline : MIN (deadline, g_get_monotonic_time () + LOOK_AGAIN_US);
}

void
chan_wait_forked (void)
{
  int fd = GPOINTER_TO_INT (g_private_get (&thread_fd)) - 1;

  if (fd >= 0)
    close (fd);
  g_private_set (&thread_fd, NULL);
}

static void
sync_op_wake (ChanOp *op, ChanLater *later)
{
  ChanWaiter *waiter = &((ChanSyncOp *) op)->waiter;

  g_atomic_int_set (&waiter->noted, TRUE);
  chan_waiter_wake (waiter);
}

/* Wakes to take its part in polling the socket. */
static void
sync_op_attached (ChanOp *op, ChanReactor *reactor, ChanLater *later)
{
  sync_op_wake (op, later);
}

void
chan_sync_op_init (ChanSyncOp *self)
{
  memset (self, 0, sizeof *self);
  self->op.wake = sync_op_wake;
  self->op.attached = sync_op_attached;
}

typedef struct
{
  ChanSyncOp *self;
  ChanGuard *guard;
  ChanReactor *joined; /* whose ring the waiter is in; a reference */
  gint64 deadline;
  int cancel_fd;       /* -1: none */
  ChanPoller *held_up; /* of a main context that does not turn meanwhile: its sessions are served too */
  gboolean cancelled;
} SyncWait;

static int
poll_timeout (gint64 deadline)
{
  gint64 left;

  if (deadline == G_MAXINT64)
    return -1;
  left = deadline - g_get_monotonic_time ();
  return left <= 0 ? 0 : (int) MIN (left / 1000 + 1, G_MAXINT);
}

static gboolean
op_waits (const ChanOp *op)
{
  return op->state == CHAN_OP_PENDING || op->state == CHAN_OP_FLYING;
}

/* Unlocks, sleeps, locks again, and does the socket's work if it is ours. */
static void
sync_wait_once (SyncWait *wait, ChanLater *later)
{
  ChanWaiter *waiter = &wait->self->waiter;
  ChanReactor *reactor = wait->joined;
  /* A message that is out cannot be called back: then only its end is waited for. */
  gboolean flying = wait->self->op.state == CHAN_OP_FLYING;
  struct pollfd fds[4] = { { waiter->event_fd, POLLIN, 0 }, { flying ? -1 : wait->cancel_fd, POLLIN, 0 }, { -1, 0, 0 },
                           { wait->held_up != NULL ? wait->held_up->epoll_fd : -1, POLLIN, 0 } };
  gint64 deadline = chan_wait_look_again_at (waiter->event_fd, wait->deadline > 0 && !flying ? wait->deadline : G_MAXINT64);
  GIOCondition ready = 0;
  guint64 count;

  if (waiter->holds)
    {
      /* Hang-ups are reported whatever is asked for. */
      fds[2].fd = reactor->want != 0 ? reactor->fd : -1;
      fds[2].events = (short) ((reactor->want & G_IO_IN ? POLLIN : 0) | (reactor->want & G_IO_OUT ? POLLOUT : 0));
      deadline = MIN (deadline, chan_reactor_poll_deadline (reactor, later));
    }
  waiter->asleep = TRUE;
  chan_guard_unlock (wait->guard, later);
  poll (fds, 4, poll_timeout (deadline));
  if (fds[3].revents != 0)
    chan_poller_service (wait->held_up, 0);
  chan_guard_lock (wait->guard);
  if (!waiter->asleep || fds[0].revents != 0)
    while (read (waiter->event_fd, &count, sizeof count) == sizeof count)
      continue;
  waiter->asleep = FALSE;
  wait->cancelled = wait->cancelled || fds[1].revents != 0;
  if (!waiter->holds)
    return;
  if (fds[2].revents & ~POLLOUT)
    ready |= G_IO_IN;
  if (fds[2].revents & ~POLLIN)
    ready |= G_IO_OUT;
  if (ready == 0 && reactor->deadline > g_get_monotonic_time ())
    return;
  /* This thread writes before it waits again, and goes on to do something if not. */
  reactor->hold_back = TRUE;
  chan_reactor_do_service (reactor, ready, later);
  if (!reactor->held_back)
    return;
  reactor->batched_output = TRUE;
  if (!op_waits (&wait->self->op))
    chan_attendant_note_batch (reactor, later);
}

/* The pipe may have been attached to a session while we slept. */
static void
sync_wait_join (SyncWait *wait, ChanLater *later)
{
  ChanReactor *reactor = wait->guard->reactor;

  if (reactor == NULL)
    return;
  if (wait->joined == NULL)
    {
      wait->joined = chan_reactor_ref (reactor);
      chan_reactor_add_waiter (reactor, &wait->self->waiter);
    }
  chan_reactor_begin_wait (reactor, later);
  chan_reactor_try_hold (reactor, &wait->self->waiter);
}

/* Only where another thread of this process is awaited: a socket is not looked at meanwhile. */
static void
sync_wait_spin (SyncWait *wait, ChanLater *later)
{
  ChanGuard *guard = wait->guard;
  gboolean success;

  if (!wait->self->spins || (guard->reactor != NULL && guard->reactor->fd >= 0) || !op_waits (&wait->self->op) || !chan_spin_helps ()
      || !chan_spin_luck_try (&guard->luck))
    return;
  chan_guard_unlock (guard, later);
  success = chan_spin_for_flag (&wait->self->waiter.noted);
  chan_guard_lock (guard);
  chan_spin_luck_note (&guard->luck, success);
}

ChanWaitResult
chan_sync_op_wait (ChanSyncOp *self, ChanGuard *guard, gint64 deadline, GCancellable *cancellable, ChanLater *later)
{
  SyncWait wait = { .self = self, .guard = guard, .deadline = deadline, .cancel_fd = -1 };
  ChanWaitResult result = CHAN_WAIT_ENDED;
  GPollFD cancel = { -1, 0, 0 };

  self->waiter.event_fd = chan_wait_thread_fd ();
  chan_guard_unlock (guard, later);
  wait.held_up = chan_dispatcher_ref_held_up ();
  /* What this thread put off to the end of its turn goes before it sleeps. */
  if (wait.held_up != NULL && wait.held_up == chan_dispatcher_get_running ())
    chan_poller_flush (wait.held_up);
  if (cancellable != NULL && g_cancellable_make_pollfd (cancellable, &cancel))
    wait.cancel_fd = cancel.fd;
  chan_guard_lock (guard);
  sync_wait_spin (&wait, later);
  while (op_waits (&self->op))
    {
      if (wait.cancelled && self->op.state == CHAN_OP_PENDING)
        result = CHAN_WAIT_CANCELLED;
      else if (deadline > 0 && self->op.state == CHAN_OP_PENDING && g_get_monotonic_time () >= deadline)
        result = CHAN_WAIT_TIMED_OUT;
      if (result != CHAN_WAIT_ENDED)
        break;
      sync_wait_join (&wait, later);
      /* Writing may have ended the session, and with it this wait. */
      if (op_waits (&self->op))
        sync_wait_once (&wait, later);
    }
  if (wait.joined != NULL)
    {
      chan_reactor_remove_waiter (wait.joined, &self->waiter, later);
      chan_later_add (later, (ChanLaterFunc) chan_reactor_unref, wait.joined);
    }
  if (wait.held_up != NULL)
    chan_later_add (later, (ChanLaterFunc) chan_poller_unref, wait.held_up);
  if (wait.cancel_fd >= 0)
    chan_later_add (later, (ChanLaterFunc) g_cancellable_release_fd, cancellable);
  return result;
}

void
chan_wait_set_error (ChanWaitResult result, GError **error)
{
  if (result == CHAN_WAIT_CANCELLED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
  else
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The deadline passed");
}
