/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-selector-private.h"

#include "chan-receiver-private.h"

/**
 * ChanSelector:
 *
 * Waits for several channels at once, and does one thing: takes a message from
 * one receiver, or sends on one sender. Go calls this `select`.
 *
 * Add receivers, and senders each with a message. [method@Chan.Selector.wait]
 * returns the index of the one that could go first: its message was taken, or
 * sent, and nothing happened on any other channel; no message of theirs is
 * lost or taken out of order. If several can go at once, they take turns,
 * beginning with any of them, so that none starves when each wait has a new
 * selector either. The channels may belong to different sessions over different
 * transports.
 *
 * An end of a channel counts too: [method@Chan.Selector.steal_message] says
 * how it ended. It stays, so remove that case, or the next wait is over at
 * once.
 *
 * ```c
 * g_autoptr(ChanSelector) selector = chan_selector_new ();
 * guint jobs = chan_selector_add_receiver (selector, job_receiver);
 * guint quit = chan_selector_add_receiver (selector, quit_receiver);
 *
 * while (chan_selector_wait (selector, NULL, NULL) == (int) jobs)
 *   {
 *     g_autoptr(ChanMessage) job = chan_selector_steal_message (selector, NULL);
 *     if (job == NULL)
 *       break;
 *     work (job);
 *   }
 * ```
 *
 * A selector belongs to one thread at a time, and waits once at a time; the
 * channels may be used by others meanwhile.
 *
 * Since: 0.1
 */

G_DEFINE_BOXED_TYPE (ChanSelector, chan_selector, chan_selector_ref, chan_selector_unref)

static void
case_free (gpointer data)
{
  ChanSelectorCase *self = data;

  g_clear_object (&self->end);
  g_clear_pointer (&self->message, chan_message_unref);
  g_free (self);
}

/**
 * chan_selector_new:
 *
 * Makes a selector without cases.
 *
 * Returns: (transfer full): a new selector
 *
 * Since: 0.1
 */
