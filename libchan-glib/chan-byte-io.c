/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-io.h"

#include <errno.h>
#include <unistd.h>

#include "chan-error.h"

/**
 * chan_byte_io_clear:
 * @self: a byte I/O
 *
 * Frees what its fields hold, received file descriptors too; for the `free` of
 * an implementation. C only.
 *
 * Since: 0.1
 */
void
chan_byte_io_clear (ChanByteIO *self)
{
  g_clear_pointer (&self->peer_certificate, g_bytes_unref);
  g_clear_object (&self->local_address);
  g_clear_object (&self->remote_address);
  g_clear_object (&self->peer_credentials);
  g_clear_error (&self->failure);
  for (guint i = 0; self->fds != NULL && i < self->fds->len; i++)
    close (g_array_index (self->fds, int, i));
  g_clear_pointer (&self->fds, g_array_unref);
  self->alpn = NULL;
  self->want = 0;
  self->read_pending = FALSE;
}

/**
 * chan_byte_io_free:
 * @self: (nullable) (transfer full): a byte I/O
 *
 * Frees it and closes its file descriptor; in any state. C only.
 *
 * Since: 0.1
 */
void
chan_byte_io_free (ChanByteIO *self)
{
  if (self)
    self->funcs->free (self);
}

/**
 * chan_byte_io_fail:
 * @self: a byte I/O
 * @failure: (transfer full): what failed
 * @error: where to put the first failure
 *
 * For an implementation that fails: keeps the first failure, which is the cause
 * (what follows from it, such as EPIPE after a reset, only hides it), and returns
 * a copy of it. C only.
 *
 * Returns: %CHAN_BYTE_IO_ERROR
 *
 * Since: 0.1
 */
gssize
chan_byte_io_fail (ChanByteIO *self, GError *failure, GError **error)
{
  if (!self->failure)
    self->failure = g_steal_pointer (&failure);
  g_clear_error (&failure);
  g_propagate_error (error, g_error_copy (self->failure));
  return CHAN_BYTE_IO_ERROR;
}

/**
 * chan_byte_io_fail_read:
 * @self: a byte I/O
 * @failure: (nullable) (transfer full): what failed; %NULL: reading ended
 *   because of the failure there is
 * @error: where to put the first failure
 *
 * As [method@Chan.ByteIO.fail], and notes that reading failed. C only.
 *
 * Returns: %CHAN_BYTE_IO_ERROR
 *
 * Since: 0.1
 */
gssize
chan_byte_io_fail_read (ChanByteIO *self, GError *failure, GError **error)
{
  self->read_failed = TRUE;
  return chan_byte_io_fail (self, failure, error);
}

static GError *
error_from_errno (int saved_errno)
{
  switch (saved_errno)
    {
    case ECONNRESET:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                          "The connection was reset by the peer");
    case EPIPE:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                          "The peer closed the connection");
    case ETIMEDOUT:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TIMED_OUT,
                          "The peer did not answer any more; the connection timed out");
    case EMFILE:
    case ENFILE:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                          "File descriptors of the peer were lost: this process has as many open as it may");
    case ETOOMANYREFS:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                          "Too many file descriptors are on their way between processes");
    default:
      return g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                          "The connection broke: %s", g_strerror (saved_errno));
    }
}

/**
 * chan_byte_io_fail_errno:
 * @self: a byte I/O
 * @saved_errno: the `errno` of a system call
 * @error: where to put the first failure
 *
 * As [method@Chan.ByteIO.fail], with the error that this `errno` means for a
 * connection. C only.
 *
 * Returns: %CHAN_BYTE_IO_ERROR
 *
 * Since: 0.1
 */
gssize
chan_byte_io_fail_errno (ChanByteIO *self, int saved_errno, GError **error)
{
  return chan_byte_io_fail (self, error_from_errno (saved_errno), error);
}
