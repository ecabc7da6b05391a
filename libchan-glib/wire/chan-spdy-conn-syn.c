/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames with header blocks: SYN_STREAM, SYN_REPLY, HEADERS. Each block must be
 * inflated, also where nobody wants it: they are one zlib stream. */
#include "chan-spdy-conn-private.h"

#include <string.h>

static gboolean
read_block (ChanSpdyConn *self, const guint8 *data, gsize len)
{
  const char *wrong = chan_spdy_headers_in_block (&self->headers_in, data, len, &self->limits);

  return wrong == NULL || chan_spdy_conn_fail (self, wrong);
}

/* Decimal digits, and nothing else. */
static gboolean
parse_number (const char *text, guint64 max, guint64 *ret)
{
  guint64 number = 0;

  if (*text == '\0')
    return FALSE;
  for (; *text != '\0'; text++)
    {
      guint digit = (guint) (guchar) *text - '0';

      if (digit > 9 || number > (max - digit) / 10)
        return FALSE;
      number = number * 10 + digit;
    }
  *ret = number;
  return TRUE;
}

/* --- SYN_STREAM --------------------------------------------------------- */

typedef enum
{
  HEADER_REF,
  HEADER_PARENT,
  HEADER_NAME,
  HEADER_TYPE,
  HEADER_CAPACITY,
  N_HEADERS,
} Header;

static const char *const header_names[N_HEADERS] = {
  "libchan-ref", "libchan-parent-ref", "libchan-name", "libchan-type", "libchan-capacity",
};

static const char *
nonempty (const char *text)
{
  return text != NULL && *text != '\0' ? text : NULL;
}

static const char *
text_or_null (const char *text)
{
  return text != NULL && g_utf8_validate (text, -1, NULL) ? text : NULL;
}

/* FALSE: a ref or a parent is missing or is not a number. */
static gboolean
read_open (ChanSpdyConn *self, ChanSpdyOpen *open)
{
  const char *values[N_HEADERS] = { NULL };
  ChanSpdyHeadersIter iter;
  ChanSpdyHeader header;
  guint64 capacity;

  chan_spdy_headers_iter_init (&iter, &self->headers_in);
  while (chan_spdy_headers_iter_next (&iter, &header))
    {
      for (guint i = 0; i < N_HEADERS; i++)
        {
          if (values[i] == NULL && strcmp (header.name, header_names[i]) == 0)
            values[i] = header.value;
        }
    }
  *open = (ChanSpdyOpen) { .capacity = -1 };
  open->name = text_or_null (values[HEADER_NAME]);
  open->type = text_or_null (values[HEADER_TYPE]);
  if (values[HEADER_CAPACITY] != NULL && parse_number (values[HEADER_CAPACITY], G_MAXINT32, &capacity))
    open->capacity = (gint64) capacity;
  /* An empty parent is none: so jschan marks byte streams. */
  open->has_parent = nonempty (values[HEADER_PARENT]) != NULL;
  if (open->has_parent && !parse_number (values[HEADER_PARENT], G_MAXUINT64, &open->parent_ref))
    return FALSE;
  return values[HEADER_REF] != NULL && parse_number (values[HEADER_REF], G_MAXUINT64, &open->ref) && open->ref > 0;
}

/* jschan's server opens streams by PUSH, and yet reads from them. */
static gboolean
is_push (const ChanSpdyConn *self)
{
  return self->dialect == CHAN_SPDY_DIALECT_GEN1 && (self->head.flags & CHAN_SPDY_FLAG_UNIDIRECTIONAL) != 0;
}

/* SYN_REPLY first: RST_STREAM alone blocks a worker of a Go peer for ever. */
static gboolean
refuse (ChanSpdyConn *self, guint32 id, ChanSpdyStatus status)
{
  if (!is_push (self))
    chan_spdy_conn_write_reply (self, id, "503");
  chan_spdy_conn_write_pair (self, CHAN_SPDY_RST_STREAM, id, status);
  if (!chan_spdy_conn_count_reply (self) || !chan_spdy_conn_count_reply (self))
    return FALSE;
  if (!chan_bucket_take (&self->resets, self->limits.reset_burst, self->limits.reset_rate, self->now_us))
    return chan_spdy_conn_fail (self, "too many streams that had to be refused");
  return FALSE;
}

/* An id that is ours to give. Said by a Go or Node peer it is only refused. */
static gboolean
refuse_parity (ChanSpdyConn *self, guint32 id)
{
  if (self->dialect == CHAN_SPDY_DIALECT_GLIB)
    return chan_spdy_conn_fail (self, "a stream id of the wrong parity");
  if (!chan_spdy_conn_glitch (self))
    return FALSE;
  /* Saying anything on a stream of our own would end that one. */
  return chan_spdy_conn_knows_id (self, id) ? FALSE : refuse (self, id, CHAN_SPDY_REFUSED_STREAM);
}

