/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-link-private.h"
#include "chan-session-core.h"

/* Events of the SPDY connection, and the timers. */

/* DATA may pause so many times as long as a control frame may take. */
#define DATA_PATIENCE 3
/* Seconds until a silent peer of another kind counts as dead. */
#define FOREIGN_SILENCE_SEC 300

void
chan_stream_link_settle (ChanStreamLink *self, ChanSpdyDialect dialect)
{
  if (self->state != LINK_SETTLING)
    return;
  self->dialect = dialect;
  self->state = self->close_wanted ? LINK_CLOSING : LINK_RUNNING;
  self->settle_deadline = 0;
  /* A client's SETTINGS say what it settled on, and so both ends settle on the same. */
  if (self->wanted == CHAN_SPDY_DIALECT_UNKNOWN)
    chan_spdy_conn_submit_settings (self->conn, dialect == CHAN_SPDY_DIALECT_GLIB ? self->features : 0);
  chan_spdy_conn_set_dialect (self->conn, dialect);
  if (dialect == CHAN_SPDY_DIALECT_GLIB)
    chan_link_set_flags (CHAN_LINK (self), CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS | CHAN_LINK_TAKEN |
                                           ((self->features & self->peer_features & CHAN_SPDY_FEATURE_FDS) != 0 ? CHAN_LINK_FDS : 0));
  if (self->ping_wanted && self->ping_id == 0)
    chan_spdy_conn_ping (self->conn, &self->ping_id);
  chan_link_ready (CHAN_LINK (self));
}

static void
on_settings (ChanStreamLink *self, const ChanSpdyEvent *event)
{
  if ((event->features & CHAN_SPDY_FEATURE_BASE) == 0)
    return;
  /* A peer of our own kind that was silent for longer than this end waited: it would take our messages for others. */
  if (self->state == LINK_RUNNING && self->dialect != CHAN_SPDY_DIALECT_GLIB && self->wanted == CHAN_SPDY_DIALECT_UNKNOWN)
    g_set_error (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL,
                 "The peer speaks the libchan-glib dialect but said so too late, after settle-ms=%u; raise that, or set dialect=glib",
                 self->settle_ms);
  if (self->state != LINK_SETTLING)
    return;
  self->peer_features = event->features;
  if (event->session_fds > 0)
    chan_link_set_fd_credit (CHAN_LINK (self), event->session_fds);
  chan_stream_link_settle (self, CHAN_SPDY_DIALECT_GLIB);
}

static void
refuse (ChanStreamLink *self, LinkStream *stream, ChanSpdyStatus status, ChanChannelError code)
{
  chan_spdy_conn_set_stream_data (self->conn, stream->sid, NULL);
  chan_spdy_conn_reset (self->conn, stream->sid, status, code, NULL);
  chan_spdy_conn_forget (self->conn, stream->sid);
  chan_link_stream_free (self, stream);
}

/* A message that names a stream comes over its parent. If that is over here the
 * message will never be read, though our peer could not know when it opened the
 * stream. Refs of the two sides may be the same number: either will do. Our own
 * follow the stream ids (chan_spdy_conn_open). */
static gboolean
parent_is_over (ChanStreamLink *self, guint64 ref)
{
  guint64 own = (ref - 2) * 2 + (self->role == CHAN_SESSION_CLIENT ? 1 : 2);
  LinkStream *stream = NULL;
  guint32 sid;

  if (self->dialect != CHAN_SPDY_DIALECT_GLIB)
    return FALSE;
  if (chan_spdy_conn_lookup_ref (self->conn, ref, &sid) != CHAN_SPDY_CLAIM_UNKNOWN)
    stream = chan_spdy_conn_get_stream_data (self->conn, sid);
  if (stream != NULL && stream->carries)
    return FALSE;
  stream = own <= G_MAXINT32 ? chan_spdy_conn_get_stream_data (self->conn, (guint32) own) : NULL;
  return stream == NULL || !stream->carries;
}

