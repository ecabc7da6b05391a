/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-socket-io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <glib-unix.h>

#include "chan-fd-margin.h"

/* One connected stream socket.
 *
 * The kernel reports a reset once, to whichever call comes first, and a plain
 * end afterwards. So that a broken connection is never taken for a clean end,
 * an end that is read after a failed write is that failure. */

/* More would leave the processor's cache on its way; the kernel doubles it. */
#define SEND_BUFFER_BYTES (200 * 1024)
/* A peer that acknowledges nothing for so long is gone. */
#define USER_TIMEOUT_MS 50000
/* An idle peer is asked after a minute, and is gone after USER_TIMEOUT_MS. */
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 5

typedef struct
{
  ChanByteIO base;
  GIOStream *owner; /* nullable */
} ChanSocketIO;

/* GOutputVector is meant to be handed to the kernel as it is. */
G_STATIC_ASSERT (sizeof (GOutputVector) == sizeof (struct iovec));
G_STATIC_ASSERT (G_STRUCT_OFFSET (GOutputVector, buffer) == G_STRUCT_OFFSET (struct iovec, iov_base));
G_STATIC_ASSERT (G_STRUCT_OFFSET (GOutputVector, size) == G_STRUCT_OFFSET (struct iovec, iov_len));

static void
socket_io_free (ChanByteIO *base)
{
  ChanSocketIO *self = (ChanSocketIO *) base;

  if (self->owner)
    g_io_stream_close (self->owner, NULL, NULL);
  else
    close (base->fd);
  g_clear_object (&self->owner);
  chan_byte_io_clear (base);
  g_free (self);
}

/* --- file descriptors ------------------------------------------------------- */

typedef union
{
  struct cmsghdr align;
  char bytes[CMSG_SPACE (CHAN_BYTE_IO_FDS_MAX * sizeof (int))];
} FdControl;

/* FALSE: they are of those that the process has for itself. */
static gboolean
keep_fds (ChanByteIO *base, struct msghdr *header)
{
  gboolean ok = TRUE;

  for (struct cmsghdr *part = CMSG_FIRSTHDR (header); part != NULL; part = CMSG_NXTHDR (header, part))
    {
      guint n = (guint) ((part->cmsg_len - CMSG_LEN (0)) / sizeof (int));

      if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
        continue;
      if (base->fds == NULL)
        base->fds = g_array_new (FALSE, FALSE, sizeof (int));
      g_array_append_vals (base->fds, CMSG_DATA (part), n);
      /* Numbers rise within one message. */
      ok = ok && (n == 0 || !chan_fd_is_of_margin (g_array_index (base->fds, int, base->fds->len - 1)));
    }
  return ok;
}

/* As recv(). Some did not fit: the process has as many open as it may, and the
 * kernel has closed those. What they were for is not known, so that is the end. */
static gssize
receive_with_fds (ChanByteIO *base, guint8 *buffer, gsize len)
{
  struct iovec vector = { buffer, len };
  struct msghdr header = { .msg_iov = &vector, .msg_iovlen = 1 };
  FdControl control;
  gssize n;

  header.msg_control = &control;
  header.msg_controllen = sizeof control;
  n = recvmsg (base->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0)
    return n;
  if (keep_fds (base, &header) && (header.msg_flags & MSG_CTRUNC) == 0)
    return n;
  errno = EMFILE;
  return -1;
}

