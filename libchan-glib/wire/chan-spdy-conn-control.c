/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Control frames, but for those with header blocks. */
#include "chan-spdy-conn-private.h"

typedef gboolean (*Handler) (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event);

/* A frame of a stream that is not there: wrong only if it never was. */
static gboolean
stray (ChanSpdyConn *self, guint32 stream_id)
{
  if (stream_id == 0)
    return chan_spdy_conn_fail (self, "a frame for stream 0");
  if (!chan_spdy_conn_knows_id (self, stream_id))
    chan_spdy_conn_glitch (self);
  return FALSE;
}

static guint32
id_at (const guint8 *payload)
{
  return chan_spdy_get_u32 (payload) & CHAN_SPDY_ID_MAX;
}

/* --- the end of a stream ------------------------------------------------ */

/* "Rapid reset", CVE-2023-44487: the opener takes back what it asked for, and
 * nothing on it was taken or answered yet. Other resets are how channels end. */
static gboolean
count_reset (ChanSpdyConn *self, const ChanSpdyStream *stream)
{
  gboolean answered = stream->send.used > 0 && stream->pending == NULL;

  if (!stream->from_peer || stream->used || answered
      || chan_bucket_take (&self->resets, self->limits.reset_burst, self->limits.reset_rate, self->now_us))
    return TRUE;
  return chan_spdy_conn_fail (self, "too many streams were reset");
}

static gboolean
end_stream (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyEvent *event)
{
  gboolean has_event;
  gboolean tell = !stream->forgotten;

  if (!chan_spdy_conn_peer_input (self, stream, CHAN_SPDY_PEER_RESET, event, &has_event)
      || !count_reset (self, stream))
    return FALSE;
  chan_spdy_conn_drop_due (self, stream);
  chan_spdy_conn_stop_sending (self, stream);
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_RESET, stream);
  chan_spdy_conn_maybe_remove (self, stream);
  chan_spdy_conn_release_held (self);
  return tell;
}

static gboolean
on_rst_stream (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = id_at (payload);
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);

  if (stream == NULL)
    return stray (self, id);
  if (!end_stream (self, stream, event))
    return FALSE;
  event->status = chan_spdy_get_u32 (payload + 4);
  return TRUE;
}

/* Code and text of ABORT and STOP. */
static void
read_reason (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  const char *text = (const char *) payload + 8;

  event->has_code = TRUE;
  event->code = chan_spdy_get_u32 (payload + 4);
  if (len > 8 && g_utf8_validate_len (text, len - 8, NULL))
    {
      g_free (self->abort_text);
      self->abort_text = g_strndup (text, len - 8);
      event->text = self->abort_text;
    }
}

static gboolean
on_abort (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = id_at (payload);
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);

  if (len > 8 + CHAN_SPDY_ABORT_TEXT_MAX)
    return chan_spdy_conn_fail (self, "the text of an ABORT is too long");
  if (stream == NULL)
    return stray (self, id);
  if (!end_stream (self, stream, event))
    return FALSE;
  event->status = CHAN_SPDY_CANCEL;
  read_reason (self, payload, len, event);
  return TRUE;
}

static gboolean
on_stop (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = id_at (payload);
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);

  if (len > 8 + CHAN_SPDY_ABORT_TEXT_MAX)
    return chan_spdy_conn_fail (self, "the text of a STOP is too long");
  if (stream == NULL)
    return stray (self, id);
  if (stream->forgotten || stream->state >= CHAN_SPDY_STREAM_RESET_SENT)
    return FALSE;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_STOP, stream);
  read_reason (self, payload, len, event);
  return TRUE;
}

/* --- credit ------------------------------------------------------------- */

static gboolean
on_window_update (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  return chan_spdy_conn_raise_window (self, id_at (payload), chan_spdy_get_u32 (payload + 4) & CHAN_FLOW_WINDOW_MAX,
                                      event);
}

static gboolean
on_taken (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = id_at (payload);
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);

  if (stream == NULL)
    return stray (self, id);
  if (stream->forgotten || stream->state >= CHAN_SPDY_STREAM_RESET_SENT)
    return FALSE;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_TAKEN, stream);
  event->count = chan_spdy_get_u32 (payload + 4);
  return TRUE;
}

/* --- file descriptors ---------------------------------------------------- */

static gboolean
on_fds (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = id_at (payload);
  guint32 count = chan_spdy_get_u32 (payload + 4);
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);

  if (count == 0 || count > self->n_fds)
    return chan_spdy_conn_fail (self, "file descriptors were announced that did not come");
  if (stream == NULL)
    stray (self, id);
  if (chan_spdy_conn_is_over (self))
    return FALSE;
  self->n_fds -= count;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_FDS, stream);
  event->stream_id = id;
  event->count = count;
  /* Those of a stream that is over must be closed all the same. */
  if (stream != NULL && (stream->forgotten || stream->state >= CHAN_SPDY_STREAM_RESET_SENT))
    event->stream_data = NULL;
  return TRUE;
}

/* --- the connection ----------------------------------------------------- */

static gboolean
on_settings (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  int n = chan_spdy_settings_count (payload, len);
  gboolean has_features = FALSE, has_fds = FALSE;

  if (n < 0 || (guint32) n > self->limits.settings_entries)
    return chan_spdy_conn_fail (self, "SETTINGS with a wrong number of entries");
  if (!chan_bucket_take (&self->settings, self->limits.settings_burst, self->limits.settings_rate, self->now_us))
    return chan_spdy_conn_fail (self, "too many SETTINGS");
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_SETTINGS, NULL);
  for (guint i = 0; i < (guint) n; i++)
    {
      ChanSpdySetting setting;

      /* SPDY/3 2.6.4: the first of several with one id counts. */
      chan_spdy_settings_get (payload, i, &setting);
      if (setting.id == CHAN_SPDY_SETTING_INITIAL_WINDOW_SIZE && !event->has_window)
        {
          event->has_window = TRUE;
          chan_spdy_conn_set_peer_window (self, setting.value);
        }
      else if (setting.id == CHAN_SPDY_SETTING_FEATURES && !has_features)
        {
          has_features = TRUE;
          event->features = setting.value;
        }
      else if (setting.id == CHAN_SPDY_SETTING_SESSION_FDS && !has_fds)
        {
          has_fds = TRUE;
          event->session_fds = setting.value;
        }
    }
  return !chan_spdy_conn_is_over (self);
}

