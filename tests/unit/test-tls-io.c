/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include <libchan-glib/chan-error.h>

#include "chan-tls-fixture.h"
#include "chan-tls-io.h"

/* TLS handshakes: who may talk to whom, and what is said when not. */

typedef struct
{
  const char *path;
  const char *ca, *client_cert, *server_cert; /* names of files, without .pem; nullable */
  const char *server_ca;                      /* nullable; with it a client certificate is required */
  const char *identity;
  int client_code, server_code;               /* -1: none */
  const char *client_text;                    /* a part of the message; nullable */
  const char *server_text;
} Case;

#define PERMISSION CHAN_CHANNEL_ERROR_PERMISSION
#define IDENTITY CHAN_CHANNEL_ERROR_BAD_IDENTITY
#define UNSUPPORTED CHAN_CHANNEL_ERROR_UNSUPPORTED

static const Case cases[] = {
  { "good/host-name", "ca", NULL, "server", NULL, "localhost", -1, -1 },
  { "good/host-name-with-dot", "ca", NULL, "server", NULL, "localhost.", -1, -1 },
  { "good/ipv4", "ca", NULL, "server", NULL, "127.0.0.1", -1, -1 },
  { "good/ipv6", "ca", NULL, "server", NULL, "::1", -1, -1 },
  { "good/ipv6-with-scope", "ca", NULL, "server", NULL, "::1%lo", -1, -1 },
  { "good/pinned-self-signed", "self-signed", NULL, "self-signed", NULL, "localhost", -1, -1 },
  { "good/client-certificate", "ca", "client", "server", "ca", "localhost", -1, -1 },
  { "good/client-certificate-of-its-own-authority", "ca", "other-client", "server", "other-ca", "localhost", -1, -1 },
  { "refused/wrong-name", "ca", NULL, "wrong-host", NULL, "localhost", IDENTITY, PERMISSION,
    "Certificate of “localhost” is not trusted: it is for another name (example.org)", "refused our certificate" },
  { "refused/wrong-address", "ca", NULL, "server", NULL, "127.0.0.2", IDENTITY, PERMISSION, "(localhost, 127.0.0.1, ::1)", NULL },
  { "refused/prefix-of-name", "ca", NULL, "server", NULL, "localhos", IDENTITY, PERMISSION, "another name", NULL },
  { "refused/wrong-name-and-not-valid", "ca", NULL, "unusable", NULL, "localhost", PERMISSION, PERMISSION, "it is not valid", NULL },
  { "refused/other-authority", "ca", NULL, "other-server", NULL, "localhost", PERMISSION, PERMISSION,
    "signed by an unknown authority (CaFile=/", "does not know the authority" },
  { "refused/self-signed", "ca", NULL, "self-signed", NULL, "localhost", PERMISSION, PERMISSION, "signed by an unknown authority", NULL },
  { "refused/system-authorities", NULL, NULL, "server", NULL, "localhost", PERMISSION, PERMISSION, "(system authorities)", NULL },
  { "refused/expired", "ca", NULL, "expired", NULL, "localhost", PERMISSION, PERMISSION, "it is expired", "expired" },
  { "refused/client-certificate-as-server", "ca", NULL, "client", NULL, "localhost", PERMISSION, PERMISSION, "another purpose", NULL },
  { "refused/no-client-certificate", "ca", NULL, "server", "ca", "localhost", PERMISSION, PERMISSION,
    "requires a client certificate", "sent no client certificate" },
  { "refused/client-certificate-of-other-authority", "ca", "other-client", "server", "ca", "localhost", PERMISSION, PERMISSION,
    "does not know the authority that signed our certificate", "client's certificate is not trusted: signed by an unknown authority" },
  { "refused/server-certificate-as-client", "ca", "server-only", "server", "ca", "localhost", PERMISSION, PERMISSION, NULL, "another purpose" },
};

static void
set_files (ChanOptions *options, const char *name)
{
  g_autofree char *base = g_build_filename (chan_tls_fixture_get_directory (), name, NULL);
  g_autofree char *certificate = g_strconcat (base, ".pem", NULL);
  g_autofree char *key = g_strconcat (base, ".key", NULL);

  g_assert_true (chan_options_set (options, "certificate-file", certificate, NULL));
  g_assert_true (chan_options_set (options, "private-key-file", key, NULL));
}

