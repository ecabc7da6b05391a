/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-byte-io.h>

#include "chan-tls-context.h"

G_BEGIN_DECLS

/* TLS over a connected stream socket; the fd becomes its own, also on failure.
 * Nothing is sent before the first handshake(). identity: whom a client means
 * to talk to, a host name or an IP address; the option server-name wins over it,
 * and without either a client that verifies fails with BAD_CONFIG. Of no use on
 * a server. */
ChanByteIO *chan_tls_io_new (int fd, ChanTlsContext *context, ChanSessionRole role,
                             const char *identity, GError **error);
/* The session's ticket was taken by the peer: no certificates were sent. */
gboolean    chan_tls_io_is_resumed (ChanByteIO *io);

G_END_DECLS
