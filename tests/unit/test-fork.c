/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the child of a fork() does to the sessions of its parent: it gets errors, and the parent's go on.
 * With the argument "dbus": to those over D-Bus, in method calls. */
#include <gio/gio.h>
#include <glib-unix.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/chan-test-bus.h"

#define QUIET_US (50 * G_TIME_SPAN_MILLISECOND)
#define PATIENCE_US (10 * G_USEC_PER_SEC)

typedef struct
{
  const char *kind; /* NULL: a Unix socket */
  char *directory, *uri;
  ChanListener *listener;
  ChanSession *client, *server;
  GIOStream *near, *far;
  ChanSender *tx;
  ChanReceiver *rx;
} Fixture;

static ChanTestBus *test_bus;

static gint64
soon (void)
{
  return g_get_monotonic_time () + PATIENCE_US;
}

static void
open_channel (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  f->tx = chan_session_open_channel (f->client, NULL, &error);
  g_assert_no_error (error);
  f->rx = chan_session_accept_channel_until (f->server, soon (), NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (f->rx);
}

static char *
make_uri (const char *kind, const char *directory)
{
  static guint n;

  if (g_strcmp0 (kind, "bus") == 0)
    return g_strdup_printf ("dbus:%s?name=org.libchan.Fork%u.of%u&direct=never", test_bus->address, ++n, (guint) getpid ());
  if (g_strcmp0 (kind, "peer") == 0)
    return g_strdup_printf ("dbus:unix:path=%s/s?direct=never", directory);
  return g_strdup_printf ("unix:%s/s", directory);
}

static void
listen_and_connect (Fixture *f, const char *kind)
{
  g_autoptr (GError) error = NULL;

  f->directory = g_dir_make_tmp ("chan-fork-XXXXXX", NULL);
  f->uri = make_uri (kind, f->directory);
  f->listener = chan_listen (f->uri, NULL, &error);
  g_assert_no_error (error);
  f->client = chan_connect (f->uri, NULL, &error);
  g_assert_no_error (error);
  f->server = chan_listener_accept_until (f->listener, soon (), NULL, &error);
  g_assert_no_error (error);
}

static ChanSession *
session_over (int in, int out, ChanSessionRole role)
{
  g_autoptr (GInputStream) input = g_unix_input_stream_new (in, TRUE);
  g_autoptr (GOutputStream) output = g_unix_output_stream_new (out, TRUE);
  g_autoptr (GIOStream) stream = g_simple_io_stream_new (input, output);
  g_autoptr (GError) error = NULL;
  ChanSession *session = chan_session_new_for_stream (stream, role, &error);

  g_assert_no_error (error);
  return session;
}

static void
make_over_pipes (Fixture *f)
{
  int up[2], down[2];

  g_assert_true (g_unix_open_pipe (up, FD_CLOEXEC, NULL) && g_unix_open_pipe (down, FD_CLOEXEC, NULL));
  f->client = session_over (down[0], up[1], CHAN_SESSION_CLIENT);
  f->server = session_over (up[0], down[1], CHAN_SESSION_SERVER);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  if (g_strcmp0 (data, "pipes") == 0)
    make_over_pipes (f);
  else
    listen_and_connect (f, data);
  f->kind = data;
  open_channel (f);
}

static void
drop_all (Fixture *f)
{
  g_clear_object (&f->near);
  g_clear_object (&f->far);
  g_clear_object (&f->tx);
  g_clear_object (&f->rx);
  g_clear_object (&f->client);
  g_clear_object (&f->server);
  g_clear_object (&f->listener);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  drop_all (f);
  if (f->directory != NULL)
    g_rmdir (f->directory);
  g_free (f->directory);
  g_free (f->uri);
}

/* --- what both do ---------------------------------------------------------- */

static void
send_text (ChanSender *tx, const char *text, GError **error)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string (text));

  chan_sender_send_until (tx, message, soon (), NULL, error);
}

static void
expect_text (ChanReceiver *rx, const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, soon (), NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
  g_assert_cmpstr (g_variant_get_string (chan_message_get_body (message), NULL), ==, text);
}

