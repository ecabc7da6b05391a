/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-stream-private.h"

#include "chan-async-result.h"
#include "chan-byte-op.h"
#include "chan-live.h"

/**
 * ChanByteStream:
 *
 * A stream of bytes both ways (or only one way), which can be sent inside a
 * [struct@Chan.Message]; it is then moved-from, and every use of it fails with
 * %CHAN_CHANNEL_ERROR_MOVED.
 *
 * It is a [class@Gio.IOStream] like any other: both halves can be polled, and
 * their asynchronous operations use no threads. What was written is read in
 * order and without a gap. The end of the file is read only if the writer
 * closed; if it went away without closing, or its session ended, reading fails
 * with an error in the [error@Chan.ChannelError] domain. Writing fails with
 * %G_IO_ERROR_BROKEN_PIPE once the reader closed. The two halves are closed
 * separately, by closing the input and the output stream, or both at once with
 * [method@Gio.IOStream.close].
 *
 * Dropping the last reference to the stream ends both halves, as if the writer
 * went away.
 *
 * Since: 0.1
 */
struct _ChanByteStream
{
  GIOStream parent_instance;

  ChanByteInput *input;
  ChanByteOutput *output;
};

G_DEFINE_FINAL_TYPE (ChanByteStream, chan_byte_stream, G_TYPE_IO_STREAM)

ChanByteStream *
chan_byte_stream_new_for_pipes (ChanPipe *in, ChanPipe *out, ChanObjectState state)
{
  ChanByteStream *self = g_object_new (CHAN_TYPE_BYTE_STREAM, NULL);

  chan_byte_input_bind (self->input, in, state);
  chan_byte_output_bind (self->output, out, state);
  return self;
}

ChanPipe *
chan_byte_stream_get_in_pipe (ChanByteStream *self)
{
  return chan_byte_input_get_pipe (self->input);
}

ChanPipe *
chan_byte_stream_get_out_pipe (ChanByteStream *self)
{
  return chan_byte_output_get_pipe (self->output);
}

/**
 * chan_byte_stream_abort:
 * @self: a byte stream
 * @reason: why
 *
 * Ends both halves at once with an error that the other end sees, reading and
 * writing: its code if it is a [error@Chan.ChannelError], else
 * %CHAN_CHANNEL_ERROR_RESET, and the first 256 bytes of its message. What was
 * written and not yet read is dropped, in both directions. Operations that wait
 * at this end fail with %G_IO_ERROR_CLOSED. Does nothing to a half that was
 * closed or sent away.
 *
 * Since: 0.1
 */
void
chan_byte_stream_abort (ChanByteStream *self, const GError *reason)
{
  g_autoptr (GError) own = NULL;

  g_return_if_fail (CHAN_IS_BYTE_STREAM (self) && reason != NULL);

  if (reason->domain != CHAN_CHANNEL_ERROR)
    own = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET, reason->message);
  else
    own = g_error_copy (reason);
  chan_byte_output_end (self->output, own, TRUE);
  chan_byte_input_end (self->input, (ChanChannelError) own->code, own->message);
}

/* --- GIOStream --- */

static GInputStream *
chan_byte_stream_get_input_stream (GIOStream *stream)
{
  return G_INPUT_STREAM (CHAN_BYTE_STREAM (stream)->input);
}

static GOutputStream *
chan_byte_stream_get_output_stream (GIOStream *stream)
{
  return G_OUTPUT_STREAM (CHAN_BYTE_STREAM (stream)->output);
}

/* The sides first: a half with an operation that waits cannot be closed as a
 * GInputStream or GOutputStream, but that operation must end. It may be another
 * thread's, whose marks in that object are not ours to touch. */
static gboolean
chan_byte_stream_close (GIOStream *stream, GCancellable *cancellable, GError **error)
{
  ChanByteStream *self = CHAN_BYTE_STREAM (stream);
  gboolean writes = chan_byte_output_end (self->output, NULL, FALSE);
  gboolean reads = chan_byte_input_end (self->input, CHAN_CHANNEL_ERROR_CLOSED, "The reader closed the byte stream");

  if (!writes)
    g_output_stream_close (G_OUTPUT_STREAM (self->output), NULL, NULL);
  if (!reads)
    g_input_stream_close (G_INPUT_STREAM (self->input), NULL, NULL);
  return TRUE;
}

static void
chan_byte_stream_close_async (GIOStream *stream, int io_priority, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  chan_byte_stream_close (stream, NULL, NULL);
  chan_byte_op_return (stream, chan_byte_stream_close_async, callback, user_data);
}

static gboolean
chan_byte_stream_close_finish (GIOStream *stream, GAsyncResult *result, GError **error)
{
  return chan_async_result_begin_finish (result, stream, chan_byte_stream_close_async);
}

/* The parent's dispose closes, which would look like a proper end. */
static void
chan_byte_stream_dispose (GObject *object)
{
  ChanByteStream *self = CHAN_BYTE_STREAM (object);

  /* In this order: the peer's writer hears of a reader that went, before its
   * reader hears of a writer that did. */
  chan_byte_input_end (self->input, CHAN_CHANNEL_ERROR_CLOSED, "The reader went away");
  chan_byte_output_drop (self->output);
  G_OBJECT_CLASS (chan_byte_stream_parent_class)->dispose (object);
}

static void
chan_byte_stream_finalize (GObject *object)
{
  ChanByteStream *self = CHAN_BYTE_STREAM (object);

  g_clear_object (&self->input);
  g_clear_object (&self->output);
  chan_live_add (CHAN_LIVE_BYTE_STREAM, -1);
  G_OBJECT_CLASS (chan_byte_stream_parent_class)->finalize (object);
}

static void
chan_byte_stream_class_init (ChanByteStreamClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GIOStreamClass *stream_class = G_IO_STREAM_CLASS (klass);

  object_class->dispose = chan_byte_stream_dispose;
  object_class->finalize = chan_byte_stream_finalize;
  stream_class->get_input_stream = chan_byte_stream_get_input_stream;
  stream_class->get_output_stream = chan_byte_stream_get_output_stream;
  stream_class->close_fn = chan_byte_stream_close;
  stream_class->close_async = chan_byte_stream_close_async;
  stream_class->close_finish = chan_byte_stream_close_finish;
}

static void
chan_byte_stream_init (ChanByteStream *self)
{
  self->input = g_object_new (CHAN_TYPE_BYTE_INPUT, NULL);
  self->output = g_object_new (CHAN_TYPE_BYTE_OUTPUT, NULL);
  chan_live_add (CHAN_LIVE_BYTE_STREAM, 1);
}
