/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libchan-glib/chan-error.h>

#include "libchan-glib/chan-near-names.h"
#include "libchan-glib/chan-option-table.h"
#include "libchan-glib/chan-options-private.h"

/* --- the table and its documentation ------------------------------------------------ */

/* connect-timeout-sec -> ConnectTimeoutSec */
static char *
camel_case (const char *name)
{
  g_auto (GStrv) words = g_strsplit (name, "-", -1);

  for (gsize i = 0; words[i] != NULL; i++)
    words[i][0] = g_ascii_toupper (words[i][0]);
  return g_strjoinv ("", words);
}

static void
test_both_spellings_name_one_option (void)
{
  for (guint i = 0; i < chan_n_options; i++)
    {
      g_autofree char *key = camel_case (chan_option_table[i].name);

      g_assert_cmpstr (chan_option_table[i].key, ==, key);
      g_assert_cmpint (chan_option_find (chan_option_table[i].name), ==, (int) i);
      g_assert_cmpint (chan_option_find (chan_option_table[i].key), ==, (int) i);
    }
}

static char *
default_text (const ChanOption *option)
{
  switch (option->type)
    {
    case CHAN_OPTION_INT:
      return g_strdup_printf ("%" G_GINT64_FORMAT, option->value);
    case CHAN_OPTION_OCTAL:
      return g_strdup_printf ("0%o", (guint) option->value);
    case CHAN_OPTION_BOOLEAN:
      return g_strdup (option->value ? "`true`" : "`false`");
    default:
      return option->text[0] != '\0' ? g_strdup_printf ("`%s`", option->text) : g_strdup ("");
    }
}

static char *
allowed_text (const ChanOption *option)
{
  if (option->type == CHAN_OPTION_INT)
    return g_strdup_printf ("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, option->min, option->max);
  if (option->type == CHAN_OPTION_ENUM)
    {
      g_auto (GStrv) choices = g_strsplit (option->choices, "|", -1);
      g_autofree char *list = g_strjoinv ("`, `", choices);

      return g_strdup_printf ("`%s`", list);
    }
  return NULL;
}

/* Looks for: | `name` | `Key` | default | allowed | unit | */
static void
assert_documented (char **lines, const ChanOption *option)
{
  g_autofree char *start = g_strdup_printf ("| `%s` |", option->name);
  g_autofree char *value = default_text (option);
  g_autofree char *allowed = allowed_text (option);
  g_autofree char *key = g_strdup_printf ("`%s`", option->key);

  for (gsize i = 0; lines[i] != NULL; i++)
    {
      g_auto (GStrv) cells = NULL;

      if (!g_str_has_prefix (lines[i], start))
        continue;
      cells = g_strsplit (lines[i], "|", -1);
      g_assert_cmpuint (g_strv_length (cells), ==, 8);
      for (gsize j = 0; cells[j] != NULL; j++)
        g_strstrip (cells[j]);
      g_assert_cmpstr (cells[2], ==, key);
      g_assert_cmpstr (cells[3], ==, value);
      if (allowed != NULL)
        g_assert_cmpstr (cells[4], ==, allowed);
      if (option->unit != NULL)
        g_assert_cmpstr (cells[5], ==, option->unit);
      g_assert_cmpuint (strlen (cells[6]), >, 8);
      return;
    }
  g_test_message ("%s is not in docs/options.md", option->name);
  g_test_fail ();
}

static guint
count_documented (char **lines)
{
  guint n = 0;

  for (gsize i = 0; lines[i] != NULL; i++)
    n += g_str_has_prefix (lines[i], "| `") && !g_str_has_prefix (lines[i], "| `[");
  return n;
}

static void
test_every_option_is_documented (void)
{
  g_autofree char *path = g_test_build_filename (G_TEST_DIST, "..", "docs", "options.md", NULL);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) lines = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; i < chan_n_options; i++)
    assert_documented (lines, &chan_option_table[i]);
  g_assert_cmpuint (count_documented (lines), ==, chan_n_options);
}

