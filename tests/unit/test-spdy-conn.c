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
test_open (void)
{
  const ChanSpdyOpen open = { .parent_ref = 2, .name = "n", .type = "a{sv}", .capacity = 7 };
  SpdyPeer server;
  g_autoptr (GByteArray) bytes = NULL;
  guint32 id;
  guint64 ref;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  spdy_peer_init (&server, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN2, NULL);
  g_assert_cmpuint (spdy_peer_open (&peer), ==, 1);
  g_assert_true (chan_spdy_conn_open (peer.conn, &open, &peer, &id, &ref));
  g_assert_cmpuint (id, ==, 3);
  g_assert_cmpuint (ref, ==, 3);
  g_assert_true (chan_spdy_conn_get_stream_data (peer.conn, 3) == &peer);
  g_assert_cmpuint (chan_spdy_conn_get_ref (peer.conn, 3), ==, 3);
  spdy_peer_send (&peer, 3, "hello");
  chan_spdy_conn_finish (peer.conn, 3);
  chan_spdy_conn_finish (peer.conn, 3);
  bytes = spdy_peer_output (&peer);
  spdy_peer_feed_array (&server, bytes);
  spdy_assert_trace (&server, "OPEN 1 ref=2\n"
                     "OPEN 3 ref=3 parent=2 name=n type=a{sv} capacity=7\n"
                     "DATA 3 5 2cf24dba5fb0a30e\nFIN 3\n");
  spdy_assert_frames (&server, "SYN_REPLY 1 200; SYN_REPLY 3 200");
  g_assert_cmpuint (chan_spdy_conn_n_streams (server.conn), ==, 2);
  spdy_peer_clear (&server);
  teardown ();
}

static void
test_reply (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  for (guint i = 0; i < 4; i++)
    spdy_peer_open (&peer);
  spdy_script_reply (&script, 5, 0, ":status=200");
  spdy_script_reply (&script, 1, 0, ":status=200 OK;:version=HTTP/1.1");
  spdy_script_reply (&script, 3, 1, "status=503");
  spdy_script_reply (&script, 7, 0, "x-other=1");
  spdy_script_data (&script, 1, 0, 3);
  spdy_script_data (&script, 1, 1, 3);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "REPLY 5 200\nREPLY 1 200\nREPLY 3 503\nFIN 3\nREPLY 7 200\n"
                     "DATA 1 6 b0f66adc83641586\nFIN 1\n");
  teardown ();
}

/* docs/wire.md, section 0: generation 1 tells top-level channels, channels and byte streams apart by the parent. */
static void
test_generation_1 (void)
{
  ChanSpdyOpen open = { .capacity = -1 };
  SpdyPeer client, server;
  g_autoptr (GByteArray) bytes = NULL;
  guint32 id;
  guint64 ref;

  spdy_peer_init (&client, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN1, NULL);
  spdy_peer_init (&server, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN1, NULL);
  g_assert_true (chan_spdy_conn_open (client.conn, &open, NULL, &id, &ref));
  g_assert_cmpuint (ref, ==, 1);
  open.byte_stream = TRUE;
  g_assert_true (chan_spdy_conn_open (client.conn, &open, NULL, &id, &ref));
  g_assert_cmpuint (ref, ==, 3);
  open = (ChanSpdyOpen) { .parent_ref = 1, .capacity = -1 };
  g_assert_true (chan_spdy_conn_open (client.conn, &open, NULL, &id, &ref));
  g_assert_true (chan_spdy_conn_open (server.conn, &open, NULL, &id, &ref));
  g_assert_cmpuint (ref, ==, 2);
  bytes = spdy_peer_output (&client);
  spdy_peer_feed_array (&server, bytes);
  spdy_assert_trace (&server, "OPEN 1 ref=1 parent=0\nOPEN 3 ref=3\nOPEN 5 ref=5 parent=1\n");
  g_assert_cmpint (chan_spdy_conn_claim (server.conn, 1, &id), ==, CHAN_SPDY_CLAIM_TWICE);
  g_assert_cmpint (chan_spdy_conn_claim (server.conn, 3, &id), ==, CHAN_SPDY_CLAIM_OK);
  spdy_peer_clear (&client);
  spdy_peer_clear (&server);
}

