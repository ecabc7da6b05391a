/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-accept-loop.h>
#include <libchan-glib/chan-stream-link.h>

#include "chan-inet.h"

#define LOOP_KEY "chan-accept-loop"

/* --- a socket that listens --- */

static void
set_option (int fd, int level, int name, int value)
{
  /* Where it is refused, bind() or nobody complains. */
  (void) setsockopt (fd, level, name, &value, sizeof value);
}

static gboolean
set_errno (int saved_errno, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved_errno),
                       saved_errno == EADDRINUSE ? "the port is in use" : g_strerror (saved_errno));
  return FALSE;
}

static gboolean
bind_socket (int fd, GInetAddress *inet, guint16 port, int backlog, GError **error)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new (inet, port);
  struct sockaddr_storage native;

  if (!g_socket_address_to_native (address, &native, sizeof native, error))
    return FALSE;
  set_option (fd, SOL_SOCKET, SO_REUSEADDR, 1);
  /* All of IPv6 is all of IPv4 too. */
  if (g_inet_address_get_family (inet) == G_SOCKET_FAMILY_IPV6)
    set_option (fd, IPPROTO_IPV6, IPV6_V6ONLY, !g_inet_address_get_is_any (inet));
  if (bind (fd, (struct sockaddr *) &native, (socklen_t) g_socket_address_get_native_size (address)) < 0 || listen (fd, backlog) < 0)
    return set_errno (errno, error);
  return TRUE;
}

static int
listen_at (GInetAddress *inet, guint16 port, int backlog, GError **error)
{
  int fd = socket ((int) g_inet_address_get_family (inet), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

  if (fd < 0)
    {
      set_errno (errno, error);
      return -1;
    }
  if (bind_socket (fd, inet, port, backlog, error))
    return fd;
  close (fd);
  return -1;
}

/* Without IPv6, "everywhere" is IPv4. */
static int
listen_anywhere (guint16 port, int backlog, GError **error)
{
  g_autoptr (GInetAddress) all6 = g_inet_address_new_any (G_SOCKET_FAMILY_IPV6);
  g_autoptr (GInetAddress) all4 = g_inet_address_new_any (G_SOCKET_FAMILY_IPV4);
  g_autoptr (GError) in_use = NULL;
  int fd = listen_at (all6, port, backlog, &in_use);

  if (fd >= 0)
    return fd;
  if (!g_error_matches (in_use, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE))
    return listen_at (all4, port, backlog, error);
  g_propagate_error (error, g_steal_pointer (&in_use));
  return -1;
}

static int
port_of (int fd)
{
  struct sockaddr_storage native = { 0 };
  socklen_t len = sizeof native;
  g_autoptr (GSocketAddress) address = NULL;

  if (getsockname (fd, (struct sockaddr *) &native, &len) < 0)
    return 0;
  address = g_socket_address_new_from_native (&native, len);
  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (address));
}

/* --- what comes in --- */

typedef struct
{
  GWeakRef listener;
  ChanOptions *options;
  ChanInetWrap wrap;
} Server;

static void
server_free (gpointer data)
{
  Server *self = data;

  g_weak_ref_clear (&self->listener);
  g_object_unref (self->options);
  chan_inet_wrap_clear (&self->wrap);
  g_free (self);
}

/* A thread of the library. */
static void
incoming (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data)
{
  Server *self = data;
  g_autoptr (GError) error = NULL;
  ChanListener *listener = g_weak_ref_get (&self->listener);
  ChanByteIO *io = chan_inet_wrap_socket (&self->wrap, fd, CHAN_SESSION_SERVER, NULL, &error);
  g_autoptr (ChanLink) link = NULL;

  if (io != NULL)
    link = chan_stream_link_new (io, CHAN_SESSION_SERVER, self->options, &error);
  if (link != NULL && listener != NULL)
    {
      chan_accept_loop_session_lives (loop, peer, G_OBJECT (link));
      chan_listener_deliver_link (listener, link);
    }
  else
    {
      g_debug ("an incoming connection was dropped: %s", error != NULL ? error->message : "the listener is gone");
      chan_accept_loop_session_ended (loop, peer);
    }
  g_clear_object (&listener);
}

