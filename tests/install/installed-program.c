/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <libchan-glib/libchan-glib.h>

/* A program of somebody else: a round trip over each address given. Prints the
 * transport modules that this loaded. */

static gboolean
round_trip (const char *address, GError **error)
{
  g_autoptr (ChanListener) listener = chan_listen (address, NULL, error);
  g_autoptr (ChanSession) client = listener != NULL ? chan_connect (chan_listener_get_uri (listener), NULL, error) : NULL;
  g_autoptr (ChanSession) server = client != NULL ? chan_listener_accept (listener, NULL, error) : NULL;
  g_autoptr (ChanSender) sender = server != NULL ? chan_session_open_channel (client, "greetings", error) : NULL;
  g_autoptr (ChanMessage) greeting = chan_message_new (g_variant_new_string ("hello"));
  g_autoptr (ChanReceiver) receiver = NULL;
  g_autoptr (ChanMessage) received = NULL;

  if (sender == NULL || !chan_sender_send (sender, greeting, NULL, error))
    return FALSE;
  receiver = chan_session_accept_channel (server, NULL, error);
  received = receiver != NULL ? chan_receiver_receive (receiver, NULL, error) : NULL;
  if (received == NULL)
    return FALSE;
  g_print ("%s: %s\n", address, g_variant_get_string (chan_message_get_body (received), NULL));
  return TRUE;
}

static void
print_modules (void)
{
  g_autofree char *maps = NULL;
  g_auto (GStrv) lines = NULL;
  g_autofree char *last = NULL;

  if (!g_file_get_contents ("/proc/self/maps", &maps, NULL, NULL))
    return;
  lines = g_strsplit (maps, "\n", -1);
  for (char **line = lines; *line != NULL; line++)
    {
      char *path = strchr (*line, '/');

      if (path == NULL || strstr (path, "libchan") == NULL || g_strcmp0 (path, last) == 0)
        continue;
      g_free (last);
      last = g_strdup (path);
      g_print ("loaded %s\n", path);
    }
}

int
main (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;

      if (!round_trip (argv[i], &error))
        g_error ("%s: %s", argv[i], error != NULL ? error->message : "closed too early");
    }
  print_modules ();
  return 0;
}
