/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glib/gstdio.h>

#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-transport.h>

#include "libchan-glib/chan-config-private.h"

/* Each test has XDG folders of its own. */

static char *
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&path);
}

static void
add_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = write_file (folder, name, text);

  g_assert_nonnull (path);
}

static char *
write_own (const char *text)
{
  return write_file (g_get_user_config_dir (), "chan/chan.conf", text);
}

static ChanConfig *
load (void)
{
  g_autoptr (ChanConfig) config = chan_config_new ();
  g_autoptr (GError) error = NULL;

  chan_config_load (config, &error);
  g_assert_no_error (error);
  return g_steal_pointer (&config);
}

static ChanConfig *
load_text (const char *text)
{
  g_autofree char *path = write_own (text);

  g_assert_nonnull (path);
  return load ();
}

static void
assert_resolves (ChanConfig *config, const char *name, const char *expected)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) uris = chan_config_resolve (config, name, &error);
  g_autofree char *found = NULL;

  g_assert_no_error (error);
  found = g_strjoinv (" ", uris);
  g_assert_cmpstr (found, ==, expected);
}

static void
assert_unresolved (ChanConfig *config, const char *name, int code, const char *in_message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_config_resolve (config, name, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
  g_assert_nonnull (strstr (error->message, in_message));
}

static gint64
get_int (ChanConfig *config, const char *uri_or_name, const char *scheme, const char *option)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanOptions) options = chan_config_dup_options (config, uri_or_name, scheme, &error);

  g_assert_no_error (error);
  return chan_options_get_int (options, option);
}

/* --- what a file says ------------------------------------------------------------------ */

static void
test_no_file_is_fine (void)
{
  g_autoptr (ChanConfig) config = load ();
  g_auto (GStrv) names = chan_config_list_endpoints (config);
  g_auto (GStrv) sources = chan_config_list_sources (config);

  g_assert_cmpuint (g_strv_length (names), ==, 0);
  g_assert_cmpuint (g_strv_length (sources), ==, 0);
  assert_resolves (config, "tcp://h:1?capacity=3", "tcp://h:1?capacity=3");
  assert_unresolved (config, "@build", CHAN_CHANNEL_ERROR_BAD_CONFIG, "build");
}

static void
test_endpoint_lists_its_uris_in_order (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Endpoint build]\n"
                                             "Uri=tls://build.example.org:7890\n"
                                             "Fallback=tcp://127.0.0.1:7890; memory:jobs ;\n"
                                             "[Endpoint other-one.2]\n"
                                             "Uri=dbus:session?name=org.example.Chan&path=/org/example/Chan\n");
  g_auto (GStrv) names = chan_config_list_endpoints (config);

  assert_resolves (config, "@build", "tls://build.example.org:7890 tcp://127.0.0.1:7890 memory:jobs");
  assert_resolves (config, "@other-one.2", "dbus:session?name=org.example.Chan&path=/org/example/Chan");
  assert_unresolved (config, "@biuld", CHAN_CHANNEL_ERROR_BAD_CONFIG, "did you mean build?");
  assert_unresolved (config, "@", CHAN_CHANNEL_ERROR_BAD_CONFIG, "endpoint");
  assert_unresolved (config, "@build?capacity=1", CHAN_CHANNEL_ERROR_BAD_CONFIG, "endpoint");
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  g_assert_cmpstr (names[0], ==, "build");
}

static void
test_options_come_from_the_nearest_group (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nCapacity=1\nBacklog=1\nMaxSessions=1\n"
                                             "[Transport tls]\nCapacity=2\nbacklog=2\n"
                                             "[Endpoint a]\nUri=tls://h:1\nCapacity=3\n");

  g_assert_cmpint (get_int (config, "@a", "tls", "capacity"), ==, 3);
  g_assert_cmpint (get_int (config, "@a", "tls", "backlog"), ==, 2);
  g_assert_cmpint (get_int (config, "@a", "tcp", "backlog"), ==, 1);
  g_assert_cmpint (get_int (config, "tls://h:1", NULL, "capacity"), ==, 2);
  g_assert_cmpint (get_int (config, "tcp://h:1", NULL, "capacity"), ==, 1);
  g_assert_cmpint (get_int (config, "tls://h:1", NULL, "max-sessions"), ==, 1);
  g_assert_cmpint (get_int (config, "tls://h:1", NULL, "send-buffer"), ==, 204800);
}

/* --- a transport of this program --- */

typedef GObject Own;
typedef GObjectClass OwnClass;

static void
own_transport_init (ChanTransportInterface *iface)
{
}

