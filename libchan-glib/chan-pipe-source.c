/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-source.h"

#include "chan-dispatcher.h"

typedef struct
{
  GSource source;
  ChanPipe *pipe;
  ChanWatch watch;      /* in the pipe, under its lock */
  GSource *self;        /* for notify(); NULL once finalized */
  ChanPoller *poller;   /* of the context it is attached to; set by the first prepare() */
  ChanReactor *interest;
} ChanPipeSource;

static ChanPipeSource *
from_watch (ChanWatch *watch)
{
  return (ChanPipeSource *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanPipeSource, watch));
}

static void
make_ready (gpointer source)
{
  g_source_set_ready_time (source, 0);
  g_source_unref (source);
}

static void
source_notify (ChanWatch *watch, ChanLater *later)
{
  GSource *source = from_watch (watch)->self;

  if (source != NULL)
    chan_later_add (later, make_ready, g_source_ref (source));
}

/* Under the lock. */
static void
source_attached (ChanWatch *watch, ChanReactor *reactor, ChanLater *later)
{
  ChanPipeSource *self = from_watch (watch);

  if (self->interest != NULL || self->poller == NULL)
    return;
  self->interest = chan_reactor_ref (reactor);
  chan_reactor_add_interest (reactor, self->poller, later);
}

static gboolean
is_ready (ChanPipeSource *self)
{
  if (!self->watch.of_sender)
    return chan_pipe_is_readable (self->pipe);
  return self->pipe->sender_error != NULL || chan_pipe_has_room (self->pipe);
}

static gboolean
source_prepare (GSource *source, int *timeout)
{
  ChanPipeSource *self = (ChanPipeSource *) source;
  gboolean first = self->poller == NULL;
  gboolean ready;
  ChanLater later;

  if (first)
    self->poller = chan_dispatcher_ref_for_context (g_source_get_context (source));
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  if (first && self->pipe->guard.reactor != NULL)
    source_attached (&self->watch, self->pipe->guard.reactor, &later);
  ready = is_ready (self);
  if (!ready && !self->watch.of_sender)
    chan_pipe_ask (self->pipe, &later);
  chan_pipe_unlock (self->pipe, &later);
  if (!ready)
    g_source_set_ready_time (source, -1);
  /* The dispatcher may have been attached after its turn to prepare(). */
  *timeout = first ? 0 : -1;
  return ready;
}

static gboolean
source_check (GSource *source)
{
  ChanPipeSource *self = (ChanPipeSource *) source;
  gboolean ready;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  ready = is_ready (self);
  chan_pipe_unlock (self->pipe, &later);
  return ready;
}

static gboolean
source_dispatch (GSource *source, GSourceFunc callback, gpointer user_data)
{
  g_source_set_ready_time (source, -1);
  return callback != NULL ? callback (user_data) : G_SOURCE_REMOVE;
}

static void
source_finalize (GSource *source)
{
  ChanPipeSource *self = (ChanPipeSource *) source;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  self->self = NULL;
  chan_pipe_remove_watch (self->pipe, &self->watch);
  if (!self->watch.of_sender)
    chan_pipe_gave_up (self->pipe);
  if (self->interest != NULL)
    chan_reactor_drop_interest (self->interest, self->poller, &later);
  chan_pipe_unlock (self->pipe, &later);
  g_clear_pointer (&self->interest, chan_reactor_unref);
  g_clear_pointer (&self->poller, chan_poller_unref);
  g_clear_pointer (&self->pipe, chan_pipe_unref);
}

/* For bindings, which set closures. */
static gboolean
source_closure_callback (gpointer data)
{
  GValue keep = G_VALUE_INIT;
  gboolean result;

  g_value_init (&keep, G_TYPE_BOOLEAN);
  g_closure_invoke (data, &keep, 0, NULL, NULL);
  result = g_value_get_boolean (&keep);
  g_value_unset (&keep);
  return result;
}

static GSourceFuncs source_funcs = {
  .prepare = source_prepare,
  .check = source_check,
  .dispatch = source_dispatch,
  .finalize = source_finalize,
  .closure_callback = source_closure_callback,
};

/* The pipe's lock is taken by other threads while a source is being finalized:
 * dispose() runs while the source still has a reference, so notify() may take one. */
static void
source_dispose (GSource *source)
{
  ChanPipeSource *self = (ChanPipeSource *) source;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  self->self = NULL;
  chan_pipe_unlock (self->pipe, &later);
}

GSource *
chan_pipe_source_new (ChanPipe *pipe, gboolean of_sender, GCancellable *cancellable)
{
  GSource *source = g_source_new (&source_funcs, sizeof (ChanPipeSource));
  ChanPipeSource *self = (ChanPipeSource *) source;
  ChanLater later;

  g_source_set_static_name (source, of_sender ? "ChanSender" : "ChanReceiver");
  g_source_set_dispose_function (source, source_dispose);
  self->pipe = chan_pipe_ref (pipe);
  self->self = source;
  self->watch.notify = source_notify;
  self->watch.attached = source_attached;
  self->watch.of_sender = of_sender;
  chan_later_init (&later);
  chan_pipe_lock (pipe);
  chan_pipe_add_watch (pipe, &self->watch);
  if (!of_sender)
    chan_pipe_wanted (pipe, &later);
  chan_pipe_unlock (pipe, &later);
  if (cancellable != NULL)
    {
      GSource *child = g_cancellable_source_new (cancellable);

      g_source_set_dummy_callback (child);
      g_source_add_child_source (source, child);
      g_source_unref (child);
    }
  return source;
}
