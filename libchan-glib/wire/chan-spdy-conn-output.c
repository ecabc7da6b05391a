/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames to write, but for DATA. */
#include "chan-spdy-conn-private.h"

#include <string.h>

void
chan_spdy_conn_write_pair (ChanSpdyConn *self, guint16 type, guint32 first, guint32 second)
{
  chan_spdy_pack_pair (chan_output_queue_reserve (&self->output, CHAN_SPDY_PAIR_SIZE), type, first, second);
}

void
chan_spdy_conn_write_reply (ChanSpdyConn *self, guint32 stream_id, const char *status)
{
  const ChanSpdyHeader header = { ":status", status };
  gsize block = chan_spdy_headers_out_size (&self->headers_out, &header, 1);
  guint8 *at = chan_output_queue_reserve (&self->output, CHAN_SPDY_HEAD_SIZE + CHAN_SPDY_SYN_REPLY_FIXED + block);

  at = chan_spdy_pack_syn_reply (at, stream_id, (guint32) block);
  chan_spdy_headers_out_write (&self->headers_out, at, &header, 1);
}

void
chan_spdy_conn_write_ping (ChanSpdyConn *self, guint32 ping_id)
{
  chan_spdy_pack_ping (chan_output_queue_reserve (&self->output, CHAN_SPDY_PING_SIZE), ping_id);
}

void
chan_spdy_conn_write_reason (ChanSpdyConn *self, ChanSpdyType type, guint32 stream_id, guint32 code, const char *text)
{
  gsize len = 0;
  guint8 *at;

  if (text != NULL && g_utf8_validate (text, -1, NULL))
    {
      len = strlen (text);
      if (len > CHAN_SPDY_ABORT_TEXT_MAX)
        len = (gsize) (g_utf8_find_prev_char (text, text + CHAN_SPDY_ABORT_TEXT_MAX + 1) - text);
    }
  at = chan_output_queue_reserve (&self->output, CHAN_SPDY_HEAD_SIZE + 8 + len);
  at = chan_spdy_pack_control (at, type, 0, (guint32) (8 + len));
  at = chan_spdy_put_u32 (at, stream_id);
  at = chan_spdy_put_u32 (at, code);
  if (len > 0)
    memcpy (at, text, len);
}

#define NUMBER_SIZE 24

gboolean
chan_spdy_conn_write_open (ChanSpdyConn *self, guint32 stream_id, const ChanSpdyOpen *info, guint32 associated)
{
  gboolean gen1 = self->dialect == CHAN_SPDY_DIALECT_GEN1;
  char ref[NUMBER_SIZE], parent[NUMBER_SIZE], capacity[NUMBER_SIZE];
  ChanSpdyHeader headers[5];
  gsize n = 0, fixed = CHAN_SPDY_HEAD_SIZE + CHAN_SPDY_SYN_STREAM_FIXED, block;
  guint8 *at;

  g_snprintf (ref, sizeof ref, "%" G_GUINT64_FORMAT, info->ref);
  g_snprintf (parent, sizeof parent, "%" G_GUINT64_FORMAT, info->parent_ref);
  g_snprintf (capacity, sizeof capacity, "%" G_GINT64_FORMAT, info->capacity);
  headers[n++] = (ChanSpdyHeader) { "libchan-ref", ref };
  /* Generation 1 tells byte streams by the absence of a parent, and top-level
   * channels by a parent 0; generation 2 tells those by the absence. */
  if (gen1 ? !info->byte_stream : info->parent_ref != 0)
    headers[n++] = (ChanSpdyHeader) { "libchan-parent-ref", parent };
  if (info->name != NULL)
    headers[n++] = (ChanSpdyHeader) { "libchan-name", info->name };
  if (info->type != NULL)
    headers[n++] = (ChanSpdyHeader) { "libchan-type", info->type };
  if (info->capacity >= 0)
    headers[n++] = (ChanSpdyHeader) { "libchan-capacity", capacity };
  block = chan_spdy_headers_out_size (&self->headers_out, headers, n);
  if (fixed + block > MIN (self->limits.control_frame_bytes, CHAN_OUTPUT_QUEUE_RESERVE_MAX))
    return FALSE;
  for (gsize i = 0; i < n; i++)
    {
      if (strlen (headers[i].value) > self->limits.header_value_bytes)
        return FALSE;
    }
  at = chan_output_queue_reserve (&self->output, fixed + block);
  at = chan_spdy_pack_syn_stream (at, stream_id, associated, (guint32) block);
  chan_spdy_headers_out_write (&self->headers_out, at, headers, n);
  return TRUE;
}

