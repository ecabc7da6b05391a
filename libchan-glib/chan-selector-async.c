/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-selector-private.h"

static void
async_wake (ChanSelector *self, ChanLater *later)
{
  chan_async_result_ready (self->result, later);
}

/* In the context of the wait, no lock held. */
static gboolean
select_is_over (ChanAsyncResult *result)
{
  ChanSelector *self = result->owner;
  ChanSelectorCase *winner = chan_selector_look (self);

  if (winner == NULL && !(g_atomic_int_get (&result->cancelled) && chan_selector_give_up (self)))
    return FALSE;
  if (winner == NULL)
    g_set_error_literal (&result->op.error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
  result->origin = winner;
  chan_selector_end (self);
  self->result = NULL;
  return TRUE;
}

/* Never finished: the message that was kept goes to the next. */
static void
select_abandoned (ChanAsyncResult *result)
{
  ChanSelectorCase *winner = result->origin;
  ChanLater later;

  if (winner == NULL)
    {
      chan_selector_leave (result->owner);
      return;
    }
  chan_later_init (&later);
  if (winner->op.state == CHAN_OP_RESERVED && winner->pipe != NULL)
    {
      chan_pipe_lock (winner->pipe);
      chan_pipe_unreserve (winner->pipe, &later);
      chan_pipe_unlock (winner->pipe, &later);
    }
  g_clear_error (&winner->op.error);
  chan_selector_leave (result->owner);
}

/**
 * chan_selector_wait_async:
 * @self: a selector
 * @io_priority: the I/O priority of the request; operations of one channel keep their order whatever it is
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when one of the channels can go
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Selector.wait]. A message is kept for this wait and
 * taken in [method@Chan.Selector.wait_finish]; if that is never called, it goes
 * to the next who receives. The selector is kept alive, and cannot wait again,
 * until then.
 *
 * Since: 0.1
 */
void
chan_selector_wait_async (ChanSelector *self, int io_priority, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  ChanAsyncResult *result;
  ChanLater later;

  g_return_if_fail (self != NULL);

  result = chan_async_result_new (NULL, chan_selector_wait_async, cancellable, callback, user_data);
  chan_later_init (&later);
  if (!g_cancellable_set_error_if_cancelled (cancellable, &result->op.error)
      && chan_selector_enter (self, &result->op.error))
    {
      result->owner = chan_selector_ref (self);
      result->owner_unref = (GDestroyNotify) chan_selector_unref;
      result->is_over = select_is_over;
      result->abandon = select_abandoned;
      self->result = result;
      self->wake = async_wake;
      chan_selector_begin (self);
    }
  else
    {
      result->op.state = CHAN_OP_DONE;
      chan_async_result_ready (result, &later);
    }
  chan_later_run (&later);
  chan_async_result_begun (result);
}

/**
 * chan_selector_wait_finish:
 * @self: a selector
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Selector.wait_async].
 *
 * Returns: the index of the case, or -1 on error
 *
 * Since: 0.1
 */
int
chan_selector_wait_finish (ChanSelector *self, GAsyncResult *result, GError **error)
{
  ChanAsyncResult *op;
  int index = -1;

  g_return_val_if_fail (self != NULL, -1);
  if (!chan_async_result_begin_finish (result, NULL, chan_selector_wait_async))
    return -1;
  op = CHAN_ASYNC_RESULT (result);
  g_return_val_if_fail (op->owner == self || op->op.error != NULL, -1);
  if (op->op.error != NULL)
    g_propagate_error (error, g_steal_pointer (&op->op.error));
  else
    index = chan_selector_conclude (self, op->origin);
  if (op->owner == self)
    chan_selector_leave (self);
  return index;
}