static void
test_defaults_are_the_limits (void)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  ChanLimits limits;

  chan_options_get_limits (options, &limits);
  g_assert_cmpmem (&limits, sizeof limits, &chan_limits_default, sizeof chan_limits_default);
}

static void
test_limits_follow_the_options (void)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  ChanLimits limits;

  g_assert_true (chan_options_set (options, "max-message-bytes", "2048", NULL));
  g_assert_true (chan_options_set (options, "max-streams", "7", NULL));
  g_assert_true (chan_options_set (options, "stream-window", "2097152", NULL));
  chan_options_get_limits (options, &limits);
  g_assert_cmpuint (limits.message_bytes, ==, 2048);
  g_assert_cmpuint (limits.message_memory, ==, 8192);
  g_assert_cmpuint (limits.peer_streams, ==, 7);
  g_assert_cmpuint (limits.unclaimed_streams, ==, 7);
  g_assert_cmpuint (limits.stream_window_max, ==, 2097152);
}

static void
test_names_are_listed (void)
{
  g_auto (GStrv) names = chan_options_list_names ();

  g_assert_cmpuint (g_strv_length (names), ==, chan_n_options);
  g_assert_true (g_strv_contains ((const char *const *) names, "ca-file"));
}

/* --- setting ------------------------------------------------------------------------- */

static void
test_values_are_kept (void)
{
  g_autoptr (ChanOptions) options = chan_options_new ();

  g_assert_false (chan_options_is_set (options, "capacity"));
  g_assert_cmpint (chan_options_get_int (options, "capacity"), ==, 64);
  g_assert_true (chan_options_set (options, "capacity", "64", NULL));
  g_assert_true (chan_options_is_set (options, "Capacity"));
  g_assert_true (chan_options_set (options, "Capacity", "0", NULL));
  g_assert_cmpint (chan_options_get_int (options, "capacity"), ==, 0);
  g_assert_true (chan_options_set (options, "mode", "0660", NULL));
  g_assert_cmpint (chan_options_get_int (options, "Mode"), ==, 0660);
  g_assert_true (chan_options_get_boolean (options, "verify"));
  g_assert_true (chan_options_set (options, "verify", "No", NULL));
  g_assert_false (chan_options_get_boolean (options, "verify"));
  g_assert_cmpstr (chan_options_get_string (options, "min-tls"), ==, "");
  g_assert_true (chan_options_set (options, "min-tls", "1.3", NULL));
  g_assert_cmpstr (chan_options_get_string (options, "min-tls"), ==, "1.3");
  g_assert_true (chan_options_set (options, "min-tls", "", NULL));
  g_assert_cmpstr (chan_options_get_string (options, "dialect"), ==, "auto");
  g_assert_true (chan_options_set (options, "allow-uids", "0; 1000,1001;", NULL));
  g_assert_cmpstr (chan_options_get_string (options, "allow-uids"), ==, "0,1000,1001");
  g_assert_true (chan_options_set (options, "ca-file", "/x y", NULL));
  g_assert_cmpstr (chan_options_get_string (options, "CaFile"), ==, "/x y");
}

static void
test_copy_is_independent (void)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (ChanOptions) copy = NULL;

  g_assert_true (chan_options_set (options, "server-name", "a", NULL));
  copy = chan_options_copy (options);
  g_assert_true (chan_options_set (options, "server-name", "b", NULL));
  g_assert_cmpstr (chan_options_get_string (copy, "server-name"), ==, "a");
  g_assert_true (chan_options_is_set (copy, "server-name"));
}

static void
assert_refused (const char *name, const char *value, const char *in_message)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_options_set (options, name, value, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  if (strstr (error->message, in_message) == NULL)
    {
      g_test_message ("“%s” is not in: %s", in_message, error->message);
      g_test_fail ();
    }
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
}

