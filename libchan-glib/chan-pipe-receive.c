/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-receive.h"

#include "chan-async-result.h"
#include "chan-handle.h"
#include "chan-session-private.h"

static gpointer
arrived (ChanPipe *self, gpointer item)
{
  if (item != NULL && self->kind == CHAN_ITEM_MESSAGE)
    chan_message_arrived (item);
  else if (item != NULL && self->kind == CHAN_ITEM_OBJECT)
    chan_handle_arrived (item);
  if (item != NULL && CHAN_ITEM_OBJECT == self->kind && CHAN_IS_SESSION (item))
    chan_session_adopt (item);
  return item;
}

/* Under the lock. FALSE: given up; else an error is that of the channel. */
static gboolean
wait_for_item (ChanPipe *self, gboolean peeks, gpointer *item, gint64 deadline, GCancellable *cancellable, ChanLater *later, GError **error)
{
  ChanSyncOp wait;
  ChanWaitResult result;

  chan_sync_op_init (&wait);
  wait.spins = TRUE;
  wait.op.peeks = peeks;
  chan_op_ring_append (&self->receivers, &wait.op);
  chan_pipe_wanted (self, later);
  /* Capacity 0: a try_send() may be waiting for exactly this. */
  if (self->watches != NULL)
    chan_pipe_notify_senders (self, later);
  result = chan_sync_op_wait (&wait, &self->guard, deadline, cancellable, later);
  if (result != CHAN_WAIT_ENDED)
    {
      chan_op_ring_remove (&self->receivers, &wait.op);
      chan_pipe_gave_up (self);
      chan_wait_set_error (result, error);
      return FALSE;
    }
  *item = wait.op.item;
  if (wait.op.error != NULL)
    g_propagate_error (error, g_steal_pointer (&wait.op.error));
  return TRUE;
}

gpointer
chan_pipe_receive (ChanPipe *self, gpointer source, ChanReceiveCheck check, gint64 deadline,
                   GCancellable *cancellable, GError **error)
{
  gpointer item = NULL;
  ChanLater later;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return NULL;
  chan_later_init (&later);
  chan_pipe_lock (self);
  if (check (source, error) && chan_pipe_take (self, FALSE, &item, &later, error) == CHAN_TAKE_EMPTY)
    wait_for_item (self, FALSE, &item, deadline, cancellable, &later, error);
  chan_pipe_unlock (self, &later);
  return arrived (self, item);
}

gboolean
chan_pipe_wait_readable (ChanPipe *self, gpointer source, ChanReceiveCheck check, gint64 deadline, GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  gpointer nothing = NULL;
  gboolean readable;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self);
  /* Who may not take is told so when they try. */
  readable = !check (source, &error) || chan_pipe_is_readable (self) ||
             wait_for_item (self, TRUE, &nothing, deadline, cancellable, &later, NULL);
  chan_pipe_unlock (self, &later);
  return readable;
}

/* A result that was never finished: the item kept for it goes to the next. */
static void
receive_abandoned (ChanAsyncResult *result)
{
  ChanPipe *pipe = result->owner;
  ChanLater later;

  if (result->op.state != CHAN_OP_RESERVED)
    return;
  chan_later_init (&later);
  chan_pipe_lock (pipe);
  chan_pipe_unreserve (pipe, &later);
  chan_pipe_unlock (pipe, &later);
}

void
chan_pipe_receive_async (ChanPipe *self, gpointer source, ChanReceiveCheck check, gpointer tag,
                         GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ChanAsyncResult *result = chan_async_result_new (source, tag, cancellable, callback, user_data);
  ChanLater later;

  chan_later_init (&later);
  result->abandon = receive_abandoned;
  result->op.reserves = TRUE;
  chan_pipe_lock (self);
  if (!g_cancellable_set_error_if_cancelled (cancellable, &result->op.error) &&
      check (source, &result->op.error) && self->receiver_side == CHAN_SIDE_CLOSED)
    g_set_error_literal (&result->op.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
  if (result->op.error != NULL)
    {
      result->op.state = CHAN_OP_DONE;
      chan_async_result_ready (result, &later);
    }
  else
    {
      chan_async_result_wait (result, &self->guard, &self->receivers, chan_pipe_ref (self),
                              (GDestroyNotify) chan_pipe_unref, &later);
      chan_pipe_wanted (self, &later);
      chan_pipe_notify_senders (self, &later);
      chan_pipe_notify_receivers (self, &later);
    }
  chan_pipe_unlock (self, &later);
  chan_async_result_begun (result);
}

gpointer
chan_pipe_receive_finish (ChanPipe *self, gpointer source, gpointer tag, gpointer result, GError **error)
{
  ChanAsyncResult *op;
  gpointer item = NULL;
  ChanLater later;

  if (!chan_async_result_begin_finish (result, source, tag))
    return NULL;
  op = CHAN_ASYNC_RESULT (result);
  if (op->op.error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&op->op.error));
      return NULL;
    }
  chan_later_init (&later);
  chan_pipe_lock (self);
  chan_pipe_take (self, op->op.state == CHAN_OP_RESERVED, &item, &later, error);
  chan_pipe_unlock (self, &later);
  return arrived (self, item);
}