static void
test_settings (void)
{
  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  chan_spdy_conn_submit_settings (peer.conn, 1);
  chan_spdy_conn_submit_settings (peer.conn, 1);
  {
    g_autoptr (GByteArray) bytes = spdy_peer_output (&peer);

    g_assert_cmpmem (bytes->data, bytes->len,
                     "\x80\x03\0\4\0\0\0\x14\0\0\0\2\0\0\0\7\0\1\0\0\0\x4c\x43\x31\0\0\0\1", 28);
  }
  spdy_script_settings (&script, 6, 0x01000007, 1048576, 0x4c4331, 5, 7, 1);
  spdy_script_settings (&script, 2, 4, 100);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "SETTINGS window=1 features=5\nSETTINGS window=0 features=0\n");
  teardown ();
}

/* A place is kept for them, before all that was said meanwhile. */
static void
test_settings_come_first_though_decided_last (void)
{
  g_autoptr (GByteArray) none = NULL;
  guint32 id;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  chan_spdy_conn_await_settings (peer.conn);
  chan_spdy_conn_ping (peer.conn, &id);
  none = spdy_peer_output (&peer);
  g_assert_cmpuint (none->len, ==, 0);
  g_assert_false (chan_spdy_conn_output_urgent (peer.conn));
  g_assert_cmpuint (chan_spdy_conn_output_bytes (peer.conn), ==, 0);
  chan_spdy_conn_submit_settings (peer.conn, 1);
  {
    g_autoptr (GByteArray) bytes = spdy_peer_output (&peer);

    g_assert_cmpmem (bytes->data, bytes->len,
                     "\x80\x03\0\4\0\0\0\x14\0\0\0\2\0\0\0\7\0\1\0\0\0\x4c\x43\x31\0\0\0\1"
                     "\x80\x03\0\6\0\0\0\4\0\0\0\1", 40);
  }
  teardown ();
}

/* GOAWAY says why, though the settings were never decided. */
static void
test_settings_undecided_at_a_failure (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  chan_spdy_conn_await_settings (peer.conn);
  spdy_script_control (&script, CHAN_SPDY_SETTINGS, 0, (const guint8 *) "\x7f\0\0\0", 4);
  spdy_script_run (&script, &peer);
  {
    g_autoptr (GByteArray) bytes = spdy_peer_output (&peer);

    g_assert_cmpmem (bytes->data, bytes->len,
                     "\x80\x03\0\4\0\0\0\x14\0\0\0\2\0\0\0\7\0\1\0\0\0\x4c\x43\x31\0\0\0\0"
                     "\x80\x03\0\7\0\0\0\x8\0\0\0\0\0\0\0\1", 44);
  }
  teardown ();
}

static void
test_ping (void)
{
  guint32 id;

  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN2, NULL);
  spdy_script_ping (&script, 7);
  spdy_script_run (&script, &peer);
  chan_spdy_conn_ping (peer.conn, &id);
  g_assert_cmpuint (id, ==, 2);
  spdy_assert_frames (&peer, "PING 7; PING 2");
  spdy_script_ping (&script, 2);
  spdy_script_ping (&script, 4);
  spdy_script_ping (&script, 0);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "PING_REPLY 2\n");
  spdy_assert_frames (&peer, "");
  teardown ();
}

static void
test_reset (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  for (guint i = 0; i < 3; i++)
    spdy_peer_open (&peer);
  g_free (spdy_peer_frames (&peer));
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 7, "text");
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 7, "text");
  chan_spdy_conn_reset (peer.conn, 3, 0, 7, NULL);
  spdy_peer_send (&peer, 1, "late");
  chan_spdy_conn_finish (peer.conn, 1);
  g_assert_false (chan_spdy_conn_has_room (peer.conn, 1));
  spdy_assert_frames (&peer, "RST 1 5; RST 3 5");
  spdy_script_pair (&script, CHAN_SPDY_RST_STREAM, 5, 2);
  spdy_script_pair (&script, CHAN_SPDY_RST_STREAM, 1, 2);
  spdy_script_data (&script, 1, 0, 10);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "RESET 5 2\n");
  spdy_assert_frames (&peer, "");
  teardown ();
}

