/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-io.h"

#include "chan-tls-carrier.h"
#include "chan-tls-error.h"
#include "chan-tls-gather.h"
#include "chan-tls-verify.h"

/* A GnuTLS session over a carrier. The socket below keeps the reason why it
 * broke; after a failed write GnuTLS still reads, for an alert may be on its way
 * that says why. */

/* A writev encrypts at most so much. */
#define MAX_WRITE_BYTES (256 * 1024)
/* Warnings mean nothing to us; a peer that keeps sending them does. */
#define MAX_WARNINGS 8

typedef enum
{
  INPUT_HANDSHAKE,
  INPUT_OPEN,
  INPUT_ENDED,  /* close_notify came */
  INPUT_FAILED,
} InputState;

typedef enum
{
  OUTPUT_OPEN,
  OUTPUT_NOTIFIED, /* close_notify is written, or in the buffer */
  OUTPUT_ENDED,    /* and FIN sent */
} OutputState;

typedef struct
{
  ChanByteIO base;
  ChanTlsCarrier carrier;
  ChanTlsContext *context;
  gnutls_session_t session;
  char *identity;   /* whose certificate is asked for; NULL on a server */
  char *ticket_key; /* clients */
  InputState input_state;
  OutputState output_state;
  guint warnings;
  gboolean ticket_stored;
  gnutls_alert_description_t alert; /* why the peer's certificate is refused */
} ChanTlsIO;

/* Nothing to verify where none was asked for, or a client that may be without did not send any. */
static gboolean
needs_verification (ChanTlsIO *self)
{
  unsigned int n = 0;

  if (!chan_tls_context_get_verify (self->context))
    return FALSE;
  return gnutls_certificate_get_peers (self->session, &n) != NULL || !chan_tls_context_allows_no_certificate (self->context);
}

/* Inside the handshake, so that a client shows its own certificate only to a
 * server that it trusts. */
static int
verify_cb (gnutls_session_t session)
{
  ChanTlsIO *self = gnutls_session_get_ptr (session);

  if (!needs_verification (self) ||
      chan_tls_verify_peer (self->context, session, self->identity, &self->alert, &self->carrier.cause))
    return 0;
  return GNUTLS_E_CERTIFICATE_ERROR;
}

static gssize
flush_output (ChanTlsIO *self, GError **error)
{
  gssize result = chan_tls_carrier_flush (&self->carrier);

  self->base.want = result == CHAN_BYTE_IO_AGAIN ? G_IO_OUT : 0;
  if (result == CHAN_BYTE_IO_ERROR)
    return chan_byte_io_fail (&self->base, g_error_copy (self->carrier.socket->failure), error);
  return result;
}

/* The peer is told why, if it still listens. The reason is what a callback found,
 * else what GnuTLS says, or an earlier failed write if that is all we know. */
static gssize
fail (ChanTlsIO *self, int code, GError **error)
{
  g_autoptr(GError) failure = g_steal_pointer (&self->carrier.cause);

  /* GnuTLS calls an end inside a record a malformed one. */
  if (self->carrier.ended && code != GNUTLS_E_FATAL_ALERT_RECEIVED)
    code = GNUTLS_E_PREMATURE_TERMINATION;
  if (!failure && (code == GNUTLS_E_PULL_ERROR || code == GNUTLS_E_PUSH_ERROR) && self->carrier.socket->failure)
    failure = g_error_copy (self->carrier.socket->failure);
  if (!failure)
    failure = chan_tls_error_new (code, self->session, self->input_state == INPUT_HANDSHAKE);
  if (code == GNUTLS_E_CERTIFICATE_ERROR)
    gnutls_alert_send (self->session, GNUTLS_AL_FATAL, self->alert);
  else if (code != GNUTLS_E_FATAL_ALERT_RECEIVED && code != GNUTLS_E_PREMATURE_TERMINATION)
    gnutls_alert_send_appropriate (self->session, code);
  (void) flush_output (self, NULL);
  self->base.truncated = code == GNUTLS_E_PREMATURE_TERMINATION && self->input_state == INPUT_OPEN;
  self->input_state = INPUT_FAILED;
  /* An alert says more than the broken write that it led to. */
  g_clear_error (&self->base.failure);
  return chan_byte_io_fail_read (&self->base, g_steal_pointer (&failure), error);
}

