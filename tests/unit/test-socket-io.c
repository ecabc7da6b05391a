/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib-unix.h>

#include "chan-byte-io.h"
#include "chan-error.h"
#include "chan-stream-io.h"

/* Sockets and streams as ChanByteIO */

static void
wait_for (ChanByteIO *io, GIOCondition condition)
{
  GPollFD poll_fd = { .fd = io->fd, .events = (gushort) condition };

  g_assert_cmpint (g_poll (&poll_fd, 1, 10000), ==, 1);
}

static gssize
read_some (ChanByteIO *io, void *buffer, gsize len, GError **error)
{
  gssize n;

  while ((n = io->funcs->read (io, buffer, len, error)) == CHAN_BYTE_IO_AGAIN)
    wait_for (io, G_IO_IN);
  return n;
}

static gssize
write_some (ChanByteIO *io, const void *data, gsize len, GError **error)
{
  GOutputVector vector = { data, len };

  return io->funcs->writev (io, &vector, 1, error);
}

static void
make_unix_pair (ChanByteIO **one, ChanByteIO **other)
{
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  *one = chan_socket_io_new (fds[0]);
  *other = chan_socket_io_new (fds[1]);
}

static void
make_tcp_pair (int fds[2])
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t len = sizeof address;
  int listener = socket (AF_INET, SOCK_STREAM, 0);

  g_assert_cmpint (bind (listener, (struct sockaddr *) &address, len), ==, 0);
  g_assert_cmpint (listen (listener, 1), ==, 0);
  g_assert_cmpint (getsockname (listener, (struct sockaddr *) &address, &len), ==, 0);
  fds[0] = socket (AF_INET, SOCK_STREAM, 0);
  g_assert_cmpint (connect (fds[0], (struct sockaddr *) &address, len), ==, 0);
  fds[1] = accept (listener, NULL, NULL);
  g_assert_cmpint (fds[1], >=, 0);
  close (listener);
}

