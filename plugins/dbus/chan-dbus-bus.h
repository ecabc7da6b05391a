/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* One D-Bus connection, to a bus or to a peer, which carries many sessions. It
 * is closed when the last of those who use it are gone. */

typedef struct _ChanDBusBus ChanDBusBus;
struct _ChanDBusRouter;

typedef void (*ChanDBusBusFunc) (ChanDBusBus *bus, const GError *error, gpointer data); /* bus: transfer none */

/* In the plugin's thread. shared: one that is connected there already will do.
 * is_bus: say Hello. */
void             chan_dbus_bus_connect (const char *address, gboolean is_bus, gboolean shared, GCancellable *cancellable,
                                        ChanDBusBusFunc func, gpointer data);
/* For a connection that came in; in the plugin's thread. */
ChanDBusBus     *chan_dbus_bus_new_for_connection (GDBusConnection *connection);

/* Any thread */
ChanDBusBus     *chan_dbus_bus_ref            (ChanDBusBus *self);
void             chan_dbus_bus_unref          (ChanDBusBus *self);
/* The peer closed a session: let it close the connection first. */
void             chan_dbus_bus_linger (ChanDBusBus *self);
GDBusConnection *chan_dbus_bus_get_connection (ChanDBusBus *self);
gboolean         chan_dbus_bus_is_bus         (ChanDBusBus *self);
struct _ChanDBusRouter *chan_dbus_bus_get_router (ChanDBusBus *self);


G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanDBusBus, chan_dbus_bus_unref)

G_END_DECLS
