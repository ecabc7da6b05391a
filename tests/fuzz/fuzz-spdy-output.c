/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-spdy-output.h"

/* What was said about a stream. */
typedef enum
{
  SAID_BEGIN = 1 << 0, /* SYN_STREAM or SYN_REPLY: before it nothing may be said */
  SAID_FIN = 1 << 1,
  SAID_RESET = 1 << 2,
  SAID_NO = 1 << 3,    /* SYN_REPLY to an id that is ours to give; RST_STREAM follows, and it is unused again */
} Said;

void
fuzz_spdy_output_init (FuzzSpdyOutput *self, ChanSpdyConn *conn)
{
  *self = (FuzzSpdyOutput) { .conn = conn };
  self->bytes = g_byte_array_new ();
  self->streams = g_hash_table_new (NULL, NULL);
}

void
fuzz_spdy_output_clear (FuzzSpdyOutput *self)
{
  g_byte_array_unref (self->bytes);
  g_hash_table_unref (self->streams);
  chan_spdy_headers_in_clear (&self->headers);
}

static Said
said (FuzzSpdyOutput *self, guint32 id)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->streams, GUINT_TO_POINTER (id)));
}

static void
say (FuzzSpdyOutput *self, guint32 id, Said what)
{
  g_hash_table_insert (self->streams, GUINT_TO_POINTER (id), GUINT_TO_POINTER (said (self, id) | what));
}

void
fuzz_spdy_output_one_way (FuzzSpdyOutput *self, guint32 stream_id)
{
  say (self, stream_id, SAID_BEGIN);
}

static gboolean
is_own (const FuzzSpdyOutput *self, guint32 id)
{
  return (id & 1) == (self->conn->role == CHAN_SPDY_CLIENT);
}

/* --- frames ------------------------------------------------------------- */

static void
look_at_block (FuzzSpdyOutput *self, const guint8 *block, gsize len)
{
  g_assert (chan_spdy_headers_in_block (&self->headers, block, len, &chan_limits_default) == NULL);
}

static void
look_at_data (FuzzSpdyOutput *self, const ChanSpdyHead *head)
{
  gboolean fin = head->flags == CHAN_SPDY_FLAG_FIN;

  g_assert (fin || head->flags == 0);
  g_assert (fin == (head->length == 0));
  g_assert (said (self, head->stream_id) == SAID_BEGIN);
  if (fin)
    say (self, head->stream_id, SAID_FIN);
}

static void
look_at_begin (FuzzSpdyOutput *self, const ChanSpdyHead *head, const guint8 *payload)
{
  gboolean open = head->type == CHAN_SPDY_SYN_STREAM;
  gsize fixed = open ? CHAN_SPDY_SYN_STREAM_FIXED : CHAN_SPDY_SYN_REPLY_FIXED;
  guint32 id = chan_spdy_get_u32 (payload);

  g_assert (head->length > fixed);
  g_assert (is_own (self, id) || !open);
  g_assert (said (self, id) == 0);
  look_at_block (self, payload + fixed, head->length - fixed);
  if (is_own (self, id) && !open)
    g_assert (self->conn->dialect != CHAN_SPDY_DIALECT_GLIB);
  say (self, id, is_own (self, id) && !open ? SAID_NO : SAID_BEGIN);
}

/* RST_STREAM, ABORT. A Go peer does not survive one before SYN_REPLY. */
static void
look_at_end (FuzzSpdyOutput *self, const ChanSpdyHead *head, const guint8 *payload)
{
  guint32 id = chan_spdy_get_u32 (payload);

  if (said (self, id) == SAID_NO)
    g_hash_table_remove (self->streams, GUINT_TO_POINTER (id));
  else
    {
      g_assert (said (self, id) & SAID_BEGIN);
      g_assert (!(said (self, id) & SAID_RESET));
      say (self, id, SAID_RESET);
    }
  if (head->type == CHAN_SPDY_RST_STREAM)
    {
      g_assert (chan_spdy_get_u32 (payload + 4) != 0);
      /* our own are ABORT frames then */
      self->n_replies += self->conn->dialect == CHAN_SPDY_DIALECT_GLIB;
    }
}

