/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs commands for clients: the demonstration of the original libchan, whose
 * Go programs understand it. The message and its answer: rexec-command.h. */
#include <glib-unix.h>
#include <libchan-glib/libchan-glib.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#include "rexec-command.h"

static int max_commands = 256;
static char **arguments;
static GHashTable *commands; /* set of those that run */

static const GOptionEntry options[] = {
  { "max-commands", 0, 0, G_OPTION_ARG_INT, &max_commands, "How many commands may run at once (default 256)", "N" },
  { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &arguments, NULL, "[URI|@NAME]" },
  G_OPTION_ENTRY_NULL,
};

static void
done_cb (gpointer command, gpointer user_data)
{
  g_hash_table_remove (commands, command);
}

static void
request_cb (ChanReceiver *channel, ChanMessage *request, const GError *error, gpointer user_data)
{
  gpointer command;

  if (request == NULL)
    {
      if (error != NULL)
        g_debug ("a channel ended: %s", error->message);
      return;
    }
  if (g_hash_table_size (commands) >= (guint) max_commands)
    {
      command_refuse (request, "Too many commands are running");
      return;
    }
  command = command_start (request, done_cb, NULL);
  if (command == NULL)
    {
      command_refuse (request, "The message is no command");
      return;
    }
  g_hash_table_add (commands, command);
  command_begun (command);
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
  chan_receiver_set_handler (channel, request_cb, NULL, NULL);
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

/* No command outlives the server. */
static void
stop_commands (void)
{
  gint64 end = g_get_monotonic_time () + 3 * G_USEC_PER_SEC;
  GHashTableIter iter;
  gpointer command;

  g_hash_table_iter_init (&iter, commands);
  while (g_hash_table_iter_next (&iter, &command, NULL))
    command_hang_up (command);
  while (g_hash_table_size (commands) > 0 && g_get_monotonic_time () < end)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (10000);
}

static int
serve (GError **error)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (ChanListener) listener = chan_listen (arguments != NULL ? arguments[0] : "tcp://127.0.0.1:9323", NULL, error);

  if (listener == NULL)
    return g_error_matches (*error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG) ? 78 : 1;
  commands = g_hash_table_new (NULL, NULL);
  g_signal_connect (listener, "incoming", G_CALLBACK (incoming_cb), NULL);
  g_unix_signal_add (SIGTERM, quit_cb, loop);
  g_unix_signal_add (SIGINT, quit_cb, loop);
  g_print ("%s\n", chan_listener_get_uri (listener));
  fflush (stdout);
  g_main_loop_run (loop);
  chan_listener_close (listener);
  stop_commands ();
  g_hash_table_unref (commands);
  return 0;
}

int
main (int argc, char **argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  int status;

  setlocale (LC_ALL, "");
  signal (SIGPIPE, SIG_IGN);
  g_option_context_set_summary (context, "Runs commands for clients of rexec, and for those of the Go libchan.\n"
                                         "Its first line of output is the URI at which it really listens.\n"
                                         "Without a URI: tcp://127.0.0.1:9323, for this machine only.");
  g_option_context_set_description (context, "Whoever can connect can run any command as the user of this program: use tls: with client\n"
                                             "certificates, or unix:, for anything but a try.\n\n"
                                             "Exit status: 0 stopped by SIGTERM or SIGINT, 1 cannot listen, 2 wrong usage, 78 wrong configuration.");
  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("rexec-server: %s\n", error->message);
      return 2;
    }
  if (max_commands < 1 || (arguments != NULL && arguments[1] != NULL))
    {
      g_printerr ("rexec-server: %s; see rexec-server --help\n",
                  max_commands < 1 ? "--max-commands takes a number from 1 on" : "there is more than one URI");
      return 2;
    }
  status = serve (&error);
  if (error != NULL)
    g_printerr ("rexec-server: %s\n", error->message);
  return status;
}