static void
on_open (ChanStreamLink *self, const ChanSpdyEvent *event)
{
  ChanOpenInfo info = { .kind = CHAN_STREAM_RECEIVER, .name = event->open.name, .type = event->open.type };
  LinkStream *stream;

  /* Our own kind says who it is before anything else (docs/wire.md, "Which dialect"). */
  if (self->state == LINK_SETTLING)
    chan_stream_link_settle (self, event->open.has_parent && event->open.parent_ref == 0 ? CHAN_SPDY_DIALECT_GEN1
                                                                                         : CHAN_SPDY_DIALECT_GEN2);
  stream = chan_link_stream_new (self, event->stream_id);
  stream->capacity = (gint32) CLAMP (event->open.capacity, -1, G_MAXINT32);
  stream->parent_ref = event->open.parent_ref;
  stream->head.over = TRUE;
  chan_spdy_conn_set_stream_data (self->conn, event->stream_id, stream);
  /* In generation 1 a byte stream has no parent, and is nobody's to accept all the same. */
  info.parent = event->open.nested ? MAX (event->open.parent_ref, 1) : 0;
  info.capacity = stream->capacity > 0 ? (guint) stream->capacity : 0;
  if (info.parent != 0 && self->unbound->len >= self->limits.unclaimed_streams)
    {
      refuse (self, stream, CHAN_SPDY_REFUSED_STREAM, CHAN_CHANNEL_ERROR_LIMIT);
      return;
    }
  if (info.parent != 0 && parent_is_over (self, info.parent))
    {
      refuse (self, stream, CHAN_SPDY_CANCEL, CHAN_CHANNEL_ERROR_CLOSED);
      return;
    }
  stream->id = chan_link_deliver_open (CHAN_LINK (self), &info);
  if (stream->id == 0)
    {
      refuse (self, stream, CHAN_SPDY_REFUSED_STREAM, CHAN_CHANNEL_ERROR_LIMIT);
      return;
    }
  chan_link_set_stream_data (CHAN_LINK (self), stream->id, stream);
  if (info.parent == 0)
    {
      stream->bound = stream->carries = TRUE;
      return;
    }
  g_ptr_array_add (self->unbound, stream);
  chan_stream_link_opened (self);
}

/* RST_STREAM of others has no code of ours: the nearest (docs/wire.md, "Errors"). */
static ChanChannelError
code_of (const ChanSpdyEvent *event)
{
  if (event->has_code)
    return event->code <= CHAN_CHANNEL_ERROR_BAD_IDENTITY ? (ChanChannelError) event->code : CHAN_CHANNEL_ERROR_RESET;
  switch (event->status)
    {
    case CHAN_SPDY_PROTOCOL_ERROR:
    case CHAN_SPDY_FLOW_CONTROL_ERROR:
      return CHAN_CHANNEL_ERROR_PROTOCOL;
    case CHAN_SPDY_INVALID_STREAM:
      return CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE;
    case CHAN_SPDY_REFUSED_STREAM:
      return CHAN_CHANNEL_ERROR_LIMIT;
    case CHAN_SPDY_CANCEL:
    case CHAN_SPDY_STREAM_ALREADY_CLOSED:
      return CHAN_CHANNEL_ERROR_CLOSED;
    case CHAN_SPDY_FRAME_TOO_LARGE:
      return CHAN_CHANNEL_ERROR_TOO_LARGE;
    default:
      return CHAN_CHANNEL_ERROR_RESET;
    }
}

static void
on_reset (ChanStreamLink *self, LinkStream *stream, const ChanSpdyEvent *event)
{
  if (stream == NULL)
    {
      chan_spdy_conn_forget (self->conn, event->stream_id);
      return;
    }
  if (event->status == CHAN_SPDY_REFUSED_STREAM && !event->has_code && !stream->carries && !stream->bytes)
    chan_stream_link_refused (self, chan_spdy_conn_get_ref (self->conn, stream->sid), event->text);
  stream->reset_held = TRUE;
  stream->reset_code = code_of (event);
  g_free (stream->reset_text);
  stream->reset_text = g_strdup (event->text);
  if (stream->bound && stream->waiting == NULL)
    chan_stream_link_reset_up (self, stream);
}

