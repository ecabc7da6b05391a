/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "../support/chan-test-session.h"
#include "chan-conformance-pair.h"
#include "chan-conformance-util.h"

/* Bring your own stream: sessions over a pair of connected sockets. */

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autoptr (GArray) before = chan_conformance_mark_sockets ();
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *b = chan_test_session_new (fds[1], CHAN_SESSION_SERVER);
  *a = chan_test_session_new (fds[0], CHAN_SESSION_CLIENT);
  chan_conformance_attach_sockets (*a, before);
  /* Such a session settles by itself; tests begin with one that has. */
  g_assert_true (chan_session_ping_until (*a, chan_test_deadline (), NULL, NULL, NULL));
}

int
main (int argc, char **argv)
{
  static const ChanConformanceTransport stream_pair = {
    .name = "stream-pair",
    .flags = CHAN_CONFORMANCE_RENDEZVOUS | CHAN_CONFORMANCE_REASONS | CHAN_CONFORMANCE_WINDOWS | CHAN_CONFORMANCE_FDS,
    .make_pair = make_pair,
    .kill_link = chan_conformance_cut_sockets,
  };

  return chan_conformance_run (argc, argv, &stream_pair);
}