static void
test_unix (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  make_unix_pair (&one, &other);
  g_assert_nonnull (one->peer_credentials);
  g_assert_cmpint (g_credentials_get_unix_user (one->peer_credentials, NULL), ==, getuid ());
  g_assert_cmpint (g_credentials_get_unix_pid (one->peer_credentials, NULL), ==, getpid ());
  g_assert_cmpint (fcntl (one->fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  g_assert_cmpint (one->funcs->read (one, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_AGAIN);
  g_assert_cmpint (write_some (other, "hello", 5, &error), ==, 5);
  g_assert_cmpint (one->funcs->read (one, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpmem (buffer, 5, "hello", 5);
  g_assert_cmpint (other->funcs->shutdown (other, &error), ==, 1);
  g_assert_cmpint (read_some (one, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
  g_assert_cmpint (write_some (one, "still", 5, &error), ==, 5);
  g_assert_cmpint (read_some (other, buffer, sizeof buffer, &error), ==, 5);
  g_assert_no_error (error);
}

static int
get_option (int fd, int level, int name)
{
  int value = -1;
  socklen_t len = sizeof value;

  g_assert_cmpint (getsockopt (fd, level, name, &value, &len), ==, 0);
  return value;
}

static void
test_tcp (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  int fds[2];

  make_tcp_pair (fds);
  one = chan_socket_io_new (fds[0]);
  other = chan_socket_io_new (fds[1]);
  g_assert_cmpint (get_option (fds[0], IPPROTO_TCP, TCP_NODELAY), ==, 1);
  g_assert_cmpint (get_option (fds[0], SOL_SOCKET, SO_KEEPALIVE), ==, 1);
  g_assert_cmpint (get_option (fds[0], IPPROTO_TCP, TCP_USER_TIMEOUT), ==, 50000);
  g_assert_cmpint (get_option (fds[0], SOL_SOCKET, SO_SNDBUF), ==, 2 * 200 * 1024);
  g_assert_null (one->peer_credentials);
  g_assert_cmpint (g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (one->remote_address)), ==,
                   g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (other->local_address)));
}

/* Full: AGAIN, and want says so until it was taken */
static void
test_full (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *data = g_malloc0 (1 << 20);
  gsize sent = 0, got = 0;
  gssize n;

  make_unix_pair (&one, &other);
  while ((n = write_some (one, data, 1 << 20, &error)) > 0)
    {
      sent += (gsize) n;
      g_assert_cmpint (one->want, ==, 0);
    }
  g_assert_cmpint (n, ==, CHAN_BYTE_IO_AGAIN);
  g_assert_cmpint (one->want, ==, G_IO_OUT);
  while (got < sent && (n = read_some (other, data, 1 << 20, &error)) > 0)
    got += (gsize) n;
  g_assert_cmpuint (got, ==, sent);
  wait_for (one, G_IO_OUT);
  g_assert_cmpint (write_some (one, data, 10, &error), ==, 10);
  g_assert_cmpint (one->want, ==, 0);
  g_assert_no_error (error);
}

/* More vectors than the kernel takes at once */
static void
test_many_vectors (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  GOutputVector vectors[3000];
  gssize n;

  make_unix_pair (&one, &other);
  for (gsize i = 0; i < G_N_ELEMENTS (vectors); i++)
    vectors[i] = (GOutputVector) { "x", 1 };
  n = one->funcs->writev (one, vectors, G_N_ELEMENTS (vectors), &error);
  g_assert_no_error (error);
  g_assert_cmpint (n, >, 0);
  g_assert_cmpint (n, <=, G_N_ELEMENTS (vectors));
}

/* A reset that a write noticed is not a clean end for the next read. */
static void
test_reset (void)
{
  for (int write_first = 0; write_first < 2; write_first++)
    {
      struct linger hard = { 1, 0 };
      g_autoptr(ChanByteIO) io = NULL;
      guint8 buffer[16];
      int fds[2];

      make_tcp_pair (fds);
      io = chan_socket_io_new (fds[0]);
      g_assert_cmpint (setsockopt (fds[1], SOL_SOCKET, SO_LINGER, &hard, sizeof hard), ==, 0);
      close (fds[1]);
      wait_for (io, G_IO_IN);
      for (int i = 0; i < 4; i++)
        {
          g_autoptr(GError) error = NULL;

          if (i % 2 != write_first)
            g_assert_cmpint (write_some (io, "x", 1, &error), ==, CHAN_BYTE_IO_ERROR);
          else
            g_assert_cmpint (io->funcs->read (io, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
          g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
          g_assert_nonnull (strstr (error->message, "reset by the peer"));
        }
    }
}

/* A gone peer: no signal, an error, but first what it had sent */
static void
test_gone (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  make_unix_pair (&one, &other);
  g_assert_cmpint (write_some (other, "last", 4, &error), ==, 4);
  g_assert_no_error (error);
  g_clear_pointer (&other, chan_byte_io_free);
  g_assert_cmpint (write_some (one, "x", 1, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_clear_error (&error);
  g_assert_cmpint (one->funcs->read (one, buffer, sizeof buffer, &error), ==, 4);
  g_assert_cmpint (one->funcs->read (one, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

static void
exchange (ChanByteIO *one, ChanByteIO *other)
{
  g_autoptr(GError) error = NULL;
  guint8 buffer[16];

  g_assert_cmpint (write_some (one, "there", 5, &error), ==, 5);
  g_assert_cmpint (read_some (other, buffer, sizeof buffer, &error), ==, 5);
  g_assert_cmpint (write_some (other, "back", 4, &error), ==, 4);
  g_assert_cmpint (read_some (one, buffer, sizeof buffer, &error), ==, 4);
  g_assert_cmpint (one->funcs->shutdown (one, &error), ==, 1);
  g_assert_cmpint (read_some (other, buffer, sizeof buffer, &error), ==, CHAN_BYTE_IO_EOF);
  g_assert_no_error (error);
}

static void
test_socket_connection (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GSocketConnection) connection = NULL;
  int fds[2];

  make_tcp_pair (fds);
  socket = g_socket_new_from_fd (fds[0], &error);
  connection = g_socket_connection_factory_create_connection (socket);
  one = chan_stream_io_new (G_IO_STREAM (connection), &error);
  g_assert_no_error (error);
  other = chan_socket_io_new (fds[1]);
  exchange (one, other);
  g_clear_pointer (&one, chan_byte_io_free);
  g_assert_true (g_io_stream_is_closed (G_IO_STREAM (connection)));
}

static GIOStream *
make_descriptor_stream (int input, int output)
{
  g_autoptr(GInputStream) in = g_unix_input_stream_new (input, TRUE);
  g_autoptr(GOutputStream) out = g_unix_output_stream_new (output, input != output);

  return g_simple_io_stream_new (in, out);
}

static void
make_pipes (ChanByteIO **one, ChanByteIO **other)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) one_stream = NULL, other_stream = NULL;
  int there[2], back[2];

  g_assert_true (g_unix_open_pipe (there, FD_CLOEXEC, NULL));
  g_assert_true (g_unix_open_pipe (back, FD_CLOEXEC, NULL));
  one_stream = make_descriptor_stream (back[0], there[1]);
  other_stream = make_descriptor_stream (there[0], back[1]);
  *one = chan_stream_io_new (one_stream, &error);
  g_assert_no_error (error);
  *other = chan_stream_io_new (other_stream, &error);
  g_assert_no_error (error);
}

static void
test_descriptors (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL, single = NULL, far = NULL;
  g_autoptr(GError) error = NULL;
  g_autoptr(GIOStream) stream = NULL;
  int fds[2];

  make_pipes (&one, &other);
  exchange (one, other);
  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
  stream = make_descriptor_stream (fds[0], fds[0]);
  single = chan_stream_io_new (stream, &error);
  g_assert_no_error (error);
  g_assert_cmpint (single->fd, ==, fds[0]);
  far = chan_socket_io_new (fds[1]);
  exchange (single, far);
}

/* One fd is polled for both pipes, without spinning while there is nothing to do. */
static void
test_pipe_full (void)
{
  g_autoptr(ChanByteIO) one = NULL, other = NULL;
  g_autoptr(GError) error = NULL;
  g_autofree guint8 *data = g_malloc0 (1 << 20);
  GPollFD poll_fd = { .events = G_IO_IN | G_IO_OUT };
  gssize n;

  make_pipes (&one, &other);
  poll_fd.fd = one->fd;
  g_assert_cmpint (g_poll (&poll_fd, 1, 0), ==, 0);
  while ((n = write_some (one, data, 1 << 20, &error)) > 0)
    ;
  g_assert_cmpint (n, ==, CHAN_BYTE_IO_AGAIN);
  g_assert_cmpint (one->want, ==, G_IO_OUT);
  g_assert_cmpint (g_poll (&poll_fd, 1, 0), ==, 0);
  g_assert_cmpint (read_some (other, data, 1 << 20, &error), >, 0);
  g_assert_cmpint (g_poll (&poll_fd, 1, 10000), ==, 1);
  g_assert_cmpint (write_some (one, data, 10, &error), ==, 10);
  g_assert_cmpint (one->want, ==, 0);
  g_assert_no_error (error);
  /* A pipe without a reader: an error, and no SIGPIPE */
  g_clear_pointer (&other, chan_byte_io_free);
  g_assert_cmpint (write_some (one, data, 10, &error), ==, CHAN_BYTE_IO_ERROR);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

static void
expect_unsupported (GIOStream *stream)
{
  g_autoptr(GError) error = NULL;
  g_autoptr(ChanByteIO) io = chan_stream_io_new (stream, &error);

  g_assert_null (io);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
}

static void
test_unsupported (void)
{
  g_autoptr(GInputStream) in = g_memory_input_stream_new ();
  g_autoptr(GOutputStream) out = g_memory_output_stream_new_resizable ();
  g_autoptr(GIOStream) memory = g_simple_io_stream_new (in, out);
  g_autoptr(GIOStream) file = NULL, wrapper = NULL;
  g_autoptr(GSocket) socket = NULL;
  g_autoptr(GError) error = NULL;
  int fds[2], fd;

  expect_unsupported (memory);
  fd = open (g_get_tmp_dir (), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  g_assert_cmpint (fd, >=, 0);
  file = make_descriptor_stream (fd, fd);
  expect_unsupported (file);
  /* The socket of a wrapper is not to be used behind what it wraps. */
  make_tcp_pair (fds);
  socket = g_socket_new_from_fd (fds[0], &error);
  wrapper = G_IO_STREAM (g_tcp_wrapper_connection_new (memory, socket));
  expect_unsupported (wrapper);
  close (fds[1]);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/socket-io/unix-has-credentials-and-half-close", test_unix);
  g_test_add_func ("/socket-io/tcp-is-tuned-and-has-addresses", test_tcp);
  g_test_add_func ("/socket-io/full-socket-wants-out", test_full);
  g_test_add_func ("/socket-io/many-vectors", test_many_vectors);
  g_test_add_func ("/socket-io/reset-is-never-an-end", test_reset);
  g_test_add_func ("/socket-io/gone-peer-leaves-what-it-sent", test_gone);
  g_test_add_func ("/stream-io/socket-connection", test_socket_connection);
  g_test_add_func ("/stream-io/descriptors", test_descriptors);
  g_test_add_func ("/stream-io/full-pipe-is-polled-by-one-fd", test_pipe_full);
  g_test_add_func ("/stream-io/others-are-unsupported", test_unsupported);
  return g_test_run ();
}
