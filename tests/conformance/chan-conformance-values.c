/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

#include <math.h>
#include <string.h>

/* A body arrives as what it was, to the last type; and so does its JSON form. */

static const char *const bodies[] = {
  /* Every basic type, with its ends */
  "true", "false", "byte 0x00", "byte 0xff", "int16 -32768", "int16 32767", "uint16 0", "uint16 65535",
  "int32 -2147483648", "int32 2147483647", "uint32 0", "uint32 4294967295", "int64 -9223372036854775808",
  "int64 9223372036854775807", "uint64 0", "uint64 18446744073709551615", "0.0", "-0.0", "1.7976931348623157e308",
  "2.2250738585072014e-308", "''", "'text'", "'\\u00e4\\u20ac\\U0001f600'", "objectpath '/'", "objectpath '/a/b_1'", "signature ''",
  "signature 'a{s(iv)}'",
  /* Variants in each other */
  "<true>", "<<<<'deep'>>>>", "<[<1>, <'two'>, <<3.0>>]>", "<@mv <<1>>>",
  /* Arrays of each, with and without elements */
  "@ab []", "[true, false, true]", "@ay []", "[byte 1, 2, 255]", "@an [-1, 2]", "@aq [1, 2]", "@ai []", "[1, -2, 3]",
  "@au [1]", "@ax []", "[int64 -1]", "@at [18446744073709551615]", "@ad []", "[0.5, -0.0]", "@as []", "['', 'a', 'bc']",
  "@ao ['/a', '/b']", "@ag ['i', 'a{sv}']", "@av []", "[<1>, <'a'>, <@ai []>]", "@aas []", "[['a'], [], ['b', 'c']]",
  "@aaay [[], [[], [0x01]]]", "@a() []", "@a() [(), (), ()]", "@ami [1, nothing]", "b'bytes'", "b''",
  /* Maybes */
  "@mb nothing", "@mb true", "@my 1", "@mi nothing", "@mx 5", "@md nothing", "@ms nothing", "@ms ''", "@mv nothing",
  "@mmi nothing", "@mmi just nothing", "@mmi 3", "@mas nothing", "@mas []", "@m() nothing", "@m() ()", "@m(is) (1, 'a')",
  /* Tuples */
  "()", "(1,)", "(1, 'two', 3.0, true)", "((), ((),))", "(byte 1, int64 2, byte 3, 4.0)", "(@as [], @mi nothing, <()>)",
  /* Dictionaries, with keys of every basic type */
  "@a{sv} {}", "{'a': <1>, 'b': <[byte 1, 2]>, '': <{'c': <@mi nothing>}>}", "{true: 'yes'}", "{byte 1: 2}",
  "{int16 -1: 'a'}", "{uint16 1: 'a'}", "{1: 'one', 2: 'two'}", "{uint32 1: <1>}", "{int64 -1: 1.5}", "{uint64 1: ()}",
  "{1.5: 'a'}", "{objectpath '/a': 'b'}", "{signature 'i': 'b'}", "@a{ss} {}", "{'a': {'b': {'c': 1}}}",
  "[{'a': 1}, {}]", "@{sv} {'single', <1>}", "@{yt} {0x01, 2}",
  /* What JSON has tagged forms for */
  "{'$handle': <1>}", "{'$bytes': <'x'>, '$$int': <2>}", "int64 9007199254740993",
};

static void
assert_same_json (ChanMessage *sent, ChanMessage *arrived)
{
  g_autofree char *before = chan_message_to_json (sent);
  g_autofree char *after = chan_message_to_json (arrived);
  g_autoptr (JsonNode) node_before = chan_message_dup_json_node (sent);
  g_autoptr (JsonNode) node_after = chan_message_dup_json_node (arrived);

  g_assert_cmpstr (after, ==, before);
  g_assert_true (json_node_equal (node_before, node_after));
}

/* As bytes too, for which -0.0 and 0.0 are not the same */
static void
assert_same (ChanMessage *sent, ChanMessage *arrived)
{
  GVariant *before = chan_message_get_body (sent);
  GVariant *after = chan_message_get_body (arrived);

  g_assert_cmpstr (g_variant_get_type_string (after), ==, g_variant_get_type_string (before));
  g_assert_cmpuint (g_variant_get_size (after), ==, g_variant_get_size (before));
  g_assert_true (g_variant_get_size (before) == 0
                 || memcmp (g_variant_get_data (after), g_variant_get_data (before), g_variant_get_size (before)) == 0);
  g_assert_true (g_variant_is_normal_form (after));
  assert_same_json (sent, arrived);
}

static void
send_and_compare (ChanSender *tx, ChanReceiver *rx, GVariant *body)
{
  g_autoptr (ChanMessage) message = chan_message_new (body);
  g_autoptr (ChanMessage) arrived = NULL;

  chan_test_send_message (tx, message);
  arrived = chan_test_receive (rx);
  assert_same (message, arrived);
}

static void
test_types (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) body = g_variant_parse (NULL, bodies[i], NULL, NULL, &error);

      g_assert_no_error (error);
      send_and_compare (tx, rx, body);
    }
}

/* Numbers that have no text form */
static void
test_not_finite (ChanConformanceFixture *f)
{
  static const double numbers[] = { INFINITY, -INFINITY, NAN };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (numbers); i++)
    send_and_compare (tx, rx, g_variant_new_double (numbers[i]));
}