ChanSelector *
chan_selector_new (void)
{
  ChanSelector *self = g_new0 (ChanSelector, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->cases = g_ptr_array_new_with_free_func (case_free);
  /* Anywhere, and far from where adding an index to it wraps round. */
  self->turn = g_random_int () >> 1;
  return self;
}

/**
 * chan_selector_ref:
 * @self: a selector
 *
 * Takes a reference.
 *
 * Returns: (transfer full): @self
 *
 * Since: 0.1
 */
ChanSelector *
chan_selector_ref (ChanSelector *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

/**
 * chan_selector_unref:
 * @self: (transfer full): a selector
 *
 * Drops a reference. The ends that were added are dropped with the last one;
 * a message that was taken and not stolen is dropped unread.
 *
 * Since: 0.1
 */
void
chan_selector_unref (ChanSelector *self)
{
  g_return_if_fail (self != NULL);

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_ptr_array_unref (self->cases);
  g_clear_pointer (&self->message, chan_message_unref);
  g_clear_error (&self->error);
  g_free (self);
}

static guint
add_case (ChanSelector *self, gpointer end, ChanPipe *pipe, gboolean sends, ChanMessage *message)
{
  ChanSelectorCase *added = g_new0 (ChanSelectorCase, 1);

  added->selector = self;
  added->end = g_object_ref (end);
  added->pipe = pipe;
  added->sends = sends;
  added->message = message != NULL ? chan_message_ref (message) : NULL;
  g_ptr_array_add (self->cases, added);
  return self->cases->len - 1;
}

/**
 * chan_selector_add_receiver:
 * @self: a selector
 * @receiver: a receiver; the selector keeps a reference
 *
 * Adds a channel to take a message from.
 *
 * Returns: the index of this case: 0 for the first that was added, and so on
 *
 * Since: 0.1
 */
guint
chan_selector_add_receiver (ChanSelector *self, ChanReceiver *receiver)
{
  g_return_val_if_fail (self != NULL && CHAN_IS_RECEIVER (receiver), G_MAXUINT);
  g_return_val_if_fail (g_atomic_int_get (&self->waiting) == FALSE && chan_receiver_get_pipe (receiver) != NULL, G_MAXUINT);

  return add_case (self, receiver, chan_receiver_get_pipe (receiver), FALSE, NULL);
}

/**
 * chan_selector_add_sender:
 * @self: a selector
 * @sender: a sender; the selector keeps a reference
 * @message: (nullable): what to send on it; %NULL: nothing yet
 *
 * Adds a channel to send @message on. Its handles stay the caller's unless it
 * is sent. Each message is sent once: after that, or with %NULL, the case waits
 * for nothing until [method@Chan.Selector.set_message] gives it another.
 * The same message may be offered on several channels, for whoever has room
 * first: its handles go with it there. A handle can wait in one message: a case
 * with another message that has it is ready with %G_IO_ERROR_PENDING.
 *
 * On a channel of capacity 0 to another process a message cannot be called back
 * once it is out: such a case is chosen when the message can go, and the wait
 * ends when the receiver takes it. If that fails, the receiver may have it or
 * not, and its handles are gone: see [method@Chan.Sender.send].
 *
 * Returns: the index of this case
 *
 * Since: 0.1
 */
guint
chan_selector_add_sender (ChanSelector *self, ChanSender *sender, ChanMessage *message)
{
  g_return_val_if_fail (self != NULL && CHAN_IS_SENDER (sender), G_MAXUINT);
  g_return_val_if_fail (g_atomic_int_get (&self->waiting) == FALSE && chan_sender_get_pipe (sender) != NULL, G_MAXUINT);

  return add_case (self, sender, chan_sender_get_pipe (sender), TRUE, message);
}

/**
 * chan_selector_set_message:
 * @self: a selector
 * @index_: the index of a sender
 * @message: (nullable): what to send next; %NULL: nothing
 *
 * Sets what a sender's case has to send.
 *
 * Since: 0.1
 */
void
chan_selector_set_message (ChanSelector *self, guint index_, ChanMessage *message)
{
  ChanSelectorCase *changed;

  g_return_if_fail (self != NULL && g_atomic_int_get (&self->waiting) == FALSE && index_ < self->cases->len);
  changed = self->cases->pdata[index_];
  g_return_if_fail (changed->sends);

  g_clear_pointer (&changed->message, chan_message_unref);
  changed->message = message != NULL ? chan_message_ref (message) : NULL;
}

/**
 * chan_selector_remove:
 * @self: a selector
 * @index_: the index of a case
 *
 * Takes a case out, and drops its end. The indices of the others stay.
 *
 * Since: 0.1
 */
void
chan_selector_remove (ChanSelector *self, guint index_)
{
  ChanSelectorCase *removed;

  g_return_if_fail (self != NULL && g_atomic_int_get (&self->waiting) == FALSE && index_ < self->cases->len);

  removed = self->cases->pdata[index_];
  removed->pipe = NULL;
  g_clear_pointer (&removed->message, chan_message_unref);
  g_clear_object (&removed->end);
}

/**
 * chan_selector_steal_message:
 * @self: a selector
 * @error: return location for an error
 *
 * Tells what the case did that the last wait returned. Of a receiver: the
 * message; or %NULL without an error when its sender closed the channel; or
 * the error that ended it. Of a sender: %NULL, without an error if the message
 * was sent, else with why it was not. Call it once for each wait.
 *
 * Returns: (transfer full) (nullable): the message that was taken
 *
 * Since: 0.1
 */
ChanMessage *
chan_selector_steal_message (ChanSelector *self, GError **error)
{
  g_return_val_if_fail (self != NULL && g_atomic_int_get (&self->waiting) == FALSE, NULL);

  if (self->error != NULL)
    g_propagate_error (error, g_steal_pointer (&self->error));
  return g_steal_pointer (&self->message);
}