static void
test_bad_values_are_refused (void)
{
  assert_refused ("capacity", "-1", "a whole number from 0 to 1048576 (messages)");
  assert_refused ("capacity", "1048577", "“1048577”");
  assert_refused ("Capacity", "", "Capacity:");
  assert_refused ("capacity", "1k", "capacity:");
  assert_refused ("capacity", " 1", "capacity:");
  assert_refused ("capacity", "0x10", "capacity:");
  assert_refused ("capacity", "99999999999999999999", "capacity:");
  assert_refused ("mode", "0999", "octal");
  assert_refused ("mode", "01000", "0777");
  assert_refused ("verify", "maybe", "true or false");
  assert_refused ("verify", "", "true or false");
  assert_refused ("dialect", "3", "one of auto, 2, 1, glib");
  assert_refused ("dialect", "", "dialect");
  assert_refused ("dialect", "auto|2", "dialect");
  assert_refused ("min-tls", "1.1", "one of 1.2, 1.3, or nothing");
  assert_refused ("allow-uids", "root", "user ids");
  assert_refused ("allow-uids", "4294967295", "user ids");
  assert_refused ("server-name", "\xff", "UTF-8");
}

static void
test_failed_set_changes_nothing (void)
{
  g_autoptr (ChanOptions) options = chan_options_new ();

  g_assert_false (chan_options_set (options, "capacity", "x", NULL));
  g_assert_false (chan_options_is_set (options, "capacity"));
  g_assert_cmpint (chan_options_get_int (options, "capacity"), ==, 64);
}

static void
test_unknown_option_names_near_ones (void)
{
  assert_refused ("keepalive", "1", "keepalive-sec or keepalive-timeout-sec");
  assert_refused ("max-mesage-bytes", "1", "max-message-bytes");
  assert_refused ("ca_file", "1", "ca-file");
  assert_refused ("cafile", "1", "ca-file");
  assert_refused ("xyzzy", "1", "There is no option “xyzzy”");
  assert_refused ("\xff", "1", "no option");
}

static void
test_far_names_are_not_suggested (void)
{
  static const char *const names[] = { "capacity", "verify", NULL };
  g_autofree char *long_word = g_strnfill (100000, 'c');
  g_autofree char *none = chan_near_names ("xyzzy", names);
  g_autofree char *too_long = chan_near_names (long_word, names);
  g_autofree char *empty = chan_near_names ("", names);

  g_assert_cmpstr (none, ==, "");
  g_assert_cmpstr (too_long, ==, "");
  g_assert_cmpstr (empty, ==, "");
}

/* --- URIs ------------------------------------------------------------------------------ */

static gboolean
set_from (ChanOptions *options, const char *text, GUriFlags flags, GError **error)
{
  g_autoptr (GUri) uri = g_uri_parse (text, flags, NULL);

  g_assert_nonnull (uri);
  return chan_options_set_from_uri (options, uri, error);
}

static void
test_uri_sets_options (void)
{
  static const GUriFlags flags[] = { G_URI_FLAGS_NONE, G_URI_FLAGS_ENCODED_QUERY, G_URI_FLAGS_ENCODED };

  for (gsize i = 0; i < G_N_ELEMENTS (flags); i++)
    {
      g_autoptr (ChanOptions) options = chan_options_new ();
      g_autoptr (GError) error = NULL;

      set_from (options, "tls://h:1?capacity=3&CaFile=/a%20b%2525&verify=off", flags[i], &error);
      g_assert_no_error (error);
      g_assert_cmpint (chan_options_get_int (options, "capacity"), ==, 3);
      g_assert_cmpstr (chan_options_get_string (options, "ca-file"), ==, "/a b%25");
      g_assert_false (chan_options_get_boolean (options, "verify"));
      g_assert_false (chan_options_is_set (options, "alpn"));
      g_assert_true (set_from (options, "memory:x", flags[i], NULL));
    }
}

static void
assert_uri_refused (const char *text, const char *in_message)
{
  g_autoptr (ChanOptions) options = chan_options_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (set_from (options, text, G_URI_FLAGS_ENCODED, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, in_message));
  g_assert_false (chan_options_is_set (options, "capacity"));
}

