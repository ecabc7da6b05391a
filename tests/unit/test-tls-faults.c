/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

#include "chan-tls-fixture.h"
#include "chan-tls-io.h"

/* TLS over a bad line: cut anywhere, one byte at a time, damaged, not TLS at all. */

static const char *const versions[] = { "1.3", "1.2" };

/* A relay between two sockets of the test, which gives on only so many bytes
 * and then ends; every fault of a network but reordering. */
typedef struct
{
  int client_fd, server_fd; /* our ends */
  gsize left;               /* bytes to pass on before it ends; G_MAXSIZE: never */
  gsize passed;
  gsize at_once;
} Relay;

static void
relay_one_way (Relay *self, int from, int to)
{
  GPollFD room = { .fd = to, .events = G_IO_OUT };
  char buffer[4096];
  gssize n;

  if (g_poll (&room, 1, 0) == 0)
    return;
  n = recv (from, buffer, MIN (MIN (self->at_once, self->left), sizeof buffer), MSG_DONTWAIT);
  if (n <= 0)
    return;
  g_assert_cmpint (send (to, buffer, (gsize) n, MSG_NOSIGNAL), ==, n);
  self->passed += (gsize) n;
  self->left -= self->left == G_MAXSIZE ? 0 : (gsize) n;
}

static void
relay_end (Relay *self)
{
  if (self->client_fd >= 0)
    close (self->client_fd);
  if (self->server_fd >= 0)
    close (self->server_fd);
  self->client_fd = self->server_fd = -1;
}

static void
relay_step (Relay *self)
{
  if (self->left > 0)
    relay_one_way (self, self->client_fd, self->server_fd);
  if (self->left > 0)
    relay_one_way (self, self->server_fd, self->client_fd);
  else
    relay_end (self);
}

static void
start_relayed (ChanTlsPair *pair, Relay *relay, ChanTlsContext *client, ChanTlsContext *server)
{
  int client_fds[2], server_fds[2];

  chan_tls_fixture_unix_pair (client_fds);
  chan_tls_fixture_unix_pair (server_fds);
  pair->client = chan_tls_io_new (client_fds[0], client, CHAN_SESSION_CLIENT, "localhost", NULL);
  pair->server = chan_tls_io_new (server_fds[0], server, CHAN_SESSION_SERVER, NULL, NULL);
  relay->client_fd = client_fds[1];
  relay->server_fd = server_fds[1];
}

static gssize
relayed_handshake (ChanTlsPair *pair, Relay *relay)
{
  gssize client = CHAN_BYTE_IO_AGAIN, server = CHAN_BYTE_IO_AGAIN;

  for (guint i = 0; i < 1000 * 1000 && (client == CHAN_BYTE_IO_AGAIN || server == CHAN_BYTE_IO_AGAIN); i++)
    {
      if (client == CHAN_BYTE_IO_AGAIN)
        client = pair->client->funcs->handshake (pair->client, &pair->client_error);
      if (server == CHAN_BYTE_IO_AGAIN)
        server = pair->server->funcs->handshake (pair->server, &pair->server_error);
      if (relay->client_fd >= 0)
        relay_step (relay);
    }
  g_assert_cmpint (client, !=, CHAN_BYTE_IO_AGAIN);
  g_assert_cmpint (server, !=, CHAN_BYTE_IO_AGAIN);
  return MIN (client, server);
}

static void
make_contexts (ChanTlsContext **client, ChanTlsContext **server, const char *min_tls)
{
  g_autoptr(ChanOptions) client_options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "client.pem",
                                                                    "private-key-file", "client.key", NULL);
  g_autoptr(ChanOptions) server_options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem", "private-key-file",
                                                                    "server.key", "require-client-cert", "true", "min-tls", min_tls, NULL);

  *client = chan_tls_context_new_for_options (client_options, CHAN_SESSION_CLIENT, NULL);
  *server = chan_tls_context_new_for_options (server_options, CHAN_SESSION_SERVER, NULL);
}

/* Cut after each byte of a handshake: an error at both ends, or done at one end
 * and then an error, never a hang, an end or a crash. */
