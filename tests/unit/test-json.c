/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-message.h>

#include "libchan-glib/chan-json-check.h"

static const ChanLimits small_limits = { .message_memory = 64, .message_nodes = 4, .message_depth = 3 };

/* --- what is read ------------------------------------------------------------------ */

static void
assert_reads_as (const char *text, const char *expected_text)
{
  g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new_from_json (text, &object, 1, &error);
  g_autoptr (GVariant) expected = g_variant_new_parsed (expected_text);

  g_assert_no_error (error);
  g_variant_ref_sink (expected);
  if (!g_variant_equal (chan_message_get_body (message), expected))
    {
      g_autofree char *found = g_variant_print (chan_message_get_body (message), TRUE);

      g_test_message ("%s was read as %s", text, found);
      g_test_fail ();
    }
}

static void
test_plain_json_has_its_types (void)
{
  assert_reads_as ("{}", "@a{sv} {}");
  assert_reads_as (" [ ] ", "@av []");
  assert_reads_as ("\t\r\n1\n", "int64 1");
  assert_reads_as ("-0", "int64 0");
  assert_reads_as ("9223372036854775807", "int64 9223372036854775807");
  assert_reads_as ("-9223372036854775808", "int64 -9223372036854775808");
  assert_reads_as ("9007199254740993", "int64 9007199254740993");
  assert_reads_as ("1.0", "1.0");
  assert_reads_as ("-1.5E+3", "-1500.0");
  assert_reads_as ("1e22", "1e22");
  assert_reads_as ("true", "true");
  assert_reads_as ("false", "false");
  assert_reads_as ("null", "@mv nothing");
  assert_reads_as ("{\"a\": [1, \"b\", {\"c\": null}], \"d\" : false}",
                   "{'a': <[<int64 1>, <'b'>, <{'c': <@mv nothing>}>]>, 'd': <false>}");
}

static void
test_strings_are_unescaped (void)
{
  assert_reads_as ("\"\"", "''");
  assert_reads_as ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "'\"\\\\/\\b\\f\\n\\r\\t'");
  assert_reads_as ("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\\u001f\"", "'A\\u00e9\\u20ac\\U0001f600\\u001f'");
  assert_reads_as ("{\"\\u0061\": 1}", "{'a': <int64 1>}");
}

static void
test_tags_are_read (void)
{
  assert_reads_as ("{\"$handle\": 0}", "handle 0");
  assert_reads_as ("{\"S\": {\"$handle\": 0}}", "{'S': <handle 0>}");
  assert_reads_as ("{\"$bytes\": \"aGk=\"}", "@ay [0x68, 0x69]");
  assert_reads_as ("{\"$bytes\": \"\"}", "@ay []");
  assert_reads_as ("{\"$int\": \"-9223372036854775808\"}", "int64 -9223372036854775808");
  assert_reads_as ("{\"$int\": \"18446744073709551615\"}", "uint64 18446744073709551615");
  assert_reads_as ("{\"$double\": \"inf\"}", "inf");
  assert_reads_as ("{\"$double\": \"-inf\"}", "-inf");
  assert_reads_as ("{\"$$handle\": 0}", "{'$handle': <int64 0>}");
  assert_reads_as ("{\"$$\": 0, \"$$$x\": 1}", "{'$': <int64 0>, '$$x': <int64 1>}");
}

static void
assert_error (const char *text, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new_from_json (text, NULL, 0, &error);

  if (message != NULL || !g_error_matches (error, domain, code))
    {
      g_test_message ("%.60s: %s", text, error != NULL ? error->message : "was read");
      g_test_fail ();
    }
}

