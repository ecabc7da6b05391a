/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tcp-module.h"

#include "chan-tcp-transport.h"
#ifdef CHAN_HAVE_TLS
#include "chan-tls-transport.h"
#endif

/* The module: two transports, since a type can have one scheme only. */

void
g_io_chantransport_tcp_load (GIOModule *module)
{
  /* Its types cannot be unloaded. */
  g_type_module_use (G_TYPE_MODULE (module));
  chan_tcp_transport_register (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, CHAN_TYPE_TCP_TRANSPORT, "tcp", 10);
#ifdef CHAN_HAVE_TLS
  chan_tls_transport_register (G_TYPE_MODULE (module));
  g_io_extension_point_implement (CHAN_TRANSPORT_EXTENSION_POINT_NAME, CHAN_TYPE_TLS_TRANSPORT, "tls", 10);
#endif
}

void
g_io_chantransport_tcp_unload (GIOModule *module)
{
}

char **
g_io_chantransport_tcp_query (void)
{
  static const char *const points[] = { CHAN_TRANSPORT_EXTENSION_POINT_NAME, NULL };

  return g_strdupv ((char **) points);
}
