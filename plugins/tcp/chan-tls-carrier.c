/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-carrier.h"

#include <errno.h>
#include <string.h>

#include <libchan-glib/chan-error.h>

/* Bytes of one recv() */
#define RECV_BYTES (64 * 1024)
/* A read takes at most so much from the socket, that others get their turn. */
#define MAX_RECVS 4
/* What a peer that does not read can make GnuTLS queue (answers to key updates). */
#define MAX_OUTPUT_BYTES (1024 * 1024)

static gssize
refill (ChanTlsCarrier *self)
{
  guint8 *room = chan_tls_buffer_reserve (&self->input, RECV_BYTES);
  gssize n = self->socket->funcs->read (self->socket, room, RECV_BYTES, NULL);

  chan_tls_buffer_added (&self->input, n > 0 ? (gsize) n : 0);
  /* A recv() that did not fill the room took everything: another call would
   * only be told so. An end is told again. */
  if (n > 0 || n == CHAN_BYTE_IO_AGAIN)
    self->recvs_left = n == RECV_BYTES ? self->recvs_left - 1 : 0;
  return n;
}

static ssize_t
pull_cb (gnutls_transport_ptr_t data, void *buffer, size_t len)
{
  ChanTlsCarrier *self = data;
  gssize n = (gssize) chan_tls_buffer_get_length (&self->input);

  if (n == 0)
    n = self->recvs_left > 0 ? refill (self) : CHAN_BYTE_IO_AGAIN;
  if (n == CHAN_BYTE_IO_EOF)
    {
      self->ended = TRUE;
      return 0;
    }
  if (n < 0)
    {
      gnutls_transport_set_errno (self->session, n == CHAN_BYTE_IO_AGAIN ? EAGAIN : ECONNRESET);
      return -1;
    }
  n = MIN (n, (gssize) len);
  memcpy (buffer, self->input.data + self->input.start, (gsize) n);
  chan_tls_buffer_consume (&self->input, (gsize) n);
  return n;
}

/* Is only asked with a timeout, which is not for us to wait for. */
static int
pull_timeout_cb (gnutls_transport_ptr_t data, unsigned int milliseconds)
{
  ChanTlsCarrier *self = data;

  return chan_tls_buffer_get_length (&self->input) > 0;
}

static ssize_t
push_cb (gnutls_transport_ptr_t data, const void *bytes, size_t len)
{
  ChanTlsCarrier *self = data;

  if (chan_tls_buffer_get_length (&self->output) + len > MAX_OUTPUT_BYTES)
    {
      if (!self->cause)
        g_set_error (&self->cause, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                     "The peer asks for TLS messages that it does not read");
      gnutls_transport_set_errno (self->session, ENOBUFS);
      return -1;
    }
  chan_tls_buffer_append (&self->output, bytes, len);
  return (ssize_t) len;
}

void
chan_tls_carrier_init (ChanTlsCarrier *self, ChanByteIO *socket)
{
  *self = (ChanTlsCarrier) { .socket = socket };
}

void
chan_tls_carrier_clear (ChanTlsCarrier *self)
{
  chan_tls_buffer_clear (&self->input);
  chan_tls_buffer_clear (&self->output);
  g_clear_pointer (&self->socket, chan_byte_io_free);
  g_clear_error (&self->cause);
}

void
chan_tls_carrier_attach (ChanTlsCarrier *self, gnutls_session_t session)
{
  self->session = session;
  gnutls_transport_set_ptr (session, self);
  gnutls_transport_set_pull_function (session, pull_cb);
  gnutls_transport_set_pull_timeout_function (session, pull_timeout_cb);
  gnutls_transport_set_push_function (session, push_cb);
}

void
chan_tls_carrier_begin_read (ChanTlsCarrier *self)
{
  self->recvs_left = MAX_RECVS;
}

gssize
chan_tls_carrier_flush (ChanTlsCarrier *self)
{
  gsize len = chan_tls_buffer_get_length (&self->output);
  GOutputVector vector = { self->output.data + self->output.start, len };
  gssize n;

  if (len == 0)
    return 1;
  n = self->socket->funcs->writev (self->socket, &vector, 1, NULL);
  if (n < 0)
    return n;
  chan_tls_buffer_consume (&self->output, (gsize) n);
  /* What took a part is full now. */
  return (gsize) n == len ? 1 : CHAN_BYTE_IO_AGAIN;
}
