/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions recorded with jschan and the first Go libchan (tests/vectors), read
 * as the side that received them: down to messages and bytes. */
#include <string.h>

#include "codec-fixture.h"

#include "libchan-glib/wire/chan-http-head.h"

#define GEN1 CHAN_SPDY_DIALECT_GEN1
#define MAX_ID 12

typedef struct
{
  const char *name;   /* of the test */
  const char *file;
  ChanSpdyRole role;  /* ours */
  const char *opens;  /* what we had opened: "c" a channel, "b" a byte stream, "n" a nested channel */
  const char *trace;
} Recording;

#define REXEC_REQUEST \
  "OPEN 1\nOPEN 3 nested\nOPEN 5 nested\nOPEN 7 nested\nOPEN 9 nested\n" \
  "MESSAGE 1 {'Cmd': <'/bin/echo'>, 'Args': <[<'hello'>]>, 'Stdin': <handle 0>, 'Stdout': <handle 1>, 'Stderr': <handle 2>, " \
  "'StatusChan': <handle 3>} 1:3 1:5 1:7 4:9\n" \
  "FIN 3\n"

static const Recording recordings[] = {
  { "jschan-client-of-go", "jschan_to_gogen1.c2s.bin", CHAN_SPDY_SERVER, "", REXEC_REQUEST "FIN 5\nFIN 7\n" },
  { "go-server-of-jschan", "jschan_to_gogen1.s2c.bin", CHAN_SPDY_CLIENT, "cbbbn",
    "REPLY 3\nREPLY 1\nREPLY 5\nREPLY 7\nREPLY 9\nBYTES 5 hello\n\nFIN 5\nFIN 7\nMESSAGE 9 {'Status': <int64 0>}\n" },
  { "jschan-client-of-jschan", "jschan_to_jschan_rexec_echo.c2s.bin", CHAN_SPDY_SERVER, "", REXEC_REQUEST "FIN 7\nFIN 5\n" },
  { "jschan-server-of-jschan", "jschan_to_jschan_rexec_echo.s2c.bin", CHAN_SPDY_CLIENT, "cbbbn",
    "REPLY 1\nREPLY 3\nREPLY 5\nREPLY 7\nREPLY 9\nMESSAGE 9 {'Status': <int64 0>}\nBYTES 5 hello\n\nFIN 7\nFIN 5\n" },
  { "jschan-server-that-pushes", "jschan_server_pushes.s2c.bin", CHAN_SPDY_CLIENT, "cn",
    "REPLY 1\nREPLY 3\nOPEN 2 nested pushed\nOPEN 4 nested pushed\nOPEN 6 nested pushed\n"
    "MESSAGE 3 {'Tx': <handle 0>, 'Rx': <handle 1>, 'Bs': <handle 2>} 4:4 5:6 1:8\n"
    "MESSAGE 4 {'echo': <'ping'>}\nBYTES 6 re:some bytes\nBYTES 6 re:HTTP/1.1 is not a head\n" },
  /* the server's streams 2, 4, 6 and 8 */
  { "jschan-client-that-takes-pushes", "jschan_client_takes_pushes.c2s.bin", CHAN_SPDY_SERVER, "ppqp",
    "OPEN 1\nOPEN 3 nested\nMESSAGE 1 {'Nest': <handle 0>} 4:3\nMESSAGE 2 {'pong': <'from server'>}\n"
    "BYTES 6 re:server bytes\nMESSAGE 8 {'hi': <'deep'>}\nFIN 3\n" },
};

typedef struct
{
  const Recording *recording;
  ChanSpdyConn *conn;
  GString *trace;
  ChanDecoder decoders[MAX_ID];
  ChanHttpHead heads[MAX_ID];
  gboolean bytes[MAX_ID];
  GString *collected;  /* bytes of one stream */
  guint32 collected_id;
} Reader;