/* func in a child, which must come to its end. */
static void
run_in_child (Fixture *f, void (*func) (Fixture *f))
{
  gint64 deadline = soon () + PATIENCE_US;
  int status = -1;
  pid_t pid, ended = 0;

  /* What a thread holds of GLib's own locks when another forks, the child never gets: the library's has nothing to do soon. */
  g_usleep (QUIET_US);
  pid = fork ();
  g_assert_cmpint (pid, >=, 0);
  if (pid == 0)
    {
      func (f);
      _exit (0);
    }
  while ((ended = waitpid (pid, &status, WNOHANG)) == 0 && g_get_monotonic_time () < deadline)
    g_usleep (10000);
  if (ended == 0)
    kill (pid, SIGKILL);
  g_assert_cmpint (ended, ==, pid);
  g_assert_cmpint (status, ==, 0);
}

static void
assert_goes_on (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chan_session_get_state (f->client), ==, CHAN_SESSION_OPEN);
  g_assert_cmpint (chan_session_get_state (f->server), ==, CHAN_SESSION_OPEN);
  g_assert_true (chan_session_ping_until (f->client, soon (), NULL, NULL, &error));
  g_assert_no_error (error);
  send_text (f->tx, "after", &error);
  g_assert_no_error (error);
  expect_text (f->rx, "after");
}

/* --- tests ------------------------------------------------------------------- */

static void
use (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) none = NULL;
  g_autoptr (ChanSender) another = NULL;

  none = chan_receiver_receive_until (f->rx, soon (), NULL, &error);
  g_assert_null (none);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_nonnull (strstr (error->message, "forked"));
  g_clear_error (&error);
  /* Accepted is not delivered: the first may be, until the first write. */
  for (gint64 end = soon (); error == NULL && g_get_monotonic_time () < end; g_usleep (10000))
    send_text (f->tx, "from the child", &error);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_nonnull (strstr (error->message, "forked"));
  g_clear_error (&error);
  another = chan_session_open_channel (f->client, NULL, &error);
  g_assert_null (another);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

static void
test_use (Fixture *f, gconstpointer data)
{
  run_in_child (f, use);
  assert_goes_on (f);
}

static void
received_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (CHAN_RECEIVER (source), result, &error);

  g_assert_true (message != NULL || g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST));
  *(gboolean *) data = TRUE;
}

static void
use_async (Fixture *f)
{
  gboolean done = FALSE;

  chan_receiver_receive_async (f->rx, G_PRIORITY_DEFAULT, NULL, received_cb, &done);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
}

/* In a main context that watched the session before. */
static void
test_use_async (Fixture *f, gconstpointer data)
{
  gboolean done = FALSE;
  g_autoptr (GError) error = NULL;

  chan_receiver_receive_async (f->rx, G_PRIORITY_DEFAULT, NULL, received_cb, &done);
  while (g_main_context_iteration (NULL, FALSE))
    continue;
  run_in_child (f, use_async);
  send_text (f->tx, "for the one that waits", &error);
  g_assert_no_error (error);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
  assert_goes_on (f);
}

/* A byte stream has a descriptor of its own over some transports. */
static void
pass_bytes (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) came = NULL;
  g_autoptr (GIOStream) theirs = NULL;

  chan_byte_pipe_new (&f->near, &theirs);
  message = chan_message_new_with_handles (g_variant_new_handle (0), (GObject **) &theirs, 1);
  g_assert_true (chan_sender_send_until (f->tx, message, soon (), NULL, &error));
  g_assert_no_error (error);
  came = chan_receiver_receive_until (f->rx, soon (), NULL, &error);
  g_assert_no_error (error);
  f->far = G_IO_STREAM (chan_message_steal_handle (came, 0));
}

static void
write_bytes (Fixture *f)
{
  GOutputStream *out = g_io_stream_get_output_stream (f->near);
  g_autoptr (GError) error = NULL;

  for (gint64 end = soon (); error == NULL && g_get_monotonic_time () < end; g_usleep (10000))
    g_output_stream_write_all (out, "child", 5, NULL, NULL, &error);
  g_assert_nonnull (error);
  g_io_stream_close (f->near, NULL, NULL);
}

static void
test_bytes (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  char buffer[8] = "";

  pass_bytes (f);
  run_in_child (f, write_bytes);
  g_output_stream_write_all (g_io_stream_get_output_stream (f->near), "parent", 6, NULL, NULL, &error);
  g_assert_no_error (error);
  g_input_stream_read_all (g_io_stream_get_input_stream (f->far), buffer, 6, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (buffer, ==, "parent");
  assert_goes_on (f);
}

/* As an exit handler does: closing and dropping all must not be heard. */
static void
close_and_drop (Fixture *f)
{
  chan_sender_close (f->tx);
  chan_receiver_close (f->rx);
  chan_session_close_until (f->client, soon (), NULL, NULL);
  chan_session_abort (f->server);
  drop_all (f);
}

static void
test_drop (Fixture *f, gconstpointer data)
{
  run_in_child (f, close_and_drop);
  assert_goes_on (f);
  if (f->uri != NULL)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanSession) again = chan_connect (f->uri, NULL, &error);

      g_assert_no_error (error);
    }
}