/* Is the stream one that a message has to name first? */
static gboolean
is_nested (const ChanSpdyConn *self, const ChanSpdyOpen *open)
{
  if (self->dialect == CHAN_SPDY_DIALECT_GEN1)
    return !open->has_parent || open->parent_ref != 0;
  return open->parent_ref != 0;
}

static gboolean
accept_stream (ChanSpdyConn *self, guint32 id, const ChanSpdyOpen *open, ChanSpdyEvent *event)
{
  guint8 flags = self->head.flags;
  gboolean push = is_push (self);
  gboolean one_way = !push && (flags & CHAN_SPDY_FLAG_UNIDIRECTIONAL) != 0;
  ChanSpdyStream *stream;

  stream = chan_spdy_conn_add_stream (self, id, one_way ? CHAN_SPDY_STREAM_HALF_LOCAL : CHAN_SPDY_STREAM_OPEN);
  stream->from_peer = TRUE;
  stream->ref = open->ref;
  stream->claimed = !is_nested (self, open);
  stream->pushed = push ? 1 : 0;
  self->n_peer_streams++;
  chan_import_table_add (&self->imports, stream);
  /* SPDY/3 2.3.6: there is no SYN_REPLY to a unidirectional stream. */
  if (!one_way && !push)
    chan_spdy_conn_write_reply (self, id, "200");
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_OPEN, stream);
  event->open = *open;
  event->open.nested = !stream->claimed;
  if (flags & CHAN_SPDY_FLAG_FIN)
    {
      self->data_stream = stream;
      self->input = CHAN_SPDY_INPUT_FIN;
    }
  return TRUE;
}

gboolean
chan_spdy_conn_on_syn_stream (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = chan_spdy_get_u32 (payload) & CHAN_SPDY_ID_MAX;
  ChanSpdyOpen open;

  if (!read_block (self, payload + CHAN_SPDY_SYN_STREAM_FIXED, len - CHAN_SPDY_SYN_STREAM_FIXED))
    return FALSE;
  if (id == 0)
    return chan_spdy_conn_fail (self, "SYN_STREAM for stream 0");
  if (((id ^ self->next_id) & 1) == 0)
    return refuse_parity (self, id);
  if (id <= self->last_peer_id)
    return chan_spdy_conn_fail (self, "stream ids do not increase");
  self->last_peer_id = id;
  if (!read_open (self, &open) || chan_import_table_lookup (&self->imports, open.ref) != NULL)
    return refuse (self, id, CHAN_SPDY_PROTOCOL_ERROR);
  if (self->goaway_sent || self->n_peer_streams >= self->limits.peer_streams
      || (is_nested (self, &open) && self->imports.n_unclaimed >= self->limits.unclaimed_streams))
    return refuse (self, id, CHAN_SPDY_REFUSED_STREAM);
  return accept_stream (self, id, &open, event);
}

/* --- SYN_REPLY, HEADERS ------------------------------------------------- */

/* The number in `:status` (jschan: "200 OK"; old Go: `status`); a reply without
 * one is a reply too. */
static guint32
read_status (ChanSpdyConn *self)
{
  ChanSpdyHeadersIter iter;
  ChanSpdyHeader header;
  guint32 status = 200;

  chan_spdy_headers_iter_init (&iter, &self->headers_in);
  while (chan_spdy_headers_iter_next (&iter, &header))
    {
      if (strcmp (header.name, ":status") == 0 || strcmp (header.name, "status") == 0)
        status = (guint32) MIN (g_ascii_strtoull (header.value, NULL, 10), 999);
    }
  return status;
}

gboolean
chan_spdy_conn_on_syn_reply (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  guint32 id = chan_spdy_get_u32 (payload) & CHAN_SPDY_ID_MAX;
  ChanSpdyStream *stream = chan_spdy_conn_lookup (self, id);
  gboolean has_event, tell;

  if (!read_block (self, payload + CHAN_SPDY_SYN_REPLY_FIXED, len - CHAN_SPDY_SYN_REPLY_FIXED))
    return FALSE;
  if (id == 0)
    return chan_spdy_conn_fail (self, "SYN_REPLY for stream 0");
  if (stream == NULL)
    {
      if (!chan_spdy_conn_knows_id (self, id))
        chan_spdy_conn_glitch (self);
      return FALSE;
    }
  if (!chan_spdy_conn_peer_input (self, stream, CHAN_SPDY_PEER_REPLY, event, &has_event))
    return FALSE;
  chan_spdy_conn_release_held (self);
  tell = !stream->forgotten;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_REPLY, stream);
  event->status = read_status (self);
  if (self->head.flags & CHAN_SPDY_FLAG_FIN)
    {
      self->data_stream = stream;
      self->input = CHAN_SPDY_INPUT_FIN;
    }
  return tell;
}

/* Nobody we know sends them; a Go peer that gets one is blocked for ever. */
gboolean
chan_spdy_conn_on_headers (ChanSpdyConn *self, const guint8 *payload, gsize len, ChanSpdyEvent *event)
{
  if (read_block (self, payload + 4, len - 4))
    chan_spdy_conn_glitch (self);
  return FALSE;
}
