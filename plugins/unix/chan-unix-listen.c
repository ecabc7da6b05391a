/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-accept-loop.h>
#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-stream-link.h>
#include <libchan-glib/chan-unix-socket.h>

#include "chan-unix.h"

#define SERVER_KEY "chan-unix-server"

typedef struct
{
  GWeakRef listener;
  ChanOptions *options;
} Incoming;

typedef struct
{
  ChanAcceptLoop *loop;
  ChanUnixSocket *socket;
} Server;

static void
incoming_free (gpointer data)
{
  Incoming *self = data;

  g_weak_ref_clear (&self->listener);
  g_object_unref (self->options);
  g_free (self);
}

/* Whoever the mode lets in. */
static gboolean
is_allowed (ChanOptions *options, int fd)
{
  struct ucred peer;
  socklen_t len = sizeof peer;

  return getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && chan_unix_user_is_allowed (peer.uid, options);
}

/* A thread of the library. */
static void
incoming (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data)
{
  Incoming *self = data;
  g_autoptr (GError) error = NULL;
  ChanListener *listener = g_weak_ref_get (&self->listener);
  g_autoptr (ChanLink) link = NULL;

  if (listener != NULL && is_allowed (self->options, fd))
    link = chan_stream_link_new (chan_socket_io_new (fd), CHAN_SESSION_SERVER, self->options, &error);
  else
    close (fd);
  if (link != NULL)
    {
      chan_accept_loop_session_lives (loop, peer, G_OBJECT (link));
      chan_listener_deliver_link (listener, link);
    }
  else
    {
      g_debug ("an incoming connection was refused: %s", error != NULL ? error->message : "another user's");
      chan_accept_loop_session_ended (loop, peer);
    }
  g_clear_object (&listener);
}

static void
server_free (gpointer data)
{
  Server *self = data;

  chan_accept_loop_stop (self->loop);
  chan_accept_loop_unref (self->loop);
  chan_unix_socket_free (self->socket);
  g_free (self);
}

gboolean
chan_unix_listen (ChanListener *listener, ChanOperation *operation, GError **error)
{
  ChanOptions *options = chan_operation_get_options (operation);
  g_autofree char *uri = NULL;
  struct sockaddr_un address;
  ChanUnixSocket *socket;
  Incoming *data;
  Server *server;

  if (!chan_unix_address (operation, &address, error))
    return FALSE;
  uri = g_strconcat ("unix:", address.sun_path, NULL);
  socket = chan_unix_socket_listen (&address, sizeof address, options, uri, error);
  if (socket == NULL)
    return FALSE;
  data = g_new0 (Incoming, 1);
  g_weak_ref_init (&data->listener, listener);
  data->options = g_object_ref (options);
  server = g_new0 (Server, 1);
  server->socket = socket;
  server->loop = chan_accept_loop_new (socket->fd, options, incoming, data, incoming_free);
  g_object_set_data_full (G_OBJECT (listener), SERVER_KEY, server, server_free);
  chan_operation_return_done (operation);
  return TRUE;
}

void
chan_unix_unlisten (ChanListener *listener)
{
  g_object_set_data (G_OBJECT (listener), SERVER_KEY, NULL);
}