static gboolean
on_ping (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = chan_spdy_get_u32 (payload);

  if (!chan_bucket_take (&self->pings, self->limits.ping_burst, self->limits.ping_rate, self->now_us))
    return chan_spdy_conn_fail (self, "too many PINGs");
  if (id != 0 && ((id ^ self->next_ping) & 1))
    {
      chan_spdy_conn_write_ping (self, id);
      chan_spdy_conn_count_reply (self);
      return FALSE;
    }
  if (id == 0 || id >= self->next_ping)
    {
      chan_spdy_conn_glitch (self);
      return FALSE;
    }
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_PING_REPLY, NULL);
  event->ping_id = id;
  return TRUE;
}

static int
compare_falling (gconstpointer a, gconstpointer b)
{
  guint32 one = *(const guint32 *) a;
  guint32 other = *(const guint32 *) b;

  return (one < other) - (one > other);
}

/* SPDY/3 2.6.6: what we opened above that id the peer has not looked at, and never will. */
static void
note_refused (ChanSpdyConn *self, guint32 last_good)
{
  GHashTableIter iter;
  gpointer stream;

  self->refused = g_array_new (FALSE, FALSE, sizeof (guint32));
  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    {
      guint32 id = ((ChanSpdyStream *) stream)->id;

      if (!((ChanSpdyStream *) stream)->from_peer && id > last_good)
        g_array_append_val (self->refused, id);
    }
  g_array_sort (self->refused, compare_falling);
}

gboolean
chan_spdy_conn_next_refused (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  while (self->refused != NULL && !chan_spdy_conn_is_over (self))
    {
      ChanSpdyStream *stream;

      if (self->refused->len == 0)
        {
          g_clear_pointer (&self->refused, g_array_unref);
          return FALSE;
        }
      stream = chan_spdy_conn_lookup (self, g_array_index (self->refused, guint32, self->refused->len - 1));
      g_array_set_size (self->refused, self->refused->len - 1);
      if (stream == NULL || !end_stream (self, stream, event))
        continue;
      event->status = CHAN_SPDY_REFUSED_STREAM;
      event->text = "The peer is going away and has not looked at this channel";
      return TRUE;
    }
  return FALSE;
}

static gboolean
on_goaway (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  if (self->goaway_received)
    {
      chan_spdy_conn_glitch (self);
      return FALSE;
    }
  self->goaway_received = TRUE;
  note_refused (self, id_at (payload));
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_GOAWAY, NULL);
  event->last_good = id_at (payload);
  event->status = chan_spdy_get_u32 (payload + 4);
  return TRUE;
}

/* --- all of them -------------------------------------------------------- */

static const struct
{
  guint16 type;
  guint16 length;   /* of the payload, at least */
  gboolean exact;   /* and at most */
  gboolean glib;    /* only in this dialect */
  Handler handler;
} handlers[] = {
  { CHAN_SPDY_SYN_STREAM, CHAN_SPDY_SYN_STREAM_FIXED, FALSE, FALSE, chan_spdy_conn_on_syn_stream },
  { CHAN_SPDY_SYN_REPLY, CHAN_SPDY_SYN_REPLY_FIXED, FALSE, FALSE, chan_spdy_conn_on_syn_reply },
  { CHAN_SPDY_RST_STREAM, 8, TRUE, FALSE, on_rst_stream },
  { CHAN_SPDY_SETTINGS, 4, FALSE, FALSE, on_settings },
  { CHAN_SPDY_PING, 4, TRUE, FALSE, on_ping },
  { CHAN_SPDY_GOAWAY, 8, TRUE, FALSE, on_goaway },
  { CHAN_SPDY_HEADERS, 4, FALSE, FALSE, chan_spdy_conn_on_headers },
  { CHAN_SPDY_WINDOW_UPDATE, 8, TRUE, FALSE, on_window_update },
  { CHAN_SPDY_TAKEN, 8, TRUE, TRUE, on_taken },
  { CHAN_SPDY_ABORT, 8, FALSE, TRUE, on_abort },
  { CHAN_SPDY_STOP, 8, FALSE, TRUE, on_stop },
  { CHAN_SPDY_FDS, 8, TRUE, TRUE, on_fds },
};

/* Index of the type's handler, or -1. */
static int
find_handler (const ChanSpdyConn *self, guint16 type)
{
  for (guint i = 0; i < G_N_ELEMENTS (handlers); i++)
    {
      if (handlers[i].type == type)
        return handlers[i].glib && self->dialect != CHAN_SPDY_DIALECT_GLIB ? -1 : (int) i;
    }
  return -1;
}

gboolean
chan_spdy_conn_handles_type (const ChanSpdyConn *self, guint16 type)
{
  return find_handler (self, type) >= 0;
}

gboolean
chan_spdy_conn_handle_control (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  int i = find_handler (self, self->head.type);

  if (i < 0)
    return FALSE;
  if (len < handlers[i].length || (handlers[i].exact && len != handlers[i].length))
    return chan_spdy_conn_fail (self, "a control frame with a wrong length");
  return handlers[i].handler (self, payload, len, event);
}
