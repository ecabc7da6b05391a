/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-stream-private.h"
#include "chan-error.h"
#include "chan-pipe.h"

/* Byte pipes within one process. */

#define PIPE_BYTES (64 * 1024)
#define BULK_BYTES ((gsize) 10 * 1024 * 1024)

typedef struct
{
  GIOStream *a, *b;
  GOutputStream *a_out, *b_out; /* borrowed */
  GInputStream *a_in, *b_in;
} Fixture;

static void
fixture_set_up (Fixture *f, gconstpointer data)
{
  chan_byte_pipe_new (&f->a, &f->b);
  f->a_in = g_io_stream_get_input_stream (f->a);
  f->a_out = g_io_stream_get_output_stream (f->a);
  f->b_in = g_io_stream_get_input_stream (f->b);
  f->b_out = g_io_stream_get_output_stream (f->b);
}

static void
fixture_tear_down (Fixture *f, gconstpointer data)
{
  g_clear_object (&f->a);
  g_clear_object (&f->b);
}

static void
assert_writes (GOutputStream *out, const char *text)
{
  GError *error = NULL;

  g_assert_cmpint (g_output_stream_write (out, text, strlen (text), NULL, &error), ==, (gssize) strlen (text));
  g_assert_no_error (error);
}

static void
assert_reads (GInputStream *in, const char *text)
{
  char buffer[256];
  GError *error = NULL;
  gssize n = g_input_stream_read (in, buffer, sizeof buffer, NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (n, >=, 0);
  g_assert_cmpmem (buffer, (int) n, text, (int) strlen (text));
}

static void
assert_read_fails (GInputStream *in, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;
  char buffer[16];

  g_assert_cmpint (g_input_stream_read (in, buffer, sizeof buffer, NULL, &error), ==, -1);
  g_assert_error (error, domain, code);
}

static void
assert_write_fails (GOutputStream *out, GQuark domain, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_output_stream_write (out, "x", 1, NULL, &error), ==, -1);
  g_assert_error (error, domain, code);
}

static gssize
try_write (GOutputStream *out, const void *data, gsize count, GError **error)
{
  return g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (out), data, count, NULL, error);
}

/* Writes until it would have to wait. */
static gsize
fill (GOutputStream *out)
{
  g_autofree char *chunk = g_malloc0 (10000);
  g_autoptr (GError) error = NULL;
  gsize total = 0;
  gssize n;

  while ((n = try_write (out, chunk, 10000, &error)) > 0)
    total += (gsize) n;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  return total;
}

