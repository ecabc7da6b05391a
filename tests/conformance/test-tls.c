/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"

#include <glib/gstdio.h>

#include "tests/support/chan-test-certs.h"

static const char config[] = "[Transport tls]\n"
                             "CaFile=ca.pem\n"
                             "CertificateFile=server.pem\n"
                             "PrivateKeyFile=server.key\n";

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  chan_conformance_connect_pair ("tls://127.0.0.1:0", parameters, a, b);
}

/* Keys are never in a URI: certificates, and a configuration that names them */
static char *
make_directory (void)
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

static void
remove_directory (const char *directory)
{
  g_autoptr (GDir) dir = g_dir_open (directory, 0, NULL);

  for (const char *name = g_dir_read_name (dir); name != NULL; name = g_dir_read_name (dir))
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_unlink (path);
    }
  g_rmdir (directory);
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport tls = {
    .name = "tls",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS
             | CHAN_CONFORMANCE_WINDOWS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };
  g_autofree char *directory = make_directory ();
  int status = chan_conformance_run (argc, argv, &tls);

  remove_directory (directory);
  return status;
}
