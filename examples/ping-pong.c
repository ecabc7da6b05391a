/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both ends of a conversation in one process, over whatever transport the URI
 * names: the program does not know which. Each ping carries its own return
 * channel. */
#include <libchan-glib/libchan-glib.h>
#include <locale.h>

static int count = 1000;
static char **arguments;

static const GOptionEntry options[] = {
  { "count", 'n', 0, G_OPTION_ARG_INT, &count, "How many rounds (default 1000)", "COUNT" },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments, NULL, "[URI|@NAME]" },
  G_OPTION_ENTRY_NULL,
};

/* Answers every ping on the channel that came with it. */
static gboolean
answer_all (ChanReceiver *pings, GError **error)
{
  ChanMessage *ping;

  while ((ping = chan_receiver_receive (pings, NULL, error)) != NULL)
    {
      g_autoptr (ChanMessage) taken = ping;
      GObject *reply = chan_message_lookup_handle (ping, "Reply");
      g_autoptr (ChanMessage) pong = chan_message_new (g_variant_new_string ("pong"));

      if (!CHAN_IS_SENDER (reply))
        continue;
      if (!chan_sender_send (CHAN_SENDER (reply), pong, NULL, error))
        return FALSE;
      chan_sender_close (CHAN_SENDER (reply));
    }
  return error == NULL || *error == NULL;
}

static gpointer
serve (gpointer listener)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_listener_accept (listener, NULL, &error);
  g_autoptr (ChanReceiver) pings = NULL;

  if (session != NULL)
    pings = chan_session_accept_channel (session, NULL, &error);
  if (pings != NULL)
    answer_all (pings, &error);
  if (error != NULL)
    g_printerr ("ping-pong: server: %s\n", error->message);
  return NULL;
}

static gboolean
play_round (ChanSender *pings, GError **error)
{
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) ping = NULL;
  g_autoptr (ChanMessage) pong = NULL;
  g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_parsed ("{'Text': <'ping'>, 'Reply': <handle 0>}"));

  chan_pipe_new (1, &reply, &answers);
  ping = chan_message_new_with_handles (body, (GObject **) &reply, 1);
  if (!chan_sender_send (pings, ping, NULL, error))
    return FALSE;
  pong = chan_receiver_receive (answers, NULL, error);
  if (pong == NULL && error != NULL && *error == NULL)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The return channel was closed without an answer");
  return pong != NULL;
}

static gboolean
play (const char *uri, GError **error)
{
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, error);
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanSender) pings = NULL;
  GThread *server;
  gint64 begun;
  gboolean ok = TRUE;

  if (listener == NULL)
    return FALSE;
  server = g_thread_new ("server", serve, listener);
  /* A name stays a name: its endpoint may say more than where. Port 0 and the
   * like are only known to the listener. */
  session = chan_connect (*uri == '@' ? uri : chan_listener_get_uri (listener), NULL, error);
  if (session != NULL)
    pings = chan_session_open_channel (session, "pings", error);
  begun = g_get_monotonic_time ();
  for (int i = 0; pings != NULL && ok && i < count; i++)
    ok = play_round (pings, error);
  if (pings != NULL && ok)
    {
      g_print ("%d rounds over %s, %.1f µs each\n", count, chan_listener_get_uri (listener),
               (double) (g_get_monotonic_time () - begun) / MAX (count, 1));
      ok = chan_session_close (session, NULL, error);
    }
  chan_listener_close (listener);
  g_thread_join (server);
  return pings != NULL && ok;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_set_summary (context, "Plays ping-pong over a channel, both ends in this process: over memory:, tcp://127.0.0.1:0,\n"
                                         "unix:/path, tls://…, or an endpoint @NAME of the configuration.");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("ping-pong: %s\n", error->message);
      return 2;
    }
  if (arguments != NULL && arguments[1] != NULL)
    {
      g_printerr ("ping-pong: there is more than one URI; see ping-pong --help\n");
      return 2;
    }
  if (play (arguments != NULL ? arguments[0] : "memory:ping-pong", &error))
    return 0;
  g_printerr ("ping-pong: %s\n", error->message);
  return g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG) ? 78 : 1;
}
