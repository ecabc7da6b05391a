/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* A read or a write of a byte stream: one attempt at the queue, made again
 * after each wait; blocking, not waiting at all, or asynchronous. Bytes move
 * only in an attempt that ends the operation, so that a cancelled one loses
 * none. */
typedef struct _ChanByteOp ChanByteOp;
struct _ChanByteOp
{
  /* Under the pipe's lock, if there is a pipe. TRUE: n or error is set. */
  gboolean (*attempt) (ChanByteOp *self, ChanLater *later);
  gpointer stream; /* the ChanByteInput or ChanByteOutput; borrowed */
  ChanPipe *pipe;  /* its own; NULL: every attempt fails */
  ChanOpRing *ring; /* of the pipe, in which it waits */
  union
  {
    guint8 *buffer;     /* read */
    const guint8 *data; /* write */
  };
  gsize count;
  gssize n;
  GError *error;
  /* asynchronous */
  GAsyncReadyCallback callback;
  gboolean ended; /* an attempt returned TRUE, or it was cancelled */
};

/* Each returns the number of bytes, or -1 with an error. */
gssize chan_byte_op_run    (ChanByteOp *self, GCancellable *cancellable, GError **error);
gssize chan_byte_op_try    (ChanByteOp *self, GError **error); /* G_IO_ERROR_WOULD_BLOCK instead of waiting */
gssize chan_byte_op_finish (gpointer stream, gpointer tag, GAsyncResult *result, GError **error);

/* Copies self; the buffer is the caller's until the callback was called. */
void   chan_byte_op_start  (const ChanByteOp *self, gpointer tag, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data);
/* The asynchronous form of what never waits. */
void   chan_byte_op_return (gpointer stream, gpointer tag, GAsyncReadyCallback callback, gpointer user_data);

/* For a GPollableInputStream or GPollableOutputStream. */
GSource *chan_byte_op_create_source (GObject *stream, ChanPipe *pipe, gboolean of_sender, GCancellable *cancellable);

G_END_DECLS
