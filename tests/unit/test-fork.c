/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the child of a fork() does to the sessions of its parent: it gets errors, and the parent's go on. */
#include <gio/gio.h>
#include <glib-unix.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_US (10 * G_USEC_PER_SEC)

typedef struct
{
  char *directory, *uri;
  ChanListener *listener;
  ChanSession *client, *server;
  ChanSender *tx;
  ChanReceiver *rx;
} Fixture;

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

static void
listen_and_connect (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  f->directory = g_dir_make_tmp ("chan-fork-XXXXXX", NULL);
  f->uri = g_strdup_printf ("unix:%s/s", f->directory);
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
  if (data != NULL)
    make_over_pipes (f);
  else
    listen_and_connect (f);
  open_channel (f);
}

static void
drop_all (Fixture *f)
{
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
  pid_t pid = fork ();
  gint64 deadline = soon () + PATIENCE_US;
  int status = -1;
  pid_t ended = 0;

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

  listen_and_connect (&own);
  open_channel (&own);
  assert_goes_on (&own);
  /* And it may be a client of its parent. */
  g_clear_object (&f->client);
  tear_down (&own, NULL);
}

static void
test_own (Fixture *f, gconstpointer data)
{
  run_in_child (f, make_own);
  assert_goes_on (f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) \
  g_test_add ("/fork/socket/" name, Fixture, NULL, set_up, func, tear_down); \
  g_test_add ("/fork/pipes/" name, Fixture, "pipes", set_up, func, tear_down)
  ADD ("the-child-gets-errors-and-the-parent-goes-on", test_use);
  ADD ("in-a-main-context-too", test_use_async);
  ADD ("the-child-closes-and-nobody-hears", test_drop);
  ADD ("the-child-makes-its-own", test_own);
  return g_test_run ();
}
