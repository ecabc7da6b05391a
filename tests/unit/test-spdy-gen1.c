/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generation 1, as Node's jschan and the first Go libchan speak it (docs/wire.md, "Generation 1"). */
#include "spdy-fixture.h"

#include <string.h>

#include "libchan-glib/wire/chan-http-head.h"

#define GEN1 CHAN_SPDY_DIALECT_GEN1

static SpdyPeer peer;
static SpdyScript script;

static void
setup (ChanSpdyRole role)
{
  spdy_peer_init (&peer, role, GEN1, NULL);
  spdy_script_init (&script);
}

static void
teardown (void)
{
  spdy_script_clear (&script);
  spdy_peer_clear (&peer);
}

/* jschan says SETTINGS with a window of 1 MiB before all else. */
static void
be_jschan (void)
{
  spdy_script_settings (&script, 2, 7, 1048576);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "SETTINGS window=1 features=0\n");
}

static guint32
open_stream (guint32 parent_id, gboolean bytes)
{
  ChanSpdyOpen open = { .capacity = -1, .parent_id = parent_id, .byte_stream = bytes };
  guint32 id;
  guint64 ref;

  open.parent_ref = parent_id != 0 ? chan_spdy_conn_get_ref (peer.conn, parent_id) : 0;
  g_assert_true (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  return id;
}

static void
send_message (guint32 id, gsize len)
{
  g_autofree guint8 *data = g_malloc0 (len);
  ChanSpdySegment segment = { data, len, NULL };

  g_assert_cmpuint (len, <=, chan_spdy_conn_message_max (peer.conn, id));
  chan_spdy_conn_send_message (peer.conn, id, &segment, 1);
}

static void
throw_away (void)
{
  g_free (spdy_peer_frames (&peer));
}

static void
assert_frame (guint32 id, guint8 flags, guint32 associated)
{
  g_autoptr (GByteArray) bytes = spdy_peer_output (&peer);

  g_assert_cmpuint (bytes->len, >, 18);
  g_assert_cmphex (chan_spdy_get_u32 (bytes->data), ==, 0x80030001);
  g_assert_cmpuint (bytes->data[4], ==, flags);
  g_assert_cmpuint (chan_spdy_get_u32 (bytes->data + 8), ==, id);
  g_assert_cmpuint (chan_spdy_get_u32 (bytes->data + 12), ==, associated);
  /* one frame and nothing else */
  g_assert_cmpuint (bytes->len, ==, 8 + (chan_spdy_get_u32 (bytes->data + 4) & 0xffffff));
}

/* --- messages ------------------------------------------------------------ */

static void
test_message_waits_until_it_fits_whole (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  throw_away ();
  be_jschan ();
  for (int i = 0; i < 17; i++)
    send_message (1, 60000);
  send_message (1, 10);
  /* 1048576 is 17 times 60000, and 28576 */
  throw_away ();
  send_message (1, 60000);
  spdy_assert_frames (&peer, "");
  g_assert_cmpuint (chan_spdy_conn_pending (peer.conn, 1), ==, 60000);
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 60000 - 28566 - 1);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "");
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 1 60000");
  teardown ();
}

static void
test_message_that_waits_holds_up_no_other_stream (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  open_stream (0, FALSE);
  throw_away ();
  send_message (1, 40000);
  send_message (1, 40000);
  send_message (3, 40000);
  spdy_assert_frames (&peer, "DATA 1 40000; DATA 3 40000");
  chan_spdy_conn_finish (peer.conn, 1);
  spdy_assert_frames (&peer, "");
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 40000);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 1 40000; FIN 1");
  teardown ();
}

