/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broken-module.h"

/* A transport that says who it is, in the error it gives to everybody. Which
 * one: MODULE_TEXT. What it registers, and with which type: MODULE_SCHEMES,
 * MODULE_TYPE. Its entry points are named after MODULE_NAME. */

typedef GObject RefusingTransport;
typedef GObjectClass RefusingTransportClass;

static gboolean
refuse (ChanTransport *transport, ChanOperation *operation, GError **error)
{
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED, MODULE_TEXT);
  return FALSE;
}

static void
refusing_transport_iface_init (ChanTransportInterface *iface)
{
  iface->open_link = refuse;
}

static void
refusing_transport_class_init (gpointer klass, gpointer data)
{
}

/* One GObject type for each scheme: a type is one extension only. */
static GType
register_type (GIOModule *module, const char *suffix)
{
  const GInterfaceInfo iface = { (GInterfaceInitFunc) (GCallback) refusing_transport_iface_init, NULL, NULL };
  const GTypeInfo info = {
    .class_size = sizeof (RefusingTransportClass),
    .class_init = refusing_transport_class_init,
    .instance_size = sizeof (RefusingTransport),
  };
  g_autofree char *name = g_strconcat (MODULE_TYPE, suffix, NULL);
  GType type = g_type_module_register_type (G_TYPE_MODULE (module), G_TYPE_OBJECT, name, &info, 0);

  g_type_module_add_interface (G_TYPE_MODULE (module), type, CHAN_TYPE_TRANSPORT, &iface);
  return type;
}

#define ENTRY2(name, which) g_io_chantransport_##name##_##which
#define ENTRY(name, which) ENTRY2 (name, which)

G_MODULE_EXPORT void ENTRY (MODULE_NAME, load) (GIOModule *module);
G_MODULE_EXPORT void ENTRY (MODULE_NAME, unload) (GIOModule *module);

void
ENTRY (MODULE_NAME, load) (GIOModule *module)
{
  static const char *const schemes[] = { MODULE_SCHEMES };

  for (gsize i = 0; i < G_N_ELEMENTS (schemes); i++)
    {
      GType type = register_type (module, i == 0 ? "" : schemes[i]);

      /* Whichever way a module registers. A priority that would win, if that counted. */
      if (i % 2 == 0)
        g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, type, schemes[i], 1000);
      else
        chan_transport_register (schemes[i], type);
    }
}

void
ENTRY (MODULE_NAME, unload) (GIOModule *module)
{
}
