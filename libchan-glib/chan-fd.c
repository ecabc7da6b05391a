/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fd-private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>

#include "chan-error.h"
#include "chan-fd-input.h"
#include "chan-fd-output.h"
#include "chan-live.h"
#include "chan-sender-private.h"

/**
 * ChanFd:
 *
 * A Unix file descriptor, to be sent inside a [struct@Chan.Message].
 *
 * Over channels inside the process, `memory:`, `unix:` and `dbus:` the other side
 * gets a ChanFd with the descriptor itself: what the kernel shares is shared. Any
 * other session carries its bytes, and the other side gets a
 * [class@Chan.ByteStream] to read, to write, or both, as the descriptor is
 * open; then it is closed here when both directions have ended, as it is with
 * other streams (see [struct@Chan.Message]). A descriptor that cannot be a stream, such as a
 * directory, is refused there with %CHAN_CHANNEL_ERROR_UNSUPPORTED.
 *
 * The object owns its descriptor, and closes it when it goes, unless
 * [method@Chan.Fd.steal] took it. Once a send was accepted it is moved-from.
 * All methods may be called from any thread.
 *
 * A message carries at most as many of them as the option `message-fds` says, 16
 * by default.
 *
 * Since: 0.1
 */
struct _ChanFd
{
  GObject parent_instance;

  GMutex lock;        /* guards: */
  int fd;             /* -1: gone */
  ChanObjectState state;
  ChanFdQuota *quota; /* received, and not the application's yet; else NULL */
  gboolean left;      /* the stream over which it came is over */
};

G_DEFINE_FINAL_TYPE (ChanFd, chan_fd, G_TYPE_OBJECT)

/* --- counting ---------------------------------------------------------------- */

ChanFdQuota *
chan_fd_quota_new (guint max)
{
  ChanFdQuota *self = g_new0 (ChanFdQuota, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->max = max;
  return self;
}

void
chan_fd_quota_unref (ChanFdQuota *self)
{
  if (g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}

/* No more received than any other. */
static void
leave_quota (ChanFd *self)
{
  ChanFdQuota *quota = g_steal_pointer (&self->quota);

  if (quota == NULL)
    return;
  g_atomic_int_add (self->left ? &quota->left : &quota->n, -1);
  chan_fd_quota_unref (quota);
}

/* NULL: it is none of those that count. */
static ChanFd *
counted_handle (ChanMessage *message, guint index)
{
  GObject *handle = chan_message_get_handle (message, index);

  return handle != NULL && CHAN_IS_FD (handle) && CHAN_FD (handle)->quota != NULL ? CHAN_FD (handle) : NULL;
}

gboolean
chan_fd_leave_behind (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);
  ChanFdQuota *quota = NULL;
  guint n_fds = 0;

  for (guint i = 0; i < n; i++)
    {
      ChanFd *self = counted_handle (message, i);

      n_fds += self != NULL;
      quota = self != NULL ? self->quota : quota;
    }
  if (n_fds == 0)
    return TRUE;
  if ((guint) g_atomic_int_get (&quota->left) + n_fds > quota->max)
    return FALSE;
  g_atomic_int_add (&quota->left, (gint) n_fds);
  g_atomic_int_add (&quota->n, -(gint) n_fds);
  for (guint i = 0; i < n; i++)
    if (counted_handle (message, i) != NULL)
      counted_handle (message, i)->left = TRUE;
  return TRUE;
}

/* --- making ------------------------------------------------------------------ */

/**
 * chan_fd_new:
 * @fd: an open file descriptor, which the object owns from now on
 *
 * Makes a handle of a file descriptor. To keep it as well, give a duplicate.
 *
 * Returns: (transfer full): a new handle
 *
 * Since: 0.1
 */
ChanFd *
chan_fd_new (int fd)
{
  ChanFd *self;

  g_return_val_if_fail (fd >= 0, NULL);

  self = g_object_new (CHAN_TYPE_FD, NULL);
  self->fd = fd;
  return self;
}

static ChanFd *
new_in_transit (int fd)
{
  ChanFd *self = chan_fd_new (fd);

  self->state = CHAN_OBJECT_TRANSIT;
  return self;
}

ChanFd *
chan_fd_new_received (int fd, ChanFdQuota *quota)
{
  ChanFd *self = new_in_transit (fd);

  g_atomic_ref_count_inc (&quota->ref_count);
  g_atomic_int_inc (&quota->n);
  self->quota = quota;
  return self;
}

/* --- using -------------------------------------------------------------------- */

/* Under the lock. */
static gboolean
check_usable (ChanFd *self, GError **error)
{
  if (self->state == CHAN_OBJECT_SENDING)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "The file descriptor is in a message that is being sent");
  else if (self->state == CHAN_OBJECT_MOVED)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED, "The file descriptor was already sent away");
  else if (self->fd < 0)
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The file descriptor was taken out of its handle");
  else
    return TRUE;
  return FALSE;
}