static void
test_unheard_peer_may_be_jschan (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  throw_away ();
  g_assert_cmpuint (chan_spdy_conn_message_max (peer.conn, 1), ==, 65528);
  send_message (1, 50000);
  send_message (1, 50000);
  spdy_assert_frames (&peer, "DATA 1 50000");
  /* Go never sends SETTINGS, and grants nothing. */
  spdy_script_reply (&script, 1, 0, "status=200");
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 1 50000");
  g_assert_cmpuint (chan_spdy_conn_message_max (peer.conn, 1), ==, 0xffffff);
  send_message (1, 300000);
  spdy_assert_frames (&peer, "DATA 1 300000");
  teardown ();
}

static void
test_largest_message (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  be_jschan ();
  /* with its head, what Node reads at once */
  g_assert_cmpuint (chan_spdy_conn_message_max (peer.conn, 1), ==, 65528);
  g_assert_false (chan_spdy_conn_is_pushed (peer.conn, 1));
  spdy_script_settings (&script, 2, 7, 1000);
  spdy_script_run (&script, &peer);
  g_assert_cmpuint (chan_spdy_conn_message_max (peer.conn, 1), ==, 1000);
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 500);
  spdy_script_run (&script, &peer);
  g_assert_cmpuint (chan_spdy_conn_message_max (peer.conn, 1), ==, 1500);
  teardown ();
}

/* What was accepted goes, even if the peer takes its window back: a whole one is all there will be. */
static void
test_window_that_shrinks_under_a_message (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  throw_away ();
  be_jschan ();
  for (int i = 0; i < 18; i++)
    send_message (1, 60000);
  throw_away ();
  g_assert_cmpuint (chan_spdy_conn_pending (peer.conn, 1), ==, 60000);
  spdy_script_settings (&script, 2, 7, 1000);
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 17 * 60000 - 1);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "");
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 1 60000");
  teardown ();
}

static void
test_session_window (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  open_stream (0, FALSE);
  throw_away ();
  be_jschan ();
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 0, 1000);
  spdy_script_run (&script, &peer);
  throw_away ();
  send_message (1, 40000);
  send_message (3, 40000);
  spdy_assert_frames (&peer, "DATA 1 40000");
  g_assert_false (chan_spdy_conn_has_room (peer.conn, 1));
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 0, 40000 - (65536 + 1000 - 40000));
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 3 40000");
  teardown ();
}

static void
test_bytes_are_split (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  open_stream (1, TRUE);
  throw_away ();
  be_jschan ();
  spdy_peer_send_bytes (&peer, 3, 0, 40000, FALSE);
  spdy_assert_frames (&peer, "DATA 3 16384; DATA 3 16384; DATA 3 7232");
  teardown ();
}

/* --- streams ------------------------------------------------------------- */

static void
test_who_is_nested (void)
{
  static const struct { const char *headers; gboolean nested; } streams[] = {
    { "libchan-ref=1;libchan-parent-ref=0", FALSE },
    { "libchan-ref=3;libchan-parent-ref=1", TRUE },
    { "libchan-ref=5;libchan-parent-ref=", TRUE },
    { "libchan-ref=7", TRUE },
  };

  setup (CHAN_SPDY_SERVER);
  for (guint i = 0; i < G_N_ELEMENTS (streams); i++)
    {
      ChanSpdyEvent event;
      guint32 id;

      spdy_script_syn (&script, 2 * i + 1, 0, streams[i].headers);
      chan_spdy_conn_feed (peer.conn, script.bytes->data, script.bytes->len);
      g_assert_true (chan_spdy_conn_next_event (peer.conn, &event));
      g_assert_cmpint (event.type, ==, CHAN_SPDY_EVENT_OPEN);
      g_assert_cmpint (event.open.nested, ==, streams[i].nested);
      g_assert_false (chan_spdy_conn_next_event (peer.conn, &event));
      g_assert_cmpint (chan_spdy_conn_claim (peer.conn, 2 * i + 1, &id), ==,
                       streams[i].nested ? CHAN_SPDY_CLAIM_OK : CHAN_SPDY_CLAIM_TWICE);
      g_byte_array_set_size (script.bytes, 0);
    }
  spdy_assert_frames (&peer, "SYN_REPLY 1 200; SYN_REPLY 3 200; SYN_REPLY 5 200; SYN_REPLY 7 200");
  teardown ();
}