GType own_get_type (void);
G_DEFINE_TYPE_WITH_CODE (Own, own, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (CHAN_TYPE_TRANSPORT, own_transport_init))

static void
own_class_init (OwnClass *klass)
{
}

static void
own_init (Own *self)
{
}

static void
test_transports_have_groups (void)
{
  static const char text[] = "[Transport own]\nCapacity=3\nCaFile=/a\nMode=0600\n";
  g_autofree char *path = write_own (text);
  g_autoptr (ChanConfig) config = chan_config_new ();
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_config_load (config, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_true (chan_transport_register ("own", own_get_type ()));
  g_clear_error (&error);
  chan_config_load (config, &error);
  g_assert_no_error (error);
  g_assert_cmpint (get_int (config, "own:x", NULL, "capacity"), ==, 3);
}

/* So that another Uri is one line: options of what it was are not in the way. */
static void
test_endpoint_has_options_of_any_transport (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nDirect=never\n[Transport dbus]\nName=a.b\n"
                                             "[Endpoint a]\nUri=unix:/a\nCaFile=ca.pem\nMode=0660\nFallback=tls://h:1;\n");

  assert_resolves (config, "@a", "unix:/a tls://h:1");
  g_assert_cmpint (get_int (config, "@a", "unix", "mode"), ==, 0660);
}

static void
test_transports_restricts_schemes (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nTransports=memory;tls;\n"
                                             "[Endpoint a]\nUri=tcp://h:1\nFallback=tls://h:2;unix:/x;memory:y;\n"
                                             "[Endpoint b]\nUri=tcp://h:1\n");

  assert_resolves (config, "@a", "tls://h:2 memory:y");
  assert_resolves (config, "memory:z", "memory:z");
  assert_unresolved (config, "@b", CHAN_CHANNEL_ERROR_NO_TRANSPORT, "chan.conf: [Chan] Transports: “tcp”");
  assert_unresolved (config, "tcp://h:1", CHAN_CHANNEL_ERROR_NO_TRANSPORT, "tcp");
}

static void
test_file_names_are_relative_to_their_file (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Transport tls]\nCaFile=ca.pem\nCertificateFile=/abs/c.pem\n"
                                             "PrivateKeyFile=../k.pem\n");
  g_autoptr (ChanOptions) options = chan_config_dup_options (config, "tls://h:1", "tls", NULL);
  g_autofree char *ca = g_build_filename (g_get_user_config_dir (), "chan", "ca.pem", NULL);
  g_autofree char *key = g_build_filename (g_get_user_config_dir (), "k.pem", NULL);

  g_assert_cmpstr (chan_options_get_string (options, "ca-file"), ==, ca);
  g_assert_cmpstr (chan_options_get_string (options, "certificate-file"), ==, "/abs/c.pem");
  g_assert_cmpstr (chan_options_get_string (options, "private-key-file"), ==, key);
}

static void
test_x_groups_are_ignored (void)
{
  g_autoptr (ChanConfig) config = load_text ("[X-Mine]\nAnything=goes\n[Chan]\nCapacity=5\n");

  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 5);
}

static void
test_text_form_says_where_keys_come_from (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nCapacity=5\n[Endpoint a]\nUri=memory:x\nFallback=memory:y;\n");
  g_autofree char *text = chan_config_to_string (config);
  g_autofree char *path = write_file (g_get_user_config_dir (), "again.conf", text);
  g_autoptr (ChanConfig) again = chan_config_new ();
  g_autoptr (GError) error = NULL;

  g_assert_nonnull (strstr (text, "chan.conf: [Chan] Capacity\nCapacity=5\n"));
  chan_config_load_file (again, path, &error);
  g_assert_no_error (error);
  assert_resolves (again, "@a", "memory:x memory:y");
}

/* --- where files are ------------------------------------------------------------------- */

