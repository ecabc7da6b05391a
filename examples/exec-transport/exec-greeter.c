/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server whose clients start it: one session, over its standard input and
 * output. It greets whoever asks, until the client goes. */
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <libchan-glib/libchan-glib.h>
#include <unistd.h>

static void
greet (ChanMessage *request)
{
  GObject *reply = chan_message_lookup_handle (request, "Reply");
  g_autoptr (ChanMessage) answer = NULL;
  g_autofree char *text = NULL;
  const char *name = "stranger";

  g_variant_lookup (chan_message_get_body (request), "Name", "&s", &name);
  text = g_strdup_printf ("hello, %s", name);
  answer = chan_message_new (g_variant_new_string (text));
  if (CHAN_IS_SENDER (reply) && chan_sender_send (CHAN_SENDER (reply), answer, NULL, NULL))
    chan_sender_close (CHAN_SENDER (reply));
}

int
main (void)
{
  g_autoptr (GInputStream) input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GOutputStream) output = g_unix_output_stream_new (STDOUT_FILENO, FALSE);
  g_autoptr (GIOStream) stream = g_simple_io_stream_new (input, output);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_session_new_for_stream (stream, CHAN_SESSION_SERVER, &error);
  g_autoptr (ChanReceiver) requests = NULL;
  ChanMessage *request;

  if (session != NULL)
    requests = chan_session_accept_channel (session, NULL, &error);
  while (requests != NULL && (request = chan_receiver_receive (requests, NULL, &error)) != NULL)
    {
      greet (request);
      chan_message_unref (request);
    }
  if (error == NULL)
    return 0;
  g_printerr ("exec-greeter: %s\n", error->message);
  return 1;
}
