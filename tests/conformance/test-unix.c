/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"

#include <glib/gstdio.h>

static char *directory;

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  static guint n_pairs;
  g_autofree char *uri = g_strdup_printf ("unix:%s/%u", directory, n_pairs++);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport unix_sockets = {
    .name = "unix",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS
             | CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };
  int status = 0;

  directory = g_dir_make_tmp ("chan-conformance-XXXXXX", NULL);
  g_assert_nonnull (directory);
  status = chan_conformance_run (argc, argv, &unix_sockets);
  /* Only an empty directory goes: a listener removes its socket. */
  if (g_rmdir (directory) != 0)
    g_error ("%s is not empty: a closed listener left its socket", directory);
  g_free (directory);
  return status;
}
