/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-unix-socket.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static gboolean
has_file (const struct sockaddr_un *address)
{
  /* An abstract name begins with NUL. */
  return address->sun_path[0] != '\0';
}

/* A socket file that nobody answers at is left over from a server that died. */
static gboolean
remove_stale (const struct sockaddr_un *address, socklen_t len)
{
  int fd = has_file (address) ? socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  struct stat info;
  gboolean stale;

  if (fd < 0)
    return FALSE;
  stale = lstat (address->sun_path, &info) == 0 && S_ISSOCK (info.st_mode) &&
          connect (fd, (const struct sockaddr *) address, len) < 0 && errno == ECONNREFUSED;
  close (fd);
  return stale && unlink (address->sun_path) == 0;
}

/* An errno; 0: it listens. The mode must hold from the first moment: fchmod() before bind() is what Linux gives the file. */
static int
bind_and_listen (int fd, const struct sockaddr_un *address, socklen_t len, mode_t mode, int backlog)
{
  const struct sockaddr *generic = (const struct sockaddr *) address;

  if (fd < 0 || fchmod (fd, mode) < 0)
    return errno;
  if (bind (fd, generic, len) < 0 && (errno != EADDRINUSE || !remove_stale (address, len) || bind (fd, generic, len) < 0))
    return errno;
  if (has_file (address) && chmod (address->sun_path, mode) < 0)
    return errno;
  return listen (fd, backlog) < 0 ? errno : 0;
}

static const char *
describe_failure (const struct sockaddr_un *address, int failed)
{
  struct stat info;

  if (failed != EADDRINUSE)
    return g_strerror (failed);
  if (has_file (address) && lstat (address->sun_path, &info) == 0 && !S_ISSOCK (info.st_mode))
    return "there is something that is no socket";
  return "it is in use, another server answers there";
}

/**
 * chan_unix_socket_listen: (skip)
 * @address: a `struct sockaddr_un`
 * @len: how many bytes of it count
 * @options: `mode` and `backlog`; read now
 * @uri: what is listened at, for errors
 * @error: return location for an error
 *
 * Listens at a Unix socket. A file that nobody answers at any more is replaced.
 * C only.
 *
 * Fails with the error of %G_IO_ERROR for what the system said.
 *
 * Returns: (transfer full): the socket
 *
 * Since: 0.1
 */
ChanUnixSocket *
chan_unix_socket_listen (gconstpointer address, gsize len, ChanOptions *options, const char *uri, GError **error)
{
  mode_t mode = (mode_t) chan_options_get_int (options, "mode");
  int backlog = (int) chan_options_get_int (options, "backlog");
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int failed = bind_and_listen (fd, address, (socklen_t) len, mode, backlog);
  struct stat info = { 0 };
  ChanUnixSocket *self;

  if (failed != 0)
    {
      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot listen at %s: %s", uri, describe_failure (address, failed));
      if (fd >= 0)
        close (fd);
      return NULL;
    }
  self = g_new0 (ChanUnixSocket, 1);
  self->fd = fd;
  self->pid = getpid ();
  if (!has_file (address) || lstat (((const struct sockaddr_un *) address)->sun_path, &info) < 0)
    return self;
  self->path = g_strdup (((const struct sockaddr_un *) address)->sun_path);
  self->device = info.st_dev;
  self->inode = info.st_ino;
  return self;
}

/**
 * chan_unix_socket_free:
 * @self: (transfer full): a socket
 *
 * Frees it, and removes its file, if that is still ours. C only.
 *
 * Since: 0.1
 */
void
chan_unix_socket_free (ChanUnixSocket *self)
{
  struct stat info;

  /* Another server may have its socket there by now, or the process that forked this one. */
  if (self->path != NULL && self->pid == getpid () && lstat (self->path, &info) == 0 && info.st_dev == self->device &&
      info.st_ino == self->inode)
    unlink (self->path);
  g_free (self->path);
  g_free (self);
}

/**
 * chan_unix_user_is_allowed:
 * @uid: a user
 * @options: `allow-uids`
 *
 * Whether this user may connect: it is the user of this process, root, or one
 * whom `allow-uids` names. Any thread. C only.
 *
 * Returns: whether it may
 *
 * Since: 0.1
 */
gboolean
chan_unix_user_is_allowed (guint uid, ChanOptions *options)
{
  const char *allowed = chan_options_get_string (options, "allow-uids");
  g_auto (GStrv) uids = NULL;

  /* Nobody knows who it is. */
  if (uid == G_MAXUINT)
    return FALSE;
  if (uid == geteuid () || uid == 0)
    return TRUE;
  uids = g_strsplit_set (allowed != NULL ? allowed : "", ",; ", -1);
  for (char **at = uids; *at != NULL; at++)
    {
      guint64 number;

      if (g_ascii_string_to_unsigned (*at, 10, 0, G_MAXUINT32, &number, NULL) && number == uid)
        return TRUE;
    }
  return FALSE;
}
