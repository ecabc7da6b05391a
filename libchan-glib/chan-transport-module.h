/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* Transports that are modules: where libchantransport-NAME.so is looked for, and
 * loading it without GIO printing what is wrong with it. */

/* The scheme's module: its own name, or that of the module it shares. */
const char  *chan_transport_module_name_for (const char *scheme);
/* The file in the first directory that has it. */
char        *chan_transport_module_find     (const char *name, GError **error);
/* In use, and never to be unloaded. Not again for a file that was loaded: its types exist. */
GTypeModule *chan_transport_module_load     (const char *path, const char *name, GError **error);
/* Adds the schemes for which there are files. */
void         chan_transport_module_list     (GTree *schemes);
gboolean     chan_transport_scheme_is_sane  (const char *scheme);

G_END_DECLS
