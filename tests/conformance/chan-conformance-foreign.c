/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <glib/gstdio.h>

#include "chan-conformance-bytes.h"

/* Streams that are not ours inside messages: files, pipes, sockets, memory, and of one's own kind
 * (chan-conformance-foreign-own.c). */

#define FILE_BYTES (3 * 1024 * 1024 + 17)

static GIOStream *
carry (ChanConformanceFixture *f, gpointer stream)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  GObject *moved = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  moved = chan_test_carry (tx, rx, stream);
  g_assert_true (CHAN_IS_BYTE_STREAM (moved));
  chan_conformance_watch (f, moved);
  chan_conformance_watch (f, stream);
  return G_IO_STREAM (moved);
}

static void
assert_same (gconstpointer got, gsize n_got, gconstpointer expected, gsize n)
{
  g_assert_cmpuint (n_got, ==, n);
  g_assert_true (memcmp (got, expected, n) == 0);
}

/* A new file with `n` bytes */
static GFile *
new_file (gsize n)
{
  g_autofree char *path = NULL;
  g_autofree guint8 *bytes = g_malloc (n + 1);
  g_autoptr (GError) error = NULL;
  int fd = g_file_open_tmp ("chan-foreign-XXXXXX", &path, &error);

  g_assert_no_error (error);
  chan_test_fill (bytes, n, 0);
  g_assert_true (g_file_set_contents (path, (char *) bytes, (gssize) n, &error));
  close (fd);
  return g_file_new_for_path (path);
}

static void
delete_file (GFile *file)
{
  g_assert_true (g_file_delete (file, NULL, NULL));
}

/* Looks at it only when nobody else does: what the library carries is in a thread of the library's. */
static void
wait_until_closed (ChanConformanceFixture *f, GOutputStream *stream)
{
  while (g_atomic_int_get ((gint *) &G_OBJECT (stream)->ref_count) > 1)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, chan_test_deadline ());
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (1000);
    }
  g_assert_true (g_output_stream_is_closed (stream));
}

/* --- files ---------------------------------------------------------------------------- */

