/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-spdy-conn-private.h"

static guint
id_hash (gconstpointer key)
{
  return chan_import_hash (GPOINTER_TO_UINT (key));
}

static gboolean
id_equal (gconstpointer a, gconstpointer b)
{
  return a == b;
}

static void
free_stream (gpointer data)
{
  chan_spdy_stream_free (data);
}

ChanSpdyConn *
chan_spdy_conn_new (ChanSpdyRole role, const ChanLimits *limits)
{
  ChanSpdyConn *self = g_new0 (ChanSpdyConn, 1);

  self->limits = *limits;
  self->role = role;
  self->streams = g_hash_table_new_full (id_hash, id_equal, NULL, free_stream);
  chan_import_table_init (&self->imports);
  self->next_id = role == CHAN_SPDY_CLIENT ? 1 : 2;
  self->next_ping = self->next_id;
  self->next_ref = 2;
  self->ref_step = 1;
  self->peer_window = CHAN_SPDY_STREAM_WINDOW_DEFAULT;
  self->session_send.limit = CHAN_SPDY_SESSION_WINDOW_GLIB;
  chan_flow_receive_init (&self->session_receive, CHAN_SPDY_SESSION_WINDOW_GLIB, limits->session_window);
  chan_output_queue_init (&self->output, FALSE);
  chan_spdy_conn_update_modes (self);
  return self;
}

void
chan_spdy_conn_free (ChanSpdyConn *self)
{
  if (self == NULL)
    return;
  chan_import_table_clear (&self->imports);
  g_hash_table_unref (self->streams);
  chan_output_queue_clear (&self->output);
  chan_spdy_headers_in_clear (&self->headers_in);
  g_clear_pointer (&self->gathered, g_byte_array_unref);
  g_clear_pointer (&self->fd_marks, g_array_unref);
  g_clear_pointer (&self->refused, g_array_unref);
  g_free (self->abort_text);
  g_free (self);
}

void
chan_spdy_conn_set_now (ChanSpdyConn *self, gint64 now_us)
{
  self->now_us = now_us;
}

void
chan_spdy_conn_set_dialect (ChanSpdyConn *self, ChanSpdyDialect dialect)
{
  if (self->dialect == dialect || chan_spdy_conn_is_over (self))
    return;
  self->dialect = dialect;
  if (dialect == CHAN_SPDY_DIALECT_GEN1)
    {
      /* One namespace for both sides: odd and even, like stream ids. What was
       * opened before has smaller refs. */
      self->next_ref = self->next_id;
      self->ref_step = 2;
    }
  chan_spdy_conn_update_modes (self);
}

gboolean
chan_spdy_conn_fail (ChanSpdyConn *self, const char *text)
{
  if (chan_spdy_conn_is_over (self))
    return FALSE;
  if (self->settings_awaited)
    chan_spdy_conn_submit_settings (self, 0);
  self->input = CHAN_SPDY_INPUT_FAILED;
  self->failure = text;
  self->data = self->end = NULL;
  g_clear_pointer (&self->gathered, g_byte_array_unref);
  chan_spdy_conn_write_pair (self, CHAN_SPDY_GOAWAY, self->last_peer_id, CHAN_SPDY_PROTOCOL_ERROR);
  return FALSE;
}

gboolean
chan_spdy_conn_glitch (ChanSpdyConn *self)
{
  if (chan_bucket_take (&self->glitches, self->limits.glitch_burst, self->limits.glitch_rate, self->now_us))
    return TRUE;
  return chan_spdy_conn_fail (self, "too many useless frames");
}

void
chan_spdy_conn_init_event (ChanSpdyEvent *event, ChanSpdyEventType type, ChanSpdyStream *stream)
{
  *event = (ChanSpdyEvent) { .type = type };
  if (stream != NULL)
    {
      event->stream_id = stream->id;
      event->stream_data = stream->data;
    }
}

/* --- streams ------------------------------------------------------------ */

ChanSpdyStream *
chan_spdy_conn_lookup (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = self->last;

  if (stream != NULL && stream->id == stream_id)
    return stream;
  stream = g_hash_table_lookup (self->streams, GUINT_TO_POINTER (stream_id));
  if (stream != NULL)
    self->last = stream;
  return stream;
}

ChanSpdyStream *
chan_spdy_conn_lookup_live (ChanSpdyConn *self, guint32 stream_id)
{
  return chan_spdy_conn_is_over (self) ? NULL : chan_spdy_conn_lookup (self, stream_id);
}

gboolean
chan_spdy_conn_knows_id (const ChanSpdyConn *self, guint32 stream_id)
{
  if ((stream_id ^ self->next_id) & 1)
    return stream_id <= self->last_peer_id;
  return stream_id < self->next_id;
}

ChanSpdyStream *
chan_spdy_conn_add_stream (ChanSpdyConn *self, guint32 stream_id, ChanSpdyStreamState state)
{
  ChanSpdyStream *stream = chan_spdy_stream_new (stream_id, state);

  chan_spdy_conn_init_windows (self, stream);
  g_hash_table_insert (self->streams, GUINT_TO_POINTER (stream_id), stream);
  self->last = stream;
  if (chan_spdy_stream_is_unanswered (stream))
    self->n_unanswered++;
  return stream;
}

ChanSpdyVerdict
chan_spdy_conn_handle (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStreamInput input)
{
  gboolean unanswered = chan_spdy_stream_is_unanswered (stream);
  ChanSpdyVerdict verdict = chan_spdy_stream_handle (stream, input);

  if (unanswered && !chan_spdy_stream_is_unanswered (stream))
    self->n_unanswered--;
  return verdict;
}

