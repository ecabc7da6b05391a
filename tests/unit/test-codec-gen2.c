/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plain msgpack, as generations 1 and 2 speak it: the mapping of docs/wire-messages.md. */
#include <string.h>

#include "codec-fixture.h"

#define GEN1 CHAN_SPDY_DIALECT_GEN1
#define GEN2 CHAN_SPDY_DIALECT_GEN2

static const struct
{
  const char *hex;
  const char *text; /* as g_variant_print() would, with types */
} reads[] = {
  { "c0", "@mv nothing" },
  { "c2", "false" },
  { "c3", "true" },
  { "00", "int64 0" },
  { "ff", "int64 -1" },
  { "cc c8", "int64 200" },
  { "d1 00c8", "int64 200" },
  { "ce ffffffff", "int64 4294967295" },
  { "cf 7fffffffffffffff", "int64 9223372036854775807" },
  { "cf 8000000000000000", "uint64 9223372036854775808" },
  { "cf ffffffffffffffff", "uint64 18446744073709551615" },
  { "d3 8000000000000000", "int64 -9223372036854775808" },
  { "ca 40100000", "2.25" },
  { "cb 4002000000000000", "2.25" },
  { "a0", "''" },
  { "a3 e298ba", "'\u263a'" },
  { "d9 01 78", "'x'" },
  { "db 00000001 78", "'x'" },
  { "c4 00", "@ay []" },
  { "c6 00000002 0102", "@ay [1, 2]" },
  { "90", "@av []" },
  { "80", "@a{sv} {}" },
  { "93 01 c0 a1 78", "[<int64 1>, <@mv nothing>, <'x'>]" },
  { "dd 00000001 c3", "[<true>]" },
  { "82 a1 61 01 c4 01 62 90", "{'a': <int64 1>, 'b': <@av []>}" },
  { "81 a0 81 a0 80", "{'': <{'': <@a{sv} {}>}>}" },
  { "c7 0c 06 0000000054eb1e70 2f075f79", "('time', int64 1424694896, uint32 789012345)" },
  { "91 c7 0c 06 ffffffffffffffff 00000001", "[<('time', int64 -1, uint32 1)>]" },
};

static void
test_reads (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reads); i++)
    {
      g_autoptr (GBytes) data = codec_hex (reads[i].hex);
      g_autoptr (GVariant) value = codec_decode_variant (GEN2, data);
      g_autoptr (GVariant) expected = codec_parse (NULL, reads[i].text);

      g_test_message ("%s: %s", reads[i].hex, reads[i].text);
      codec_assert_same (value, expected);
    }
}

static const struct
{
  const char *text;
  const char *hex;
} writes[] = {
  { "byte 0xc8", "d1 00c8" },
  { "int16 -1", "ff" },
  { "uint16 200", "d1 00c8" },
  { "int32 -33", "d0 df" },
  { "uint32 4294967295", "d3 00000000ffffffff" },
  { "int64 -9223372036854775808", "d3 8000000000000000" },
  { "uint64 9223372036854775807", "d3 7fffffffffffffff" },
  { "uint64 9223372036854775808", "cf 8000000000000000" },
  { "1.0", "cb 3ff0000000000000" },
  { "true", "c3" },
  { "'x'", "a1 78" },
  { "objectpath '/a'", "a2 2f61" },
  { "signature 'ii'", "a2 6969" },
  { "b'a'", "c4 02 6100" },
  { "@ay []", "c4 00" },
  { "[b'a', b'']", "92 c4 02 6100 c4 01 00" },
  { "['a', 'b']", "92 a1 61 a1 62" },
  { "(1, 'x', ())", "93 01 a1 78 90" },
  { "{'a': 1}", "81 a1 61 01" },
  { "{'a': <{'b': <'x'>}>}", "81 a1 61 81 a1 62 a1 78" },
  { "@a{os} {'/': 'x'}", "81 a1 2f a1 78" },
  { "@a{gs} {'i': 'x'}", "81 a1 69 a1 78" },
  { "{'a', 1}", "81 a1 61 01" },
  { "@ms nothing", "c0" },
  { "@ms 'x'", "a1 78" },
  { "@mms nothing", "c0" },
  { "<<<'x'>>>", "a1 78" },
  { "[@mv nothing]", "91 c0" },
  { "('time', int64 1, uint32 2)", "c7 0c 06 0000000000000001 00000002" },
  { "('Time', int64 1, uint32 2)", "93 a4 54696d65 01 02" },
  { "('time', int64 1, int64 2)", "93 a4 74696d65 01 02" },
  { "(int64 1, uint32 2)", "92 01 02" },
};

