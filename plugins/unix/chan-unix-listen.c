/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libchan-glib/chan-accept-loop.h>
#include <libchan-glib/chan-byte-io.h>
#include <libchan-glib/chan-error.h>
#include <libchan-glib/chan-stream-link.h>

#include "chan-unix.h"

#define SERVER_KEY "chan-unix-server"

typedef struct
{
  GWeakRef listener;
  ChanOptions *options;
} Incoming;

typedef struct
{
  ChanAcceptLoop *loop;
  char *path;
  dev_t device;  /* of the socket that is ours */
  ino_t inode;
  pid_t pid; /* whose socket it is */
} Server;

static void
incoming_free (gpointer data)
{
  Incoming *self = data;

  g_weak_ref_clear (&self->listener);
  g_object_unref (self->options);
  g_free (self);
}

/* Whoever the mode lets in: the same user, root, and whom allow-uids names. */
static gboolean
is_allowed (ChanOptions *options, int fd)
{
  const char *allowed = chan_options_get_string (options, "allow-uids");
  struct ucred peer;
  socklen_t len = sizeof peer;
  g_auto (GStrv) uids = NULL;

  if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
    return FALSE;
  if (peer.uid == geteuid () || peer.uid == 0)
    return TRUE;
  uids = g_strsplit_set (allowed != NULL ? allowed : "", ",; ", -1);
  for (char **uid = uids; *uid != NULL; uid++)
    {
      guint64 number;

      if (g_ascii_string_to_unsigned (*uid, 10, 0, G_MAXUINT32, &number, NULL) && number == peer.uid)
        return TRUE;
    }
  return FALSE;
}

/* A thread of the library. */
static void
incoming (ChanAcceptLoop *loop, int fd, ChanAcceptPeer *peer, gpointer data)
{
  Incoming *self = data;
  g_autoptr (GError) error = NULL;
  ChanListener *listener = g_weak_ref_get (&self->listener);
  g_autoptr (ChanLink) link = NULL;

  if (listener != NULL && is_allowed (self->options, fd))
    link = chan_stream_link_new (chan_socket_io_new (fd), CHAN_SESSION_SERVER, self->options, &error);
  else
    close (fd);
  if (link != NULL)
    {
      chan_accept_loop_session_lives (loop, peer, G_OBJECT (link));
      chan_listener_deliver_link (listener, link);
    }
  else
    {
      g_debug ("an incoming connection was refused: %s", error != NULL ? error->message : "another user's");
      chan_accept_loop_session_ended (loop, peer);
    }
  g_clear_object (&listener);
}

/* A socket file that nobody answers at is left over from a server that died. */
static gboolean
remove_stale (const struct sockaddr_un *address)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  struct stat info;
  gboolean stale;

  if (fd < 0)
    return FALSE;
  stale = lstat (address->sun_path, &info) == 0 && S_ISSOCK (info.st_mode) &&
          connect (fd, (const struct sockaddr *) address, sizeof *address) < 0 && errno == ECONNREFUSED;
  close (fd);
  return stale && unlink (address->sun_path) == 0;
}

static const char *
describe_failure (const char *path, int failed)
{
  struct stat info;

  if (failed != EADDRINUSE)
    return g_strerror (failed);
  if (lstat (path, &info) == 0 && !S_ISSOCK (info.st_mode))
    return "there is something that is no socket";
  return "it is in use, another server answers there";
}

static int
bind_and_listen (const struct sockaddr_un *address, mode_t mode, int backlog, GError **error)
{
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int failed = fd < 0 ? errno : 0;

  /* The mode must hold from the first moment: fchmod() before bind() is what Linux gives the file. */
  if (failed == 0 && fchmod (fd, mode) < 0)
    failed = errno;
  if (failed == 0 && bind (fd, (const struct sockaddr *) address, sizeof *address) < 0 &&
      (errno != EADDRINUSE || !remove_stale (address) || bind (fd, (const struct sockaddr *) address, sizeof *address) < 0))
    failed = errno;
  if (failed == 0 && (chmod (address->sun_path, mode) < 0 || listen (fd, backlog) < 0))
    failed = errno;
  if (failed == 0)
    return fd;
  g_set_error (error, G_IO_ERROR, g_io_error_from_errno (failed), "Cannot listen at unix:%s: %s", address->sun_path,
               describe_failure (address->sun_path, failed));
  if (fd >= 0)
    close (fd);
  return -1;
}

static void
server_free (gpointer data)
{
  Server *self = data;
  struct stat info;

  chan_accept_loop_stop (self->loop);
  chan_accept_loop_unref (self->loop);
  /* Another server may have its socket there by now, or the process that forked this one. */
  if (self->pid == getpid () && lstat (self->path, &info) == 0 && info.st_dev == self->device && info.st_ino == self->inode)
    unlink (self->path);
  g_free (self->path);
  g_free (self);
}

gboolean
chan_unix_listen (ChanListener *listener, ChanOperation *operation, GError **error)
{
  ChanOptions *options = chan_operation_get_options (operation);
  struct sockaddr_un address;
  struct stat info = { 0 };
  Incoming *data;
  Server *server;
  int fd;

  if (!chan_unix_address (operation, &address, error))
    return FALSE;
  fd = bind_and_listen (&address, (mode_t) chan_options_get_int (options, "mode"),
                        (int) chan_options_get_int (options, "backlog"), error);
  if (fd < 0)
    return FALSE;
  lstat (address.sun_path, &info);
  data = g_new0 (Incoming, 1);
  g_weak_ref_init (&data->listener, listener);
  data->options = g_object_ref (options);
  server = g_new0 (Server, 1);
  server->path = g_strdup (address.sun_path);
  server->device = info.st_dev;
  server->inode = info.st_ino;
  server->pid = getpid ();
  server->loop = chan_accept_loop_new (fd, options, incoming, data, incoming_free);
  g_object_set_data_full (G_OBJECT (listener), SERVER_KEY, server, server_free);
  chan_operation_return_done (operation);
  return TRUE;
}

void
chan_unix_unlisten (ChanListener *listener)
{
  g_object_set_data (G_OBJECT (listener), SERVER_KEY, NULL);
}
