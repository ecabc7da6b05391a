/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* ALPN of a session between two of us */
#define CHAN_TLS_ALPN "libchan/1"

/* What all connections of one listener, or with the same options, share:
 * certificates, trust, priorities, ticket key, and a client's tickets. Read
 * only once made, but for the tickets; may be used from any thread. */
typedef struct _ChanTlsContext ChanTlsContext;

ChanTlsContext *chan_tls_context_new_for_options (ChanOptions *options, ChanSessionRole role, GError **error);
ChanTlsContext *chan_tls_context_ref             (ChanTlsContext *self);
void            chan_tls_context_unref           (ChanTlsContext *self);

/* A GnuTLS session with everything set but its transport. Identity: whom a
 * client talks to, nullable. key: under which tickets are kept, nullable. */
gnutls_session_t chan_tls_context_start_session (ChanTlsContext *self, const char *identity, const char *key, GError **error);
/* After the handshake: is what was agreed on what we ask for? */
gboolean         chan_tls_context_check_session (ChanTlsContext *self, gnutls_session_t session, const char **ret_alpn, GError **error);
/* Keeps the ticket that a server gave. */
void             chan_tls_context_store_ticket  (ChanTlsContext *self, gnutls_session_t session, const char *key);

ChanSessionRole          chan_tls_context_get_role        (ChanTlsContext *self);
gboolean                 chan_tls_context_get_verify      (ChanTlsContext *self);
gboolean                 chan_tls_context_allows_no_certificate (ChanTlsContext *self);
const char              *chan_tls_context_get_ca_file     (ChanTlsContext *self);
const char              *chan_tls_context_get_server_name (ChanTlsContext *self);
gnutls_x509_trust_list_t chan_tls_context_get_trust       (ChanTlsContext *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanTlsContext, chan_tls_context_unref)

G_END_DECLS
