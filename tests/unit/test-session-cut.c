/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer of the original kind does not say that it goes: its connection ends,
 * and only what was open tells whether that was the proper end. */
#include <gio/gio.h>
#include <libchan-glib/libchan-glib.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct
{
  ChanSession *session;
  GIOStream *stream; /* the session's; borrowed */
  int peer; /* its end of the connection; it says nothing, so it is taken for a Go peer */
  int streams_gone; /* atomic */
} Fixture;

/* The stream is the application's, whose code is called when it goes: not under the session's lock. */
static void
stream_gone_cb (gpointer data, GObject *where_it_was)
{
  Fixture *f = data;

  chan_session_get_state (f->session);
  g_atomic_int_inc (&f->streams_gone);
}

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GSocketConnection) connection = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  f->peer = fds[1];
  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  connection = g_socket_connection_factory_create_connection (socket);
  if (data != NULL)
    g_object_weak_ref (G_OBJECT (connection), stream_gone_cb, f);
  f->stream = G_IO_STREAM (connection);
  f->session = chan_session_new_for_stream (G_IO_STREAM (connection), CHAN_SESSION_CLIENT, &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->session);
  if (f->peer >= 0)
    close (f->peer);
}

/* From docs/wire.md; the answer is SETTINGS too. */
static void
say_own_kind (Fixture *f)
{
  static const guint8 settings[] = { 0x80, 3, 0, 4, 0, 0, 0, 20, 0, 0,    0,    2,    0, 0,
                                     0,    7, 0, 1, 0, 0, 0, 0x4c, 0x43, 0x31, 0, 0, 0, 1 };

  g_assert_cmpint (write (f->peer, settings, sizeof settings), ==, sizeof settings);
}

static ChanReceiver *
accept_one (Fixture *f, GError **error)
{
  return chan_session_accept_channel_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, error);
}

static void
test_with_our_channel_open (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string ("was it read?"));
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (ChanReceiver) none = NULL;

  g_assert_no_error (error);
  g_assert_true (chan_sender_send_until (tx, message, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  g_assert_cmpint (shutdown (f->peer, SHUT_WR), ==, 0);
  none = accept_one (f, &error);
  g_assert_null (none);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

static void
test_with_our_channel_closed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string ("all is said"));
  g_autoptr (ChanSender) tx = chan_session_open_channel (f->session, NULL, &error);
  g_autoptr (ChanReceiver) none = NULL;

  g_assert_no_error (error);
  g_assert_true (chan_sender_send_until (tx, message, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  chan_sender_close (tx);
  g_assert_cmpint (shutdown (f->peer, SHUT_WR), ==, 0);
  none = accept_one (f, &error);
  g_assert_null (none);
  g_assert_no_error (error);
}

static void
test_stream_of_the_application (Fixture *f, gconstpointer data)
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE_US;

  g_assert_cmpint (shutdown (f->peer, SHUT_RDWR), ==, 0);
  while (g_atomic_int_get (&f->streams_gone) == 0 && g_get_monotonic_time () < deadline)
    g_usleep (1000);
  g_assert_cmpint (f->streams_gone, ==, 1);
}

/* It goes without having read our farewell: its kernel answers that with a reset. */
static gpointer
go_away (gpointer data)
{
  Fixture *f = data;
  char buffer[4096];
  gint64 deadline = g_get_monotonic_time () + PATIENCE_US;
  gssize n = 0;

  /* SETTINGS of 28 or 36 bytes, and GOAWAY */
  while (n < 28 + 16 && g_get_monotonic_time () < deadline)
    {
      n = recv (f->peer, buffer, sizeof buffer, MSG_PEEK | MSG_DONTWAIT);
      g_usleep (1000);
    }
  close (f->peer);
  f->peer = -1;
  return NULL;
}

static void
test_close_without_answer (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  GThread *thread = NULL;

  say_own_kind (f);
  while (chan_session_get_dialect (f->session) == NULL)
    g_usleep (1000);
  thread = g_thread_new ("peer", go_away, f);
  chan_session_close_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (chan_session_get_state (f->session), ==, CHAN_SESSION_CLOSED);
  g_thread_join (thread);
}

static gpointer
leave_unread (gpointer data)
{
  Fixture *f = data;

  g_usleep (G_USEC_PER_SEC / 4);
  close (f->peer);
  f->peer = -1;
  return NULL;
}

/* The peer ends its half of the channel as if it had read ours, so both are over; but most of it never left. */
static void
test_close_with_unsent (Fixture *f, gconstpointer data)
{
  static const guint8 fin[] = { 0, 0, 0, 1, 1, 0, 0, 0 };
  static const int few = 1;
  int fd = g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (f->stream)));
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) sender = NULL;
  GThread *thread = NULL;

  g_assert_cmpint (setsockopt (fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof few), ==, 0);
  say_own_kind (f);
  while (chan_session_get_dialect (f->session) == NULL)
    g_usleep (1000);
  sender = chan_session_open_channel (f->session, NULL, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < 12; i++)
    {
      g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (4096), 4096);
      g_autoptr (ChanMessage) message = chan_message_new_from_bytes (bytes);

      g_assert_true (chan_sender_send (sender, message, NULL, &error));
    }
  chan_sender_close (sender);
  g_assert_cmpint (write (f->peer, fin, sizeof fin), ==, sizeof fin);
  thread = g_thread_new ("peer", leave_unread, f);
  g_assert_false (chan_session_close_until (f->session, g_get_monotonic_time () + PATIENCE_US, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_thread_join (thread);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/session-cut/with-our-channel-open-is-an-error", Fixture, NULL, set_up, test_with_our_channel_open, tear_down);
  g_test_add ("/session-cut/with-our-channel-closed-is-a-proper-end", Fixture, NULL, set_up, test_with_our_channel_closed,
              tear_down);
  g_test_add ("/session-cut/stream-of-the-application-is-let-go-without-a-lock", Fixture, "watched", set_up,
              test_stream_of_the_application, tear_down);
  g_test_add ("/session-cut/close-whose-farewell-is-not-read-is-a-proper-end", Fixture, NULL, set_up, test_close_without_answer,
              tear_down);
  g_test_add ("/session-cut/close-with-unsent-messages-is-none", Fixture, NULL, set_up, test_close_with_unsent, tear_down);
  return g_test_run ();
}
