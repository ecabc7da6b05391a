/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-dbus-bus.h"

G_BEGIN_DECLS

/* What others see of a session of method calls: its object, and one for each
 * of its channels. Only the peer may use them. */

typedef struct _ChanDBusObjects ChanDBusObjects;

/* In the plugin's thread. peer: its name on the bus, or NULL */
ChanDBusObjects *chan_dbus_objects_new    (ChanDBusBus *bus, const char *path, const char *peer, guint user);
/* Any thread */
void             chan_dbus_objects_free   (ChanDBusObjects *self);
void             chan_dbus_objects_add    (ChanDBusObjects *self, guint64 number, const char *name, gboolean sends);
void             chan_dbus_objects_remove (ChanDBusObjects *self, guint64 number);

G_END_DECLS
