/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Cuts a list of vectors into the plaintexts of records: small vectors are
 * packed together, what fills a record by itself is not copied. */
typedef struct
{
  const GOutputVector *vectors;
  gsize n_vectors;
  gsize offset; /* taken of the first one */
} ChanTlsGather;

/* The plaintext of one record. RFC 8446 5.1 */
#define CHAN_TLS_RECORD_BYTES 16384

void     chan_tls_gather_init (ChanTlsGather *self, const GOutputVector *vectors, gsize n_vectors);
gboolean chan_tls_gather_next (ChanTlsGather *self, guint8 staging[CHAN_TLS_RECORD_BYTES],
                               const guint8 **ret_data, gsize *ret_len);

G_END_DECLS
