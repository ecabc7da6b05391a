/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>

#include "chan-tls-context.h"

G_BEGIN_DECLS

/* Is the certificate that the peer of the session gave to be trusted, and is it
 * that of identity (a host name or an IP address; NULL: of a client, whose name
 * is not checked)? FALSE with a PERMISSION error, and the alert for the peer. */
gboolean chan_tls_verify_peer (ChanTlsContext *context, gnutls_session_t session, const char *identity,
                               gnutls_alert_description_t *ret_alert, GError **error);
char    *chan_tls_verify_normalize_identity (const char *identity);

G_END_DECLS
