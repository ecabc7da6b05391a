/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-bytes.h"

/* How bytes flow: all of them, in order, bounded; sync, async and pollable. */

#define TEN_MB (10 * 1000 * 1000)
#define PIPE_BYTES (64 * 1024)
/* Over a link: two windows of 1 MiB, what waits to be written, and buffers of the system */
#define LINK_BYTES (6 << 20)

static void
test_sync (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  g_auto (ChanTestReading) reading = { 0 };

  chan_conformance_bytes (f, &near, &far);
  chan_test_writing_start (&writing, chan_test_output (near), TEN_MB, TRUE);
  reading.stream = chan_test_input (far);
  chan_test_reading_run (&reading);
  chan_test_thread_join (&writing.thread);
  g_assert_no_error (writing.error);
  g_assert_no_error (reading.error);
  g_assert_cmpuint (reading.n, ==, TEN_MB);
  g_assert_cmpstr (reading.checksum, ==, writing.checksum);
}

static void
test_both_ways (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_auto (ChanTestWriting) there = { 0 };
  g_auto (ChanTestWriting) back = { 0 };
  g_auto (ChanTestReading) near_reading = { 0 };
  g_auto (ChanTestReading) far_reading = { 0 };

  chan_conformance_bytes (f, &near, &far);
  chan_test_writing_start (&there, chan_test_output (near), 2000000, TRUE);
  chan_test_writing_start (&back, chan_test_output (far), 1500000, TRUE);
  chan_test_reading_start (&near_reading, chan_test_input (near));
  far_reading.stream = chan_test_input (far);
  chan_test_reading_run (&far_reading);
  chan_test_thread_join (&near_reading.thread);
  chan_test_thread_join (&there.thread);
  chan_test_thread_join (&back.thread);
  g_assert_no_error (near_reading.error);
  g_assert_no_error (far_reading.error);
  g_assert_cmpstr (far_reading.checksum, ==, there.checksum);
  g_assert_cmpstr (near_reading.checksum, ==, back.checksum);
}

/* --- async -------------------------------------------------------------------------------- */

typedef struct
{
  GInputStream *in;
  GOutputStream *out;
  guint8 write_buffer[50000], read_buffer[30000];
  gsize written, read;
  guint n_over;
} Copy;

static void
write_more_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Copy *self = user_data;
  g_autoptr (GError) error = NULL;

  if (result != NULL)
    {
      gssize n = g_output_stream_write_finish (self->out, result, &error);

      g_assert_no_error (error);
      g_assert_cmpint (n, >, 0);
      self->written += (gsize) n;
    }
  if (self->written == TEN_MB)
    {
      chan_test_close (self->out);
      self->n_over++;
      return;
    }
  chan_test_fill (self->write_buffer, sizeof self->write_buffer, self->written);
  g_output_stream_write_async (self->out, self->write_buffer, MIN (sizeof self->write_buffer, TEN_MB - self->written),
                               G_PRIORITY_DEFAULT, NULL, write_more_cb, self);
}

static void
read_more_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Copy *self = user_data;
  g_autoptr (GError) error = NULL;

  if (result != NULL)
    {
      gssize n = g_input_stream_read_finish (self->in, result, &error);
      guint8 expected[sizeof self->read_buffer];

      g_assert_no_error (error);
      if (n == 0)
        {
          self->n_over++;
          return;
        }
      chan_test_fill (expected, (gsize) n, self->read);
      g_assert_cmpmem (self->read_buffer, (int) n, expected, (int) n);
      self->read += (gsize) n;
    }
  g_input_stream_read_async (self->in, self->read_buffer, sizeof self->read_buffer, G_PRIORITY_DEFAULT, NULL,
                             read_more_cb, self);
}

static void
test_async (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autofree Copy *copy = g_new0 (Copy, 1);

  chan_conformance_bytes (f, &near, &far);
  copy->out = chan_test_output (near);
  copy->in = chan_test_input (far);
  write_more_cb (NULL, NULL, copy);
  read_more_cb (NULL, NULL, copy);
  chan_test_iterate_until (f->context, &copy->n_over, 2);
  g_assert_cmpuint (copy->read, ==, TEN_MB);
}