static void
set_ca (ChanOptions *options, const char *name)
{
  g_autofree char *file = g_strconcat (name, ".pem", NULL);
  g_autofree char *path = g_build_filename (chan_tls_fixture_get_directory (), file, NULL);

  g_assert_true (chan_options_set (options, "ca-file", path, NULL));
}

static void
check_end (ChanByteIO *io, GError *error, int code, const char *text)
{
  if (code < 0)
    {
      g_assert_no_error (error);
      g_assert_nonnull (io);
      g_assert_cmpstr (io->alpn, ==, CHAN_TLS_ALPN);
      return;
    }
  g_assert_null (io);
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
  g_assert_null (strchr (error->message, '\n'));
  if (text && !strstr (error->message, text))
    g_error ("“%s” lacks “%s”", error->message, text);
}

static void
test_case (gconstpointer data)
{
  const Case *c = data;
  static const char *const versions[] = { "1.3", "1.2" };

  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_auto(ChanTlsPair) pair = { 0 };
      g_autoptr(ChanOptions) client = chan_options_new ();
      g_autoptr(ChanOptions) server = chan_options_new ();

      g_assert_true (chan_options_set (server, "min-tls", versions[i], NULL));
      if (c->ca)
        set_ca (client, c->ca);
      if (c->client_cert)
        set_files (client, c->client_cert);
      set_files (server, c->server_cert);
      if (c->server_ca)
        {
          set_ca (server, c->server_ca);
          g_assert_true (chan_options_set (server, "require-client-cert", "true", NULL));
        }
      chan_tls_pair_connect (&pair, client, server, c->identity);
      check_end (pair.client, pair.client_error, c->client_code, c->client_text);
      check_end (pair.server, pair.server_error, c->server_code, c->server_text);
    }
}

static void
test_peer_certificate (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(ChanOptions) client = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "client.pem",
                                                            "private-key-file", "client.key", NULL);
  g_autoptr(ChanOptions) server = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem",
                                                            "private-key-file", "server.key", NULL);
  gnutls_datum_t der;
  gnutls_x509_crt_t certificate;

  chan_tls_pair_connect (&pair, client, server, "localhost");
  g_assert_nonnull (pair.client->peer_certificate);
  g_assert_nonnull (pair.server->peer_certificate);
  g_assert_true (G_IS_INET_SOCKET_ADDRESS (pair.client->remote_address));
  g_assert_cmpint (gnutls_x509_crt_init (&certificate), ==, 0);
  der.data = (unsigned char *) g_bytes_get_data (pair.server->peer_certificate, NULL);
  der.size = (unsigned int) g_bytes_get_size (pair.server->peer_certificate);
  g_assert_cmpint (gnutls_x509_crt_import (certificate, &der, GNUTLS_X509_FMT_DER), ==, 0);
  gnutls_x509_crt_deinit (certificate);
}

/* A server that only asks lets in who has none. */
static void
test_client_certificate_optional (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(ChanOptions) client = chan_tls_fixture_options ("ca-file", "ca.pem", NULL);
  g_autoptr(ChanOptions) server = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem",
                                                            "private-key-file", "server.key", NULL);

  chan_tls_pair_connect (&pair, client, server, "localhost");
  g_assert_no_error (pair.client_error);
  g_assert_no_error (pair.server_error);
  g_assert_null (pair.server->peer_certificate);
}

static void
test_verify_off (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(ChanOptions) client = chan_tls_fixture_options ("verify", "false", NULL);
  g_autoptr(ChanOptions) server = chan_tls_fixture_options ("certificate-file", "expired.pem", "private-key-file", "expired.key", NULL);

  chan_tls_pair_connect (&pair, client, server, NULL);
  g_assert_no_error (pair.client_error);
  g_assert_no_error (pair.server_error);
}

static void
test_server_name_option (void)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(ChanOptions) client = chan_tls_fixture_options ("ca-file", "ca.pem", "server-name", "example.org", NULL);
  g_autoptr(ChanOptions) server = chan_tls_fixture_options ("certificate-file", "wrong-host.pem", "private-key-file", "wrong-host.key", NULL);

  chan_tls_pair_connect (&pair, client, server, "localhost");
  g_assert_no_error (pair.client_error);
  g_assert_no_error (pair.server_error);
}