void
chan_spdy_conn_await_settings (ChanSpdyConn *self)
{
  self->settings_awaited = !self->settings_sent && !chan_spdy_conn_is_over (self);
}

void
chan_spdy_conn_submit_settings (ChanSpdyConn *self, guint32 features)
{
  guint8 settings[CHAN_SPDY_SETTINGS_SIZE];
  gsize len;

  /* Once: each SETTINGS would be a shift of all windows for the peer. */
  if (self->settings_sent || chan_spdy_conn_is_over (self))
    return;
  self->settings_sent = TRUE;
  self->settings_awaited = FALSE;
  len = (gsize) (chan_spdy_pack_settings (settings, self->limits.stream_window, features, self->limits.session_fds) - settings);
  if (self->output.n == 0)
    chan_output_queue_append (&self->output, settings, len);
  else
    {
      g_autoptr (GBytes) bytes = g_bytes_new (settings, len);

      chan_output_queue_prepend (&self->output, bytes);
    }
}

void
chan_spdy_conn_ping (ChanSpdyConn *self, guint32 *ret_id)
{
  *ret_id = self->next_ping;
  if (chan_spdy_conn_is_over (self))
    return;
  chan_spdy_conn_write_ping (self, self->next_ping);
  /* 0 would be deadly for a Go peer. */
  self->next_ping = self->next_ping + 2 < 2 ? 2 - (self->next_ping & 1) : self->next_ping + 2;
}

void
chan_spdy_conn_goaway (ChanSpdyConn *self, guint32 status)
{
  if (self->goaway_sent || chan_spdy_conn_is_over (self))
    return;
  self->goaway_sent = TRUE;
  chan_spdy_conn_write_pair (self, CHAN_SPDY_GOAWAY, self->last_peer_id, status);
}

gboolean
chan_spdy_conn_count_reply (ChanSpdyConn *self)
{
  /* Two generations instead of a mark per reply: those before reply_mark in
   * the output, and those after it. Once output is written up to the mark, the
   * old ones are gone for certain. */
  if (self->output_consumed >= self->reply_mark)
    {
      self->replies_old = self->output.bytes > 0 ? self->replies_new : 0;
      self->replies_new = 0;
      self->reply_mark = self->output_consumed + self->output.bytes;
    }
  self->replies_new++;
  if (self->replies_old + self->replies_new <= self->limits.queued_replies)
    return TRUE;
  return chan_spdy_conn_fail (self, "too many replies that the peer does not read");
}

/* --- TAKEN and WINDOW_UPDATE -------------------------------------------- */

/* They are written as late as possible, so that one stands for many. */

static void
join_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  self->n_due++;
  if (stream->taken_due + stream->window_due == 1)
    g_queue_push_tail_link (&self->due, &stream->due_link);
}

static void
leave_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  self->n_due--;
  if (!stream->taken_due && !stream->window_due)
    g_queue_unlink (&self->due, &stream->due_link);
}

void
chan_spdy_conn_set_taken_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (stream->taken_due)
    return;
  stream->taken_due = TRUE;
  self->n_taken_due++;
  join_due (self, stream);
}

void
chan_spdy_conn_set_window_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (stream->window_due)
    return;
  stream->window_due = TRUE;
  join_due (self, stream);
}

void
chan_spdy_conn_flush_taken (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (!stream->taken_due)
    return;
  stream->taken_due = FALSE;
  self->n_taken_due--;
  leave_due (self, stream);
  if (!chan_spdy_conn_is_over (self))
    chan_spdy_conn_write_pair (self, CHAN_SPDY_TAKEN, stream->id, stream->taken);
}

void
chan_spdy_conn_drop_window_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (!stream->window_due)
    return;
  stream->window_due = FALSE;
  leave_due (self, stream);
}

void
chan_spdy_conn_drop_due (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  chan_spdy_conn_drop_window_due (self, stream);
  if (!stream->taken_due)
    return;
  stream->taken_due = FALSE;
  self->n_taken_due--;
  leave_due (self, stream);
}

static void
write_window (ChanSpdyConn *self, guint32 stream_id, ChanFlowReceive *flow)
{
  guint32 delta = chan_flow_receive_due (flow, TRUE);

  if (delta == 0)
    return;
  flow->limit += delta;
  chan_spdy_conn_write_pair (self, CHAN_SPDY_WINDOW_UPDATE, stream_id, delta);
}

