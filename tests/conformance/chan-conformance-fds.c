/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chan-conformance-bytes.h"

/* File descriptors: as such where the transport passes them, else as byte streams. That none is left open
 * is what the fixture looks at after each test. */

static gboolean
passes (ChanConformanceFixture *f)
{
  return f->transport->make_pair == NULL || (f->transport->flags & CHAN_CONFORMANCE_FDS) != 0;
}

static void
open_pipe (int fds[2])
{
  g_assert_cmpint (pipe2 (fds, O_CLOEXEC), ==, 0);
}

static GObject *
carry (ChanConformanceFixture *f, int fd)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanFd) handle = chan_fd_new (fd);
  GObject *moved = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  moved = chan_test_carry (tx, rx, handle);
  chan_conformance_watch (f, moved);
  g_assert_cmpint (chan_fd_get (handle), ==, -1);
  g_assert_true (passes (f) ? CHAN_IS_FD (moved) : CHAN_IS_BYTE_STREAM (moved));
  return moved;
}

/* --- what a descriptor or a stream says --------------------------------------------------- */

static void
write_text (GObject *handle, const char *text)
{
  if (CHAN_IS_FD (handle))
    g_assert_cmpint (write (chan_fd_get (CHAN_FD (handle)), text, strlen (text)), ==, (gssize) strlen (text));
  else
    chan_test_write (chan_test_output (G_IO_STREAM (handle)), text);
}

static void
read_fd (int fd, const char *text)
{
  char buffer[64];
  gsize n = 0;

  while (n < strlen (text))
    {
      gssize part = read (fd, buffer + n, strlen (text) - n);

      g_assert_cmpint (part, >, 0);
      n += (gsize) part;
    }
  g_assert_true (memcmp (buffer, text, n) == 0);
}

static void
assert_fd_ends (int fd)
{
  char byte;

  g_assert_cmpint (read (fd, &byte, 1), ==, 0);
}

static void
read_text (GObject *handle, const char *text)
{
  if (CHAN_IS_FD (handle))
    read_fd (chan_fd_get (CHAN_FD (handle)), text);
  else
    chan_test_read (chan_test_input (G_IO_STREAM (handle)), text);
}

static void
assert_ends (GObject *handle)
{
  if (CHAN_IS_FD (handle))
    assert_fd_ends (chan_fd_get (CHAN_FD (handle)));
  else
    chan_test_assert_eof (chan_test_input (G_IO_STREAM (handle)));
}

/* --- each way ------------------------------------------------------------------------------- */

static void
test_read (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = NULL;
  int fds[2];

  open_pipe (fds);
  moved = carry (f, fds[0]);
  g_assert_cmpint (write (fds[1], "through", 7), ==, 7);
  read_text (moved, "through");
  close (fds[1]);
  assert_ends (moved);
}

static void
test_write (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = NULL;
  int fds[2];

  open_pipe (fds);
  moved = carry (f, fds[1]);
  write_text (moved, "back");
  read_fd (fds[0], "back");
  if (CHAN_IS_BYTE_STREAM (moved))
    chan_test_close (chan_test_output (G_IO_STREAM (moved)));
  g_clear_object (&moved);
  assert_fd_ends (fds[0]);
  close (fds[0]);
}

static void
test_socket (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = NULL;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  moved = carry (f, fds[0]);
  write_text (moved, "question");
  read_fd (fds[1], "question");
  g_assert_cmpint (write (fds[1], "answer", 6), ==, 6);
  read_text (moved, "answer");
  close (fds[1]);
  assert_ends (moved);
}

/* Whoever has a duplicate finds it as it was, and does no harm by changing it. */
static void
test_shared_socket (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GObject) other = NULL;
  int fds[2], pipe_fds[2], kept;

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  kept = fcntl (fds[0], F_DUPFD_CLOEXEC, 0);
  moved = carry (f, fds[0]);
  g_assert_cmpint (write (fds[1], "one", 3), ==, 3);
  read_text (moved, "one");
  g_assert_cmpint (fcntl (kept, F_GETFL) & O_NONBLOCK, ==, 0);
  /* If it had been changed: as a hostile peer may set it back. */
  g_assert_cmpint (fcntl (kept, F_SETFL, 0), ==, 0);
  g_assert_cmpint (write (fds[1], "two", 3), ==, 3);
  read_text (moved, "two");
  open_pipe (pipe_fds);
  other = carry (f, pipe_fds[0]);
  g_assert_cmpint (write (pipe_fds[1], "through", 7), ==, 7);
  read_text (other, "through");
  close (pipe_fds[1]);
  assert_ends (other);
  close (fds[1]);
  assert_ends (moved);
  close (kept);
}