void
chan_spdy_conn_maybe_remove (ChanSpdyConn *self, ChanSpdyStream *stream)
{
  if (!stream->forgotten || !chan_spdy_stream_is_over (stream))
    return;
  chan_spdy_conn_drop_due (self, stream);
  chan_spdy_conn_stop_sending (self, stream);
  if (stream->from_peer)
    {
      chan_import_table_remove (&self->imports, stream);
      self->n_peer_streams--;
    }
  if (self->last == stream)
    self->last = NULL;
  if (self->data_stream == stream)
    self->data_stream = NULL;
  g_hash_table_remove (self->streams, GUINT_TO_POINTER (stream->id));
}

static int
compare_ids (gconstpointer a, gconstpointer b)
{
  const ChanSpdyStream *one = *(ChanSpdyStream *const *) a;
  const ChanSpdyStream *other = *(ChanSpdyStream *const *) b;

  return (one->id > other->id) - (one->id < other->id);
}

void
chan_spdy_conn_foreach (ChanSpdyConn *self, void (*func) (ChanSpdyConn *, ChanSpdyStream *))
{
  g_autoptr (GPtrArray) streams = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer stream;

  g_hash_table_iter_init (&iter, self->streams);
  while (g_hash_table_iter_next (&iter, NULL, &stream))
    g_ptr_array_add (streams, stream);
  g_ptr_array_sort (streams, compare_ids);
  for (guint i = 0; i < streams->len; i++)
    func (self, streams->pdata[i]);
}

gboolean
chan_spdy_conn_is_jschan (ChanSpdyConn *self)
{
  return self->dialect == CHAN_SPDY_DIALECT_GEN1 && self->credit;
}

/* jschan's client takes streams from a server only as PUSH, and only of streams
 * that it opened itself. 0: no PUSH. */
static guint32
push_for (ChanSpdyConn *self, guint32 parent_id)
{
  ChanSpdyStream *parent = parent_id != 0 ? chan_spdy_conn_lookup (self, parent_id) : NULL;

  if (parent == NULL || self->role != CHAN_SPDY_SERVER || !chan_spdy_conn_is_jschan (self))
    return 0;
  return parent->from_peer ? parent_id : parent->associated;
}

gboolean
chan_spdy_conn_is_used_up (ChanSpdyConn *self)
{
  return self->next_id > CHAN_SPDY_ID_MAX;
}

gboolean
chan_spdy_conn_open (ChanSpdyConn *self, const ChanSpdyOpen *info, gpointer stream_data, guint32 *ret_id,
                     guint64 *ret_ref)
{
  ChanSpdyOpen open = *info;
  guint32 associated = push_for (self, info->parent_id);
  ChanSpdyStream *stream;

  if (chan_spdy_conn_is_over (self) || self->goaway_received || self->goaway_sent || chan_spdy_conn_is_used_up (self))
    return FALSE;
  open.ref = self->next_ref;
  if (!chan_spdy_conn_write_open (self, self->next_id, &open, associated))
    return FALSE;
  stream = chan_spdy_conn_add_stream (self, self->next_id, associated != 0 ? CHAN_SPDY_STREAM_OPEN : CHAN_SPDY_STREAM_OPENING);
  stream->pushed = associated != 0 ? 1 : 0;
  stream->associated = associated;
  stream->ref = open.ref;
  stream->data = stream_data;
  self->next_id += 2;
  self->next_ref += self->ref_step;
  *ret_id = stream->id;
  *ret_ref = stream->ref;
  return TRUE;
}

void
chan_spdy_conn_set_stream_data (ChanSpdyConn *self, guint32 stream_id, gpointer data)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  if (stream != NULL)
    stream->data = data;
}

gpointer
chan_spdy_conn_get_stream_data (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  return stream != NULL ? stream->data : NULL;
}

guint64
chan_spdy_conn_get_ref (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  return stream != NULL ? stream->ref : 0;
}

gboolean
chan_spdy_conn_is_pushed (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  return stream != NULL && stream->pushed;
}

ChanSpdyClaim
chan_spdy_conn_lookup_ref (ChanSpdyConn *self, guint64 ref, guint32 *ret_id)
{
  ChanSpdyStream *stream = chan_import_table_lookup (&self->imports, ref);

  if (stream == NULL)
    return CHAN_SPDY_CLAIM_UNKNOWN;
  *ret_id = stream->id;
  return stream->claimed ? CHAN_SPDY_CLAIM_TWICE : CHAN_SPDY_CLAIM_OK;
}

ChanSpdyClaim
chan_spdy_conn_claim (ChanSpdyConn *self, guint64 ref, guint32 *ret_id)
{
  ChanSpdyStream *stream = chan_import_table_lookup (&self->imports, ref);

  if (stream == NULL)
    return CHAN_SPDY_CLAIM_UNKNOWN;
  if (!chan_import_table_claim (&self->imports, stream))
    return CHAN_SPDY_CLAIM_TWICE;
  *ret_id = stream->id;
  return CHAN_SPDY_CLAIM_OK;
}

void
chan_spdy_conn_forget (ChanSpdyConn *self, guint32 stream_id)
{
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, stream_id);

  if (stream == NULL || stream->forgotten)
    return;
  chan_spdy_conn_flush_taken (self, stream);
  stream->forgotten = TRUE;
  stream->data = NULL;
  stream->wants_room = FALSE;
  chan_spdy_conn_update_wait (self, stream);
  chan_spdy_conn_discard_unread (self, stream);
  chan_spdy_conn_maybe_remove (self, stream);
}

guint
chan_spdy_conn_n_streams (ChanSpdyConn *self)
{
  return g_hash_table_size (self->streams);
}
