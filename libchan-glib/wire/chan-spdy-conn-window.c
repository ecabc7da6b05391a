/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Credit: who may send how much. See docs/wire.md, "Credit". */
#include "chan-spdy-conn-private.h"

/* Both count from the first byte, so only where they began is different. */
static void
set_session_31 (ChanSpdyConn *self, gboolean session_31)
{
  guint64 begin = session_31 ? CHAN_SPDY_SESSION_WINDOW_31 : CHAN_SPDY_SESSION_WINDOW_GLIB;
  guint64 before = self->session_31 ? CHAN_SPDY_SESSION_WINDOW_31 : CHAN_SPDY_SESSION_WINDOW_GLIB;

  self->session_31 = session_31;
  self->session_send.limit += begin - before;
  self->session_receive.limit += begin - before;
}

static void
reconsider_session (ChanSpdyConn *self, gboolean now)
{
  if ((self->dialect == CHAN_SPDY_DIALECT_GLIB || self->session_31)
      && chan_flow_receive_due (&self->session_receive, now) > 0)
    self->session_due = TRUE;
}

void
chan_spdy_conn_update_modes (ChanSpdyConn *self)
{
  gboolean glib = self->dialect == CHAN_SPDY_DIALECT_GLIB;
  gboolean unknown = self->dialect == CHAN_SPDY_DIALECT_UNKNOWN;

  if (glib && self->session_31)
    set_session_31 (self, FALSE);
  /* A Go peer never grants anything: obeying its windows would be waiting for
   * ever. Before we know the peer, no more is sent than any peer may expect. */
  self->stream_limited = glib || unknown || self->credit || chan_spdy_conn_may_be_jschan (self);
  self->session_limited = glib || unknown || self->session_31;
  self->grants = glib || self->credit;
  self->obeys |= glib;
  reconsider_session (self, TRUE);
  chan_spdy_conn_foreach (self, chan_spdy_conn_update_wait);
  chan_spdy_conn_pump (self);
}

void
chan_spdy_conn_init_windows (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  stream->send.limit = self->peer_window;
  chan_flow_receive_init (&stream->receive, self->limits.stream_window, self->limits.stream_window);
}

/* --- receiving ---------------------------------------------------------- */

gboolean
chan_spdy_conn_session_take (ChanSpdyConn *self, guint32 length)
{
  gboolean fits = self->dialect != CHAN_SPDY_DIALECT_GLIB
                  || length <= chan_flow_receive_available (&self->session_receive);

  self->session_receive.received += length;
  return fits;
}

gboolean
chan_spdy_conn_stream_take (ChanSpdyConn *self, ChanSpdyStream *stream, guint32 length)
{
  guint64 available = chan_flow_receive_available (&stream->receive);

  /* Others may have sent before they read our SETTINGS. */
  if (self->dialect != CHAN_SPDY_DIALECT_GLIB && self->limits.stream_window < CHAN_SPDY_STREAM_WINDOW_DEFAULT)
    available += CHAN_SPDY_STREAM_WINDOW_DEFAULT - self->limits.stream_window;
  if (self->obeys && length > available)
    return FALSE;
  stream->receive.received += length;
  return TRUE;
}

void
chan_spdy_conn_keep (ChanSpdyConn *self, guint32 stream_id, gsize bytes)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  if (stream != NULL)
    chan_flow_receive_consume (&stream->receive, bytes);
}

void
chan_spdy_conn_discard (ChanSpdyConn *self, gsize bytes)
{
  chan_flow_receive_consume (&self->session_receive, bytes);
  reconsider_session (self, FALSE);
}

static void
consume (ChanSpdyConn *self, ChanSpdyStream *stream, gsize bytes, gboolean now)
{
  bytes = chan_flow_receive_consume (&stream->receive, bytes);
  if (bytes == 0)
    return;
  chan_flow_receive_consume (&self->session_receive, bytes);
  if (!self->grants)
    return;
  /* While the session's budget is tight, nobody's window grows. */
  if (chan_flow_receive_backlog (&self->session_receive) <= self->session_receive.window / 2)
    chan_flow_receive_grow (&stream->receive, self->limits.stream_window_max);
  if (chan_flow_receive_due (&stream->receive, now) > 0 && stream->state < CHAN_SPDY_STREAM_HALF_REMOTE)
    chan_spdy_conn_set_window_due (self, stream);
  reconsider_session (self, now);
}

