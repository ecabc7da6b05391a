/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

/* Pipes inside the process: what needs no session. */
int
main (int argc, char **argv)
{
  static const ChanConformanceTransport pipe = {
    .name = "pipe",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS,
  };

  return chan_conformance_run (argc, argv, &pipe);
}
