/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-link.h>
#include <libchan-glib/chan-options.h>

#include "chan-dbus-route.h"

G_BEGIN_DECLS

/* Message mode: a session of method calls, org.libchan.Peer. */

#define CHAN_TYPE_DBUS_LINK (chan_dbus_link_get_type ())
G_DECLARE_FINAL_TYPE (ChanDBusLink, chan_dbus_link, CHAN, DBUS_LINK, ChanLink)

void chan_dbus_link_register (GTypeModule *module);

/* What each end says it takes when the session begins: a{sv} */
GVariant *chan_dbus_link_offer    (ChanOptions *options);
/* How much may wait to be read by the session of such options: for its route. */
gsize     chan_dbus_link_max_bytes (ChanOptions *options);

/* In the plugin's thread. Takes route. peer_path: the session's object at the peer. offer: what the peer said. */
ChanLink *chan_dbus_link_new (ChanDBusRoute *route, const char *peer_path, ChanSessionRole role, GCredentials *credentials,
                              ChanOptions *options, GVariant *offer, GError **error);

G_END_DECLS
