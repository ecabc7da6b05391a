/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

#define CHAN_TYPE_TLS_TRANSPORT (chan_tls_transport_get_type ())

G_DECLARE_FINAL_TYPE (ChanTlsTransport, chan_tls_transport, CHAN, TLS_TRANSPORT, GObject)

void chan_tls_transport_register (GTypeModule *module);

G_END_DECLS
