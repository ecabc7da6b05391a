/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-context.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

#include "chan-tls-credentials.h"
#include "chan-tls-error.h"
#include "chan-tls-tickets.h"

typedef enum
{
  ALPN_AUTO,    /* offered; a peer without any is accepted, another one never */
  ALPN_REQUIRE, /* ours or none at all */
  ALPN_OFF,     /* not offered and not looked at */
} AlpnMode;

struct _ChanTlsContext
{
  gatomicrefcount ref_count;
  ChanSessionRole role;
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority;
  gnutls_x509_trust_list_t trust; /* the credentials' own, or the process' */
  gnutls_datum_t ticket_key;      /* servers */
  ChanTlsTickets *tickets;        /* clients */
  char *ca_file, *server_name;
  gnutls_protocol_t min_version;
  AlpnMode alpn;
  gboolean verify, require_client_cert;
};

/* ChaCha20 stays for machines without AES, behind: GnuTLS has it 15 times
 * slower than AES where that is in hardware; so our order counts on a server,
 * too. Without -RSA a TLS 1.2 peer could choose a key exchange without forward
 * secrecy; %SAFE_RENEGOTIATION refuses peers that an attacker could splice a
 * renegotiation into (RFC 5746). */
#define PRIORITY_TAIL ":-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-RSA:%SAFE_RENEGOTIATION:%SERVER_PRECEDENCE"
#define PRIORITY_TLS_1_2 "-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" PRIORITY_TAIL
#define PRIORITY_TLS_1_3 "-VERS-ALL:+VERS-TLS1.3" PRIORITY_TAIL

static gboolean
bad_option (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, text);
  return FALSE;
}

static gboolean
check_gnutls (int code, GError **error)
{
  if (code >= 0)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "TLS cannot be set up: %s", gnutls_strerror (code));
  return FALSE;
}

/* Empty is unset. */
static const char *
get_option (ChanOptions *options, const char *name)
{
  const char *value = chan_options_get_string (options, name);

  return value && *value ? value : NULL;
}

static gboolean
load_min_version (ChanTlsContext *self, ChanOptions *options, GError **error)
{
  const char *value = get_option (options, "min-tls");

  self->min_version = self->role == CHAN_SESSION_SERVER ? GNUTLS_TLS1_3 : GNUTLS_TLS1_2;
  if (g_strcmp0 (value, "1.2") == 0)
    self->min_version = GNUTLS_TLS1_2;
  else if (g_strcmp0 (value, "1.3") == 0)
    self->min_version = GNUTLS_TLS1_3;
  else if (value)
    return bad_option (error, "MinTls must be 1.2 or 1.3");
  return check_gnutls (gnutls_priority_init2 (&self->priority,
                                              self->min_version == GNUTLS_TLS1_3 ? PRIORITY_TLS_1_3 : PRIORITY_TLS_1_2,
                                              NULL, GNUTLS_PRIORITY_INIT_DEF_APPEND), error);
}

static gboolean
load_alpn (ChanTlsContext *self, ChanOptions *options, GError **error)
{
  const char *value = get_option (options, "alpn");

  if (!value || strcmp (value, "auto") == 0)
    self->alpn = ALPN_AUTO;
  else if (strcmp (value, "require") == 0)
    self->alpn = ALPN_REQUIRE;
  else if (strcmp (value, "off") == 0)
    self->alpn = ALPN_OFF;
  else
    return bad_option (error, "Alpn must be auto, require or off");
  return TRUE;
}

static gboolean
load_certificate (ChanTlsContext *self, ChanOptions *options, GError **error)
{
  const char *certificate_file = get_option (options, "certificate-file");
  const char *key_file = get_option (options, "private-key-file");

  if (certificate_file)
    return chan_tls_credentials_load_certificate (self->credentials, certificate_file, key_file, error);
  if (key_file)
    return bad_option (error, "PrivateKeyFile is set, but CertificateFile is not");
  if (self->role == CHAN_SESSION_SERVER)
    return bad_option (error, "A TLS server needs a certificate: set CertificateFile and PrivateKeyFile");
  return TRUE;
}

