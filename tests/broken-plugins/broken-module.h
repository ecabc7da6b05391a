/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

/* The entry points of a module besides load, which each fixture writes itself. */
#define BROKEN_MODULE(name)                                                  \
  G_MODULE_EXPORT void g_io_chantransport_##name##_load (GIOModule *module);   \
  G_MODULE_EXPORT void g_io_chantransport_##name##_unload (GIOModule *module); \
  void g_io_chantransport_##name##_unload (GIOModule *module)                  \
  {                                                                          \
  }

G_END_DECLS
