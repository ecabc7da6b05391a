/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte examples of docs/wire.md are what we really send. Each is a block
 * "```hex NAME"; this makes the same frames and compares. */
#include "spdy-fixture.h"

#include <string.h>

#include "libchan-glib/wire/chan-codec.h"
#include "libchan-glib/wire/chan-http-head.h"

static char *document;

static char *
hex_of (GByteArray *bytes)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < bytes->len; i++)
    g_string_append_printf (text, "%02x", bytes->data[i]);
  return g_string_free (text, FALSE);
}

/* The digits of a block, without what separates them. */
static char *
find_example (const char *name)
{
  g_autofree char *head = g_strdup_printf ("```hex %s\n", name);
  const char *begin = strstr (document, head);
  const char *end;
  GString *digits = g_string_new (NULL);

  if (begin == NULL)
    g_error ("docs/wire.md has no example “%s”", name);
  begin += strlen (head);
  end = strstr (begin, "```");
  g_assert_nonnull (end);
  for (const char *at = begin; at < end; at++)
    if (g_ascii_isxdigit (*at))
      g_string_append_c (digits, *at);
  return g_string_free (digits, FALSE);
}

static void
assert_example (SpdyPeer *peer, const char *name)
{
  g_autoptr (GByteArray) bytes = spdy_peer_output (peer);
  g_autofree char *sent = hex_of (bytes);
  g_autofree char *documented = find_example (name);

  g_assert_cmpstr (sent, ==, documented);
}

static void
throw_away (SpdyPeer *peer)
{
  g_byte_array_unref (spdy_peer_output (peer));
}

static guint32
open_stream (SpdyPeer *peer, guint64 parent, const char *name, gint64 capacity)
{
  ChanSpdyOpen open = { .name = name, .capacity = capacity, .has_parent = parent != 0, .parent_ref = parent };
  guint32 id;
  guint64 ref;

  g_assert_true (chan_spdy_conn_open (peer->conn, &open, NULL, &id, &ref));
  return id;
}

