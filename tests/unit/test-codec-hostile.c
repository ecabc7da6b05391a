/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a peer sends to hurt: refused with the right error, in little time and memory. */
#include <string.h>

#include "codec-fixture.h"
#include "libchan-glib/wire/chan-msgpack-writer.h"

#define GLIB CHAN_SPDY_DIALECT_GLIB
#define GEN1 CHAN_SPDY_DIALECT_GEN1
#define GEN2 CHAN_SPDY_DIALECT_GEN2

/* Generous enough for valgrind and sanitizers; quadratic ways take far longer. */
#define MANY_TIMES(seconds) ((seconds) * 10)
/* AddressSanitizer keeps what was freed. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define MIB(n) ((gsize) (n) << 23)
#else
#define MIB(n) ((gsize) (n) << 20)
#endif

static void
fails (ChanSpdyDialect dialect, const char *hex, ChanChannelError code)
{
  g_autoptr (GBytes) data = codec_hex (hex);

  g_test_message ("%s", hex);
  codec_decode_fails (dialect, data, &chan_limits_default, code);
}

/* Bytes of a message that is not complete, or an error: never memory for what is only declared. */
static void
test_lengths_that_lie (void)
{
  static const char *const too_large[] = {
    "c6 ffffffff", "c6 00400000", "db ffffffff", "db 00400000", "c9 ffffffff 04",
    "91 c6 00400000", "81 db ffffffff",
  };
  static const char *const too_complex[] = {
    "dd ffffffff", "dd 10000000", "df ffffffff", "dd 00040000", "df 00020000", "91 dd 00040000",
  };
  gsize before = codec_peak_memory ();

  for (gsize i = 0; i < G_N_ELEMENTS (too_large); i++)
    fails (GEN2, too_large[i], CHAN_CHANNEL_ERROR_TOO_LARGE);
  for (gsize i = 0; i < G_N_ELEMENTS (too_complex); i++)
    fails (GEN2, too_complex[i], CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  fails (GLIB, "c9 ffffffff 4c", CHAN_CHANNEL_ERROR_TOO_LARGE);
  fails (GLIB, "c9 00400000 4c", CHAN_CHANNEL_ERROR_TOO_LARGE);
  g_assert_cmpuint (codec_peak_memory () - before, <, MIB (8));
}

static void
test_declared_bytes_are_not_allocated (void)
{
  static const char *const starts[] = { "c6 003ffff0", "c9 003ffff0 4c 01 02 61 79 00" };

  for (gsize i = 0; i < G_N_ELEMENTS (starts); i++)
    {
      g_autoptr (GBytes) data = codec_hex (starts[i]);
      g_autofree ChanDecoder *decoders = g_new0 (ChanDecoder, 200);
      gsize before = codec_peak_memory (), consumed;
      ChanDecoded decoded;

      for (int k = 0; k < 200; k++)
        g_assert_cmpint (chan_decoder_feed (&decoders[k], i == 0 ? GEN2 : GLIB, &chan_limits_default,
                                            g_bytes_get_data (data, NULL), g_bytes_get_size (data),
                                            &consumed, &decoded, NULL), ==, CHAN_DECODE_MORE);
      for (int k = 0; k < 200; k++)
        chan_decoder_clear (&decoders[k]);
      g_assert_cmpuint (codec_peak_memory () - before, <, MIB (16)); /* declared: 800 MiB */
    }
}

static GBytes *
repeat (guint8 byte, gsize n, const char *tail_hex)
{
  g_autoptr (GBytes) tail = codec_hex (tail_hex);
  gsize tail_len = g_bytes_get_size (tail);
  guint8 *data = g_malloc (n + tail_len);

  memset (data, byte, n);
  if (tail_len > 0)
    memcpy (data + n, g_bytes_get_data (tail, NULL), tail_len);
  return g_bytes_new_take (data, n + tail_len);
}

static void
test_depth (void)
{
  g_autoptr (GBytes) bottomless = repeat (0x91, 1000000, "");
  g_autoptr (GBytes) deep = repeat (0x91, 65, "c0");
  g_autoptr (GBytes) just = repeat (0x91, 59, "c0");
  g_autoptr (GBytes) too_deep = repeat (0x91, 60, "c0");
  g_autoptr (GVariant) value = codec_decode_variant (GEN2, just);
  g_autoptr (GBytes) forwarded = codec_encode (GLIB, value, NULL, 0);
  g_autoptr (GBytes) answered = codec_encode (GEN2, value, NULL, 0);
  guint depth = 0;

  g_assert_cmpuint (g_bytes_get_size (forwarded), >, 59);
  codec_assert_bytes (answered, just);
  codec_decode_fails (GEN2, bottomless, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  codec_decode_fails (GEN2, deep, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  /* the deepest that is taken reads to its bottom */
  while (g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    {
      GVariant *child;

      g_variant_get_child (value, 0, "v", &child);
      g_variant_unref (value);
      value = child;
      depth++;
    }
  g_assert_cmpuint (depth, ==, 59);
  codec_decode_fails (GEN2, too_deep, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_assert_cmpstr (g_variant_get_type_string (value), ==, "mv");
}

static void
test_millions_of_nils (void)
{
  g_autoptr (GBytes) head = codec_hex ("dd 003ffff0");
  guint8 *data = g_malloc (4 << 20);
  g_autoptr (GBytes) nils = NULL;
  gsize before = codec_peak_memory ();
  ChanLimits limits = chan_limits_default;
  gint64 start = g_get_monotonic_time ();

  memset (data, 0xc0, 4 << 20);
  memcpy (data, g_bytes_get_data (head, NULL), 5);
  nils = g_bytes_new_take (data, (4 << 20) - 11);
  codec_decode_fails (GEN2, nils, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  /* and if somebody allows so many values, by memory */
  limits.message_nodes = G_MAXUINT32;
  codec_decode_fails (GEN2, nils, &limits, CHAN_CHANNEL_ERROR_TOO_LARGE);
  g_assert_cmpuint (codec_peak_memory () - before, <, MIB (20));
  g_assert_cmpint (g_get_monotonic_time () - start, <, MANY_TIMES (G_USEC_PER_SEC));
}

/* To the byte, and the same both ways: what we send is what we take. */
static void
test_size (void)
{
  static const ChanSpdyDialect dialects[] = { GLIB, GEN2, CHAN_SPDY_DIALECT_GEN1 };
  g_autofree guint8 *zeros = g_malloc0 (70000);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, zeros, 70000, 1));

  for (gsize i = 0; i < G_N_ELEMENTS (dialects); i++)
    {
      g_autoptr (GBytes) data = codec_encode (dialects[i], value, NULL, 0);
      g_autoptr (ChanBody) body = chan_body_new_variant (value);
      g_autoptr (GError) error = NULL;
      ChanLimits limits = chan_limits_default;
      ChanEncoded encoded = { 0 };
      ChanDecoder decoder = { 0 };
      ChanDecoded decoded = { 0 };
      gsize consumed;

      limits.message_bytes = (guint32) g_bytes_get_size (data);
      g_assert_true (chan_codec_encode (dialects[i], body, NULL, 0, &limits, &encoded, &error));
      g_assert_no_error (error);
      g_assert_cmpint (chan_decoder_feed (&decoder, dialects[i], &limits, g_bytes_get_data (data, NULL), g_bytes_get_size (data),
                                          &consumed, &decoded, &error), ==, CHAN_DECODE_MESSAGE);
      g_assert_no_error (error);
      limits.message_bytes--;
      codec_encode_fails (dialects[i], value, NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_LARGE);
      codec_decode_fails (dialects[i], data, &limits, CHAN_CHANNEL_ERROR_TOO_LARGE);
      codec_decoded_clear (&decoded);
      chan_decoder_clear (&decoder);
      chan_encoded_clear (&encoded);
    }
}

static void
test_keys (void)
{
  fails (GEN2, "82 a1 61 01 a1 61 02", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "82 a1 61 01 c4 01 61 02", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "91 82 d9 00 01 a0 02", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "82 a1 61 81 a1 61 01 a1 61 02", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 01 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 c0 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 80 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 90 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 d6 04 00000001 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 a1 ff 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 c4 01 ff 01", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GEN2, "81 a1 00 01", CHAN_CHANNEL_ERROR_PROTOCOL);
}

/* Keys that g_str_hash() maps to one value: each is a string over {"ab", "bA"}. */
static GBytes *
colliding_map (guint n)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();

  chan_msgpack_write_map (out, n);
  for (guint i = 0; i < n; i++)
    {
      char key[34];

      for (guint bit = 0; bit < 17; bit++)
        memcpy (key + 2 * bit, (i >> bit & 1) != 0 ? "ab" : "bA", 2);
      chan_msgpack_write_str (out, key, sizeof key);
      chan_msgpack_write_nil (out);
    }
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static void
test_colliding_keys (void)
{
  g_autoptr (GBytes) data = colliding_map (65536);
  gint64 start = g_get_monotonic_time ();
  g_autoptr (GVariant) value = codec_decode_variant (GEN2, data);

  g_assert_cmpuint (g_str_hash ("ab"), ==, g_str_hash ("bA"));
  g_assert_cmpuint (g_variant_n_children (value), ==, 65536);
  g_assert_cmpint (g_get_monotonic_time () - start, <, MANY_TIMES (G_USEC_PER_SEC / 10));
}

static void
test_strings (void)
{
  static const char *const bad[] = {
    "a1 80", "a1 ff", "a2 c3 28", "a2 c0 80", "a3 ed a0 80", "a4 f4 90 80 80", "a3 e2 82 28",
    "a2 e2 82", "a3 61 00 62", "91 a1 ff",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    fails (GEN2, bad[i], CHAN_CHANNEL_ERROR_PROTOCOL);
}

static void
test_exts (void)
{
  static const char *const bad[] = {
    "d4 04 01", "d5 04 0001", "c7 03 04 000001", "c7 05 04 0000000001", "c7 00 04", "d8 04 00000000000000000000000000000001",
    "d6 00 00000001", "d6 07 00000001", "d6 06 00000001", "c7 0b 06 0000000000000000000000", "d6 4c 00000001",
    "c7 05 4c 01 01 79 00 00", "d6 ff 00000001", "c1", "91 c1",
  };
  static const char *const bad_1[] = {
    "d6 01 00000001", "c7 05 01 00 00000001", "c7 05 01 03 00000001", "d6 04 00000001", "d6 05 00000001",
    "c7 0c 06 000000000000000000000000", "d5 02 0001", "c7 09 02 01 0000000000000001",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    fails (GEN2, bad[i], CHAN_CHANNEL_ERROR_PROTOCOL);
  for (gsize i = 0; i < G_N_ELEMENTS (bad_1); i++)
    fails (GEN1, bad_1[i], CHAN_CHANNEL_ERROR_PROTOCOL);
}

static void
test_too_many_handles (void)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  g_autoptr (GBytes) data = NULL;

  chan_msgpack_write_array (out, 65);
  for (int i = 0; i < 65; i++)
    chan_msgpack_write_ext (out, 4, (const guint8 *) "\0\0\0\2", 4);
  data = g_byte_array_free_to_bytes (g_steal_pointer (&out));
  codec_decode_fails (GEN2, data, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  fails (GLIB, "c8 1000 4c 01 02 6179 41", CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

static void
test_glib_heads (void)
{
  static const char *const bad[] = {
    "00", "80", "c0", "d6 04 00000001",   /* plain msgpack */
    "c7 04 4c 02 01 79 00",               /* version */
    "c7 00 4c", "c7 01 4c 01", "c7 02 4c 01 01", "c7 03 4c 01 01 79", "c7 04 4c 01 01 79 01", /* too short for itself */
    "c7 03 4c 01 00 00",                  /* no type */
    "c7 06 4c 01 01 3f 00 0000", "c7 06 4c 01 01 2a 00 0000", "c7 06 4c 01 01 72 00 0000", /* ? * r */
    "c7 05 4c 01 02 7979 00", "c7 05 4c 01 02 6128 00", "c7 05 4c 01 02 7861 00",
    "c7 0e 4c 01 01 79 01 00 0000000000000001 07", /* kind 0 */
    "c7 0e 4c 01 01 79 01 07 0000000000000001 07", /* kind 7 */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    fails (GLIB, bad[i], CHAN_CHANNEL_ERROR_PROTOCOL);
}

static void
test_glib_handles_out_of_range (void)
{
  fails (GLIB, "c7 08 4c 01 01 68 00 00000000", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GLIB, "c7 11 4c 01 01 68 01 04 0000000000000001 01000000", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GLIB, "c7 11 4c 01 01 68 01 04 0000000000000001 ffffffff", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GLIB, "c7 16 4c 01 02 6168 01 04 0000000000000001 00000000 01000000", CHAN_CHANNEL_ERROR_PROTOCOL);
  fails (GLIB, "c7 13 4c 01 01 76 01 04 0000000000000001 01000000 00 68", CHAN_CHANNEL_ERROR_PROTOCOL);
}

static void
test_glib_not_normal (void)
{
  static const char *const bad[] = {
    "c7 05 4c 01 01 62 00 02",             /* a boolean of 2 */
    "c7 05 4c 01 01 73 00 61",             /* a string without its end */
    "c7 07 4c 01 01 73 00 61 00 00",       /* with two */
    "c7 06 4c 01 01 73 00 ff 00",          /* not UTF-8 */
    "c7 06 4c 01 01 6f 00 61 00",          /* no path */
    "c7 05 4c 01 01 69 00 00",             /* an int32 of one byte */
    "c7 0c 4c 01 04 28796929 00 01 ff0000 02", /* too short for (yi) */
    "c7 0f 4c 01 04 28796929 00 01 ff0000 02000000", /* padding that is not zero */
    "c7 04 4c 01 01 76 00",                /* a variant of nothing */
    "c7 06 4c 01 01 76 00 00 3f",          /* of an indefinite type */
    "c7 08 4c 01 02 6173 00 61 00 05",     /* an offset beyond its array */
    "c7 09 4c 01 02 6173 00 61 00 0200",   /* an offset table that overlaps its array */
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    fails (GLIB, bad[i], CHAN_CHANNEL_ERROR_PROTOCOL);
}

/* One GLIB message around these serialised bytes. */
static GBytes *
wrap (const char *type, const guint8 *data, gsize len)
{
  gsize type_len = strlen (type), payload = 3 + type_len + len;
  g_autoptr (GByteArray) out = g_byte_array_new ();
  guint8 head[8] = { 0xc9, (guint8) (payload >> 24), (guint8) (payload >> 16), (guint8) (payload >> 8),
                     (guint8) payload, 0x4c, 1, (guint8) type_len };

  g_byte_array_append (out, head, 8);
  g_byte_array_append (out, (const guint8 *) type, (guint) type_len);
  g_byte_array_append (out, (const guint8 *) "", 1);
  g_byte_array_append (out, data, (guint) len);
  return g_byte_array_free_to_bytes (g_steal_pointer (&out));
}

static void
test_glib_deep_variants (void)
{
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GBytes) data = NULL, deep_type = NULL;
  g_autofree char *type = g_strnfill (130, 'a');

  for (int i = 0; i < 100000; i++)
    g_byte_array_append (body, (const guint8 *) "\0v", 2);
  data = wrap ("v", body->data, body->len);
  codec_decode_fails (GLIB, data, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  type[125] = 'y';
  type[126] = '\0';
  deep_type = wrap (type, NULL, 0);
  codec_decode_fails (GLIB, deep_type, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

static void
test_glib_shapes_take_no_time (void)
{
  static const char *const types[] = {
    "a()", "a(())", "aas", "a{sv}", "av", "aay", "ab", "a(yyyyyyyy)", "as", "amy", "ay", "(ss)", "v", "a(ayay)",
  };
  g_autofree guint8 *zeros = g_malloc0 (1 << 20);
  g_autofree guint8 *counting = g_malloc (1 << 20);
  ChanLimits limits = chan_limits_default;

  for (gsize i = 0; i < 1 << 20; i++)
    counting[i] = (guint8) (i % 3 == 0 ? i / 3 : 0);
  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    for (int k = 0; k < 2; k++)
      {
        g_autoptr (GBytes) data = wrap (types[i], k == 0 ? zeros : counting, 1 << 20);
        gint64 start = g_get_monotonic_time ();
        ChanDecoder decoder = { 0 };
        ChanDecoded decoded = { 0 };
        gsize consumed;

        chan_decoder_feed (&decoder, GLIB, &limits, g_bytes_get_data (data, NULL), g_bytes_get_size (data),
                           &consumed, &decoded, NULL);
        g_assert_cmpint (g_get_monotonic_time () - start, <, MANY_TIMES (G_USEC_PER_SEC / 10));
        codec_decoded_clear (&decoded);
        chan_decoder_clear (&decoder);
      }
}

static void
test_glib_values_are_counted (void)
{
  g_autofree guint8 *zeros = g_malloc0 (300000);
  g_autoptr (GBytes) units = wrap ("a()", zeros, 300000);
  g_autoptr (GBytes) bytes = wrap ("ay", zeros, 300000);
  g_autoptr (GBytes) numbers = wrap ("ax", zeros, 300000);
  g_autoptr (GVariant) value = codec_decode_variant (GLIB, numbers);
  g_autoptr (GVariant) value_bytes = codec_decode_variant (GLIB, bytes);

  codec_decode_fails (GLIB, units, &chan_limits_default, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_assert_cmpuint (g_variant_n_children (value), ==, 37500);
  g_assert_cmpuint (g_variant_n_children (value_bytes), ==, 300000);
}

/* As many strings as are allowed: GLib walks an untrusted array of these in
 * time quadratic in their number. */
static void
test_glib_reading_is_linear (void)
{
  GVariantBuilder builder;
  g_autoptr (GBytes) data = NULL;
  g_autoptr (GVariant) value = NULL;
  gint64 start;
  gsize n;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("aas"));
  for (int i = 0; i < 200000; i++)
    g_variant_builder_add_value (&builder, g_variant_new_strv (NULL, 0));
  data = codec_encode (GLIB, g_variant_builder_end (&builder), NULL, 0);
  start = g_get_monotonic_time ();
  value = codec_decode_variant (GLIB, data);
  n = g_variant_n_children (value);
  for (gsize i = 0; i < n; i++)
    g_variant_unref (g_variant_get_child_value (value, i));
  g_assert_cmpint (g_get_monotonic_time () - start, <, MANY_TIMES (G_USEC_PER_SEC / 10));
}

/* One byte at a time: work is linear in what arrives. */
static void
test_slow_drip (void)
{
  static const ChanSpdyDialect dialects[] = { GLIB, GEN2 };

  for (gsize i = 0; i < G_N_ELEMENTS (dialects); i++)
    {
      g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (1 << 20), 1 << 20);
      g_autoptr (ChanBody) body = chan_body_new_bytes (bytes);
      g_autoptr (GBytes) data = codec_encode (dialects[i], chan_body_get_variant (body), NULL, 0);
      gint64 start = g_get_monotonic_time ();
      ChanDecoded decoded;

      codec_decode (dialects[i], data, 1, &decoded);
      g_assert_cmpuint (g_bytes_get_size (chan_body_get_bytes (decoded.body)), ==, 1 << 20);
      codec_decoded_clear (&decoded);
      g_assert_cmpint (g_get_monotonic_time () - start, <, MANY_TIMES (G_USEC_PER_SEC));
    }
}

static void
test_random_bytes (void)
{
  static const ChanSpdyDialect dialects[] = { GLIB, GEN1, GEN2 };
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  guint messages = 0, errors = 0;

  for (int i = 0; i < 100000; i++)
    {
      gsize len = (gsize) g_rand_int_range (rand, 1, 60), consumed;
      g_autofree guint8 *data = g_malloc (len);
      ChanDecoder decoder = { 0 };
      ChanDecoded decoded;
      ChanDecodeResult result;

      for (gsize k = 0; k < len; k++)
        data[k] = (guint8) g_rand_int (rand);
      result = chan_decoder_feed (&decoder, dialects[i % 3], &chan_limits_default, data, len, &consumed, &decoded, NULL);
      if (result == CHAN_DECODE_MESSAGE)
        {
          messages++;
          chan_body_get_variant (decoded.body);
          codec_decoded_clear (&decoded);
        }
      errors += result == CHAN_DECODE_ERROR;
      chan_decoder_clear (&decoder);
    }
  g_assert_cmpuint (messages, >, 1000);
  g_assert_cmpuint (errors, >, 1000);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec-hostile/lengths-that-lie", test_lengths_that_lie);
  g_test_add_func ("/codec-hostile/declared-bytes-are-not-allocated", test_declared_bytes_are_not_allocated);
  g_test_add_func ("/codec-hostile/depth", test_depth);
  g_test_add_func ("/codec-hostile/millions-of-nils", test_millions_of_nils);
  g_test_add_func ("/codec-hostile/size", test_size);
  g_test_add_func ("/codec-hostile/keys", test_keys);
  g_test_add_func ("/codec-hostile/colliding-keys", test_colliding_keys);
  g_test_add_func ("/codec-hostile/strings-that-are-not-utf-8", test_strings);
  g_test_add_func ("/codec-hostile/exts", test_exts);
  g_test_add_func ("/codec-hostile/too-many-handles", test_too_many_handles);
  g_test_add_func ("/codec-hostile/glib-heads", test_glib_heads);
  g_test_add_func ("/codec-hostile/glib-handles-out-of-range", test_glib_handles_out_of_range);
  g_test_add_func ("/codec-hostile/glib-not-normal", test_glib_not_normal);
  g_test_add_func ("/codec-hostile/glib-deep-variants", test_glib_deep_variants);
  g_test_add_func ("/codec-hostile/glib-shapes-take-no-time", test_glib_shapes_take_no_time);
  g_test_add_func ("/codec-hostile/glib-values-are-counted", test_glib_values_are_counted);
  g_test_add_func ("/codec-hostile/glib-reading-is-linear", test_glib_reading_is_linear);
  g_test_add_func ("/codec-hostile/slow-drip", test_slow_drip);
  g_test_add_func ("/codec-hostile/random-bytes", test_random_bytes);
  return g_test_run ();
}
