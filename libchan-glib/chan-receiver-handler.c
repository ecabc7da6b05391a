/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-receiver-handler.h"

#include "chan-dispatcher.h"
#include "chan-handle.h"

/* Taken in one turn: other channels have theirs. */
#define BATCH 32

struct _ChanReceiverHandler
{
  gatomicrefcount ref_count; /* one while started, one while running or queued */
  ChanReceiver *receiver;    /* a reference until the end: a collector must not end a live channel */
  ChanPipe *pipe;
  ChanMessageFunc func;
  gpointer user_data;
  GDestroyNotify destroy;
  ChanPoller *poller;
  ChanRunItem run_item;
  ChanWatch watch;           /* guarded by the pipe's lock, as all below */
  ChanReactor *interest;
  gboolean started;
  gboolean queued;           /* a run is on its way, with a reference */
};

static ChanReceiverHandler *
from_watch (ChanWatch *watch)
{
  return (ChanReceiverHandler *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanReceiverHandler, watch));
}

static void
handler_unref (gpointer data)
{
  ChanReceiverHandler *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_object_unref (self->receiver);
  chan_pipe_unref (self->pipe);
  g_clear_pointer (&self->interest, chan_reactor_unref);
  chan_poller_unref (self->poller);
  g_free (self);
}

static void
handler_notify (ChanWatch *watch, ChanLater *later)
{
  ChanReceiverHandler *self = from_watch (watch);

  if (self->queued || !self->started)
    return;
  self->queued = TRUE;
  g_atomic_ref_count_inc (&self->ref_count);
  chan_poller_queue (self->poller, &self->run_item, later);
}

static void
handler_attached (ChanWatch *watch, ChanReactor *reactor, ChanLater *later)
{
  ChanReceiverHandler *self = from_watch (watch);

  if (self->interest != NULL || !self->started)
    return;
  self->interest = chan_reactor_ref (reactor);
  chan_reactor_add_interest (reactor, self->poller, later);
}

/* The end: the handler is called once more, after it was forgotten. */
static void
handler_end (ChanReceiverHandler *self, const GError *error)
{
  ChanLater later;
  gboolean was_started;

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  was_started = self->started;
  chan_receiver_forget_handler (self->receiver, self);
  chan_receiver_handler_stop (self, &later);
  chan_pipe_unlock (self->pipe, &later);
  if (was_started)
    self->func (self->receiver, NULL, error, self->user_data);
}

static void
handler_call (ChanReceiverHandler *self, ChanMessage *message)
{
  chan_message_arrived (message);
  self->func (self->receiver, message, NULL, self->user_data);
  chan_message_unref (message);
}

/* One message a lock: a handler may stop itself at any of them, and those that
 * follow are then still the channel's. */
static void
handler_run (ChanRunItem *item)
{
  ChanReceiverHandler *self = (ChanReceiverHandler *) ((guint8 *) item - G_STRUCT_OFFSET (ChanReceiverHandler, run_item));
  g_autoptr (GError) error = NULL;
  ChanTake take = CHAN_TAKE_MESSAGE;
  gpointer message;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  for (guint n = 0; n < BATCH && self->started; n++)
    {
      take = chan_pipe_take (self->pipe, FALSE, &message, &later, &error);
      if (take != CHAN_TAKE_MESSAGE)
        break;
      chan_pipe_unlock (self->pipe, &later);
      handler_call (self, message);
      chan_pipe_lock (self->pipe);
    }
  self->queued = FALSE;
  if (take == CHAN_TAKE_MESSAGE && self->started && chan_pipe_is_readable (self->pipe))
    handler_notify (&self->watch, &later);
  chan_pipe_unlock (self->pipe, &later);
  if (take == CHAN_TAKE_CLOSED || take == CHAN_TAKE_ERROR)
    handler_end (self, error);
  handler_unref (self);
}

ChanReceiverHandler *
chan_receiver_handler_new (ChanReceiver *receiver, ChanPipe *pipe, ChanMessageFunc func,
                           gpointer user_data, GDestroyNotify destroy)
{
  ChanReceiverHandler *self = g_new0 (ChanReceiverHandler, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->receiver = g_object_ref (receiver);
  self->pipe = chan_pipe_ref (pipe);
  self->func = func;
  self->user_data = user_data;
  self->destroy = destroy;
  self->poller = chan_dispatcher_ref_default ();
  self->run_item.run = handler_run;
  self->watch.notify = handler_notify;
  self->watch.attached = handler_attached;
  return self;
}

void
chan_receiver_handler_start (ChanReceiverHandler *self, ChanLater *later)
{
  self->started = TRUE;
  chan_pipe_add_watch (self->pipe, &self->watch);
  chan_pipe_wanted (self->pipe, later);
  if (self->pipe->guard.reactor != NULL)
    handler_attached (&self->watch, self->pipe->guard.reactor, later);
  if (chan_pipe_is_readable (self->pipe))
    handler_notify (&self->watch, later);
  else
    chan_pipe_ask (self->pipe, later);
}

void
chan_receiver_handler_stop (ChanReceiverHandler *self, ChanLater *later)
{
  if (!self->started)
    return;
  self->started = FALSE;
  chan_pipe_remove_watch (self->pipe, &self->watch);
  chan_pipe_gave_up (self->pipe);
  if (self->interest != NULL)
    chan_reactor_drop_interest (self->interest, self->poller, later);
  chan_later_add (later, handler_unref, self);
}
