/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-error.h"

typedef struct
{
  int code; /* an alert, or a GnuTLS error */
  ChanChannelError error;
  const char *text;
} Meaning;

static const Meaning alerts[] = {
  { GNUTLS_A_BAD_CERTIFICATE, CHAN_CHANNEL_ERROR_PERMISSION, "The peer refused our certificate" },
  { GNUTLS_A_UNSUPPORTED_CERTIFICATE, CHAN_CHANNEL_ERROR_PERMISSION, "The peer refused our kind of certificate" },
  { GNUTLS_A_CERTIFICATE_REVOKED, CHAN_CHANNEL_ERROR_PERMISSION, "The peer says that our certificate is revoked" },
  { GNUTLS_A_CERTIFICATE_EXPIRED, CHAN_CHANNEL_ERROR_PERMISSION, "The peer says that our certificate is expired" },
  { GNUTLS_A_CERTIFICATE_UNKNOWN, CHAN_CHANNEL_ERROR_PERMISSION, "The peer refused our certificate" },
  { GNUTLS_A_UNKNOWN_CA, CHAN_CHANNEL_ERROR_PERMISSION, "The peer does not know the authority that signed our certificate" },
  { GNUTLS_A_ACCESS_DENIED, CHAN_CHANNEL_ERROR_PERMISSION, "The peer denied access" },
  { GNUTLS_A_CERTIFICATE_REQUIRED, CHAN_CHANNEL_ERROR_PERMISSION, "The peer requires a client certificate (CertificateFile, PrivateKeyFile)" },
  { GNUTLS_A_PROTOCOL_VERSION, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer accepts none of our TLS versions (MinTls)" },
  { GNUTLS_A_NO_APPLICATION_PROTOCOL, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer wants another application protocol than ours (ALPN)" },
  { GNUTLS_A_HANDSHAKE_FAILURE, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer found no TLS parameters in common" },
  { GNUTLS_A_INSUFFICIENT_SECURITY, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer wants stronger TLS parameters" },
  { GNUTLS_A_UNRECOGNIZED_NAME, CHAN_CHANNEL_ERROR_PERMISSION, "The peer does not serve this host name" },
};

static const Meaning errors[] = {
  { GNUTLS_E_REHANDSHAKE, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer asked to renegotiate TLS, which is refused" },
  { GNUTLS_E_NO_APPLICATION_PROTOCOL, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer wants another application protocol than ours (ALPN)" },
  { GNUTLS_E_UNSUPPORTED_VERSION_PACKET, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer offers no TLS version that we accept (MinTls)" },
  { GNUTLS_E_NO_CIPHER_SUITES, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer offers no cipher that we accept" },
  { GNUTLS_E_UNKNOWN_CIPHER_SUITE, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer chose a cipher that we do not accept" },
  { GNUTLS_E_NO_COMMON_KEY_SHARE, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer offers no key exchange that we accept" },
  { GNUTLS_E_SAFE_RENEGOTIATION_FAILED, CHAN_CHANNEL_ERROR_UNSUPPORTED, "The peer's TLS is too old: it does not know secure renegotiation" },
  { GNUTLS_E_CERTIFICATE_REQUIRED, CHAN_CHANNEL_ERROR_PERMISSION, "The peer sent no client certificate" },
  { GNUTLS_E_NO_CERTIFICATE_FOUND, CHAN_CHANNEL_ERROR_PERMISSION, "The peer sent no certificate" },
  { GNUTLS_E_MEMORY_ERROR, CHAN_CHANNEL_ERROR_NO_MEMORY, "Not enough memory for TLS" },
  { GNUTLS_E_UNEXPECTED_PACKET, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer sent something that is not TLS; a plain server is reached at tcp:" },
  { GNUTLS_E_DECRYPTION_FAILED, CHAN_CHANNEL_ERROR_PROTOCOL, "A TLS record was damaged on the way" },
  { GNUTLS_E_TOO_MANY_HANDSHAKE_PACKETS, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer floods TLS handshake messages" },
  { GNUTLS_E_TOO_MANY_EMPTY_PACKETS, CHAN_CHANNEL_ERROR_PROTOCOL, "The peer floods empty TLS records" },
};

static GError *
find_meaning (const Meaning *meanings, gsize n_meanings, int code)
{
  for (gsize i = 0; i < n_meanings; i++)
    if (meanings[i].code == code)
      return g_error_new_literal (CHAN_CHANNEL_ERROR, (int) meanings[i].error, meanings[i].text);
  return NULL;
}

static GError *
error_from_alert (gnutls_session_t session)
{
  gnutls_alert_description_t alert = gnutls_alert_get (session);
  GError *error = find_meaning (alerts, G_N_ELEMENTS (alerts), (int) alert);
  const char *name = gnutls_alert_get_name (alert);

  if (error)
    return error;
  return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL,
                      "The peer ended TLS with alert %d (%s)", (int) alert, name ? name : "unknown");
}

GError *
chan_tls_error_new (int code, gnutls_session_t session, gboolean in_handshake)
{
  GError *error = NULL;

  if (code == GNUTLS_E_FATAL_ALERT_RECEIVED || code == GNUTLS_E_WARNING_ALERT_RECEIVED)
    return error_from_alert (session);
  if (code == GNUTLS_E_PREMATURE_TERMINATION)
    return g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                                in_handshake ? "The peer ended the connection during the TLS handshake"
                                             : "The connection ended without close_notify: the end may be missing");
  error = find_meaning (errors, G_N_ELEMENTS (errors), code);
  if (error)
    return error;
  return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "%s: %s",
                      in_handshake ? "The TLS handshake failed" : "TLS failed", gnutls_strerror (code));
}
