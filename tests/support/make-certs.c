/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "chan-test-certs.h"

/* make-certs DIRECTORY: certificates for tests and demonstrations */
int
main (int argc, char **argv)
{
  g_autoptr(GError) error = NULL;

  if (argc != 2)
    {
      fprintf (stderr, "Usage: %s DIRECTORY\n", argv[0]);
      return 2;
    }
  if (g_mkdir_with_parents (argv[1], 0700) < 0 || !chan_test_certs_write (argv[1], &error))
    {
      fprintf (stderr, "%s: %s\n", argv[1], error ? error->message : "cannot be made");
      return 1;
    }
  return 0;
}