/* Each in all the others' containers */
static void
test_wrapped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_parsed (bodies[i]));
      GVariant *children[] = { body, body };

      if (g_str_has_prefix (bodies[i], "@{"))
        continue;
      send_and_compare (tx, rx, g_variant_new_variant (body));
      send_and_compare (tx, rx, g_variant_new_maybe (NULL, body));
      send_and_compare (tx, rx, g_variant_new_array (NULL, children, 2));
      send_and_compare (tx, rx, g_variant_new_tuple (children, 2));
      send_and_compare (tx, rx, g_variant_new_dict_entry (g_variant_new_string ("key"), body));
      send_and_compare (tx, rx, g_variant_new_array (g_variant_get_type (body), NULL, 0));
    }
}

static void
test_deep (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  GVariant *body = g_variant_new_string ("the bottom");

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 50; i++)
    body = g_variant_new_variant (body);
  send_and_compare (tx, rx, body);
}

static void
test_many_elements (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  GVariantBuilder builder;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  for (guint i = 0; i < 20000; i++)
    {
      g_autofree char *key = g_strdup_printf ("key %u", i);

      g_variant_builder_add (&builder, "{sv}", key, g_variant_new_uint32 (i));
    }
  send_and_compare (tx, rx, g_variant_builder_end (&builder));
}

/* --- other ways to make a message -------------------------------------------------------------- */

static void
test_json (ChanConformanceFixture *f)
{
  static const char *const texts[] = {
    "null", "true", "-7", "1.5", "\"text\"", "[]", "{}", "[1,\"a\",null,[true],{\"k\":2.5}]",
    "{\"Cmd\":\"ls\",\"Args\":[\"-l\"],\"n\":{\"$int\":\"9223372036854775807\"},\"b\":{\"$bytes\":\"AAEC\"}}",
    "{\"$double\":\"nan\"}", "{\"$$handle\":1}",
  };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = chan_message_new_from_json (texts[i], NULL, 0, &error);
      g_autoptr (ChanMessage) arrived = NULL;
      g_autofree char *text = NULL;

      g_assert_no_error (error);
      chan_test_send_message (tx, message);
      arrived = chan_test_receive (rx);
      assert_same (message, arrived);
      text = chan_message_to_json (arrived);
      g_assert_cmpstr (text, ==, texts[i]);
    }
}

static void
test_bytes (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  static const gsize sizes[] = { 0, 1, 255, 65536, 300000 };

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_bytes (sizes[i]);
      g_autoptr (ChanMessage) arrived = NULL;

      chan_test_send_message (tx, message);
      arrived = chan_test_receive (rx);
      g_assert_true (g_bytes_equal (chan_message_get_bytes (arrived), chan_message_get_bytes (message)));
      g_assert_true (g_variant_is_of_type (chan_message_get_body (arrived), G_VARIANT_TYPE_BYTESTRING));
      assert_same (message, arrived);
    }
}

/* --- handles in bodies ------------------------------------------------------------------------- */

/* Two receivers, wherever the body has them; each is found again under its index. */
static void
test_handles (ChanConformanceFixture *f)
{
  static const char *const shapes[] = {
    "[handle 0, handle 1]", "(handle 1, handle 0)", "[<handle 0>, <handle 1>]", "{'a': handle 0, 'b': handle 1}",
    "(@mh 0, @mh nothing, <<handle 1>>)", "{'a': <handle 1>, 'n': <1>, 'l': <[<handle 0>]>}", "@a(hs) [(0, 'x'), (1, 'y')]",
  };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (shapes); i++)
    {
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (ChanMessage) arrived = NULL;
      GObject *handles[2];
      ChanSender *ends[2];

      for (guint j = 0; j < 2; j++)
        chan_pipe_new (4, &ends[j], (ChanReceiver **) &handles[j]);
      message = chan_message_new_with_handles (g_variant_new_parsed (shapes[i]), handles, 2);
      chan_test_send_message (tx, message);
      arrived = chan_test_receive (rx);
      assert_same (message, arrived);
      g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, 2);
      for (guint j = 0; j < 2; j++)
        {
          chan_test_send (ends[j], i * 10 + j, 1);
          chan_test_take (CHAN_RECEIVER (chan_message_get_handle (arrived, j)), i * 10 + j, 1);
          g_object_unref (ends[j]);
          g_object_unref (handles[j]);
        }
    }
}

#define ALL CHAN_CONFORMANCE_ALL

const ChanConformanceTest chan_conformance_values[] = {
  { "values/every-type-arrives-exactly", test_types, ALL },
  { "values/every-type-inside-every-container", test_wrapped, CHAN_CONFORMANCE_PIPE | CHAN_CONFORMANCE_OPENED },
  { "values/numbers-that-are-not-finite", test_not_finite, ALL },
  { "values/fifty-levels-of-variants", test_deep, ALL },
  { "values/dictionary-with-twenty-thousand-keys", test_many_elements, ALL },
  { "values/json-in-is-json-out", test_json, ALL },
  { "values/bytes", test_bytes, ALL },
  { "values/handles-keep-their-place", test_handles, ALL },
  { NULL },
};