/**
 * chan_fd_get:
 * @self: a file descriptor
 *
 * Looks at the descriptor, which still belongs to @self.
 *
 * Returns: the descriptor; -1 if it was taken, or sent away
 *
 * Since: 0.1
 */
int
chan_fd_get (ChanFd *self)
{
  int fd;

  g_return_val_if_fail (CHAN_IS_FD (self), -1);

  g_mutex_lock (&self->lock);
  fd = check_usable (self, NULL) ? self->fd : -1;
  g_mutex_unlock (&self->lock);
  return fd;
}

static int
dup_or_fail (int fd, GError **error)
{
  int copy = fcntl (fd, F_DUPFD_CLOEXEC, 0);

  if (copy < 0)
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno), "Cannot duplicate the file descriptor: %s", g_strerror (errno));
  return copy;
}

/**
 * chan_fd_dup:
 * @self: a file descriptor
 * @error: return location for an error
 *
 * Duplicates the descriptor; the duplicate is closed on exec. Fails with
 * %CHAN_CHANNEL_ERROR_MOVED if @self was sent away, and with
 * %CHAN_CHANNEL_ERROR_CLOSED if its descriptor was taken.
 *
 * Returns: a new descriptor that the caller owns and closes; -1 on failure
 *
 * Since: 0.1
 */
int
chan_fd_dup (ChanFd *self, GError **error)
{
  int copy;

  g_return_val_if_fail (CHAN_IS_FD (self), -1);

  g_mutex_lock (&self->lock);
  copy = check_usable (self, error) ? dup_or_fail (self->fd, error) : -1;
  g_mutex_unlock (&self->lock);
  return copy;
}

/**
 * chan_fd_steal:
 * @self: a file descriptor
 *
 * Takes the descriptor, for good.
 *
 * Returns: the descriptor, which the caller owns and closes; -1 if it was
 *   taken before, was sent away, or a send of it is under way
 *
 * Since: 0.1
 */
int
chan_fd_steal (ChanFd *self)
{
  int fd = -1;

  g_return_val_if_fail (CHAN_IS_FD (self), -1);

  g_mutex_lock (&self->lock);
  if (check_usable (self, NULL))
    {
      fd = self->fd;
      self->fd = -1;
    }
  g_mutex_unlock (&self->lock);
  return fd;
}

/* --- moving --------------------------------------------------------------------- */

/* The kernel would refuse it only when it is written, and with it the connection. */
static gboolean
check_open (int fd, GError **error)
{
  if (fcntl (fd, F_GETFD) >= 0)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The file descriptor %d is not open", fd);
  return FALSE;
}

GObject *
chan_fd_pack (ChanFd *self, GError **error)
{
  ChanFd *packed = NULL;

  g_mutex_lock (&self->lock);
  if (check_usable (self, error) && check_open (self->fd, error))
    {
      packed = new_in_transit (self->fd);
      self->fd = -1;
      self->state = CHAN_OBJECT_SENDING;
    }
  g_mutex_unlock (&self->lock);
  return (GObject *) packed;
}

void
chan_fd_commit (ChanFd *self)
{
  g_mutex_lock (&self->lock);
  self->state = CHAN_OBJECT_MOVED;
  g_mutex_unlock (&self->lock);
}

