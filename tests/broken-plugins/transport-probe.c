/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/auxv.h>

#include <libchan-glib/libchan-glib.h>
#include <libchan-glib/chan-transport.h>

/* Says which transports there are in the environment that it was started in,
 * and what connecting to the given URIs says. */
int
main (int argc, char **argv)
{
  g_auto (GStrv) schemes = chan_transport_list_schemes ();
  g_autofree char *list = g_strjoinv (" ", schemes);

  printf ("secure: %d\nschemes: %s\n", getauxval (AT_SECURE) != 0, list);
  for (int i = 1; i < argc; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanSession) session = chan_connect (argv[i], NULL, &error);

      printf ("%s: %s\n", argv[i], error != NULL ? error->message : "connected");
    }
  return 0;
}
