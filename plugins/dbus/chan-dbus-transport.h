/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

gboolean chan_dbus_open_link (ChanOperation *operation, GError **error);
gboolean chan_dbus_listen    (ChanListener *listener, ChanOperation *operation, GError **error);
void     chan_dbus_unlisten  (ChanListener *listener);

G_END_DECLS
