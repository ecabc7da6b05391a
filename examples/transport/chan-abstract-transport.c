/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>

#include <gio/gunixsocketaddress.h>

#include <libchan-glib/libchan-glib.h>
#include <libchan-glib/chan-accept-loop.h>
#include <libchan-glib/chan-stream-io.h>
#include <libchan-glib/chan-stream-link.h>
#include <libchan-glib/chan-transport.h>

/* A whole transport in one file, which is built outside the library: sessions
 * at a name of Linux's abstract socket namespace, abstract:NAME. There is no
 * file to create, protect or leave behind. docs/new-transport.md explains it. */

#define ABSTRACT_TYPE_TRANSPORT (abstract_transport_get_type ())
G_DECLARE_FINAL_TYPE (AbstractTransport, abstract_transport, ABSTRACT, TRANSPORT, GObject)

struct _AbstractTransport
{
  GObject parent_instance;
};

static void abstract_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (AbstractTransport, abstract_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, abstract_transport_iface_init))

/* --- what both sides need --- */

static GSocketAddress *
new_address (ChanOperation *operation, GError **error)
{
  GUri *uri = chan_operation_get_uri (operation);
  const char *name = g_uri_get_path (uri);

  if (*name != '\0' && g_uri_get_host (uri) == NULL)
    return g_unix_socket_address_new_with_type (name, -1, G_UNIX_SOCKET_ADDRESS_ABSTRACT);
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "An abstract socket is written abstract:NAME");
  return NULL;
}

/* Anybody may take such a name, and anybody may connect to it: what the kernel
 * says of the peer is the only thing that counts. Takes over io. */
static ChanLink *
new_link (ChanByteIO *io, ChanSessionRole role, ChanOptions *options, GError **error)
{
  g_autoptr (GCredentials) ours = g_credentials_new ();

  if (io->peer_credentials != NULL && g_credentials_is_same_user (ours, io->peer_credentials, NULL))
    return chan_stream_link_new (io, role, options, error);
  chan_byte_io_free (io);
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "The peer is another user");
  return NULL;
}

/* --- connecting --- */

static void
connected (GObject *client, GAsyncResult *result, gpointer data)
{
  g_autoptr (ChanOperation) operation = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (client), result, &error);
  g_autoptr (ChanLink) link = NULL;
  ChanByteIO *io = NULL;

  if (connection != NULL)
    io = chan_stream_io_new (G_IO_STREAM (connection), &error);
  if (io != NULL)
    link = new_link (io, CHAN_SESSION_CLIENT, chan_operation_get_options (operation), &error);
  if (link != NULL)
    chan_operation_return_link (operation, link);
  else
    chan_operation_return_error (operation, error);
}

static gboolean
abstract_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  g_autoptr (GSocketAddress) address = new_address (operation, error);
  g_autoptr (GSocketClient) client = NULL;

  if (address == NULL)
    return FALSE;
  client = g_socket_client_new ();
  g_socket_client_connect_async (client, G_SOCKET_CONNECTABLE (address), chan_operation_get_cancellable (operation),
                                 connected, g_object_ref (operation));
  return TRUE;
}

/* --- listening --- */

#define LOOP_KEY "abstract-accept-loop"

typedef struct
{
  GWeakRef listener; /* weak: dropping the listener is what ends all this */
  ChanOptions *options;
} Incoming;

static void
incoming_free (gpointer data)
{
  Incoming *self = data;

  g_weak_ref_clear (&self->listener);
  g_object_unref (self->options);
  g_free (self);
}

static void
incoming (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data)
{
  Incoming *self = data;
  g_autoptr (ChanListener) listener = g_weak_ref_get (&self->listener);
  g_autoptr (ChanLink) link = new_link (chan_socket_io_new (fd), CHAN_SESSION_SERVER, self->options, NULL);

  if (listener == NULL || link == NULL)
    {
      chan_accept_loop_session_ended (loop, peer);
      return;
    }
  chan_accept_loop_session_lives (loop, peer, G_OBJECT (link));
  chan_listener_deliver_link (listener, link);
}

static void
stop_loop (gpointer loop)
{
  chan_accept_loop_stop (loop);
  chan_accept_loop_unref (loop);
}

/* A listening socket as a file descriptor of our own; -1: none. */
static int
listen_at (GSocketAddress *address, ChanOptions *options, GError **error)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
  int fd;

  if (socket == NULL || !g_socket_bind (socket, address, FALSE, error))
    return -1;
  g_socket_set_listen_backlog (socket, (int) chan_options_get_int (options, "backlog"));
  if (!g_socket_listen (socket, error))
    return -1;
  fd = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 3);
  if (fd < 0)
    g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (errno), "There are no file descriptors left");
  return fd;
}

static gboolean
abstract_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  ChanOptions *options = chan_operation_get_options (operation);
  g_autoptr (GSocketAddress) address = new_address (operation, error);
  int fd = address != NULL ? listen_at (address, options, error) : -1;
  Incoming *data;

  if (fd < 0)
    return FALSE;
  data = g_new0 (Incoming, 1);
  g_weak_ref_init (&data->listener, listener);
  data->options = g_object_ref (options);
  g_object_set_data_full (G_OBJECT (listener), LOOP_KEY,
                          chan_accept_loop_new (fd, options, incoming, data, incoming_free), stop_loop);
  chan_operation_return_done (operation);
  return TRUE;
}

static void
abstract_unlisten (ChanTransport *transport, ChanListener *listener)
{
  g_object_set_data (G_OBJECT (listener), LOOP_KEY, NULL);
}

/* --- the type --- */

static void
abstract_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = abstract_open_link;
  iface->listen = abstract_listen;
  iface->unlisten = abstract_unlisten;
}

static void
abstract_transport_class_init (AbstractTransportClass *klass)
{
}

static void
abstract_transport_class_finalize (AbstractTransportClass *klass)
{
}

static void
abstract_transport_init (AbstractTransport *self)
{
}

/* --- the module: libchantransport-abstract.so --- */

G_MODULE_EXPORT void g_io_chantransport_abstract_load   (GIOModule *module);
G_MODULE_EXPORT void g_io_chantransport_abstract_unload (GIOModule *module);

void
g_io_chantransport_abstract_load (GIOModule *module)
{
  abstract_transport_register_type (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, ABSTRACT_TYPE_TRANSPORT, "abstract", 10);
}

void
g_io_chantransport_abstract_unload (GIOModule *module)
{
}
