/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include <libchan-glib/chan-error.h>

G_BEGIN_DECLS

/* What a failed GnuTLS call of a session means: one line for people. */
GError *chan_tls_error_new (int code, gnutls_session_t session, gboolean in_handshake);

G_END_DECLS
