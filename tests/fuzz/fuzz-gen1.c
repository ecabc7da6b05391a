/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generation 1. The first byte: what is fed, and the size of pieces. */
#include "fuzz-decode.h"

#include "libchan-glib/wire/chan-http-head.h"

/* The head of a response is the same in any split, and nothing but a head is lost. */
static gsize
behead (const guint8 *data, gsize len, gsize step)
{
  ChanHttpHead head = { 0 };
  gsize lost = 0;

  for (gsize at = 0; at < len; at += step)
    {
      gsize part = MIN (step, len - at), begin;
      g_autofree guint8 *piece = g_memdup2 (data + at, part);
      gsize skip = chan_http_head_skip (&head, piece, part, &begin);

      g_assert (skip <= part && begin <= lost);
      lost += skip - begin;
    }
  g_assert (lost <= CHAN_HTTP_HEAD_MAX);
  return lost;
}

/* What a session does with its streams: takes what comes, and answers each with a message. */
static void
answer (ChanSpdyConn *conn, const ChanSpdyEvent *event)
{
  static const guint8 message[3000];
  ChanSpdyOpen open = { .capacity = -1, .parent_id = event->stream_id, .byte_stream = event->stream_id % 3 == 0 };
  ChanSpdySegment segment = { message, 1 + event->stream_id * 7 % sizeof message, NULL };
  guint64 ref;
  guint32 id;

  open.parent_ref = chan_spdy_conn_get_ref (conn, event->stream_id);
  if (event->type == CHAN_SPDY_EVENT_OPEN && chan_spdy_conn_open (conn, &open, NULL, &id, &ref))
    {
      segment.len = MIN (segment.len, chan_spdy_conn_message_max (conn, id));
      chan_spdy_conn_send_message (conn, id, &segment, 1);
    }
  if (event->type == CHAN_SPDY_EVENT_DATA)
    chan_spdy_conn_consumed (conn, event->stream_id, event->len);
  if (event->type == CHAN_SPDY_EVENT_FIN)
    chan_spdy_conn_finish (conn, event->stream_id);
}

/* As if it were written. */
static void
drain (ChanSpdyConn *conn)
{
  ChanSpdySegment segments[4];

  for (gsize n; (n = chan_spdy_conn_peek_output (conn, segments, G_N_ELEMENTS (segments))) > 0;)
    {
      gsize total = 0;

      for (gsize i = 0; i < n; i++)
        total += segments[i].len;
      chan_spdy_conn_consume_output (conn, total);
    }
}

static void
converse (const guint8 *data, gsize len, gsize step, ChanSpdyRole role)
{
  ChanSpdyConn *conn = chan_spdy_conn_new (role, &chan_limits_default);

  chan_spdy_conn_set_dialect (conn, CHAN_SPDY_DIALECT_GEN1);
  for (gsize at = 0; at < len; at += step)
    {
      gsize part = MIN (step, len - at);
      g_autofree guint8 *piece = g_memdup2 (data + at, part);
      ChanSpdyEvent event;

      chan_spdy_conn_feed (conn, piece, part);
      while (chan_spdy_conn_next_event (conn, &event))
        answer (conn, &event);
      drain (conn);
    }
  chan_spdy_conn_free (conn);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  gsize step;

  if (len < 2)
    return 0;
  step = 1 + (gsize) (data[0] >> 2);
  switch (data[0] & 3)
    {
    case 0:
      fuzz_decode (CHAN_SPDY_DIALECT_GEN1, data + 1, len - 1, step);
      break;
    case 1:
      g_assert (behead (data + 1, len - 1, step) == behead (data + 1, len - 1, len));
      break;
    default:
      converse (data + 1, len - 1, step, (data[0] & 1) != 0 ? CHAN_SPDY_CLIENT : CHAN_SPDY_SERVER);
    }
  return 0;
}
