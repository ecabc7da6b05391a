/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libchan-glib/chan-error.h>

#include "chan-tls-fixture.h"
#include "chan-tls-gather.h"
#include "chan-tls-io.h"

/* Bytes through TLS: all of them, and every kind of end told for what it is. */

static const char *const versions[] = { "1.3", "1.2" };

static void
fill (guint8 *data, gsize len, guint64 *state)
{
  for (gsize i = 0; i < len; i++)
    {
      *state = *state * 6364136223846793005u + 1442695040888963407u;
      data[i] = (guint8) (*state >> 56);
    }
}

/* 100 MB, one thread, so that both sides run into full and empty sockets */
static void
test_bulk (void)
{
  const gsize total = 100 * 1000 * 1000;
  const gsize block = 1000 * 1000;
  g_autofree guint8 *out = g_malloc (block), *in = g_malloc (block);
  g_autoptr(GChecksum) sent = g_checksum_new (G_CHECKSUM_SHA1), got = g_checksum_new (G_CHECKSUM_SHA1);
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  gsize written = 0, received = 0;
  guint64 state = 1;

  chan_tls_pair_connect_well (&pair, "1.3");
  while (received < total)
    {
      gsize offset = written % block;
      gsize cut = offset + (block - offset) / 3;
      GOutputVector vectors[2] = { { out + offset, cut - offset }, { out + cut, block - cut } };
      gssize n;

      if (offset == 0 && written < total)
        {
          fill (out, block, &state);
          g_checksum_update (sent, out, (gssize) block);
        }
      n = written < total ? pair.client->funcs->writev (pair.client, vectors, 2, &error) : pair.client->funcs->flush (pair.client, &error);
      g_assert_no_error (error);
      written += n > 0 && written < total ? (gsize) n : 0;
      while ((n = pair.server->funcs->read (pair.server, in, block / 3, &error)) > 0)
        {
          g_checksum_update (got, in, n);
          received += (gsize) n;
        }
      g_assert_no_error (error);
      g_assert_cmpint (n, ==, CHAN_BYTE_IO_AGAIN);
    }
  g_assert_cmpuint (received, ==, total);
  g_assert_cmpstr (g_checksum_get_string (sent), ==, g_checksum_get_string (got));
}

