/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers {"P": x, "R": sender} with {"P": x} on R, on every channel of every
 * session. A message that is not like that is passed over, and so is one with
 * another handle in x. */
#include <glib-unix.h>
#include <stdio.h>
#include <libchan-glib/libchan-glib.h>
#include <locale.h>
#include <string.h>

static char **arguments;

static const GOptionEntry options[] = {
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments, NULL, "[URI|@NAME]" },
  G_OPTION_ENTRY_NULL,
};

static void message_cb (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer user_data);

static void
sent_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  g_autoptr (ChanReceiver) requests = data;
  ChanSender *reply = CHAN_SENDER (object);
  g_autoptr (GError) error = NULL;

  if (!chan_sender_send_finish (reply, result, &error))
    g_debug ("an answer was not sent: %s", error->message);
  chan_sender_close (reply);
  chan_receiver_set_handler (requests, message_cb, NULL, NULL);
}

static void
answer (ChanReceiver *requests, ChanSender *reply, GVariant *body)
{
  g_autoptr (ChanMessage) message = chan_message_new (body);
  g_autoptr (GError) error = NULL;

  if (chan_sender_try_send (reply, message, &error))
    {
      chan_sender_close (reply);
      return;
    }
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return;
  /* Who does not take the answers is asked for no more requests, or they would
   * pile up here; other channels go on. */
  chan_receiver_set_handler (requests, NULL, NULL, NULL);
  chan_sender_send_async (reply, message, G_PRIORITY_DEFAULT, NULL, sent_cb, g_object_ref (requests));
}

static gboolean
holds_handle (GVariant *value)
{
  const char *type = g_variant_get_type_string (value);
  gboolean holds = strchr (type, 'h') != NULL;

  for (gsize i = 0; !holds && strchr (type, 'v') != NULL && i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);

      holds = holds_handle (child);
    }
  return holds;
}

static GVariant *
answer_to (ChanMessage *message)
{
  g_autoptr (GVariant) payload = NULL;
  GVariant *body = chan_message_get_body (message);
  GVariantDict dict;

  if (!g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT))
    return NULL;
  payload = g_variant_lookup_value (body, "P", NULL);
  if (payload != NULL && holds_handle (payload))
    return NULL;
  g_variant_dict_init (&dict, NULL);
  if (payload != NULL)
    g_variant_dict_insert_value (&dict, "P", payload);
  return g_variant_dict_end (&dict);
}

static void
spliced_cb (GObject *object, GAsyncResult *result, gpointer stream)
{
  g_autoptr (GIOStream) echoed = stream;
  g_autoptr (GError) error = NULL;

  if (g_output_stream_splice_finish (G_OUTPUT_STREAM (object), result, &error) < 0)
    g_debug ("a byte stream was not echoed: %s", error->message);
}

static void
message_cb (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer user_data)
{
  GObject *reply, *stream;
  GVariant *body;

  if (message == NULL)
    {
      if (error != NULL)
        g_debug ("a channel ended: %s", error->message);
      return;
    }
  stream = chan_message_lookup_handle (message, "Stream");
  if (G_IS_IO_STREAM (stream))
    g_output_stream_splice_async (g_io_stream_get_output_stream (G_IO_STREAM (stream)),
                                  g_io_stream_get_input_stream (G_IO_STREAM (stream)),
                                  G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET,
                                  G_PRIORITY_DEFAULT, NULL, spliced_cb, g_object_ref (stream));
  reply = chan_message_lookup_handle (message, "R");
  body = answer_to (message);
  if (CHAN_IS_SENDER (reply) && body != NULL)
    answer (receiver, CHAN_SENDER (reply), body);
  else
    g_clear_pointer (&body, g_variant_unref);
}

static void
channel_cb (GObject *object, GAsyncResult *result, gpointer user_data)
{
  ChanSession *session = CHAN_SESSION (object);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanReceiver) channel = chan_session_accept_channel_finish (session, result, &error);

  if (channel == NULL)
    {
      g_debug ("a session ended: %s", error != NULL ? error->message : "closed");
      return;
    }
  /* It lives, kept by its handler, until it ends. */
  chan_receiver_set_handler (channel, message_cb, NULL, NULL);
  chan_session_accept_channel_async (session, G_PRIORITY_DEFAULT, NULL, channel_cb, NULL);
}

static void
incoming_cb (ChanListener *listener, ChanSession *session, gpointer user_data)
{
  chan_session_accept_channel_async (session, G_PRIORITY_DEFAULT, NULL, channel_cb, NULL);
}

static gboolean
quit_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (ChanListener) listener = NULL;
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_set_summary (context, "Answers {\"P\": x, \"R\": sender} with {\"P\": x} on R, and echoes the bytes of {\"Stream\": byte stream}.\n"
                                         "Its first line of output is the URI at which it really listens (default tcp://127.0.0.1:0).");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("echo-server: %s\n", error->message);
      return 2;
    }
  if (arguments != NULL && arguments[1] != NULL)
    {
      g_printerr ("echo-server: there is more than one URI; see echo-server --help\n");
      return 2;
    }
  listener = chan_listen (arguments != NULL ? arguments[0] : "tcp://127.0.0.1:0", NULL, &error);
  if (listener == NULL)
    {
      g_printerr ("echo-server: %s\n", error->message);
      return g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG) ? 78 : 1;
    }
  g_signal_connect (listener, "incoming", G_CALLBACK (incoming_cb), NULL);
  g_unix_signal_add (SIGTERM, quit_cb, loop);
  g_unix_signal_add (SIGINT, quit_cb, loop);
  g_print ("%s\n", chan_listener_get_uri (listener));
  fflush (stdout);
  g_main_loop_run (loop);
  return 0;
}
