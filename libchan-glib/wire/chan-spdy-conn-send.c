/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DATA on its way out: windows, high water, and who is first. */
#include "chan-spdy-conn-private.h"

/* Smaller parts of referenced bytes are copied: an iovec costs more. */
#define REFERENCE_MIN 4096u
#define REFERENCE_SEGMENT_MIN 16384u

/* What the stream's window allows. */
static guint64
stream_allowance (const ChanSpdyConn *self, const ChanSpdyStream *stream)
{
  return self->stream_limited ? chan_flow_send_available (&stream->send) : G_MAXUINT64;
}

static guint64
session_allowance (const ChanSpdyConn *self)
{
  return self->session_limited ? chan_flow_send_available (&self->session_send) : G_MAXUINT64;
}

/* GEN1: may a message of so many bytes go? It is one frame, whatever the window.
 * A window that is whole gets no larger: what was accepted before the peer made
 * it smaller goes then. */
static gboolean
message_fits (guint64 len, guint64 allowance, guint64 whole)
{
  return len <= allowance || (allowance > 0 && allowance >= whole);
}

/* What is next on the stream is within its window. */
static gboolean
next_fits_stream (const ChanSpdyConn *self, const ChanSpdyStream *stream)
{
  guint64 allowance = stream_allowance (self, stream);

  if (stream->pending == NULL || stream->pending->lengths.length == 0)
    return allowance > 0;
  return message_fits (GPOINTER_TO_SIZE (stream->pending->lengths.head->data), allowance, self->peer_window);
}

static gboolean
next_fits_session (const ChanSpdyConn *self, const ChanSpdyStream *stream)
{
  guint64 allowance = session_allowance (self);

  if (stream->pending->lengths.length == 0)
    return allowance > 0;
  return message_fits (GPOINTER_TO_SIZE (stream->pending->lengths.head->data), allowance, CHAN_SPDY_SESSION_WINDOW_31);
}

static gboolean
output_is_open (const ChanSpdyConn *self)
{
  return self->output.bytes < self->limits.output_high_water;
}

/* --- waiting ------------------------------------------------------------ */

/* By turn: a message that is partly sent comes before those that are not, or
 * the session's window could be spent on halves of messages only. */
static void
insert_ready (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  GList *before = self->ready.tail;

  if (before == NULL || (gint32) (stream->turn - ((ChanSpdyStream *) before->data)->turn) > 0)
    {
      g_queue_push_tail_link (&self->ready, &stream->send_link);
      return;
    }
  before = self->ready.head;
  while ((gint32) (stream->turn - ((ChanSpdyStream *) before->data)->turn) > 0)
    before = before->next;
  g_queue_insert_before_link (&self->ready, before, &stream->send_link);
}

static ChanSpdyWait
wanted_wait (const ChanSpdyConn *self, const ChanSpdyStream *stream)
{
  if (stream->held || !chan_spdy_stream_may_send (stream) || !next_fits_stream (self, stream))
    return CHAN_SPDY_WAIT_NONE;
  if (stream->pending != NULL)
    return CHAN_SPDY_WAIT_READY;
  return stream->wants_room ? CHAN_SPDY_WAIT_ROOM : CHAN_SPDY_WAIT_NONE;
}

void
chan_spdy_conn_update_wait (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  ChanSpdyWait wait = wanted_wait (self, stream);

  if (stream->wait == wait)
    return;
  if (stream->wait != CHAN_SPDY_WAIT_NONE)
    g_queue_unlink (stream->wait == CHAN_SPDY_WAIT_READY ? &self->ready : &self->room, &stream->send_link);
  stream->wait = (guint8) wait;
  if (wait == CHAN_SPDY_WAIT_READY)
    insert_ready (self, stream);
  else if (wait == CHAN_SPDY_WAIT_ROOM)
    g_queue_push_tail_link (&self->room, &stream->send_link);
}

/* --- held until streams are answered ------------------------------------ */

