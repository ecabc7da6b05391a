/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tcp-transport.h"

#include "chan-inet.h"

/* tcp://HOST:PORT: plaintext. */

struct _ChanTcpTransport
{
  GObject parent_instance;
};

static void chan_tcp_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanTcpTransport, chan_tcp_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, chan_tcp_transport_iface_init))

static const ChanInetWrap plain;

static gboolean
tcp_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  return chan_inet_open_link (operation, &plain, error);
}

static gboolean
tcp_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  return chan_inet_listen (listener, operation, &plain, error);
}

static void
tcp_unlisten (ChanTransport *transport, ChanListener *listener)
{
  chan_inet_unlisten (listener);
}

static void
chan_tcp_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = tcp_open_link;
  iface->listen = tcp_listen;
  iface->unlisten = tcp_unlisten;
}

static void
chan_tcp_transport_class_init (ChanTcpTransportClass *klass)
{
}

static void
chan_tcp_transport_class_finalize (ChanTcpTransportClass *klass)
{
}

static void
chan_tcp_transport_init (ChanTcpTransport *self)
{
}

void
chan_tcp_transport_register (GTypeModule *module)
{
  chan_tcp_transport_register_type (module);
}