void
chan_fd_unpack (ChanFd *self, ChanFd *packed)
{
  g_mutex_lock (&self->lock);
  self->fd = chan_fd_take (packed);
  self->state = CHAN_OBJECT_LIVE;
  g_mutex_unlock (&self->lock);
}

void
chan_fd_taken (ChanFd *self)
{
  leave_quota (self);
}

void
chan_fd_arrived (ChanFd *self)
{
  g_mutex_lock (&self->lock);
  if (self->state == CHAN_OBJECT_TRANSIT)
    self->state = CHAN_OBJECT_LIVE;
  g_mutex_unlock (&self->lock);
}

void
chan_fd_cancel (ChanFd *self)
{
  int fd = chan_fd_take (self);

  if (fd >= 0)
    close (fd);
}

int
chan_fd_peek (ChanFd *self)
{
  return self->fd;
}

/* Nobody else has it: it is on its way. */
int
chan_fd_take (ChanFd *self)
{
  int fd = self->fd;

  self->fd = -1;
  self->state = CHAN_OBJECT_MOVED;
  leave_quota (self);
  return fd;
}

static void
close_cb (gpointer data)
{
  close (GPOINTER_TO_INT (data));
}

void
chan_fd_close_later (int fd, ChanLater *later)
{
  if (fd >= 0)
    chan_later_add (later, close_cb, GINT_TO_POINTER (fd));
}

/* --- as a stream ----------------------------------------------------------------- */

static GObject *
new_both_ways (int fd, gboolean is_socket, GError **error)
{
  g_autoptr (GInputStream) input = is_socket ? chan_fd_input_new (fd) : g_unix_input_stream_new (fd, TRUE);
  g_autoptr (GOutputStream) output = NULL;
  int copy = dup_or_fail (fd, error);

  if (copy < 0)
    return NULL;
  output = is_socket ? chan_fd_output_new (copy) : g_unix_output_stream_new (copy, TRUE);
  return G_OBJECT (g_simple_io_stream_new (input, output));
}

static gboolean
is_connected_stream (int fd)
{
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  int type = 0;
  socklen_t type_len = sizeof type;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 && type == SOCK_STREAM
         && getpeername (fd, (struct sockaddr *) &address, &len) == 0;
}

static gboolean
can_be_stream (int fd, int *mode, gboolean *is_socket)
{
  int flags = fcntl (fd, F_GETFL);
  struct stat info;

  if (flags < 0 || (flags & O_PATH) != 0 || fstat (fd, &info) < 0 || S_ISDIR (info.st_mode))
    return FALSE;
  *mode = flags & O_ACCMODE;
  *is_socket = S_ISSOCK (info.st_mode);
  return !*is_socket || is_connected_stream (fd);
}

GObject *
chan_fd_new_stream (ChanFd *self, GError **error)
{
  int mode, copy;
  gboolean is_socket;

  if (!can_be_stream (self->fd, &mode, &is_socket))
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                           "This session passes no file descriptors, and this one cannot be carried as a stream of bytes");
      return NULL;
    }
  copy = dup_or_fail (self->fd, error);
  if (copy < 0)
    return NULL;
  if (mode == O_RDONLY)
    return G_OBJECT (g_unix_input_stream_new (copy, TRUE));
  if (mode == O_WRONLY)
    return G_OBJECT (g_unix_output_stream_new (copy, TRUE));
  return new_both_ways (copy, is_socket, error);
}

/* --- the object ------------------------------------------------------------------- */

static void
chan_fd_finalize (GObject *object)
{
  ChanFd *self = CHAN_FD (object);

  if (self->fd >= 0)
    close (self->fd);
  leave_quota (self);
  g_mutex_clear (&self->lock);
  chan_live_add (CHAN_LIVE_FD, -1);
  G_OBJECT_CLASS (chan_fd_parent_class)->finalize (object);
}

static void
chan_fd_class_init (ChanFdClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_fd_finalize;
}

static void
chan_fd_init (ChanFd *self)
{
  g_mutex_init (&self->lock);
  self->fd = -1;
  self->state = CHAN_OBJECT_LIVE;
  chan_live_add (CHAN_LIVE_FD, 1);
}