static void
test_abort (void)
{
  g_autofree char *longest = g_strnfill (255, 'x');
  g_autofree char *text = g_strconcat (longest, "\xc3\xa4\xc3\xa4", NULL);
  g_autofree char *expected = g_strdup_printf ("OPEN 1 ref=2\nOPEN 3 ref=3\nOPEN 5 ref=4\n"
                                               "ABORT 1 9 %s\nABORT 3 1 -\nABORT 5 1 -\n", longest);
  SpdyPeer server;
  g_autoptr (GByteArray) bytes = NULL;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_peer_init (&server, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  for (guint i = 0; i < 3; i++)
    spdy_peer_open (&peer);
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 9, text);
  chan_spdy_conn_reset (peer.conn, 3, CHAN_SPDY_CANCEL, 1, NULL);
  chan_spdy_conn_reset (peer.conn, 5, CHAN_SPDY_CANCEL, 1, "not UTF-8: \xff");
  bytes = spdy_peer_output (&peer);
  spdy_peer_feed_array (&server, bytes);
  spdy_assert_trace (&server, expected);
  spdy_peer_clear (&server);
  teardown ();
}

static void
test_taken (void)
{
  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_script_syn (&script, 1, 0, "libchan-ref=2");
  spdy_script_syn (&script, 3, 0, "libchan-ref=3");
  spdy_script_run (&script, &peer);
  g_free (spdy_peer_frames (&peer));
  for (guint i = 1; i <= 100; i++)
    chan_spdy_conn_taken (peer.conn, 1, i);
  chan_spdy_conn_taken (peer.conn, 3, 5);
  /* It must not follow our FIN: the peer might forget the stream by that. */
  chan_spdy_conn_finish (peer.conn, 3);
  spdy_assert_frames (&peer, "TAKEN 3 5; FIN 3; TAKEN 1 100");
  chan_spdy_conn_taken (peer.conn, 1, 101);
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 0, NULL);
  chan_spdy_conn_taken (peer.conn, 1, 102);
  spdy_assert_frames (&peer, "TAKEN 1 101; ABORT 1 0");
  spdy_script_pair (&script, CHAN_SPDY_TAKEN, 3, 12);
  spdy_script_pair (&script, CHAN_SPDY_TAKEN, 1, 12);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "OPEN 1 ref=2\nOPEN 3 ref=3\nTAKEN 3 12\n");
  teardown ();
}

/* Our own frame types would end the session with a Go peer. */
static void
test_private_frames_stay_private (void)
{
  static const ChanSpdyDialect others[] = { CHAN_SPDY_DIALECT_UNKNOWN, CHAN_SPDY_DIALECT_GEN2,
                                            CHAN_SPDY_DIALECT_GEN1 };

  for (guint i = 0; i < G_N_ELEMENTS (others); i++)
    {
      setup (CHAN_SPDY_SERVER, others[i], NULL);
      spdy_script_syn (&script, 1, 0, "libchan-ref=2");
      spdy_script_data (&script, 1, 0, 60000);
      spdy_script_run (&script, &peer);
      chan_spdy_conn_taken (peer.conn, 1, 1);
      chan_spdy_conn_consumed (peer.conn, 1, 60000);
      chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 1, "text");
      spdy_assert_frames (&peer, "SYN_REPLY 1 200; RST 1 5");
      teardown ();
    }
}

static void
test_forget (void)
{
  guint32 id;

  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN2, NULL);
  spdy_script_syn (&script, 1, 0, "libchan-ref=2;libchan-parent-ref=9");
  spdy_script_data (&script, 1, 0, 5);
  spdy_script_run (&script, &peer);
  g_assert_cmpint (chan_spdy_conn_claim (peer.conn, 3, &id), ==, CHAN_SPDY_CLAIM_UNKNOWN);
  g_assert_cmpint (chan_spdy_conn_claim (peer.conn, 2, &id), ==, CHAN_SPDY_CLAIM_OK);
  g_assert_cmpuint (id, ==, 1);
  g_assert_cmpint (chan_spdy_conn_claim (peer.conn, 2, &id), ==, CHAN_SPDY_CLAIM_TWICE);
  g_free (spdy_peer_trace (&peer));
  spdy_peer_send (&peer, 1, "x");
  chan_spdy_conn_finish (peer.conn, 1);
  chan_spdy_conn_forget (peer.conn, 1);
  g_assert_cmpuint (chan_spdy_conn_n_streams (peer.conn), ==, 1);
  spdy_script_data (&script, 1, 1, 5);
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "");
  g_assert_cmpuint (chan_spdy_conn_n_streams (peer.conn), ==, 0);
  g_assert_cmpint (chan_spdy_conn_claim (peer.conn, 2, &id), ==, CHAN_SPDY_CLAIM_UNKNOWN);
  spdy_assert_frames (&peer, "SYN_REPLY 1 200; DATA 1 1; FIN 1");
  teardown ();
}

