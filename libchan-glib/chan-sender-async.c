/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-sender-private.h"

#include "chan-async-result.h"
#include "chan-handle.h"

static void
send_abandoned (ChanAsyncResult *result)
{
  ChanMessage *origin = g_steal_pointer (&result->origin);

  if (origin == NULL)
    return;
  chan_sender_settle (origin, result->op.item);
  chan_message_unref (origin);
}

/**
 * chan_sender_send_async:
 * @self: a sender
 * @message: the message
 * @io_priority: the I/O priority of the request; operations of one channel keep their order whatever it is
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when the message was accepted or the send failed
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Sender.send].
 *
 * Since: 0.1
 */
void
chan_sender_send_async (ChanSender *self, ChanMessage *message, int io_priority, GCancellable *cancellable,
                        GAsyncReadyCallback callback, gpointer user_data)
{
  ChanPipe *pipe;
  ChanAsyncResult *result;
  ChanMessage *packed;
  ChanLater later;
  ChanAccept accept;

  g_return_if_fail (CHAN_IS_SENDER (self) && message != NULL);

  pipe = chan_sender_get_pipe (self);
  chan_later_init (&later);
  result = chan_async_result_new (self, chan_sender_send_async, cancellable, callback, user_data);
  if (g_cancellable_set_error_if_cancelled (cancellable, &result->op.error) || !chan_sender_check_usable (self, &result->op.error) ||
      (packed = chan_message_pack (message, pipe, &result->op.error)) == NULL)
    {
      result->op.state = CHAN_OP_DONE;
      chan_async_result_ready (result, &later);
      chan_later_run (&later);
      chan_async_result_begun (result);
      return;
    }
  result->origin = chan_message_ref (message);
  result->abandon = send_abandoned;
  chan_pipe_lock (pipe);
  accept = chan_sender_send_now (self, packed, &later, &result->op.error);
  if (accept == CHAN_ACCEPT_WAIT || accept == CHAN_ACCEPT_FAILED)
    result->op.item = packed;
  if (accept == CHAN_ACCEPT_WAIT || (accept == CHAN_ACCEPT_FLYING && pipe->sender_error == NULL))
    {
      chan_async_result_wait (result, &pipe->guard, &pipe->senders, chan_pipe_ref (pipe),
                              (GDestroyNotify) chan_pipe_unref, &later);
      if (accept == CHAN_ACCEPT_FLYING)
        {
          result->op.state = CHAN_OP_FLYING;
          result->op.number = pipe->sent;
        }
      else if (chan_pipe_is_watched (pipe))
        chan_pipe_notify_receivers (pipe, &later); /* capacity 0: there is something to take now */
    }
  else
    {
      /* Writing it may have ended the session. */
      if (accept == CHAN_ACCEPT_FLYING)
        result->op.error = g_error_copy (pipe->sender_error);
      result->op.state = CHAN_OP_DONE;
      chan_async_result_ready (result, &later);
    }
  chan_pipe_unlock (pipe, &later);
  chan_async_result_begun (result);
}

/**
 * chan_sender_send_finish:
 * @self: a sender
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Sender.send_async].
 *
 * Returns: %TRUE if the message was accepted
 *
 * Since: 0.1
 */
gboolean
chan_sender_send_finish (ChanSender *self, GAsyncResult *result, GError **error)
{
  ChanAsyncResult *op;
  gboolean ok;

  g_return_val_if_fail (CHAN_IS_SENDER (self), FALSE);
  if (!chan_async_result_begin_finish (result, self, chan_sender_send_async))
    return FALSE;
  op = CHAN_ASYNC_RESULT (result);
  ok = op->op.error == NULL;
  send_abandoned (op);
  if (!ok)
    g_propagate_error (error, g_steal_pointer (&op->op.error));
  return ok;
}