void
chan_spdy_conn_hold (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || stream->held || self->dialect != CHAN_SPDY_DIALECT_GEN2 || self->n_unanswered <= CHAN_SPDY_UNANSWERED_MAX)
    return;
  stream->held = TRUE;
  self->n_held++;
  chan_spdy_conn_update_wait (self, stream);
}

static void
release (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (stream->held)
    self->n_held--;
  stream->held = FALSE;
  chan_spdy_conn_update_wait (self, stream);
}

void
chan_spdy_conn_release_held (ChanSpdyConn *self)
{
  if (self->n_held == 0 || self->n_unanswered > CHAN_SPDY_UNANSWERED_MAX)
    return;
  chan_spdy_conn_foreach (self, release);
  chan_spdy_conn_pump (self);
}

void
chan_spdy_conn_stop_sending (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  chan_spdy_stream_drop_pending (stream);
  stream->wants_room = FALSE;
  stream->finishing = FALSE;
  g_clear_pointer (&stream->abort, chan_spdy_abort_free);
  release (self, stream);
}

gboolean
chan_spdy_conn_has_room (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || stream->forgotten || !chan_spdy_stream_may_send (stream) || stream->finishing)
    return FALSE;
  if (stream->pending == NULL && self->ready.length == 0 && output_is_open (self)
      && stream_allowance (self, stream) > 0 && session_allowance (self) > 0)
    return TRUE;
  stream->wants_room = TRUE;
  chan_spdy_conn_update_wait (self, stream);
  return FALSE;
}

gboolean
chan_spdy_conn_next_room (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  ChanSpdyStream *stream;

  /* Half: not a wake-up for every few bytes that were written. */
  if (self->room.length == 0 || self->ready.length > 0 || self->output.bytes > self->limits.output_high_water / 2
      || session_allowance (self) == 0 || !output_is_open (self))
    return FALSE;
  stream = self->room.head->data;
  stream->wants_room = FALSE;
  chan_spdy_conn_update_wait (self, stream);
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_ROOM, stream);
  return TRUE;
}

/* --- frames ------------------------------------------------------------- */

typedef struct
{
  const ChanSpdySegment *segment;
  gsize offset;
} Cursor;

static void
write_payload (ChanOutputQueue *output, Cursor *cursor, gsize len)
{
  while (len > 0)
    {
      const ChanSpdySegment *segment = cursor->segment;
      gsize part = MIN (len, segment->len - cursor->offset);

      if (segment->owner != NULL && segment->len >= REFERENCE_SEGMENT_MIN && part >= REFERENCE_MIN)
        chan_output_queue_append_owned (output, segment->data + cursor->offset, part, segment->owner);
      else
        chan_output_queue_append (output, segment->data + cursor->offset, part);
      cursor->offset += part;
      len -= part;
      if (cursor->offset == segment->len)
        *cursor = (Cursor) { segment + 1, 0 };
    }
}

static void
write_frame (ChanSpdyConn *self, ChanSpdyStream *stream, Cursor *cursor, gsize len)
{
  chan_spdy_pack_data (chan_output_queue_reserve (&self->output, CHAN_SPDY_HEAD_SIZE), stream->id, 0, (guint32) len);
  write_payload (&self->output, cursor, len);
  stream->send.used += len;
  self->session_send.used += len;
}

static gsize
total_of (const ChanSpdySegment *segments, gsize n)
{
  gsize total = 0;

  for (gsize i = 0; i < n; i++)
    total += segments[i].len;
  return total;
}

/* --- pending bytes ------------------------------------------------------ */

static void
add_pending (ChanSpdyConn *self, ChanSpdyStream *stream, const ChanSpdySegment *segments, gsize n, gsize total, gboolean whole)
{
  ChanSpdyPending *pending;
  Cursor cursor = { segments, 0 };

  if (stream->pending == NULL)
    stream->turn = self->next_turn++;
  pending = chan_spdy_stream_need_pending (stream);
  write_payload (&pending->queue, &cursor, total);
  if (whole)
    g_queue_push_tail (&pending->lengths, GSIZE_TO_POINTER (total));
}