static void
test_writes (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (writes); i++)
    {
      g_autoptr (GVariant) value = codec_parse (NULL, writes[i].text);
      g_autoptr (GBytes) data = codec_encode (GEN2, value, NULL, 0);
      g_autoptr (GBytes) expected = codec_hex (writes[i].hex);

      g_test_message ("%s: %s", writes[i].text, writes[i].hex);
      codec_assert_bytes (data, expected);
    }
}

static void
test_doubles_keep_every_bit (void)
{
  static const guint64 bits[] = {
    0, (guint64) 1 << 63, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000,
    0x7ff8000000000001, 0xfff8dead0000beef, 1, 0x7fefffffffffffff,
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bits); i++)
    {
      g_autoptr (GVariant) back = NULL;
      g_autoptr (GBytes) data = NULL;
      guint64 bits_back;
      double d, d_back;

      memcpy (&d, &bits[i], sizeof d);
      data = codec_encode (GEN2, g_variant_new_double (d), NULL, 0);
      g_assert_cmpuint (g_bytes_get_size (data), ==, 9);
      back = codec_decode_variant (GEN2, data);
      d_back = g_variant_get_double (back);
      memcpy (&bits_back, &d_back, sizeof d_back);
      g_assert_cmphex (bits_back, ==, bits[i]);
    }
}

static void
test_float32_reads_exactly (void)
{
  static const guint32 bits[] = { 0, 0x80000000, 0x3dcccccd, 0x00000001, 0x7f7fffff, 0x7f800000, 0xff800000 };

  for (gsize i = 0; i < G_N_ELEMENTS (bits); i++)
    {
      guint32 be = GUINT32_TO_BE (bits[i]);
      guint8 wire[5] = { 0xca };
      g_autoptr (GBytes) data = (memcpy (wire + 1, &be, 4), g_bytes_new (wire, sizeof wire));
      g_autoptr (GVariant) value = codec_decode_variant (GEN2, data);
      float f = (float) g_variant_get_double (value);
      guint32 back;

      memcpy (&back, &f, sizeof f);
      g_assert_cmphex (back, ==, bits[i]);
    }
}

static void
test_any_value_any_split (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (int i = 0; i < 3000; i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (codec_random_plain (rand, 12));
      g_autoptr (GBytes) data = codec_encode (GEN2, value, NULL, 0);
      gsize step = i % 3 == 0 ? G_MAXSIZE : i % 3 == 1 ? 1 : (gsize) g_rand_int_range (rand, 1, 100);
      g_autoptr (GVariant) fresh = NULL;
      g_autoptr (GBytes) bytes = NULL;
      ChanDecoded decoded;

      codec_decode (GEN2, data, step, &decoded);
      codec_assert_same (chan_body_get_variant (decoded.body), value);
      /* the view is marked as trusted: GLib, asked to look, must agree */
      bytes = g_variant_get_data_as_bytes (chan_body_get_variant (decoded.body));
      fresh = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));
      g_assert_true (g_variant_is_normal_form (fresh));
      codec_decoded_clear (&decoded);
    }
}

