/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transport in Vala, examples/vala/runtime-transport.vala */
#include "chan-conformance-pair.h"

#include <glib/gstdio.h>

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  static guint n_pairs;
  g_autofree char *uri = g_strdup_printf ("runtime:conformance-%u", n_pairs++);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport runtime = {
    .name = "runtime",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | CHAN_CONFORMANCE_WINDOWS
             | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };
  g_autofree char *directory = g_dir_make_tmp ("chan-runtime-XXXXXX", NULL);
  int status;

  g_assert_nonnull (directory);
  g_setenv ("XDG_RUNTIME_DIR", directory, TRUE);
  status = chan_conformance_run (argc, argv, &runtime);
  g_rmdir (directory);
  return status;
}