/* The sessions say nothing of frames: bytes of a stream in a row are one line, as far as a frame goes. */
static void
flush_bytes (Reader *self)
{
  if (self->collected->len > 0)
    g_string_append_printf (self->trace, "BYTES %u %s\n", self->collected_id, self->collected->str);
  g_string_truncate (self->collected, 0);
}

static void
add_message (Reader *self, guint32 id, ChanDecoded *decoded)
{
  g_autofree char *text = g_variant_print (chan_body_get_variant (decoded->body), FALSE);

  g_string_append_printf (self->trace, "MESSAGE %u %s", id, text);
  for (gsize i = 0; i < decoded->n_handles; i++)
    {
      g_string_append_printf (self->trace, " %d:%" G_GUINT64_FORMAT, (int) decoded->handles[i].kind, decoded->handles[i].ref);
      if (decoded->handles[i].kind < CHAN_WIRE_SENDER)
        self->bytes[decoded->handles[i].ref % MAX_ID] = TRUE;
    }
  g_string_append_c (self->trace, '\n');
}

/* What was read, written again, is what jschan wrote, to the byte. */
static void
assert_survives (ChanDecoded *decoded, const GByteArray *wire)
{
  g_autoptr (GBytes) data = codec_encode (GEN1, chan_body_get_variant (decoded->body), decoded->handles, decoded->n_handles);

  g_assert_cmpmem (g_bytes_get_data (data, NULL), (int) g_bytes_get_size (data), wire->data, (int) wire->len);
}

static void
take_message_bytes (Reader *self, guint32 id, const guint8 *data, gsize len)
{
  static GByteArray *wire;

  if (wire == NULL)
    wire = g_byte_array_new ();
  while (len > 0)
    {
      g_autoptr (GError) error = NULL;
      ChanDecoded decoded;
      gsize consumed;
      ChanDecodeResult result = chan_decoder_feed (&self->decoders[id], GEN1, &chan_limits_default, data, len, &consumed,
                                                   &decoded, &error);

      g_assert_no_error (error);
      g_byte_array_append (wire, data, (guint) consumed);
      data += consumed;
      len -= consumed;
      if (result != CHAN_DECODE_MESSAGE)
        continue;
      add_message (self, id, &decoded);
      assert_survives (&decoded, wire);
      g_byte_array_set_size (wire, 0);
      codec_decoded_clear (&decoded);
    }
}

static void
take_data (Reader *self, const ChanSpdyEvent *event)
{
  guint32 id = event->stream_id;
  guint64 ref = chan_spdy_conn_get_ref (self->conn, id);
  gsize skip = 0, begin = 0;

  if (id % 2 == (self->recording->role == CHAN_SPDY_CLIENT) && chan_spdy_conn_is_pushed (self->conn, id))
    skip = chan_http_head_skip (&self->heads[id], event->data, event->len, &begin);
  g_assert_cmpuint (begin, ==, 0);
  if (!self->bytes[ref])
    {
      take_message_bytes (self, id, event->data + skip, event->len - skip);
      return;
    }
  if (self->collected_id != id)
    flush_bytes (self);
  self->collected_id = id;
  g_string_append_len (self->collected, (const char *) event->data + skip, (gssize) (event->len - skip));
  /* the end of a frame: of what these programs wrote at once */
  if (!chan_spdy_conn_in_frame (self->conn))
    flush_bytes (self);
}

/* The server of the recording pushed its streams once stream 3 was there. */
static void
open_own (Reader *self, guint32 parent)
{
  for (const char *what = self->recording->opens; *what != '\0'; what++)
    {
      gboolean is_bytes = *what == 'b' || *what == 'q';
      ChanSpdyOpen open = { .capacity = -1, .byte_stream = is_bytes };
      guint32 id;
      guint64 ref;

      open.parent_id = *what == 'c' ? 0 : parent;
      open.parent_ref = *what == 'c' || is_bytes ? 0 : parent;
      g_assert_true (chan_spdy_conn_open (self->conn, &open, NULL, &id, &ref));
      g_assert_cmpuint (id, ==, ref);
      self->bytes[ref] = is_bytes;
    }
}

