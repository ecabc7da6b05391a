/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"

#include <unistd.h>

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  static guint n_pairs;
  g_autofree char *uri = g_strdup_printf ("abstract:chan-conformance-%d-%u", (int) getpid (), n_pairs++);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport abstract_sockets = {
    .name = "abstract",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };

  return chan_conformance_run (argc, argv, &abstract_sockets);
}
