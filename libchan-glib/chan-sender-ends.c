/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-sender-private.h"

/* How a sender ends, and what it tells of itself. */

static gboolean
lock_live (ChanSender *self)
{
  gint state = g_atomic_int_get (chan_sender_state (self));

  if (state != CHAN_OBJECT_LIVE && state != CHAN_OBJECT_SPLICED)
    return FALSE;
  chan_pipe_lock (chan_sender_get_pipe (self));
  return TRUE;
}

/**
 * chan_sender_close:
 * @self: a sender
 *
 * Says that nothing more will be sent. The receiver gets what was accepted and
 * then the end. Sends that still wait fail with %CHAN_CHANNEL_ERROR_CLOSED.
 * Closing twice, or after the sender was sent away, does nothing. Does not wait.
 *
 * Since: 0.1
 */
void
chan_sender_close (ChanSender *self)
{
  ChanLater later;

  g_return_if_fail (CHAN_IS_SENDER (self));

  chan_later_init (&later);
  if (!lock_live (self))
    return;
  if (chan_sender_get_pipe (self)->sender_side == CHAN_SIDE_LOCAL)
    chan_pipe_close_sender (chan_sender_get_pipe (self), &later);
  chan_pipe_unlock (chan_sender_get_pipe (self), &later);
}

static void
end_with (ChanSender *self, const GError *reason)
{
  ChanLater later;

  chan_later_init (&later);
  if (!lock_live (self))
    return;
  if (chan_sender_get_pipe (self)->sender_side == CHAN_SIDE_LOCAL)
    chan_pipe_fail_sender (chan_sender_get_pipe (self), reason, TRUE, &later);
  chan_pipe_unlock (chan_sender_get_pipe (self), &later);
}

/**
 * chan_sender_abort:
 * @self: a sender
 * @reason: why
 *
 * Ends the channel at once with an error that the receiver sees: its code if
 * it is a [error@Chan.ChannelError], else %CHAN_CHANNEL_ERROR_RESET, and the
 * first 256 bytes of its message. What was accepted and not yet taken is
 * dropped.
 *
 * Since: 0.1
 */
void
chan_sender_abort (ChanSender *self, const GError *reason)
{
  g_autoptr (GError) own = NULL;

  g_return_if_fail (CHAN_IS_SENDER (self) && reason != NULL);

  if (reason->domain != CHAN_CHANNEL_ERROR)
    own = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, reason->message);
  end_with (self, own != NULL ? own : reason);
}

/**
 * chan_sender_reset:
 * @self: a sender
 *
 * Like [method@Chan.Sender.abort], without a reason.
 *
 * Since: 0.1
 */
void
chan_sender_reset (ChanSender *self)
{
  g_autoptr (GError) reason = NULL;

  g_return_if_fail (CHAN_IS_SENDER (self));

  reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, "The sender reset the channel");
  end_with (self, reason);
}

/**
 * chan_sender_get_name:
 * @self: a sender
 *
 * Gets the channel's name.
 *
 * Returns: (nullable): the name, or %NULL if it has none
 *
 * Since: 0.1
 */
const char *
chan_sender_get_name (ChanSender *self)
{
  g_return_val_if_fail (CHAN_IS_SENDER (self), NULL);

  return chan_sender_get_pipe (self) != NULL ? chan_sender_get_pipe (self)->name : NULL;
}

/**
 * chan_sender_get_capacity:
 * @self: a sender
 *
 * Gets how many messages may be accepted and not yet taken.
 *
 * Returns: the capacity; 0: each send waits for its receiver
 *
 * Since: 0.1
 */
guint
chan_sender_get_capacity (ChanSender *self)
{
  g_return_val_if_fail (CHAN_IS_SENDER (self), 0);

  return chan_sender_get_pipe (self) != NULL ? chan_sender_get_pipe (self)->capacity : 0;
}

/**
 * chan_sender_get_closed:
 * @self: a sender
 *
 * Tells whether this end was closed, aborted or sent away.
 *
 * Returns: %TRUE if nothing can be sent because of this end
 *
 * Since: 0.1
 */
gboolean
chan_sender_get_closed (ChanSender *self)
{
  gboolean closed = TRUE;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_SENDER (self), TRUE);

  chan_later_init (&later);
  if (lock_live (self))
    {
      closed = chan_sender_get_pipe (self)->sender_side == CHAN_SIDE_CLOSED;
      chan_pipe_unlock (chan_sender_get_pipe (self), &later);
    }
  return closed;
}

/**
 * chan_sender_get_peer_closed:
 * @self: a sender
 *
 * Tells whether the receiving end is gone.
 *
 * Returns: %TRUE if nothing can be sent because of the other end
 *
 * Since: 0.1
 */
gboolean
chan_sender_get_peer_closed (ChanSender *self)
{
  gboolean closed = FALSE;
  ChanPipe *pipe;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_SENDER (self), FALSE);

  pipe = chan_sender_get_pipe (self);
  chan_later_init (&later);
  if (lock_live (self))
    {
      closed = pipe->sender_error != NULL && pipe->sender_side != CHAN_SIDE_CLOSED;
      chan_pipe_unlock (pipe, &later);
    }
  return closed;
}