static void
test_no_name (void)
{
  g_autoptr(ChanOptions) options = chan_tls_fixture_options ("ca-file", "ca.pem", NULL);
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanTlsContext) context = chan_tls_context_new_for_options (options, CHAN_SESSION_CLIENT, &error);
  g_autoptr(ChanByteIO) io = NULL;
  int fds[2];
  char byte;

  g_assert_no_error (error);
  chan_tls_fixture_unix_pair (fds);
  io = chan_tls_io_new (fds[0], context, CHAN_SESSION_CLIENT, NULL, &error);
  g_assert_null (io);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  /* It is closed, and not a byte was sent. */
  g_assert_cmpint (read (fds[1], &byte, 1), ==, 0);
  close (fds[1]);
}

static void
expect_bad_config (ChanOptions *options, ChanSessionRole role, const char *text)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanTlsContext) context = chan_tls_context_new_for_options (options, role, &error);

  g_assert_null (context);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG);
  if (!strstr (error->message, text))
    g_error ("“%s” lacks “%s”", error->message, text);
}

static void
test_bad_config (void)
{
  static const struct
  {
    ChanSessionRole role;
    const char *name[3], *value[3];
    const char *text;
  } bad[] = {
    { CHAN_SESSION_SERVER, { 0 }, { 0 }, "needs a certificate" },
    { CHAN_SESSION_SERVER, { "certificate-file", "private-key-file" }, { "no.pem", "server.key" }, "/no.pem: " },
    { CHAN_SESSION_SERVER, { "certificate-file" }, { "ca.pem" }, "ca.pem: the file holds no private key" },
    { CHAN_SESSION_SERVER, { "certificate-file", "private-key-file" }, { "server.key", "server.key" }, "server.key: the file holds no certificate" },
    { CHAN_SESSION_SERVER, { "certificate-file", "private-key-file" }, { "server.pem", "client.key" }, "client.key: the key does not belong" },
    { CHAN_SESSION_SERVER, { "certificate-file", "private-key-file" }, { "server.pem", "server.pem" }, "PrivateKeyFile=" },
    { CHAN_SESSION_SERVER, { "certificate-file", "private-key-file", "require-client-cert" },
      { "server.pem", "server.key", "true" }, "RequireClientCert needs CaFile" },
    { CHAN_SESSION_CLIENT, { "private-key-file" }, { "client.key" }, "CertificateFile is not" },
    { CHAN_SESSION_CLIENT, { "ca-file" }, { "no.pem" }, "CaFile=/" },
    { CHAN_SESSION_CLIENT, { "ca-file" }, { "server.key" }, "server.key: the file holds no certificate" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr(ChanOptions) options = chan_tls_fixture_options (bad[i].name[0], bad[i].value[0], bad[i].name[1],
                                                                 bad[i].value[1], bad[i].name[2], bad[i].value[2], NULL);

      expect_bad_config (options, bad[i].role, bad[i].text);
    }
}

static void
make_io (ChanByteIO **io, int fd, ChanOptions *options, ChanSessionRole role)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanTlsContext) context = chan_tls_context_new_for_options (options, role, &error);

  g_assert_no_error (error);
  *io = chan_tls_io_new (fd, context, role, role == CHAN_SESSION_CLIENT ? "localhost" : NULL, &error);
  g_assert_no_error (error);
}

