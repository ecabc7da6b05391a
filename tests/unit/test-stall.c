/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who does not read holds up others for as long as the options say, and who does not answer the end of a session. */
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <libchan-glib/libchan-glib.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define MESSAGE_SIZE ((gsize) 10000)
#define FLOOD 200
#define SMALL "capacity=1000&stream-window=65536&stream-window-max=65536&session-window=65536&stall-reset-sec=2"
#define LARGE "&max-message-bytes=200000&max-unread-bytes=262144"
#define FOREIGN "dialect=2&stream-window=131072&session-window=65536&stall-reset-sec=2"

typedef struct
{
  char *directory;
  char *path;
  ChanListener *listener;
  ChanSession *client, *server;
  ChanSender *full_tx, *tx; /* a channel that nobody reads, and another */
  ChanReceiver *full_rx, *rx;
  ChanSender *silent_tx; /* that is only waited for */
  ChanReceiver *silent_rx;
} Fixture;

static gint64
soon (void)
{
  return g_get_monotonic_time () + PATIENCE_US;
}

static void
make_directory (Fixture *f)
{
  f->directory = g_dir_make_tmp ("chan-stall-XXXXXX", NULL);
  f->path = g_build_filename (f->directory, "s", NULL);
}

static void
begin (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  make_directory (f);
  uri = g_strdup_printf ("unix:%s?%s", f->path, (const char *) data);
  f->listener = chan_listen (uri, NULL, &error);
  g_assert_no_error (error);
  f->client = chan_connect (uri, NULL, &error);
  g_assert_no_error (error);
  f->server = chan_listener_accept_until (f->listener, soon (), NULL, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->full_tx);
  g_clear_object (&f->full_rx);
  g_clear_object (&f->tx);
  g_clear_object (&f->rx);
  g_clear_object (&f->silent_tx);
  g_clear_object (&f->silent_rx);
  g_clear_object (&f->client);
  g_clear_object (&f->server);
  g_clear_object (&f->listener);
  g_unlink (f->path);
  g_rmdir (f->directory);
  g_free (f->directory);
  g_free (f->path);
}

static ChanMessage *
make_message (gsize size)
{
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (size), size);

  return chan_message_new_from_bytes (bytes);
}

static void
open_one (Fixture *f, ChanSender **tx, ChanReceiver **rx)
{
  g_autoptr (GError) error = NULL;

  *tx = chan_session_open_channel (f->client, NULL, &error);
  g_assert_no_error (error);
  *rx = chan_session_accept_channel_until (f->server, soon (), NULL, &error);
  g_assert_no_error (error);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  begin (f, data);
  open_one (f, &f->full_tx, &f->full_rx);
  open_one (f, &f->tx, &f->rx);
  open_one (f, &f->silent_tx, &f->silent_rx);
}

/* More than fits any window, in the background. */
static gpointer
flood (gpointer data)
{
  ChanSender *tx = data;
  g_autoptr (ChanMessage) message = make_message (MESSAGE_SIZE);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < FLOOD; i++)
    if (!chan_sender_send_until (tx, message, soon (), NULL, &error))
      break;
  chan_sender_close (tx);
  return g_steal_pointer (&error);
}

static ChanMessage *
receive (ChanReceiver *rx, double seconds, GError **error)
{
  return chan_receiver_receive_until (rx, g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC), NULL, error);
}

/* Until nothing of the other channel can pass. */
static void
wait_until_stalled (Fixture *f)
{
  gint64 deadline = soon ();
  gboolean passed = TRUE;

  while (passed && g_get_monotonic_time () < deadline)
    {
      g_autoptr (ChanMessage) sent = make_message (MESSAGE_SIZE / 5);
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (GError) error = NULL;

      g_assert_true (chan_sender_send_until (f->tx, sent, soon (), NULL, &error));
      g_assert_no_error (error);
      message = receive (f->rx, 0.3, &error);
      passed = message != NULL;
      if (!passed)
        g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    }
  g_assert_false (passed);
}

