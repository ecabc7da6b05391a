/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <libchan-glib/chan-stream-link.h>

#include "chan-inet.h"

/* Connecting, with what GIO has for it: several addresses in turn, proxies. */

typedef struct
{
  ChanOperation *operation;
  ChanInetWrap wrap;
  char *text;
} Connecting;

static void
connecting_free (Connecting *self)
{
  chan_inet_wrap_clear (&self->wrap);
  g_object_unref (self->operation);
  g_free (self->text);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Connecting, connecting_free)

/* GIO's texts name the address in front of the reason. */
static GError *
explain (Connecting *self, const GError *error)
{
  const char *reason = g_strrstr (error->message, ": ");

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_copy (error);
  return g_error_new (error->domain, error->code, "Cannot connect to %s: %s", self->text,
                      reason != NULL ? reason + 2 : error->message);
}

/* An fd of our own: GIO closes its one with the connection. */
static int
take_fd (GSocketConnection *connection, GError **error)
{
  GIOStream *stream = G_IO_STREAM (connection);
  int fd;

  while (G_IS_TCP_WRAPPER_CONNECTION (stream))
    stream = g_tcp_wrapper_connection_get_base_io_stream (G_TCP_WRAPPER_CONNECTION (stream));
  if (!G_IS_SOCKET_CONNECTION (stream))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The proxy cannot be used: it speaks TLS itself");
      return -1;
    }
  fd = fcntl (g_socket_get_fd (g_socket_connection_get_socket (G_SOCKET_CONNECTION (stream))), F_DUPFD_CLOEXEC, 3);
  if (fd < 0)
    {
      int saved_errno = errno;

      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), g_strerror (saved_errno));
    }
  return fd;
}

static ChanLink *
make_link (Connecting *self, int fd, GError **error)
{
  const char *host = g_uri_get_host (chan_operation_get_uri (self->operation));
  ChanByteIO *io = chan_inet_wrap_socket (&self->wrap, fd, CHAN_SESSION_CLIENT, host, error);

  if (io == NULL)
    return NULL;
  return chan_stream_link_new (io, CHAN_SESSION_CLIENT, chan_operation_get_options (self->operation), error);
}

static void
connected (GObject *client, GAsyncResult *result, gpointer data)
{
  g_autoptr (Connecting) self = data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (client), result, &error);
  g_autoptr (ChanLink) link = NULL;
  int fd = -1;

  if (connection != NULL)
    fd = take_fd (connection, &error);
  if (fd >= 0)
    link = make_link (self, fd, &error);
  if (link != NULL)
    chan_operation_return_link (self->operation, link);
  else
    {
      g_autoptr (GError) explained = explain (self, error);

      chan_operation_return_error (self->operation, explained);
    }
}

gboolean
chan_inet_open_link (ChanOperation *operation, const ChanInetWrap *wrap, GError **error)
{
  g_autoptr (GSocketClient) client = NULL;
  g_autoptr (GSocketConnectable) address = NULL;
  g_autoptr (Connecting) self = g_new0 (Connecting, 1);
  GUri *uri = chan_operation_get_uri (operation);
  GCancellable *cancellable = chan_operation_get_cancellable (operation);

  self->operation = g_object_ref (operation);
  self->wrap = *wrap;
  if (!chan_inet_check_uri (uri, error))
    return FALSE;
  self->text = chan_inet_dup_text (uri, g_uri_get_port (uri));
  if (g_uri_get_port (uri) == 0 || *g_uri_get_host (uri) == '\0')
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "Cannot connect to %s: it is only for listening", self->text);
      return FALSE;
    }
  client = g_socket_client_new ();
  g_socket_client_set_timeout (client, (guint) chan_options_get_int (chan_operation_get_options (operation), "connect-timeout-sec"));
  address = g_network_address_new (g_uri_get_host (uri), (guint16) g_uri_get_port (uri));
  g_socket_client_connect_async (client, address, cancellable, connected, g_steal_pointer (&self));
  return TRUE;
}
