/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File descriptors as the sans-I/O connection knows them: as numbers of them. */
#include "spdy-fixture.h"

#include <string.h>

/* A peer of our kind with one open channel, 1. */
static void
begin (SpdyPeer *peer, SpdyScript *script)
{
  spdy_peer_init (peer, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_script_init (script);
  spdy_script_syn (script, 1, 0, "libchan-ref=2");
  spdy_script_run (script, peer);
  spdy_assert_trace (peer, "OPEN 1 ref=2\n");
}

static void
end (SpdyPeer *peer, SpdyScript *script)
{
  spdy_script_clear (script);
  spdy_peer_clear (peer);
}

static void
test_announced (void)
{
  SpdyPeer peer;
  SpdyScript script;

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, 3);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 2);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FDS 1 2\nFDS 1 1\n");
  end (&peer, &script);
}

/* In pieces they come with the first byte of the frame, and are waited for until its last. */
static void
test_in_pieces (void)
{
  SpdyPeer peer;
  SpdyScript script;
  guint8 first;

  begin (&peer, &script);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 4);
  first = script.bytes->data[0];
  chan_spdy_conn_feed_fds (peer.conn, 4);
  spdy_peer_feed (&peer, &first, 1, 0);
  spdy_assert_trace (&peer, "");
  spdy_peer_feed (&peer, script.bytes->data + 1, script.bytes->len - 1, 1);
  spdy_assert_trace (&peer, "FDS 1 4\n");
  end (&peer, &script);
}

static void
test_missing (void)
{
  SpdyPeer peer;
  SpdyScript script;

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, 1);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 2);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FAILED file descriptors were announced that did not come\n");
  end (&peer, &script);
}

static void
test_none (void)
{
  SpdyPeer peer;
  SpdyScript script;

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, 1);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 0);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FAILED file descriptors were announced that did not come\n");
  end (&peer, &script);
}

static void
test_excess (void)
{
  SpdyPeer peer;
  SpdyScript script;

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, 3);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 2);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FDS 1 2\nFAILED file descriptors came that were not announced\n");
  end (&peer, &script);
}

/* Inside a frame that does not end, they are bounded. */
static void
test_too_many (void)
{
  SpdyPeer peer;
  SpdyScript script;
  const guint8 head[] = { 0x80, 3 };

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, CHAN_SPDY_FDS_MAX);
  spdy_peer_feed (&peer, head, 1, 0);
  spdy_assert_trace (&peer, "");
  chan_spdy_conn_feed_fds (peer.conn, 1);
  spdy_peer_feed (&peer, head + 1, 1, 0);
  spdy_assert_trace (&peer, "FAILED too many file descriptors\n");
  end (&peer, &script);
}

/* For a stream that is over, or never was: they are told of all the same, so that they are closed. */
static void
test_stray (void)
{
  SpdyPeer peer;
  SpdyScript script;

  begin (&peer, &script);
  chan_spdy_conn_feed_fds (peer.conn, 2);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 7, 2);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FDS 7 2\n");
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 1, NULL);
  chan_spdy_conn_forget (peer.conn, 1);
  chan_spdy_conn_feed_fds (peer.conn, 1);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FDS 1 1\n");
  end (&peer, &script);
}

static void
test_other_dialect (void)
{
  SpdyPeer peer;
  SpdyScript script;

  spdy_peer_init (&peer, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN2, NULL);
  spdy_script_init (&script);
  chan_spdy_conn_feed_fds (peer.conn, 1);
  spdy_script_pair (&script, CHAN_SPDY_FDS, 1, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "FAILED file descriptors came that were not announced\n");
  chan_spdy_conn_send_fds (peer.conn, 1, 1);
  g_assert_cmpuint (chan_spdy_conn_output_fds (peer.conn), ==, 0);
  end (&peer, &script);
}

/* --- out --------------------------------------------------------------------- */

/* Takes up to `max` bytes as a socket would: how many descriptors went with them. */
static guint
write_some (SpdyPeer *peer, GByteArray *written, gsize max)
{
  ChanSpdySegment segments[4];
  gsize n = chan_spdy_conn_peek_output (peer->conn, segments, G_N_ELEMENTS (segments));
  guint fds = chan_spdy_conn_output_fds (peer->conn);
  gsize done = 0;

  for (gsize i = 0; i < n && done < max; i++)
    {
      gsize part = MIN (segments[i].len, max - done);

      g_byte_array_append (written, segments[i].data, (guint) part);
      done += part;
    }
  chan_spdy_conn_consume_output (peer->conn, done);
  return fds;
}

static gboolean
is_fds_frame (GByteArray *written, gsize at)
{
  static const guint8 head[] = { 0x80, 3, 0x4c, 4 };

  return at + CHAN_SPDY_PAIR_SIZE <= written->len && memcmp (written->data + at, head, sizeof head) == 0;
}

/* However much is written at once, they go with the first byte of their frame and no other. */
static void
test_written (void)
{
  for (gsize max = 1; max < 100; max++)
    {
      g_autoptr (GByteArray) written = g_byte_array_new ();
      SpdyPeer peer;
      guint32 id;
      gsize before = 0;
      guint seen[2] = { 0 };
      guint n_seen = 0;
      gsize at[2] = { 0 };

      spdy_peer_init (&peer, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
      id = spdy_peer_open (&peer);
      chan_spdy_conn_send_fds (peer.conn, id, 3);
      spdy_peer_send (&peer, id, "names three");
      chan_spdy_conn_send_fds (peer.conn, id, 16);
      spdy_peer_send (&peer, id, "names sixteen");
      while (chan_spdy_conn_output_bytes (peer.conn) > 0)
        {
          guint n = write_some (&peer, written, max);

          if (n > 0)
            {
              g_assert_cmpuint (n_seen, <, 2);
              at[n_seen] = before;
              seen[n_seen++] = n;
            }
          before = written->len;
        }
      g_assert_cmpuint (n_seen, ==, 2);
      g_assert_cmpuint (seen[0], ==, 3);
      g_assert_cmpuint (seen[1], ==, 16);
      g_assert_true (is_fds_frame (written, at[0]) && is_fds_frame (written, at[1]));
      spdy_peer_clear (&peer);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-fds/announced", test_announced);
  g_test_add_func ("/spdy-fds/in-pieces", test_in_pieces);
  g_test_add_func ("/spdy-fds/fewer-than-announced", test_missing);
  g_test_add_func ("/spdy-fds/none-announced", test_none);
  g_test_add_func ("/spdy-fds/more-than-announced", test_excess);
  g_test_add_func ("/spdy-fds/too-many-inside-a-frame", test_too_many);
  g_test_add_func ("/spdy-fds/of-a-stream-that-is-not-there", test_stray);
  g_test_add_func ("/spdy-fds/only-in-our-dialect", test_other_dialect);
  g_test_add_func ("/spdy-fds/written-with-their-frame", test_written);
  return g_test_run ();
}
