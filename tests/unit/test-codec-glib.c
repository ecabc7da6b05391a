/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The GLIB dialect: one ext with type, handles, and serialised bytes. */
#include <string.h>
#include <time.h>

#include "codec-fixture.h"
#include "libchan-glib/wire/chan-variant-check.h"

#define GLIB CHAN_SPDY_DIALECT_GLIB

static void
test_bytes_on_the_wire (void)
{
  static const ChanWireHandle handles[] = { { CHAN_WIRE_SENDER, 5 }, { CHAN_WIRE_BYTES_READ, 0x1122334455667788 } };
  g_autoptr (GBytes) expected = codec_hex ("c7 21 4c 01 04 28 75 68 29 02"
                                           "04 0000000000000005 03 1122334455667788"
                                           "0a000000 01000000");
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new ("(uh)", 10, 1));
  g_autoptr (GBytes) data = codec_encode (GLIB, value, handles, 2);
  ChanDecoded decoded;

  codec_assert_bytes (data, expected);
  codec_decode (GLIB, data, G_MAXSIZE, &decoded);
  g_assert_cmpuint (decoded.n_handles, ==, 2);
  g_assert_cmpint (decoded.handles[0].kind, ==, CHAN_WIRE_SENDER);
  g_assert_cmpuint (decoded.handles[0].ref, ==, 5);
  g_assert_cmpint (decoded.handles[1].kind, ==, CHAN_WIRE_BYTES_READ);
  g_assert_cmpuint (decoded.handles[1].ref, ==, 0x1122334455667788);
  codec_assert_same (chan_body_get_variant (decoded.body), value);
  codec_decoded_clear (&decoded);
}

static void
test_any_value_any_split (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20160512);

  for (int i = 0; i < 3000; i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (codec_random_typed (rand, 12));
      g_autoptr (GBytes) data = codec_encode (GLIB, value, NULL, 0);
      gsize step = i % 3 == 0 ? G_MAXSIZE : i % 3 == 1 ? 1 : (gsize) g_rand_int_range (rand, 1, 100);
      ChanDecoded decoded;

      codec_decode (GLIB, data, step, &decoded);
      codec_assert_same (chan_body_get_variant (decoded.body), value);
      g_assert_cmpuint (chan_body_get_size (decoded.body), ==, g_variant_get_size (value));
      codec_decoded_clear (&decoded);
    }
}

/* The checker must never take what GLib would not: what passes is wrapped as trusted. */
static void
test_check_agrees_with_glib (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (42);
  guint good = 0, bad = 0;

  for (int i = 0; i < 60000; i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (codec_random_typed (rand, 8));
      gsize len = g_variant_get_size (value);
      g_autofree guint8 *data = g_malloc (len + 4);
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GVariant) untrusted = NULL;
      gboolean is_good;

      g_variant_store (value, data);
      for (gint n = g_rand_int_range (rand, 0, 3); n > 0 && len > 0; n--)
        data[g_rand_int_range (rand, 0, (gint32) len)] = (guint8) g_rand_int_range (rand, 0, g_rand_boolean (rand) ? 9 : 256);
      if (g_rand_int_range (rand, 0, 10) == 0)
        len = (gsize) g_rand_int_range (rand, 0, (gint32) len + 4);
      is_good = chan_variant_check (g_variant_get_type_string (value), data, len, 0, &chan_limits_default, NULL);

      bytes = g_bytes_new (data, len);
      untrusted = g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (value), bytes, FALSE));
      /* GLib 2.74 takes no bytes at all for a tuple that has framing offsets */
      if (len > 0)
        g_assert_cmpint (is_good, ==, g_variant_is_normal_form (untrusted));
      else
        g_assert_true (!is_good || g_variant_is_normal_form (untrusted));
      good += is_good;
      bad += !is_good;
    }
  g_assert_cmpuint (good, >, 10000);
  g_assert_cmpuint (bad, >, 10000);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DECODE_MAX_US 1000000
#else
#define DECODE_MAX_US 100000
#endif

static gint64
cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &now);
  return (gint64) now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* No part of a body costs more the more came before it, in the checks or when it is read: that takes seconds for 1 MB. */
static void
assert_decodes_soon (const char *type, const char *item, guint n_items)
{
  g_autoptr (GVariant) child = g_variant_parse (g_variant_type_element (G_VARIANT_TYPE (type)), item, NULL, NULL, NULL);
  g_autofree GVariant **items = g_new (GVariant *, n_items);
  g_autoptr (GVariant) value = NULL;
  g_autoptr (GBytes) data = NULL;
  gint64 least = G_MAXINT64;

  for (guint i = 0; i < n_items; i++)
    items[i] = child;
  value = g_variant_ref_sink (g_variant_new_array (NULL, items, n_items));
  data = codec_encode (GLIB, value, NULL, 0);
  g_assert_cmpuint (g_bytes_get_size (data), >, 1000000);
  /* The least of a few times: others run too. */
  for (guint n = 0; n < 3 && least >= DECODE_MAX_US; n++)
    {
      gint64 began = cpu_us (), took;
      ChanDecoded decoded;
      GVariant *came;

      codec_decode (GLIB, data, G_MAXSIZE, &decoded);
      came = chan_body_get_variant (decoded.body);
      for (gsize i = 0; i < g_variant_n_children (came); i++)
        g_variant_unref (g_variant_get_child_value (came, i));
      took = cpu_us () - began;
      least = MIN (least, took);
      codec_decoded_clear (&decoded);
    }
  g_test_message ("%s of %u: %" G_GINT64_FORMAT " us", type, n_items, least);
  g_assert_cmpint (least, <, DECODE_MAX_US);
}