/* What it makes itself works as in any process. */
static void
make_own (Fixture *f)
{
  Fixture own = { 0 };

  listen_and_connect (&own, NULL);
  open_channel (&own);
  assert_goes_on (&own);
  /* And it may be a client of its parent. */
  g_clear_object (&f->client);
  tear_down (&own, NULL);
}

/* GLib's D-Bus works in one process only: that is said at once. */
static void
make_over_dbus (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = make_uri (f->kind, f->directory);

  g_assert_null (chan_connect (f->uri, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_null (chan_listen (uri, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
}

static void
test_own (Fixture *f, gconstpointer data)
{
  run_in_child (f, make_own);
  if (test_bus != NULL)
    run_in_child (f, make_over_dbus);
  assert_goes_on (f);
}

/* A client that forks, says which process that is, and dies. */
static int
connect_fork_and_die (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) tx = session != NULL ? chan_session_open_channel (session, NULL, &error) : NULL;
  g_autoptr (ChanMessage) message = NULL;
  pid_t left = tx != NULL ? fork () : -1;

  if (left == 0)
    {
      sleep (30);
      _exit (0);
    }
  message = chan_message_new (g_variant_new_int32 (left));
  if (tx == NULL || !chan_sender_send_until (tx, message, soon (), NULL, &error))
    g_error ("the child cannot connect: %s", error->message);
  chan_session_ping_until (session, soon (), NULL, NULL, NULL);
  kill (getpid (), SIGKILL);
  return 1;
}

static GPid
start_client (Fixture *f)
{
  const char *arguments[] = { "/proc/self/exe", "client", f->uri, NULL };
  g_autoptr (GError) error = NULL;
  GPid pid = 0;

  g_spawn_async (NULL, (char **) arguments, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  return pid;
}

/* Whoever it left behind has its descriptors, but not its sessions. */
static void
test_dies (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  pid_t pid;
  gint32 left;

  pid = start_client (f);
  session = chan_listener_accept_until (f->listener, soon (), NULL, &error);
  g_assert_no_error (error);
  rx = chan_session_accept_channel_until (session, soon (), NULL, &error);
  g_assert_no_error (error);
  message = chan_receiver_receive_until (rx, soon (), NULL, &error);
  g_assert_no_error (error);
  left = g_variant_get_int32 (chan_message_get_body (message));
  g_assert_null (chan_receiver_receive_until (rx, soon (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_cmpint (kill (left, SIGKILL), ==, 0);
  g_assert_cmpint (waitpid (pid, NULL, 0), ==, pid);
  assert_goes_on (f);
}

static void
add (const char *where, const char *kind)
{
  static const struct
  {
    const char *name;
    void (*func) (Fixture *f, gconstpointer data);
  } tests[] = {
    { "the-child-gets-errors-and-the-parent-goes-on", test_use },
    { "in-a-main-context-too", test_use_async },
    { "bytes-stay-the-parent-s", test_bytes },
    { "the-child-closes-and-nobody-hears", test_drop },
    { "the-child-makes-its-own", test_own },
    { "the-connection-of-who-dies-ends", test_dies },
  };

  for (guint i = 0; i < G_N_ELEMENTS (tests); i++)
    {
      g_autofree char *path = g_strdup_printf ("/fork/%s/%s", where, tests[i].name);

      /* Pipes have no listener. */
      if (tests[i].func == test_dies && g_strcmp0 (kind, "pipes") == 0)
        continue;
      g_test_add (path, Fixture, kind, set_up, tests[i].func, tear_down);
    }
}

int
main (int argc, char **argv)
{
  int status;

  if (argc == 3 && g_str_equal (argv[1], "client"))
    return connect_fork_and_die (argv[2]);
  g_test_init (&argc, &argv, NULL);
  if (argc > 1 && g_str_equal (argv[1], "dbus"))
    {
      test_bus = chan_test_bus_start (NULL);
      add ("dbus-peer", "peer");
      add ("dbus-bus", "bus");
    }
  else
    {
      add ("socket", NULL);
      add ("pipes", "pipes");
    }
  status = g_test_run ();
  g_clear_pointer (&test_bus, chan_test_bus_stop);
  return status;
}