static void
look_at_number (FuzzSpdyOutput *self, const ChanSpdyHead *head, const guint8 *payload)
{
  guint32 first = chan_spdy_get_u32 (payload);

  if (head->type == CHAN_SPDY_PING)
    {
      g_assert (first != 0);
      self->n_replies += !is_own (self, first);
    }
  else if (head->type == CHAN_SPDY_GOAWAY)
    self->failed |= chan_spdy_get_u32 (payload + 4) != 0;
  else if (head->type == CHAN_SPDY_WINDOW_UPDATE)
    {
      guint32 delta = chan_spdy_get_u32 (payload + 4);

      g_assert (delta > 0 && delta <= CHAN_FLOW_WINDOW_MAX);
      g_assert (first == 0 || said (self, first) & SAID_BEGIN);
      g_assert (!(said (self, first) & SAID_RESET));
    }
}

static const struct
{
  guint16 type;
  guint32 min, max; /* of the payload */
  gboolean glib;    /* to others it is deadly */
  void (*look_at) (FuzzSpdyOutput *self, const ChanSpdyHead *head, const guint8 *payload);
} kinds[] = {
  { CHAN_SPDY_SYN_STREAM, 11, 16384, FALSE, look_at_begin },
  { CHAN_SPDY_SYN_REPLY, 5, 16384, FALSE, look_at_begin },
  { CHAN_SPDY_RST_STREAM, 8, 8, FALSE, look_at_end },
  { CHAN_SPDY_SETTINGS, 20, 20, FALSE, look_at_number },
  { CHAN_SPDY_PING, 4, 4, FALSE, look_at_number },
  { CHAN_SPDY_GOAWAY, 8, 8, FALSE, look_at_number },
  { CHAN_SPDY_WINDOW_UPDATE, 8, 8, FALSE, look_at_number },
  { CHAN_SPDY_TAKEN, 8, 8, TRUE, look_at_number },
  { CHAN_SPDY_ABORT, 8, 8 + CHAN_SPDY_ABORT_TEXT_MAX, TRUE, look_at_end },
  { CHAN_SPDY_STOP, 8, 8 + CHAN_SPDY_ABORT_TEXT_MAX, TRUE, look_at_number },
};

static void
look_at_control (FuzzSpdyOutput *self, const ChanSpdyHead *head, const guint8 *payload)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      if (kinds[i].type != head->type)
        continue;
      g_assert (head->version == CHAN_SPDY_VERSION);
      g_assert (head->flags == 0);
      g_assert (head->length >= kinds[i].min && head->length <= kinds[i].max);
      g_assert (!kinds[i].glib || self->conn->dialect == CHAN_SPDY_DIALECT_GLIB);
      kinds[i].look_at (self, head, payload);
      return;
    }
  g_assert_not_reached ();
}

static void
look (FuzzSpdyOutput *self)
{
  while (self->looked_at < self->bytes->len)
    {
      const guint8 *at = self->bytes->data + self->looked_at;
      gsize left = self->bytes->len - self->looked_at;
      ChanSpdyHead head;

      g_assert (!self->failed);
      g_assert (left >= CHAN_SPDY_HEAD_SIZE);
      chan_spdy_head_unpack (&head, at);
      g_assert (left - CHAN_SPDY_HEAD_SIZE >= head.length);
      if (head.control)
        look_at_control (self, &head, at + CHAN_SPDY_HEAD_SIZE);
      else
        look_at_data (self, &head);
      self->looked_at += CHAN_SPDY_HEAD_SIZE + head.length;
    }
}

void
fuzz_spdy_output_drain (FuzzSpdyOutput *self)
{
  ChanSpdySegment segments[3];
  gsize n;

  self->n_replies = 0;
  /* What waits for room moves up while this is taken away: one look, one part. */
  while ((n = chan_spdy_conn_peek_output (self->conn, segments, G_N_ELEMENTS (segments))) > 0)
    {
      guint before = self->bytes->len;

      for (gsize i = 0; i < n; i++)
        g_byte_array_append (self->bytes, segments[i].data, (guint) segments[i].len);
      chan_spdy_conn_consume_output (self->conn, self->bytes->len - before);
    }
  g_assert (chan_spdy_conn_output_bytes (self->conn) == 0);
  look (self);
  /* A refusal is two frames, and the last of them is counted too late. */
  g_assert (self->n_replies <= self->conn->limits.queued_replies + 2);
}
