/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-output.h"

#include "chan-async-result.h"
#include "chan-byte-op.h"

/* How much one write takes: what is copied under a lock. */
#define WRITE_BYTES_MAX ((gsize) 64 * 1024)

struct _ChanByteOutput
{
  GOutputStream parent_instance;

  ChanPipe *pipe; /* NULL: cannot be written */
  gint state;     /* ChanObjectState, atomic */
};

static void pollable_iface_init (GPollableOutputStreamInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanByteOutput, chan_byte_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, pollable_iface_init))

void
chan_byte_output_bind (ChanByteOutput *self, ChanPipe *pipe, ChanObjectState state)
{
  self->pipe = pipe != NULL ? chan_pipe_ref (pipe) : NULL;
  self->state = (gint) state;
}

ChanPipe *
chan_byte_output_get_pipe (ChanByteOutput *self)
{
  return self->pipe;
}

gint *
chan_byte_output_state (ChanByteOutput *self)
{
  return &self->state;
}

gboolean
chan_byte_output_end (ChanByteOutput *self, const GError *reason, gboolean at_once)
{
  gboolean waits;
  ChanLater later;

  if (self->pipe == NULL)
    return FALSE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  waits = self->pipe->senders.first != NULL;
  if (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE && self->pipe->sender_side == CHAN_SIDE_LOCAL)
    {
      if (reason == NULL)
        chan_pipe_close_sender (self->pipe, &later);
      else
        chan_pipe_fail_sender (self->pipe, reason, at_once, &later);
    }
  chan_pipe_unlock (self->pipe, &later);
  return waits;
}

void
chan_byte_output_drop (ChanByteOutput *self)
{
  g_autoptr (GError) dropped = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET,
                                                    "The writer went away without closing the byte stream");

  chan_byte_output_end (self, dropped, FALSE);
}

/* --- writing --- */

/* Under the pipe's lock, if there is a pipe. */
static gboolean
check_usable (ChanByteOutput *self, GError **error)
{
  if (self->pipe == NULL)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION,
                         "This byte stream can only be read");
  else if (g_atomic_int_get (&self->state) != CHAN_OBJECT_LIVE)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED,
                         "This byte stream was sent away inside a message");
  else if (self->pipe->sender_side == CHAN_SIDE_RESERVED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                         "This byte stream is in a message that is being sent");
  else if (self->pipe->sender_side == CHAN_SIDE_CLOSED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CLOSED, "This end of the byte stream is closed");
  else if (g_error_matches (self->pipe->sender_error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED))
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, self->pipe->sender_error->message);
  else if (self->pipe->sender_error != NULL)
    g_propagate_error (error, g_error_copy (self->pipe->sender_error));
  else
    return TRUE;
  return FALSE;
}

static gboolean
write_attempt (ChanByteOp *op, ChanLater *later)
{
  gsize n = MIN (op->count, WRITE_BYTES_MAX);
  ChanAccept accept;
  GBytes *bytes;

  if (!check_usable (op->stream, &op->error))
    return TRUE;
  if (!chan_pipe_has_room (op->pipe))
    return FALSE;
  bytes = g_bytes_new (op->data, n);
  accept = chan_pipe_accept (op->pipe, bytes, later, &op->error);
  if (accept == CHAN_ACCEPT_OK || accept == CHAN_ACCEPT_FLYING)
    op->n = (gssize) n;
  else
    g_bytes_unref (bytes);
  return accept != CHAN_ACCEPT_WAIT;
}

static ChanByteOp
write_op (gpointer stream, const void *data, gsize count)
{
  ChanByteOutput *self = CHAN_BYTE_OUTPUT (stream);

  return (ChanByteOp){
    .attempt = write_attempt,
    .stream = self,
    .pipe = self->pipe,
    .ring = self->pipe != NULL ? &self->pipe->senders : NULL,
    .data = data,
    .count = count,
  };
}

static gssize
chan_byte_output_write (GOutputStream *stream, const void *data, gsize count, GCancellable *cancellable, GError **error)
{
  ChanByteOp op = write_op (stream, data, count);

  return chan_byte_op_run (&op, cancellable, error);
}

static void
chan_byte_output_write_async (GOutputStream *stream, const void *data, gsize count, int io_priority, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  ChanByteOp op = write_op (stream, data, count);

  chan_byte_op_start (&op, chan_byte_output_write_async, cancellable, callback, user_data);
}

