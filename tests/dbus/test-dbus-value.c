/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugins/dbus/chan-dbus-value.h"

#include <libchan-glib/chan-error.h>
#include <time.h>

/* Every body comes back as it was, over what D-Bus can say. */

static const ChanDBusValueLimits limits = { 262144, 64, 3 };

/* For 1 MB. What is quadratic takes seconds without a sanitizer. */
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

/* Through the form that goes over a connection, with GDBus's own checks. */
static GVariant *
over_dbus (GVariant *value)
{
  g_autoptr (GDBusMessage) out = g_dbus_message_new_method_call (NULL, "/", NULL, "Push");
  g_autoptr (GDBusMessage) in = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree guint8 *blob = NULL;
  gsize size;

  g_dbus_message_set_serial (out, 1);
  g_dbus_message_set_body (out, g_variant_new ("(@v)", value));
  blob = g_dbus_message_to_blob (out, &size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);
  in = g_dbus_message_new_from_blob (blob, size, G_DBUS_CAPABILITY_FLAGS_NONE, &error);
  g_assert_no_error (error);
  return g_variant_get_child_value (g_dbus_message_get_body (in), 0);
}

static void
assert_comes_back (GVariant *floating)
{
  g_autoptr (GVariant) body = g_variant_ref_sink (floating);
  g_autoptr (GVariant) encoded = chan_dbus_value_encode (body);
  g_autoptr (GVariant) came = over_dbus (encoded);
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) decoded = NULL;

  /* What a message counts is the same at both ends. */
  g_assert_cmpuint (g_variant_get_size (came), ==, g_variant_get_size (encoded));
  decoded = chan_dbus_value_decode (came, &limits, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_type_string (decoded), ==, g_variant_get_type_string (body));
  g_assert_true (g_variant_equal (decoded, body));
}

static void
test_values (void)
{
  static const char *const values[] = {
    "'text'", "true", "byte 0x7f", "int64 -1", "1.5", "@ay []", "b'bytes'", "@as []", "['a', 'b']", "objectpath '/a/b'", "signature 'a{sv}'",
    "signature ''", "('x', 1)", "{'a': <1>, 'b': <'two'>}", "@a{sv} {}", "{1: 'one'}", "<'in a variant'>", "<<1>>", "[<1>, <'2'>]",
    /* what D-Bus lacks */
    "@ms nothing", "@ms 'just'", "@mms just nothing", "()", "((), 1)", "[(), ()]", "@a() []", "handle 1", "[handle 0, handle 2]",
    "{'reply': <handle 1>}", "{'a', 1}", "<{'a', <@mi 5>}>", "@a{smi} {}", "{'k': @mi 5}", "@mas ['x']", "@ay b''", "<()>", "@mv nothing",
    "@mv <1>", "[just <1>, nothing]", "@m() just ()", "{handle 1: 'by handle'}",
    /* what would be taken for the struct that stands for those */
    "('mi', <1>)", "<('mi', <1>)>", "<<('=s', <b''>)>>", "[('a', <1>)]", "{'a': <('b', <('c', <1>)>)>}",
    /* what GVariant takes and D-Bus does not */
    "signature '()'", "signature '{sv}'", "<signature '()'>",
  };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GError) error = NULL;
      GVariant *body = g_variant_parse (NULL, values[i], NULL, NULL, &error);

      g_test_message ("%s", values[i]);
      g_assert_no_error (error);
      g_assert_true (g_variant_is_floating (body) || body != NULL);
      assert_comes_back (body);
      g_variant_unref (body);
    }
}

/* Beyond what a signature and a message of D-Bus may be */
static void
test_deep_and_long (void)
{
  for (guint depth = 1; depth <= 60; depth++)
    {
      GVariant *arrays = g_variant_new_int32 (1), *tuples = g_variant_new_int32 (1), *variants = g_variant_new_int32 (1);

      for (guint i = 1; i < depth; i++)
        {
          arrays = g_variant_new_array (NULL, &arrays, 1);
          tuples = g_variant_new_tuple (&tuples, 1);
          variants = g_variant_new_variant (variants);
        }
      assert_comes_back (arrays);
      assert_comes_back (tuples);
      assert_comes_back (variants);
    }
  for (guint length = 250; length < 260; length++)
    {
      g_autofree GVariant **items = g_new (GVariant *, length);
      g_autofree char *signature = g_strnfill (length, 'y');

      for (guint i = 0; i < length; i++)
        items[i] = g_variant_new_byte ((guint8) i);
      assert_comes_back (g_variant_new_tuple (items, length));
      assert_comes_back (g_variant_new_signature (signature));
    }
}

