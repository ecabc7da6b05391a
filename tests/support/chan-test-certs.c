/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-test-certs.h"

#include <string.h>
#include <time.h>

#include <gio/gio.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#define DAY (24 * 60 * 60)

typedef enum
{
  KIND_AUTHORITY,
  KIND_SERVER,      /* may be a client too */
  KIND_SERVER_ONLY,
  KIND_CLIENT,
  KIND_CRITICAL,    /* a server with an extension that nobody knows, and must */
} Kind;

typedef struct
{
  const char *name;
  const char *signer; /* nullable: itself */
  Kind kind;
  const char *host;
  gboolean local; /* has the addresses of this machine */
  int from_day, to_day;
} Plan;

static const Plan plans[] = {
  { "ca", NULL, KIND_AUTHORITY, NULL, FALSE, -30, 3650 },
  { "other-ca", NULL, KIND_AUTHORITY, NULL, FALSE, -30, 3650 },
  { "server", "ca", KIND_SERVER, "localhost", TRUE, -1, 3650 },
  { "client", "ca", KIND_CLIENT, NULL, FALSE, -1, 3650 },
  { "server-only", "ca", KIND_SERVER_ONLY, "localhost", TRUE, -1, 3650 },
  { "wrong-host", "ca", KIND_SERVER, "example.org", FALSE, -1, 3650 },
  { "unusable", "ca", KIND_CRITICAL, "example.org", FALSE, -1, 3650 },
  { "expired", "ca", KIND_SERVER, "localhost", TRUE, -10, -1 },
  { "other-server", "other-ca", KIND_SERVER, "localhost", TRUE, -1, 3650 },
  { "other-client", "other-ca", KIND_CLIENT, NULL, FALSE, -1, 3650 },
  { "self-signed", NULL, KIND_SERVER, "localhost", TRUE, -1, 3650 },
};

typedef struct
{
  gnutls_x509_crt_t certificate[G_N_ELEMENTS (plans)];
  gnutls_x509_privkey_t key[G_N_ELEMENTS (plans)];
} Certs;

static void
certs_clear (Certs *self)
{
  for (gsize i = 0; i < G_N_ELEMENTS (plans); i++)
    {
      if (self->certificate[i])
        gnutls_x509_crt_deinit (self->certificate[i]);
      if (self->key[i])
        gnutls_x509_privkey_deinit (self->key[i]);
    }
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Certs, certs_clear)

static void
must (int code)
{
  if (code < 0)
    g_error ("Making a test certificate failed: %s", gnutls_strerror (code));
}

static gsize
find_plan (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (plans); i++)
    if (strcmp (plans[i].name, name) == 0)
      return i;
  g_assert_not_reached ();
}

static void
set_address (gnutls_x509_crt_t certificate, const char *text)
{
  g_autoptr(GInetAddress) address = g_inet_address_new_from_string (text);

  must (gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_IPADDRESS, g_inet_address_to_bytes (address),
                                              (unsigned int) g_inet_address_get_native_size (address), GNUTLS_FSAN_APPEND));
}

static void
set_names (gnutls_x509_crt_t certificate, const Plan *plan)
{
  must (gnutls_x509_crt_set_dn_by_oid (certificate, GNUTLS_OID_X520_COMMON_NAME, 0, plan->name, (unsigned int) strlen (plan->name)));
  if (plan->host)
    must (gnutls_x509_crt_set_subject_alt_name (certificate, GNUTLS_SAN_DNSNAME, plan->host,
                                                (unsigned int) strlen (plan->host), GNUTLS_FSAN_APPEND));
  if (!plan->local)
    return;
  set_address (certificate, "127.0.0.1");
  set_address (certificate, "::1");
}

static void
set_usage (gnutls_x509_crt_t certificate, Kind kind)
{
  must (gnutls_x509_crt_set_ca_status (certificate, kind == KIND_AUTHORITY));
  must (gnutls_x509_crt_set_key_usage (certificate, kind == KIND_AUTHORITY ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE));
  if (kind == KIND_CLIENT || kind == KIND_SERVER)
    must (gnutls_x509_crt_set_key_purpose_oid (certificate, GNUTLS_KP_TLS_WWW_CLIENT, 0));
  if (kind == KIND_SERVER || kind == KIND_SERVER_ONLY)
    must (gnutls_x509_crt_set_key_purpose_oid (certificate, GNUTLS_KP_TLS_WWW_SERVER, 0));
  if (kind == KIND_CRITICAL)
    must (gnutls_x509_crt_set_extension_by_oid (certificate, "1.3.6.1.4.1.55555.1", "\5\0", 2, TRUE));
}

static void
make (Certs *certs, gsize i)
{
  const Plan *plan = &plans[i];
  gsize signer = plan->signer ? find_plan (plan->signer) : i;
  guint8 serial[2] = { 1, (guint8) (i + 1) };
  time_t now = time (NULL);

  must (gnutls_x509_privkey_init (&certs->key[i]));
  must (gnutls_x509_privkey_generate (certs->key[i], GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS (GNUTLS_ECC_CURVE_SECP256R1), 0));
  must (gnutls_x509_crt_init (&certs->certificate[i]));
  must (gnutls_x509_crt_set_version (certs->certificate[i], 3));
  must (gnutls_x509_crt_set_serial (certs->certificate[i], serial, sizeof serial));
  must (gnutls_x509_crt_set_activation_time (certs->certificate[i], now + (time_t) plan->from_day * DAY));
  must (gnutls_x509_crt_set_expiration_time (certs->certificate[i], now + (time_t) plan->to_day * DAY));
  set_names (certs->certificate[i], plan);
  set_usage (certs->certificate[i], plan->kind);
  must (gnutls_x509_crt_set_key (certs->certificate[i], certs->key[i]));
  must (gnutls_x509_crt_sign2 (certs->certificate[i], certs->certificate[signer], certs->key[signer], GNUTLS_DIG_SHA256, 0));
}

static gboolean
write_pem (const char *directory, const char *name, const char *suffix, gnutls_datum_t *pem, GError **error)
{
  g_autofree char *file = g_strconcat (name, suffix, NULL);
  g_autofree char *path = g_build_filename (directory, file, NULL);
  gboolean written = g_file_set_contents_full (path, (const char *) pem->data, (gssize) pem->size,
                                               G_FILE_SET_CONTENTS_NONE, 0600, error);

  gnutls_free (pem->data);
  return written;
}

static gboolean
write_plan (Certs *certs, gsize i, const char *directory, GError **error)
{
  gnutls_datum_t pem = { 0 };

  must (gnutls_x509_crt_export2 (certs->certificate[i], GNUTLS_X509_FMT_PEM, &pem));
  if (!write_pem (directory, plans[i].name, ".pem", &pem, error))
    return FALSE;
  if (plans[i].kind == KIND_AUTHORITY)
    return TRUE;
  must (gnutls_x509_privkey_export2 (certs->key[i], GNUTLS_X509_FMT_PEM, &pem));
  return write_pem (directory, plans[i].name, ".key", &pem, error);
}

gboolean
chan_test_certs_write (const char *directory, GError **error)
{
  g_auto(Certs) certs = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (plans); i++)
    make (&certs, i);
  for (gsize i = 0; i < G_N_ELEMENTS (plans); i++)
    if (!write_plan (&certs, i, directory, error))
      return FALSE;
  return TRUE;
}