static gboolean
load_trust (ChanTlsContext *self, ChanOptions *options, GError **error)
{
  self->ca_file = g_strdup (get_option (options, "ca-file"));
  self->require_client_cert = self->role == CHAN_SESSION_SERVER && chan_options_get_boolean (options, "require-client-cert");
  if (self->ca_file)
    {
      gnutls_certificate_get_trust_list (self->credentials, &self->trust);
      return chan_tls_credentials_load_ca (self->credentials, self->ca_file, error);
    }
  /* Else whoever has any public certificate would get in. */
  if (self->require_client_cert)
    return bad_option (error, "RequireClientCert needs CaFile: the authority whose clients are let in");
  if (self->role == CHAN_SESSION_SERVER || !self->verify)
    return TRUE;
  self->trust = chan_tls_credentials_get_system_trust (error);
  return self->trust != NULL;
}

static gboolean
load (ChanTlsContext *self, ChanOptions *options, GError **error)
{
  self->server_name = g_strdup (get_option (options, "server-name"));
  /* A server's certificates are asked for to be checked, always. */
  self->verify = self->role == CHAN_SESSION_SERVER || chan_options_get_boolean (options, "verify");
  if (!check_gnutls (gnutls_certificate_allocate_credentials (&self->credentials), error) ||
      !load_min_version (self, options, error) || !load_alpn (self, options, error) ||
      !load_certificate (self, options, error) || !load_trust (self, options, error))
    return FALSE;
  if (self->role == CHAN_SESSION_SERVER)
    return check_gnutls (gnutls_session_ticket_key_generate (&self->ticket_key), error);
  self->tickets = chan_tls_tickets_new ();
  return TRUE;
}

