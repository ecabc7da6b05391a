/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-spdy-conn.h"

G_BEGIN_DECLS

/* Bytes on their way out. Small ones are copied together into chunks, large
 * ones stay where they are and are referenced. Empty, it owns no memory. */

typedef struct _ChanOutputChunk ChanOutputChunk;

typedef struct
{
  const guint8 *data;
  gsize len;
  GBytes *owner;          /* of referenced bytes */
  ChanOutputChunk *chunk; /* of copied ones */
} ChanOutputPiece;

#define CHAN_OUTPUT_QUEUE_INLINE 4
/* A frame head or a control frame of this size can always be reserved. */
#define CHAN_OUTPUT_QUEUE_RESERVE_MAX 32768

typedef struct
{
  ChanOutputPiece *pieces;
  guint first, n, capacity;
  gboolean small;         /* chunks as small as what comes, for one message; else 64 KiB ones from a pool, or one of 4 KiB to begin with */
  gsize bytes;
  guint8 *spot, *end;     /* free room behind the last chunk's bytes */
  ChanOutputChunk *chunk; /* the last one, NULL: none */
  ChanOutputPiece inline_pieces[CHAN_OUTPUT_QUEUE_INLINE];
} ChanOutputQueue;

/* It must not be moved in memory afterwards. */
void    chan_output_queue_init         (ChanOutputQueue *self, gboolean small);
void    chan_output_queue_clear        (ChanOutputQueue *self);

/* Appends `len` bytes for the caller to write now. At most RESERVE_MAX. */
guint8 *chan_output_queue_reserve      (ChanOutputQueue *self, gsize len);
void    chan_output_queue_append       (ChanOutputQueue *self, const guint8 *data, gsize len);
/* Before all else; nothing of the queue may have been written yet. */
void    chan_output_queue_prepend      (ChanOutputQueue *self, GBytes *bytes);
void    chan_output_queue_append_owned (ChanOutputQueue *self, const guint8 *data, gsize len, GBytes *owner);

/* The first pieces; valid until they are consumed. */
gsize   chan_output_queue_peek         (const ChanOutputQueue *self, ChanSpdySegment *segments, gsize n);
void    chan_output_queue_consume      (ChanOutputQueue *self, gsize bytes);

G_END_DECLS
