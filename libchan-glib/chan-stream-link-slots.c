/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-message-private.h"

/* What the core asks of the link. All under the session's lock. */

static LinkStream *
lookup (ChanStreamLink *self, guint64 id)
{
  return chan_link_get_stream_data (CHAN_LINK (self), id);
}

/* --- down --- */

gboolean
chan_stream_link_open (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *parent = info->parent != 0 ? lookup (self, info->parent) : NULL;
  ChanSpdyOpen open = { .name = info->name, .type = info->type, .capacity = -1 };
  LinkStream *stream = chan_link_stream_new (self, 0);
  guint64 ref;

  if (info->kind == CHAN_STREAM_SENDER || info->kind == CHAN_STREAM_RECEIVER)
    open.capacity = info->capacity;
  else
    {
      stream->bytes = 1;
      open.byte_stream = TRUE;
    }
  stream->capacity = (gint32) open.capacity;
  stream->carries = info->kind == CHAN_STREAM_SENDER;
  if (parent != NULL)
    {
      open.has_parent = TRUE;
      open.parent_id = parent->sid;
      stream->parent_ref = open.parent_ref = chan_spdy_conn_get_ref (self->conn, parent->sid);
    }
  if (!chan_spdy_conn_open (self->conn, &open, stream, &stream->sid, &ref))
    {
      chan_link_stream_free (self, stream);
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                           self->goaway_seen ? "The peer is going away and takes no new channels"
                                             : "This session has used up its channel numbers: open a new one");
      return FALSE;
    }
  stream->id = id;
  stream->bound = TRUE;
  stream->head.over = chan_spdy_conn_is_pushed (self->conn, stream->sid) ? 0 : 1;
  chan_link_set_stream_data (link, id, stream);
  /* A server that speaks first does not wait for ever to know to whom. */
  if (self->state == LINK_SETTLING && self->settle_deadline == 0)
    self->settle_deadline = g_get_monotonic_time () + (gint64) self->settle_ms * 1000;
  return TRUE;
}

/* What the message names waits with it: bytes for a stream of which a Go peer's
 * application does not know yet would block the worker that answers others. */
static void
hold (ChanStreamLink *self, LinkStream *stream, const ChanHandleRef *refs, gsize n_refs)
{
  if (n_refs > 0)
    chan_spdy_conn_hold (self->conn, stream->sid);
  for (gsize i = 0; i < n_refs; i++)
    if (refs[i].kind != CHAN_STREAM_FD)
      chan_spdy_conn_hold (self->conn, lookup (self, refs[i].stream)->sid);
}

/* How the message names its handles. */
static gboolean
name_handles (ChanStreamLink *self, const ChanHandleRef *refs, gsize n_refs, ChanWireHandle *handles, GError **error)
{
  guint n_fds = 0;

  for (gsize i = 0; i < n_refs; i++)
    {
      handles[i].kind = (ChanWireKind) refs[i].kind;
      if (refs[i].kind == CHAN_STREAM_FD)
        handles[i].ref = self->n_fds_out + n_fds++;
      else
        handles[i].ref = chan_spdy_conn_get_ref (self->conn, lookup (self, refs[i].stream)->sid);
    }
  if (n_fds <= self->limits.message_fds)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
               "A message carries at most %u file descriptors, not %u", self->limits.message_fds, n_fds);
  return FALSE;
}

gboolean
chan_stream_link_send (ChanLink *link, guint64 id, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs,
                  gsize *cost, GError **error)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *stream = lookup (self, id);
  ChanWireHandle handles[256];

  g_assert (n_refs <= G_N_ELEMENTS (handles));
  if (!name_handles (self, refs, n_refs, handles, error))
    return FALSE;
  if (!chan_codec_encode (self->dialect, chan_message_peek_body (message), handles, n_refs, &self->limits, &self->encoded, error))
    return FALSE;
  if (self->encoded.n_bytes > chan_spdy_conn_message_max (self->conn, stream->sid))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE, "This peer takes messages of at most %" G_GSIZE_FORMAT " bytes",
                   chan_spdy_conn_message_max (self->conn, stream->sid));
      return FALSE;
    }
  *cost = self->encoded.n_bytes;
  hold (self, stream, refs, n_refs);
  chan_stream_link_queue_fds (self, stream, refs, n_refs);
  chan_spdy_conn_send_message (self->conn, stream->sid, self->encoded.segments, self->encoded.n_segments);
  return TRUE;
}

