/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sys/un.h>

#include <libchan-glib/chan-transport.h>

G_BEGIN_DECLS

/* The address in a unix: URI; an error if there is none or it is too long. */
gboolean chan_unix_address  (ChanOperation *operation, struct sockaddr_un *ret_address, GError **error);
gboolean chan_unix_listen   (ChanListener *listener, ChanOperation *operation, GError **error);
void     chan_unix_unlisten (ChanListener *listener);

G_END_DECLS
