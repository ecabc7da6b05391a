/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <libchan-glib/libchan-glib.h>
#include <libchan-glib/chan-transport.h>

/* Each broken module gives one clear error, prints nothing, and leaves the
 * other transports alone. */

static char *directory; /* with the modules, in CHAN_EXTRA_MODULES */

typedef struct
{
  const char *scheme;
  const char *what; /* of the file is said */
} Broken;

static const Broken broken[] = {
  { "nosymbols", " is not a transport module: it has no g_io_chantransport_nosymbols_load()" },
  { "half", " is not a transport module: it has no g_io_chantransport_half_unload()" },
  { "undefined", ": undefined symbol: broken_function_that_nobody_has" },
  { "text", ": invalid ELF header" },
  { "empty", ": file too short" },
  { "folder", ": cannot read file data: Is a directory" },
  { "nothing", " registers no transport of that name" },
  { "wrongtype", " registers BrokenWrongType, which is not a ChanTransport" },
  { "clash", " registers no transport of that name" },
};

/* --- what is printed --- */

static int
begin_capture (int *saved)
{
  int file = memfd_create ("stderr", MFD_CLOEXEC);

  g_assert_cmpint (file, >=, 0);
  *saved = dup (STDERR_FILENO);
  g_assert_cmpint (*saved, >=, 0);
  g_assert_cmpint (dup2 (file, STDERR_FILENO), ==, STDERR_FILENO);
  return file;
}

static void
assert_nothing_printed (int file, int saved)
{
  char text[1000] = "";
  gssize len;

  dup2 (saved, STDERR_FILENO);
  close (saved);
  len = pread (file, text, sizeof text - 1, 0);
  close (file);
  g_assert_cmpint (len, >=, 0);
  g_assert_cmpstr (text, ==, "");
}

/* --- what is said --- */

static void
assert_one_clear_error (const Broken *module, const GError *error)
{
  g_autofree char *file = g_strdup_printf ("%s/libchantransport-%s.so", directory, module->scheme);
  g_autofree char *start = g_strdup_printf ("There is no transport for “%s:”: ", module->scheme);
  char *at;

  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT);
  g_assert_true (g_str_has_prefix (error->message, start));
  g_test_message ("%s", error->message);
  at = strstr (error->message, file);
  g_assert_nonnull (at);
  /* Once, then what is wrong with it, then what there is. */
  g_assert_true (g_str_has_prefix (at + strlen (file), module->what));
  g_assert_null (strstr (at + 1, file));
  at = strstr (error->message, "; there are ");
  g_assert_nonnull (at);
  g_assert_nonnull (strstr (at, " memory:,"));
  g_assert_nonnull (strstr (at, " tcp:,"));
  g_assert_nonnull (strstr (at, " unix:"));
  g_assert_null (strchr (error->message, '\n'));
}

static void
assert_round_trip (const char *address)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (address, NULL, &error);
  g_autoptr (ChanSession) client = NULL;
  g_autoptr (ChanSession) server = NULL;
  g_autoptr (ChanSender) sender = NULL;
  g_autoptr (ChanReceiver) receiver = NULL;
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string ("hello"));
  g_autoptr (ChanMessage) received = NULL;

  g_assert_no_error (error);
  client = chan_connect (chan_listener_get_uri (listener), NULL, &error);
  g_assert_no_error (error);
  server = chan_listener_accept (listener, NULL, &error);
  g_assert_no_error (error);
  sender = chan_session_open_channel (client, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (chan_sender_send (sender, message, NULL, &error));
  receiver = chan_session_accept_channel (server, NULL, &error);
  g_assert_no_error (error);
  received = chan_receiver_receive (receiver, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (chan_message_get_body (received), NULL), ==, "hello");
}

static void
assert_others_work (void)
{
  g_autofree char *socket = g_strdup_printf ("unix:%s/socket", directory);

  assert_round_trip ("memory:others");
  assert_round_trip ("tcp://127.0.0.1:0");
  assert_round_trip (socket);
}

/* Twice: the second time it may be loaded already. */
static void
test_broken (gconstpointer data)
{
  const Broken *module = data;
  g_autofree char *uri = g_strdup_printf ("%s:x", module->scheme);

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) connect_error = NULL, listen_error = NULL;
      int saved, file = begin_capture (&saved);
      ChanSession *session = chan_connect (uri, NULL, &connect_error);
      ChanListener *listener = chan_listen (uri, NULL, &listen_error);

      assert_nothing_printed (file, saved);
      g_assert_null (session);
      g_assert_null (listener);
      assert_one_clear_error (module, connect_error);
      assert_one_clear_error (module, listen_error);
    }
  assert_others_work ();
}