/* Which versions of a foreign peer each of our settings accepts */
static void
test_versions (void)
{
  static const char *const versions[] = { "1.0", "1.1", "1.2", "1.3" };
  static const struct
  {
    ChanSessionRole role;
    const char *min_tls; /* "": the default */
    gsize first_accepted;
  } settings[] = {
    { CHAN_SESSION_SERVER, "", 3 }, { CHAN_SESSION_SERVER, "1.2", 2 }, { CHAN_SESSION_SERVER, "1.3", 3 },
    { CHAN_SESSION_CLIENT, "", 2 }, { CHAN_SESSION_CLIENT, "1.2", 2 }, { CHAN_SESSION_CLIENT, "1.3", 3 },
  };

  for (gsize s = 0; s < G_N_ELEMENTS (settings); s++)
    for (gsize v = 0; v < G_N_ELEMENTS (versions); v++)
      {
        gboolean server = settings[s].role == CHAN_SESSION_SERVER;
        g_autoptr(ChanOptions) options = server ? chan_tls_fixture_options ("certificate-file", "server.pem", "private-key-file", "server.key", NULL)
                                                : chan_tls_fixture_options ("ca-file", "ca.pem", NULL);
        g_autofree char *priority = g_strdup_printf ("NORMAL:-VERS-ALL:+VERS-TLS%s:+SHA1:+SIGN-ECDSA-SHA1:%%PROFILE_VERY_WEAK", versions[v]);
        g_auto(ChanRawPeer) raw = { 0 };
        g_autoptr(ChanByteIO) io = NULL;
        g_autoptr(GError) error = NULL;
        int fds[2];

        g_assert_true (chan_options_set (options, "min-tls", settings[s].min_tls, NULL));
        chan_tls_fixture_tcp_pair (fds);
        make_io (&io, fds[0], options, settings[s].role);
        chan_raw_peer_init (&raw, fds[1], server ? GNUTLS_CLIENT : GNUTLS_SERVER, priority, NULL);
        chan_raw_peer_handshake (&raw, &io, &error);
        if (v >= settings[s].first_accepted)
          g_assert_no_error (error);
        else
          g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
        g_assert_cmpint (raw.code == 0, ==, v >= settings[s].first_accepted);
      }
}

/* The matrix of what we want and what a foreign peer offers */
static void
test_alpn (void)
{
  static const struct
  {
    const char *mode, *peer; /* nullable */
    gboolean server_works, client_works;
    const char *agreed;
  } settings[] = {
    { "auto", CHAN_TLS_ALPN, TRUE, TRUE, CHAN_TLS_ALPN },
    { "auto", NULL, TRUE, TRUE, NULL },
    { "auto", "h2", FALSE, TRUE, NULL }, /* a server that ignores ours agrees on none */
    { "require", CHAN_TLS_ALPN, TRUE, TRUE, CHAN_TLS_ALPN },
    { "require", NULL, FALSE, FALSE, NULL },
    { "require", "h2", FALSE, FALSE, NULL },
    { "off", "h2", TRUE, TRUE, NULL },
    { "off", NULL, TRUE, TRUE, NULL },
  };

  for (gsize s = 0; s < 2 * G_N_ELEMENTS (settings); s++)
    {
      gboolean server = s % 2;
      gboolean works = server ? settings[s / 2].server_works : settings[s / 2].client_works;
      g_autoptr(ChanOptions) options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem", "private-key-file",
                                                                 "server.key", "alpn", settings[s / 2].mode, NULL);
      g_auto(ChanRawPeer) raw = { 0 };
      g_autoptr(ChanByteIO) io = NULL;
      g_autoptr(GError) error = NULL;
      int fds[2];

      chan_tls_fixture_tcp_pair (fds);
      make_io (&io, fds[0], options, server ? CHAN_SESSION_SERVER : CHAN_SESSION_CLIENT);
      chan_raw_peer_init (&raw, fds[1], server ? GNUTLS_CLIENT : GNUTLS_SERVER, "NORMAL", settings[s / 2].peer);
      chan_raw_peer_handshake (&raw, &io, &error);
      if (works)
        g_assert_no_error (error);
      else
        g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
      if (works)
        g_assert_cmpstr (io->alpn, ==, settings[s / 2].agreed);
    }
}

/* AES-GCM leads even where the peer would rather have ChaCha20. */
static void
test_cipher (void)
{
  g_autoptr(ChanOptions) options = chan_tls_fixture_options ("certificate-file", "server.pem", "private-key-file", "server.key", NULL);
  g_auto(ChanRawPeer) raw = { 0 };
  g_autoptr(ChanByteIO) io = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2];

  chan_tls_fixture_tcp_pair (fds);
  make_io (&io, fds[0], options, CHAN_SESSION_SERVER);
  chan_raw_peer_init (&raw, fds[1], GNUTLS_CLIENT, "NORMAL:-CIPHER-ALL:+CHACHA20-POLY1305:+AES-128-GCM:+AES-256-GCM", NULL);
  chan_raw_peer_handshake (&raw, &io, &error);
  g_assert_no_error (error);
  g_assert_cmpint (gnutls_cipher_get (raw.session), ==, GNUTLS_CIPHER_AES_256_GCM);
}