static void
test_time (void)
{
  assert_decodes_soon ("aas", "[]", 260000);
  assert_decodes_soon ("ams", "nothing", 260000);
  assert_decodes_soon ("a{sv}", "{'k', <byte 1>}", 60000);
  assert_decodes_soon ("av", "<byte 1>", 90000);
}

static void
test_large_body_is_lent (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (1 << 20), 1 << 20);
  g_autoptr (ChanBody) body = chan_body_new_bytes (bytes);
  g_autoptr (GError) error = NULL;
  ChanEncoded encoded = { 0 };

  chan_codec_encode (GLIB, body, NULL, 0, &chan_limits_default, &encoded, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (encoded.n_segments, ==, 2);
  g_assert_true (encoded.segments[1].data == g_bytes_get_data (bytes, NULL));
  g_assert_nonnull (encoded.segments[1].owner);
  g_assert_cmpuint (encoded.segments[1].len, ==, 1 << 20);
  g_assert_cmpuint (encoded.segments[0].len, <, 32);
  chan_encoded_clear (&encoded);
}

static void
test_scratch_is_reused (void)
{
  g_autoptr (ChanBody) small = chan_body_new_variant (g_variant_new_string ("x"));
  ChanEncoded encoded = { 0 };
  GByteArray *scratch;

  g_assert_true (chan_codec_encode (GLIB, small, NULL, 0, &chan_limits_default, &encoded, NULL));
  scratch = encoded.scratch;
  for (int i = 0; i < 3; i++)
    g_assert_true (chan_codec_encode (GLIB, small, NULL, 0, &chan_limits_default, &encoded, NULL));
  g_assert_true (encoded.scratch == scratch);
  g_assert_cmpuint (encoded.n_segments, ==, 1);
  chan_encoded_clear (&encoded);
  g_assert_null (encoded.scratch);
}

static void
test_messages_follow_each_other (void)
{
  g_autoptr (GBytes) one = codec_encode (GLIB, g_variant_new_string ("one"), NULL, 0);
  g_autoptr (GBytes) two = codec_encode (GLIB, g_variant_new_int32 (2), NULL, 0);
  g_autoptr (GByteArray) both = g_byte_array_new ();
  ChanDecoder decoder = { 0 };
  ChanDecoded decoded;
  gsize consumed;

  g_byte_array_append (both, g_bytes_get_data (one, NULL), (guint) g_bytes_get_size (one));
  g_byte_array_append (both, g_bytes_get_data (two, NULL), (guint) g_bytes_get_size (two));
  g_assert_cmpint (chan_decoder_feed (&decoder, GLIB, &chan_limits_default, both->data, both->len,
                                      &consumed, &decoded, NULL), ==, CHAN_DECODE_MESSAGE);
  g_assert_cmpuint (consumed, ==, g_bytes_get_size (one));
  g_assert_cmpstr (g_variant_get_string (chan_body_get_variant (decoded.body), NULL), ==, "one");
  codec_decoded_clear (&decoded);
  g_assert_cmpint (chan_decoder_feed (&decoder, GLIB, &chan_limits_default, both->data + consumed, both->len - consumed,
                                      &consumed, &decoded, NULL), ==, CHAN_DECODE_MESSAGE);
  g_assert_cmpint (g_variant_get_int32 (chan_body_get_variant (decoded.body)), ==, 2);
  codec_decoded_clear (&decoded);
}

static void
test_what_peer_would_refuse_is_not_sent (void)
{
  static const ChanWireHandle handle = { CHAN_WIRE_SENDER, 2 };
  g_autofree ChanWireHandle *many = g_new (ChanWireHandle, 65);
  GVariant *deep = g_variant_new_string ("");
  ChanLimits limits = chan_limits_default;

  codec_encode_fails (GLIB, g_variant_new_handle (1), &handle, 1, &limits, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  codec_encode_fails (GLIB, g_variant_new_handle (-1), &handle, 1, &limits, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  for (int i = 0; i < 65; i++)
    many[i] = handle;
  codec_encode_fails (GLIB, g_variant_new_string (""), many, 65, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  for (int i = 0; i < 65; i++)
    deep = g_variant_new_tuple (&deep, 1);
  codec_encode_fails (GLIB, deep, NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  limits.message_bytes = 20;
  codec_encode_fails (GLIB, g_variant_new_string ("more than twenty bytes"), NULL, 0, &limits, CHAN_CHANNEL_ERROR_TOO_LARGE);
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/codec-glib/bytes-on-the-wire", test_bytes_on_the_wire);
  g_test_add_func ("/codec-glib/any-value-in-any-split-comes-back", test_any_value_any_split);
  g_test_add_func ("/codec-glib/check-agrees-with-glib", test_check_agrees_with_glib);
  g_test_add_func ("/codec-glib/time", test_time);
  g_test_add_func ("/codec-glib/large-body-is-lent-not-copied", test_large_body_is_lent);
  g_test_add_func ("/codec-glib/scratch-is-reused", test_scratch_is_reused);
  g_test_add_func ("/codec-glib/messages-follow-each-other", test_messages_follow_each_other);
  g_test_add_func ("/codec-glib/what-the-peer-would-refuse-is-not-sent", test_what_peer_would_refuse_is_not_sent);
  return g_test_run ();
}
