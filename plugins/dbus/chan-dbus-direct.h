/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-link.h>
#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* Direct mode: the session runs over a pair of sockets, and the bus only introduced its ends. */

/* Takes fd. credentials: who the peer is, from the bus: the socket names who made the pair. */
ChanLink *chan_dbus_direct_link_new (int fd, ChanSessionRole role, GCredentials *credentials, ChanOptions *options, GError **error);

/* A new pair: one end as a stream, the other in fd */
GSocketConnection *chan_dbus_direct_pair (int *fd, GError **error);

G_END_DECLS