ChanTlsContext *
chan_tls_context_new_for_options (ChanOptions *options, ChanSessionRole role, GError **error)
{
  g_autoptr(ChanTlsContext) self = g_new0 (ChanTlsContext, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->role = role;
  return load (self, options, error) ? g_steal_pointer (&self) : NULL;
}

ChanTlsContext *
chan_tls_context_ref (ChanTlsContext *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_tls_context_unref (ChanTlsContext *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_clear_pointer (&self->priority, gnutls_priority_deinit);
  g_clear_pointer (&self->credentials, gnutls_certificate_free_credentials);
  g_clear_pointer (&self->tickets, chan_tls_tickets_free);
  if (self->ticket_key.data)
    gnutls_memset (self->ticket_key.data, 0, self->ticket_key.size);
  g_clear_pointer (&self->ticket_key.data, gnutls_free);
  g_free (self->ca_file);
  g_free (self->server_name);
  g_free (self);
}

static int
set_alpn (ChanTlsContext *self, gnutls_session_t session)
{
  gnutls_datum_t protocol = { (unsigned char *) CHAN_TLS_ALPN, sizeof CHAN_TLS_ALPN - 1 };

  /* MANDATORY: a server refuses a client that offers others only */
  return self->alpn == ALPN_OFF ? 0 : gnutls_alpn_set_protocols (session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}

static int
set_up_client (ChanTlsContext *self, gnutls_session_t session, const char *identity, const char *key)
{
  g_autoptr(GBytes) ticket = key ? chan_tls_tickets_take (self->tickets, key) : NULL;

  /* A ticket that is of no use any more only means a full handshake. */
  if (ticket)
    (void) gnutls_session_set_data (session, g_bytes_get_data (ticket, NULL), g_bytes_get_size (ticket));
  /* RFC 6066 3: no addresses in SNI */
  if (identity && !g_hostname_is_ip_address (identity))
    return gnutls_server_name_set (session, GNUTLS_NAME_DNS, identity, strlen (identity));
  return 0;
}

static int
set_up_server (ChanTlsContext *self, gnutls_session_t session)
{
  gnutls_certificate_request_t request = self->require_client_cert ? GNUTLS_CERT_REQUIRE
                                         : self->ca_file           ? GNUTLS_CERT_REQUEST
                                                                   : GNUTLS_CERT_IGNORE;

  gnutls_certificate_server_set_request (session, request);
  return gnutls_session_ticket_enable_server (session, &self->ticket_key);
}

gnutls_session_t
chan_tls_context_start_session (ChanTlsContext *self, const char *identity, const char *key, GError **error)
{
  gboolean server = self->role == CHAN_SESSION_SERVER;
  gnutls_session_t session = NULL;
  /* FORCE_CLIENT_CERT: whatever authorities a server names; its refusal says
   * more than “no certificate” */
  unsigned int kind = server ? GNUTLS_SERVER : GNUTLS_CLIENT | GNUTLS_FORCE_CLIENT_CERT;
  int code = gnutls_init (&session, kind | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);

  if (code < 0)
    {
      check_gnutls (code, error);
      return NULL;
    }
  code = gnutls_priority_set (session, self->priority);
  if (code >= 0)
    code = gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  if (code >= 0)
    code = set_alpn (self, session);
  if (code >= 0)
    code = server ? set_up_server (self, session) : set_up_client (self, session, identity, key);
  if (check_gnutls (code, error))
    return session;
  gnutls_deinit (session);
  return NULL;
}

static gboolean
check_alpn (ChanTlsContext *self, gnutls_session_t session, const char **ret_alpn, GError **error)
{
  gnutls_datum_t chosen = { 0 };
  gboolean found = self->alpn != ALPN_OFF && gnutls_alpn_get_selected_protocol (session, &chosen) >= 0;

  *ret_alpn = NULL;
  if (found && (chosen.size != strlen (CHAN_TLS_ALPN) || memcmp (chosen.data, CHAN_TLS_ALPN, chosen.size) != 0))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                   "The peer chose another application protocol than “%s” (ALPN)", CHAN_TLS_ALPN);
      return FALSE;
    }
  if (!found && self->alpn == ALPN_REQUIRE)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                   "The peer does not speak “%s” (Alpn=require)", CHAN_TLS_ALPN);
      return FALSE;
    }
  if (found)
    *ret_alpn = CHAN_TLS_ALPN;
  return TRUE;
}

gboolean
chan_tls_context_check_session (ChanTlsContext *self, gnutls_session_t session, const char **ret_alpn, GError **error)
{
  gnutls_protocol_t version = gnutls_protocol_get_version (session);

  /* The priorities see to it; but nothing may reach the session below it, ever. */
  if (version < self->min_version || version > GNUTLS_TLS1_3)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                   "The TLS version agreed on is too old (MinTls)");
      return FALSE;
    }
  return check_alpn (self, session, ret_alpn, error);
}

void
chan_tls_context_store_ticket (ChanTlsContext *self, gnutls_session_t session, const char *key)
{
  gnutls_datum_t data = { 0 };
  g_autoptr(GBytes) ticket = NULL;

  if (!self->tickets || gnutls_session_get_data2 (session, &data) < 0)
    return;
  ticket = g_bytes_new (data.data, data.size);
  gnutls_memset (data.data, 0, data.size);
  gnutls_free (data.data);
  chan_tls_tickets_store (self->tickets, key, ticket);
}

ChanSessionRole
chan_tls_context_get_role (ChanTlsContext *self)
{
  return self->role;
}

gboolean
chan_tls_context_get_verify (ChanTlsContext *self)
{
  return self->verify;
}

gboolean
chan_tls_context_allows_no_certificate (ChanTlsContext *self)
{
  return self->role == CHAN_SESSION_SERVER && !self->require_client_cert;
}

const char *
chan_tls_context_get_ca_file (ChanTlsContext *self)
{
  return self->ca_file;
}

const char *
chan_tls_context_get_server_name (ChanTlsContext *self)
{
  return self->server_name;
}

gnutls_x509_trust_list_t
chan_tls_context_get_trust (ChanTlsContext *self)
{
  return self->trust;
}
