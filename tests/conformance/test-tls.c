/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-pair.h"
#include "chan-conformance-tls.h"

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  chan_conformance_connect_pair ("tls://127.0.0.1:0", parameters, a, b);
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
  char *directory = chan_conformance_tls_begin ();
  int status = chan_conformance_run (argc, argv, &tls);

  chan_conformance_tls_end (directory);
  return status;
}