void
chan_spdy_conn_discard_unread (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  consume (self, stream, (gsize) chan_flow_receive_backlog (&stream->receive), FALSE);
}

void
chan_spdy_conn_consumed (ChanSpdyConn *self, guint32 stream_id, gsize bytes)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream == NULL)
    return;
  stream->used = TRUE;
  consume (self, stream, bytes, FALSE);
}

void
chan_spdy_conn_grant_now (ChanSpdyConn *self, guint32 stream_id, gsize bytes)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup_live (self, stream_id);

  if (stream != NULL)
    consume (self, stream, bytes, TRUE);
}

guint32
chan_spdy_conn_receive_window (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  if (!self->obeys)
    return G_MAXUINT32;
  return stream != NULL ? (guint32) MIN (chan_flow_receive_available (&stream->receive), CHAN_FLOW_WINDOW_MAX) : 0;
}

guint32
chan_spdy_conn_session_receive_window (ChanSpdyConn *self)
{
  if (self->dialect != CHAN_SPDY_DIALECT_GLIB && !self->session_31)
    return G_MAXUINT32;
  return (guint32) MIN (chan_flow_receive_available (&self->session_receive), CHAN_FLOW_WINDOW_MAX);
}

guint32
chan_spdy_conn_open_session_window (ChanSpdyConn *self)
{
  reconsider_session (self, TRUE);
  return self->session_due ? chan_flow_receive_due (&self->session_receive, TRUE) : 0;
}

gboolean
chan_spdy_conn_obeys_windows (ChanSpdyConn *self)
{
  return self->obeys;
}

/* --- sending ------------------------------------------------------------ */

static void
begin_credit (ChanSpdyConn *self)
{
  if (self->credit)
    return;
  self->credit = TRUE;
  chan_spdy_conn_update_modes (self);
}

static void
raise_session (ChanSpdyConn *self, guint32 delta)
{
  if (!self->session_31 && self->dialect != CHAN_SPDY_DIALECT_GLIB)
    {
      set_session_31 (self, TRUE);
      chan_spdy_conn_update_modes (self);
    }
  if (!chan_flow_send_raise (&self->session_send, delta))
    chan_spdy_conn_fail (self, "the session's window is larger than 2^31-1");
  else
    chan_spdy_conn_pump (self);
}

gboolean
chan_spdy_conn_raise_window (ChanSpdyConn *self, guint32 stream_id, guint32 delta, ChanSpdyEvent *event)
{
  ChanSpdyStream *stream = stream_id != 0 ? chan_spdy_conn_lookup (self, stream_id) : NULL;

  begin_credit (self);
  if (delta == 0)
    return chan_spdy_conn_glitch (self) && FALSE;
  if (stream_id == 0)
    {
      raise_session (self, delta);
      return FALSE;
    }
  if (stream == NULL)
    return !chan_spdy_conn_knows_id (self, stream_id) && chan_spdy_conn_glitch (self) && FALSE;
  if (chan_spdy_stream_is_over (stream))
    return FALSE;
  if (!chan_flow_send_raise (&stream->send, delta))
    return chan_spdy_conn_reset_bad (self, stream, CHAN_SPDY_FLOW_CONTROL_ERROR, event);
  chan_spdy_conn_update_wait (self, stream);
  chan_spdy_conn_pump (self);
  return FALSE;
}

void
chan_spdy_conn_set_peer_window (ChanSpdyConn *self, guint32 window)
{
  GHashTableIter iter;
  gpointer value;

  /* jschan sends SETTINGS first and then keeps to our windows. */
  if (self->session_receive.received == 0)
    self->obeys = TRUE;
  begin_credit (self);
  if (window > CHAN_FLOW_WINDOW_MAX)
    {
      chan_spdy_conn_fail (self, "an initial window larger than 2^31-1");
      return;
    }
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      ChanSpdyStream *stream = value;

      if (!chan_flow_send_shift (&stream->send, self->peer_window, window))
        {
          chan_spdy_conn_fail (self, "a stream's window is larger than 2^31-1");
          return;
        }
    }
  self->peer_window = window;
  chan_spdy_conn_foreach (self, chan_spdy_conn_update_wait);
  chan_spdy_conn_pump (self);
}