static void
take_event (Reader *self, const ChanSpdyEvent *event)
{
  guint32 id = event->stream_id;

  if (event->type == CHAN_SPDY_EVENT_DATA)
    {
      take_data (self, event);
      return;
    }
  flush_bytes (self);
  if (event->type == CHAN_SPDY_EVENT_OPEN)
    g_string_append_printf (self->trace, "OPEN %u%s%s\n", id, event->open.nested ? " nested" : "",
                            chan_spdy_conn_is_pushed (self->conn, id) ? " pushed" : "");
  else if (event->type == CHAN_SPDY_EVENT_REPLY)
    g_string_append_printf (self->trace, "REPLY %u\n", id);
  else if (event->type == CHAN_SPDY_EVENT_FIN)
    g_string_append_printf (self->trace, "FIN %u\n", id);
  else
    g_assert_cmpint (event->type, ==, CHAN_SPDY_EVENT_SETTINGS);
  if (event->type == CHAN_SPDY_EVENT_OPEN && id == 3 && self->recording->role == CHAN_SPDY_SERVER)
    open_own (self, 3);
}

static void
check (const Recording *recording, const guint8 *wire, gsize len, gsize step)
{
  Reader reader = { .recording = recording, .trace = g_string_new (NULL), .collected = g_string_new (NULL) };

  reader.conn = chan_spdy_conn_new (recording->role, &chan_limits_default);
  chan_spdy_conn_set_dialect (reader.conn, GEN1);
  if (recording->role == CHAN_SPDY_CLIENT)
    open_own (&reader, 1);
  for (gsize at = 0; at < len; at += step)
    {
      gsize part = MIN (step, len - at);
      g_autofree guint8 *piece = g_memdup2 (wire + at, part);
      ChanSpdyEvent event;

      chan_spdy_conn_feed (reader.conn, piece, part);
      while (chan_spdy_conn_next_event (reader.conn, &event))
        take_event (&reader, &event);
    }
  flush_bytes (&reader);
  g_assert_cmpstr (reader.trace->str, ==, recording->trace);
  for (guint i = 0; i < MAX_ID; i++)
    g_assert_cmpuint (chan_decoder_held (&reader.decoders[i]), ==, 0);
  chan_spdy_conn_free (reader.conn);
  g_string_free (reader.trace, TRUE);
  g_string_free (reader.collected, TRUE);
}

static void
test_recording (gconstpointer data)
{
  const Recording *recording = data;
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "vectors", recording->file, NULL);
  g_autofree char *wire = NULL;
  g_autoptr (GError) error = NULL;
  gsize len;

  g_file_get_contents (path, &wire, &len, &error);
  g_assert_no_error (error);
  check (recording, (const guint8 *) wire, len, len);
  check (recording, (const guint8 *) wire, len, 1);
  check (recording, (const guint8 *) wire, len, 13);
}

/* --- any value ------------------------------------------------------------ */

/* Handles at random places of a random value, of all kinds that this generation has. */
static void
test_any_value_comes_back (void)
{
  static const ChanWireKind kinds[] = { CHAN_WIRE_BYTES_DUPLEX, CHAN_WIRE_SENDER, CHAN_WIRE_RECEIVER };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (int i = 0; i < 2000; i++)
    {
      ChanWireHandle handles[8];
      gsize n = (gsize) g_rand_int_range (rand, 0, G_N_ELEMENTS (handles) + 1);
      g_autoptr (GVariant) value = NULL;
      g_autoptr (GBytes) wire = NULL;
      GVariantBuilder builder;
      ChanDecoded back;

      g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
      for (gsize k = 0; k < n; k++)
        {
          handles[k].kind = kinds[g_rand_int_range (rand, 0, G_N_ELEMENTS (kinds))];
          handles[k].ref = (guint64) g_rand_int (rand) + (g_rand_boolean (rand) ? G_GUINT64_CONSTANT (1) << 32 : 0);
          g_variant_builder_add (&builder, "v", codec_random_plain (rand, 4));
          g_variant_builder_add (&builder, "v", g_variant_new_handle ((gint32) k));
        }
      value = g_variant_ref_sink (g_variant_builder_end (&builder));
      wire = codec_encode (GEN1, value, handles, n);
      codec_decode (GEN1, wire, (gsize) g_rand_int_range (rand, 1, 100), &back);
      codec_assert_same (chan_body_get_variant (back.body), value);
      g_assert_cmpuint (back.n_handles, ==, n);
      for (gsize k = 0; k < n; k++)
        {
          g_assert_cmpint (back.handles[k].kind, ==, handles[k].kind);
          g_assert_cmpuint (back.handles[k].ref, ==, handles[k].ref);
        }
      codec_decoded_clear (&back);
    }
}