static void
test_file_read (ChanConformanceFixture *f)
{
  g_autoptr (GFile) file = new_file (FILE_BYTES);
  g_autoptr (GFileInputStream) input = g_file_read (file, NULL, NULL);
  g_autoptr (GIOStream) far = carry (f, input);
  g_autofree guint8 *buffer = g_malloc (FILE_BYTES + 1);
  g_autofree guint8 *expected = g_malloc (FILE_BYTES);
  g_autoptr (GError) error = NULL;
  gsize n = 0;

  g_assert_true (g_input_stream_read_all (chan_test_input (far), buffer, FILE_BYTES + 1, &n, NULL, &error));
  g_assert_no_error (error);
  chan_test_fill (expected, FILE_BYTES, 0);
  assert_same (buffer, n, expected, FILE_BYTES);
  chan_test_assert_eof (chan_test_input (far));
  /* One way only */
  g_assert_cmpint (g_output_stream_write (chan_test_output (far), "x", 1, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  delete_file (file);
}

static void
test_file_written (ChanConformanceFixture *f)
{
  g_autoptr (GFile) file = new_file (10);
  g_autoptr (GFileOutputStream) output = g_file_replace (file, NULL, FALSE, G_FILE_CREATE_NONE, NULL, NULL);
  g_autoptr (GIOStream) far = carry (f, output);
  g_autofree guint8 *expected = g_malloc (FILE_BYTES);
  g_autofree char *contents = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  gsize n = 0;

  chan_test_writing_start (&writing, chan_test_output (far), FILE_BYTES, TRUE);
  wait_until_closed (f, G_OUTPUT_STREAM (output));
  chan_test_thread_join (&writing.thread);
  g_assert_no_error (writing.error);
  g_assert_true (g_file_load_contents (file, NULL, &contents, &n, NULL, NULL));
  chan_test_fill (expected, FILE_BYTES, 0);
  assert_same (contents, n, expected, FILE_BYTES);
  delete_file (file);
}

/* What did not end well does not replace what was there. */
static void
test_file_kept (ChanConformanceFixture *f)
{
  g_autoptr (GFile) file = new_file (10);
  g_autoptr (GFileOutputStream) output = g_file_replace (file, NULL, FALSE, G_FILE_CREATE_NONE, NULL, NULL);
  g_autoptr (GIOStream) far = carry (f, output);
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "changed my mind");
  g_autofree char *contents = NULL;
  gsize n = 0;

  chan_test_write (chan_test_output (far), "half of it");
  chan_byte_stream_abort (CHAN_BYTE_STREAM (far), reason);
  wait_until_closed (f, G_OUTPUT_STREAM (output));
  g_assert_true (g_file_load_contents (file, NULL, &contents, &n, NULL, NULL));
  g_assert_cmpuint (n, ==, 10);
  g_assert_cmpint (contents[0], !=, 'h');
  delete_file (file);
}

/* --- sockets --------------------------------------------------------------------------- */

static GIOStream *
new_connection (int *other)
{
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  socket = g_socket_new_from_fd (fds[0], &error);
  g_assert_no_error (error);
  *other = fds[1];
  return G_IO_STREAM (g_socket_connection_factory_create_connection (socket));
}

static void
assert_fd_says (int fd, const char *text)
{
  char buffer[64];
  gssize n = read (fd, buffer, sizeof buffer);

  g_assert_cmpint (n, >=, 0);
  assert_same (buffer, (gsize) n, text, strlen (text));
}

static void
test_socket (ChanConformanceFixture *f)
{
  int fd = -1;
  g_autoptr (GIOStream) connection = new_connection (&fd);
  g_autoptr (GIOStream) far = carry (f, connection);

  g_assert_cmpint (write (fd, "hello", 5), ==, 5);
  chan_test_read (chan_test_input (far), "hello");
  chan_test_write (chan_test_output (far), "back");
  assert_fd_says (fd, "back");
  /* One direction ends, the other goes on. */
  chan_test_close (chan_test_output (far));
  assert_fd_says (fd, "");
  g_assert_cmpint (write (fd, "last", 4), ==, 4);
  chan_test_read (chan_test_input (far), "last");
  g_assert_cmpint (shutdown (fd, SHUT_WR), ==, 0);
  chan_test_assert_eof (chan_test_input (far));
  close (fd);
}

/* The peer lets go of a stream on which nothing happens. */
static void
test_let_go (ChanConformanceFixture *f)
{
  int fd = -1;
  g_autoptr (GIOStream) connection = new_connection (&fd);
  g_autoptr (GIOStream) far = carry (f, connection);

  g_clear_object (&far);
  assert_fd_says (fd, "");
  close (fd);
}

static void
test_dropped_unread (ChanConformanceFixture *f)
{
  int fd = -1;
  g_autoptr (GIOStream) connection = new_connection (&fd);
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message_handle (connection);

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send_message (tx, message);
  g_assert_null (chan_message_get_handle (message, 0));
  chan_conformance_watch (f, connection);
  g_clear_object (&connection);
  chan_receiver_close (rx);
  assert_fd_says (fd, "");
  close (fd);
}

/* --- pipes ------------------------------------------------------------------------------ */

/* Its writer says nothing: who lets go must be heard of nevertheless. */
static void
test_idle_pipe (ChanConformanceFixture *f)
{
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GIOStream) far = NULL;
  gint64 deadline = chan_test_deadline ();
  struct pollfd writer = { -1, 0, 0 };
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
  input = g_unix_input_stream_new (fds[0], TRUE);
  far = carry (f, input);
  g_clear_object (&input);
  g_clear_object (&far);
  writer.fd = fds[1];
  while (poll (&writer, 1, 0) == 0)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      while (g_main_context_iteration (f->context, FALSE))
        ;
      g_usleep (1000);
    }
  g_assert_cmpint (writer.revents & POLLERR, !=, 0);
  close (fds[1]);
}

