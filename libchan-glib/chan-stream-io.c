/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-io.h"

#include <sys/socket.h>

#include <gio/gfiledescriptorbased.h>

#include "chan-error.h"
#include "chan-pipe-io.h"
#include "chan-socket-io.h"

static gboolean
is_stream_socket (int fd)
{
  int type = 0;
  socklen_t len = sizeof type;

  return getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM;
}

static ChanByteIO *
new_for_connection (GSocketConnection *connection, GIOStream *owner, GError **error)
{
  int fd = g_socket_get_fd (g_socket_connection_get_socket (connection));

  if (fd >= 0 && is_stream_socket (fd))
    return chan_socket_io_new_for_owner (fd, owner);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
               "A %s over a socket that is not a stream cannot carry a session", G_OBJECT_TYPE_NAME (connection));
  return NULL;
}

static ChanByteIO *
new_for_descriptors (GIOStream *stream, GError **error)
{
  GInputStream *input = g_io_stream_get_input_stream (stream);
  GOutputStream *output = g_io_stream_get_output_stream (stream);
  int input_fd, output_fd;

  if (!G_IS_FILE_DESCRIPTOR_BASED (input) || !G_IS_FILE_DESCRIPTOR_BASED (output))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
                   "A %s cannot carry a session: only socket connections and streams over file descriptors can",
                   G_OBJECT_TYPE_NAME (stream));
      return NULL;
    }
  input_fd = g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (input));
  output_fd = g_file_descriptor_based_get_fd (G_FILE_DESCRIPTOR_BASED (output));
  if (input_fd == output_fd && is_stream_socket (input_fd))
    return chan_socket_io_new_for_owner (input_fd, stream);
  return chan_pipe_io_new (input_fd, output_fd, stream, error);
}

/**
 * chan_stream_io_new: (skip)
 * @stream: a connected stream, which is kept, and closed in the end
 * @error: return location for an error
 *
 * The bytes of a stream: a socket connection, or a pair of streams over file
 * descriptors that can be polled (sockets, pipes, terminals). Anything else
 * cannot be driven from any thread without blocking, and fails with
 * %CHAN_CHANNEL_ERROR_UNSUPPORTED; one that is closed, with
 * %CHAN_CHANNEL_ERROR_CLOSED. C only.
 *
 * Returns: (transfer full): the byte I/O
 *
 * Since: 0.1
 */
ChanByteIO *
chan_stream_io_new (GIOStream *stream, GError **error)
{
  GIOStream *inner = stream;

  g_return_val_if_fail (G_IS_IO_STREAM (stream), NULL);

  if (g_io_stream_is_closed (stream))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The stream is closed");
      return NULL;
    }
  /* A wrapper is a GSocketConnection too, but its bytes are those of what it
   * wraps, which may be TLS: its socket must not be used behind that. */
  while (G_IS_TCP_WRAPPER_CONNECTION (inner))
    inner = g_tcp_wrapper_connection_get_base_io_stream (G_TCP_WRAPPER_CONNECTION (inner));
  if (G_IS_SOCKET_CONNECTION (inner))
    return new_for_connection (G_SOCKET_CONNECTION (inner), stream, error);
  if (inner == stream)
    return new_for_descriptors (stream, error);
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED,
               "A %s cannot carry a session: only socket connections and streams over file descriptors can",
               G_OBJECT_TYPE_NAME (inner));
  return NULL;
}