/* A file of both ways, which is no socket */
static void
test_device (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = carry (f, open ("/dev/null", O_RDWR | O_CLOEXEC));

  write_text (moved, "into nothing");
  assert_ends (moved);
}

/* --- as such --------------------------------------------------------------------------------- */

static guint64
inode_of (int fd)
{
  struct stat info;

  g_assert_cmpint (fstat (fd, &info), ==, 0);
  return info.st_ino;
}

static void
test_same (ChanConformanceFixture *f)
{
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GError) error = NULL;
  guint64 inode;
  int fds[2];
  int copy;

  if (!passes (f))
    return;
  open_pipe (fds);
  inode = inode_of (fds[0]);
  moved = carry (f, fds[0]);
  g_assert_cmpuint (inode_of (chan_fd_get (CHAN_FD (moved))), ==, inode);
  g_assert_cmpint (fcntl (chan_fd_get (CHAN_FD (moved)), F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  copy = chan_fd_dup (CHAN_FD (moved), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (inode_of (copy), ==, inode);
  g_assert_cmpint (fcntl (copy, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
  close (copy);
  close (chan_fd_steal (CHAN_FD (moved)));
  g_assert_cmpint (chan_fd_get (CHAN_FD (moved)), ==, -1);
  g_assert_cmpint (chan_fd_steal (CHAN_FD (moved)), ==, -1);
  g_assert_cmpint (chan_fd_dup (CHAN_FD (moved), &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  close (fds[1]);
}

/* --- many -------------------------------------------------------------------------------------- */

static void
test_16 (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanMessage) too_many = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  open_pipe (fds);
  chan_conformance_channel (f, 64, &tx, &rx);
  message = chan_test_message_fds (fds[1], 16);
  too_many = chan_test_message_fds (fds[1], 17);
  g_assert_false (chan_sender_send_until (tx, too_many, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  for (guint i = 0; i < 17; i++)
    g_assert_cmpint (chan_fd_get (CHAN_FD (chan_message_get_handle (too_many, i))), >=, 0);
  g_clear_pointer (&too_many, chan_message_unref);
  chan_test_send_message (tx, message);
  arrived = chan_test_receive (rx);
  g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, 16);
  for (guint i = 0; i < 16; i++)
    {
      write_text (chan_message_get_handle (arrived, i), "one of them");
      read_fd (fds[0], "one of them");
    }
  close (fds[1]);
  close (fds[0]);
}

/* Among other messages, large and small, each has its own. */
static void
test_mixed (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (ChanMessage) large = chan_test_message_bytes ((gsize) i * 1000);
      g_autoptr (ChanMessage) got = NULL;
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (ChanMessage) arrived = NULL;
      g_autofree char *text = g_strdup_printf ("number %u", i);
      guint n = 1 + i % 3;
      int fds[2];

      open_pipe (fds);
      message = chan_test_message_fds (fds[1], n);
      chan_test_send_message (tx, large);
      chan_test_send_message (tx, message);
      got = chan_test_receive (rx);
      g_assert_cmpuint (chan_message_get_n_handles (got), ==, 0);
      arrived = chan_test_receive (rx);
      g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, n);
      write_text (chan_message_get_handle (arrived, n - 1), text);
      read_fd (fds[0], text);
      close (fds[1]);
      g_clear_pointer (&arrived, chan_message_unref);
      assert_fd_ends (fds[0]);
      close (fds[0]);
    }
}

/* --- who has it ----------------------------------------------------------------------------------- */

static void
test_dropped_unread (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  int fds[2];

  open_pipe (fds);
  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_fds (fds[1], 2);

      chan_test_send_message (tx, message);
    }
  close (fds[1]);
  chan_receiver_close (rx);
  assert_fd_ends (fds[0]);
  close (fds[0]);
}

static void
test_aborted_queue (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "no more");
  int fds[2];

  open_pipe (fds);
  chan_conformance_channel (f, 64, &tx, &rx);
  message = chan_test_message_fds (fds[1], 2);
  chan_test_send_message (tx, message);
  close (fds[1]);
  chan_sender_abort (tx, reason);
  g_clear_object (&rx);
  assert_fd_ends (fds[0]);
  close (fds[0]);
}

static void
test_link_dies (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  int fds[2];

  open_pipe (fds);
  chan_conformance_channel (f, 64, &tx, &rx);
  message = chan_test_message_fds (fds[1], 16);
  chan_test_send_message (tx, message);
  close (fds[1]);
  f->transport->kill_link (f->a, f->b);
  g_clear_object (&tx);
  g_clear_object (&rx);
  chan_session_abort (f->a);
  chan_session_abort (f->b);
  assert_fd_ends (fds[0]);
  close (fds[0]);
}

static void
test_failed_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanFd) handle = NULL;
  g_autoptr (GError) error = NULL;
  int fds[2];

  open_pipe (fds);
  handle = chan_fd_new (fds[1]);
  message = chan_test_message_handle (handle);
  chan_conformance_channel (f, 64, &tx, &rx);
  chan_sender_close (tx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  g_assert_true (chan_message_get_handle (message, 0) == G_OBJECT (handle));
  g_assert_cmpint (chan_fd_get (handle), ==, fds[1]);
  write_text (G_OBJECT (handle), "still there");
  read_fd (fds[0], "still there");
  close (fds[0]);
}

static void
assert_refused (ChanSender *tx, ChanFd *fd, int code)
{
  g_autoptr (ChanMessage) message = chan_test_message_handle (fd);
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
}

static void
test_refused (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanFd) stolen = chan_fd_new (open ("/dev/null", O_RDONLY | O_CLOEXEC));
  g_autoptr (ChanFd) moved = chan_fd_new (open ("/dev/null", O_RDONLY | O_CLOEXEC));
  g_autoptr (GObject) arrived = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  close (chan_fd_steal (stolen));
  assert_refused (tx, stolen, CHAN_CHANNEL_ERROR_CLOSED);
  arrived = chan_test_carry (tx, rx, moved);
  assert_refused (tx, moved, CHAN_CHANNEL_ERROR_MOVED);
  g_assert_cmpint (chan_fd_dup (moved, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  assert_ends (arrived);
}

/* What cannot be a stream of bytes is passed, or stays where it is and the channel lives. */
static void
test_directory (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanFd) handle = chan_fd_new (open ("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  g_autoptr (GObject) arrived = NULL;
  guint64 inode = inode_of (chan_fd_get (handle));

  chan_conformance_channel (f, 64, &tx, &rx);
  if (passes (f))
    {
      arrived = chan_test_carry (tx, rx, handle);
      g_assert_cmpuint (inode_of (chan_fd_get (CHAN_FD (arrived))), ==, inode);
      return;
    }
  assert_refused (tx, handle, CHAN_CHANNEL_ERROR_UNSUPPORTED);
  g_assert_cmpuint (inode_of (chan_fd_get (handle)), ==, inode);
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
}

#define DIRECT (CHAN_CONFORMANCE_PIPE | CHAN_CONFORMANCE_OPENED)

const ChanConformanceTest chan_conformance_fds[] = {
  { "fds/are-read", test_read, CHAN_CONFORMANCE_ALL },
  { "fds/are-written", test_write, CHAN_CONFORMANCE_ALL },
  { "fds/socket-both-ways", test_socket, CHAN_CONFORMANCE_ALL },
  { "fds/socket-that-others-have-too", test_shared_socket, CHAN_CONFORMANCE_ALL },
  { "fds/device-both-ways", test_device, CHAN_CONFORMANCE_ALL },
  { "fds/are-the-same-and-close-on-exec", test_same, CHAN_CONFORMANCE_ALL },
  { "fds/sixteen-fit-and-seventeen-are-too-complex", test_16, CHAN_CONFORMANCE_ALL },
  { "fds/among-other-messages", test_mixed, CHAN_CONFORMANCE_ALL },
  { "fds/are-closed-when-dropped-unread", test_dropped_unread, CHAN_CONFORMANCE_ALL },
  { "fds/are-closed-when-the-sender-aborts", test_aborted_queue, CHAN_CONFORMANCE_ALL },
  { "fds/are-closed-when-the-link-dies", test_link_dies, CHAN_CONFORMANCE_OPENED, CHAN_CONFORMANCE_NEEDS_KILL },
  { "fds/failed-send-leaves-them-usable", test_failed_send, CHAN_CONFORMANCE_ALL },
  { "fds/taken-or-moved-are-refused", test_refused, CHAN_CONFORMANCE_ALL },
  { "fds/directory-is-passed-or-refused", test_directory, DIRECT },
  { NULL },
};
