/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The body of a message and its views. */
#include "codec-fixture.h"
#include "libchan-glib/wire/chan-body.h"

static void
test_views_of_a_variant (void)
{
  g_autoptr (ChanBody) body = chan_body_new_variant (g_variant_new_parsed ("{'a': <1>}"));
  g_autoptr (ChanBody) bytes = chan_body_new_variant (g_variant_new_parsed ("b'abc'"));

  g_assert_cmpstr (g_variant_get_type_string (chan_body_get_variant (body)), ==, "a{sv}");
  g_assert_null (chan_body_get_bytes (body));
  g_assert_null (chan_body_peek_msgpack (body));
  g_assert_cmpuint (chan_body_get_size (body), ==, g_variant_get_size (chan_body_get_variant (body)));
  g_assert_cmpmem (g_bytes_get_data (chan_body_get_bytes (bytes), NULL),
                   (int) g_bytes_get_size (chan_body_get_bytes (bytes)), "abc", 4);
}

static void
test_views_of_bytes (void)
{
  g_autoptr (GBytes) bytes = g_bytes_new_static ("abc", 3);
  g_autoptr (ChanBody) body = chan_body_new_bytes (bytes);
  GVariant *variant;

  g_assert_true (chan_body_get_bytes (body) == bytes);
  g_assert_cmpuint (chan_body_get_size (body), ==, 3);
  variant = chan_body_get_variant (body);
  g_assert_cmpstr (g_variant_get_type_string (variant), ==, "ay");
  g_assert_true (g_variant_get_data (variant) == g_bytes_get_data (bytes, NULL));
  g_assert_true (chan_body_get_variant (body) == variant);
}

static void
test_views_of_serialised_data (void)
{
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_parsed ("('x', {'a': <1>})"));
  g_autoptr (GBytes) data = g_variant_get_data_as_bytes (value);
  g_autoptr (ChanBody) body = chan_body_new_serialised ("(sa{sv})", data);

  codec_assert_same (chan_body_get_variant (body), value);
  g_assert_null (chan_body_get_bytes (body));
  g_assert_cmpuint (chan_body_get_size (body), ==, g_bytes_get_size (data));
}

static void
test_views_of_msgpack (void)
{
  g_autoptr (GBytes) map = codec_hex ("81 a1 61 c4 02 0102");
  g_autoptr (GBytes) bin = codec_hex ("c4 02 0102");
  g_autoptr (GVariant) expected = codec_parse ("a{sv}", "{'a': <@ay [1, 2]>}");
  g_autoptr (ChanBody) body = chan_body_new_msgpack (map);
  g_autoptr (ChanBody) bytes = chan_body_new_msgpack (bin);

  codec_assert_same (chan_body_get_variant (body), expected);
  g_assert_null (chan_body_get_bytes (body));
  codec_assert_bytes (chan_body_peek_msgpack (body), map);
  g_assert_cmpuint (chan_body_get_size (body), ==, g_bytes_get_size (map));

  g_assert_cmpuint (g_bytes_get_size (chan_body_get_bytes (bytes)), ==, 2);
  g_assert_true (g_bytes_get_data (chan_body_get_bytes (bytes), NULL) == (const guint8 *) g_bytes_get_data (bin, NULL) + 2);
  g_assert_cmpstr (g_variant_get_type_string (chan_body_get_variant (bytes)), ==, "ay");
  g_assert_cmpuint (g_variant_get_size (chan_body_get_variant (bytes)), ==, 2);
}

/* A view of a received body shares its memory, and outlives the body. */
static void
test_views_outlive_the_body (void)
{
  static const ChanSpdyDialect dialects[] = { CHAN_SPDY_DIALECT_GLIB, CHAN_SPDY_DIALECT_GEN2 };

  for (gsize i = 0; i < G_N_ELEMENTS (dialects); i++)
    {
      g_autoptr (GBytes) sent = codec_encode (dialects[i], g_variant_new_parsed ("b'abc'"), NULL, 0);
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GVariant) variant = NULL;
      ChanDecoded decoded;

      codec_decode (dialects[i], sent, G_MAXSIZE, &decoded);
      bytes = g_bytes_ref (chan_body_get_bytes (decoded.body));
      variant = g_variant_ref (chan_body_get_variant (decoded.body));
      codec_decoded_clear (&decoded);
      g_assert_cmpmem (g_bytes_get_data (bytes, NULL), (int) g_bytes_get_size (bytes), "abc", 4);
      g_assert_cmpstr (g_variant_get_bytestring (variant), ==, "abc");
    }
}

static void
test_foreign_data_becomes_normal (void)
{
  /* a boolean of 7, as a broken program might have written it */
  g_autoptr (GBytes) data = g_bytes_new_static ("\x07", 1);
  g_autoptr (ChanBody) body = chan_body_new_variant (g_variant_new_from_bytes (G_VARIANT_TYPE_BOOLEAN, data, FALSE));
  GVariant *variant = chan_body_get_variant (body);

  g_assert_true (g_variant_is_normal_form (variant));
  g_assert_cmpstr (g_variant_get_type_string (variant), ==, "b");
}

static gpointer
look (gpointer data)
{
  ChanBody *body = data;
  GVariant *variant = chan_body_get_variant (body);

  g_assert_true (chan_body_get_variant (body) == variant);
  chan_body_peek_msgpack (body);
  chan_body_unref (body);
  return variant;
}

static void
test_threads_see_one_view (void)
{
  g_autoptr (GBytes) map = codec_hex ("81 a1 61 93 01 02 03");

  for (int round = 0; round < 200; round++)
    {
      g_autoptr (ChanBody) body = chan_body_new_msgpack (map);
      GThread *threads[4];

      for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
        threads[i] = g_thread_new ("look", look, chan_body_ref (body));
      for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
        g_assert_true (g_thread_join (threads[i]) == chan_body_get_variant (body));
    }
}

int
main (int argc, char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/body/views-of-a-variant", test_views_of_a_variant);
  g_test_add_func ("/body/views-of-bytes", test_views_of_bytes);
  g_test_add_func ("/body/views-of-serialised-data", test_views_of_serialised_data);
  g_test_add_func ("/body/views-of-msgpack", test_views_of_msgpack);
  g_test_add_func ("/body/views-outlive-the-body", test_views_outlive_the_body);
  g_test_add_func ("/body/foreign-data-becomes-normal", test_foreign_data_becomes_normal);
  g_test_add_func ("/body/threads-see-one-view", test_threads_see_one_view);
  return g_test_run ();
}