static void
test_later_files_win_key_by_key (void)
{
  const char *vendor = g_get_system_data_dirs ()[0];
  const char *system = g_get_system_config_dirs ()[0];
  g_autoptr (ChanConfig) config = NULL;
  g_auto (GStrv) sources = NULL;
  g_autofree char *first = g_build_filename (vendor, "chan", "chan.conf", NULL);
  g_autofree char *last = g_build_filename (g_get_user_config_dir (), "chan", "chan.conf.d", "20.conf", NULL);

  add_file (g_get_user_config_dir (), "chan/chan.conf", "[Chan]\nCapacity=4\nBacklog=4\nMaxStreams=4\n");
  add_file (g_get_user_config_dir (), "chan/chan.conf.d/20.conf", "[Chan]\nCapacity=6\n");
  add_file (g_get_user_config_dir (), "chan/chan.conf.d/10.conf", "[Chan]\nCapacity=5\nBacklog=5\n");
  add_file (g_get_user_config_dir (), "chan/chan.conf.d/30.conf~", "no configuration");
  add_file (g_get_user_config_dir (), "chan/chan.conf.d/.40.conf", "no configuration");
  add_file (vendor, "chan/chan.conf", "[Chan]\nCapacity=1\nMaxSessions=1\nSettleMs=1\n[Endpoint a]\nUri=memory:v\n");
  add_file (system, "chan/chan.conf", "[Chan]\nCapacity=2\nMaxSessions=2\n");
  add_file (system, "chan/chan.conf.d/x.conf", "[Endpoint a]\nFallback=memory:s;\n");
  config = load ();
  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 6);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "backlog"), ==, 5);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "max-streams"), ==, 4);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "max-sessions"), ==, 2);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "settle-ms"), ==, 1);
  assert_resolves (config, "@a", "memory:v memory:s");
  sources = chan_config_list_sources (config);
  g_assert_cmpuint (g_strv_length (sources), ==, 6);
  g_assert_cmpstr (sources[0], ==, first);
  g_assert_cmpstr (sources[5], ==, last);
}

static void
test_variable_replaces_the_search (void)
{
  g_autofree char *a = write_file (g_get_user_config_dir (), "a.conf", "[Chan]\nCapacity=2\nMaxStreams=2\n");
  g_autofree char *b = write_file (g_get_user_config_dir (), "b.conf", "[Chan]\nCapacity=3\n");
  g_autofree char *both = g_strjoin (":", a, b, NULL);
  g_autofree char *missing = g_strconcat (both, ":/does/not/exist.conf", NULL);
  g_autoptr (ChanConfig) config = NULL;
  g_autoptr (GError) error = NULL;

  add_file (g_get_user_config_dir (), "chan/chan.conf", "[Chan]\nCapacity=1\nBacklog=1\n");
  g_setenv ("CHAN_CONFIG", both, TRUE);
  config = load ();
  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 3);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "max-streams"), ==, 2);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "backlog"), ==, 128);

  g_setenv ("CHAN_CONFIG", missing, TRUE);
  g_assert_false (chan_config_load (config, &error));
  g_unsetenv ("CHAN_CONFIG");
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, "/does/not/exist.conf"));
  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 3);
}

static void
test_environment_sets_endpoints (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Endpoint my-build]\nUri=tcp://h:1\nFallback=tcp://h:2;\nCapacity=3\n");
  g_auto (GStrv) names = NULL;

  g_setenv ("CHAN_ENDPOINT_MY_BUILD", "unix:/x", TRUE);
  g_setenv ("CHAN_ENDPOINT_FRESH", "memory:f", TRUE);
  g_setenv ("CHAN_ENDPOINT_WRONG", "memory:f?capacity=x", TRUE);
  assert_resolves (config, "@my-build", "unix:/x");
  assert_resolves (config, "@fresh", "memory:f");
  assert_unresolved (config, "@wrong", CHAN_CHANNEL_ERROR_BAD_CONFIG, "CHAN_ENDPOINT_WRONG: ");
  g_assert_cmpint (get_int (config, "@my-build", "unix", "capacity"), ==, 3);
  g_assert_cmpint (get_int (config, "@fresh", "memory", "capacity"), ==, 64);
  names = chan_config_list_endpoints (config);
  g_assert_cmpuint (g_strv_length (names), ==, 3);
  g_assert_true (g_strv_contains ((const char *const *) names, "my-build"));
  g_assert_true (g_strv_contains ((const char *const *) names, "fresh"));
  g_unsetenv ("CHAN_ENDPOINT_MY_BUILD");
  g_unsetenv ("CHAN_ENDPOINT_FRESH");
  g_unsetenv ("CHAN_ENDPOINT_WRONG");
  assert_resolves (config, "@my-build", "tcp://h:1 tcp://h:2");
}

/* --- mistakes --------------------------------------------------------------------------- */

