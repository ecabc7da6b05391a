/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gnutls/gnutls.h>

#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-options.h>

G_BEGIN_DECLS

/* Certificates, options and connected pairs for the tests of TLS. */

/* The directory of chan_test_certs_write(), made at first use. */
const char  *chan_tls_fixture_get_directory (void);
void         chan_tls_fixture_clean_up      (void);
/* Pairs of option and value, NULL at the end; values of files are names in the directory. */
ChanOptions *chan_tls_fixture_options       (const char *first_name, ...) G_GNUC_NULL_TERMINATED;
void         chan_tls_fixture_tcp_pair      (int fds[2]);
void         chan_tls_fixture_unix_pair     (int fds[2]);
/* Fails the test when it takes more than 10 s. */
void         chan_tls_fixture_wait          (int fd, GIOCondition condition);

typedef struct
{
  ChanByteIO *client, *server; /* NULL once failed */
  GError *client_error, *server_error;
} ChanTlsPair;

void chan_tls_pair_handshake (ChanTlsPair *self);
/* Connects the two over TCP and does the handshake; then, in TLS 1.3, a client
 * must read to learn that the server refused it: it does when the server failed. */
void chan_tls_pair_connect   (ChanTlsPair *self, ChanOptions *client, ChanOptions *server, const char *identity);
/* Both well connected, with no options but what makes it work */
void chan_tls_pair_connect_well (ChanTlsPair *self, const char *min_tls);
void chan_tls_pair_clear     (ChanTlsPair *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanTlsPair, chan_tls_pair_clear)

/* Writes all, reads n bytes, or until an end: what read() said last */
void   chan_tls_fixture_write_all (ChanByteIO *io, const void *data, gsize len);
gssize chan_tls_fixture_read_some (ChanByteIO *io, void *buffer, gsize len, GError **error);
void   chan_tls_fixture_read_all  (ChanByteIO *io, void *buffer, gsize len);

/* A peer that is plain GnuTLS, with the server.pem or client.pem, and does what it is told. */
typedef struct
{
  gnutls_session_t session;
  gnutls_certificate_credentials_t credentials;
  int fd;
  int code; /* of the handshake */
} ChanRawPeer;

void chan_raw_peer_init  (ChanRawPeer *self, int fd, unsigned int flags, const char *priority, const char *alpn);
void chan_raw_peer_clear (ChanRawPeer *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ChanRawPeer, chan_raw_peer_clear)
/* io is freed when it fails */
void chan_raw_peer_handshake (ChanRawPeer *self, ChanByteIO **io, GError **error);

G_END_DECLS