static void
test_no_room_event_for_the_forgotten (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_peer_open (&peer);
  spdy_peer_send_bytes (&peer, 1, 0, 70000, FALSE);
  chan_spdy_conn_forget (peer.conn, 1);
  g_assert_false (chan_spdy_conn_has_room (peer.conn, 1));
  g_free (spdy_peer_frames (&peer));
  spdy_script_pair (&script, CHAN_SPDY_WINDOW_UPDATE, 1, 100000);
  spdy_script_run (&script, &peer);
  g_assert_cmpuint (chan_spdy_conn_pending (peer.conn, 1), ==, 0);
  spdy_assert_trace (&peer, "");
  teardown ();
}

/* The owner may reset and forget a stream while a frame of it is half read. */
static void
test_forget_inside_a_frame (void)
{
  setup (CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  spdy_script_syn (&script, 1, 0, "libchan-ref=2");
  spdy_script_data (&script, 1, 1, 1000);
  g_byte_array_set_size (script.bytes, script.bytes->len - 500);
  spdy_script_run (&script, &peer);
  g_assert_true (chan_spdy_conn_in_frame (peer.conn));
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 0, NULL);
  chan_spdy_conn_forget (peer.conn, 1);
  g_free (spdy_peer_trace (&peer));
  g_byte_array_set_size (script.bytes, 500);
  spdy_script_ping (&script, 9);
  spdy_script_run (&script, &peer);
  g_assert_false (chan_spdy_conn_in_frame (peer.conn));
  spdy_assert_trace (&peer, "");
  spdy_assert_frames (&peer, "SYN_REPLY 1 200; ABORT 1 0; PING 9; WINDOW 0 3933160");
  teardown ();
}

/* Go gives up a message for whose streams it has to wait too long. */
static void
test_held (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  for (guint i = 0; i < CHAN_SPDY_UNANSWERED_MAX; i++)
    spdy_peer_open (&peer);
  g_byte_array_unref (spdy_peer_output (&peer));
  chan_spdy_conn_hold (peer.conn, 1);
  spdy_peer_send (&peer, 1, "few");
  spdy_assert_frames (&peer, "DATA 1 3");
  spdy_peer_open (&peer);
  spdy_peer_open (&peer);
  g_byte_array_unref (spdy_peer_output (&peer));
  chan_spdy_conn_hold (peer.conn, 1);
  spdy_peer_send (&peer, 1, "many");
  spdy_peer_send (&peer, 1, "and what follows");
  chan_spdy_conn_finish (peer.conn, 1);
  spdy_peer_send (&peer, 3, "another");
  spdy_assert_frames (&peer, "DATA 3 7");
  g_assert_false (chan_spdy_conn_all_sent (peer.conn));
  g_assert_false (chan_spdy_conn_has_room (peer.conn, 1));
  spdy_script_reply (&script, 19, 0, ":status=200");
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "");
  /* A refusal is an answer too. */
  spdy_script_pair (&script, CHAN_SPDY_RST_STREAM, 17, CHAN_SPDY_REFUSED_STREAM);
  spdy_script_run (&script, &peer);
  spdy_assert_frames (&peer, "DATA 1 20; FIN 1");
  teardown ();
}