static void
assert_bad (const char *text, const char *in_message)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nCapacity=7\n[Endpoint a]\nUri=memory:a\n");
  g_autofree char *path = write_own (text);
  g_autoptr (GError) error = NULL;
  g_autofree char *before = chan_config_to_string (config);
  g_autofree char *after = NULL;

  g_assert_false (chan_config_load (config, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  if (!g_str_has_prefix (error->message, path) || strstr (error->message, in_message) == NULL)
    {
      g_test_message ("“%s” is not in: %s", in_message, error->message);
      g_test_fail ();
    }
  /* nothing of it was loaded */
  after = chan_config_to_string (config);
  g_assert_cmpstr (after, ==, before);
}

static void
test_mistakes_are_named_and_nothing_is_loaded (void)
{
  assert_bad ("[Chan]\nCapacity=1\nnonsense\n", "nonsense");
  assert_bad ("Capacity=1\n", ": ");
  assert_bad ("[Chan]\nCapacity=1\nCapacty=2\n", ": [Chan] Capacty: there is no such key (did you mean Capacity?)");
  assert_bad ("[Chan]\nCapacity=many\n", ": [Chan] Capacity: “many” is not allowed; it takes a whole number");
  assert_bad ("[Chan]\nUri=memory:x\n", ": [Chan] Uri: there is no such key");
  assert_bad ("[Chan]\nTransports=tcp;TLS;\n", ": [Chan] Transports: “TLS”");
  assert_bad ("[Endpoint a]\nUri=memory:x\nUrl=memory:y\n", ": [Endpoint a] Url: there is no such key (did you mean Uri");
  assert_bad ("[Endpoint a]\nUri=no uri\n", ": [Endpoint a] Uri: “no uri” is not a URI: write SCHEME:ADDRESS, such as tcp://HOST:PORT");
  assert_bad ("[Endpoint a]\nUri=memory:\\q\\\n", ": [Endpoint a] Uri: there is a backslash at the end");
  assert_bad ("[Chan]\nServerName=a\\qb\n", ": [Chan] ServerName: after a backslash comes s, n, t, r or another backslash");
  assert_bad ("[Endpoint a]\nUri=memory:\\;\n", ": [Endpoint a] Uri: after a backslash comes ");
  assert_bad ("[Endpoint a]\nUri=memory:a\nFallback=memory:\\;;memory:\\q;\n", ": [Endpoint a] Fallback: after a backslash comes ");
  assert_bad ("[Endpoint a]\nUri=TCP+x://h\n", ": [Endpoint a] Uri: ");
  assert_bad ("[Endpoint a]\nUri=@b\n", ": [Endpoint a] Uri: “@b” is not a URI, but the name of an endpoint");
  assert_bad ("[Endpoint a]\nUri=tcp://h:1?keepalive=1\n", "did you mean keepalive-sec");
  assert_bad ("[Endpoint a]\nUri=tls://h:1?private-key-file=k\n", "PrivateKeyFile");
  assert_bad ("[Endpoint a]\nUri=memory:x\nFallback=memory:y;z;\n", ": [Endpoint a] Fallback: “z”");
  assert_bad ("[Endpoint a]\nCapacity=1\n", ": [Endpoint a] Uri: the key is missing");
  assert_bad ("[Endpoint a b]\nUri=memory:x\n", ": [Endpoint a b]: the name of an endpoint");
  assert_bad ("[Endpoint ]\nUri=memory:x\n", ": [Endpoint ]: the name of an endpoint");
  assert_bad ("[Transport TCP]\nCapacity=1\n", ": [Transport TCP]: the name of a transport");
  assert_bad ("[Transport tsl]\nRequireClientCert=true\n", ": [Transport tsl]: there is no such transport");
  assert_bad ("[Transport nosuch]\n", ": [Transport nosuch]: there is no such transport; there are ");
  assert_bad ("[Transport unix]\nCaFile=ca.pem\n", ": [Transport unix] CaFile: ca-file is an option of tls:, which unix: does not have");
  assert_bad ("[Transport tls]\nMode=0600\n", ": [Transport tls] Mode: mode is an option of unix: and dbus:, which tls: does not have");
  assert_bad ("[Endpoint a]\nUri=tcp://h:1?require-client-cert=yes\n", "require-client-cert is an option of tls:");
  assert_bad ("[Transport tls]\nVerify=perhaps\n", ": [Transport tls] Verify: ");
  assert_bad ("[Transport tls]\nUri=memory:x\n", ": [Transport tls] Uri: there is no such key");
  assert_bad ("[Channels]\nCapacity=1\n", ": [Channels]: there is no such group");
  assert_bad ("[Chan]\nCapacity[de]=1\n", "there is no such key");
  assert_bad ("[Chan]\nServerName=\xff\n", ": [Chan] ServerName: ");
}

static void
test_errors_are_utf8_whatever_is_configured (void)
{
  static const char *const texts[] = { "[Chan]\nName=\xff\n", "[Endpoint \xff]\nUri=memory:\n", "[Chan]\n\xff",
                                       "[Endpoint a]\nUri=tcp://h:1\xb5\n", "[Endpoint a]\nUri=memory:\nFallback=\xff\n" };
  static const char *const uris[] = { "\xff", "tcp://h:1\xb5", "tcp://h?\xff=1", "tcp://\xff?capacity=x", "@\xff" };
  g_autoptr (ChanConfig) config = chan_config_new ();

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autofree char *path = write_own (texts[i]);
      g_autoptr (GError) error = NULL;

      g_assert_false (chan_config_load_file (config, path, &error));
      g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (uris); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (chan_config_resolve (config, uris[i], &error));
      g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
    }
}

