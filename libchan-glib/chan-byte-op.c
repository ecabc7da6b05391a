/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-op.h"

#include "chan-async-result.h"
#include "chan-pipe-source.h"

static gssize
conclude (ChanByteOp *self, GError **error)
{
  if (self->error == NULL)
    return self->n;
  g_propagate_error (error, g_steal_pointer (&self->error));
  return -1;
}

static gboolean
attempt_locked (ChanByteOp *self)
{
  gboolean ended;
  ChanLater later;

  chan_later_init (&later);
  if (self->pipe != NULL)
    chan_pipe_lock (self->pipe);
  ended = self->attempt (self, &later);
  if (self->pipe != NULL)
    chan_pipe_unlock (self->pipe, &later);
  return ended;
}

/* Under the lock. FALSE: given up, error is set. */
static gboolean
wait_blocked (ChanByteOp *self, GCancellable *cancellable, ChanLater *later)
{
  ChanSyncOp wait;
  ChanWaitResult result;

  chan_sync_op_init (&wait);
  wait.spins = TRUE;
  chan_op_ring_append (self->ring, &wait.op);
  result = chan_sync_op_wait (&wait, &self->pipe->guard, 0, cancellable, later);
  if (result != CHAN_WAIT_ENDED)
    {
      chan_op_ring_remove (self->ring, &wait.op);
      chan_wait_set_error (result, &self->error);
    }
  /* Why the pipe ended the wait is what the next attempt finds. */
  g_clear_error (&wait.op.error);
  return result == CHAN_WAIT_ENDED;
}

gssize
chan_byte_op_run (ChanByteOp *self, GCancellable *cancellable, GError **error)
{
  ChanLater later;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return -1;
  if (self->pipe == NULL)
    return chan_byte_op_try (self, error);
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  while (!self->attempt (self, &later) && wait_blocked (self, cancellable, &later))
    continue;
  chan_pipe_unlock (self->pipe, &later);
  return conclude (self, error);
}

gssize
chan_byte_op_try (ChanByteOp *self, GError **error)
{
  if (!attempt_locked (self))
    g_set_error_literal (&self->error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The byte stream is not ready");
  return conclude (self, error);
}

/* --- asynchronous --- */

static void
op_free (ChanByteOp *self)
{
  g_clear_error (&self->error);
  g_free (self);
}

static void
op_abandoned (ChanAsyncResult *result)
{
  g_clear_pointer ((ChanByteOp **) &result->origin, op_free);
}

static void op_ready (GObject *source, GAsyncResult *result, gpointer user_data);

static ChanAsyncResult *
result_new (ChanByteOp *self, gpointer tag, GCancellable *cancellable, gpointer user_data)
{
  ChanAsyncResult *result = chan_async_result_new (self->stream, tag, cancellable, op_ready, user_data);

  result->origin = self;
  result->abandon = op_abandoned;
  return result;
}

static void
return_now (ChanAsyncResult *result)
{
  ChanLater later;

  chan_later_init (&later);
  result->op.state = CHAN_OP_DONE;
  chan_async_result_ready (result, &later);
  chan_later_run (&later);
  chan_async_result_begun (result);
}

static void
wait_async (ChanByteOp *self, gpointer tag, GCancellable *cancellable, gpointer user_data)
{
  ChanAsyncResult *result = result_new (self, tag, cancellable, user_data);
  ChanPipe *pipe = self->pipe;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (pipe);
  chan_async_result_wait (result, &pipe->guard, self->ring, chan_pipe_ref (pipe), (GDestroyNotify) chan_pipe_unref, &later);
  /* Between the first attempt and now it may have become ready. */
  self->ended = !g_cancellable_is_cancelled (cancellable) && self->attempt (self, &later);
  if (self->ended && result->op.state == CHAN_OP_PENDING)
    chan_op_end (self->ring, &result->op, CHAN_OP_DONE, &later);
  chan_pipe_unlock (pipe, &later);
  chan_async_result_begun (result);
}

/* Somebody else was faster (the room of a session is everybody's): once more,
 * in the same main context, which need not be this thread's default now. */
static void
wait_again (ChanAsyncResult *result)
{
  GMainContext *context = g_source_get_context (g_main_current_source ());

  g_main_context_push_thread_default (context);
  wait_async (g_steal_pointer (&result->origin), result->tag, result->cancellable, result->user_data);
  g_main_context_pop_thread_default (context);
}

/* The wait is over; the caller's callback is called only when the operation is. */
static void
op_ready (GObject *source, GAsyncResult *async_result, gpointer user_data)
{
  ChanAsyncResult *result = CHAN_ASYNC_RESULT (async_result);
  ChanByteOp *self = result->origin;

  if (!self->ended)
    {
      if (g_error_matches (result->op.error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        {
          self->error = g_steal_pointer (&result->op.error);
          self->ended = TRUE;
        }
      else
        self->ended = g_cancellable_set_error_if_cancelled (result->cancellable, &self->error) || attempt_locked (self);
    }
  if (!self->ended)
    wait_again (result);
  else if (self->callback != NULL)
    self->callback (source, async_result, user_data);
}

void
chan_byte_op_start (const ChanByteOp *self, gpointer tag, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  ChanByteOp *op = g_memdup2 (self, sizeof *self);

  op->callback = callback;
  op->ended = g_cancellable_set_error_if_cancelled (cancellable, &op->error) || attempt_locked (op);
  if (op->ended)
    return_now (result_new (op, tag, NULL, user_data));
  else
    wait_async (op, tag, cancellable, user_data);
}

gssize
chan_byte_op_finish (gpointer stream, gpointer tag, GAsyncResult *async_result, GError **error)
{
  ChanAsyncResult *result;
  gssize n;

  if (!chan_async_result_begin_finish (async_result, stream, tag))
    return -1;
  result = CHAN_ASYNC_RESULT (async_result);
  n = conclude (result->origin, error);
  op_abandoned (result);
  return n;
}

void
chan_byte_op_return (gpointer stream, gpointer tag, GAsyncReadyCallback callback, gpointer user_data)
{
  return_now (chan_async_result_new (stream, tag, NULL, callback, user_data));
}

/* --- polling --- */

static gboolean
keep_source (gpointer data)
{
  return G_SOURCE_CONTINUE;
}

GSource *
chan_byte_op_create_source (GObject *stream, ChanPipe *pipe, gboolean of_sender, GCancellable *cancellable)
{
  GSource *source = g_pollable_source_new_full (stream, NULL, cancellable);
  /* Without a pipe: an error is there to be had, always. */
  GSource *child = pipe != NULL ? chan_pipe_source_new (pipe, of_sender, NULL) : g_timeout_source_new (0);

  g_source_set_callback (child, keep_source, NULL, NULL);
  g_source_add_child_source (source, child);
  g_source_unref (child);
  return source;
}