static void
test_held_stream_is_reset (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  for (guint i = 0; i < CHAN_SPDY_UNANSWERED_MAX + 2; i++)
    spdy_peer_open (&peer);
  chan_spdy_conn_hold (peer.conn, 1);
  chan_spdy_conn_hold (peer.conn, 3);
  spdy_peer_send (&peer, 1, "dropped");
  spdy_peer_send (&peer, 3, "held");
  g_byte_array_unref (spdy_peer_output (&peer));
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 0, NULL);
  spdy_assert_frames (&peer, "RST 1 5");
  chan_spdy_conn_reset (peer.conn, 5, CHAN_SPDY_CANCEL, 0, NULL);
  spdy_assert_frames (&peer, "RST 5 5; DATA 3 4");
  teardown ();
}

/* Our own peers wait for streams as long as it takes. */
static void
test_not_held (void)
{
  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
  for (guint i = 0; i < 2 * CHAN_SPDY_UNANSWERED_MAX; i++)
    spdy_peer_open (&peer);
  g_byte_array_unref (spdy_peer_output (&peer));
  chan_spdy_conn_hold (peer.conn, 1);
  spdy_peer_send (&peer, 1, "at once");
  spdy_assert_frames (&peer, "DATA 1 7");
  teardown ();
}

static void
test_ids_run_out (void)
{
  const ChanSpdyOpen open = { .capacity = -1 };
  guint32 id;
  guint64 ref;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  peer.conn->next_id = 0x7fffffff - 8;
  for (guint i = 0; i < 5; i++)
    id = spdy_peer_open (&peer);
  g_assert_cmpuint (id, ==, 0x7fffffff);
  g_assert_false (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  spdy_script_reply (&script, 0x7fffffff, 0, ":status=200");
  spdy_script_run (&script, &peer);
  spdy_assert_trace (&peer, "REPLY 2147483647 200\n");
  teardown ();
}

static void
test_strings_have_limits (void)
{
  g_autofree char *name = g_strnfill (chan_limits_default.header_value_bytes + 1, 'n');
  ChanSpdyOpen open = { .capacity = -1, .name = name };
  guint32 id;
  guint64 ref;

  setup (CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN2, NULL);
  g_assert_false (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  g_assert_cmpuint (chan_spdy_conn_output_bytes (peer.conn), ==, 0);
  name[chan_limits_default.header_value_bytes] = '\0';
  g_assert_true (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  open.type = name;
  g_assert_false (chan_spdy_conn_open (peer.conn, &open, NULL, &id, &ref));
  teardown ();
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spdy-conn/open-data-fin-arrive", test_open);
  g_test_add_func ("/spdy-conn/replies-in-any-order", test_reply);
  g_test_add_func ("/spdy-conn/generation-1-parents-and-refs", test_generation_1);
  g_test_add_func ("/spdy-conn/settings-once-and-first-entry-counts", test_settings);
  g_test_add_func ("/spdy-conn/settings-come-first-though-decided-last", test_settings_come_first_though_decided_last);
  g_test_add_func ("/spdy-conn/settings-undecided-at-a-failure", test_settings_undecided_at_a_failure);
  g_test_add_func ("/spdy-conn/ping-parity", test_ping);
  g_test_add_func ("/spdy-conn/reset-is-said-once-and-silence-follows", test_reset);
  g_test_add_func ("/spdy-conn/abort-carries-code-and-text", test_abort);
  g_test_add_func ("/spdy-conn/taken-is-coalesced-and-comes-before-the-end", test_taken);
  g_test_add_func ("/spdy-conn/private-frames-only-to-our-own", test_private_frames_stay_private);
  g_test_add_func ("/spdy-conn/forgotten-once-both-halves-are-over", test_forget);
  g_test_add_func ("/spdy-conn/no-room-event-for-the-forgotten", test_no_room_event_for_the_forgotten);
  g_test_add_func ("/spdy-conn/forget-inside-a-frame", test_forget_inside_a_frame);
  g_test_add_func ("/spdy-conn/message-waits-while-many-streams-are-unanswered", test_held);
  g_test_add_func ("/spdy-conn/held-stream-can-be-reset", test_held_stream_is_reset);
  g_test_add_func ("/spdy-conn/own-peers-get-messages-at-once", test_not_held);
  g_test_add_func ("/spdy-conn/ids-run-out", test_ids_run_out);
  g_test_add_func ("/spdy-conn/own-headers-have-limits", test_strings_have_limits);
  return g_test_run ();
}
