/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-tls-fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <glib-unix.h>
#include <glib/gstdio.h>

#include "chan-test-certs.h"
#include "chan-tls-io.h"

static char *directory;

const char *
chan_tls_fixture_get_directory (void)
{
  g_autoptr(GError) error = NULL;

  if (directory)
    return directory;
  directory = g_dir_make_tmp ("chan-tls-XXXXXX", &error);
  g_assert_no_error (error);
  chan_test_certs_write (directory, &error);
  g_assert_no_error (error);
  return directory;
}

void
chan_tls_fixture_clean_up (void)
{
  g_autoptr(GDir) dir = directory ? g_dir_open (directory, 0, NULL) : NULL;
  const char *name;

  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (directory, name, NULL);

      g_unlink (path);
    }
  if (directory)
    g_rmdir (directory);
  g_clear_pointer (&directory, g_free);
}

ChanOptions *
chan_tls_fixture_options (const char *first_name, ...)
{
  g_autoptr(ChanOptions) options = chan_options_new ();
  va_list arguments;

  va_start (arguments, first_name);
  for (const char *name = first_name; name; name = va_arg (arguments, const char *))
    {
      const char *value = va_arg (arguments, const char *);
      g_autofree char *path = g_build_filename (chan_tls_fixture_get_directory (), value, NULL);
      g_autoptr(GError) error = NULL;

      chan_options_set (options, name, g_str_has_suffix (name, "-file") ? path : value, &error);
      g_assert_no_error (error);
    }
  va_end (arguments);
  return g_steal_pointer (&options);
}

void
chan_tls_fixture_tcp_pair (int fds[2])
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, len), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &len), ==, 0);
  fds[0] = socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  g_assert_cmpint (connect (fds[0], (struct sockaddr *) &address, len), ==, 0);
  fds[1] = accept (listener, NULL, NULL);
  g_assert_cmpint (fds[1], >=, 0);
  close (listener);
}

void
chan_tls_fixture_unix_pair (int fds[2])
{
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

void
chan_tls_fixture_wait (int fd, GIOCondition condition)
{
  GPollFD poll_fd = { .fd = fd, .events = (gushort) condition };

  g_assert_cmpint (g_poll (&poll_fd, 1, 10000), ==, 1);
}

static gboolean
step (ChanByteIO **io, GError **error)
{
  gssize result = (*io)->funcs->handshake (*io, error);

  if (result == CHAN_BYTE_IO_ERROR)
    g_clear_pointer (io, chan_byte_io_free);
  return result == CHAN_BYTE_IO_AGAIN;
}

void
chan_tls_pair_handshake (ChanTlsPair *self)
{
  gboolean client_waits = TRUE, server_waits = TRUE;
  gint64 deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (client_waits || server_waits)
    {
      if (client_waits)
        client_waits = step (&self->client, &self->client_error);
      if (server_waits)
        server_waits = step (&self->server, &self->server_error);
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
    }
}

void
chan_tls_pair_connect (ChanTlsPair *self, ChanOptions *client, ChanOptions *server, const char *identity)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanTlsContext) client_context = chan_tls_context_new_for_options (client, CHAN_SESSION_CLIENT, &error);
  g_autoptr(ChanTlsContext) server_context = NULL;
  int fds[2];

  g_assert_no_error (error);
  server_context = chan_tls_context_new_for_options (server, CHAN_SESSION_SERVER, &error);
  g_assert_no_error (error);
  chan_tls_fixture_tcp_pair (fds);
  self->client = chan_tls_io_new (fds[0], client_context, CHAN_SESSION_CLIENT, identity, &error);
  g_assert_no_error (error);
  self->server = chan_tls_io_new (fds[1], server_context, CHAN_SESSION_SERVER, NULL, &error);
  g_assert_no_error (error);
  chan_tls_pair_handshake (self);
  if (self->client && !self->server)
    {
      char byte;

      g_assert_cmpint (chan_tls_fixture_read_some (self->client, &byte, 1, &self->client_error), ==, CHAN_BYTE_IO_ERROR);
      g_clear_pointer (&self->client, chan_byte_io_free);
    }
}

