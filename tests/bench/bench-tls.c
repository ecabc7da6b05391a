/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bench.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <unistd.h>

#include "bench-socket.h"

/* GnuTLS over a blocking socket, as its manual shows it. */

#define BLOCK 65536

static gnutls_session_t
handshake (int fd, unsigned int role)
{
  g_autofree char *ca = g_build_filename (bench_directory, "ca.pem", NULL);
  g_autofree char *cert = g_build_filename (bench_directory, "server.pem", NULL);
  g_autofree char *key = g_build_filename (bench_directory, "server.key", NULL);
  gnutls_certificate_credentials_t credentials;
  gnutls_session_t session;
  int code;

  gnutls_certificate_allocate_credentials (&credentials);
  gnutls_certificate_set_x509_trust_file (credentials, ca, GNUTLS_X509_FMT_PEM);
  if (role == GNUTLS_SERVER)
    gnutls_certificate_set_x509_key_file (credentials, cert, key, GNUTLS_X509_FMT_PEM);
  gnutls_init (&session, role);
  gnutls_set_default_priority (session);
  gnutls_credentials_set (session, GNUTLS_CRD_CERTIFICATE, credentials);
  if (role == GNUTLS_CLIENT)
    gnutls_session_set_verify_cert (session, "localhost", 0);
  gnutls_transport_set_int (session, fd);
  do
    code = gnutls_handshake (session);
  while (code < 0 && !gnutls_error_is_fatal (code));
  if (code < 0)
    {
      g_printerr ("chan-bench: handshake: %s\n", gnutls_strerror (code));
      _exit (1);
    }
  return session;
}

static gboolean
read_all (gnutls_session_t session, char *buffer, gsize len)
{
  for (gsize done = 0; done < len;)
    {
      gssize n = gnutls_record_recv (session, buffer + done, len - done);

      if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
        continue;
      if (n <= 0)
        return FALSE;
      done += (gsize) n;
    }
  return TRUE;
}

static void
write_all (gnutls_session_t session, const char *buffer, gsize len)
{
  for (gsize done = 0; done < len;)
    {
      gssize n = gnutls_record_send (session, buffer + done, len - done);

      if (n < 0)
        bench_fail ("gnutls_record_send", NULL);
      done += (gsize) n;
    }
}

static void
serve (const BenchItem *item, int control)
{
  static char buffer[BLOCK];
  char address[256];
  int listener = bench_socket_listen (item, address, sizeof address);
  gnutls_session_t session;

  bench_say (control, address);
  session = handshake (bench_socket_accept (listener), GNUTLS_SERVER);
  if (g_str_equal (item->mode, "echo"))
    while (read_all (session, buffer, item->size))
      write_all (session, buffer, item->size);
  for (guint64 left = item->n; left > 0; left--)
    if (!read_all (session, buffer, item->size))
      return;
  write_all (session, "!", 1);
  pause ();
}

static double
ping_pong (const BenchItem *item, const char *address)
{
  char buffer[64] = "";
  gnutls_session_t session = handshake (bench_socket_connect (item, address), GNUTLS_CLIENT);
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    {
      write_all (session, buffer, item->size);
      if (!read_all (session, buffer, item->size))
        bench_fail ("read", NULL);
    }
  return bench_value (item, bench_seconds () - start);
}

static double
bulk (const BenchItem *item, const char *address)
{
  static char block[BLOCK];
  gnutls_session_t session = handshake (bench_socket_connect (item, address), GNUTLS_CLIENT);
  double start = bench_seconds ();

  for (guint64 i = 0; i < item->n; i++)
    write_all (session, block, BLOCK);
  if (!read_all (session, block, 1))
    bench_fail ("read", NULL);
  return bench_value (item, bench_seconds () - start);
}

static const BenchItem items[] = {
  { "raw-tls-ping-pong", NULL, "µs", "tls", TRUE, TRUE, 20000, 64, "echo", serve, ping_pong },
  { "raw-tls-bulk", NULL, "MB/s", "tls", FALSE, FALSE, 20000, BLOCK, "sink", serve, bulk },
};

const BenchItem *
bench_tls_items (guint *n)
{
  *n = G_N_ELEMENTS (items);
  return items;
}