/* Nobody reads: what is taken from the pipe is bounded. */
static void
test_backpressure (ChanConformanceFixture *f)
{
  g_autofree guint8 *buffer = g_malloc (65536);
  g_autoptr (GInputStream) input = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_auto (ChanTestReading) reading = { 0 };
  gint64 quiet = g_get_monotonic_time ();
  gsize n = 0;
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
  input = g_unix_input_stream_new (fds[0], TRUE);
  far = carry (f, input);
  while (g_get_monotonic_time () < quiet + 300000)
    {
      gssize done = 0;

      chan_test_fill (buffer, 65536, n);
      done = write (fds[1], buffer, 65536);
      if (done > 0)
        {
          n += (gsize) done;
          quiet = g_get_monotonic_time ();
        }
      else
        g_usleep (1000);
      g_assert_cmpuint (n, <, 16 * 1024 * 1024);
    }
  close (fds[1]);
  chan_test_reading_start (&reading, chan_test_input (far));
  chan_test_thread_join (&reading.thread);
  g_assert_no_error (reading.error);
  g_assert_cmpuint (reading.n, ==, n);
}

/* Nobody reads the pipe that the peer writes: the peer waits; then nobody ever will, and it hears so. */
static void
test_broken_pipe (ChanConformanceFixture *f)
{
  g_autoptr (GOutputStream) output = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  int fds[2];

  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
  output = g_unix_output_stream_new (fds[1], TRUE);
  far = carry (f, output);
  chan_test_writing_start (&writing, chan_test_output (far), 64 * 1024 * 1024, FALSE);
  g_usleep (100000);
  chan_test_thread_assert_waits (&writing.thread);
  close (fds[0]);
  chan_test_thread_join (&writing.thread);
  g_assert_error (writing.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* --- who has it -------------------------------------------------------------------------- */

static void
test_failed_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_data ("still mine", 10, NULL);
  g_autoptr (ChanMessage) message = chan_test_message_handle (input);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_sender_close (tx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  g_assert_true (chan_message_get_handle (message, 0) == G_OBJECT (input));
  chan_test_read (input, "still mine");
  chan_test_assert_eof (input);
}

static void
assert_refused (ChanSender *tx, gpointer stream, GQuark domain, int code)
{
  g_autoptr (ChanMessage) message = chan_test_message_handle (stream);
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, domain, code);
  g_assert_true (chan_message_get_handle (message, 0) == stream);
}

static void
test_refused (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GInputStream) input = g_memory_input_stream_new_from_data ("once", 4, NULL);
  g_autoptr (GObject) far = NULL;
  g_autoptr (GObject) other = g_object_new (G_TYPE_OBJECT, NULL);

  chan_conformance_channel (f, 64, &tx, &rx);
  assert_refused (tx, other, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  g_assert_true (g_input_stream_set_pending (input, NULL));
  assert_refused (tx, input, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_input_stream_clear_pending (input);
  far = chan_test_carry (tx, rx, input);
  assert_refused (tx, input, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  chan_test_read (chan_test_input (G_IO_STREAM (far)), "once");
  chan_test_assert_eof (chan_test_input (G_IO_STREAM (far)));
  g_clear_object (&input);
  input = g_memory_input_stream_new ();
  g_assert_true (g_input_stream_close (input, NULL, NULL));
  assert_refused (tx, input, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

const ChanConformanceTest chan_conformance_foreign[] = {
  { "foreign/file-is-read", test_file_read, CHAN_CONFORMANCE_ALL },
  { "foreign/file-is-written", test_file_written, CHAN_CONFORMANCE_ALL },
  { "foreign/file-is-kept-if-the-writer-aborts", test_file_kept, CHAN_CONFORMANCE_ALL },
  { "foreign/socket-both-ways-with-half-close", test_socket, CHAN_CONFORMANCE_ALL },
  { "foreign/idle-socket-is-closed-when-the-peer-lets-go", test_let_go, CHAN_CONFORMANCE_ALL },
  { "foreign/idle-pipe-is-closed-when-the-peer-lets-go", test_idle_pipe, CHAN_CONFORMANCE_ALL },
  { "foreign/is-closed-when-dropped-unread", test_dropped_unread, CHAN_CONFORMANCE_ALL },
  { "foreign/nobody-reads-and-little-is-taken", test_backpressure, CHAN_CONFORMANCE_ALL },
  { "foreign/broken-pipe-is-told-to-the-writer", test_broken_pipe, CHAN_CONFORMANCE_ALL },
  { "foreign/failed-send-leaves-it-usable", test_failed_send, CHAN_CONFORMANCE_ALL },
  { "foreign/busy-moved-closed-or-no-stream-is-refused", test_refused, CHAN_CONFORMANCE_ALL },
  { NULL },
};