static void
test_cut_everywhere (gconstpointer version)
{
  g_autoptr(ChanTlsContext) client = NULL, server = NULL;
  gsize len = 0;

  make_contexts (&client, &server, version);
  for (gsize cut = 0; len == 0; cut++)
    {
      g_auto(ChanTlsPair) pair = { 0 };
      Relay relay = { .left = cut, .at_once = 4096 };
      ChanByteIO *ends[2];
      GError **errors[2];

      start_relayed (&pair, &relay, client, server);
      if (relayed_handshake (&pair, &relay) == 1)
        len = cut;
      relay_end (&relay);
      ends[0] = pair.client, ends[1] = pair.server;
      errors[0] = &pair.client_error, errors[1] = &pair.server_error;
      for (int i = 0; i < 2; i++)
        {
          char byte;

          if (!*errors[i])
            g_assert_cmpint (chan_tls_fixture_read_some (ends[i], &byte, 1, errors[i]), ==, CHAN_BYTE_IO_ERROR);
          g_assert_error (*errors[i], CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
        }
    }
  g_assert_cmpuint (len, >, 1000);
}

static void
test_byte_by_byte (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr(ChanTlsContext) client = NULL, server = NULL;
      g_auto(ChanTlsPair) pair = { 0 };
      g_autoptr(GError) error = NULL;
      Relay relay = { .left = G_MAXSIZE, .at_once = 1 };
      guint8 out[20000], in[20000];
      gsize received = 0;

      make_contexts (&client, &server, versions[i]);
      start_relayed (&pair, &relay, client, server);
      g_assert_cmpint (relayed_handshake (&pair, &relay), ==, 1);
      for (gsize at = 0; at < sizeof out; at++)
        out[at] = (guint8) (at * 7 >> 3);
      chan_tls_fixture_write_all (pair.client, out, sizeof out);
      while (received < sizeof in)
        {
          gssize n = pair.server->funcs->read (pair.server, in + received, sizeof in - received, &error);

          g_assert_no_error (error);
          g_assert_true (n > 0 || n == CHAN_BYTE_IO_AGAIN);
          received += n > 0 ? (gsize) n : 0;
          relay_step (&relay);
        }
      g_assert_cmpmem (in, sizeof in, out, sizeof out);
      relay_end (&relay);
    }
}

/* A client that speaks SPDY without TLS */
static void
test_not_tls (void)
{
  g_autoptr(ChanTlsContext) client = NULL, server = NULL;
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  static const guint8 syn_stream[] = { 0x80, 3, 0, 1, 1, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
  Relay relay = { 0 };
  gssize result;

  make_contexts (&client, &server, "1.3");
  start_relayed (&pair, &relay, client, server);
  g_assert_cmpint (send (relay.server_fd, syn_stream, sizeof syn_stream, 0), ==, sizeof syn_stream);
  while ((result = pair.server->funcs->handshake (pair.server, &error)) == CHAN_BYTE_IO_AGAIN)
    chan_tls_fixture_wait (pair.server->fd, G_IO_IN);
  g_assert_cmpint (result, ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
  relay_end (&relay);
}

static void
test_damaged_record (void)
{
  g_autoptr(ChanTlsContext) client = NULL, server = NULL;
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  Relay relay = { .left = G_MAXSIZE, .at_once = 4096 };
  char buffer[256];
  gssize n;

  make_contexts (&client, &server, "1.3");
  start_relayed (&pair, &relay, client, server);
  g_assert_cmpint (relayed_handshake (&pair, &relay), ==, 1);
  relay_step (&relay);
  chan_tls_fixture_write_all (pair.client, "data", 4);
  n = recv (relay.client_fd, buffer, sizeof buffer, 0);
  g_assert_cmpint (n, >, 4);
  buffer[n - 1] ^= 1;
  g_assert_cmpint (send (relay.server_fd, buffer, (gsize) n, 0), ==, n);
  g_assert_cmpint (chan_tls_fixture_read_some (pair.server, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
  relay_end (&relay);
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/tls/faults/cut-at-every-byte-of-the-handshake/1.3", "1.3", test_cut_everywhere);
  g_test_add_data_func ("/tls/faults/cut-at-every-byte-of-the-handshake/1.2", "1.2", test_cut_everywhere);
  g_test_add_func ("/tls/faults/byte-by-byte", test_byte_by_byte);
  g_test_add_func ("/tls/faults/plain-bytes-are-refused", test_not_tls);
  g_test_add_func ("/tls/faults/damaged-record-is-refused", test_damaged_record);
  result = g_test_run ();
  chan_tls_fixture_clean_up ();
  return result;
}