static void
write_fin (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  chan_spdy_conn_flush_taken (self, stream);
  stream->finishing = FALSE;
  stream->wants_room = FALSE;
  if (chan_spdy_conn_handle (self, stream, CHAN_SPDY_OWN_FIN) == CHAN_SPDY_VERDICT_OK)
    chan_spdy_pack_data (chan_output_queue_reserve (&self->output, CHAN_SPDY_HEAD_SIZE), stream->id,
                         CHAN_SPDY_FLAG_FIN, 0);
  chan_spdy_conn_update_wait (self, stream);
  chan_spdy_conn_maybe_remove (self, stream);
}

/* What was pending is out. */
static void
write_end (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  ChanSpdyAbort *abort = g_steal_pointer (&stream->abort);

  if (abort == NULL)
    {
      write_fin (self, stream);
      return;
    }
  chan_spdy_conn_reset (self, stream->id, (ChanSpdyStatus) abort->status, abort->code, abort->text);
  chan_spdy_abort_free (abort);
}

#define PUMP_SEGMENTS 8

/* Generation 1: one message is one frame, whatever its length. */
static void
pump_message (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  ChanSpdyPending *pending = stream->pending;
  gsize left = GPOINTER_TO_SIZE (g_queue_pop_head (&pending->lengths));

  chan_spdy_pack_data (chan_output_queue_reserve (&self->output, CHAN_SPDY_HEAD_SIZE), stream->id, 0, (guint32) left);
  stream->send.used += left;
  self->session_send.used += left;
  while (left > 0)
    {
      ChanSpdySegment segment;
      gsize part;

      chan_output_queue_peek (&pending->queue, &segment, 1);
      part = MIN (left, segment.len);
      write_payload (&self->output, &(Cursor) { &segment, 0 }, part);
      chan_output_queue_consume (&pending->queue, part);
      left -= part;
    }
}

static void
pump_frame (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  ChanSpdySegment segments[PUMP_SEGMENTS];
  gsize n = chan_output_queue_peek (&stream->pending->queue, segments, PUMP_SEGMENTS);
  guint64 len = MIN (total_of (segments, n), self->limits.data_frame_bytes);

  len = MIN (len, stream_allowance (self, stream));
  len = MIN (len, session_allowance (self));
  write_frame (self, stream, &(Cursor) { segments, 0 }, (gsize) len);
  chan_output_queue_consume (&stream->pending->queue, (gsize) len);
}

void
chan_spdy_conn_pump (ChanSpdyConn *self)
{
  if (chan_spdy_conn_is_over (self))
    return;
  while (self->ready.length > 0 && output_is_open (self) && next_fits_session (self, self->ready.head->data))
    {
      ChanSpdyStream *stream = self->ready.head->data;

      if (stream->pending->lengths.length > 0)
        pump_message (self, stream);
      else
        pump_frame (self, stream);
      if (stream->pending->queue.bytes == 0)
        chan_spdy_stream_drop_pending (stream);
      chan_spdy_conn_update_wait (self, stream);
      if (stream->pending == NULL && stream->finishing)
        write_end (self, stream);
    }
}

/* --- sending ------------------------------------------------------------ */

/* May these bytes go to the output at once? */
static gboolean
may_pass (const ChanSpdyConn *self, const ChanSpdyStream *stream, gsize total, gboolean whole)
{
  if (stream->held || stream->pending != NULL || self->ready.length > 0 || !output_is_open (self)
      || (total > self->limits.data_frame_bytes && !whole))
    return FALSE;
  return total <= stream_allowance (self, stream) && total <= session_allowance (self);
}

