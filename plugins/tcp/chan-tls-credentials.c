/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-credentials.h"

#include <string.h>

#include <libchan-glib/chan-error.h>

/* A leaf and the intermediates above it */
#define MAX_CHAIN 16

typedef struct
{
  gnutls_x509_crt_t certificates[MAX_CHAIN];
  unsigned int n_certificates;
  gnutls_x509_privkey_t key;
} Identity;

static void
identity_clear (Identity *self)
{
  for (unsigned int i = 0; i < self->n_certificates; i++)
    gnutls_x509_crt_deinit (self->certificates[i]);
  if (self->key)
    gnutls_x509_privkey_deinit (self->key);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Identity, identity_clear)

/* A private key is not left in freed memory. */
typedef struct
{
  gnutls_datum_t datum;
} Secret;

static void
secret_clear (Secret *self)
{
  if (self->datum.data)
    gnutls_memset (self->datum.data, 0, self->datum.size);
  g_free (self->datum.data);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Secret, secret_clear)

static gboolean
bad_file (GError **error, const char *option, const char *file, const char *what)
{
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s=%s: %s", option, file, what);
  return FALSE;
}

static gboolean
read_file (const char *option, const char *file, Secret *ret_contents, GError **error)
{
  g_autoptr(GError) local_error = NULL;
  char *contents = NULL;
  gsize len = 0;

  if (!g_file_get_contents (file, &contents, &len, &local_error))
    return bad_file (error, option, file, local_error->message);
  ret_contents->datum.data = (unsigned char *) contents;
  ret_contents->datum.size = (unsigned int) len;
  if (len > 16 * 1024 * 1024)
    return bad_file (error, option, file, "the file is too large");
  return TRUE;
}

static gboolean
import_chain (Identity *identity, const char *file, const gnutls_datum_t *pem, GError **error)
{
  unsigned int n = MAX_CHAIN;
  int code = gnutls_x509_crt_list_import (identity->certificates, &n, pem, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

  if (code > 0)
    {
      identity->n_certificates = (unsigned int) code;
      return TRUE;
    }
  if (code == 0 || code == GNUTLS_E_NO_CERTIFICATE_FOUND || code == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR)
    return bad_file (error, "CertificateFile", file, "the file holds no certificate (PEM)");
  if (code == GNUTLS_E_SHORT_MEMORY_BUFFER)
    return bad_file (error, "CertificateFile", file, "the file holds more than 16 certificates");
  return bad_file (error, "CertificateFile", file, gnutls_strerror (code));
}

static gboolean
import_key (Identity *identity, const char *option, const char *file, const gnutls_datum_t *pem, GError **error)
{
  int code = gnutls_x509_privkey_init (&identity->key);

  if (code >= 0)
    code = gnutls_x509_privkey_import2 (identity->key, pem, GNUTLS_X509_FMT_PEM, NULL, 0);
  if (code >= 0)
    return TRUE;
  if (code == GNUTLS_E_DECRYPTION_FAILED)
    return bad_file (error, option, file, "the private key has a password; keys with passwords are not supported");
  if (strstr ((const char *) pem->data, "PRIVATE KEY") == NULL)
    return bad_file (error, option, file, "the file holds no private key (PEM)");
  return bad_file (error, option, file, gnutls_strerror (code));
}

gboolean
chan_tls_credentials_load_certificate (gnutls_certificate_credentials_t credentials,
                                       const char *certificate_file, const char *key_file, GError **error)
{
  const char *key_option = key_file ? "PrivateKeyFile" : "CertificateFile";
  const char *key_name = key_file ? key_file : certificate_file;
  g_auto(Secret) certificate_pem = { 0 };
  g_auto(Secret) key_pem = { 0 };
  g_auto(Identity) identity = { 0 };
  int code;

  if (!read_file ("CertificateFile", certificate_file, &certificate_pem, error) ||
      !import_chain (&identity, certificate_file, &certificate_pem.datum, error) ||
      !read_file (key_option, key_name, &key_pem, error) ||
      !import_key (&identity, key_option, key_name, &key_pem.datum, error))
    return FALSE;
  code = gnutls_certificate_set_x509_key (credentials, identity.certificates, (int) identity.n_certificates, identity.key);
  if (code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
    {
      g_autofree char *what = g_strdup_printf ("the key does not belong to the certificate of CertificateFile=%s", certificate_file);

      return bad_file (error, key_option, key_name, what);
    }
  return code >= 0 || bad_file (error, "CertificateFile", certificate_file, gnutls_strerror (code));
}

gboolean
chan_tls_credentials_load_ca (gnutls_certificate_credentials_t credentials, const char *ca_file, GError **error)
{
  g_auto(Secret) pem = { 0 };
  int code;

  if (!read_file ("CaFile", ca_file, &pem, error))
    return FALSE;
  code = gnutls_certificate_set_x509_trust_mem (credentials, &pem.datum, GNUTLS_X509_FMT_PEM);
  if (code > 0)
    return TRUE;
  if (code == 0 || code == GNUTLS_E_NO_CERTIFICATE_FOUND || code == GNUTLS_E_BASE64_UNEXPECTED_HEADER_ERROR)
    return bad_file (error, "CaFile", ca_file, "the file holds no certificate (PEM)");
  return bad_file (error, "CaFile", ca_file, gnutls_strerror (code));
}

/* Parsing some 140 certificates takes 6 ms, as much as six handshakes. */
static gpointer
load_system_trust (gpointer unused)
{
  gnutls_x509_trust_list_t list = NULL;

  if (gnutls_x509_trust_list_init (&list, 0) < 0)
    return NULL;
  if (gnutls_x509_trust_list_add_system_trust (list, 0, 0) > 0)
    return list;
  gnutls_x509_trust_list_deinit (list, 1);
  return NULL;
}

gnutls_x509_trust_list_t
chan_tls_credentials_get_system_trust (GError **error)
{
  static GOnce once = G_ONCE_INIT;
  gnutls_x509_trust_list_t list = g_once (&once, load_system_trust, NULL);

  if (!list)
    g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG,
                 "This system has no list of certificate authorities; name one with CaFile");
  return list;
}