static void
flush_due (ChanSpdyConn *self)
{
  if (chan_spdy_conn_is_over (self))
    return;
  if (self->session_due)
    {
      self->session_due = FALSE;
      write_window (self, 0, &self->session_receive);
    }
  while (self->due.length > 0)
    {
      ChanSpdyStream *stream = self->due.head->data;
      gboolean window = stream->window_due;

      chan_spdy_conn_drop_window_due (self, stream);
      if (window)
        write_window (self, stream->id, &stream->receive);
      chan_spdy_conn_flush_taken (self, stream);
    }
}

void
chan_spdy_conn_taken (ChanSpdyConn *self, guint32 stream_id, guint32 count)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL || self->dialect != CHAN_SPDY_DIALECT_GLIB || stream->state >= CHAN_SPDY_STREAM_RESET_SENT)
    return;
  stream->used = TRUE;
  stream->taken = count;
  chan_spdy_conn_set_taken_due (self, stream);
}

/* --- the way out -------------------------------------------------------- */

/* Of n pieces, those (and that part of one) before the next byte with which file descriptors go. */
static gsize
cut_at_mark (ChanSpdyConn *self, ChanSpdySegment *segments, gsize n)
{
  guint64 at = self->output_consumed;

  for (guint i = 0; i < self->fd_marks->len; i++)
    {
      guint64 offset = g_array_index (self->fd_marks, ChanSpdyFdMark, i).offset;

      if (offset == self->output_consumed)
        continue;
      for (gsize k = 0; k < n; k++)
        {
          if (at + segments[k].len >= offset)
            {
              segments[k].len = (gsize) (offset - at);
              return k + 1;
            }
          at += segments[k].len;
        }
      return n;
    }
  return n;
}

gsize
chan_spdy_conn_peek_output (ChanSpdyConn *self, ChanSpdySegment *segments, gsize n_segments)
{
  gsize n;

  if (self->settings_awaited)
    return 0;
  if (self->n_due > 0 || self->session_due)
    flush_due (self);
  n = chan_output_queue_peek (&self->output, segments, n_segments);
  return self->fd_marks != NULL ? cut_at_mark (self, segments, n) : n;
}

void
chan_spdy_conn_send_fds (ChanSpdyConn *self, guint32 stream_id, guint count)
{
  ChanSpdyFdMark mark = { self->output_consumed + self->output.bytes, count };

  if (chan_spdy_conn_is_over (self) || self->dialect != CHAN_SPDY_DIALECT_GLIB)
    return;
  if (self->fd_marks == NULL)
    self->fd_marks = g_array_new (FALSE, FALSE, sizeof (ChanSpdyFdMark));
  g_array_append_val (self->fd_marks, mark);
  chan_spdy_conn_write_pair (self, CHAN_SPDY_FDS, stream_id, count);
}

guint
chan_spdy_conn_output_fds (ChanSpdyConn *self)
{
  const ChanSpdyFdMark *first = self->fd_marks != NULL ? &g_array_index (self->fd_marks, ChanSpdyFdMark, 0) : NULL;

  return first != NULL && first->offset == self->output_consumed ? first->count : 0;
}

/* Marks before `end` went out. */
static void
drop_marks (ChanSpdyConn *self, guint64 end)
{
  guint n = 0;

  while (n < self->fd_marks->len && g_array_index (self->fd_marks, ChanSpdyFdMark, n).offset < end)
    n++;
  if (n == self->fd_marks->len)
    g_clear_pointer (&self->fd_marks, g_array_unref);
  else if (n > 0)
    g_array_remove_range (self->fd_marks, 0, n);
}

void
chan_spdy_conn_consume_output (ChanSpdyConn *self, gsize bytes)
{
  bytes = MIN (bytes, self->output.bytes);
  self->output_consumed += bytes;
  chan_output_queue_consume (&self->output, bytes);
  if (self->fd_marks != NULL)
    drop_marks (self, self->output_consumed);
  if (self->ready.length > 0)
    chan_spdy_conn_pump (self);
}

gsize
chan_spdy_conn_output_bytes (ChanSpdyConn *self)
{
  guint n_due = self->n_due + (self->session_due ? 1 : 0);

  if (self->settings_awaited)
    return 0;
  return self->output.bytes + (chan_spdy_conn_is_over (self) ? 0 : n_due * CHAN_SPDY_PAIR_SIZE);
}

gboolean
chan_spdy_conn_output_urgent (ChanSpdyConn *self)
{
  if (self->settings_awaited)
    return FALSE;
  return self->output.bytes > 0 || (!chan_spdy_conn_is_over (self) && (self->session_due || self->n_due > self->n_taken_due));
}
