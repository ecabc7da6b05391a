/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe.h"

#include "chan-byte-stream-private.h"
#include "chan-receiver-private.h"
#include "chan-sender-private.h"

/**
 * chan_pipe_new:
 * @capacity: how many messages may be accepted and not yet taken; 0: each send
 *   waits for its receiver. While they hold 1 MiB or more none is accepted,
 *   however few they are
 * @sender: (out) (transfer full): return location for the sending end
 * @receiver: (out) (transfer full): return location for the receiving end
 *
 * Makes a channel. Both ends are local until one of them is sent to another
 * process inside a [struct@Chan.Message].
 *
 * The sender's signals fire in the thread-default main context of now.
 *
 * Since: 0.1
 */
void
chan_pipe_new (guint capacity, ChanSender **sender, ChanReceiver **receiver)
{
  ChanPipe *pipe;

  g_return_if_fail (sender != NULL && receiver != NULL);

  pipe = chan_pipe_core_new (CHAN_ITEM_MESSAGE, capacity, NULL);
  *sender = chan_sender_new_for_pipe (pipe, CHAN_OBJECT_LIVE);
  *receiver = chan_receiver_new_for_pipe (pipe, CHAN_OBJECT_LIVE);
  pipe->sender_object = *sender;
  pipe->receiver_object = *receiver;
  chan_pipe_unref (pipe);
}

/**
 * chan_byte_pipe_new:
 * @a: (out) (transfer full): return location for one end
 * @b: (out) (transfer full): return location for the other end
 *
 * Makes two connected byte streams ([class@Chan.ByteStream]): what is written
 * to one is read from the other. Each direction holds about 64 KiB; a writer
 * waits while it is full. Both ends are local until one of them (or only its
 * input or output stream) is sent to another process inside a
 * [struct@Chan.Message].
 *
 * Since: 0.1
 */
void
chan_byte_pipe_new (GIOStream **a, GIOStream **b)
{
  ChanPipe *there, *back;

  g_return_if_fail (a != NULL && b != NULL);

  there = chan_pipe_core_new (CHAN_ITEM_BYTES, CHAN_BYTE_PIPE_SIZE, NULL);
  back = chan_pipe_core_new (CHAN_ITEM_BYTES, CHAN_BYTE_PIPE_SIZE, NULL);
  *a = G_IO_STREAM (chan_byte_stream_new_for_pipes (back, there, CHAN_OBJECT_LIVE));
  *b = G_IO_STREAM (chan_byte_stream_new_for_pipes (there, back, CHAN_OBJECT_LIVE));
  chan_pipe_unref (there);
  chan_pipe_unref (back);
}
