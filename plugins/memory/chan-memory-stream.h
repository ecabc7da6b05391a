/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes of a byte stream that were written and not yet read by the peer. */
#define CHAN_MEMORY_WINDOW 65536

/* A stream as one of its links knows it. */
typedef struct
{
  guint64 peer;     /* its number at the other link */
  guint capacity;   /* as the opener said; only for channels */
  gboolean bytes;   /* a byte stream */
  gboolean waiting; /* has_room() said no */
  gsize out;        /* bytes written and not granted */
} ChanMemoryStream;

static inline gboolean
chan_memory_stream_has_room (ChanMemoryStream *self)
{
  /* Messages are counted by the core: what a link takes is in the queue already. */
  self->waiting = self->bytes && self->out >= CHAN_MEMORY_WINDOW;
  return !self->waiting;
}

/* TRUE: there is room again, and somebody waits for it. */
static inline gboolean
chan_memory_stream_granted (ChanMemoryStream *self, gsize n_bytes)
{
  self->out -= MIN (n_bytes, self->out);
  return self->waiting && self->out < CHAN_MEMORY_WINDOW;
}

G_END_DECLS