static void
test_unreadable_file_is_an_error (void)
{
  g_autofree char *folder = g_build_filename (g_get_user_config_dir (), "chan", "chan.conf", NULL);
  g_autoptr (ChanConfig) config = chan_config_new ();
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_false (chan_config_load (config, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_nonnull (strstr (error->message, folder));
}

static void
test_one_more_file_wins (void)
{
  g_autoptr (ChanConfig) config = load_text ("[Chan]\nCapacity=1\nBacklog=1\n");
  g_autofree char *good = write_file (g_get_user_config_dir (), "good.conf", "[Chan]\nCapacity=2\n");
  g_autofree char *bad = write_file (g_get_user_config_dir (), "bad.conf", "[Chan]\nBacklog=2\nCapacity=x\n");
  g_autoptr (GError) error = NULL;

  g_assert_true (chan_config_load_file (config, good, NULL));
  g_assert_false (chan_config_load_file (config, bad, &error));
  g_assert_true (g_str_has_prefix (error->message, bad));
  g_clear_error (&error);
  g_assert_false (chan_config_load_file (config, "/does/not/exist.conf", &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 2);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "backlog"), ==, 1);
}

static void
test_default_is_loaded_once_but_no_failure_is_kept (void)
{
  const char *folder = g_get_user_config_dir ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanConfig) config = NULL;
  g_autoptr (ChanConfig) again = NULL;

  add_file (folder, "chan/chan.conf", "[Chan]\nCapacity=x\n");
  g_assert_null (chan_config_dup_default (&error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  add_file (folder, "chan/chan.conf", "[Chan]\nCapacity=8\n");
  config = chan_config_dup_default (NULL);
  g_assert_cmpint (get_int (config, "memory:x", NULL, "capacity"), ==, 8);
  add_file (folder, "chan/chan.conf", "[Chan]\nCapacity=9\n");
  again = chan_config_dup_default (NULL);
  g_assert_true (again == config);
  g_assert_cmpint (get_int (again, "memory:x", NULL, "capacity"), ==, 8);
}

int
main (int argc, char **argv)
{
  g_unsetenv ("CHAN_CONFIG");
  g_test_init (&argc, &argv, G_TEST_OPTION_ISOLATE_DIRS, NULL);
  g_test_add_func ("/config/no-file-is-fine", test_no_file_is_fine);
  g_test_add_func ("/config/endpoint-lists-its-uris-in-order", test_endpoint_lists_its_uris_in_order);
  g_test_add_func ("/config/options-come-from-the-nearest-group", test_options_come_from_the_nearest_group);
  g_test_add_func ("/config/transports-have-groups", test_transports_have_groups);
  g_test_add_func ("/config/endpoint-has-options-of-any-transport", test_endpoint_has_options_of_any_transport);
  g_test_add_func ("/config/transports-restricts-schemes", test_transports_restricts_schemes);
  g_test_add_func ("/config/file-names-are-relative-to-their-file", test_file_names_are_relative_to_their_file);
  g_test_add_func ("/config/x-groups-are-ignored", test_x_groups_are_ignored);
  g_test_add_func ("/config/text-form-says-where-keys-come-from", test_text_form_says_where_keys_come_from);
  g_test_add_func ("/config/later-files-win-key-by-key", test_later_files_win_key_by_key);
  g_test_add_func ("/config/variable-replaces-the-search", test_variable_replaces_the_search);
  g_test_add_func ("/config/environment-sets-endpoints", test_environment_sets_endpoints);
  g_test_add_func ("/config/mistakes-are-named-and-nothing-is-loaded", test_mistakes_are_named_and_nothing_is_loaded);
  g_test_add_func ("/config/errors-are-utf8-whatever-is-configured", test_errors_are_utf8_whatever_is_configured);
  g_test_add_func ("/config/unreadable-file-is-an-error", test_unreadable_file_is_an_error);
  g_test_add_func ("/config/one-more-file-wins", test_one_more_file_wins);
  g_test_add_func ("/config/default-is-loaded-once-but-no-failure-is-kept",
                   test_default_is_loaded_once_but_no_failure_is_kept);
  return g_test_run ();
}
