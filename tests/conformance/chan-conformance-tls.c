/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-tls.h"

#include <glib/gstdio.h>

#include "tests/support/chan-test-certs.h"

static const char config[] = "[Transport tls]\n"
                             "CaFile=ca.pem\n"
                             "CertificateFile=server.pem\n"
                             "PrivateKeyFile=server.key\n";

char *
chan_conformance_tls_begin (void)
{
  g_autoptr (GError) error = NULL;
  char *directory = g_dir_make_tmp ("chan-conformance-XXXXXX", &error);
  g_autofree char *path = NULL;

  g_assert_no_error (error);
  g_assert_true (chan_test_certs_write (directory, &error));
  g_assert_no_error (error);
  path = g_build_filename (directory, "chan.conf", NULL);
  g_assert_true (g_file_set_contents (path, config, -1, &error));
  g_assert_no_error (error);
  g_setenv ("CHAN_CONFIG", path, TRUE);
  return directory;
}

void
chan_conformance_tls_end (char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);

  for (const char *name = g_dir_read_name (dir); name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_unlink (path);
    }
  g_rmdir (directory);
  g_free (directory);
}
