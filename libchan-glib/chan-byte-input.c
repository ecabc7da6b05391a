/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-input.h"

#include "chan-async-result.h"
#include "chan-byte-op.h"

struct _ChanByteInput
{
  GInputStream parent_instance;

  ChanPipe *pipe; /* NULL: cannot be read */
  gint state;     /* ChanObjectState, atomic */
};

static void pollable_iface_init (GPollableInputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanByteInput, chan_byte_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, pollable_iface_init))

void
chan_byte_input_bind (ChanByteInput *self, ChanPipe *pipe, ChanObjectState state)
{
  self->pipe = pipe != NULL ? chan_pipe_ref (pipe) : NULL;
  self->state = (gint) state;
}

ChanPipe *
chan_byte_input_get_pipe (ChanByteInput *self)
{
  return self->pipe;
}

gint *
chan_byte_input_state (ChanByteInput *self)
{
  return &self->state;
}

gboolean
chan_byte_input_end (ChanByteInput *self, ChanChannelError code, const char *text)
{
  gboolean waits;
  ChanLater later;

  if (self->pipe == NULL)
    return FALSE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  waits = self->pipe->receivers.first != NULL;
  if (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE && self->pipe->receiver_side == CHAN_SIDE_LOCAL)
    chan_pipe_close_receiver (self->pipe, code, text, &later);
  chan_pipe_unlock (self->pipe, &later);
  return waits;
}

/* --- reading --- */

/* Under the pipe's lock, if there is a pipe. */
static gboolean
check_usable (ChanByteInput *self, GError **error)
{
  if (self->pipe == NULL)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION,
                         "This byte stream can only be written");
  else if (g_atomic_int_get (&self->state) != CHAN_OBJECT_LIVE)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED,
                         "This byte stream was sent away inside a message");
  else if (self->pipe->receiver_side == CHAN_SIDE_RESERVED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                         "This byte stream is in a message that is being sent");
  else if (self->pipe->receiver_side == CHAN_SIDE_CLOSED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "This end of the byte stream is closed");
  else
    return TRUE;
  return FALSE;
}

static gboolean
read_attempt (ChanByteOp *op, ChanLater *later)
{
  gpointer item = NULL;

  if (!check_usable (op->stream, &op->error))
    return TRUE;
  op->n = (gssize) chan_pipe_take_bytes (op->pipe, op->buffer, op->count, later);
  /* Nothing is queued now: what can be taken is the end, and its stream learns of that. */
  return op->n > 0 || chan_pipe_take (op->pipe, FALSE, &item, later, &op->error) != CHAN_TAKE_EMPTY;
}

static ChanByteOp
read_op (gpointer stream, void *buffer, gsize count)
{
  ChanByteInput *self = CHAN_BYTE_INPUT (stream);

  return (ChanByteOp){
    .attempt = read_attempt,
    .stream = self,
    .pipe = self->pipe,
    .ring = self->pipe != NULL ? &self->pipe->receivers : NULL,
    .buffer = buffer,
    .count = count,
  };
}

static gssize
chan_byte_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ChanByteOp op = read_op (stream, buffer, count);

  return chan_byte_op_run (&op, cancellable, error);
}

static void
chan_byte_input_read_async (GInputStream *stream, void *buffer, gsize count, int io_priority, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  ChanByteOp op = read_op (stream, buffer, count);

  chan_byte_op_start (&op, chan_byte_input_read_async, cancellable, callback, user_data);
}

static gssize
chan_byte_input_read_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return chan_byte_op_finish (stream, chan_byte_input_read_async, result, error);
}

/* --- closing --- */

static gboolean
chan_byte_input_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  chan_byte_input_end (CHAN_BYTE_INPUT (stream), CHAN_CHANNEL_ERROR_CLOSED, "The reader closed the byte stream");
  return TRUE;
}

static void
chan_byte_input_close_async (GInputStream *stream, int io_priority, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  chan_byte_input_close (stream, NULL, NULL);
  chan_byte_op_return (stream, chan_byte_input_close_async, callback, user_data);
}

static gboolean
chan_byte_input_close_finish (GInputStream *stream, GAsyncResult *result, GError **error)
{
  return chan_async_result_begin_finish (result, stream, chan_byte_input_close_async);
}

static void
chan_byte_input_dispose (GObject *object)
{
  chan_byte_input_end (CHAN_BYTE_INPUT (object), CHAN_CHANNEL_ERROR_CLOSED, "The reader went away");
  G_OBJECT_CLASS (chan_byte_input_parent_class)->dispose (object);
}

static void
chan_byte_input_finalize (GObject *object)
{
  g_clear_pointer (&CHAN_BYTE_INPUT (object)->pipe, chan_pipe_unref);
  G_OBJECT_CLASS (chan_byte_input_parent_class)->finalize (object);
}

/* --- polling --- */

static gboolean
chan_byte_input_is_readable (GPollableInputStream *stream)
{
  ChanByteInput *self = CHAN_BYTE_INPUT (stream);
  gboolean readable;
  ChanLater later;

  /* An error can be read at once. */
  if (self->pipe == NULL)
    return TRUE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  readable = !check_usable (self, NULL) || chan_pipe_is_readable (self->pipe);
  chan_pipe_unlock (self->pipe, &later);
  return readable;
}

static GSource *
chan_byte_input_create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  return chan_byte_op_create_source (G_OBJECT (stream), CHAN_BYTE_INPUT (stream)->pipe, FALSE, cancellable);
}

static gssize
chan_byte_input_read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  ChanByteOp op = read_op (stream, buffer, count);

  return chan_byte_op_try (&op, error);
}

static void
pollable_iface_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = chan_byte_input_is_readable;
  iface->create_source = chan_byte_input_create_source;
  iface->read_nonblocking = chan_byte_input_read_nonblocking;
}

static void
chan_byte_input_class_init (ChanByteInputClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GInputStreamClass *stream_class = G_INPUT_STREAM_CLASS (klass);

  object_class->dispose = chan_byte_input_dispose;
  object_class->finalize = chan_byte_input_finalize;
  stream_class->read_fn = chan_byte_input_read;
  stream_class->read_async = chan_byte_input_read_async;
  stream_class->read_finish = chan_byte_input_read_finish;
  stream_class->close_fn = chan_byte_input_close;
  stream_class->close_async = chan_byte_input_close_async;
  stream_class->close_finish = chan_byte_input_close_finish;
}

static void
chan_byte_input_init (ChanByteInput *self)
{
}
