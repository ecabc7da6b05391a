/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-transport.h"

#include "chan-inet.h"
#include "chan-tls-io.h"

/* tls://HOST:PORT. */

struct _ChanTlsTransport
{
  GObject parent_instance;
};

static void chan_tls_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanTlsTransport, chan_tls_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, chan_tls_transport_iface_init))

static ChanByteIO *
wrap_tls (gpointer context, int fd, ChanSessionRole role, const char *host, GError **error)
{
  return chan_tls_io_new (fd, context, role, host, error);
}

static gboolean
wrap_init (ChanInetWrap *self, ChanOperation *operation, ChanSessionRole role, GError **error)
{
  self->wrap = wrap_tls;
  self->data = chan_tls_context_new_for_options (chan_operation_get_options (operation), role, error);
  self->data_free = (GDestroyNotify) chan_tls_context_unref;
  return self->data != NULL;
}

static gboolean
tls_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  ChanInetWrap wrap;

  return wrap_init (&wrap, operation, CHAN_SESSION_CLIENT, error) && chan_inet_open_link (operation, &wrap, error);
}

static gboolean
tls_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  ChanInetWrap wrap;

  return wrap_init (&wrap, operation, CHAN_SESSION_SERVER, error) && chan_inet_listen (listener, operation, &wrap, error);
}

static void
tls_unlisten (ChanTransport *transport, ChanListener *listener)
{
  chan_inet_unlisten (listener);
}

static void
chan_tls_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = tls_open_link;
  iface->listen = tls_listen;
  iface->unlisten = tls_unlisten;
}

static void
chan_tls_transport_class_init (ChanTlsTransportClass *klass)
{
}

static void
chan_tls_transport_class_finalize (ChanTlsTransportClass *klass)
{
}

static void
chan_tls_transport_init (ChanTlsTransport *self)
{
}

void
chan_tls_transport_register (GTypeModule *module)
{
  chan_tls_transport_register_type (module);
}