static guint
take_all (ChanReceiver *rx, GError **error)
{
  ChanMessage *message;
  guint n = 0;

  while ((message = chan_receiver_receive_until (rx, soon (), NULL, error)) != NULL)
    {
      n++;
      chan_message_unref (message);
    }
  return n;
}

static GThread *
begin_flood (Fixture *f)
{
  GThread *thread = g_thread_new ("flood", flood, f->full_tx);

  wait_until_stalled (f);
  return thread;
}

/* What was held up comes, soon. */
static void
expect_last (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = receive (f->rx, 5, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
}

static void
test_reset (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) seen = NULL, told = NULL;
  GThread *thread = begin_flood (f);

  expect_last (f);
  told = g_thread_join (thread);
  g_assert_error (told, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  /* What it had is dropped, so its end is no EOF. */
  g_assert_cmpuint (take_all (f->full_rx, &seen), <, FLOOD);
  g_assert_error (seen, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
}

static void
test_pause (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL, seen = NULL, told = NULL;
  GThread *thread = begin_flood (f);

  g_assert_null (receive (f->rx, 3, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpuint (take_all (f->full_rx, &seen), ==, FLOOD);
  g_assert_no_error (seen);
  told = g_thread_join (thread);
  g_assert_no_error (told);
  expect_last (f);
}

/* A peer without credit: it is its connection that is not read any more. */
static void
test_foreign (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanMessage) message = make_message (MESSAGE_SIZE);
  g_autoptr (GError) error = NULL, seen = NULL, told = NULL;

  for (guint i = 0; i < 20; i++)
    {
      g_assert_true (chan_sender_send_until (f->full_tx, message, soon (), NULL, &error));
      g_assert_no_error (error);
    }
  wait_until_stalled (f);
  expect_last (f);
  g_assert_cmpuint (take_all (f->full_rx, &seen), <, 20);
  g_assert_error (seen, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  while (chan_sender_send_until (f->full_tx, message, soon (), NULL, &told))
    g_usleep (10000);
  g_assert_error (told, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
}

static gpointer
send_in_thread (ChanSender *tx, gsize size)
{
  g_autoptr (ChanMessage) message = make_message (size);
  g_autoptr (GError) error = NULL;

  chan_sender_send_until (tx, message, soon (), NULL, &error);
  return g_steal_pointer (&error);
}

static gpointer
send_one (gpointer data)
{
  return send_in_thread (data, 3 * MESSAGE_SIZE);
}

static gpointer
send_large (gpointer data)
{
  return send_in_thread (data, 18 * MESSAGE_SIZE);
}

/* It was whole when it ended, but its queue holds up the others all the same, one of them in the middle of a message. */
static void
test_reset_of_the_ended (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) part_tx = NULL;
  g_autoptr (ChanReceiver) part_rx = NULL;
  g_autoptr (ChanMessage) message = make_message (MESSAGE_SIZE), part = NULL;
  g_autoptr (GError) error = NULL, seen = NULL, told = NULL;
  GThread *thread;

  open_one (f, &part_tx, &part_rx);
  for (guint i = 0; i < 4; i++)
    {
      g_assert_true (chan_sender_send_until (f->full_tx, message, soon (), NULL, &error));
      g_assert_no_error (error);
    }
  chan_sender_close (f->full_tx);
  thread = g_thread_new ("part", send_one, part_tx);
  wait_until_stalled (f);
  expect_last (f);
  g_assert_cmpuint (take_all (f->full_rx, &seen), ==, 0);
  g_assert_error (seen, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  part = receive (part_rx, 5, &error);
  g_assert_no_error (error);
  g_assert_nonnull (part);
  told = g_thread_join (thread);
  g_assert_no_error (told);
}

/* As much as is taken at once. */
static void
fill_bytes (GIOStream *stream)
{
  GPollableOutputStream *out = G_POLLABLE_OUTPUT_STREAM (g_io_stream_get_output_stream (stream));
  char buffer[4096] = { 0 };
  gint64 deadline = soon ();
  gint64 quiet = 0;

  /* Credit may still be on its way. */
  while (quiet < 300000 && g_get_monotonic_time () < deadline)
    {
      if (g_pollable_output_stream_write_nonblocking (out, buffer, sizeof buffer, NULL, NULL) > 0)
        quiet = 0;
      else
        {
          g_usleep (10000);
          quiet += 10000;
        }
    }
}

/* Bytes, some of the first of which were taken. */
static void
test_reset_of_bytes (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) part_tx = NULL;
  g_autoptr (ChanReceiver) part_rx = NULL;
  g_autoptr (ChanMessage) carrier = NULL, carried = NULL;
  g_autoptr (GIOStream) near = NULL, far = NULL, got = NULL;
  g_autoptr (GError) error = NULL, told = NULL;
  GInputStream *input;
  GThread *thread;
  GObject *handles[1];
  guint8 buffer[100];

  open_one (f, &part_tx, &part_rx);
  chan_byte_pipe_new (&near, &far);
  handles[0] = G_OBJECT (far);
  carrier = chan_message_new_with_handles (g_variant_new_handle (0), handles, 1);
  g_assert_true (chan_sender_send_until (f->tx, carrier, soon (), NULL, &error));
  g_assert_no_error (error);
  carried = receive (f->rx, 20, &error);
  g_assert_no_error (error);
  got = G_IO_STREAM (chan_message_steal_handle (carried, 0));
  fill_bytes (near);
  input = g_io_stream_get_input_stream (got);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, sizeof buffer);
  g_assert_no_error (error);
  thread = g_thread_new ("part", send_one, part_tx);
  wait_until_stalled (f);
  expect_last (f);
  g_assert_cmpint (g_input_stream_read (input, buffer, sizeof buffer, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  told = g_thread_join (thread);
  g_assert_no_error (told);
}

static void
send_size (ChanSender *tx, gsize size)
{
  g_autoptr (ChanMessage) message = make_message (size);
  g_autoptr (GError) error = NULL;

  g_assert_true (chan_sender_send_until (tx, message, soon (), NULL, &error));
  g_assert_no_error (error);
}

static gboolean
is_over (ChanSender *tx)
{
  return chan_sender_get_peer_closed (tx) || chan_sender_get_closed (tx);
}

/* The context, which has something to wait for, is busy: so this thread serves the session. */
static void
serve_until_reset (Fixture *f)
{
  gint64 deadline = soon ();

  while (!is_over (f->full_tx) && g_get_monotonic_time () < deadline)
    g_assert_null (receive (f->silent_rx, 0.05, NULL));
  g_assert_true (is_over (f->full_tx));
}

static void
taken_cb (GObject *rx, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (CHAN_RECEIVER (rx), result, &error);
  guint *n = data;

  g_assert_true (message != NULL || g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT));
  n[message == NULL]++;
}

/* By more than it had: each hears of it, and the messages that were promised to some are theirs. What these still fill is
 * no fault of others. */
static void
test_reset_of_the_awaited (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) other_tx = NULL;
  g_autoptr (ChanReceiver) other_rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL, told = NULL;
  guint n[2] = { 0 }; /* messages, errors */
  gint64 deadline;
  GThread *thread;

  open_one (f, &other_tx, &other_rx);
  send_size (other_tx, 100);
  for (guint i = 0; i < FLOOD / 2; i++)
    chan_receiver_receive_async (f->full_rx, G_PRIORITY_DEFAULT, NULL, taken_cb, n);
  thread = begin_flood (f);
  serve_until_reset (f);
  told = g_thread_join (thread);
  g_assert_error (told, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  for (deadline = soon (); n[0] + n[1] < FLOOD / 2 && g_get_monotonic_time () < deadline;)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
  g_assert_cmpuint (n[0] + n[1], ==, FLOOD / 2);
  g_assert_cmpuint (n[0], >, 0);
  g_assert_cmpuint (n[1], >, 0);
  expect_last (f);
  message = receive (other_rx, 5, &error);
  g_assert_no_error (error);
  g_assert_nonnull (message);
}

/* A large message waits for room, of which there is enough without the one that is dropped, though somebody has begun to
 * take what is before it. */
static void
test_reset_of_a_large_one (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanSender) part_tx = NULL;
  g_autoptr (ChanReceiver) part_rx = NULL;
  g_autoptr (ChanMessage) message = NULL, part = NULL;
  g_autoptr (GError) error = NULL, told = NULL;
  guint n[2] = { 0 };
  GThread *thread;

  open_one (f, &part_tx, &part_rx);
  chan_receiver_receive_async (f->full_rx, G_PRIORITY_DEFAULT, NULL, taken_cb, n);
  send_size (f->full_tx, MESSAGE_SIZE / 5);
  send_size (f->full_tx, 19 * MESSAGE_SIZE);
  send_size (f->tx, 16 * MESSAGE_SIZE);
  g_assert_null (receive (f->silent_rx, 0.3, NULL));
  thread = g_thread_new ("part", send_large, part_tx);
  serve_until_reset (f);
  message = receive (f->rx, 20, &error);
  g_assert_no_error (error);
  g_assert_nonnull (message);
  part = receive (part_rx, 20, &error);
  g_assert_no_error (error);
  g_assert_nonnull (part);
  told = g_thread_join (thread);
  g_assert_no_error (told);
  while (n[0] == 0)
    g_main_context_iteration (NULL, TRUE);
}

/* --- the end of a session ------------------------------------------------------ */

static void
set_up_silent (Fixture *f, gconstpointer data)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketAddress) address = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *uri = NULL;

  make_directory (f);
  socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
  address = g_unix_socket_address_new (f->path);
  g_assert_true (g_socket_bind (socket, address, FALSE, NULL));
  g_assert_true (g_socket_listen (socket, NULL));
  uri = g_strdup_printf ("unix:%s?dialect=2&%s", f->path, (const char *) data);
  f->client = chan_connect (uri, NULL, &error);
  g_assert_no_error (error);
  g_object_set_data_full (G_OBJECT (f->client), "socket", g_steal_pointer (&socket), g_object_unref);
}

/* A peer that is there and says nothing; whether it takes the last message nobody knows. */
static void
test_drain (Fixture *f, gconstpointer data)
{
  g_autoptr (ChanMessage) message = make_message (1 << 20);
  g_autoptr (GError) error = NULL;
  gint64 began = g_get_monotonic_time (), took;

  f->tx = chan_session_open_channel (f->client, NULL, &error);
  g_assert_no_error (error);
  chan_sender_send_until (f->tx, message, soon (), NULL, &error);
  g_assert_no_error (error);
  g_assert_false (chan_session_close_until (f->client, soon (), NULL, &error));
  took = g_get_monotonic_time () - began;
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TIMED_OUT);
  g_assert_cmpint (took, >=, G_USEC_PER_SEC - G_USEC_PER_SEC / 20);
  g_assert_cmpint (took, <, 10 * G_USEC_PER_SEC);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/stall/reset", Fixture, SMALL "&stall-policy=reset", set_up, test_reset, tear_down);
  g_test_add ("/stall/foreign", Fixture, FOREIGN "&stall-policy=reset", set_up, test_foreign, tear_down);
  g_test_add ("/stall/reset-of-the-ended", Fixture, SMALL "&stall-policy=reset", set_up, test_reset_of_the_ended, tear_down);
  g_test_add ("/stall/reset-of-bytes", Fixture, SMALL "&stall-policy=reset", set_up, test_reset_of_bytes, tear_down);
  g_test_add ("/stall/reset-of-the-awaited", Fixture, SMALL "&stall-policy=reset", set_up, test_reset_of_the_awaited, tear_down);
  g_test_add ("/stall/reset-of-a-large-one", Fixture, SMALL LARGE "&stall-policy=reset", set_up, test_reset_of_a_large_one,
              tear_down);
  g_test_add ("/stall/pause", Fixture, SMALL, set_up, test_pause, tear_down);
  g_test_add ("/stall/drain-timeout", Fixture, "drain-timeout-sec=1", set_up_silent, test_drain, tear_down);
  return g_test_run ();
}