static gssize
socket_io_read (ChanByteIO *base, guint8 *buffer, gsize len, GError **error)
{
  gssize n;

  if (base->read_failed)
    return chan_byte_io_fail_read (base, NULL, error);
  do
    n = base->takes_fds ? receive_with_fds (base, buffer, len) : recv (base->fd, buffer, len, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    return n;
  if (n == 0)
    return base->failure ? chan_byte_io_fail_read (base, NULL, error) : CHAN_BYTE_IO_EOF;
  if (errno == EAGAIN || errno == EWOULDBLOCK)
    return CHAN_BYTE_IO_AGAIN;
  base->read_failed = TRUE;
  return chan_byte_io_fail_errno (base, errno, error);
}

static gssize
write_failed (ChanByteIO *base, int saved_errno, GError **error)
{
  if (saved_errno != EAGAIN && saved_errno != EWOULDBLOCK)
    return chan_byte_io_fail_errno (base, saved_errno, error);
  base->want = G_IO_OUT;
  return CHAN_BYTE_IO_AGAIN;
}

static gssize
socket_io_writev_fds (ChanByteIO *base, const GOutputVector *vectors, gsize n_vectors, const int *fds, guint n_fds, GError **error)
{
  struct msghdr header = { 0 };
  FdControl control = { 0 };
  struct cmsghdr *part;
  gssize n;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  header.msg_iov = (struct iovec *) vectors;
  header.msg_iovlen = MIN (n_vectors, IOV_MAX);
  header.msg_control = &control;
  header.msg_controllen = CMSG_SPACE (n_fds * sizeof (int));
  part = CMSG_FIRSTHDR (&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN (n_fds * sizeof (int));
  memcpy (CMSG_DATA (part), fds, n_fds * sizeof (int));
  do
    n = sendmsg (base->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return write_failed (base, errno, error);
  base->want = 0;
  return n;
}

static gssize
socket_io_writev (ChanByteIO *base, const GOutputVector *vectors, gsize n_vectors, GError **error)
{
  struct msghdr header = { 0 };
  gssize n;

  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  header.msg_iov = (struct iovec *) vectors;
  header.msg_iovlen = MIN (n_vectors, IOV_MAX);
  do
    {
      /* Mostly there is one: the kernel has less to copy. */
      if (n_vectors == 1)
        n = send (base->fd, vectors[0].buffer, vectors[0].size, MSG_NOSIGNAL | MSG_DONTWAIT);
      else
        n = sendmsg (base->fd, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  while (n < 0 && errno == EINTR);
  if (n < 0)
    return write_failed (base, errno, error);
  base->want = 0;
  return n;
}

static gssize
socket_io_shutdown (ChanByteIO *base, GError **error)
{
  if (base->failure)
    return chan_byte_io_fail (base, NULL, error);
  base->want = 0;
  /* ENOTCONN: the peer has ended it all, which is no failure when we end it too. */
  if (shutdown (base->fd, SHUT_WR) < 0 && errno != ENOTCONN)
    return chan_byte_io_fail_errno (base, errno, error);
  return 1;
}

static const ChanByteIOFuncs socket_io_funcs = {
  .free = socket_io_free,
  .read = socket_io_read,
  .writev = socket_io_writev,
  .shutdown = socket_io_shutdown,
};

static const ChanByteIOFuncs unix_io_funcs = {
  .free = socket_io_free,
  .read = socket_io_read,
  .writev = socket_io_writev,
  .writev_fds = socket_io_writev_fds,
  .shutdown = socket_io_shutdown,
};

typedef int (*AddressGetter) (int fd, struct sockaddr *address, socklen_t *len);

static GSocketAddress *
get_address (int fd, AddressGetter getter)
{
  struct sockaddr_storage storage = { 0 };
  socklen_t len = sizeof storage;

  if (getter (fd, (struct sockaddr *) &storage, &len) < 0)
    return NULL;
  return g_socket_address_new_from_native (&storage, len);
}

static GCredentials *
get_credentials (int fd)
{
#ifdef SO_PEERCRED
  struct ucred native;
  socklen_t len = sizeof native;
  g_autoptr(GCredentials) credentials = NULL;

  /* A pair made by a process of another namespace has no pid here. */
  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &native, &len) < 0 || native.uid == (uid_t) -1)
    return NULL;
  credentials = g_credentials_new ();
  g_credentials_set_native (credentials, G_CREDENTIALS_TYPE_LINUX_UCRED, &native);
  return g_steal_pointer (&credentials);
#else
  return NULL;
#endif
}

static void
set_option (int fd, int level, int name, int value)
{
  /* All of these are improvements: a socket that refuses one still works. */
  (void) setsockopt (fd, level, name, &value, sizeof value);
}

static void
tune_tcp (ChanByteIO *base)
{
  GInetAddress *peer = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (base->remote_address));

  set_option (base->fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option (base->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option (base->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
  set_option (base->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
  set_option (base->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
  set_option (base->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS);
  /* A fixed send buffer would cap a long, fast line at buffer / round trip.
   * There only what is not sent yet is bounded. */
  if (g_inet_address_get_is_loopback (peer))
    set_option (base->fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES);
  else
    set_option (base->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, SEND_BUFFER_BYTES);
}

static void
set_up (ChanByteIO *base)
{
  int flags = fcntl (base->fd, F_GETFD);

  if (flags >= 0)
    (void) fcntl (base->fd, F_SETFD, flags | FD_CLOEXEC);
  (void) g_unix_set_fd_nonblocking (base->fd, TRUE, NULL);
  base->local_address = get_address (base->fd, getsockname);
  base->remote_address = get_address (base->fd, getpeername);
  if (G_IS_INET_SOCKET_ADDRESS (base->remote_address))
    {
      tune_tcp (base);
    }
  else if (base->local_address && g_socket_address_get_family (base->local_address) == G_SOCKET_FAMILY_UNIX)
    {
      set_option (base->fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER_BYTES);
      base->peer_credentials = get_credentials (base->fd);
      base->funcs = &unix_io_funcs;
    }
}

ChanByteIO *
chan_socket_io_new_for_owner (int fd, GIOStream *owner)
{
  ChanSocketIO *self = g_new0 (ChanSocketIO, 1);

  self->base.funcs = &socket_io_funcs;
  self->base.fd = fd;
  g_set_object (&self->owner, owner);
  set_up (&self->base);
  return &self->base;
}

/**
 * chan_socket_io_new: (skip)
 * @fd: a connected stream socket; it becomes the byte I/O's
 *
 * The bytes of a socket, which may be of any family; over a Unix socket file
 * descriptors too. C only.
 *
 * Returns: (transfer full): the byte I/O
 *
 * Since: 0.1
 */
ChanByteIO *
chan_socket_io_new (int fd)
{
  g_return_val_if_fail (fd >= 0, NULL);

  return chan_socket_io_new_for_owner (fd, NULL);
}
