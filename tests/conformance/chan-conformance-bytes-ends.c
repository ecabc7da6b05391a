/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "chan-conformance.h"
#include "chan-conformance-bytes.h"

/* How byte streams end: the failure table of reader and writer. */

static void
test_eof (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (near), "hello");
  chan_test_close (chan_test_output (near));
  chan_test_read (chan_test_input (far), "hello");
  chan_test_assert_eof (chan_test_input (far));
}

static void
test_eof_back (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (far), "hello");
  chan_test_close (chan_test_output (far));
  chan_test_read (chan_test_input (near), "hello");
  chan_test_assert_eof (chan_test_input (near));
}

static void
test_half_close (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (near), "question");
  chan_test_close (chan_test_output (near));
  chan_test_read (chan_test_input (far), "question");
  chan_test_assert_eof (chan_test_input (far));
  for (guint i = 0; i < 20; i++)
    {
      chan_test_write (chan_test_output (far), "answer");
      chan_test_read (chan_test_input (near), "answer");
    }
  chan_test_close (chan_test_output (far));
  chan_test_assert_eof (chan_test_input (near));
}

static void
test_dropped (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (near), "some");
  g_clear_object (&near);
  chan_test_read (chan_test_input (far), "some");
  g_assert_cmpint (g_input_stream_read (chan_test_input (far), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_dropped_far (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (far), "some");
  g_clear_object (&far);
  chan_test_read (chan_test_input (near), "some");
  g_assert_cmpint (g_input_stream_read (chan_test_input (near), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_closed_whole (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (near), "all");
  g_assert_true (g_io_stream_close (near, NULL, &error));
  g_assert_no_error (error);
  g_clear_object (&near);
  chan_test_read (chan_test_input (far), "all");
  chan_test_assert_eof (chan_test_input (far));
}

static void
test_aborted (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "the quota is used up");
  g_autoptr (GError) error = NULL;
  char byte = 0;

  chan_conformance_bytes (f, &near, &far);
  g_assert_true (CHAN_IS_BYTE_STREAM (near));
  chan_byte_stream_abort (CHAN_BYTE_STREAM (near), reason);
  g_assert_cmpint (g_input_stream_read (chan_test_input (far), &byte, 1, NULL, &error), ==, -1);
  if ((f->transport->flags & CHAN_CONFORMANCE_REASONS) == 0)
    {
      g_assert_nonnull (error);
      return;
    }
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  g_assert_nonnull (strstr (error->message, reason->message));
}

/* --- the reader closes -------------------------------------------------------------------- */

static void
assert_broken_pipe (GOutputStream *stream)
{
  gint64 deadline = chan_test_deadline ();
  g_autoptr (GError) error = NULL;

  while (g_output_stream_write (stream, "x", 1, NULL, &error) > 0)
    {
      g_usleep (1000);
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

static void
test_reader_closes (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_bytes (f, &near, &far);
  chan_test_write (chan_test_output (near), "unread");
  g_assert_true (g_input_stream_close (chan_test_input (far), NULL, &error));
  g_assert_no_error (error);
  assert_broken_pipe (chan_test_output (near));
  /* The other direction is not concerned. */
  chan_test_write (chan_test_output (far), "still there");
  chan_test_read (chan_test_input (near), "still there");
}

static void
test_reader_dropped (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;

  chan_conformance_bytes (f, &near, &far);
  g_clear_object (&far);
  assert_broken_pipe (chan_test_output (near));
}

static void
test_reader_closes_pending (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestWriting) writing = { 0 };

  chan_conformance_bytes (f, &near, &far);
  chan_test_writing_start (&writing, chan_test_output (near), 64 << 20, FALSE);
  chan_test_thread_assert_waits (&writing.thread);
  g_assert_true (g_input_stream_close (chan_test_input (far), NULL, &error));
  g_assert_no_error (error);
  chan_test_thread_join (&writing.thread);
  g_assert_error (writing.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

/* Whatever was on the way at that moment. */
static void
test_reader_closes_in_traffic (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 20; i++)
    {
      g_autoptr (GIOStream) near = NULL;
      g_autoptr (GIOStream) far = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (ChanTestWriting) writing = { 0 };
      guint8 buffer[1000];
      gsize n = 0;

      chan_conformance_bytes (f, &near, &far);
      chan_test_writing_start (&writing, chan_test_output (near), 64 << 20, FALSE);
      g_assert_true (g_input_stream_read_all (chan_test_input (far), buffer, sizeof buffer, &n, NULL, &error));
      g_assert_true (g_input_stream_close (chan_test_input (far), NULL, &error));
      g_assert_no_error (error);
      chan_test_thread_join (&writing.thread);
      g_assert_error (writing.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
      chan_test_write (chan_test_output (far), "still there");
      chan_test_read (chan_test_input (near), "still there");
    }
}

/* --- one direction as a handle ----------------------------------------------------------------- */

/* What came out as a GInputStream, or as a stream that has one. */
static GInputStream *
as_input (GObject *moved)
{
  return G_IS_INPUT_STREAM (moved) ? G_INPUT_STREAM (moved) : chan_test_input (G_IO_STREAM (moved));
}

static GOutputStream *
as_output (GObject *moved)
{
  return G_IS_OUTPUT_STREAM (moved) ? G_OUTPUT_STREAM (moved) : chan_test_output (G_IO_STREAM (moved));
}

static void
test_input_only (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  g_auto (ChanTestReading) reading = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_byte_pipe_new (&near, &far);
  chan_test_write (chan_test_output (near), "early");
  moved = chan_test_carry (tx, rx, chan_test_input (far));
  chan_test_read (as_input (moved), "early");
  chan_test_writing_start (&writing, chan_test_output (near), 300000, TRUE);
  reading.stream = as_input (moved);
  chan_test_reading_run (&reading);
  chan_test_thread_join (&writing.thread);
  g_assert_no_error (writing.error);
  g_assert_no_error (reading.error);
  g_assert_cmpstr (reading.checksum, ==, writing.checksum);
  /* The other direction did not move. */
  chan_test_write (chan_test_output (far), "here");
  chan_test_read (chan_test_input (near), "here");
}

static void
test_output_only (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GObject) moved = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  g_auto (ChanTestReading) reading = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_byte_pipe_new (&near, &far);
  moved = chan_test_carry (tx, rx, chan_test_output (far));
  chan_test_writing_start (&writing, as_output (moved), 300000, TRUE);
  reading.stream = chan_test_input (near);
  chan_test_reading_run (&reading);
  chan_test_thread_join (&writing.thread);
  g_assert_no_error (writing.error);
  g_assert_no_error (reading.error);
  g_assert_cmpstr (reading.checksum, ==, writing.checksum);
  chan_test_write (chan_test_output (near), "here");
  chan_test_read (chan_test_input (far), "here");
}

/* A writer that moved and is dropped there without close: an error, not an end of file. */
static void
test_output_only_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_byte_pipe_new (&near, &far);
  moved = chan_test_carry (tx, rx, chan_test_output (far));
  chan_test_write (as_output (moved), "half a lo");
  g_clear_object (&moved);
  chan_test_read (chan_test_input (near), "half a lo");
  g_assert_cmpint (g_input_stream_read (chan_test_input (near), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_unread_message (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  char byte = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_byte_pipe_new (&near, &far);
  message = chan_test_message_handle (far);
  chan_test_send_message (tx, message);
  chan_receiver_close (rx);
  g_assert_cmpint (g_input_stream_read (chan_test_input (near), &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  assert_broken_pipe (chan_test_output (near));
}

const ChanConformanceTest chan_conformance_bytes_ends[] = {
  { "bytes/close-is-end-of-file-after-everything", test_eof, CHAN_CONFORMANCE_BYTES },
  { "bytes/close-on-the-far-side-is-end-of-file-here", test_eof_back, CHAN_CONFORMANCE_BYTES },
  { "bytes/half-close-leaves-the-other-direction", test_half_close, CHAN_CONFORMANCE_BYTES },
  { "bytes/dropped-writer-is-an-error-not-end-of-file", test_dropped, CHAN_CONFORMANCE_BYTES },
  { "bytes/dropped-writer-on-the-far-side-is-an-error", test_dropped_far, CHAN_CONFORMANCE_BYTES },
  { "bytes/closing-the-whole-stream-is-end-of-file", test_closed_whole, CHAN_CONFORMANCE_BYTES },
  { "bytes/abort-is-an-error-with-its-reason", test_aborted, CHAN_CONFORMANCE_BYTES },
  { "bytes/reader-closes-and-the-writer-has-a-broken-pipe", test_reader_closes, CHAN_CONFORMANCE_BYTES },
  { "bytes/reader-is-dropped-and-the-writer-has-a-broken-pipe", test_reader_dropped, CHAN_CONFORMANCE_BYTES },
  { "bytes/reader-closes-and-a-waiting-write-has-a-broken-pipe", test_reader_closes_pending, CHAN_CONFORMANCE_BYTES },
  { "bytes/reader-closes-in-the-middle-and-the-other-direction-goes-on", test_reader_closes_in_traffic, CHAN_CONFORMANCE_BYTES },
  { "bytes/input-stream-alone-moves", test_input_only, CHAN_CONFORMANCE_ALL },
  { "bytes/output-stream-alone-moves", test_output_only, CHAN_CONFORMANCE_ALL },
  { "bytes/output-stream-dropped-where-it-moved-is-an-error", test_output_only_dropped, CHAN_CONFORMANCE_ALL },
  { "bytes/in-a-message-nobody-reads-are-cancelled", test_unread_message, CHAN_CONFORMANCE_ALL },
  { NULL },
};
