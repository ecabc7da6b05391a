/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-verify.h"

#include <string.h>

#include <gio/gio.h>
#include <gnutls/x509.h>

#include <libchan-glib/chan-error.h>

/* A leaf and what leads to an authority; each costs us CPU before the peer is known. */
#define MAX_CHAIN 10
/* Names quoted in a message */
#define MAX_NAMES 4
#define MAX_NAME_BYTES 64

typedef struct
{
  gnutls_x509_crt_t certificates[MAX_CHAIN];
  unsigned int n_certificates;
} Chain;

static void
chain_clear (Chain *self)
{
  for (unsigned int i = 0; i < self->n_certificates; i++)
    gnutls_x509_crt_deinit (self->certificates[i]);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Chain, chain_clear)

typedef struct
{
  unsigned int status;
  gnutls_alert_description_t alert;
  const char *text;
} Reason;

/* In the order in which they matter */
static const Reason reasons[] = {
  { GNUTLS_CERT_REVOKED, GNUTLS_A_CERTIFICATE_REVOKED, "it is revoked" },
  { GNUTLS_CERT_SIGNER_NOT_FOUND, GNUTLS_A_UNKNOWN_CA, "signed by an unknown authority" },
  { GNUTLS_CERT_SIGNER_NOT_CA, GNUTLS_A_UNKNOWN_CA, "its signer is not a certificate authority" },
  { GNUTLS_CERT_SIGNATURE_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "its signature is wrong" },
  { GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE, GNUTLS_A_BAD_CERTIFICATE, "its signer may not sign it" },
  { GNUTLS_CERT_INSECURE_ALGORITHM, GNUTLS_A_BAD_CERTIFICATE, "its key or signature is too weak" },
  { GNUTLS_CERT_EXPIRED, GNUTLS_A_CERTIFICATE_EXPIRED, "it is expired" },
  { GNUTLS_CERT_NOT_ACTIVATED, GNUTLS_A_CERTIFICATE_EXPIRED, "it is not valid yet" },
  { GNUTLS_CERT_PURPOSE_MISMATCH, GNUTLS_A_UNSUPPORTED_CERTIFICATE, "it is for another purpose" },
};

static const Reason other_name = { GNUTLS_CERT_UNEXPECTED_OWNER, GNUTLS_A_BAD_CERTIFICATE, "it is for another name" };
static const Reason other_reason = { 0, GNUTLS_A_BAD_CERTIFICATE, "it is not valid" };

static gboolean
import_chain (Chain *chain, const gnutls_datum_t *list, unsigned int n)
{
  for (unsigned int i = 0; i < n; i++)
    {
      if (gnutls_x509_crt_init (&chain->certificates[i]) < 0)
        return FALSE;
      chain->n_certificates = i + 1;
      if (gnutls_x509_crt_import (chain->certificates[i], &list[i], GNUTLS_X509_FMT_DER) < 0)
        return FALSE;
    }
  return n > 0;
}

/* What the peer wrote is quoted with care: cut, and without control characters. */
static void
append_name (GString *names, unsigned int type, const char *name, gsize len)
{
  g_autofree char *cut = g_strndup (name, MIN (len, MAX_NAME_BYTES));
  g_autofree char *text = NULL;

  if (type == GNUTLS_SAN_IPADDRESS && (len == 4 || len == 16))
    {
      g_autoptr(GInetAddress) address = g_inet_address_new_from_bytes ((const guint8 *) name,
                                                                       len == 4 ? G_SOCKET_FAMILY_IPV4 : G_SOCKET_FAMILY_IPV6);
      text = g_inet_address_to_string (address);
    }
  else if (type == GNUTLS_SAN_DNSNAME)
    {
      text = g_strescape (cut, NULL);
    }
  if (text)
    g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", text);
}

static char *
describe_names (gnutls_x509_crt_t certificate)
{
  g_autoptr(GString) names = g_string_new (NULL);

  for (unsigned int i = 0; i < MAX_NAMES; i++)
    {
      char name[256];
      size_t len = sizeof name;
      int type = gnutls_x509_crt_get_subject_alt_name (certificate, i, name, &len, NULL);

      if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        break;
      if (type >= 0)
        append_name (names, (unsigned int) type, name, len);
    }
  return g_string_free (g_steal_pointer (&names), FALSE);
}