/* The least of a few times: others run too. */
static gint64
time_decode (GVariant *came, GVariant *body)
{
  const ChanDBusValueLimits many = { G_MAXUINT / 8, 64, 0 };
  gint64 least = G_MAXINT64;

  for (guint n = 0; n < 3 && least >= DECODE_MAX_US; n++)
    {
      g_autoptr (GError) error = NULL;
      gint64 began = cpu_us ();
      g_autoptr (GVariant) decoded = chan_dbus_value_decode (came, &many, &error);
      gint64 decoding = cpu_us () - began, reading;

      g_assert_no_error (error);
      /* What the application reads of it costs no more either. */
      began = cpu_us ();
      for (gsize i = 0; i < g_variant_n_children (decoded); i++)
        g_variant_unref (g_variant_get_child_value (decoded, i));
      reading = cpu_us () - began;
      least = MIN (least, MAX (decoding, reading));
      g_assert_true (g_variant_equal (decoded, body));
    }
  return least;
}

/* No part of a body costs more the more came before it. */
static void
assert_decodes_soon (const char *type, const char *item, guint n_items)
{
  g_autofree char *name = g_strconcat ("=", type, NULL);
  g_autoptr (GVariant) child = g_variant_parse (g_variant_type_element (G_VARIANT_TYPE (type)), item, NULL, NULL, NULL);
  g_autofree GVariant **items = g_new (GVariant *, n_items);
  g_autoptr (GVariant) body = NULL, came = NULL;
  g_autoptr (GBytes) bytes = NULL;
  gint64 took;

  for (guint i = 0; i < n_items; i++)
    items[i] = child;
  body = g_variant_ref_sink (g_variant_new_array (NULL, items, n_items));
  bytes = g_variant_get_data_as_bytes (body);
  g_assert_cmpuint (g_bytes_get_size (bytes), >, 1000000);
  came = over_dbus (g_variant_new_variant (g_variant_new ("(sv)", name, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE))));
  took = time_decode (came, body);
  g_test_message ("%s of %u: %" G_GINT64_FORMAT " us", type, n_items, took);
  g_assert_cmpint (took, <, DECODE_MAX_US);
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
assert_refused (const char *text, int code)
{
  g_autoptr (GVariant) inner = g_variant_parse (NULL, text, NULL, NULL, NULL);
  g_autoptr (GVariant) value = g_variant_ref_sink (g_variant_new_variant (inner));
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_dbus_value_decode (value, &limits, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
}

static void
test_refused (void)
{
  assert_refused ("('', <1>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('m*', <[1]>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('mi', <[1, 2]>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('mi', <'x'>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('()', <byte 1>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('h', <uint32 3>)", CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  assert_refused ("('h', <uint32 0xffffffff>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("handle 3", CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  assert_refused ("('=', <@ay []>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('=s', <'x'>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('=s', <b'\\377'>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('=(asas)', <@ay []>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('=a(asas)', <@ay [0, 0]>)", CHAN_CHANNEL_ERROR_PROTOCOL);
  assert_refused ("('=h', <@ay [3, 0, 0, 0]>)", CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
}

static void
test_limits (void)
{
  g_autoptr (GError) error = NULL;
  ChanDBusValueLimits small = { 4, 2, 0 };
  g_autoptr (GVariant) many = g_variant_ref_sink (g_variant_new_variant (g_variant_new_parsed ("['1', '2', '3', '4']")));
  g_autoptr (GVariant) deep = g_variant_ref_sink (g_variant_new_variant (g_variant_new_parsed ("<<<1>>>")));
  g_autoptr (GVariant) numbers = g_variant_ref_sink (g_variant_new_variant (g_variant_new_parsed ("[1, 2, 3, 4, 5, 6]")));
  g_autoptr (GVariant) fits = NULL;

  g_assert_null (chan_dbus_value_decode (many, &small, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_clear_error (&error);
  g_assert_null (chan_dbus_value_decode (deep, &small, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_clear_error (&error);
  fits = chan_dbus_value_decode (numbers, &small, &error);
  g_assert_no_error (error);
}

/* What stands for types that D-Bus lacks counts for nothing. */
static void
test_limits_of_mapped (void)
{
  static const struct
  {
    const char *text;
    ChanDBusValueLimits limits;
  } values[] = {
    { "()", { 1, 1, 0 } }, { "@mi nothing", { 1, 1, 0 } }, { "signature '()'", { 1, 1, 0 } }, { "@mms just nothing", { 2, 1, 0 } },
    { "<@mi nothing>", { 2, 1, 0 } }, { "('mi', <1>)", { 4, 2, 0 } },
  };

  for (guint i = 0; i < G_N_ELEMENTS (values); i++)
    {
      g_autoptr (GVariant) body = g_variant_parse (NULL, values[i].text, NULL, NULL, NULL);
      g_autoptr (GVariant) encoded = chan_dbus_value_encode (body);
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) decoded = chan_dbus_value_decode (encoded, &values[i].limits, &error);

      g_assert_no_error (error);
      g_assert_true (g_variant_equal (decoded, body));
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/dbus-value/comes-back", test_values);
  g_test_add_func ("/dbus-value/deep-and-long", test_deep_and_long);
  g_test_add_func ("/dbus-value/time", test_time);
  g_test_add_func ("/dbus-value/refused", test_refused);
  g_test_add_func ("/dbus-value/limits", test_limits);
  g_test_add_func ("/dbus-value/limits-of-mapped", test_limits_of_mapped);
  return g_test_run ();
}
