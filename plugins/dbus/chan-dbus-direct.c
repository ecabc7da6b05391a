/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-direct.h"

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
