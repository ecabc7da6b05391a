/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

#include "chan-dbus-address.h"
#include "chan-dbus-bus.h"

G_BEGIN_DECLS

/* The object of a listener, org.libchan.Listener: lets sessions in. */

typedef struct _ChanDBusService ChanDBusService;

ChanDBusService *chan_dbus_service_new    (ChanListener *listener, ChanOptions *options, const ChanDBusAddress *address);
ChanDBusService *chan_dbus_service_ref    (ChanDBusService *self);
void             chan_dbus_service_unref  (ChanDBusService *self);
/* The listener goes. */
void             chan_dbus_service_stop   (ChanDBusService *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanDBusService, chan_dbus_service_unref)

/* In the plugin's thread: makes it callable over a connection, until the id is given to unexport(). 0: failed */
guint            chan_dbus_service_export   (ChanDBusService *self, ChanDBusBus *bus, GError **error);
void             chan_dbus_service_unexport (ChanDBusBus *bus, guint id);

/* NULL: it is gone. */
ChanListener    *chan_dbus_service_dup_listener (ChanDBusService *self);
ChanOptions     *chan_dbus_service_get_options  (ChanDBusService *self);

G_END_DECLS