static gboolean
refuse (ChanTlsContext *context, const char *identity, Chain *chain, const Reason *reason, GError **error)
{
  const char *ca_file = chan_tls_context_get_ca_file (context);
  g_autoptr(GString) detail = g_string_new (NULL);
  g_autofree char *names = NULL;
  g_autofree char *whose = identity ? g_strdup_printf ("Certificate of “%s”", identity) : g_strdup ("The client's certificate");

  if (reason->alert == GNUTLS_A_UNKNOWN_CA)
    g_string_printf (detail, " (%s%s)", ca_file ? "CaFile=" : "system authorities", ca_file ? ca_file : "");
  if (reason->status == GNUTLS_CERT_UNEXPECTED_OWNER && chain->n_certificates > 0)
    names = describe_names (chain->certificates[0]);
  if (names && *names)
    g_string_printf (detail, " (%s)", names);
  g_set_error (error, CHAN_CHANNEL_ERROR,
               reason->status == GNUTLS_CERT_UNEXPECTED_OWNER ? CHAN_CHANNEL_ERROR_BAD_IDENTITY : CHAN_CHANNEL_ERROR_PERMISSION,
               "%s is not trusted: %s%s", whose, reason->text, detail->str);
  return FALSE;
}

static const Reason *
find_reason (unsigned int status)
{
  for (gsize i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (status & reasons[i].status)
      return &reasons[i];
  /* It proves who that is only if there is nothing else, also of what has no line above. */
  return (status & ~GNUTLS_CERT_INVALID) == GNUTLS_CERT_UNEXPECTED_OWNER ? &other_name : &other_reason;
}

/* The name is checked as what it is: an IP address must be among the addresses
 * of the certificate, never among its host names. */
static unsigned int
check_chain (ChanTlsContext *context, Chain *chain, const char *identity)
{
  g_autoptr(GInetAddress) address = identity ? g_inet_address_new_from_string (identity) : NULL;
  const char *purpose = identity ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT;
  gnutls_typed_vdata_st data[2] = { { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *) purpose } };
  unsigned int n_data = 1;
  unsigned int status = 0;

  if (!chan_tls_context_get_trust (context))
    return GNUTLS_CERT_SIGNER_NOT_FOUND;
  if (address)
    {
      data[n_data].type = GNUTLS_DT_IP_ADDRESS;
      data[n_data].data = (unsigned char *) g_inet_address_to_bytes (address);
      data[n_data++].size = (unsigned int) g_inet_address_get_native_size (address);
    }
  else if (identity)
    {
      data[n_data].type = GNUTLS_DT_DNS_HOSTNAME;
      data[n_data++].data = (unsigned char *) identity;
    }
  if (gnutls_x509_trust_list_verify_crt2 (chan_tls_context_get_trust (context), chain->certificates, chain->n_certificates,
                                          data, n_data, GNUTLS_PROFILE_TO_VFLAGS (GNUTLS_PROFILE_MEDIUM), &status, NULL) < 0)
    return GNUTLS_CERT_INVALID;
  return status;
}

/* As certificates write it: without the dot of a full name, and the interface of
 * a link-local address. */
char *
chan_tls_verify_normalize_identity (const char *identity)
{
  char *name = g_strdup (identity);
  char *scope = strchr (name, '%');
  gsize len;

  if (scope && strchr (name, ':'))
    *scope = '\0';
  len = strlen (name);
  if (len > 1 && name[len - 1] == '.')
    name[len - 1] = '\0';
  return name;
}

gboolean
chan_tls_verify_peer (ChanTlsContext *context, gnutls_session_t session, const char *identity,
                      gnutls_alert_description_t *ret_alert, GError **error)
{
  g_auto(Chain) chain = { 0 };
  unsigned int n = 0, status;
  const gnutls_datum_t *list = gnutls_certificate_get_peers (session, &n);
  const Reason *reason = &other_reason;

  *ret_alert = other_reason.alert;
  if (gnutls_certificate_type_get2 (session, GNUTLS_CTYPE_PEERS) != GNUTLS_CRT_X509 || !list || n == 0)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "The peer sent no certificate");
      return FALSE;
    }
  if (n > MAX_CHAIN || !import_chain (&chain, list, n))
    return refuse (context, identity, &chain, reason, error);
  status = check_chain (context, &chain, identity);
  if (status == 0)
    return TRUE;
  reason = find_reason (status);
  *ret_alert = reason->alert;
  return refuse (context, identity, &chain, reason, error);
}
