/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A client's session tickets: the newest one for each key, each used once
 * (RFC 8446 C.4). Any thread. */
typedef struct _ChanTlsTickets ChanTlsTickets;

ChanTlsTickets *chan_tls_tickets_new   (void);
void            chan_tls_tickets_free  (ChanTlsTickets *self);
void            chan_tls_tickets_store (ChanTlsTickets *self, const char *key, GBytes *ticket);
/* transfer full, nullable */
GBytes         *chan_tls_tickets_take  (ChanTlsTickets *self, const char *key);

G_END_DECLS