static void
test_bad_uri_changes_nothing (void)
{
  assert_uri_refused ("tcp://h:1?capacity=1&capacty=2", "did you mean capacity?");
  assert_uri_refused ("tcp://h:1?capacity=1&Capacity=2", "twice");
  assert_uri_refused ("tcp://h:1?capacity=1&backlog=x", "backlog");
  assert_uri_refused ("tcp://h:1?capacity=1&verify", "URI parameters");
  assert_uri_refused ("tcp://h:1?capacity=1&ca-file=%00", "URI parameters");
}

/* It says that something is wanted which does not come: a client without TLS, a socket that all may use. */
static void
test_uri_has_no_option_of_another_transport (void)
{
  static const char *const fine[] = { "tcp://h:1?allow-plaintext=true", "unix:/a?mode=0600&allow-uids=1", "tls://h:1?alpn=off&min-tls=1.2",
                                      "dbus:session?name=a.b&path=/a&direct=never&mode=0600&allow-uids=1",
                                      "other:x?ca-file=/a&mode=0600&name=x&allow-plaintext=true" };

  assert_uri_refused ("unix:/a?capacity=1&ca-file=/c", "ca-file is an option of tls:, which unix: does not have");
  assert_uri_refused ("tcp://h:1?capacity=1&RequireClientCert=yes", "require-client-cert is an option of tls:");
  assert_uri_refused ("memory:x?capacity=1&verify=off", "verify is an option of tls:, which memory: does not have");
  assert_uri_refused ("tls://h:1?capacity=1&mode=0600", "mode is an option of unix: and dbus:, which tls: does not have");
  assert_uri_refused ("unix:/a?capacity=1&name=x", "name is an option of dbus:");
  assert_uri_refused ("tls://h:1?capacity=1&allow-plaintext=true", "allow-plaintext is an option of tcp:");
  for (gsize i = 0; i < G_N_ELEMENTS (fine); i++)
    {
      g_autoptr (ChanOptions) options = chan_options_new ();
      g_autoptr (GError) error = NULL;

      set_from (options, fine[i], G_URI_FLAGS_ENCODED, &error);
      g_assert_no_error (error);
    }
}

static void
test_private_key_in_a_uri_is_refused (void)
{
  assert_uri_refused ("tls://h:1?private-key-file=/k", "PrivateKeyFile");
  assert_uri_refused ("tls://h:1?PrivateKeyFile=/k", "configuration file");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/options/both-spellings-name-one-option", test_both_spellings_name_one_option);
  g_test_add_func ("/options/every-option-is-documented", test_every_option_is_documented);
  g_test_add_func ("/options/defaults-are-the-limits", test_defaults_are_the_limits);
  g_test_add_func ("/options/limits-follow-the-options", test_limits_follow_the_options);
  g_test_add_func ("/options/names-are-listed", test_names_are_listed);
  g_test_add_func ("/options/values-are-kept", test_values_are_kept);
  g_test_add_func ("/options/copy-is-independent", test_copy_is_independent);
  g_test_add_func ("/options/bad-values-are-refused", test_bad_values_are_refused);
  g_test_add_func ("/options/failed-set-changes-nothing", test_failed_set_changes_nothing);
  g_test_add_func ("/options/unknown-option-names-near-ones", test_unknown_option_names_near_ones);
  g_test_add_func ("/options/far-names-are-not-suggested", test_far_names_are_not_suggested);
  g_test_add_func ("/options/uri-sets-options", test_uri_sets_options);
  g_test_add_func ("/options/bad-uri-changes-nothing", test_bad_uri_changes_nothing);
  g_test_add_func ("/options/uri-has-no-option-of-another-transport", test_uri_has_no_option_of_another_transport);
  g_test_add_func ("/options/private-key-in-a-uri-is-refused", test_private_key_in_a_uri_is_refused);
  return g_test_run ();
}