static void
on_failed (ChanStreamLink *self, const ChanSpdyEvent *event)
{
  /* All was said and heard; what a peer does after that is its own affair. */
  if (self->state >= LINK_SHUTTING)
    chan_link_hang_up (CHAN_LINK (self));
  else if (self->failure == NULL)
    g_set_error (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer broke the protocol: %s", event->text);
}

static void
on_ping_reply (ChanStreamLink *self, guint32 id)
{
  if (id == self->last_ping_id)
    self->last_ping_answered = TRUE;
  if (id != self->ping_id)
    return;
  self->ping_id = 0;
  if (self->ping_wanted)
    chan_link_deliver_pong (CHAN_LINK (self));
  self->ping_wanted = FALSE;
}

static void
on_stream_event (ChanStreamLink *self, LinkStream *stream, const ChanSpdyEvent *event)
{
  switch (event->type)
    {
    case CHAN_SPDY_EVENT_FIN:
      chan_stream_link_fin (self, stream);
      break;
    case CHAN_SPDY_EVENT_ROOM:
      chan_link_deliver_room (CHAN_LINK (self), stream->id);
      break;
    case CHAN_SPDY_EVENT_TAKEN:
      chan_link_deliver_grant (CHAN_LINK (self), stream->id, 0, event->count);
      break;
    case CHAN_SPDY_EVENT_STOP:
      chan_link_deliver_stop (CHAN_LINK (self), stream->id, code_of (event), event->text);
      break;
    default:
      break;
    }
}

static void
on_event (ChanStreamLink *self, const ChanSpdyEvent *event)
{
  LinkStream *stream = event->stream_data;

  switch (event->type)
    {
    case CHAN_SPDY_EVENT_SETTINGS:
      on_settings (self, event);
      break;
    case CHAN_SPDY_EVENT_OPEN:
      on_open (self, event);
      break;
    case CHAN_SPDY_EVENT_DATA:
      if (stream != NULL)
        chan_stream_link_data (self, stream, event->data, event->len);
      break;
    case CHAN_SPDY_EVENT_FDS:
      chan_stream_link_fds_arrived (self, event->stream_id, stream, event->count);
      break;
    case CHAN_SPDY_EVENT_RESET:
      on_reset (self, stream, event);
      break;
    case CHAN_SPDY_EVENT_PING_REPLY:
      on_ping_reply (self, event->ping_id);
      break;
    case CHAN_SPDY_EVENT_GOAWAY:
      self->goaway_seen = TRUE;
      break;
    case CHAN_SPDY_EVENT_FAILED:
      on_failed (self, event);
      break;
    default:
      if (stream != NULL)
        on_stream_event (self, stream, event);
      break;
    }
}

/* Whoever lets a frame drip holds up a connection. A control frame has its time from its first byte on, DATA from its last. */
static void
watch_frame (ChanStreamLink *self)
{
  gboolean is_data;
  guint64 frame = chan_spdy_conn_get_frame (self->conn, &is_data);
  gboolean goes_on = frame == self->frame && self->frame_deadline != 0;

  if (frame == 0 || (self->state != LINK_RUNNING && self->state != LINK_SETTLING))
    self->frame_deadline = 0;
  else if (is_data && !(goes_on && self->frame_bytes == self->bytes_in))
    self->frame_deadline = self->now + (gint64) self->handshake_sec * DATA_PATIENCE * G_USEC_PER_SEC;
  else if (!is_data && !goes_on)
    self->frame_deadline = self->now + (gint64) self->handshake_sec * G_USEC_PER_SEC;
  self->frame = frame;
  self->frame_bytes = self->bytes_in;
}

void
chan_stream_link_process (ChanStreamLink *self)
{
  ChanSpdyEvent event;

  while (self->state != LINK_DEAD && self->failure == NULL && chan_spdy_conn_next_event (self->conn, &event))
    on_event (self, &event);
  chan_link_private (CHAN_LINK (self))->asks_at_end = chan_spdy_conn_is_jschan (self->conn);
  watch_frame (self);
}

/* --- timers --- */

/* Who holds connections open and uses none costs those who do. Without ids for channels one is of no use at all. */
static void
be_idle (ChanStreamLink *self)
{
  ChanSessionCore *session = chan_link_private (CHAN_LINK (self))->session;
  gboolean used_up = chan_spdy_conn_is_used_up (self->conn);

  if ((self->idle_sec == 0 && !used_up) || self->state > LINK_RUNNING || self->state < LINK_SETTLING || chan_spdy_conn_n_streams (self->conn) > 0)
    self->idle_deadline = 0;
  else if (self->idle_deadline == 0)
    self->idle_deadline = self->now + (used_up ? 0 : (gint64) self->idle_sec * G_USEC_PER_SEC);
  /* The end of the last channel may still be on its way. */
  else if (self->now >= self->idle_deadline)
    {
      chan_spdy_conn_goaway (self->conn, 0);
      chan_session_core_drain (session, session->reactor->later);
    }
}

static gboolean
passed (ChanStreamLink *self, gint64 deadline)
{
  return deadline > 0 && self->now >= deadline;
}

static void
time_out (ChanStreamLink *self, const char *text)
{
  g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TIMED_OUT, text);
}

