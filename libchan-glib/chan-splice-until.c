/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-receiver.h"
#include "chan-sender.h"

#include "chan-block.h"

/* Splicing as a call that waits. */

/**
 * chan_receiver_splice:
 * @self: a receiver
 * @sender: where everything goes
 * @cancellable: (nullable): to stop forwarding
 * @error: return location for an error
 *
 * Forwards everything that arrives to another channel, and then its end: a
 * close as a close, an error as that error. If @sender cannot send any more,
 * this receiver is closed with the same reason. One message is taken only when
 * @sender has room for it, so credit goes through, too. Go's libchan calls this
 * `Copy`.
 *
 * With capacity 0 the splice is the receiver of who sends to @self, and takes
 * nothing before somebody is there to take it from @sender's channel; over a
 * link one message is on its way.
 *
 * Until it returns, other operations on the two ends fail with
 * %G_IO_ERROR_PENDING; closing one of them ends it. When cancelled, both ends
 * are the caller's again, and no message is lost.
 *
 * Returns: %TRUE if the channel was closed and everything was forwarded;
 *   %FALSE with the error that ended either channel
 *
 * Since: 0.1
 */
gboolean
chan_receiver_splice (ChanReceiver *self, ChanSender *sender, GCancellable *cancellable, GError **error)
{
  return chan_receiver_splice_until (self, sender, 0, cancellable, error);
}

/**
 * chan_receiver_splice_until:
 * @self: a receiver
 * @sender: where everything goes
 * @deadline: monotonic time in microseconds at which to stop, or 0 for never
 * @cancellable: (nullable): to stop forwarding
 * @error: return location for an error
 *
 * Like [method@Chan.Receiver.splice], with a deadline, at which both ends are
 * the caller's again.
 *
 * Returns: %TRUE if the channel was closed and everything was forwarded;
 *   %FALSE with the error that ended either channel
 *
 * Since: 0.1
 */
gboolean
chan_receiver_splice_until (ChanReceiver *self, ChanSender *sender, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GCancellable) limit = NULL;
  ChanBlock block;

  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && CHAN_IS_SENDER (sender), FALSE);

  limit = chan_block_begin (&block, deadline, cancellable);
  chan_receiver_splice_async (self, sender, G_PRIORITY_DEFAULT, limit, chan_block_done, &block);
  result = chan_block_end (&block);
  if (chan_receiver_splice_finish (self, result, error))
    return TRUE;
  chan_block_expired (&block, error);
  return FALSE;
}
