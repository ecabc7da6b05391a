/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

G_BEGIN_DECLS

/* Files into GnuTLS credentials. What fails is BAD_CONFIG: the option, the file,
 * and what is wrong with it. Each file is read once, here. */

/* key_file NULL: the key is in the certificate's file */
gboolean chan_tls_credentials_load_certificate (gnutls_certificate_credentials_t credentials,
                                                const char *certificate_file, const char *key_file, GError **error);
gboolean chan_tls_credentials_load_ca          (gnutls_certificate_credentials_t credentials,
                                                const char *ca_file, GError **error);
/* The system's authorities, loaded once per process and never freed. */
gnutls_x509_trust_list_t chan_tls_credentials_get_system_trust (GError **error);

G_END_DECLS
