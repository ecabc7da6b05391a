/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-transport.h"

#include "chan-dbus-link.h"

#define CHAN_TYPE_DBUS_TRANSPORT (chan_dbus_transport_get_type ())
G_DECLARE_FINAL_TYPE (ChanDBusTransport, chan_dbus_transport, CHAN, DBUS_TRANSPORT, GObject)

struct _ChanDBusTransport
{
  GObject parent_instance;
};

static void chan_dbus_transport_iface_init (ChanTransportInterface *iface);

G_DEFINE_DYNAMIC_TYPE_EXTENDED (ChanDBusTransport, chan_dbus_transport, G_TYPE_OBJECT, G_TYPE_FLAG_FINAL,
                                G_IMPLEMENT_INTERFACE_DYNAMIC (CHAN_TYPE_TRANSPORT, chan_dbus_transport_iface_init))

static gboolean
dbus_open_link (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  return chan_dbus_open_link (operation, error);
}

static gboolean
dbus_listen (ChanTransport *transport, ChanListener *listener, ChanOperation *operation, GError **error)
{
  return chan_dbus_listen (listener, operation, error);
}

static void
dbus_unlisten (ChanTransport *transport, ChanListener *listener)
{
  chan_dbus_unlisten (listener);
}

static void
chan_dbus_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = dbus_open_link;
  iface->listen = dbus_listen;
  iface->unlisten = dbus_unlisten;
}

static void
chan_dbus_transport_class_init (ChanDBusTransportClass *klass)
{
}

static void
chan_dbus_transport_class_finalize (ChanDBusTransportClass *klass)
{
}

static void
chan_dbus_transport_init (ChanDBusTransport *self)
{
}

/* The entry points of a GIO module */
G_MODULE_EXPORT void  g_io_chantransport_dbus_load   (GIOModule *module);
G_MODULE_EXPORT void  g_io_chantransport_dbus_unload (GIOModule *module);
G_MODULE_EXPORT char **g_io_chantransport_dbus_query (void);

void
g_io_chantransport_dbus_load (GIOModule *module)
{
  g_type_module_use (G_TYPE_MODULE (module));
  chan_dbus_transport_register_type (G_TYPE_MODULE (module));
  chan_dbus_link_register (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, CHAN_TYPE_DBUS_TRANSPORT, "dbus", 10);
}

void
g_io_chantransport_dbus_unload (GIOModule *module)
{
}

char **
g_io_chantransport_dbus_query (void)
{
  static const char *const points[] = { CHAN_TRANSPORT_EXTENSION_POINT_NAME, NULL };

  return g_strdupv ((char **) points);
}