/* full: the caller had no room for more */
static gboolean
has_more_to_read (ChanTlsIO *self, gboolean full)
{
  return full && (gnutls_record_check_pending (self->session) > 0 ||
                  chan_tls_carrier_get_input_length (&self->carrier) > 0);
}

/* Again, since verify_cb is not called in a resumed session, whose certificates
 * may have expired. */
static gboolean
check_peer (ChanTlsIO *self)
{
  unsigned int n = 0;
  const gnutls_datum_t *list = gnutls_certificate_get_peers (self->session, &n);

  if (list && n > 0)
    self->base.peer_certificate = g_bytes_new (list[0].data, list[0].size);
  if (!needs_verification (self) || (list && !gnutls_session_is_resumed (self->session)))
    return TRUE;
  return chan_tls_verify_peer (self->context, self->session, self->identity, &self->alert, &self->carrier.cause);
}

static gssize
finish_handshake (ChanTlsIO *self, GError **error)
{
  if (!check_peer (self))
    return fail (self, GNUTLS_E_CERTIFICATE_ERROR, error);
  if (!chan_tls_context_check_session (self->context, self->session, &self->base.alpn, &self->carrier.cause))
    return fail (self, GNUTLS_E_NO_APPLICATION_PROTOCOL, error);
  self->input_state = INPUT_OPEN;
  self->base.read_pending = has_more_to_read (self, TRUE);
  return 1;
}

static gboolean
is_harmless_warning (ChanTlsIO *self, int code)
{
  return code == GNUTLS_E_WARNING_ALERT_RECEIVED && ++self->warnings <= MAX_WARNINGS;
}

/* GnuTLS wants to be called again after a message of its own (a ticket, a key
 * update), though what follows it is here already. */
static gboolean
goes_on (ChanTlsIO *self, gssize code, gsize *input_len)
{
  gsize len = chan_tls_carrier_get_input_length (&self->carrier);
  gboolean progress = len > 0 && len != *input_len;

  *input_len = len;
  return code > 0 || code == GNUTLS_E_INTERRUPTED || (code == GNUTLS_E_AGAIN && progress) ||
         is_harmless_warning (self, (int) code);
}

static gssize
tls_io_handshake (ChanByteIO *base, GError **error)
{
  ChanTlsIO *self = (ChanTlsIO *) base;
  gsize input_len = 0;
  int code;

  if (base->read_failed)
    return chan_byte_io_fail_read (base, NULL, error);
  if (self->input_state != INPUT_HANDSHAKE)
    return 1;
  chan_tls_carrier_begin_read (&self->carrier);
  do
    code = gnutls_handshake (self->session);
  while (goes_on (self, code, &input_len));
  if (code == GNUTLS_E_SUCCESS)
    {
      gssize result = finish_handshake (self, error);

      if (result != 1)
        return result;
    }
  else if (code != GNUTLS_E_AGAIN)
    {
      return fail (self, code, error);
    }
  /* A failed write is not the end yet: an alert that says why may be on its way. */
  (void) flush_output (self, NULL);
  return code == GNUTLS_E_SUCCESS ? 1 : CHAN_BYTE_IO_AGAIN;
}

static void
store_ticket (ChanTlsIO *self)
{
  if (!self->ticket_key || self->ticket_stored ||
      !(gnutls_session_get_flags (self->session) & GNUTLS_SFLAGS_SESSION_TICKET))
    return;
  self->ticket_stored = TRUE;
  chan_tls_context_store_ticket (self->context, self->session, self->ticket_key);
}

