/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gen1-nest URI listen|connect: who is asked for channels inside a message, or asks for them.
 *
 * The client sends {Nest: sender}. The server answers on it {Tx: sender, Rx: receiver, Bs: byte stream}, all of them
 * opened by itself. Each line says what came. */
#include <stdio.h>
#include <string.h>

#include <libchan-glib/libchan-glib.h>

static gint64 deadline;

/* The program is a test: what fails ends it. */
static void
check (const GError *error)
{
  if (error != NULL)
    g_error ("%s", error->message);
}

static void
send_value (ChanSender *sender, GVariant *body, GObject **handles, gsize n)
{
  g_autoptr (ChanMessage) message = chan_message_new_with_handles (body, handles, n);
  g_autoptr (GError) error = NULL;

  chan_sender_send_until (sender, message, deadline, NULL, &error);
  check (error);
}

static ChanMessage *
receive (ChanReceiver *receiver)
{
  g_autoptr (GError) error = NULL;
  ChanMessage *message = chan_receiver_receive_until (receiver, deadline, NULL, &error);
  g_autofree char *text = NULL;

  check (error);
  g_assert_nonnull (message);
  text = g_variant_print (chan_message_get_body (message), FALSE);
  g_print ("%s\n", text);
  return message;
}

static void
write_bytes (GIOStream *stream, const char *text)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_io_stream_get_output_stream (stream), text, strlen (text), NULL, NULL, &error);
  check (error);
}

static void
read_bytes (GIOStream *stream, gsize len)
{
  g_autofree char *text = g_malloc0 (len + 1);
  g_autoptr (GError) error = NULL;

  g_input_stream_read_all (g_io_stream_get_input_stream (stream), text, len, NULL, NULL, &error);
  check (error);
  g_print ("%s\n", text);
}

static void
close_session (ChanSession *session)
{
  g_autoptr (GError) error = NULL;

  chan_session_close_until (session, deadline, NULL, &error);
  check (error);
  g_print ("closed\n");
}

static void
serve (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, &error);
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanReceiver) channel = NULL, rx = NULL, their_rx = NULL, deep_rx = NULL;
  g_autoptr (ChanSender) tx = NULL, their_tx = NULL, deep_tx = NULL;
  g_autoptr (GIOStream) ours = NULL, theirs = NULL;
  g_autoptr (ChanMessage) request = NULL, pong = NULL, deep = NULL;
  GObject *handles[3];

  check (error);
  g_print ("%s\n", chan_listener_get_uri (listener));
  session = chan_listener_accept_until (listener, deadline, NULL, &error);
  check (error);
  channel = chan_session_accept_channel_until (session, deadline, NULL, &error);
  check (error);
  request = receive (channel);
  g_print ("dialect %s\n", chan_session_get_dialect (session));
  chan_pipe_new (4, &tx, &their_rx);
  chan_pipe_new (4, &their_tx, &rx);
  chan_byte_pipe_new (&ours, &theirs);
  handles[0] = G_OBJECT (their_tx);
  handles[1] = G_OBJECT (their_rx);
  handles[2] = G_OBJECT (theirs);
  send_value (CHAN_SENDER (chan_message_lookup_handle (request, "Nest")),
              g_variant_new_parsed ("{'Tx': <handle 0>, 'Rx': <handle 1>, 'Bs': <handle 2>}"), handles, 3);
  send_value (tx, g_variant_new_string ("from server"), NULL, 0);
  pong = receive (rx);
  write_bytes (ours, "server bytes");
  read_bytes (ours, strlen ("re:server bytes"));
  /* A channel in a message on a channel that we opened ourselves. */
  chan_pipe_new (4, &deep_tx, &deep_rx);
  handles[0] = G_OBJECT (deep_tx);
  send_value (tx, g_variant_new_parsed ("{'Deep': <handle 0>}"), handles, 1);
  deep = receive (deep_rx);
  close_session (session);
}

static void
ask (const char *uri)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) too_large = NULL;
  g_autoptr (ChanSession) session = chan_connect (uri, NULL, &error);
  g_autoptr (ChanSender) channel = NULL, their_tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) answer = NULL, echo = NULL;
  g_autoptr (GBytes) large = g_bytes_new_take (g_malloc0 (65536), 65536);
  g_autoptr (ChanMessage) large_message = chan_message_new_from_bytes (large);
  GIOStream *bytes;
  GObject *handle;

  check (error);
  g_print ("dialect %s\n", chan_session_get_dialect (session));
  channel = chan_session_open_channel (session, NULL, &error);
  check (error);
  chan_pipe_new (4, &their_tx, &rx);
  handle = G_OBJECT (their_tx);
  send_value (channel, g_variant_new_parsed ("{'Nest': <handle 0>}"), &handle, 1);
  answer = receive (rx);
  send_value (CHAN_SENDER (chan_message_lookup_handle (answer, "Tx")), g_variant_new_string ("ping"), NULL, 0);
  echo = receive (CHAN_RECEIVER (chan_message_lookup_handle (answer, "Rx")));
  bytes = G_IO_STREAM (chan_message_lookup_handle (answer, "Bs"));
  write_bytes (bytes, "HTTP/1.1 is no head");
  read_bytes (bytes, strlen ("re:HTTP/1.1 is no head"));
  g_print ("large %s\n", chan_sender_send_until (channel, large_message, deadline, NULL, &too_large) ? "sent" : too_large->message);
  close_session (session);
}

int
main (int argc, char **argv)
{
  if (argc != 3)
    return 2;
  setvbuf (stdout, NULL, _IOLBF, 0);
  deadline = g_get_monotonic_time () + 20 * G_USEC_PER_SEC;
  if (g_str_equal (argv[2], "listen"))
    serve (argv[1]);
  else
    ask (argv[1]);
  return 0;
}
