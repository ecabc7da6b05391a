/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

#define CHAN_TYPE_TCP_TRANSPORT (chan_tcp_transport_get_type ())

G_DECLARE_FINAL_TYPE (ChanTcpTransport, chan_tcp_transport, CHAN, TCP_TRANSPORT, GObject)

void chan_tcp_transport_register (GTypeModule *module);

G_END_DECLS