/* --- listening --- */

typedef struct
{
  ChanListener *listener;
  ChanOperation *operation;
  ChanInetWrap wrap;
} Listening;

static void
listening_free (Listening *self)
{
  chan_inet_wrap_clear (&self->wrap);
  g_object_unref (self->listener);
  g_object_unref (self->operation);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Listening, listening_free)

static gboolean
check_plaintext (Listening *self, GInetAddress *inet, GError **error)
{
  ChanOptions *options = chan_operation_get_options (self->operation);

  if (self->wrap.wrap != NULL || (inet != NULL && g_inet_address_get_is_loopback (inet)) ||
      chan_options_get_boolean (options, "allow-plaintext"))
    return TRUE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION,
                       "others in the network could read everything: use tls:, or set allow-plaintext");
  return FALSE;
}

static void
start (Listening *self, int fd)
{
  Server *server = g_new0 (Server, 1);
  ChanOptions *options = chan_operation_get_options (self->operation);
  g_autofree char *text = chan_inet_dup_text (chan_operation_get_uri (self->operation), port_of (fd));
  ChanAcceptLoop *loop;

  g_weak_ref_init (&server->listener, self->listener);
  server->options = g_object_ref (options);
  server->wrap = self->wrap;
  self->wrap.data = NULL;
  self->wrap.data_free = NULL;
  chan_listener_set_uri (self->listener, text);
  loop = chan_accept_loop_new (fd, options, incoming, server, server_free);
  g_object_set_data (G_OBJECT (self->listener), LOOP_KEY, loop);
}

/* inet NULL: everywhere */
static gboolean
listen_now (Listening *self, GInetAddress *inet, GError **error)
{
  GUri *uri = chan_operation_get_uri (self->operation);
  g_autofree char *text = chan_inet_dup_text (uri, g_uri_get_port (uri));
  int backlog = (int) chan_options_get_int (chan_operation_get_options (self->operation), "backlog");
  guint16 port = (guint16) g_uri_get_port (uri);
  int fd = -1;

  if (check_plaintext (self, inet, error))
    fd = inet != NULL ? listen_at (inet, port, backlog, error) : listen_anywhere (port, backlog, error);
  if (fd < 0)
    {
      g_prefix_error (error, "Cannot listen at %s: ", text);
      return FALSE;
    }
  start (self, fd);
  chan_operation_return_done (self->operation);
  return TRUE;
}

static void
resolved (GObject *resolver, GAsyncResult *result, gpointer data)
{
  g_autoptr (Listening) self = data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (resolver), result, &error);

  if (addresses == NULL || !listen_now (self, addresses->data, &error))
    chan_operation_return_error (self->operation, error);
  g_resolver_free_addresses (addresses);
}

gboolean
chan_inet_listen (ChanListener *listener, ChanOperation *operation, const ChanInetWrap *wrap, GError **error)
{
  g_autoptr (Listening) self = g_new0 (Listening, 1);
  g_autoptr (GInetAddress) inet = NULL;
  g_autoptr (GResolver) resolver = NULL;
  const char *host = g_uri_get_host (chan_operation_get_uri (operation));

  self->listener = g_object_ref (listener);
  self->operation = g_object_ref (operation);
  self->wrap = *wrap;
  if (!chan_inet_check_uri (chan_operation_get_uri (operation), error))
    return FALSE;
  if (*host == '\0' || g_str_equal (host, "*"))
    return listen_now (self, NULL, error);
  /* One address must do; what connects tries both. */
  inet = g_inet_address_new_from_string (g_ascii_strcasecmp (host, "localhost") == 0 ? "127.0.0.1" : host);
  if (inet != NULL)
    return listen_now (self, inet, error);
  resolver = g_resolver_get_default ();
  g_resolver_lookup_by_name_async (resolver, host, chan_operation_get_cancellable (operation), resolved, g_steal_pointer (&self));
  return TRUE;
}

void
chan_inet_unlisten (ChanListener *listener)
{
  ChanAcceptLoop *loop = g_object_steal_data (G_OBJECT (listener), LOOP_KEY);

  if (loop == NULL)
    return;
  chan_accept_loop_stop (loop);
  chan_accept_loop_unref (loop);
}