/* Decrypts into the buffer; ret_code is why it stopped before it was full. */
static gsize
receive (ChanTlsIO *self, guint8 *buffer, gsize len, int *ret_code)
{
  gsize total = 0, input_len = 0;
  gssize n;

  do
    {
      n = gnutls_record_recv (self->session, buffer + total, len - total);
      total += n > 0 ? (gsize) n : 0;
    }
  while (total < len && goes_on (self, n, &input_len));
  *ret_code = n > 0 ? GNUTLS_E_AGAIN : (int) n;
  return total;
}

static gssize
tls_io_read (ChanByteIO *base, guint8 *buffer, gsize len, GError **error)
{
  ChanTlsIO *self = (ChanTlsIO *) base;
  gsize total;
  int code;

  g_return_val_if_fail (self->input_state != INPUT_HANDSHAKE, CHAN_BYTE_IO_AGAIN);

  base->read_pending = FALSE;
  if (base->read_failed)
    return chan_byte_io_fail_read (base, NULL, error);
  if (self->input_state == INPUT_ENDED)
    return CHAN_BYTE_IO_EOF;
  chan_tls_carrier_begin_read (&self->carrier);
  total = receive (self, buffer, len, &code);
  if (code == 0)
    self->input_state = INPUT_ENDED;
  else if (code != GNUTLS_E_AGAIN)
    (void) fail (self, code, total > 0 ? NULL : error);
  store_ticket (self);
  if (chan_tls_carrier_get_output_length (&self->carrier) > 0 && !base->failure)
    (void) flush_output (self, NULL);
  /* An end behind the last bytes is told by the next read. */
  base->read_pending = total > 0 && (self->input_state != INPUT_OPEN || has_more_to_read (self, total == len));
  if (total > 0)
    return (gssize) total;
  if (self->input_state == INPUT_FAILED)
    return CHAN_BYTE_IO_ERROR;
  return self->input_state == INPUT_ENDED ? CHAN_BYTE_IO_EOF : CHAN_BYTE_IO_AGAIN;
}

/* Encrypts until the buffer holds a block of records. */
static int
encrypt (ChanTlsIO *self, ChanTlsGather *gather, gsize *taken)
{
  guint8 staging[CHAN_TLS_RECORD_BYTES];
  const guint8 *data;
  gsize len;

  while (chan_tls_carrier_get_output_length (&self->carrier) + CHAN_TLS_RECORD_BYTES < CHAN_TLS_BLOCK_BYTES &&
         chan_tls_gather_next (gather, staging, &data, &len))
    for (gsize done = 0; done < len;)
      {
        /* Takes less if the peer asked for smaller records (RFC 8449). */
        gssize n = gnutls_record_send (self->session, data + done, len - done);

        /* Our push never has GnuTLS wait. */
        if (n < 0)
          return (int) n;
        done += (gsize) n;
        *taken += (gsize) n;
      }
  return 0;
}

static gssize
tls_io_writev (ChanByteIO *base, const GOutputVector *vectors, gsize n_vectors, GError **error)
{
  ChanTlsIO *self = (ChanTlsIO *) base;
  ChanTlsGather gather;
  gsize taken = 0;
  gssize result;

  g_return_val_if_fail (self->input_state != INPUT_HANDSHAKE && self->output_state == OUTPUT_OPEN, CHAN_BYTE_IO_AGAIN);

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  chan_tls_gather_init (&gather, vectors, n_vectors);
  result = flush_output (self, error);
  while (result == 1 && gather.n_vectors > 0 && taken < MAX_WRITE_BYTES)
    {
      int code = encrypt (self, &gather, &taken);

      if (code < 0)
        return fail (self, code, error);
      result = flush_output (self, error);
    }
  return result == CHAN_BYTE_IO_ERROR || taken == 0 ? result : (gssize) taken;
}

static gssize
tls_io_flush (ChanByteIO *base, GError **error)
{
  ChanTlsIO *self = (ChanTlsIO *) base;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  return flush_output (self, error);
}