static void
assert_invalid (const char *text)
{
  assert_error (text, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_bad_tags_fail (void)
{
  assert_error ("{\"$handle\": 0}", CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  assert_error ("{\"$handle\": -1}", CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  assert_error ("[{\"$handle\": 9223372036854775807}]", CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  assert_invalid ("{\"$handle\": \"0\"}");
  assert_invalid ("{\"$handle\": 0.0}");
  assert_invalid ("{\"$bytes\": 1}");
  assert_invalid ("{\"$bytes\": \"a\"}");
  assert_invalid ("{\"$bytes\": \"aGk\"}");
  assert_invalid ("{\"$bytes\": \"a===\"}");
  assert_invalid ("{\"$bytes\": \"aG k\"}");
  assert_invalid ("{\"$bytes\": \"====\"}");
  assert_invalid ("{\"$int\": 1}");
  assert_invalid ("{\"$int\": \"\"}");
  assert_invalid ("{\"$int\": \" 1\"}");
  assert_invalid ("{\"$int\": \"18446744073709551616\"}");
  assert_invalid ("{\"$int\": \"-9223372036854775809\"}");
  assert_invalid ("{\"$double\": 1.0}");
  assert_invalid ("{\"$double\": \"1.0\"}");
  assert_invalid ("{\"$other\": 1}");
  assert_invalid ("{\"$\": 1}");
  assert_invalid ("{\"$int\": \"1\", \"a\": 1}");
  assert_invalid ("{\"a\": 1, \"$handle\": 0}");
}

/* --- hostile text --------------------------------------------------------------------- */

static void
test_bad_grammar_fails (void)
{
  static const char *const texts[] = {
    "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}",
    "{a:1}", "{1:1}", "{'a':1}", "'a'", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x41\"", "\"\\a\"", "\"\\u\"",
    "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\t\"", "\"\x01\"", "tru", "True", "nul", "nullx", "truefalse", "1 2",
    "01", "-", "-01", "+1", ".5", "1.", "1.e5", "1e", "1e+", "0x10", "1_000", "Infinity", "NaN", "-Infinity",
    "[1]]", "{}{}", "// c\n1", "/* c */ 1", "\xef\xbb\xbf[]", "[1}", "{\"a\":1]", "{\"a\" 1}", "{\"a\",1}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    assert_invalid (texts[i]);
}

static void
test_numbers_out_of_range_fail (void)
{
  g_autofree char *long_whole = g_strnfill (100000, '9');
  g_autofree char *long_power = g_strconcat ("1e", long_whole, NULL);

  assert_invalid ("9223372036854775808");
  assert_invalid ("-9223372036854775809");
  assert_invalid ("1e400");
  assert_invalid ("-1e400");
  assert_invalid ("[1e309]");
  assert_invalid (long_whole);
  assert_invalid (long_power);
}

static void
test_bad_characters_fail (void)
{
  assert_invalid ("\"\xff\"");
  assert_invalid ("\"\xc0\xaf\"");
  assert_invalid ("\"\xed\xa0\x80\"");
  assert_invalid ("\xff");
  assert_invalid ("\"\\u0000\"");
  assert_invalid ("{\"a\\u0000b\": 1}");
  assert_invalid ("\"\\ud800\"");
  assert_invalid ("\"\\udc00\"");
  assert_invalid ("\"\\ud800x\"");
  assert_invalid ("\"\\ud800\\n\"");
  assert_invalid ("\"\\ud800\\ud800\"");
  assert_invalid ("\"\\ud83d\\u0041\"");
}

static void
test_nul_inside_the_text_fails (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_json_check ("1\0" "2", 3, &small_limits, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
}

static void
test_key_that_occurs_twice_fails (void)
{
  assert_invalid ("{\"a\": 1, \"a\": 2}");
  assert_invalid ("{\"a\": 1, \"b\": 2, \"\\u0061\": 3}");
  assert_invalid ("[{\"x\": {\"\": 1, \"\": 1}}]");
  assert_reads_as ("{\"a\": {\"a\": 1}}", "{'a': <{'a': <int64 1>}>}");
}

static char *
repeat (const char *open, const char *middle, const char *close, guint n)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < n; i++)
    g_string_append (text, open);
  g_string_append (text, middle);
  for (guint i = 0; i < n; i++)
    g_string_append (text, close);
  return g_string_free (text, FALSE);
}

static void
assert_depth (const char *open, const char *close, guint deepest)
{
  g_autofree char *fits = repeat (open, "\"x\"", close, deepest);
  g_autofree char *too_deep = repeat (open, "1", close, deepest + 1);
  g_autofree char *far_too_deep = repeat (open, "1", close, 20000);
  g_autofree char *unclosed = repeat (open, "", "", 1 << 20);
  g_autofree char *written = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new_from_json (fits, NULL, 0, &error);

  g_assert_no_error (error);
  /* GVariant forgets what lies too deep when it serialises: this must not be. */
  g_assert_nonnull (g_variant_get_data (chan_message_get_body (message)));
  written = chan_message_to_json (message);
  g_assert_cmpstr (written, ==, fits);
  assert_error (too_deep, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  assert_error (far_too_deep, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  assert_error (unclosed, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

static void
test_depth_is_limited (void)
{
  assert_depth ("[", "]", 59);
  assert_depth ("{\"k\":", "}", 39);
}

static void
test_number_of_values_is_limited (void)
{
  g_autofree char *text = repeat ("1,", "1", "", chan_limits_default.message_nodes);
  g_autofree char *list = g_strconcat ("[", text, "]", NULL);

  assert_error (list, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

static void
test_size_is_limited (void)
{
  g_autofree char *text = g_strnfill (chan_limits_default.message_memory + 1, ' ');

  assert_error (text, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
}

static void
test_check_obeys_its_limits (void)
{
  g_autofree char *long_text = g_strnfill (65, '1');
  g_autoptr (GError) error = NULL;

  g_assert_true (chan_json_check ("[[[]]]", 6, &small_limits, NULL));
  g_assert_true (chan_json_check ("[1,2,3]", 7, &small_limits, NULL));
  g_assert_false (chan_json_check ("[[[[]]]]", 8, &small_limits, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_clear_error (&error);
  g_assert_false (chan_json_check ("[1,2,3,4]", 9, &small_limits, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  g_clear_error (&error);
  g_assert_false (chan_json_check (long_text, 65, &small_limits, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
}

/* Keys that all meet in one slot of a hash table with GLib's string hash. */
static void
test_colliding_keys_take_no_time (void)
{
  GString *text = g_string_new ("{");
  g_autofree char *owned = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autofree char *written = NULL;
  gint64 start = g_get_monotonic_time ();

  for (guint i = 0; i < (1 << 16); i++)
    {
      g_string_append (text, i > 0 ? ",\"" : "\"");
      for (guint bit = 0; bit < 16; bit++)
        g_string_append (text, (i >> bit) & 1 ? "Ez" : "FY");
      g_string_append (text, "\":1");
    }
  g_string_append_c (text, '}');
  owned = g_string_free (text, FALSE);
  message = chan_message_new_from_json (owned, NULL, 0, NULL);
  g_assert_nonnull (message);
  written = chan_message_to_json (message);
  g_assert_cmpuint (strlen (written), ==, strlen (owned));
  /* it takes minutes by hashing */
  g_assert_cmpint (g_get_monotonic_time () - start, <, 60 * G_USEC_PER_SEC);
}

static void
test_error_names_the_byte (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_message_new_from_json ("[1, x]", NULL, 0, &error));
  g_assert_nonnull (strstr (error->message, "byte 4"));
}

/* --- what is written ------------------------------------------------------------------ */

static void
assert_writes (const char *body, const char *expected)
{
  g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new_parsed (body), &object, 1);
  g_autofree char *text = chan_message_to_json (message);

  g_assert_cmpstr (text, ==, expected);
}

static void
test_every_type_is_written (void)
{
  assert_writes ("true", "true");
  assert_writes ("byte 0xff", "255");
  assert_writes ("int16 -5", "-5");
  assert_writes ("uint16 5", "5");
  assert_writes ("-7", "-7");
  assert_writes ("uint32 4294967295", "4294967295");
  assert_writes ("int64 9007199254740992", "9007199254740992");
  assert_writes ("int64 9007199254740993", "{\"$int\":\"9007199254740993\"}");
  assert_writes ("int64 -9223372036854775808", "{\"$int\":\"-9223372036854775808\"}");
  assert_writes ("uint64 18446744073709551615", "{\"$int\":\"18446744073709551615\"}");
  assert_writes ("uint64 1", "1");
  assert_writes ("0.1", "0.1");
  assert_writes ("3.0", "3.0");
  assert_writes ("-0.0", "-0.0");
  assert_writes ("1e22", "1e+22");
  assert_writes ("inf", "{\"$double\":\"inf\"}");
  assert_writes ("handle 0", "{\"$handle\":0}");
  assert_writes ("objectpath '/a'", "\"/a\"");
  assert_writes ("signature 'as'", "\"as\"");
  assert_writes ("<<1>>", "1");
  assert_writes ("@mmi just nothing", "null");
  assert_writes ("just 5", "5");
  assert_writes ("(1, 'a', [2, 3])", "[1,\"a\",[2,3]]");
  assert_writes ("()", "[]");
  assert_writes ("b'hi'", "{\"$bytes\":\"aGkA\"}");
  assert_writes ("{1: 'a', 2: 'b'}", "{\"1\":\"a\",\"2\":\"b\"}");
  assert_writes ("{'$x', 1}", "{\"$$x\":1}");
  assert_writes ("@a{sv} {}", "{}");
}

static void
test_strings_are_escaped (void)
{
  assert_writes ("'a\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\\u007f\\u20ac/'",
                 "\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\\u001f\x7f\xe2\x82\xac/\"");
  assert_writes ("{'a\"': 1}", "{\"a\\\"\":1}");
}

static void
test_first_of_a_repeated_key_is_written (void)
{
  assert_writes ("{'b': 1, 'a': 2, 'b': 3, 'a': 4, 'c': 5}", "{\"b\":1,\"a\":2,\"c\":5}");
}

/* --- nodes ---------------------------------------------------------------------------- */

static void
test_nodes_are_the_same_json (void)
{
  static const char text[] = "{\"a\":[1,2.5,\"x\\u001f\",true,null,{\"$int\":\"9007199254740993\"}],"
                             "\"$$b\":{\"$bytes\":\"aGk=\"},\"c\":{\"$handle\":0},\"d\":1e+22,\"e\":{}}";
  g_autoptr (GObject) object = g_object_new (G_TYPE_OBJECT, NULL);
  g_autoptr (ChanMessage) message = chan_message_new_from_json (text, &object, 1, NULL);
  g_autoptr (JsonNode) node = chan_message_dup_json_node (message);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) back = chan_message_new_from_json_node (node, &object, 1, &error);
  g_autofree char *written = NULL;

  g_assert_no_error (error);
  g_assert_true (g_variant_equal (chan_message_get_body (message), chan_message_get_body (back)));
  written = chan_message_to_json (back);
  g_assert_cmpstr (written, ==, text);
}

static void
test_bad_nodes_fail (void)
{
  g_autoptr (JsonNode) string = json_node_init_string (json_node_alloc (), "\xff");
  g_autoptr (JsonNode) tag = json_from_string ("{\"$handle\": 3}", NULL);
  g_autoptr (JsonNode) deep = json_node_init_int (json_node_alloc (), 1);
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_message_new_from_json_node (string, NULL, 0, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  g_clear_error (&error);
  g_assert_null (chan_message_new_from_json_node (tag, NULL, 0, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNKNOWN_HANDLE);
  g_clear_error (&error);
  for (int i = 0; i < 100; i++)
    {
      JsonArray *array = json_array_new ();

      json_array_add_element (array, g_steal_pointer (&deep));
      deep = json_node_init_array (json_node_alloc (), array);
      json_array_unref (array);
    }
  g_assert_null (chan_message_new_from_json_node (deep, NULL, 0, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/json/plain-json-has-its-types", test_plain_json_has_its_types);
  g_test_add_func ("/json/strings-are-unescaped", test_strings_are_unescaped);
  g_test_add_func ("/json/tags-are-read", test_tags_are_read);
  g_test_add_func ("/json/bad-tags-fail", test_bad_tags_fail);
  g_test_add_func ("/json/bad-grammar-fails", test_bad_grammar_fails);
  g_test_add_func ("/json/numbers-out-of-range-fail", test_numbers_out_of_range_fail);
  g_test_add_func ("/json/bad-characters-fail", test_bad_characters_fail);
  g_test_add_func ("/json/nul-inside-the-text-fails", test_nul_inside_the_text_fails);
  g_test_add_func ("/json/key-that-occurs-twice-fails", test_key_that_occurs_twice_fails);
  g_test_add_func ("/json/depth-is-limited", test_depth_is_limited);
  g_test_add_func ("/json/number-of-values-is-limited", test_number_of_values_is_limited);
  g_test_add_func ("/json/size-is-limited", test_size_is_limited);
  g_test_add_func ("/json/check-obeys-its-limits", test_check_obeys_its_limits);
  g_test_add_func ("/json/colliding-keys-take-no-time", test_colliding_keys_take_no_time);
  g_test_add_func ("/json/error-names-the-byte", test_error_names_the_byte);
  g_test_add_func ("/json/every-type-is-written", test_every_type_is_written);
  g_test_add_func ("/json/strings-are-escaped", test_strings_are_escaped);
  g_test_add_func ("/json/first-of-a-repeated-key-is-written", test_first_of_a_repeated_key_is_written);
  g_test_add_func ("/json/nodes-are-the-same-json", test_nodes_are_the_same_json);
  g_test_add_func ("/json/bad-nodes-fail", test_bad_nodes_fail);
  return g_test_run ();
}
