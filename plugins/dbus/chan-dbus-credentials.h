/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-options.h>

#include "chan-dbus-bus.h"

G_BEGIN_DECLS

/* Who a peer is. In the plugin's thread. */

/* Called in the plugin's thread; credentials: NULL with error if it is gone or nobody knows. */
typedef void (*ChanDBusCredentialsFunc) (GCredentials *credentials, const GError *error, gpointer data);

/* peer: its unique name on a bus; NULL: the other end of a connection without a bus. */
void     chan_dbus_credentials_get (ChanDBusBus *bus, const char *peer, GCancellable *cancellable,
                                    ChanDBusCredentialsFunc func, gpointer data);
/* The rule of this transport, on a bus and without: the same user, root, and those in allow-uids. */
gboolean chan_dbus_credentials_are_allowed (GCredentials *credentials, ChanOptions *options);

G_END_DECLS
