/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fd-output.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gfiledescriptorbased.h>
#include <glib-unix.h>

/* Writes to a connected socket that others may have too. GSocket puts it in
 * non-blocking mode, for all of them, and relies on its staying there. */

struct _ChanFdOutput
{
  GOutputStream parent_instance;
  int fd;
};

static void pollable_init (GPollableOutputStreamInterface *iface);
static void fd_based_init (GFileDescriptorBasedIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanFdOutput, chan_fd_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, pollable_init)
                               G_IMPLEMENT_INTERFACE (G_TYPE_FILE_DESCRIPTOR_BASED, fd_based_init))

GOutputStream *
chan_fd_output_new (int fd)
{
  ChanFdOutput *self = g_object_new (CHAN_TYPE_FD_OUTPUT, NULL);

  self->fd = fd;
  return G_OUTPUT_STREAM (self);
}

static gssize
write_nonblocking (GPollableOutputStream *stream, const void *buffer, gsize count, GError **error)
{
  ChanFdOutput *self = CHAN_FD_OUTPUT (stream);
  gssize n;

  do
    n = send (self->fd, buffer, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "Error sending data: %s", g_strerror (saved_errno));
    }
  return n;
}

static gboolean
is_writable (GPollableOutputStream *stream)
{
  GPollFD poll_fd = { CHAN_FD_OUTPUT (stream)->fd, G_IO_OUT, 0 };

  return g_poll (&poll_fd, 1, 0) > 0;
}

static GSource *
create_source (GPollableOutputStream *stream, GCancellable *cancellable)
{
  g_autoptr (GSource) inner = g_unix_fd_source_new (CHAN_FD_OUTPUT (stream)->fd, G_IO_OUT);

  return g_pollable_source_new_full (stream, inner, cancellable);
}

/* The pump does not come here: it waits for the source above. */
static gssize
chan_fd_output_write (GOutputStream *stream, const void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  return write_nonblocking (G_POLLABLE_OUTPUT_STREAM (stream), buffer, count, error);
}

/* A stream that is dropped unclosed was not sent: then the socket hears nothing. */
static gboolean
chan_fd_output_close (GOutputStream *stream, GCancellable *cancellable, GError **error)
{
  ChanFdOutput *self = CHAN_FD_OUTPUT (stream);

  (void) shutdown (self->fd, SHUT_WR);
  close (self->fd);
  self->fd = -1;
  return TRUE;
}

static int
get_fd (GFileDescriptorBased *based)
{
  return CHAN_FD_OUTPUT (based)->fd;
}

static void
chan_fd_output_finalize (GObject *object)
{
  ChanFdOutput *self = CHAN_FD_OUTPUT (object);

  if (self->fd >= 0)
    close (self->fd);
  G_OBJECT_CLASS (chan_fd_output_parent_class)->finalize (object);
}

static void
chan_fd_output_class_init (ChanFdOutputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_fd_output_finalize;
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = chan_fd_output_write;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = chan_fd_output_close;
}

static void
pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = is_writable;
  iface->create_source = create_source;
  iface->write_nonblocking = write_nonblocking;
}

static void
fd_based_init (GFileDescriptorBasedIface *iface)
{
  iface->get_fd = get_fd;
}

static void
chan_fd_output_init (ChanFdOutput *self)
{
  self->fd = -1;
}