static void
drain (GInputStream *in, gsize count)
{
  g_autofree char *buffer = g_malloc (count);
  GError *error = NULL;
  gsize n;

  g_assert_true (g_input_stream_read_all (in, buffer, count, &n, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (n, ==, count);
}

/* --- how it ends ---------------------------------------------------------------- */

static void
test_eof (Fixture *f, gconstpointer data)
{
  assert_writes (f->a_out, "hello");
  assert_writes (f->a_out, " world");
  g_assert_true (g_output_stream_close (f->a_out, NULL, NULL));
  assert_reads (f->b_in, "hello world");
  assert_reads (f->b_in, "");
  assert_reads (f->b_in, "");
}

static void
test_half_close (Fixture *f, gconstpointer data)
{
  g_assert_true (g_output_stream_close (f->a_out, NULL, NULL));
  assert_reads (f->b_in, "");
  assert_writes (f->b_out, "still here");
  assert_reads (f->a_in, "still here");
  assert_write_fails (f->a_out, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_broken_pipe (Fixture *f, gconstpointer data)
{
  assert_writes (f->a_out, "lost");
  g_assert_true (g_input_stream_close (f->b_in, NULL, NULL));
  assert_write_fails (f->a_out, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_assert_true (g_pollable_output_stream_is_writable (G_POLLABLE_OUTPUT_STREAM (f->a_out)));
  assert_writes (f->b_out, "the other way");
  assert_reads (f->a_in, "the other way");
}

static void
test_dropped_writer (Fixture *f, gconstpointer data)
{
  assert_writes (f->a_out, "part");
  g_clear_object (&f->a);
  assert_reads (f->b_in, "part");
  assert_read_fails (f->b_in, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  assert_read_fails (f->b_in, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  assert_write_fails (f->b_out, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

static void
test_closed_then_dropped (Fixture *f, gconstpointer data)
{
  assert_writes (f->a_out, "all");
  g_assert_true (g_io_stream_close (f->a, NULL, NULL));
  g_clear_object (&f->a);
  assert_reads (f->b_in, "all");
  assert_reads (f->b_in, "");
}

static void
test_abort (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "not you");
  g_autoptr (GError) error = NULL;
  char buffer[16];

  assert_writes (f->a_out, "dropped");
  chan_byte_stream_abort (CHAN_BYTE_STREAM (f->a), reason);
  g_assert_cmpint (g_input_stream_read (f->b_in, buffer, sizeof buffer, NULL, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  g_assert_cmpstr (error->message, ==, "not you");
  assert_write_fails (f->b_out, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  assert_read_fails (f->a_in, G_IO_ERROR, G_IO_ERROR_CLOSED);
  assert_write_fails (f->a_out, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

static void
test_abort_foreign_error (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) reason = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "disk full");

  chan_byte_stream_abort (CHAN_BYTE_STREAM (f->a), reason);
  assert_read_fails (f->b_in, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  assert_write_fails (f->b_out, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_moved (Fixture *f, gconstpointer data)
{
  g_atomic_int_set (chan_byte_input_state (CHAN_BYTE_INPUT (f->a_in)), CHAN_OBJECT_MOVED);
  g_atomic_int_set (chan_byte_output_state (CHAN_BYTE_OUTPUT (f->a_out)), CHAN_OBJECT_MOVED);
  assert_read_fails (f->a_in, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  assert_write_fails (f->a_out, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  g_assert_true (g_io_stream_close (f->a, NULL, NULL));
  g_clear_object (&f->a);
  assert_writes (f->b_out, "for the new owner");
  g_assert_false (g_pollable_input_stream_is_readable (G_POLLABLE_INPUT_STREAM (f->b_in)));
}

static void
test_one_way (void)
{
  ChanPipe *pipe = chan_pipe_core_new (CHAN_ITEM_BYTES, PIPE_BYTES, NULL);
  g_autoptr (GIOStream) reader = G_IO_STREAM (chan_byte_stream_new_for_pipes (pipe, NULL, CHAN_OBJECT_LIVE));
  g_autoptr (GIOStream) writer = G_IO_STREAM (chan_byte_stream_new_for_pipes (NULL, pipe, CHAN_OBJECT_LIVE));

  assert_writes (g_io_stream_get_output_stream (writer), "one way");
  assert_reads (g_io_stream_get_input_stream (reader), "one way");
  assert_read_fails (g_io_stream_get_input_stream (writer), CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  assert_write_fails (g_io_stream_get_output_stream (reader), CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  g_assert_true (chan_byte_stream_get_in_pipe (CHAN_BYTE_STREAM (reader)) == pipe);
  g_assert_null (chan_byte_stream_get_out_pipe (CHAN_BYTE_STREAM (reader)));
  chan_pipe_unref (pipe);
}

/* --- waiting in a thread -------------------------------------------------------- */

static void
test_backpressure (Fixture *f, gconstpointer data)
{
  GPollableOutputStream *out = G_POLLABLE_OUTPUT_STREAM (f->a_out);
  gsize total;

  g_assert_true (g_pollable_output_stream_is_writable (out));
  total = fill (f->a_out);
  g_assert_cmpuint (total, >=, PIPE_BYTES);
  g_assert_cmpuint (total, <, 2 * PIPE_BYTES);
  g_assert_false (g_pollable_output_stream_is_writable (out));
  drain (f->b_in, total - PIPE_BYTES + 1);
  g_assert_true (g_pollable_output_stream_is_writable (out));
  total = PIPE_BYTES - 1 + fill (f->a_out);
  drain (f->b_in, total);
  g_assert_false (g_pollable_input_stream_is_readable (G_POLLABLE_INPUT_STREAM (f->b_in)));
}

typedef struct
{
  Fixture *f;
  GCancellable *cancellable;
  GError *error;
  gssize n;
} Blocked;

static gpointer
write_thread (gpointer data)
{
  Blocked *blocked = data;

  blocked->n = g_output_stream_write (blocked->f->a_out, "more", 4, blocked->cancellable, &blocked->error);
  return NULL;
}

static gpointer
read_thread (gpointer data)
{
  Blocked *blocked = data;
  char buffer[16];

  blocked->n = g_input_stream_read (blocked->f->b_in, buffer, sizeof buffer, blocked->cancellable, &blocked->error);
  return NULL;
}

/* Until the thread waits, as far as one can see it from here. */
static void
wait_for_ring (ChanPipe *pipe, const ChanOpRing *ring)
{
  gboolean waits = FALSE;
  ChanLater later;

  while (!waits)
    {
      chan_later_init (&later);
      chan_pipe_lock (pipe);
      waits = ring->first != NULL;
      chan_pipe_unlock (pipe, &later);
      g_usleep (1000);
    }
}

static void
wait_for_writer (Fixture *f)
{
  ChanPipe *pipe = chan_byte_stream_get_out_pipe (CHAN_BYTE_STREAM (f->a));

  wait_for_ring (pipe, &pipe->senders);
}

static void
wait_for_reader (Fixture *f)
{
  ChanPipe *pipe = chan_byte_stream_get_in_pipe (CHAN_BYTE_STREAM (f->b));

  wait_for_ring (pipe, &pipe->receivers);
}

static void
test_blocked_writer_sees_broken_pipe (Fixture *f, gconstpointer data)
{
  Blocked blocked = { .f = f };
  GThread *thread;

  fill (f->a_out);
  thread = g_thread_new ("writer", write_thread, &blocked);
  wait_for_writer (f);
  g_assert_true (g_input_stream_close (f->b_in, NULL, NULL));
  g_thread_join (thread);
  g_assert_cmpint (blocked.n, ==, -1);
  g_assert_error (blocked.error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
  g_clear_error (&blocked.error);
}

static void
test_cancelled_write_wrote_nothing (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Blocked blocked = { .f = f, .cancellable = cancellable };
  gsize total = fill (f->a_out);
  GThread *thread = g_thread_new ("writer", write_thread, &blocked);

  wait_for_writer (f);
  g_cancellable_cancel (cancellable);
  g_thread_join (thread);
  g_assert_error (blocked.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&blocked.error);
  g_output_stream_close (f->a_out, NULL, NULL);
  drain (f->b_in, total);
  assert_reads (f->b_in, "");
}

static void
test_cancelled_read_lost_nothing (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Blocked blocked = { .f = f, .cancellable = cancellable };
  GThread *thread = g_thread_new ("reader", read_thread, &blocked);

  wait_for_reader (f);
  g_cancellable_cancel (cancellable);
  g_thread_join (thread);
  g_assert_error (blocked.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&blocked.error);
  assert_writes (f->a_out, "kept");
  read_thread (&blocked);
  g_assert_error (blocked.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&blocked.error);
  assert_reads (f->b_in, "kept");
}

static void
test_close_ends_blocked_read (Fixture *f, gconstpointer data)
{
  Blocked blocked = { .f = f };
  GThread *thread = g_thread_new ("reader", read_thread, &blocked);

  wait_for_reader (f);
  g_assert_true (g_io_stream_close (f->b, NULL, NULL));
  g_thread_join (thread);
  g_assert_error (blocked.error, G_IO_ERROR, G_IO_ERROR_CLOSED);
  g_clear_error (&blocked.error);
}

static guint8 *
bulk_new (void)
{
  guint8 *bulk = g_malloc (BULK_BYTES);
  guint32 x = 12345;

  for (gsize i = 0; i < BULK_BYTES; i++)
    {
      x = x * 1664525u + 1013904223u;
      bulk[i] = (guint8) (x >> 24);
    }
  return bulk;
}

static void
assert_is_bulk (const void *data, gsize size, const guint8 *bulk)
{
  g_autofree char *expected = g_compute_checksum_for_data (G_CHECKSUM_SHA256, bulk, BULK_BYTES);
  g_autofree char *sum = g_compute_checksum_for_data (G_CHECKSUM_SHA256, data, size);

  g_assert_cmpuint (size, ==, BULK_BYTES);
  g_assert_cmpstr (sum, ==, expected);
}

typedef struct
{
  GOutputStream *out;
  const guint8 *bulk;
} BulkWriter;

static gpointer
bulk_thread (gpointer data)
{
  BulkWriter *writer = data;

  g_assert_true (g_output_stream_write_all (writer->out, writer->bulk, BULK_BYTES, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (writer->out, NULL, NULL));
  return NULL;
}

static void
test_bulk_between_threads (Fixture *f, gconstpointer data)
{
  g_autofree guint8 *bulk = bulk_new ();
  g_autofree guint8 *received = g_malloc (BULK_BYTES + 1);
  BulkWriter writer = { f->a_out, bulk };
  GThread *thread = g_thread_new ("writer", bulk_thread, &writer);
  gsize n;

  g_assert_true (g_input_stream_read_all (f->b_in, received, BULK_BYTES + 1, &n, NULL, NULL));
  g_thread_join (thread);
  assert_is_bulk (received, n, bulk);
}

#define ADD(name, func) g_test_add ("/byte-pipe/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("eof-after-close", test_eof);
  ADD ("half-close-leaves-the-other-half", test_half_close);
  ADD ("closed-reader-is-a-broken-pipe", test_broken_pipe);
  ADD ("dropped-writer-is-an-error", test_dropped_writer);
  ADD ("closed-then-dropped-is-the-end", test_closed_then_dropped);
  ADD ("abort-tells-the-reason", test_abort);
  ADD ("abort-with-foreign-error-is-reset", test_abort_foreign_error);
  ADD ("moved-fails-and-ends-nothing", test_moved);
  g_test_add_func ("/byte-pipe/one-way-refuses-the-other", test_one_way);
  ADD ("backpressure-bounds-the-queue", test_backpressure);
  ADD ("blocked-writer-sees-broken-pipe", test_blocked_writer_sees_broken_pipe);
  ADD ("cancelled-write-wrote-nothing", test_cancelled_write_wrote_nothing);
  ADD ("cancelled-read-lost-nothing", test_cancelled_read_lost_nothing);
  ADD ("close-ends-blocked-read", test_close_ends_blocked_read);
  ADD ("bulk-between-threads-is-unchanged", test_bulk_between_threads);
  return g_test_run ();
}