/* --- pollable ------------------------------------------------------------------------------- */

static gboolean
write_some_cb (GObject *stream, gpointer user_data)
{
  Copy *self = user_data;
  g_autoptr (GError) error = NULL;
  gsize part = MIN (sizeof self->write_buffer, TEN_MB - self->written);
  gssize n = 0;

  chan_test_fill (self->write_buffer, part, self->written);
  n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (self->out), self->write_buffer, part, NULL,
                                                  &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  g_assert_no_error (error);
  self->written += (gsize) n;
  if (self->written < TEN_MB)
    return G_SOURCE_CONTINUE;
  chan_test_close (self->out);
  self->n_over++;
  return G_SOURCE_REMOVE;
}

static gboolean
read_some_cb (GObject *stream, gpointer user_data)
{
  Copy *self = user_data;
  g_autoptr (GError) error = NULL;
  guint8 expected[sizeof self->read_buffer];
  gssize n = g_pollable_input_stream_read_nonblocking (G_POLLABLE_INPUT_STREAM (self->in), self->read_buffer,
                                                       sizeof self->read_buffer, NULL, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
    return G_SOURCE_CONTINUE;
  g_assert_no_error (error);
  if (n == 0)
    {
      self->n_over++;
      return G_SOURCE_REMOVE;
    }
  chan_test_fill (expected, (gsize) n, self->read);
  g_assert_cmpmem (self->read_buffer, (int) n, expected, (int) n);
  self->read += (gsize) n;
  return G_SOURCE_CONTINUE;
}

static void
attach (GSource *source, gpointer function, gpointer user_data, GMainContext *context)
{
  g_source_set_callback (source, G_SOURCE_FUNC (function), user_data, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
}

static void
test_pollable (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autofree Copy *copy = g_new0 (Copy, 1);

  chan_conformance_bytes (f, &near, &far);
  copy->out = chan_test_output (near);
  copy->in = chan_test_input (far);
  g_assert_true (g_pollable_output_stream_can_poll (G_POLLABLE_OUTPUT_STREAM (copy->out)));
  g_assert_true (g_pollable_input_stream_can_poll (G_POLLABLE_INPUT_STREAM (copy->in)));
  attach (g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (copy->out), NULL), write_some_cb, copy,
          f->context);
  attach (g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (copy->in), NULL), read_some_cb, copy,
          f->context);
  chan_test_iterate_until (f->context, &copy->n_over, 2);
  g_assert_cmpuint (copy->read, ==, TEN_MB);
}

