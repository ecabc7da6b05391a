/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-output-queue.h"

#include <string.h>

struct _ChanOutputChunk
{
  guint refs; /* pieces, and the queue for its last chunk; guarded like the queue */
  gboolean pooled;
  guint8 data[];
};

#define CHUNK_SIZE 65536u
#define CHUNK_ROOM (CHUNK_SIZE - sizeof (ChanOutputChunk))
#define SMALL_ROOM 256u
#define FIRST_ROOM (4096u - sizeof (ChanOutputChunk))

/* --- chunks ------------------------------------------------------------- */

/* A few chunks for all connections of the process: each wants one while it
 * writes, an idle one has none, and fresh memory is slow to touch. When these are
 * out, a connection begins with a small one: many may have a few bytes waiting. */
static gpointer pool[4];
static gint n_made;

/* NULL: all are out. */
static ChanOutputChunk *
chunk_take (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (pool); i++)
    {
      ChanOutputChunk *chunk = g_atomic_pointer_get (&pool[i]);

      if (chunk != NULL && g_atomic_pointer_compare_and_exchange (&pool[i], chunk, NULL))
        return chunk;
    }
  if (g_atomic_int_get (&n_made) >= (gint) G_N_ELEMENTS (pool) || g_atomic_int_add (&n_made, 1) >= (gint) G_N_ELEMENTS (pool))
    return NULL;
  return g_malloc (CHUNK_SIZE);
}

static ChanOutputChunk *
chunk_new (gsize *room, gboolean pooled, gboolean first)
{
  ChanOutputChunk *chunk = pooled ? chunk_take () : NULL;

  if (chunk == NULL && pooled && first)
    {
      *room = MAX (*room, FIRST_ROOM);
      pooled = FALSE;
    }
  else if (pooled)
    *room = CHUNK_ROOM;
  if (chunk == NULL)
    chunk = g_malloc (sizeof (ChanOutputChunk) + *room);
  chunk->refs = 1;
  chunk->pooled = pooled;
  return chunk;
}

static void
chunk_unref (ChanOutputChunk *chunk)
{
  if (--chunk->refs > 0)
    return;
  for (guint i = 0; chunk->pooled && i < G_N_ELEMENTS (pool); i++)
    {
      if (g_atomic_pointer_compare_and_exchange (&pool[i], NULL, chunk))
        return;
    }
  g_free (chunk);
}

/* --- pieces ------------------------------------------------------------- */

static void
piece_clear (ChanOutputPiece *piece)
{
  g_clear_pointer (&piece->owner, g_bytes_unref);
  g_clear_pointer (&piece->chunk, chunk_unref);
}

static void
become_empty (ChanOutputQueue *self)
{
  g_clear_pointer (&self->chunk, chunk_unref);
  self->spot = self->end = NULL;
  if (self->pieces != self->inline_pieces)
    g_free (self->pieces);
  self->pieces = self->inline_pieces;
  self->capacity = CHAN_OUTPUT_QUEUE_INLINE;
  self->first = self->n = 0;
  self->bytes = 0;
}

void
chan_output_queue_init (ChanOutputQueue *self, gboolean small)
{
  *self = (ChanOutputQueue) { .small = small };
  self->pieces = self->inline_pieces;
  become_empty (self);
}

void
chan_output_queue_clear (ChanOutputQueue *self)
{
  for (guint i = 0; i < self->n; i++)
    piece_clear (&self->pieces[self->first + i]);
  become_empty (self);
}

static void
make_room (ChanOutputQueue *self)
{
  ChanOutputPiece *pieces = self->pieces + self->first;

  if (self->first >= self->capacity / 2)
    memmove (self->pieces, pieces, self->n * sizeof *pieces);
  else
    {
      self->capacity *= 2;
      pieces = g_new (ChanOutputPiece, self->capacity);
      memcpy (pieces, self->pieces + self->first, self->n * sizeof *pieces);
      if (self->pieces != self->inline_pieces)
        g_free (self->pieces);
      self->pieces = pieces;
    }
  self->first = 0;
}