/* close_notify is an end, and the other way stays open. */
static void
test_half_close (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_auto(ChanTlsPair) pair = { 0 };
      g_autoptr(GError) error = NULL;
      char buffer[16];

      chan_tls_pair_connect_well (&pair, versions[i]);
      chan_tls_fixture_write_all (pair.client, "last", 4);
      g_assert_cmpint (pair.client->funcs->shutdown (pair.client, &error), ==, 1);
      chan_tls_fixture_read_all (pair.server, buffer, 4);
      g_assert_cmpint (chan_tls_fixture_read_some (pair.server, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
      g_assert_cmpint (pair.server->funcs->read (pair.server, (guint8 *) buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
      chan_tls_fixture_write_all (pair.server, "answer", 6);
      chan_tls_fixture_read_all (pair.client, buffer, 6);
      g_assert_cmpint (pair.server->funcs->shutdown (pair.server, &error), ==, 1);
      g_assert_cmpint (chan_tls_fixture_read_some (pair.client, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
      g_assert_no_error (error);
    }
}

/* FIN without close_notify: what came is given, then an error, again and again */
static void
test_truncation (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_auto(ChanTlsPair) pair = { 0 };
      guint8 buffer[16];

      chan_tls_pair_connect_well (&pair, versions[i]);
      chan_tls_fixture_write_all (pair.client, "data", 4);
      g_assert_cmpint (shutdown (pair.client->fd, SHUT_WR), ==, 0);
      chan_tls_fixture_read_all (pair.server, buffer, 4);
      for (int again = 0; again < 3; again++)
        {
          g_autoptr(GError) error = NULL;

          g_assert_cmpint (chan_tls_fixture_read_some (pair.server, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
          g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
          g_assert_nonnull (strstr (error->message, "ended without close_notify"));
        }
    }
}

/* The bytes and their end in one read: the end must not be forgotten. */
static void
test_data_and_end_at_once (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  chan_tls_pair_connect_well (&pair, "1.3");
  chan_tls_fixture_write_all (pair.client, "data", 4);
  g_assert_cmpint (pair.client->funcs->shutdown (pair.client, &error), ==, 1);
  g_assert_cmpint (chan_tls_fixture_read_some (pair.server, buffer, sizeof buffer, &error), ==, 4);
  g_assert_true (pair.server->read_pending);
  g_assert_cmpint (pair.server->funcs->read (pair.server, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
  g_assert_false (pair.server->read_pending);
}

/* What is decrypted but did not fit is announced: the fd does not show it. */
static void
test_read_pending (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  chan_tls_pair_connect_well (&pair, "1.3");
  chan_tls_fixture_write_all (pair.client, "0123456789", 10);
  chan_tls_fixture_write_all (pair.client, "abcdefghij", 10);
  chan_tls_fixture_wait (pair.server->fd, G_IO_IN);
  for (gsize done = 0; done < 20; done += 4)
    {
      g_assert_cmpint (pair.server->funcs->read (pair.server, buffer, 4, &error), ==, 4);
      g_assert_cmpint (pair.server->read_pending, ==, done < 16);
    }
  g_assert_cmpint (pair.server->funcs->read (pair.server, buffer, 4, &error), ==, CHAN_BYTE_IO_AGAIN);
  g_assert_false (pair.server->read_pending);
}

static void
start_raw (ChanByteIO **io, ChanRawPeer *raw, ChanSessionRole role, const char *priority)
{
  g_autoptr(ChanOptions) options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem",
                                                             "private-key-file", "server.key", "min-tls", "1.2", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanTlsContext) context = chan_tls_context_new_for_options (options, role, &error);
  int fds[2];

  chan_tls_fixture_tcp_pair (fds);
  *io = chan_tls_io_new (fds[0], context, role, "localhost", &error);
  g_assert_no_error (error);
  chan_raw_peer_init (raw, fds[1], role == CHAN_SESSION_CLIENT ? GNUTLS_SERVER : GNUTLS_CLIENT, priority, NULL);
  chan_raw_peer_handshake (raw, io, &error);
  g_assert_no_error (error);
  g_assert_cmpint (raw->code, ==, 0);
}

#define ONLY_1_2 "NORMAL:-VERS-ALL:+VERS-TLS1.2"

static void
test_renegotiation (gconstpointer data)
{
  ChanSessionRole role = GPOINTER_TO_INT (data) ? CHAN_SESSION_CLIENT : CHAN_SESSION_SERVER;
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  start_raw (&io, &raw, role, ONLY_1_2);
  if (role == CHAN_SESSION_CLIENT)
    g_assert_cmpint (gnutls_rehandshake (raw.session), ==, 0); /* HelloRequest */
  else
    g_assert_cmpint (gnutls_handshake (raw.session), ==, GNUTLS_E_AGAIN);
  g_assert_cmpint (chan_tls_fixture_read_some (io, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
  g_assert_nonnull (strstr (error->message, "renegotiate"));
}

/* A record of padding only is no end. RFC 8446 5.4 */
static void
test_empty_records (void)
{
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  char buffer[16];

  start_raw (&io, &raw, CHAN_SESSION_SERVER, "NORMAL");
  for (int n = 0; n < 3; n++)
    g_assert_cmpint (gnutls_record_send2 (raw.session, "", 0, 100, 0), ==, 0);
  g_assert_cmpint (gnutls_record_send (raw.session, "data", 4), ==, 4);
  chan_tls_fixture_read_all (io, buffer, 4);
  g_assert_cmpmem (buffer, 4, "data", 4);
}

/* The answer to a key update leaves with the read that saw it. */
static void
test_key_update (void)
{
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  char buffer[16];

  start_raw (&io, &raw, CHAN_SESSION_SERVER, "NORMAL");
  g_assert_cmpint (gnutls_session_key_update (raw.session, GNUTLS_KU_PEER), ==, 0);
  g_assert_cmpint (gnutls_record_send (raw.session, "after", 5), ==, 5);
  chan_tls_fixture_read_all (io, buffer, 5);
  g_assert_cmpmem (buffer, 5, "after", 5);
  chan_tls_fixture_wait (raw.fd, G_IO_IN);
  chan_tls_fixture_write_all (io, "new key", 7);
  while (gnutls_record_recv (raw.session, buffer, sizeof buffer) != 7)
    chan_tls_fixture_wait (raw.fd, G_IO_IN);
  g_assert_cmpmem (buffer, 7, "new key", 7);
}

static void
test_key_update_flood (void)
{
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  g_autoptr(GError) error = NULL;
  char buffer[16];

  start_raw (&io, &raw, CHAN_SESSION_SERVER, "NORMAL");
  for (int i = 0; i < 200; i++)
    g_assert_cmpint (gnutls_session_key_update (raw.session, GNUTLS_KU_PEER), ==, 0);
  g_assert_cmpint (chan_tls_fixture_read_some (io, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL);
}

static void
test_packing (void)
{
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  g_autoptr(GError) error = NULL;
  GOutputVector vectors[1000];
  char buffer[CHAN_TLS_RECORD_BYTES];

  start_raw (&io, &raw, CHAN_SESSION_SERVER, "NORMAL");
  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    vectors[i] = (GOutputVector) { "0123456789", 10 };
  g_assert_cmpint (io->funcs->writev (io, vectors, G_N_ELEMENTS (vectors), &error), ==, 10000);
  chan_tls_fixture_wait (raw.fd, G_IO_IN);
  /* recv gives no more than one record */
  while (gnutls_record_check_pending (raw.session) == 0 && gnutls_record_recv (raw.session, buffer, 1) != 1)
    ;
  g_assert_cmpuint (gnutls_record_check_pending (raw.session), ==, 9999);
}

static void
test_gather (void)
{
  guint8 data[40000], staging[CHAN_TLS_RECORD_BYTES];
  guint64 state = 7;

  fill (data, sizeof data, &state);
  for (gsize size = 1; size < sizeof data; size = size * 3 / 2 + 1)
    {
      g_autoptr(GArray) vectors = g_array_new (FALSE, FALSE, sizeof (GOutputVector));
      ChanTlsGather gather;
      const guint8 *record;
      gsize len, done = 0, n_records = 0;

      for (gsize at = 0; at < sizeof data; at += size)
        {
          GOutputVector vector = { data + at, MIN (size, sizeof data - at) }, empty = { data, 0 };

          g_array_append_val (vectors, vector);
          g_array_append_val (vectors, empty);
        }
      chan_tls_gather_init (&gather, (GOutputVector *) (gpointer) vectors->data, vectors->len);
      for (; chan_tls_gather_next (&gather, staging, &record, &len); done += len, n_records++)
        {
          g_assert_cmpuint (len, ==, MIN (CHAN_TLS_RECORD_BYTES, sizeof data - done));
          g_assert_cmpint (memcmp (record, data + done, len), ==, 0);
        }
      g_assert_cmpuint (done, ==, sizeof data);
      g_assert_cmpuint (n_records, ==, 3);
    }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tls/data/100-megabytes-arrive-as-sent", test_bulk);
  g_test_add_func ("/tls/data/close-notify-ends-one-way-only", test_half_close);
  g_test_add_func ("/tls/data/truncation-is-an-error", test_truncation);
  g_test_add_func ("/tls/data/end-behind-data-is-told", test_data_and_end_at_once);
  g_test_add_func ("/tls/data/pending-bytes-are-told", test_read_pending);
  g_test_add_data_func ("/tls/data/renegotiation-refused-by-server", GINT_TO_POINTER (FALSE), test_renegotiation);
  g_test_add_data_func ("/tls/data/renegotiation-refused-by-client", GINT_TO_POINTER (TRUE), test_renegotiation);
  g_test_add_func ("/tls/data/empty-records-are-no-end", test_empty_records);
  g_test_add_func ("/tls/data/key-update-is-answered-by-a-read", test_key_update);
  g_test_add_func ("/tls/data/key-update-flood-ends", test_key_update_flood);
  g_test_add_func ("/tls/data/small-vectors-share-a-record", test_packing);
  g_test_add_func ("/tls/data/vectors-are-cut-into-full-records", test_gather);
  result = g_test_run ();
  chan_tls_fixture_clean_up ();
  return result;
}
