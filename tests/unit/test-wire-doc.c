/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The byte examples of docs/wire.md and docs/wire-messages.md are what we really send. Each is a block
 * "```hex NAME"; this makes the same frames and messages and compares, and reads the messages. */
#include "codec-fixture.h"
#include "spdy-fixture.h"

#include <string.h>

#include "libchan-glib/wire/chan-codec.h"
#include "libchan-glib/wire/chan-http-head.h"

static char *document;
static GHashTable *checked; /* names of the examples that were compared */

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
    g_error ("the documents have no example “%s”", name);
  g_hash_table_add (checked, g_strdup (name));
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

/* --- messages ----------------------------------------------------------- */

/* The documented bytes are this message, read and written. */
static void
assert_body_example (ChanSpdyDialect dialect, const char *text, const ChanWireHandle *handles, gsize n, const char *name)
{
  g_autofree char *documented = find_example (name);
  g_autoptr (GBytes) bytes = codec_hex (documented);
  g_autoptr (GVariant) value = codec_parse (NULL, text);
  g_autoptr (GBytes) written = codec_encode (dialect, value, handles, n);
  ChanDecoded decoded;

  codec_assert_bytes (written, bytes);
  codec_decode (dialect, bytes, 1, &decoded);
  codec_assert_same (chan_body_get_variant (decoded.body), value);
  g_assert_cmpuint (decoded.n_handles, ==, n);
  for (gsize i = 0; i < n; i++)
    {
      g_assert_cmpint (decoded.handles[i].kind, ==, handles[i].kind);
      g_assert_cmpuint (decoded.handles[i].ref, ==, handles[i].ref);
    }
  codec_decoded_clear (&decoded);
}

/* The message of one example is the payload of the DATA frame of another. */
static void
assert_frame_example (ChanSpdyDialect dialect, const char *body, const char *name)
{
  g_autofree char *payload = find_example (body);
  g_autoptr (GBytes) bytes = codec_hex (payload);
  ChanSpdySegment segment = { g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes), NULL };
  SpdyPeer peer;
  guint32 id;

  spdy_peer_init (&peer, CHAN_SPDY_CLIENT, dialect, NULL);
  id = open_stream (&peer, 0, NULL, -1);
  throw_away (&peer);
  chan_spdy_conn_send_data (peer.conn, id, &segment, 1);
  assert_example (&peer, name);
  spdy_peer_clear (&peer);
}

static void
test_messages (void)
{
  static const ChanWireHandle all[] = {
    { CHAN_WIRE_BYTES_DUPLEX, 3 }, { CHAN_WIRE_BYTES_WRITE, 4 }, { CHAN_WIRE_BYTES_READ, 5 }, { CHAN_WIRE_SENDER, 6 },
    { CHAN_WIRE_RECEIVER, G_GUINT64_CONSTANT (1) << 32 },
  };
  static const ChanWireHandle reply[] = { { CHAN_WIRE_SENDER, 3 } };

  assert_body_example (CHAN_SPDY_DIALECT_GLIB, "{'N': <uint32 7>, 'R': <handle 0>}", reply, 1, "glib-body");
  assert_frame_example (CHAN_SPDY_DIALECT_GLIB, "glib-body", "glib-message");
  assert_body_example (CHAN_SPDY_DIALECT_GEN2,
                       "{'Both': <handle 0>, 'In': <handle 1>, 'Out': <handle 2>, 'Send': <handle 3>, 'Recv': <handle 4>, "
                       "'At': <('time', int64 1424694896, uint32 789012345)>}",
                       all, G_N_ELEMENTS (all), "gen2-body");
  assert_frame_example (CHAN_SPDY_DIALECT_GEN2, "gen2-body", "gen2-message");
  assert_body_example (CHAN_SPDY_DIALECT_GEN2, "handle 0", reply, 1, "gen2-bare-handle");
  assert_body_example (CHAN_SPDY_DIALECT_GEN2, "int64 200", NULL, 0, "gen2-200");
}

static void
test_generation_1_exts (void)
{
  static const ChanWireHandle sender[] = { { CHAN_WIRE_SENDER, 9 } };
  static const ChanWireHandle bytes[] = { { CHAN_WIRE_BYTES_DUPLEX, 3 } };

  assert_body_example (CHAN_SPDY_DIALECT_GEN1, "handle 0", sender, 1, "gen1-sender");
  assert_body_example (CHAN_SPDY_DIALECT_GEN1, "handle 0", bytes, 1, "gen1-bytes");
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

static const struct
{
  const char *path;
  void (*run) (void);
} tests[] = {
  { "/wire-doc/session", test_session },
  { "/wire-doc/streams", test_streams },
  { "/wire-doc/answers", test_answers },
  { "/wire-doc/messages", test_messages },
  { "/wire-doc/generation-1", test_generation_1 },
  { "/wire-doc/generation-1-push", test_generation_1_push },
  { "/wire-doc/generation-1-exts", test_generation_1_exts },
};

/* No example stands there that nothing above compares. */
static void
test_all (void)
{
  g_autoptr (GRegex) head = g_regex_new ("^```hex (\\S*)$", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  guint n = 0;

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    tests[i].run ();
  for (g_regex_match (head, document, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *name = g_match_info_fetch (match, 1);

      if (!g_hash_table_contains (checked, name))
        g_error ("nothing compares the example “%s”", name);
      n++;
    }
  g_assert_cmpuint (n, ==, g_hash_table_size (checked));
}

static char *
load (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("G_TEST_SRCDIR"), "..", "docs", name, NULL);
  char *text;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    g_error ("no %s", path);
  return text;
}

int
main (int argc, char **argv)
{
  g_autofree char *frames = NULL, *messages = NULL;
  int status;

  g_test_init (&argc, &argv, NULL);
  frames = load ("wire.md");
  messages = load ("wire-messages.md");
  document = g_strconcat (frames, "\n", messages, NULL);
  checked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add_func (tests[i].path, tests[i].run);
  g_test_add_func ("/wire-doc/every-example-is-compared", test_all);
  status = g_test_run ();
  g_hash_table_unref (checked);
  g_free (document);
  return status;
}