/* docs/wire-messages.md, "Generation 1": an old Go names connections by their addresses. */
static void
test_addresses (void)
{
  g_autoptr (GBytes) wire = codec_hex ("92 c7 19 04 03 746370 0b 3132372e302e302e313a39 08 5b3a3a315d3a3830"
                                       "d8 05 03 756470 05 612e623a31 05 632e643a32");
  g_autoptr (GVariant) expected = codec_parse (NULL, "[<('conn', 'tcp', '127.0.0.1:9', '[::1]:80')>, <('conn', 'udp', 'a.b:1', 'c.d:2')>]");
  g_autoptr (GBytes) back = codec_encode (GEN1, expected, NULL, 0);
  /* what looks alike is an array */
  g_autoptr (GVariant) other = codec_parse (NULL, "('conn', 'tcp', 'a', 'b')");
  g_autoptr (GBytes) array = codec_hex ("94 a4 636f6e6e a3 746370 a1 61 a1 62");
  g_autoptr (GBytes) other_back = codec_encode (GEN1, other, NULL, 0);
  g_autoptr (GBytes) towards_go = codec_encode (CHAN_SPDY_DIALECT_GEN2, other, NULL, 0);
  ChanDecoded decoded;

  codec_assert_bytes (back, wire);
  codec_assert_bytes (other_back, array);
  codec_assert_bytes (towards_go, array);
  for (gsize step = 1; step <= g_bytes_get_size (wire); step++)
    {
      codec_decode (GEN1, wire, step, &decoded);
      codec_assert_same (chan_body_get_variant (decoded.body), expected);
      g_assert_cmpuint (decoded.n_handles, ==, 0);
      codec_decoded_clear (&decoded);
    }
}

static void
test_malformed_addresses (void)
{
  static const char *const bad[] = {
    "d6 04 00000001",                       /* a handle of generation 2 */
    "c7 06 05 03 746370 00 00",             /* tcp as udp */
    "c7 06 04 03 746370 00 01",             /* longer than it is */
    "c7 07 04 03 746370 00 00 00",          /* and shorter */
    "c7 05 04 03 746370 00",
    "c7 08 04 03 746370 01 61 01 62",       /* as long as a ref of generation 2 */
    "c7 09 04 03 746370 02 61ff 01 62",     /* no UTF-8 */
    "c7 09 04 03 746370 02 6100 01 62",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GBytes) wire = codec_hex (bad[i]);

      g_test_message ("%s", bad[i]);
      codec_decode_fails (GEN1, wire, &chan_limits_default, CHAN_CHANNEL_ERROR_PROTOCOL);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (recordings); i++)
    {
      g_autofree char *name = g_strconcat ("/gen1-vectors/", recordings[i].name, NULL);

      g_test_add_data_func (name, &recordings[i], test_recording);
    }
  g_test_add_func ("/gen1-vectors/any-value-comes-back", test_any_value_comes_back);
  g_test_add_func ("/gen1-vectors/addresses", test_addresses);
  g_test_add_func ("/gen1-vectors/malformed-addresses", test_malformed_addresses);
  return g_test_run ();
}