static void
connect_once (ChanTlsContext *client, ChanTlsContext *server, gboolean expect_resumed)
{
  g_auto(ChanTlsPair) pair = { 0 };
  g_autoptr(GError) error = NULL;
  char byte = 'x';
  int fds[2];

  /* A unix pair has no addresses, so that all are one host. */
  chan_tls_fixture_unix_pair (fds);
  pair.client = chan_tls_io_new (fds[0], client, CHAN_SESSION_CLIENT, "localhost", &error);
  g_assert_no_error (error);
  pair.server = chan_tls_io_new (fds[1], server, CHAN_SESSION_SERVER, NULL, &error);
  g_assert_no_error (error);
  chan_tls_pair_handshake (&pair);
  g_assert_no_error (pair.client_error);
  g_assert_no_error (pair.server_error);
  g_assert_cmpint (chan_tls_io_is_resumed (pair.client), ==, expect_resumed);
  g_assert_cmpint (chan_tls_io_is_resumed (pair.server), ==, expect_resumed);
  g_assert_nonnull (pair.client->peer_certificate);
  g_assert_nonnull (pair.server->peer_certificate);
  g_assert_cmpstr (pair.client->alpn, ==, CHAN_TLS_ALPN);
  chan_tls_fixture_write_all (pair.server, &byte, 1);
  chan_tls_fixture_read_all (pair.client, &byte, 1);
}

/* A second connection needs no certificates on the wire, but knows them. */
static void
test_resumption (void)
{
  static const char *const versions[] = { "1.3", "1.2" };

  for (gsize i = 0; i < G_N_ELEMENTS (versions); i++)
    {
      g_autoptr(ChanOptions) client_options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "client.pem",
                                                                        "private-key-file", "client.key", NULL);
      g_autoptr(ChanOptions) server_options = chan_tls_fixture_options ("ca-file", "ca.pem", "certificate-file", "server.pem", "private-key-file",
                                                                        "server.key", "require-client-cert", "true", "min-tls", versions[i], NULL);
      g_autoptr(ChanTlsContext) client = chan_tls_context_new_for_options (client_options, CHAN_SESSION_CLIENT, NULL);
      g_autoptr(ChanTlsContext) server = chan_tls_context_new_for_options (server_options, CHAN_SESSION_SERVER, NULL);
      g_autoptr(ChanTlsContext) restarted = chan_tls_context_new_for_options (server_options, CHAN_SESSION_SERVER, NULL);

      connect_once (client, server, FALSE);
      connect_once (client, server, TRUE);
      connect_once (client, server, TRUE);
      connect_once (client, restarted, FALSE);
    }
}

int
main (int argc, char **argv)
{
  int result;

  g_test_init (&argc, &argv, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *path = g_strconcat ("/tls/handshake/", cases[i].path, NULL);

      g_test_add_data_func (path, &cases[i], test_case);
    }
  g_test_add_func ("/tls/handshake/peer-certificate-is-known-to-both", test_peer_certificate);
  g_test_add_func ("/tls/handshake/client-certificate-is-optional-unless-required", test_client_certificate_optional);
  g_test_add_func ("/tls/handshake/verify-off-accepts-anything", test_verify_off);
  g_test_add_func ("/tls/handshake/server-name-wins-over-the-host", test_server_name_option);
  g_test_add_func ("/tls/handshake/client-without-a-name-fails-before-a-byte", test_no_name);
  g_test_add_func ("/tls/handshake/bad-files-are-named", test_bad_config);
  g_test_add_func ("/tls/handshake/versions", test_versions);
  g_test_add_func ("/tls/handshake/alpn", test_alpn);
  g_test_add_func ("/tls/handshake/aes-comes-first", test_cipher);
  g_test_add_func ("/tls/handshake/resumes-and-knows-the-certificates", test_resumption);
  result = g_test_run ();
  chan_tls_fixture_clean_up ();
  return result;
}
