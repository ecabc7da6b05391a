/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fd-input.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gfiledescriptorbased.h>
#include <glib-unix.h>

/* Reads a connected socket that others may have too. GSocket puts it in
 * non-blocking mode, for all of them, and relies on its staying there. */

struct _ChanFdInput
{
  GInputStream parent_instance;
  int fd;
};

static void pollable_init (GPollableInputStreamInterface *iface);
static void fd_based_init (GFileDescriptorBasedIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanFdInput, chan_fd_input, G_TYPE_INPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_INPUT_STREAM, pollable_init)
                               G_IMPLEMENT_INTERFACE (G_TYPE_FILE_DESCRIPTOR_BASED, fd_based_init))

GInputStream *
chan_fd_input_new (int fd)
{
  ChanFdInput *self = g_object_new (CHAN_TYPE_FD_INPUT, NULL);

  self->fd = fd;
  return G_INPUT_STREAM (self);
}

static gssize
read_nonblocking (GPollableInputStream *stream, void *buffer, gsize count, GError **error)
{
  ChanFdInput *self = CHAN_FD_INPUT (stream);
  gssize n;

  do
    n = recv (self->fd, buffer, count, MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0)
    {
      int saved_errno = errno;

      g_set_error (error, G_IO_ERROR, g_io_error_from_errno (saved_errno), "Error receiving data: %s", g_strerror (saved_errno));
    }
  return n;
}

static gboolean
is_readable (GPollableInputStream *stream)
{
  GPollFD poll_fd = { CHAN_FD_INPUT (stream)->fd, G_IO_IN, 0 };

  return g_poll (&poll_fd, 1, 0) > 0;
}

static GSource *
create_source (GPollableInputStream *stream, GCancellable *cancellable)
{
  g_autoptr (GSource) inner = g_unix_fd_source_new (CHAN_FD_INPUT (stream)->fd, G_IO_IN);

  return g_pollable_source_new_full (stream, inner, cancellable);
}

/* The pump does not come here: it waits for the source above. */
static gssize
chan_fd_input_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  return read_nonblocking (G_POLLABLE_INPUT_STREAM (stream), buffer, count, error);
}

/* A stream that is dropped unclosed was not sent: then the socket hears nothing. */
static gboolean
chan_fd_input_close (GInputStream *stream, GCancellable *cancellable, GError **error)
{
  ChanFdInput *self = CHAN_FD_INPUT (stream);

  (void) shutdown (self->fd, SHUT_RD);
  close (self->fd);
  self->fd = -1;
  return TRUE;
}

static int
get_fd (GFileDescriptorBased *based)
{
  return CHAN_FD_INPUT (based)->fd;
}

static void
chan_fd_input_finalize (GObject *object)
{
  ChanFdInput *self = CHAN_FD_INPUT (object);

  if (self->fd >= 0)
    close (self->fd);
  G_OBJECT_CLASS (chan_fd_input_parent_class)->finalize (object);
}

static void
chan_fd_input_class_init (ChanFdInputClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_fd_input_finalize;
  G_INPUT_STREAM_CLASS (klass)->read_fn = chan_fd_input_read;
  G_INPUT_STREAM_CLASS (klass)->close_fn = chan_fd_input_close;
}

static void
pollable_init (GPollableInputStreamInterface *iface)
{
  iface->is_readable = is_readable;
  iface->create_source = create_source;
  iface->read_nonblocking = read_nonblocking;
}

static void
fd_based_init (GFileDescriptorBasedIface *iface)
{
  iface->get_fd = get_fd;
}

static void
chan_fd_input_init (ChanFdInput *self)
{
  self->fd = -1;
}