static gssize
tls_io_shutdown (ChanByteIO *base, GError **error)
{
  ChanTlsIO *self = (ChanTlsIO *) base;
  gssize result;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  if (self->output_state == OUTPUT_OPEN)
    {
      (void) gnutls_bye (self->session, GNUTLS_SHUT_WR);
      self->output_state = OUTPUT_NOTIFIED;
    }
  result = flush_output (self, error);
  if (result != 1 || self->output_state == OUTPUT_ENDED)
    return result;
  self->output_state = OUTPUT_ENDED;
  if (self->carrier.socket->funcs->shutdown (self->carrier.socket, NULL) == CHAN_BYTE_IO_ERROR)
    return chan_byte_io_fail (base, g_error_copy (self->carrier.socket->failure), error);
  return 1;
}

static void
tls_io_free (ChanByteIO *base)
{
  ChanTlsIO *self = (ChanTlsIO *) base;

  if (self->session)
    gnutls_deinit (self->session);
  chan_tls_carrier_clear (&self->carrier);
  g_clear_pointer (&self->context, chan_tls_context_unref);
  g_free (self->identity);
  g_free (self->ticket_key);
  chan_byte_io_clear (base);
  g_free (self);
}

static const ChanByteIOFuncs tls_io_funcs = {
  .free = tls_io_free,
  .handshake = tls_io_handshake,
  .read = tls_io_read,
  .writev = tls_io_writev,
  .flush = tls_io_flush,
  .shutdown = tls_io_shutdown,
};

static gboolean
set_identity (ChanTlsIO *self, const char *identity, GError **error)
{
  const char *server_name = chan_tls_context_get_server_name (self->context);
  const char *name = server_name ? server_name : identity;
  g_autofree char *address = NULL;

  if (chan_tls_context_get_role (self->context) == CHAN_SESSION_SERVER)
    return TRUE;
  if (name && *name)
    {
      self->identity = chan_tls_verify_normalize_identity (name);
      if (self->carrier.socket->remote_address)
        address = g_socket_connectable_to_string (G_SOCKET_CONNECTABLE (self->carrier.socket->remote_address));
      self->ticket_key = g_strdup_printf ("%s %s", self->identity, address ? address : "");
      return TRUE;
    }
  if (!chan_tls_context_get_verify (self->context))
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG,
               "A TLS client must know whom it talks to: the URI has no host, and ServerName is not set");
  return FALSE;
}

static void
adopt_socket (ChanTlsIO *self)
{
  self->base.fd = self->carrier.socket->fd;
  g_set_object (&self->base.local_address, self->carrier.socket->local_address);
  g_set_object (&self->base.remote_address, self->carrier.socket->remote_address);
  g_set_object (&self->base.peer_credentials, self->carrier.socket->peer_credentials);
}

ChanByteIO *
chan_tls_io_new (int fd, ChanTlsContext *context, ChanSessionRole role, const char *identity, GError **error)
{
  ChanTlsIO *self = g_new0 (ChanTlsIO, 1);
  g_autoptr(ChanByteIO) io = &self->base;

  g_assert (chan_tls_context_get_role (context) == role);
  self->base.funcs = &tls_io_funcs;
  chan_tls_carrier_init (&self->carrier, chan_socket_io_new (fd));
  self->context = chan_tls_context_ref (context);
  adopt_socket (self);
  if (!set_identity (self, identity, error))
    return NULL;
  self->session = chan_tls_context_start_session (context, self->identity, self->ticket_key, error);
  if (!self->session)
    return NULL;
  gnutls_session_set_ptr (self->session, self);
  gnutls_session_set_verify_function (self->session, verify_cb);
  chan_tls_carrier_attach (&self->carrier, self->session);
  return g_steal_pointer (&io);
}

gboolean
chan_tls_io_is_resumed (ChanByteIO *io)
{
  ChanTlsIO *self = (ChanTlsIO *) io;

  g_return_val_if_fail (io->funcs == &tls_io_funcs, FALSE);

  return gnutls_session_is_resumed (self->session) != 0;
}