static void
send_segments (ChanSpdyConn *self, guint32 stream_id, const ChanSpdySegment *segments, gsize n_segments, gboolean whole)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);
  gsize total = total_of (segments, n_segments);

  if (stream == NULL || total == 0 || stream->finishing
      || chan_spdy_conn_handle (self, stream, CHAN_SPDY_OWN_DATA) != CHAN_SPDY_VERDICT_OK)
    return;
  if (may_pass (self, stream, total, whole))
    {
      write_frame (self, stream, &(Cursor) { segments, 0 }, total);
      return;
    }
  add_pending (self, stream, segments, n_segments, total, whole);
  chan_spdy_conn_update_wait (self, stream);
  chan_spdy_conn_pump (self);
}

void
chan_spdy_conn_send_data (ChanSpdyConn *self, guint32 stream_id, const ChanSpdySegment *segments, gsize n_segments)
{
  send_segments (self, stream_id, segments, n_segments, FALSE);
}

void
chan_spdy_conn_send_message (ChanSpdyConn *self, guint32 stream_id, const ChanSpdySegment *segments, gsize n_segments)
{
  send_segments (self, stream_id, segments, n_segments, self->dialect == CHAN_SPDY_DIALECT_GEN1);
}

gsize
chan_spdy_conn_message_max (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);
  guint64 window = self->peer_window;

  if (self->dialect != CHAN_SPDY_DIALECT_GEN1)
    return G_MAXSIZE;
  if (!chan_spdy_conn_may_be_jschan (self))
    return CHAN_SPDY_LENGTH_MAX;
  if (stream != NULL)
    window = MAX (window, chan_flow_send_available (&stream->send));
  return (gsize) MIN (window, CHAN_SPDY_JSCHAN_FRAME_MAX);
}

gsize
chan_spdy_conn_pending (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  return stream != NULL ? chan_spdy_stream_pending_bytes (stream) : 0;
}

gboolean
chan_spdy_conn_all_sent (ChanSpdyConn *self)
{
  GHashTableIter iter;
  gpointer stream;

  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    if (chan_spdy_stream_pending_bytes (stream) > 0)
      return FALSE;
  return TRUE;
}

void
chan_spdy_conn_finish (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || !chan_spdy_stream_may_send (stream))
    return;
  stream->finishing = TRUE;
  stream->wants_room = FALSE;
  if (stream->pending == NULL)
    write_fin (self, stream);
}

void
chan_spdy_conn_reset (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStatus status, guint32 code, const char *text)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || chan_spdy_conn_handle (self, stream, CHAN_SPDY_OWN_RESET) != CHAN_SPDY_VERDICT_OK)
    return;
  chan_spdy_conn_flush_taken (self, stream);
  chan_spdy_conn_drop_due (self, stream);
  chan_spdy_conn_stop_sending (self, stream);
  if (self->dialect == CHAN_SPDY_DIALECT_GLIB)
    chan_spdy_conn_write_reason (self, CHAN_SPDY_ABORT, stream->id, code, text);
  else
    /* A status of 0 would be deadly for a Go peer. */
    chan_spdy_conn_write_pair (self, CHAN_SPDY_RST_STREAM, stream->id, status != 0 ? status : CHAN_SPDY_CANCEL);
  chan_spdy_conn_maybe_remove (self, stream);
  chan_spdy_conn_release_held (self);
}

void
chan_spdy_conn_reset_behind (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStatus status, guint32 code, const char *text)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || stream->pending == NULL || stream->finishing)
    {
      chan_spdy_conn_reset (self, stream_id, status, code, text);
      return;
    }
  stream->finishing = TRUE;
  stream->wants_room = FALSE;
  stream->abort = g_new (ChanSpdyAbort, 1);
  *stream->abort = (ChanSpdyAbort){ status, code, g_strdup (text) };
}

void
chan_spdy_conn_stop (ChanSpdyConn *self, guint32 stream_id, guint32 code, const char *text)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || self->dialect != CHAN_SPDY_DIALECT_GLIB)
    return;
  chan_spdy_conn_write_reason (self, CHAN_SPDY_STOP, stream->id, code, text);
}
