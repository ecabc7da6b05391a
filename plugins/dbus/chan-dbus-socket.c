/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-dbus-socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gio/gio.h>
#include <libchan-glib/chan-error.h>

static gboolean
fail (GError **error, const char *text)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, text);
  return FALSE;
}

/* The one key that says where, unescaped. */
static char *
read_value (const char *address, gboolean *is_path)
{
  g_auto (GStrv) pairs = NULL;

  if (!g_str_has_prefix (address, "unix:") || strchr (address, ';') != NULL)
    return NULL;
  pairs = g_strsplit (address + strlen ("unix:"), ",", -1);
  for (char **pair = pairs; *pair != NULL; pair++)
    {
      *is_path = g_str_has_prefix (*pair, "path=");
      if (*is_path || g_str_has_prefix (*pair, "abstract="))
        return g_uri_unescape_string (strchr (*pair, '=') + 1, NULL);
    }
  return NULL;
}

static gboolean
read_address (const char *text, struct sockaddr_un *address, socklen_t *len, GError **error)
{
  gboolean is_path = FALSE;
  g_autofree char *value = read_value (text, &is_path);

  memset (address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  if (value == NULL || *value == '\0')
    return fail (error, "Without a name to own, listening is at dbus:unix:path=/PATH or dbus:unix:abstract=NAME");
  if (strlen (value) + 1 >= sizeof address->sun_path)
    return fail (error, "The path of a Unix socket is too long");
  strcpy (address->sun_path + (is_path ? 0 : 1), value);
  *len = (socklen_t) (is_path ? sizeof *address : G_STRUCT_OFFSET (struct sockaddr_un, sun_path) + 1 + strlen (value));
  return TRUE;
}

/* A socket file that nobody answers at is left over from a server that died. */
static gboolean
remove_stale (const struct sockaddr_un *address, socklen_t len)
{
  int fd = address->sun_path[0] != '\0' ? socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
  struct stat info;
  gboolean stale;

  if (fd < 0)
    return FALSE;
  stale = lstat (address->sun_path, &info) == 0 && S_ISSOCK (info.st_mode) &&
          connect (fd, (const struct sockaddr *) address, len) < 0 && errno == ECONNREFUSED;
  close (fd);
  return stale && unlink (address->sun_path) == 0;
}

/* The mode must hold from the first moment: fchmod() before bind() is what Linux gives the file. */
static int
try_listen (int fd, const struct sockaddr_un *address, socklen_t len, guint mode, guint backlog)
{
  if (fd < 0 || fchmod (fd, mode) < 0)
    return errno;
  if (bind (fd, (const struct sockaddr *) address, len) < 0 &&
      (errno != EADDRINUSE || !remove_stale (address, len) || bind (fd, (const struct sockaddr *) address, len) < 0))
    return errno;
  if (address->sun_path[0] != '\0' && chmod (address->sun_path, mode) < 0)
    return errno;
  return listen (fd, (int) backlog) < 0 ? errno : 0;
}

gboolean
chan_dbus_socket_listen (ChanDBusSocket *self, const char *text, guint mode, guint backlog, GError **error)
{
  struct sockaddr_un address;
  struct stat info = { 0 };
  socklen_t len = 0;
  int failed;

  *self = (ChanDBusSocket) { .fd = -1 };
  if (!read_address (text, &address, &len, error))
    return FALSE;
  self->fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  failed = try_listen (self->fd, &address, len, mode, backlog);
  if (failed == 0)
    {
      if (address.sun_path[0] != '\0' && lstat (address.sun_path, &info) == 0)
        {
          self->path = g_strdup (address.sun_path);
          self->device = info.st_dev;
          self->inode = info.st_ino;
        }
      return TRUE;
    }
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot listen at dbus:%s: %s", text,
               failed == EADDRINUSE ? "it is in use, another server answers there" : g_strerror (failed));
  if (self->fd >= 0)
    close (self->fd);
  return FALSE;
}

void
chan_dbus_socket_clear (ChanDBusSocket *self)
{
  struct stat info;

  /* Another server may have its socket there by now. */
  if (self->path != NULL && lstat (self->path, &info) == 0 && info.st_dev == self->device && info.st_ino == self->inode)
    unlink (self->path);
  g_clear_pointer (&self->path, g_free);
}
