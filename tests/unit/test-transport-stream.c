/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A transport that gives streams, not links, as those in other languages do. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/libchan-glib.h>
#include <libchan-glib/chan-transport.h>

#define TIMEOUT_US (20 * G_USEC_PER_SEC)

#define PAIR_TYPE_TRANSPORT (pair_transport_get_type ())
G_DECLARE_FINAL_TYPE (PairTransport, pair_transport, PAIR, TRANSPORT, GObject)

struct _PairTransport
{
  GObject parent_instance;
};

static GIOStream *next_stream; /* what the next open_link() returns */
/* As a method of a script that ends without `return True`, and without or with having ended the operation */
static gboolean forget_result, forget_operation;

static gboolean
pair_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  g_autoptr (GIOStream) stream = g_steal_pointer (&next_stream);

  if (!forget_operation)
    chan_operation_return_stream (operation, stream);
  return !forget_result;
}

static gboolean
pair_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  if (!forget_operation)
    chan_operation_return_done (operation);
  return !forget_result;
}

static void
pair_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = pair_open_link;
  iface->listen = pair_listen;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (PairTransport, pair_transport, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (CHAN_TYPE_TRANSPORT, pair_transport_iface_init))

static void
pair_transport_class_init (PairTransportClass *klass)
{
}

static void
pair_transport_init (PairTransport *self)
{
}

static GIOStream *
new_stream (int fd)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);

  g_assert_no_error (error);
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static void
new_pair (GIOStream **a, GIOStream **b)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *a = new_stream (fds[0]);
  *b = new_stream (fds[1]);
}

static gint64
deadline (void)
{
  return g_get_monotonic_time () + TIMEOUT_US;
}

static ChanListener *
listen_at (const char *uri)
{
  g_autoptr (GError) error = NULL;
  ChanListener *listener = chan_listen (uri, NULL, &error);

  g_assert_no_error (error);
  return listener;
}

static void
assert_talk (ChanSession *a, ChanSession *b)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSender) sender = chan_session_open_channel (a, "talk", &error);
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string ("hello"));
  g_autoptr (ChanReceiver) receiver = NULL;
  g_autoptr (ChanMessage) received = NULL;

  g_assert_no_error (error);
  g_assert_true (chan_sender_send_until (sender, message, deadline (), NULL, &error));
  receiver = chan_session_accept_channel_until (b, deadline (), NULL, &error);
  g_assert_no_error (error);
  received = chan_receiver_receive_until (receiver, deadline (), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (g_variant_get_string (chan_message_get_body (received), NULL), ==, "hello");
}

static void
test_both_sides (void)
{
  g_autoptr (ChanListener) listener = listen_at ("pair:x");
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (ChanSession) client = NULL;
  g_autoptr (ChanSession) server = NULL;
  g_autoptr (GError) error = NULL;

  new_pair (&next_stream, &far);
  g_assert_true (chan_listener_deliver_stream (listener, far, &error));
  g_assert_no_error (error);
  client = chan_connect_until ("pair:x", deadline (), NULL, &error);
  g_assert_no_error (error);
  server = chan_listener_accept_until (listener, deadline (), NULL, &error);
  g_assert_no_error (error);
  assert_talk (client, server);
  assert_talk (server, client);
}

static void
test_stream_without_descriptor (void)
{
  g_autoptr (ChanListener) listener = listen_at ("pair:x");
  g_autoptr (GInputStream) input = g_memory_input_stream_new ();
  g_autoptr (GOutputStream) output = g_memory_output_stream_new_resizable ();
  g_autoptr (GIOStream) stream = g_simple_io_stream_new (input, output);
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_listener_deliver_stream (listener, stream, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  g_clear_error (&error);
  g_assert_true (g_io_stream_is_closed (stream));

  next_stream = g_simple_io_stream_new (input, output);
  g_assert_null (chan_connect_until ("pair:x", deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
}

static void
assert_closed_at_once (GIOStream *far)
{
  char byte;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_input_stream_read (g_io_stream_get_input_stream (far), &byte, 1, NULL, &error), ==, 0);
  g_assert_no_error (error);
}

/* max-sessions is kept, and a session that is gone makes room. */
static void
test_limit (void)
{
  g_autoptr (ChanListener) listener = listen_at ("pair:x?max-sessions=2");
  g_autoptr (ChanSession) client = NULL;
  g_autoptr (ChanSession) server = NULL;
  GIOStream *near[4], *far[4];
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 4; i++)
    new_pair (&near[i], &far[i]);
  g_assert_true (chan_listener_deliver_stream (listener, near[0], NULL));
  g_assert_true (chan_listener_deliver_stream (listener, near[1], NULL));
  g_assert_false (chan_listener_deliver_stream (listener, near[2], &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  assert_closed_at_once (far[2]);

  client = chan_session_new_for_stream (far[0], CHAN_SESSION_CLIENT, NULL);
  g_assert_nonnull (client);
  chan_session_abort (client);
  server = chan_listener_accept_until (listener, deadline (), NULL, NULL);
  g_clear_object (&server);
  for (gint64 end = deadline (); !chan_listener_deliver_stream (listener, near[3], NULL);)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_clear_object (&near[3]);
      g_clear_object (&far[3]);
      new_pair (&near[3], &far[3]);
      g_usleep (1000);
    }
  for (guint i = 0; i < 4; i++)
    {
      g_object_unref (near[i]);
      g_object_unref (far[i]);
    }
}

/* The operation was ended: that counts, not what the method returned. */
static void
test_ended_and_false (void)
{
  forget_result = TRUE;
  test_both_sides ();
  forget_result = FALSE;
}

static void
assert_says_so (const GError *error, const char *method)
{
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED);
  g_assert_nonnull (strstr (error->message, method));
  g_assert_nonnull (strstr (error->message, "PairTransport"));
}

static void
test_false_without_error (void)
{
  g_autoptr (GError) error = NULL;

  forget_result = forget_operation = TRUE;
  g_assert_null (chan_connect_until ("pair:x", deadline (), NULL, &error));
  assert_says_so (error, "open_link");
  g_clear_error (&error);
  g_assert_null (chan_listen ("pair:x", NULL, &error));
  assert_says_so (error, "listen");
  forget_result = forget_operation = FALSE;
}

static void
on_cancelled (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect_finish (result, &error);

  g_assert_null (session);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_main_loop_quit (data);
}

/* The link is there, and its session has not begun. */
static void
test_cancelled_in_between (void)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;
  char byte;

  new_pair (&next_stream, &far);
  chan_connect_async ("pair:x", G_PRIORITY_DEFAULT, cancellable, on_cancelled, loop);
  g_assert_null (next_stream);
  g_cancellable_cancel (cancellable);
  g_main_loop_run (loop);
  /* What it had written already may come before that. */
  while (g_input_stream_read (g_io_stream_get_input_stream (far), &byte, 1, NULL, &error) > 0)
    continue;
  g_assert_no_error (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_true (chan_transport_register ("pair", PAIR_TYPE_TRANSPORT));
  g_test_add_func ("/transport-stream/both-sides", test_both_sides);
  g_test_add_func ("/transport-stream/stream-without-descriptor", test_stream_without_descriptor);
  g_test_add_func ("/transport-stream/cancelled-in-between", test_cancelled_in_between);
  g_test_add_func ("/transport-stream/limit", test_limit);
  g_test_add_func ("/transport-stream/ended-and-false", test_ended_and_false);
  g_test_add_func ("/transport-stream/false-without-error", test_false_without_error);
  return g_test_run ();
}
