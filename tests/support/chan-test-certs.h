/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Writes certificates for tests into a directory, which must exist, as PEM:
 *
 *   ca.pem                        an authority
 *   server.pem, server.key        by it, for localhost, 127.0.0.1 and ::1
 *   client.pem, client.key        by it, for a client
 *   wrong-host.pem, wrong-host.key   by it, for example.org
 *   expired.pem, expired.key      by it, as server.pem, expired yesterday
 *   other-ca.pem                  another authority
 *   other-server.pem, .key        by that, as server.pem
 *   other-client.pem, .key        by that, as client.pem
 *   self-signed.pem, .key         by itself, as server.pem; no authority
 */
gboolean chan_test_certs_write (const char *directory, GError **error);

G_END_DECLS
