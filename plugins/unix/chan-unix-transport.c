/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-stream-link.h>

#include "chan-unix.h"

#define CHAN_TYPE_UNIX_TRANSPORT (chan_unix_transport_get_type ())
G_DECLARE_FINAL_TYPE (ChanUnixTransport, chan_unix_transport, CHAN, UNIX_TRANSPORT, GObject)

struct _ChanUnixTransport
{
  GObject parent_instance;
};

static void chan_unix_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanUnixTransport, chan_unix_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, chan_unix_transport_iface_init))

gboolean
chan_unix_address (ChanOperation *operation, struct sockaddr_un *ret_address, GError **error)
{
  const char *path = g_uri_get_path (chan_operation_get_uri (operation));

  if (!g_path_is_absolute (path))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "A Unix socket is written unix:/PATH, with the whole path");
      return FALSE;
    }
  if (strlen (path) >= sizeof ret_address->sun_path)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "The path of a Unix socket has at most %d bytes: %s",
                   (int) sizeof ret_address->sun_path - 1, path);
      return FALSE;
    }
  memset (ret_address, 0, sizeof *ret_address);
  ret_address->sun_family = AF_UNIX;
  strcpy (ret_address->sun_path, path);
  return TRUE;
}

/* connect() to a Unix socket does not wait: it succeeds, or fails, or the queue is full. */
static gboolean
unix_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  struct sockaddr_un address;
  g_autoptr (ChanLink) link = NULL;
  int fd;

  if (!chan_unix_address (operation, &address, error))
    return FALSE;
  fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    {
      int failed = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot connect to unix:%s: %s", address.sun_path,
                   failed == ENOENT || failed == ECONNREFUSED ? "nobody listens there" : g_strerror (failed));
      if (fd >= 0)
        close (fd);
      return FALSE;
    }
  link = chan_stream_link_new (chan_socket_io_new (fd), CHAN_SESSION_CLIENT, chan_operation_get_options (operation), error);
  if (link == NULL)
    return FALSE;
  chan_operation_return_link (operation, link);
  return TRUE;
}

static gboolean
unix_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  return chan_unix_listen (listener, operation, error);
}

static void
unix_unlisten (ChanTransport *transport, ChanListener *listener)
{
  chan_unix_unlisten (listener);
}

static void
chan_unix_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = unix_open_link;
  iface->listen = unix_listen;
  iface->unlisten = unix_unlisten;
}

static void
chan_unix_transport_class_init (ChanUnixTransportClass *klass)
{
}

static void
chan_unix_transport_class_finalize (ChanUnixTransportClass *klass)
{
}

static void
chan_unix_transport_init (ChanUnixTransport *self)
{
}

/* The entry points of a GIO module */
G_MODULE_EXPORT void  g_io_chantransport_unix_load   (GIOModule *module);
G_MODULE_EXPORT void  g_io_chantransport_unix_unload (GIOModule *module);
G_MODULE_EXPORT char **g_io_chantransport_unix_query (void);

void
g_io_chantransport_unix_load (GIOModule *module)
{
  g_type_module_use (G_TYPE_MODULE (module));
  chan_unix_transport_register_type (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, CHAN_TYPE_UNIX_TRANSPORT, "unix", 10);
}

void
g_io_chantransport_unix_unload (GIOModule *module)
{
}

char **
g_io_chantransport_unix_query (void)
{
  static const char *const points[] = { CHAN_TRANSPORT_EXTENSION_POINT_NAME, NULL };

  return g_strdupv ((char **) points);
}