void
chan_tls_pair_connect_well (ChanTlsPair *self, const char *min_tls)
{
  g_autoptr(ChanOptions) client = chan_tls_fixture_options ("ca-file", "ca.pem", NULL);
  g_autoptr(ChanOptions) server = chan_tls_fixture_options ("certificate-file", "server.pem", "private-key-file", "server.key",
                                                            "min-tls", min_tls, NULL);

  chan_tls_pair_connect (self, client, server, "localhost");
  g_assert_no_error (self->client_error);
  g_assert_no_error (self->server_error);
}

void
chan_tls_pair_clear (ChanTlsPair *self)
{
  g_clear_pointer (&self->client, chan_byte_io_free);
  g_clear_pointer (&self->server, chan_byte_io_free);
  g_clear_error (&self->client_error);
  g_clear_error (&self->server_error);
}

void
chan_tls_fixture_write_all (ChanByteIO *io, const void *data, gsize len)
{
  gsize done = 0;

  while (done < len || io->want & G_IO_OUT)
    {
      GOutputVector vector = { (const guint8 *) data + done, len - done };
      g_autoptr(GError) error = NULL;
      gssize n = done < len ? io->funcs->writev (io, &vector, 1, &error) : io->funcs->flush (io, &error);

      g_assert_no_error (error);
      if (n == CHAN_BYTE_IO_AGAIN)
        chan_tls_fixture_wait (io->fd, G_IO_OUT);
      else if (done < len)
        done += (gsize) n;
    }
}

gssize
chan_tls_fixture_read_some (ChanByteIO *io, void *buffer, gsize len, GError **error)
{
  gssize n;

  while ((n = io->funcs->read (io, buffer, len, error)) == CHAN_BYTE_IO_AGAIN)
    chan_tls_fixture_wait (io->fd, G_IO_IN);
  return n;
}

void
chan_tls_fixture_read_all (ChanByteIO *io, void *buffer, gsize len)
{
  for (gsize done = 0; done < len;)
    {
      g_autoptr(GError) error = NULL;
      gssize n = chan_tls_fixture_read_some (io, (guint8 *) buffer + done, len - done, &error);

      g_assert_no_error (error);
      g_assert_cmpint (n, >, 0);
      done += (gsize) n;
    }
}

void
chan_raw_peer_init (ChanRawPeer *self, int fd, unsigned int flags, const char *priority, const char *alpn)
{
  const char *who = flags & GNUTLS_SERVER ? "server" : "client";
  g_autofree char *certificate = g_strdup_printf ("%s/%s.pem", chan_tls_fixture_get_directory (), who);
  g_autofree char *key = g_strdup_printf ("%s/%s.key", chan_tls_fixture_get_directory (), who);

  self->fd = fd;
  self->code = GNUTLS_E_AGAIN;
  g_unix_set_fd_nonblocking (fd, TRUE, NULL);
  g_assert_cmpint (gnutls_certificate_allocate_credentials (&self->credentials), ==, 0);
  g_assert_cmpint (gnutls_certificate_set_x509_key_file (self->credentials, certificate, key, GNUTLS_X509_FMT_PEM), >=, 0);
  g_assert_cmpint (gnutls_init (&self->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL), ==, 0);
  g_assert_cmpint (gnutls_priority_set_direct (self->session, priority, NULL), ==, 0);
  gnutls_credentials_set (self->session, GNUTLS_CRD_CERTIFICATE, self->credentials);
  gnutls_transport_set_int (self->session, fd);
  if (alpn)
    {
      gnutls_datum_t protocol = { (unsigned char *) alpn, (unsigned int) strlen (alpn) };

      g_assert_cmpint (gnutls_alpn_set_protocols (self->session, &protocol, 1, 0), ==, 0);
    }
}

void
chan_raw_peer_clear (ChanRawPeer *self)
{
  gnutls_deinit (self->session);
  gnutls_certificate_free_credentials (self->credentials);
  if (self->fd >= 0)
    close (self->fd);
}

void
chan_raw_peer_handshake (ChanRawPeer *self, ChanByteIO **io, GError **error)
{
  gboolean io_waits = TRUE;
  gint64 deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (io_waits || (self->code < 0 && !gnutls_error_is_fatal (self->code)))
    {
      if (self->code < 0 && !gnutls_error_is_fatal (self->code))
        self->code = gnutls_handshake (self->session);
      if (gnutls_error_is_fatal (self->code))
        gnutls_alert_send_appropriate (self->session, self->code);
      if (io_waits)
        io_waits = step (io, error);
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
    }
}
