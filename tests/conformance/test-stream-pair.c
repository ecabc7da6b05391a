/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>

#include "chan-conformance-pair.h"
#include "chan-conformance-util.h"

/* Bring your own stream: sessions over a pair of connected sockets. */

static ChanSession *
new_session (int fd, ChanSessionRole role)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocket) socket = g_socket_new_from_fd (fd, &error);
  g_autoptr (GSocketConnection) connection = NULL;
  ChanSession *session = NULL;

  g_assert_no_error (error);
  connection = g_socket_connection_factory_create_connection (socket);
  session = chan_session_new_for_stream (G_IO_STREAM (connection), role, &error);
  g_assert_no_error (error);
  return session;
}

static void
make_pair (const char *parameters, ChanSession **a, ChanSession **b)
{
  g_autoptr (GArray) before = chan_conformance_mark_sockets ();
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  *b = new_session (fds[1], CHAN_SESSION_SERVER);
  *a = new_session (fds[0], CHAN_SESSION_CLIENT);
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
