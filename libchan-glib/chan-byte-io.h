/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

typedef struct _ChanByteIO ChanByteIO;

/**
 * CHAN_BYTE_IO_FDS_MAX:
 *
 * How many file descriptors are passed at once: what the kernel takes. C only.
 *
 * Since: 0.1
 */
#define CHAN_BYTE_IO_FDS_MAX 253

/**
 * CHAN_BYTE_IO_EOF:
 *
 * Result of a read: the peer ended its half, cleanly (TLS: close_notify). C only.
 *
 * Since: 0.1
 */
#define CHAN_BYTE_IO_EOF 0
/**
 * CHAN_BYTE_IO_ERROR:
 *
 * Result of any function of a [struct@Chan.ByteIO]: the error is set. It is
 * sticky. After one from `writev`, `flush` or `shutdown`, `read` is still to be
 * called: it gives what had arrived, then the best reason known. C only.
 *
 * Since: 0.1
 */
#define CHAN_BYTE_IO_ERROR (-1)
/**
 * CHAN_BYTE_IO_AGAIN:
 *
 * Result of any function of a [struct@Chan.ByteIO]: its `want` says for what to
 * poll. C only.
 *
 * Since: 0.1
 */
#define CHAN_BYTE_IO_AGAIN (-2)

/**
 * ChanByteIOFuncs:
 * @free: frees it and closes its file descriptor; in any state
 * @handshake: (nullable): one step of the handshake: 1 when done,
 *   %CHAN_BYTE_IO_AGAIN or %CHAN_BYTE_IO_ERROR. %NULL: there is none.
 * @read: reads some bytes into the buffer: their number, %CHAN_BYTE_IO_EOF,
 *   %CHAN_BYTE_IO_ERROR or %CHAN_BYTE_IO_AGAIN
 * @writev: takes some or all of the vectors, which hold at least one byte: a
 *   number above 0, %CHAN_BYTE_IO_ERROR or %CHAN_BYTE_IO_AGAIN. What it took it
 *   has copied or sent; bytes may still wait inside (`want` has %G_IO_OUT).
 * @flush: (nullable): writes what waits inside: 1 when nothing waits any more,
 *   %CHAN_BYTE_IO_AGAIN or %CHAN_BYTE_IO_ERROR. %NULL: nothing ever waits.
 * @writev_fds: (nullable): as @writev, and file descriptors (at most
 *   %CHAN_BYTE_IO_FDS_MAX) go with the first byte. They stay the caller's.
 *   %NULL: it cannot.
 * @shutdown: ends our half (TLS: close_notify, then FIN): 1,
 *   %CHAN_BYTE_IO_AGAIN or %CHAN_BYTE_IO_ERROR
 *
 * How a [struct@Chan.ByteIO] reads and writes. C only.
 *
 * Called under the session's lock, from any thread, one call at a time: they
 * must not block, call back, log, or run code of the application.
 *
 * Since: 0.1
 */
typedef struct
{
  void     (*free)      (ChanByteIO *self);
  gssize   (*handshake) (ChanByteIO *self, GError **error);
  gssize   (*read)      (ChanByteIO *self, guint8 *buffer, gsize len, GError **error);
  gssize   (*writev)    (ChanByteIO *self, const GOutputVector *vectors, gsize n_vectors, GError **error);
  gssize   (*flush)     (ChanByteIO *self, GError **error);
  gssize   (*writev_fds) (ChanByteIO *self, const GOutputVector *vectors, gsize n_vectors,
                          const int *fds, guint n_fds, GError **error);
  gssize   (*shutdown)  (ChanByteIO *self, GError **error);
} ChanByteIOFuncs;

/**
 * ChanByteIO:
 * @funcs: how it reads and writes
 * @fd: the file descriptor to poll; -1: none
 * @want: after any call: what to wait for, beside %G_IO_IN. With %G_IO_OUT the
 *   call (handshake, writev, flush, shutdown) is to be made again when @fd is
 *   ready, in any way: behind it there may be two
 * @read_pending: to be read again before polling, as @fd does not show what is
 *   inside (TLS)
 * @takes_fds: set by the owner, where `writev_fds` is there: file descriptors are
 *   received; else the kernel closes them
 * @fds: (nullable): of `int`, in the order in which they came with what was
 *   read; the owner takes them from the front. %NULL: none ever came.
 * @peer_certificate: (nullable): the peer's, as DER, after the handshake
 * @alpn: (nullable): the protocol that was agreed on
 * @local_address: (nullable): the address of this end
 * @remote_address: (nullable): the address of the peer
 * @peer_credentials: (nullable): who the peer is; Unix sockets
 * @extra_fds: other file descriptors of its own, each plus one, which a
 *   fork()ed child must not use; 0: none
 * @failure: (nullable): for the implementations: the first failure
 * @read_failed: for the implementations: whether reading failed
 * @truncated: reading failed for no more than this: the peer ended the
 *   connection without the end that belongs to it (TLS: close_notify)
 *
 * Bytes in and out of one connection, non-blocking: what a stream link reads
 * and writes. C only: bindings do not have it.
 *
 * There is one for sockets ([func@Chan.socket_io_new]), one for any `GIOStream`
 * with file descriptors ([func@Chan.stream_io_new]), and one for TLS in the
 * `tcp` module.
 *
 * Since: 0.1
 */
struct _ChanByteIO
{
  const ChanByteIOFuncs *funcs;
  int fd;
  GIOCondition want;
  gboolean read_pending;
  gboolean takes_fds;
  GArray *fds;
  GBytes *peer_certificate;
  const char *alpn;
  GSocketAddress *local_address, *remote_address;
  GCredentials *peer_credentials;
  guint extra_fds[2];
  GError *failure;
  gboolean read_failed;
  gboolean truncated;
};

CHAN_API ChanByteIO *chan_socket_io_new (int fd);
CHAN_API void        chan_byte_io_clear (ChanByteIO *self);
CHAN_API void        chan_byte_io_free  (ChanByteIO *self);
CHAN_API gssize      chan_byte_io_fail       (ChanByteIO *self, GError *failure, GError **error);
CHAN_API gssize      chan_byte_io_fail_read  (ChanByteIO *self, GError *failure, GError **error);
CHAN_API gssize      chan_byte_io_fail_errno (ChanByteIO *self, int saved_errno, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanByteIO, chan_byte_io_free)

G_END_DECLS