static ChanOutputPiece *
piece_append (ChanOutputQueue *self, const guint8 *data, gsize len)
{
  ChanOutputPiece *piece;

  if (self->first + self->n == self->capacity)
    make_room (self);
  piece = &self->pieces[self->first + self->n++];
  *piece = (ChanOutputPiece) { .data = data, .len = len };
  return piece;
}

/* --- appending ---------------------------------------------------------- */

static void
start_chunk (ChanOutputQueue *self, gsize wanted)
{
  gsize room = MIN (wanted, CHUNK_ROOM);

  if (self->small)
    room = CLAMP (MAX (wanted, self->bytes), SMALL_ROOM, CHUNK_ROOM);
  g_clear_pointer (&self->chunk, chunk_unref);
  self->chunk = chunk_new (&room, !self->small, self->bytes == 0);
  self->spot = self->chunk->data;
  self->end = self->spot + room;
}

/* The next `len` bytes of the chunk belong to the last piece. */
static guint8 *
extend (ChanOutputQueue *self, gsize len)
{
  ChanOutputPiece *last = self->n > 0 ? &self->pieces[self->first + self->n - 1] : NULL;
  guint8 *at = self->spot;

  if (last != NULL && last->chunk == self->chunk && last->data + last->len == at)
    last->len += len;
  else
    {
      piece_append (self, at, len)->chunk = self->chunk;
      self->chunk->refs++;
    }
  self->spot += len;
  self->bytes += len;
  return at;
}

guint8 *
chan_output_queue_reserve (ChanOutputQueue *self, gsize len)
{
  if ((gsize) (self->end - self->spot) < len)
    start_chunk (self, len);
  return extend (self, len);
}

void
chan_output_queue_append (ChanOutputQueue *self, const guint8 *data, gsize len)
{
  while (len > 0)
    {
      gsize part;

      if (self->spot == self->end)
        start_chunk (self, len);
      part = MIN (len, (gsize) (self->end - self->spot));
      memcpy (extend (self, part), data, part);
      data += part;
      len -= part;
    }
}

void
chan_output_queue_append_owned (ChanOutputQueue *self, const guint8 *data, gsize len, GBytes *owner)
{
  ChanOutputPiece *last = self->n > 0 ? &self->pieces[self->first + self->n - 1] : NULL;

  if (len == 0)
    return;
  self->bytes += len;
  if (last != NULL && last->owner == owner && last->data + last->len == data)
    last->len += len;
  else
    piece_append (self, data, len)->owner = g_bytes_ref (owner);
}

void
chan_output_queue_prepend (ChanOutputQueue *self, GBytes *bytes)
{
  ChanOutputPiece piece = { .owner = g_bytes_ref (bytes) };
  ChanOutputPiece *first;

  piece.data = g_bytes_get_data (bytes, &piece.len);
  piece_append (self, NULL, 0);
  first = &self->pieces[self->first];
  memmove (first + 1, first, (self->n - 1) * sizeof *first);
  *first = piece;
  self->bytes += piece.len;
}

/* --- taking ------------------------------------------------------------- */

gsize
chan_output_queue_peek (const ChanOutputQueue *self, ChanSpdySegment *segments, gsize n)
{
  n = MIN (n, self->n);
  for (gsize i = 0; i < n; i++)
    {
      const ChanOutputPiece *piece = &self->pieces[self->first + i];

      segments[i] = (ChanSpdySegment) { piece->data, piece->len, piece->owner };
    }
  return n;
}

void
chan_output_queue_consume (ChanOutputQueue *self, gsize bytes)
{
  bytes = MIN (bytes, self->bytes);
  self->bytes -= bytes;
  while (bytes > 0)
    {
      ChanOutputPiece *piece = &self->pieces[self->first];

      if (bytes < piece->len)
        {
          piece->data += bytes;
          piece->len -= bytes;
          return;
        }
      bytes -= piece->len;
      piece_clear (piece);
      self->first++;
      self->n--;
    }
  if (self->n == 0)
    become_empty (self);
}
