/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include <libchan-glib/chan-byte-io.h>

#include "chan-tls-buffer.h"

G_BEGIN_DECLS

/* What GnuTLS pulls from and pushes to: two buffers with a socket behind them. It
 * never sees the socket. One large recv() brings header and body of many
 * records, and many records leave by one send(). So GnuTLS waits for nothing but
 * bytes that come, and what it writes by itself (handshake, tickets, key
 * updates, alerts) leaves with the next flush. */
typedef struct
{
  ChanByteIO *socket;
  gnutls_session_t session; /* not its own */
  ChanTlsBuffer input, output;
  guint recvs_left;         /* 0: GnuTLS must wait */
  gboolean ended;           /* GnuTLS was told of an end, perhaps inside a record */
  GError *cause;            /* found inside a callback: why GnuTLS will fail; nullable */
} ChanTlsCarrier;

/* The socket becomes the carrier's. */
void   chan_tls_carrier_init       (ChanTlsCarrier *self, ChanByteIO *socket);
void   chan_tls_carrier_clear      (ChanTlsCarrier *self);
void   chan_tls_carrier_attach     (ChanTlsCarrier *self, gnutls_session_t session);
/* Before a call that reads: how much one call may take is bounded. */
void   chan_tls_carrier_begin_read (ChanTlsCarrier *self);
/* 1: nothing waits; AGAIN; or ERROR: the socket's failure */
gssize chan_tls_carrier_flush      (ChanTlsCarrier *self);

static inline gsize
chan_tls_carrier_get_input_length (const ChanTlsCarrier *self)
{
  return chan_tls_buffer_get_length (&self->input);
}

static inline gsize
chan_tls_carrier_get_output_length (const ChanTlsCarrier *self)
{
  return chan_tls_buffer_get_length (&self->output);
}

G_END_DECLS
