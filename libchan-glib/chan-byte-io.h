/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <libchan-glib/chan-types.h>

G_BEGIN_DECLS

/* Bytes in and out of one connection, non-blocking: what a stream link reads
 * and writes. C only (not introspected). Implemented for sockets in the core,
 * for TLS by the tcp plugin, and for any GIOStream. Called under the session's
 * lock, from any thread, one call at a time: must not block, call back, log,
 * or run code of the application. */

typedef struct _ChanByteIO ChanByteIO;

/* What the kernel passes at once */
#define CHAN_BYTE_IO_FDS_MAX 253

/* Results besides a byte count */
#define CHAN_BYTE_IO_EOF   0    /* read: the peer ended its half, cleanly (TLS: close_notify) */
#define CHAN_BYTE_IO_ERROR (-1) /* error is set; sticky. After one from writev, flush or shutdown
                                 * still read: it gives what had arrived, then the best reason known */
#define CHAN_BYTE_IO_AGAIN (-2) /* `want` says for what to poll */

typedef struct
{
  /* Frees it and closes its fd; any state. */
  void     (*free)      (ChanByteIO *self);
  /* One step of the handshake: 1 done, AGAIN, or ERROR. NULL: no handshake. */
  gssize   (*handshake) (ChanByteIO *self, GError **error);
  /* At most len bytes into buffer: count, EOF, ERROR or AGAIN. */
  gssize   (*read)      (ChanByteIO *self, guint8 *buffer, gsize len, GError **error);
  /* Takes some or all of the vectors, which hold at least one byte: count > 0,
   * ERROR or AGAIN. What it took it has copied or sent; bytes may still wait
   * inside (want has G_IO_OUT). */
  gssize   (*writev)    (ChanByteIO *self, const GOutputVector *vectors, gsize n_vectors, GError **error);
  /* Writes what waits inside: 1 nothing waits any more, AGAIN, or ERROR. NULL: nothing ever waits. */
  gssize   (*flush)     (ChanByteIO *self, GError **error);
  /* As writev, and fds (at most CHAN_BYTE_IO_FDS_MAX) go with the first byte. They stay
   * the caller's. NULL: cannot. */
  gssize   (*writev_fds) (ChanByteIO *self, const GOutputVector *vectors, gsize n_vectors,
                          const int *fds, guint n_fds, GError **error);
  /* Ends our half (TLS: close_notify, then FIN): 1, AGAIN, or ERROR. */
  gssize   (*shutdown)  (ChanByteIO *self, GError **error);
} ChanByteIOFuncs;

struct _ChanByteIO
{
  const ChanByteIOFuncs *funcs;
  int fd;                    /* to poll; -1: none */
  GIOCondition want;         /* after any call: what to wait for, beside G_IO_IN. with G_IO_OUT
                              * call again (handshake, writev, flush, shutdown) when the fd is ready,
                              * in any way: behind it there may be two */
  gboolean read_pending;     /* read again before polling: the fd does not show what is inside (TLS) */
  gboolean takes_fds;        /* set by the owner, where writev_fds is there: file descriptors are received; else the
                              * kernel closes them */
  GArray *fds;               /* of int, in the order in which they came with what was read; the owner takes them
                              * from the front; NULL: none ever came */
  GBytes *peer_certificate;  /* DER, after the handshake; nullable */
  const char *alpn;          /* the protocol agreed on; nullable */
  GSocketAddress *local_address, *remote_address; /* nullable */
  GCredentials *peer_credentials;                 /* unix sockets; nullable */
  guint extra_fds[2];        /* others of its own, each plus one, which a fork()ed child must not use; 0: none */
  /* For the implementations: what failed, and whether reading did */
  GError *failure;
  gboolean read_failed;
};

/* A connected stream socket; the fd becomes the ChanByteIO's. */
CHAN_API ChanByteIO *chan_socket_io_new (int fd);
/* Frees the fields above; for the `free` of an implementation. */
CHAN_API void        chan_byte_io_clear (ChanByteIO *self);
CHAN_API void        chan_byte_io_free  (ChanByteIO *self);
/* Keep the first failure (transfer full) and return ERROR with a copy of it. */
CHAN_API gssize      chan_byte_io_fail       (ChanByteIO *self, GError *failure, GError **error);
CHAN_API gssize      chan_byte_io_fail_read  (ChanByteIO *self, GError *failure, GError **error);
CHAN_API gssize      chan_byte_io_fail_errno (ChanByteIO *self, int saved_errno, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanByteIO, chan_byte_io_free)

G_END_DECLS