/* What has no form of its own in msgpack comes back as the plain form of it, and then stays. */
static void
test_typed_values_settle (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);
  guint written = 0;

  for (int i = 0; i < 3000; i++)
    {
      g_autoptr (ChanBody) body = chan_body_new_variant (codec_random_typed (rand, 8));
      g_autoptr (GVariant) plain = NULL, again = NULL;
      g_autoptr (GBytes) data = NULL, data_again = NULL;
      g_autoptr (GError) error = NULL;
      ChanEncoded encoded = { 0 };

      if (!chan_codec_encode (GEN2, body, NULL, 0, &chan_limits_default, &encoded, &error))
        {
          g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
          chan_encoded_clear (&encoded);
          continue;
        }
      written++;
      chan_encoded_clear (&encoded);
      data = codec_encode (GEN2, chan_body_get_variant (body), NULL, 0);
      plain = codec_decode_variant (GEN2, data);
      data_again = codec_encode (GEN2, plain, NULL, 0);
      codec_assert_bytes (data, data_again);
      again = codec_decode_variant (GEN2, data_again);
      codec_assert_same (again, plain);
    }
  g_assert_cmpuint (written, >, 1500);
}

static void
test_handles (void)
{
  static const ChanWireHandle handles[] = { { CHAN_WIRE_SENDER, 3 }, { CHAN_WIRE_BYTES_READ, 0x100000000 } };
  g_autoptr (GVariant) value = codec_parse (NULL, "(handle 1, {'Ret': <handle 0>})");
  g_autoptr (GVariant) expected = codec_parse (NULL, "[<handle 0>, <{'Ret': <handle 1>}>]");
  g_autoptr (GBytes) data = codec_encode (GEN2, value, handles, 2);
  g_autoptr (GBytes) wire = codec_hex ("92 d7 03 0000000100000000 81 a3 526574 d6 04 00000003");
  ChanDecoded decoded;

  codec_assert_bytes (data, wire);
  for (gsize step = 1; step < 20; step++)
    {
      codec_decode (GEN2, data, step, &decoded);
      codec_assert_same (chan_body_get_variant (decoded.body), expected);
      g_assert_cmpuint (decoded.n_handles, ==, 2);
      g_assert_cmpint (decoded.handles[0].kind, ==, CHAN_WIRE_BYTES_READ);
      g_assert_cmpuint (decoded.handles[0].ref, ==, 0x100000000);
      g_assert_cmpint (decoded.handles[1].kind, ==, CHAN_WIRE_SENDER);
      g_assert_cmpuint (decoded.handles[1].ref, ==, 3);
      codec_decoded_clear (&decoded);
    }
}

static void
test_handles_of_generation_1 (void)
{
  static const ChanWireHandle handles[] = { { CHAN_WIRE_SENDER, 9 }, { CHAN_WIRE_RECEIVER, 7 }, { CHAN_WIRE_BYTES_DUPLEX, 3 } };
  g_autoptr (GVariant) value = codec_parse (NULL, "[handle 0, handle 1, handle 2]");
  g_autoptr (GVariant) expected = codec_parse (NULL, "[<handle 0>, <handle 1>, <handle 2>]");
  g_autoptr (GBytes) data = codec_encode (GEN1, value, handles, 3);
  g_autoptr (GBytes) wire = codec_hex ("93 c7 05 01 02 00000009 c7 05 01 01 00000007 d6 02 00000003");
  ChanDecoded decoded;

  codec_assert_bytes (data, wire);
  codec_decode (GEN1, data, 1, &decoded);
  codec_assert_same (chan_body_get_variant (decoded.body), expected);
  g_assert_cmpuint (decoded.n_handles, ==, 3);
  for (gsize i = 0; i < 3; i++)
    {
      g_assert_cmpint (decoded.handles[i].kind, ==, handles[i].kind);
      g_assert_cmpuint (decoded.handles[i].ref, ==, handles[i].ref);
    }
  codec_decoded_clear (&decoded);
}

static void
test_refuses_what_msgpack_cannot_say (void)
{
  static const ChanWireHandle handles[] = { { CHAN_WIRE_SENDER, 2 }, { CHAN_WIRE_SENDER, 3 } };
  static const char *const bad[] = {
    "{1: 'int keys'}",
    "@a{ys} {}",
    "{true, 1}",
    "{'twice': 1, 'once': 2, 'twice': 3}",
    "[handle 0, handle 0, handle 1]",
    "[handle 0]",
    "[handle 0, handle 2]",
    "[handle 0, handle -1]",
    "'names no handle'",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GVariant) value = codec_parse (NULL, bad[i]);

      g_test_message ("%s", bad[i]);
      codec_encode_fails (GEN2, value, handles, i < 4 ? 0 : 2, &chan_limits_default, CHAN_CHANNEL_ERROR_UNSUPPORTED);
    }
}

