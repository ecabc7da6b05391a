/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-unix-socket.h>

G_BEGIN_DECLS

/* A socket to listen at for D-Bus connections without a bus. address: unix:path=… or unix:abstract=… */
ChanUnixSocket *chan_dbus_socket_listen (const char *address, ChanOptions *options, GError **error);

G_END_DECLS
