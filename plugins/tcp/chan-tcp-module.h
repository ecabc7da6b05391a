/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include <libchan-glib/chan-macros.h>

G_BEGIN_DECLS

CHAN_API void   g_io_chantransport_tcp_load   (GIOModule *module);
CHAN_API void   g_io_chantransport_tcp_unload (GIOModule *module);
CHAN_API char **g_io_chantransport_tcp_query  (void);

G_END_DECLS