static void
test_session (void)
{
  SpdyPeer peer;
  guint32 ping;

  spdy_peer_init (&peer, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  chan_spdy_conn_submit_settings (peer.conn, 1);
  assert_example (&peer, "settings");
  spdy_peer_clear (&peer);
  spdy_peer_init (&peer, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_UNKNOWN, NULL);
  chan_spdy_conn_submit_settings (peer.conn, 3);
  assert_example (&peer, "settings-fds");
  chan_spdy_conn_set_dialect (peer.conn, CHAN_SPDY_DIALECT_GLIB);
  assert_example (&peer, "session-window");
  chan_spdy_conn_ping (peer.conn, &ping);
  assert_example (&peer, "ping");
  chan_spdy_conn_goaway (peer.conn, 0);
  assert_example (&peer, "goaway");
  spdy_peer_clear (&peer);
}

static void
test_streams (void)
{
  SpdyPeer peer;
  guint32 id;

  spdy_peer_init (&peer, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GLIB, NULL);
  throw_away (&peer);
  id = open_stream (&peer, 0, "jobs", 64);
  assert_example (&peer, "syn-stream");
  open_stream (&peer, chan_spdy_conn_get_ref (peer.conn, id), NULL, 1);
  assert_example (&peer, "syn-stream-nested");
  chan_spdy_conn_finish (peer.conn, id);
  assert_example (&peer, "fin");
  spdy_peer_clear (&peer);
}

static void
test_answers (void)
{
  SpdyPeer peer;
  SpdyScript script;

  spdy_peer_init (&peer, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GLIB, NULL);
  throw_away (&peer);
  spdy_script_init (&script);
  spdy_script_syn (&script, 1, 0, "libchan-ref=2");
  spdy_script_data (&script, 1, 0, 5);
  spdy_script_run (&script, &peer);
  assert_example (&peer, "syn-reply");
  chan_spdy_conn_taken (peer.conn, 1, 3);
  assert_example (&peer, "taken");
  chan_spdy_conn_send_fds (peer.conn, 1, 2);
  assert_example (&peer, "fds");
  chan_spdy_conn_stop (peer.conn, 1, 1, "enough");
  assert_example (&peer, "stop");
  chan_spdy_conn_reset (peer.conn, 1, CHAN_SPDY_CANCEL, 1, "bye");
  assert_example (&peer, "abort");
  spdy_script_clear (&script);
  spdy_peer_clear (&peer);
}

/* With the header that an old Go and jschan look for, and nothing of ours. */
static guint32
open_gen1 (SpdyPeer *peer, guint32 parent_id, gboolean bytes)
{
  ChanSpdyOpen open = { .capacity = -1, .parent_id = parent_id, .byte_stream = bytes };
  guint32 id;
  guint64 ref;

  open.parent_ref = parent_id != 0 ? chan_spdy_conn_get_ref (peer->conn, parent_id) : 0;
  g_assert_true (chan_spdy_conn_open (peer->conn, &open, NULL, &id, &ref));
  return id;
}

static void
send_gen1 (SpdyPeer *peer, guint32 id)
{
  static const ChanWireHandle handles[] = { { CHAN_WIRE_SENDER, 3 }, { CHAN_WIRE_BYTES_DUPLEX, 5 } };
  g_autoptr (ChanBody) body = chan_body_new_variant (g_variant_new_parsed ("{'R': handle 0, 'B': handle 1}"));
  ChanEncoded encoded = { 0 };

  g_assert_true (chan_codec_encode (CHAN_SPDY_DIALECT_GEN1, body, handles, 2, &chan_limits_default, &encoded, NULL));
  chan_spdy_conn_send_message (peer->conn, id, encoded.segments, encoded.n_segments);
  chan_encoded_clear (&encoded);
}

static void
test_generation_1 (void)
{
  SpdyPeer peer;
  guint32 id;

  spdy_peer_init (&peer, CHAN_SPDY_CLIENT, CHAN_SPDY_DIALECT_GEN1, NULL);
  id = open_gen1 (&peer, 0, FALSE);
  assert_example (&peer, "gen1-syn-stream");
  open_gen1 (&peer, id, FALSE);
  assert_example (&peer, "gen1-syn-stream-nested");
  open_gen1 (&peer, id, TRUE);
  assert_example (&peer, "gen1-syn-stream-bytes");
  send_gen1 (&peer, id);
  assert_example (&peer, "gen1-message");
  spdy_peer_clear (&peer);
}

static void
test_generation_1_push (void)
{
  static const ChanSpdySegment head = { (const guint8 *) CHAN_HTTP_HEAD, sizeof CHAN_HTTP_HEAD - 1, NULL };
  SpdyPeer peer;
  SpdyScript script;
  guint32 id;

  spdy_script_init (&script);
  spdy_peer_init (&peer, CHAN_SPDY_SERVER, CHAN_SPDY_DIALECT_GEN1, NULL);
  spdy_script_settings (&script, 2, 7, 1048576);
  /* taken without SYN_REPLY, so that the example has the first header block */
  spdy_script_syn (&script, 1, CHAN_SPDY_FLAG_UNIDIRECTIONAL, "libchan-ref=1;libchan-parent-ref=0");
  spdy_script_run (&script, &peer);
  id = open_gen1 (&peer, 1, FALSE);
  assert_example (&peer, "gen1-push");
  chan_spdy_conn_send_message (peer.conn, id, &head, 1);
  assert_example (&peer, "gen1-push-head");
  spdy_script_clear (&script);
  spdy_peer_clear (&peer);
}

int
main (int argc, char **argv)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  path = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "docs", "wire.md", NULL);
  if (!g_file_get_contents (path, &text, NULL, NULL))
    g_error ("no %s", path);
  document = text;
  g_test_add_func ("/wire-doc/session", test_session);
  g_test_add_func ("/wire-doc/streams", test_streams);
  g_test_add_func ("/wire-doc/answers", test_answers);
  g_test_add_func ("/wire-doc/generation-1", test_generation_1);
  g_test_add_func ("/wire-doc/generation-1-push", test_generation_1_push);
  status = g_test_run ();
  return status;
}
