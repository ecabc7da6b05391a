/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends each word to an echo-server, and prints what comes back. */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

static char *
request (ChanSender *requests, const char *word, GError **error)
{
  GVariantDict dict;
  g_autoptr (ChanMessage) message = NULL, answer = NULL;
  char *text;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "P", "s", word);
  message = chan_message_new (g_variant_dict_end (&dict));
  /* The request puts the channel for the answer into the message. */
  answer = chan_sender_request (requests, message, "R", NULL, error);
  if (answer == NULL)
    return NULL;
  text = example_dup_string (answer, "P");
  if (text == NULL)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "the answer to “%s” has no text", word);
  return text;
}

int
main (int argc, char **argv)
{
  char **arguments = example_arguments (argc, argv, "URI|@NAME WORD…", "Sends each word to an echo-server, and prints what comes back.", 2);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = chan_connect (arguments[0], NULL, &error);
  g_autoptr (ChanSender) requests = session != NULL ? chan_session_open_channel (session, "echo", &error) : NULL;

  if (requests == NULL)
    return example_failed (error);
  for (char **word = arguments + 1; *word != NULL; word++)
    {
      g_autofree char *text = request (requests, *word, &error);

      if (text == NULL)
        return example_failed (error);
      g_print ("%s\n", text);
      fflush (stdout);
    }
  chan_sender_close (requests);
  return chan_session_close (session, NULL, &error) ? EXIT_SUCCESS : example_failed (error);
}