static void
test_readable_only_then (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GError) error = NULL;
  GPollableInputStream *in = NULL;
  char byte = 0;

  chan_conformance_bytes (f, &near, &far);
  in = G_POLLABLE_INPUT_STREAM (chan_test_input (far));
  g_assert_false (g_pollable_input_stream_is_readable (in));
  g_assert_cmpint (g_pollable_input_stream_read_nonblocking (in, &byte, 1, NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  chan_test_write (chan_test_output (near), "ab");
  chan_test_read (chan_test_input (far), "a");
  g_assert_true (g_pollable_input_stream_is_readable (in));
}

/* --- bounded ---------------------------------------------------------------------------------- */

/* Writes without waiting until nothing goes any more for a while: how much went. */
static gsize
fill_up (GPollableOutputStream *out)
{
  g_autofree guint8 *buffer = g_malloc (16384);
  gsize total = 0;

  for (guint n_refused = 0; n_refused < 20;)
    {
      g_autoptr (GError) error = NULL;
      gssize n = 0;

      chan_test_fill (buffer, 16384, total);
      n = g_pollable_output_stream_write_nonblocking (out, buffer, 16384, NULL, &error);
      if (n > 0)
        {
          total += (gsize) n;
          n_refused = 0;
          g_assert_cmpuint (total, <, TEN_MB);
          continue;
        }
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      n_refused++;
      g_usleep (5000);
    }
  return total;
}

static void
test_bounded (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autofree guint8 *got = NULL;
  g_autofree guint8 *expected = NULL;
  g_autoptr (GError) error = NULL;
  GPollableOutputStream *out = NULL;
  gsize total = 0, n = 0;

  chan_conformance_bytes (f, &near, &far);
  out = G_POLLABLE_OUTPUT_STREAM (chan_test_output (near));
  total = fill_up (out);
  g_assert_cmpuint (total, >, 0);
  g_assert_cmpuint (total, <=, f->shape == CHAN_CONFORMANCE_PIPE ? PIPE_BYTES : LINK_BYTES);
  g_assert_false (g_pollable_output_stream_is_writable (out));
  got = g_malloc (total);
  expected = g_malloc (total);
  g_assert_true (g_input_stream_read_all (chan_test_input (far), got, total, &n, NULL, &error));
  g_assert_no_error (error);
  chan_test_fill (expected, total, 0);
  g_assert_cmpmem (got, (int) n, expected, (int) total);
  chan_test_write (chan_test_output (near), "more");
  chan_test_read (chan_test_input (far), "more");
}

static void
test_write_waits (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_auto (ChanTestWriting) writing = { 0 };
  g_auto (ChanTestReading) reading = { 0 };

  chan_conformance_bytes (f, &near, &far);
  chan_test_writing_start (&writing, chan_test_output (near), TEN_MB, TRUE);
  g_usleep (300 * 1000);
  g_assert_false (chan_test_thread_is_done (&writing.thread));
  reading.stream = chan_test_input (far);
  chan_test_reading_run (&reading);
  chan_test_thread_join (&writing.thread);
  g_assert_no_error (reading.error);
  g_assert_cmpstr (reading.checksum, ==, writing.checksum);
}

/* --- cancelling --------------------------------------------------------------------------------- */

static void
test_cancel_read (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  char buffer[8];

  chan_conformance_bytes (f, &near, &far);
  chan_test_reply_init (&reply, f->context);
  g_input_stream_read_async (chan_test_input (far), buffer, sizeof buffer, G_PRIORITY_DEFAULT, cancellable,
                             chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_cmpint (g_input_stream_read_finish (chan_test_input (far), reply.result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_write (chan_test_output (near), "nothing lost");
  chan_test_read (chan_test_input (far), "nothing lost");
}

static void
test_cancel_write (ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  g_autofree char *got = NULL;
  gsize total = 0, n = 0;

  chan_conformance_bytes (f, &near, &far);
  total = fill_up (G_POLLABLE_OUTPUT_STREAM (chan_test_output (near)));
  chan_test_reply_init (&reply, f->context);
  g_output_stream_write_async (chan_test_output (near), "cancelled", 9, G_PRIORITY_DEFAULT, cancellable,
                               chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_cmpint (g_output_stream_write_finish (chan_test_output (near), reply.result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  got = g_malloc (total);
  g_assert_true (g_input_stream_read_all (chan_test_input (far), got, total, &n, NULL, &error));
  chan_test_write (chan_test_output (near), "kept");
  chan_test_read (chan_test_input (far), "kept");
}

const ChanConformanceTest chan_conformance_bytes_flow[] = {
  { "bytes/ten-megabytes-sync-have-the-same-hash", test_sync, CHAN_CONFORMANCE_BYTES },
  { "bytes/both-ways-at-once", test_both_ways, CHAN_CONFORMANCE_BYTES },
  { "bytes/ten-megabytes-async-in-one-context", test_async, CHAN_CONFORMANCE_BYTES },
  { "bytes/ten-megabytes-with-pollable-sources", test_pollable, CHAN_CONFORMANCE_BYTES },
  { "bytes/readable-only-when-there-is-something", test_readable_only_then, CHAN_CONFORMANCE_BYTES },
  { "bytes/without-a-reader-writing-is-bounded", test_bounded, CHAN_CONFORMANCE_BYTES },
  { "bytes/without-a-reader-a-write-waits", test_write_waits, CHAN_CONFORMANCE_BYTES },
  { "bytes/cancelled-read-loses-nothing", test_cancel_read, CHAN_CONFORMANCE_BYTES },
  { "bytes/cancelled-write-wrote-nothing", test_cancel_write, CHAN_CONFORMANCE_BYTES },
  { NULL },
};
