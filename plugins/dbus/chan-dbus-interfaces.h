/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Generated from org.libchan.xml */
extern const GDBusInterfaceInfo org_libchan_listener_interface;
extern const GDBusInterfaceInfo org_libchan_session_interface;
extern const GDBusInterfaceInfo org_libchan_channel_interface;
extern const GDBusInterfaceInfo org_libchan_peer_interface;

G_END_DECLS
