/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  static guint n_pairs;
  g_autofree char *uri = g_strdup_printf ("memory:conformance-%u", n_pairs++);

  chan_conformance_connect_pair (uri, parameters, a, b);
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport memory = {
    .name = "memory",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_OPTIONS | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
  };

  return chan_conformance_run (argc, argv, &memory);
}
