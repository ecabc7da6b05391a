/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-direct.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-stream-link.h>

static gboolean
is_unix_stream (int fd)
{
  int type = 0, domain = 0;
  socklen_t len = sizeof type;

  if (getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM)
    return FALSE;
  len = sizeof domain;
  return getsockopt (fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX;
}

ChanLink *
chan_dbus_direct_link_new (int fd, ChanSessionRole role, GCredentials *credentials, ChanOptions *options, GError **error)
{
  ChanByteIO *io;

  if (!is_unix_stream (fd))
    {
      close (fd);
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "What was passed is no Unix stream socket");
      return NULL;
    }
  io = chan_socket_io_new (fd);
  g_set_object (&io->peer_credentials, credentials);
  return chan_stream_link_new (io, role, options, error);
}

GSocketConnection *
chan_dbus_direct_pair (int *fd, GError **error)
{
  g_autoptr (GSocket) socket = NULL;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0)
    {
      int failed = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot make a pair of sockets: %s", g_strerror (failed));
      return NULL;
    }
  socket = g_socket_new_from_fd (fds[0], error);
  if (socket == NULL)
    {
      close (fds[0]);
      close (fds[1]);
      return NULL;
    }
  *fd = fds[1];
  return g_socket_connection_factory_create_connection (socket);
}
