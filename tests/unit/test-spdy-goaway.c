/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a connection says and reports with peers that behave. */
#include "spdy-fixture.h"

static SpdyPeer peer;
static SpdyScript script;

static void
setup (ChanSpdyRole role, ChanSpdyDialect dialect, const ChanLimits *limits)
{
  spdy_peer_init (&peer, role, dialect, limits);
  spdy_script_init (&script);
}

static void
teardown (void)
{
  spdy_peer_clear (&peer);
  spdy_script_clear (&script);
}

static void
test_goaway (void)
{
  const ChanSpdyOpen open = { .capacity = -1 };
  guint32 id;
  guint64 ref;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_peer_open (&peer);
  spdy_script_reply (&script, 1, 0, ":status=200");
  spdy_script_pair (&script, CHAN_SPDY_GOAWAY, 1, 0);
  spdy_script_data (&script, 1, 0, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "REPLY 1 200\nGOAWAY 1 0\nDATA 1 1 6e340b9cffb37a98\n");
  g_assert_false (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  teardown ();

  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_script_syn (&script, 3, 0, "libchan-ref=2");
  spdy_script_run (&script, &peer);
  chan_spdy_conn_goaway (peer.conn, 0);
  chan_spdy_conn_goaway (peer.conn, 0);
  g_assert_false (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  spdy_script_syn (&script, 5, 0, "libchan-ref=3");
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "OPEN 3 ref=2\n");
  spdy_assert_frames (&peer, "SYN_REPLY 3 200; GOAWAY 3 0; SYN_REPLY 5 503; RST 5 3; WINDOW 0 3932160");
  teardown ();
}

/* SPDY/3 2.6.6: streams above the last that the peer looked at will never be; the others go on. */
static void
test_goaway_leaves_out (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  for (guint i = 0; i < 4; i++)
    spdy_peer_open (&peer);
  spdy_script_syn (&script, 2, 0, "libchan-ref=9");
  spdy_script_reply (&script, 1, 0, ":status=200");
  spdy_script_pair (&script, CHAN_SPDY_RST_STREAM, 5, CHAN_SPDY_CANCEL);
  spdy_script_pair (&script, CHAN_SPDY_GOAWAY, 1, 0);
  spdy_script_data (&script, 1, 0, 1);
  spdy_script_data (&script, 3, 0, 1);
  spdy_script_data (&script, 2, 0, 1);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "OPEN 2 ref=9\nREPLY 1 200\nRESET 5 5\nGOAWAY 1 0\n"
                            "RESET 3 3\nRESET 7 3\n"
                            "DATA 1 1 6e340b9cffb37a98\nDATA 2 1 6e340b9cffb37a98\n");
  teardown ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-goaway/stops-opens", test_goaway);
  g_test_add_func ("/spdy-goaway/ends-what-it-leaves-out", test_goaway_leaves_out);
  return g_test_run ();
}