static gssize
chan_byte_output_write_finish (GOutputStream *stream, GAsyncResult *result, GError **error)
{
  return chan_byte_op_finish (stream, chan_byte_output_write_async, result, error);
}

/* --- flushing: hands what the session put off to the system --- */

static gboolean
chan_byte_output_flush (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  ChanByteOutput *self = CHAN_BYTE_OUTPUT (stream);
  ChanReactor *reactor;
  ChanLater later;

  if (self->pipe == NULL)
    return TRUE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  reactor = self->pipe->guard.reactor;
  if (reactor != NULL && reactor->owner != NULL && reactor->flush_queued)
    reactor->funcs->flush (reactor->owner, &later);
  chan_pipe_unlock (self->pipe, &later);
  return TRUE;
}

static void
chan_byte_output_flush_async (GOutputStream *stream, int io_priority, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  chan_byte_output_flush (stream, NULL, NULL);
  chan_byte_op_return (stream, chan_byte_output_flush_async, callback, user_data);
}

static gboolean
chan_byte_output_flush_finish (GOutputStream *stream, GAsyncResult *result, GError **error)
{
  return chan_async_result_begin_finish (result, stream, chan_byte_output_flush_async);
}

/* --- closing --- */

static gboolean
chan_byte_output_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  chan_byte_output_end (CHAN_BYTE_OUTPUT (stream), NULL, FALSE);
  return TRUE;
}

static void
chan_byte_output_close_async (GOutputStream *stream, int io_priority, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
  chan_byte_output_close (stream, NULL, NULL);
  chan_byte_op_return (stream, chan_byte_output_close_async, callback, user_data);
}

static gboolean
chan_byte_output_close_finish (GOutputStream *stream, GAsyncResult *result, GError **error)
{
  return chan_async_result_begin_finish (result, stream, chan_byte_output_close_async);
}

/* The parent's dispose closes: before it does, the reader must learn that this was not all. */
static void
chan_byte_output_dispose (GObject *object)
{
  chan_byte_output_drop (CHAN_BYTE_OUTPUT (object));
  G_OBJECT_CLASS (chan_byte_output_parent_class)->dispose (object);
}

static void
chan_byte_output_finalize (GObject *object)
{
  g_clear_pointer (&CHAN_BYTE_OUTPUT (object)->pipe, chan_pipe_unref);
  G_OBJECT_CLASS (chan_byte_output_parent_class)->finalize (object);
}

/* --- polling --- */

static gboolean
chan_byte_output_is_writable (GPollableOutputStream *stream)
{
  ChanByteOutput *self = CHAN_BYTE_OUTPUT (stream);
  gboolean writable;
  ChanLater later;

  /* An error can be had at once. */
  if (self->pipe == NULL)
    return TRUE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  writable = !check_usable (self, NULL) || chan_pipe_has_room (self->pipe);
  chan_pipe_unlock (self->pipe, &later);
  return writable;
}

static GSource *
chan_byte_output_create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  return chan_byte_op_create_source (G_OBJECT (stream), CHAN_BYTE_OUTPUT (stream)->pipe, TRUE, cancellable);
}

static gssize
chan_byte_output_write_nonblocking (GPollableOutputStream *stream, const void *data, gsize count, GError **error)
{
  ChanByteOp op = write_op (stream, data, count);

  return chan_byte_op_try (&op, error);
}

static void
pollable_iface_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = chan_byte_output_is_writable;
  iface->create_source = chan_byte_output_create_source;
  iface->write_nonblocking = chan_byte_output_write_nonblocking;
}

static void
chan_byte_output_class_init (ChanByteOutputClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GOutputStreamClass *stream_class = G_OUTPUT_STREAM_CLASS (klass);

  object_class->dispose = chan_byte_output_dispose;
  object_class->finalize = chan_byte_output_finalize;
  stream_class->write_fn = chan_byte_output_write;
  stream_class->write_async = chan_byte_output_write_async;
  stream_class->write_finish = chan_byte_output_write_finish;
  stream_class->flush = chan_byte_output_flush;
  stream_class->flush_async = chan_byte_output_flush_async;
  stream_class->flush_finish = chan_byte_output_flush_finish;
  stream_class->close_fn = chan_byte_output_close;
  stream_class->close_async = chan_byte_output_close_async;
  stream_class->close_finish = chan_byte_output_close_finish;
}

static void
chan_byte_output_init (ChanByteOutput *self)
{
}
