/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks a greeter, wherever it is: exec-hello URI|@NAME [NAME]. The program does
 * not know the transport. */
#include <libchan-glib/libchan-glib.h>

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanSession) session = NULL;
  g_autoptr (ChanSender) requests = NULL;
  g_autoptr (ChanMessage) request = NULL, answer = NULL;
  GVariantDict dict;

  if (argc < 2)
    {
      g_printerr ("exec-hello: a URI is needed, such as exec:/usr/libexec/exec-greeter\n");
      return 2;
    }
  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "Name", "s", argc > 2 ? argv[2] : "world");
  request = chan_message_new (g_variant_dict_end (&dict));
  session = chan_connect (argv[1], NULL, &error);
  if (session != NULL)
    requests = chan_session_open_channel (session, "greetings", &error);
  if (requests != NULL)
    answer = chan_sender_request (requests, request, "Reply", NULL, &error);
  if (answer == NULL)
    {
      g_printerr ("exec-hello: %s\n", error->message);
      return 1;
    }
  g_print ("%s\n", g_variant_get_string (chan_message_get_body (answer), NULL));
  return chan_session_close (session, NULL, NULL) ? 0 : 1;
}