static void
test_replies_of_all_kinds (void)
{
  setup (CHAN_SPDY_CLIENT);
  for (int i = 0; i < 3; i++)
    open_stream (0, FALSE);
  spdy_script_reply (&script, 1, 0, "status=200");
  spdy_script_reply (&script, 3, 0, "date=Mon, 23 Nov 2026 16:48:05 GMT;:status=200 OK;:version=HTTP/1.1");
  spdy_script_reply (&script, 5, 0, ":status=200");
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "REPLY 1 200\nREPLY 3 200\nREPLY 5 200\n");
  teardown ();
}

/* A server that spoke before it knew its client has used refs of generation 2. */
static void
test_refs_after_late_settling (void)
{
  ChanSpdyOpen open = { .capacity = -1 };
  guint32 id;
  guint64 ref;

  spdy_peer_init (&peer, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  spdy_script_init (&script);
  for (guint64 expected = 2; expected < 5; expected++)
    {
      g_assert_true (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
      g_assert_cmpuint (ref, ==, expected);
    }
  chan_spdy_conn_set_dialect (peer.conn, GEN1);
  for (guint64 expected = 8; expected < 12; expected += 2)
    {
      g_assert_true (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
      g_assert_cmpuint (ref, ==, expected);
    }
  teardown ();
}

/* --- PUSH ---------------------------------------------------------------- */

static void
test_push_to_jschan (void)
{
  setup (CHAN_SPDY_SERVER);
  be_jschan ();
  spdy_script_syn (&script, 1, 0, "libchan-ref=1;libchan-parent-ref=0");
  spdy_script_run (&script, &peer);
  throw_away ();
  g_assert_cmpuint (open_stream (1, FALSE), ==, 2);
  assert_frame (2, CHAN_SPDY_FLAG_UNIDIRECTIONAL, 1);
  /* jschan takes a PUSH only of its own streams: that of stream 2 is of 1 again. */
  g_assert_cmpuint (open_stream (2, TRUE), ==, 4);
  assert_frame (4, CHAN_SPDY_FLAG_UNIDIRECTIONAL, 1);
  g_assert_true (chan_spdy_conn_is_pushed (peer.conn, 4));
  g_free (spdy_peer_trace (&peer));
  /* no SYN_REPLY comes */
  spdy_script_data (&script, 2, 0, 5);
  spdy_script_data (&script, 2, 1, 0);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "DATA 2 5 8855508aade16ec5\nFIN 2\n");
  send_message (2, 100);
  spdy_assert_frames (&peer, "DATA 2 100");
  teardown ();
}

static void
test_no_push_to_go (void)
{
  setup (CHAN_SPDY_SERVER);
  spdy_script_syn (&script, 1, 0, "libchan-ref=1;libchan-parent-ref=0");
  spdy_script_run (&script, &peer);
  throw_away ();
  open_stream (1, FALSE);
  assert_frame (2, 0, 0);
  g_assert_false (chan_spdy_conn_is_pushed (peer.conn, 2));
  teardown ();
}

static void
test_push_from_jschan (void)
{
  setup (CHAN_SPDY_CLIENT);
  open_stream (0, FALSE);
  throw_away ();
  be_jschan ();
  spdy_script_syn (&script, 2, CHAN_SPDY_FLAG_UNIDIRECTIONAL, "libchan-ref=2;libchan-parent-ref=1");
  spdy_script_data (&script, 2, 0, 3);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "OPEN 2 ref=2 parent=1\nDATA 2 3 709e80c88487a241\n");
  g_assert_true (chan_spdy_conn_is_pushed (peer.conn, 2));
  /* no SYN_REPLY; and we may write */
  send_message (2, 7);
  spdy_assert_frames (&peer, "DATA 2 7");
  /* refused: without SYN_REPLY too */
  spdy_script_syn (&script, 4, CHAN_SPDY_FLAG_UNIDIRECTIONAL, "libchan-ref=2;libchan-parent-ref=1");
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "RST 4 1");
  teardown ();
}