static void
test_limits_hold_for_what_is_sent (void)
{
  ChanLimits limits = chan_limits_default;
  GVariant *deep = g_variant_new_string ("");

  for (int i = 0; i < 65; i++)
    deep = g_variant_new_tuple (&deep, 1);
  codec_encode_fails (GEN2, deep, NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  /* GLib serialises this without a word, and reads () from the middle of it */
  deep = g_variant_new_string ("");
  for (int i = 0; i < 126; i++)
    deep = g_variant_new_variant (deep);
  codec_encode_fails (GEN2, deep, NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  limits.message_bytes = 20;
  codec_encode_fails (GEN2, g_variant_new_string ("more than twenty bytes"), NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_LARGE);
  limits.message_nodes = 3;
  codec_encode_fails (GEN2, g_variant_new_parsed ("[1, 2, 3]"), NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

static void
test_large_bin_is_lent (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (100000), 100000);
  g_autoptr (ChanBody) body = chan_body_new_bytes (bytes);
  ChanEncoded encoded = { 0 };

  g_assert_true (chan_codec_encode (GEN2, body, NULL, 0, &chan_limits_default, &encoded, NULL));
  g_assert_cmpuint (encoded.n_segments, ==, 2);
  g_assert_cmpuint (encoded.segments[0].len, ==, 5);
  g_assert_true (encoded.segments[1].data == g_bytes_get_data (bytes, NULL));
  chan_encoded_clear (&encoded);
}

/* Frames mean nothing: two messages in one piece, a message in many. */
static void
test_messages_follow_each_other (void)
{
  g_autoptr (GBytes) data = codec_hex ("a1 61 81 a1 62 c0 c0 93 01 02 03 d6 04 00000009");
  gsize len = g_bytes_get_size (data);

  for (gsize step = 1; step <= len; step++)
    {
      ChanDecoder decoder = { 0 };
      gsize at = 0, consumed;
      guint n = 0;

      while (at < len)
        {
          ChanDecoded decoded;
          g_autofree guint8 *piece = g_memdup2 ((const guint8 *) g_bytes_get_data (data, NULL) + at, MIN (step, len - at));
          ChanDecodeResult result = chan_decoder_feed (&decoder, GEN2, &chan_limits_default, piece,
                                                       MIN (step, len - at), &consumed, &decoded, NULL);

          g_assert_cmpint (result, !=, CHAN_DECODE_ERROR);
          at += consumed;
          if (result == CHAN_DECODE_MESSAGE)
            {
              n++;
              codec_decoded_clear (&decoded);
            }
        }
      g_assert_cmpuint (n, ==, 5);
      g_assert_cmpuint (chan_decoder_held (&decoder), ==, 0);
      chan_decoder_clear (&decoder);
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec-gen2/reads-by-the-table", test_reads);
  g_test_add_func ("/codec-gen2/writes-by-the-table", test_writes);
  g_test_add_func ("/codec-gen2/doubles-keep-every-bit", test_doubles_keep_every_bit);
  g_test_add_func ("/codec-gen2/float32-reads-exactly", test_float32_reads_exactly);
  g_test_add_func ("/codec-gen2/any-plain-value-in-any-split-comes-back", test_any_value_any_split);
  g_test_add_func ("/codec-gen2/typed-values-settle", test_typed_values_settle);
  g_test_add_func ("/codec-gen2/handles", test_handles);
  g_test_add_func ("/codec-gen2/handles-of-generation-1", test_handles_of_generation_1);
  g_test_add_func ("/codec-gen2/refuses-what-msgpack-cannot-say", test_refuses_what_msgpack_cannot_say);
  g_test_add_func ("/codec-gen2/limits-hold-for-what-is-sent", test_limits_hold_for_what_is_sent);
  g_test_add_func ("/codec-gen2/large-bin-is-lent-not-copied", test_large_bin_is_lent);
  g_test_add_func ("/codec-gen2/messages-follow-each-other", test_messages_follow_each_other);
  return g_test_run ();
}