/* A Go peer answers pings behind its applications' reads: silence of a PING is
 * no proof of death there (docs/wire.md, "Keepalive"). */
static void
keep_alive (ChanStreamLink *self)
{
  gint64 silence = self->now - self->heard;
  gint64 patience = (gint64) self->keepalive_sec * G_USEC_PER_SEC;
  gint64 limit = (gint64) self->keepalive_timeout_sec * G_USEC_PER_SEC;

  if (self->state != LINK_RUNNING || self->keepalive_sec == 0 || self->paused)
    {
      self->ping_deadline = 0;
      return;
    }
  /* It is asked first, however long the application lets it be silent. */
  if (self->dialect != CHAN_SPDY_DIALECT_GLIB)
    limit = MAX (limit, FOREIGN_SILENCE_SEC * G_USEC_PER_SEC - patience);
  if (silence >= patience + limit)
    {
      time_out (self, "The peer is silent");
      return;
    }
  if (silence >= patience && self->ping_id == 0)
    chan_spdy_conn_ping (self->conn, &self->ping_id);
  self->ping_deadline = self->heard + (silence >= patience ? patience + limit : patience);
}

void
chan_stream_link_time (ChanStreamLink *self)
{
  if (passed (self, self->handshake_deadline) && self->state == LINK_HANDSHAKE)
    time_out (self, "The peer did not complete the handshake in time");
  else if (passed (self, self->stall_deadline))
    time_out (self, "The peer does not read what is sent to it");
  else if (passed (self, self->frame_deadline))
    time_out (self, "The peer began a frame and did not complete it");
  else if (passed (self, self->close_deadline))
    chan_link_hang_up (CHAN_LINK (self));
  else if (passed (self, self->settle_deadline))
    {
      if (self->wanted == CHAN_SPDY_DIALECT_GLIB || self->io->alpn != NULL)
        g_set_error_literal (&self->failure, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer does not speak the libchan-glib dialect");
      else
        chan_stream_link_settle (self, CHAN_SPDY_DIALECT_GEN2);
    }
  else if (passed (self, self->reset_deadline))
    chan_stream_link_break_stall (self);
  else
    keep_alive (self);
  if (self->state != LINK_DEAD && self->failure == NULL)
    be_idle (self);
  for (guint i = self->waiting->len; self->state != LINK_DEAD && i-- > 0;)
    {
      LinkStream *stream = self->waiting->pdata[i];
      g_autoptr (GError) error = NULL;

      if (self->now < stream->waiting_until)
        continue;
      error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE, "A message names a channel that does not exist");
      chan_stream_link_end_stream (self, stream, error);
      i = MIN (i, self->waiting->len);
    }
}
