/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "example.h"

#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

enum
{
  EXIT_USAGE = 2,
  EXIT_CONFIG = 78,
};

/* usage has a word for each argument, … for any number of them. */
static guint
count_allowed (const char *usage)
{
  g_auto (GStrv) words = g_strsplit (usage, " ", -1);

  return strstr (usage, "…") != NULL ? G_MAXUINT : g_strv_length (words);
}

gboolean
example_check_utf8 (char **words)
{
  for (; *words != NULL; words++)
    {
      g_autofree char *shown = g_utf8_make_valid (*words, -1);

      if (g_utf8_validate (*words, -1, NULL))
        continue;
      g_printerr ("%s: “%s” is not in UTF-8\n", g_get_prgname (), shown);
      return FALSE;
    }
  return TRUE;
}

char **
example_arguments (int argc, char **argv, const char *usage, const char *summary, guint n_needed)
{
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;

  setlocale (LC_ALL, "");
  g_option_context_set_summary (context, summary);
  if (!g_option_context_parse (context, &argc, &argv, &error))
    {
      g_printerr ("%s: %s\n", g_get_prgname (), error->message);
      exit (EXIT_USAGE);
    }
  if ((guint) argc <= n_needed || (guint) argc - 1 > count_allowed (usage))
    {
      g_printerr ("usage: %s %s\n", g_get_prgname (), usage);
      exit (EXIT_USAGE);
    }
  if (!example_check_utf8 (argv))
    exit (EXIT_USAGE);
  return argv + 1;
}

static gboolean
quit_cb (gpointer loop)
{
  g_main_loop_quit (loop);
  return G_SOURCE_CONTINUE;
}

GMainLoop *
example_loop_new (void)
{
  GMainLoop *loop = g_main_loop_new (NULL, FALSE);

  g_unix_signal_add (SIGTERM, quit_cb, loop);
  g_unix_signal_add (SIGINT, quit_cb, loop);
  return loop;
}

int
example_failed (const GError *error)
{
  g_printerr ("%s: %s\n", g_get_prgname (), error->message);
  return g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG) ? EXIT_CONFIG : EXIT_FAILURE;
}

/* --- serving ---------------------------------------------------------------------- */

typedef struct
{
  ExampleServe serve;
  gpointer data;
} Server;

static void
channel_cb (GObject *object, GAsyncResult *result, gpointer data)
{
  ChanSession *session = CHAN_SESSION (object);
  Server *server = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanReceiver) channel = chan_session_accept_channel_finish (session, result, &error);

  if (channel == NULL)
    {
      g_debug ("a session ended: %s", error != NULL ? error->message : "closed");
      return;
    }
  server->serve (channel, server->data);
  chan_session_accept_channel_async (session, G_PRIORITY_DEFAULT, NULL, channel_cb, server);
}

static void
incoming_cb (ChanListener *listener, ChanSession *session, gpointer server)
{
  chan_session_accept_channel_async (session, G_PRIORITY_DEFAULT, NULL, channel_cb, server);
}

int
example_serve (const char *uri, ExampleServe serve, gpointer user_data)
{
  Server server = { serve, user_data };
  g_autoptr (GMainLoop) loop = example_loop_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanListener) listener = chan_listen (uri, NULL, &error);

  if (listener == NULL)
    return example_failed (error);
  g_signal_connect (listener, "incoming", G_CALLBACK (incoming_cb), &server);
  g_print ("%s\n", chan_listener_get_uri (listener));
  fflush (stdout);
  g_main_loop_run (loop);
  return EXIT_SUCCESS;
}

/* --- messages --------------------------------------------------------------------- */

static GVariant *
lookup (ChanMessage *message, const char *key)
{
  GVariant *body = chan_message_get_body (message);

  return g_variant_is_of_type (body, G_VARIANT_TYPE_VARDICT) ? g_variant_lookup_value (body, key, NULL) : NULL;
}

char *
example_dup_string (ChanMessage *message, const char *key)
{
  g_autoptr (GVariant) value = lookup (message, key);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ? g_variant_dup_string (value, NULL) : NULL;
}

gboolean
example_lookup_int64 (ChanMessage *message, const char *key, gint64 *value)
{
  g_autoptr (GVariant) number = lookup (message, key);

  if (number != NULL && g_variant_is_of_type (number, G_VARIANT_TYPE_INT64))
    *value = g_variant_get_int64 (number);
  else if (number != NULL && g_variant_is_of_type (number, G_VARIANT_TYPE_INT32))
    *value = g_variant_get_int32 (number);
  else
    return FALSE;
  return TRUE;
}
