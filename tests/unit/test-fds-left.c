/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* File descriptors that nobody took of channels that are over: their sender has forgotten them and sends others. They do
 * not count against those, and are bounded all the same. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>
#include <unistd.h>

/* What session-fds says; one channel may have half of it. */
#define N_FDS 8
#define N_EACH 4

typedef struct
{
  char *directory;
  ChanListener *listener;
  ChanSession *client, *server;
  int file;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  f->directory = g_dir_make_tmp ("chan-fds-left-XXXXXX", &error);
  g_assert_no_error (error);
  uri = g_strdup_printf ("unix:%s/socket?session-fds=%d", f->directory, N_FDS);
  f->listener = chan_listen (uri, NULL, &error);
  g_assert_no_error (error);
  f->client = chan_connect (uri, NULL, &error);
  g_assert_no_error (error);
  f->server = chan_listener_accept (f->listener, NULL, &error);
  g_assert_no_error (error);
  f->file = open ("/dev/null", O_RDWR | O_CLOEXEC);
  g_assert_cmpint (f->file, >=, 0);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->client);
  g_clear_object (&f->server);
  g_clear_object (&f->listener);
  g_rmdir (f->directory);
  g_free (f->directory);
  close (f->file);
}

/* All of it is there when this returns. */
static ChanReceiver *
send_and_drop (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->client, NULL, &error);
  ChanReceiver *rx = chan_session_accept_channel (f->server, NULL, &error);

  g_assert_no_error (error);
  for (guint i = 0; i < N_EACH; i++)
    {
      g_autoptr (ChanFd) fd = chan_fd_new (dup (f->file));
      GObject *handle = G_OBJECT (fd);
      g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new_handle (0), &handle, 1);

      chan_sender_send (tx, message, NULL, &error);
      g_assert_no_error (error);
    }
  g_clear_object (&tx);
  chan_session_ping (f->client, NULL, NULL, &error);
  g_assert_no_error (error);
  return rx;
}

static void
assert_holds (ChanReceiver *rx, guint n, ChanChannelError end)
{
  g_autoptr (GError) error = NULL;
  guint n_taken = 0;

  while (error == NULL)
    {
      g_autoptr (ChanMessage) message = chan_receiver_receive (rx, NULL, &error);

      if (message != NULL)
        g_assert_true (CHAN_IS_FD (chan_message_get_handle (message, 0)));
      n_taken += message != NULL;
      g_assert_true (message != NULL || error != NULL);
    }
  g_assert_error (error, CHAN_CHANNEL_ERROR, (int) end);
  g_assert_cmpuint (n_taken, ==, n);
}

static guint
count_fds (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* They are closed outside of all locks, by whoever read of the end. */
static void
assert_at_most (guint n)
{
  gint64 deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;

  while (count_fds () > n && g_get_monotonic_time () < deadline)
    g_usleep (1000);
  g_assert_cmpuint (count_fds (), <=, n);
}

static void
test_others_go_on (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanReceiver) first = send_and_drop (f);
  g_autoptr (ChanReceiver) second = send_and_drop (f);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->client, NULL, &error);
  g_autoptr (ChanReceiver) rx = chan_session_accept_channel (f->server, NULL, &error);

  for (guint i = 0; i < N_EACH; i++)
    {
      g_autoptr (ChanFd) fd = chan_fd_new (dup (f->file));
      GObject *handle = G_OBJECT (fd);
      g_autoptr (ChanMessage) message = chan_message_new_with_handles (g_variant_new_handle (0), &handle, 1);

      g_assert_true (chan_sender_send (tx, message, NULL, &error));
    }
  chan_sender_close (tx);
  for (guint i = 0; i <= N_EACH; i++)
    {
      g_autoptr (ChanMessage) message = chan_receiver_receive (rx, NULL, &error);

      g_assert_no_error (error);
      g_assert_true ((message != NULL) == (i < N_EACH));
    }
  assert_holds (first, N_EACH, CHAN_CHANNEL_ERROR_RESET);
  assert_holds (second, N_EACH, CHAN_CHANNEL_ERROR_RESET);
}

/* What is beyond the bound goes, and its channel says so; what is taken makes room. */
static void
test_bound (Fixture *f, gconstpointer data)
{
  guint before = count_fds ();
  g_autoptr (ChanReceiver) first = send_and_drop (f);
  g_autoptr (ChanReceiver) second = send_and_drop (f);
  g_autoptr (ChanReceiver) third = NULL;

  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (ChanReceiver) cut = send_and_drop (f);

      assert_at_most (before + N_FDS);
      assert_holds (cut, 0, CHAN_CHANNEL_ERROR_LIMIT);
    }
  assert_holds (first, N_EACH, CHAN_CHANNEL_ERROR_RESET);
  third = send_and_drop (f);
  assert_holds (second, N_EACH, CHAN_CHANNEL_ERROR_RESET);
  assert_holds (third, N_EACH, CHAN_CHANNEL_ERROR_RESET);
  assert_at_most (before);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/fds-left/others-go-on", Fixture, NULL, set_up, test_others_go_on, tear_down);
  g_test_add ("/fds-left/are-bounded", Fixture, NULL, set_up, test_bound, tear_down);
  return g_test_run ();
}