/* --- the head of an HTTP response ----------------------------------------- */

/* What is left of `text`, given in pieces of `step`. */
static char *
behead (const char *text, gsize step)
{
  GString *left = g_string_new (NULL);
  ChanHttpHead head = { 0 };
  gsize len = strlen (text);

  for (gsize at = 0; at < len; at += step)
    {
      gsize part = MIN (step, len - at), begin;
      g_autofree guint8 *piece = g_memdup2 (text + at, part);
      gsize skip = chan_http_head_skip (&head, piece, part, &begin);

      g_assert_cmpuint (skip, <=, part);
      g_string_append_len (left, CHAN_HTTP_HEAD_BEGIN, (gssize) begin);
      g_string_append_len (left, text + at + skip, (gssize) (part - skip));
    }
  return g_string_free (left, FALSE);
}

static void
test_http_head (void)
{
  static const char *const texts[][2] = {
    { "HTTP/1.1 200 OK\r\nDate: x\r\nConnection: keep-alive\r\n\r\nrest\r\n\r\n", "rest\r\n\r\n" },
    { CHAN_HTTP_HEAD, "" },
    { "HTTP/1.1 200 OK\r\nA: b\r\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n" },
    { "HTTP/1.1 is no head\r\n\r\n", "HTTP/1.1 is no head\r\n\r\n" },
    { "hello", "hello" },
    { "HHTTP/1.1 200 OK\r\n\r\n", "HHTTP/1.1 200 OK\r\n\r\n" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    for (gsize step = 1; step < 60; step++)
      {
        g_autofree char *left = behead (texts[i][0], step);

        g_assert_cmpstr (left, ==, texts[i][1]);
      }
}

static void
test_http_head_without_end (void)
{
  g_autofree char *filler = g_strnfill (20000, 'x');
  g_autofree char *text = g_strconcat (CHAN_HTTP_HEAD_BEGIN, filler, NULL);

  for (gsize step = 1; step < 30000; step = step * 7 + 1)
    {
      g_autofree char *left = behead (text, step);

      g_assert_cmpuint (strlen (left), ==, strlen (text) - CHAN_HTTP_HEAD_MAX);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-gen1/message-waits-until-it-fits-whole", test_message_waits_until_it_fits_whole);
  g_test_add_func ("/spdy-gen1/message-that-waits-holds-up-no-other-stream", test_message_that_waits_holds_up_no_other_stream);
  g_test_add_func ("/spdy-gen1/unheard-peer-may-be-jschan", test_unheard_peer_may_be_jschan);
  g_test_add_func ("/spdy-gen1/largest-message", test_largest_message);
  g_test_add_func ("/spdy-gen1/window-that-shrinks-under-a-message", test_window_that_shrinks_under_a_message);
  g_test_add_func ("/spdy-gen1/session-window", test_session_window);
  g_test_add_func ("/spdy-gen1/bytes-are-split", test_bytes_are_split);
  g_test_add_func ("/spdy-gen1/who-is-nested", test_who_is_nested);
  g_test_add_func ("/spdy-gen1/replies-of-all-kinds", test_replies_of_all_kinds);
  g_test_add_func ("/spdy-gen1/refs-after-late-settling", test_refs_after_late_settling);
  g_test_add_func ("/spdy-gen1/push-to-jschan", test_push_to_jschan);
  g_test_add_func ("/spdy-gen1/no-push-to-go", test_no_push_to_go);
  g_test_add_func ("/spdy-gen1/push-from-jschan", test_push_from_jschan);
  g_test_add_func ("/spdy-gen1/http-head", test_http_head);
  g_test_add_func ("/spdy-gen1/http-head-without-end", test_http_head_without_end);
  return g_test_run ();
}
