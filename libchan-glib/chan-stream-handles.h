/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-stream.h"

G_BEGIN_DECLS

/* The handles of one message while a link takes it: a stream of the session for
 * each, or a file descriptor. Under the session's lock. */

#define CHAN_STREAM_HANDLES_MAX 256

typedef struct
{
  guint n;
  ChanStream *parent;
  ChanHandleRef refs[CHAN_STREAM_HANDLES_MAX];
  ChanStream *streams[CHAN_STREAM_HANDLES_MAX]; /* NULL: a file descriptor */
  GObject *foreign[CHAN_STREAM_HANDLES_MAX];    /* a file descriptor as a stream, a reference; else NULL */
  GObject *carried[CHAN_STREAM_HANDLES_MAX];    /* and what stands for that in the message */
} ChanStreamHandles;

/* FALSE: nothing is open. The handles stay the message's. */
gboolean chan_stream_handles_open      (ChanStreamHandles *self, ChanStream *parent, ChanMessage *message, ChanLater *later, GError **error);
/* The link did not take it. */
void     chan_stream_handles_take_back (ChanStreamHandles *self, ChanLater *later);
/* It did: their pipes move to the streams. */
void     chan_stream_handles_export    (ChanStreamHandles *self, ChanMessage *message, ChanReactor *reactor, ChanLater *later);

G_END_DECLS