gboolean
chan_stream_link_write (ChanLink *link, guint64 id, GBytes *bytes, GError **error)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  ChanSpdySegment segment = { .owner = bytes };

  segment.data = g_bytes_get_data (bytes, &segment.len);
  chan_spdy_conn_send_data (self->conn, lookup (self, id)->sid, &segment, 1);
  return TRUE;
}

void
chan_stream_link_grant (ChanLink *link, guint64 id, gsize bytes, guint messages)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *stream = lookup (self, id);

  if (stream == NULL)
    return;
  if (bytes > 0)
    {
      chan_spdy_conn_consumed (self->conn, stream->sid, bytes);
      chan_stream_link_took (self, stream, bytes);
    }
  if (messages == 0)
    return;
  chan_stream_link_messages_taken (self, messages - stream->n_taken);
  stream->n_taken = messages;
  chan_stream_link_large_taken (self, stream);
  if (self->state == LINK_RUNNING)
    chan_stream_link_go_on (self, stream);
  chan_spdy_conn_taken (self->conn, stream->sid, messages);
  if (messages - stream->n_told >= (guint32) MAX (stream->capacity / 2, 1))
    {
      stream->n_told = messages;
      self->urgent = TRUE;
    }
}

void
chan_stream_link_finish (ChanLink *link, guint64 id)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  chan_spdy_conn_finish (self->conn, lookup (self, id)->sid);
}

/* reliability: what each code is on the wire (docs/wire.md, "Errors") */
static ChanSpdyStatus
status_of (ChanChannelError code)
{
  switch (code)
    {
    case CHAN_CHANNEL_ERROR_PROTOCOL:
      return CHAN_SPDY_PROTOCOL_ERROR;
    case CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE:
      return CHAN_SPDY_INVALID_STREAM;
    case CHAN_CHANNEL_ERROR_LIMIT:
      return CHAN_SPDY_REFUSED_STREAM;
    case CHAN_CHANNEL_ERROR_NO_MEMORY:
      return CHAN_SPDY_INTERNAL_ERROR;
    case CHAN_CHANNEL_ERROR_TOO_LARGE:
    case CHAN_CHANNEL_ERROR_TOO_COMPLEX:
      return CHAN_SPDY_FRAME_TOO_LARGE;
    default:
      return CHAN_SPDY_CANCEL;
    }
}

void
chan_stream_link_reset (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  chan_spdy_conn_reset (self->conn, lookup (self, id)->sid, status_of (code), code, text);
}

void
chan_stream_link_reset_behind (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  chan_spdy_conn_reset_behind (self->conn, lookup (self, id)->sid, status_of (code), code, text);
}

void
chan_stream_link_stop (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  chan_spdy_conn_stop (self->conn, lookup (self, id)->sid, code, text);
}

void
chan_stream_link_forget (ChanLink *link, guint64 id)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *stream = lookup (self, id);

  if (stream == NULL)
    return;
  chan_stream_link_cancel_children (self, stream);
  chan_stream_link_uncount (self, stream);
  chan_stream_link_forget_fds (self, stream->sid);
  chan_link_set_stream_data (link, id, NULL);
  chan_spdy_conn_set_stream_data (self->conn, stream->sid, NULL);
  chan_spdy_conn_forget (self->conn, stream->sid);
  chan_link_stream_free (self, stream);
}

gboolean
chan_stream_link_has_room (ChanLink *link, guint64 id)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *stream = lookup (self, id);

  return stream != NULL && self->state == LINK_RUNNING && chan_spdy_conn_has_room (self->conn, stream->sid);
}

gboolean
chan_stream_link_ping (ChanLink *link)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  self->ping_wanted = TRUE;
  if (self->state == LINK_RUNNING && self->ping_id == 0)
    chan_spdy_conn_ping (self->conn, &self->ping_id);
  return TRUE;
}
