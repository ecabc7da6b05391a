/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gio/gio.h>

/* load without unload: GIO would print that. */
G_MODULE_EXPORT void g_io_chantransport_half_load (GIOModule *module);

void
g_io_chantransport_half_load (GIOModule *module)
{
  g_error ("not to be called");
}