/* A module is what its file name says; what else it registers counts for nothing. */
static void
test_guest (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) tls_error = NULL;

  g_assert_null (chan_connect ("guest:x", NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_cmpstr (error->message, ==, "I am guest");
  assert_others_work ();
  /* Nobody listens there: that is what the real one finds, if it was built. */
  g_assert_null (chan_connect ("tls://127.0.0.1:1", NULL, &tls_error));
  g_assert_null (strstr (tls_error->message, "I am guest"));
}

static gpointer
connect_to_all (gpointer barrier)
{
  g_atomic_int_inc ((gint *) barrier);
  while (g_atomic_int_get ((gint *) barrier) < 4)
    g_thread_yield ();
  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autofree char *uri = g_strdup_printf ("%s:x", broken[i].scheme);
      g_autoptr (GError) error = NULL;
      g_auto (GStrv) schemes = chan_transport_list_schemes ();

      g_assert_true (g_strv_contains ((const char *const *) schemes, "memory"));
      g_assert_null (chan_connect (uri, NULL, &error));
      assert_one_clear_error (&broken[i], error);
    }
  return NULL;
}

/* First of all tests, so that the threads load them. */
static void
test_threads (void)
{
  GThread *threads[4];
  gint barrier = 0;

  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("connect", connect_to_all, &barrier);
  for (gsize i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  assert_others_work ();
}

static void
test_unknown (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_connect ("nosuch://host", NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT);
  g_assert_true (g_str_has_prefix (error->message, "There is no transport for “nosuch:”: no libchantransport-nosuch.so in "));
  g_assert_nonnull (strstr (error->message, directory));
  g_assert_nonnull (strstr (error->message, "; there are "));
  g_assert_nonnull (strstr (error->message, " memory:,"));
  g_clear_error (&error);
  /* Nothing of an address gets into the name of a file. */
  g_assert_null (chan_transport_new_for_scheme ("../unix", &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_NO_TRANSPORT);
  g_assert_nonnull (strstr (error->message, "lower-case letters and digits"));
}

static void
test_register (void)
{
  g_autoptr (ChanTransport) transport = chan_transport_new_for_scheme ("memory", NULL);
  GType memory = G_OBJECT_TYPE (transport);

  g_assert_false (chan_transport_register ("mine", G_TYPE_OBJECT));
  g_assert_false (chan_transport_register ("mine", memory));
  g_assert_false (chan_transport_register ("memory", memory));
}

/* --- the directory --- */

static void
add_link (const char *name)
{
  g_autofree char *base = g_strdup_printf ("libchantransport-%s.so", name);
  g_autofree char *built = g_test_build_filename (G_TEST_BUILT, "broken-plugins", base, NULL);
  g_autofree char *path = g_build_filename (directory, base, NULL);

  g_assert_cmpint (symlink (built, path), ==, 0);
}

static void
add_file (const char *name, const char *text)
{
  g_autofree char *path = g_strdup_printf ("%s/libchantransport-%s.so", directory, name);
  g_autoptr (GError) error = NULL;

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);
}

static void
fill_directory (void)
{
  static const char *const built[] = { "nosymbols", "half", "undefined", "nothing", "wrongtype", "clash", "guest" };
  g_autofree char *folder = g_strdup_printf ("%s/libchantransport-folder.so", directory);

  for (gsize i = 0; i < G_N_ELEMENTS (built); i++)
    add_link (built[i]);
  add_file ("text", "This is not a shared object but a text, long enough to have the header of one.\n");
  add_file ("empty", "");
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
}

static void
remove_directory (void)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_remove (path);
    }
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  int status;

  directory = g_dir_make_tmp ("chan-broken-XXXXXX", NULL);
  g_assert_nonnull (directory);
  g_setenv ("CHAN_EXTRA_MODULES", directory, TRUE);
  g_test_init (&argc, &argv, NULL);
  fill_directory ();
  g_test_add_func ("/broken-plugins/threads", test_threads);
  for (gsize i = 0; i < G_N_ELEMENTS (broken); i++)
    {
      g_autofree char *path = g_strdup_printf ("/broken-plugins/%s", broken[i].scheme);

      g_test_add_data_func (path, &broken[i], test_broken);
    }
  g_test_add_func ("/broken-plugins/guest", test_guest);
  g_test_add_func ("/broken-plugins/unknown", test_unknown);
  g_test_add_func ("/broken-plugins/register", test_register);
  status = g_test_run ();
  remove_directory ();
  g_free (directory);
  return status;
}
