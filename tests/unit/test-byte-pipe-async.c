/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-byte-stream-private.h"
#include "chan-error.h"
#include "chan-pipe.h"

/* Byte pipes in a main loop: asynchronous operations, sources, splices. */

#define BULK_BYTES ((gsize) 10 * 1024 * 1024)

typedef struct
{
  GIOStream *a, *b;
  GOutputStream *a_out, *b_out; /* borrowed */
  GInputStream *a_in, *b_in;
  char buffer[32];
  GAsyncResult *result; /* of the operation that ended */
  guint n_ready;
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
  g_clear_object (&f->result);
  g_clear_object (&f->a);
  g_clear_object (&f->b);
}

static void
ended_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fixture *f = data;

  g_assert_null (f->result);
  f->result = g_object_ref (result);
}

static void
run_until_ended (Fixture *f)
{
  while (f->result == NULL)
    g_main_context_iteration (g_main_context_get_thread_default (), TRUE);
}

/* A few turns, in which nothing may end. */
static void
assert_still_waits (Fixture *f)
{
  for (guint i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_null (f->result);
}

static void
start_read (Fixture *f, GCancellable *cancellable)
{
  g_input_stream_read_async (f->b_in, f->buffer, sizeof f->buffer, G_PRIORITY_DEFAULT, cancellable, ended_cb, f);
  g_assert_null (f->result);
}

static gssize
finish_read (Fixture *f, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  run_until_ended (f);
  result = g_steal_pointer (&f->result);
  return g_input_stream_read_finish (f->b_in, result, error);
}

static gssize
finish_write (Fixture *f, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;

  run_until_ended (f);
  result = g_steal_pointer (&f->result);
  return g_output_stream_write_finish (f->a_out, result, error);
}

static void
assert_finish_reads (Fixture *f, const char *text)
{
  g_autoptr (GError) error = NULL;
  gssize n = finish_read (f, &error);

  g_assert_no_error (error);
  g_assert_cmpmem (f->buffer, (int) n, text, (int) strlen (text));
}

static gsize
fill (GOutputStream *out)
{
  g_autofree char *chunk = g_malloc0 (10000);
  gsize total = 0;
  gssize n;

  while ((n = g_pollable_output_stream_write_nonblocking (G_POLLABLE_OUTPUT_STREAM (out), chunk, 10000, NULL, NULL)) > 0)
    total += (gsize) n;
  return total;
}

static void
drain (GInputStream *in, gsize count)
{
  g_autofree char *buffer = g_malloc (count);

  g_assert_true (g_input_stream_read_all (in, buffer, count, NULL, NULL, NULL));
}

/* --- asynchronous operations ---------------------------------------------------- */

static void
test_read_waits (Fixture *f, gconstpointer data)
{
  start_read (f, NULL);
  assert_still_waits (f);
  g_assert_cmpint (g_output_stream_write (f->a_out, "late", 4, NULL, NULL), ==, 4);
  assert_finish_reads (f, "late");
}

static void
test_read_ready (Fixture *f, gconstpointer data)
{
  g_assert_cmpint (g_output_stream_write (f->a_out, "early", 5, NULL, NULL), ==, 5);
  start_read (f, NULL);
  assert_finish_reads (f, "early");
}

static void
test_read_end (Fixture *f, gconstpointer data)
{
  start_read (f, NULL);
  g_assert_true (g_output_stream_close (f->a_out, NULL, NULL));
  assert_finish_reads (f, "");
  start_read (f, NULL);
  assert_finish_reads (f, "");
}

static void
test_read_dropped_writer (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  start_read (f, NULL);
  g_clear_object (&f->a);
  g_assert_cmpint (finish_read (f, &error), ==, -1);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_read_cancelled (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  start_read (f, cancellable);
  assert_still_waits (f);
  g_cancellable_cancel (cancellable);
  /* It arrives after the cancellation, and is not taken by it. */
  g_assert_cmpint (g_output_stream_write (f->a_out, "kept", 4, NULL, NULL), ==, 4);
  g_assert_cmpint (finish_read (f, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  start_read (f, cancellable);
  g_assert_cmpint (finish_read (f, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  start_read (f, NULL);
  assert_finish_reads (f, "kept");
}

static void
test_read_closed (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  start_read (f, NULL);
  g_assert_true (g_io_stream_close (f->b, NULL, NULL));
  g_assert_cmpint (finish_read (f, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CLOSED);
}

/* Whoever waits, waits in the context in which it began. */
static void
test_own_context (Fixture *f, gconstpointer data)
{
  GMainContext *context = g_main_context_new ();

  g_main_context_push_thread_default (context);
  start_read (f, NULL);
  g_assert_cmpint (g_output_stream_write (f->a_out, "here", 4, NULL, NULL), ==, 4);
  g_main_context_pop_thread_default (context);
  assert_still_waits (f);
  g_main_context_push_thread_default (context);
  assert_finish_reads (f, "here");
  g_main_context_pop_thread_default (context);
  g_main_context_unref (context);
}

static void
test_write_waits (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gsize total = fill (f->a_out);

  g_output_stream_write_async (f->a_out, "more", 4, G_PRIORITY_DEFAULT, NULL, ended_cb, f);
  assert_still_waits (f);
  drain (f->b_in, total);
  g_assert_cmpint (finish_write (f, &error), ==, 4);
  g_assert_no_error (error);
  start_read (f, NULL);
  assert_finish_reads (f, "more");
}

/* Woken for room that somebody else takes: it waits again, and still can be cancelled. */
static void
test_write_waits_again (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  ChanPipe *pipe = chan_byte_stream_get_out_pipe (CHAN_BYTE_STREAM (f->a));
  gsize total = fill (f->a_out);
  ChanLater later;

  g_output_stream_write_async (f->a_out, "more", 4, G_PRIORITY_DEFAULT, cancellable, ended_cb, f);
  drain (f->b_in, total);
  chan_later_init (&later);
  chan_pipe_lock (pipe);
  while (chan_pipe_has_room (pipe))
    chan_pipe_accept (pipe, g_bytes_new_take (g_malloc0 (1000), 1000), &later, NULL);
  chan_pipe_unlock (pipe, &later);
  assert_still_waits (f);
  g_cancellable_cancel (cancellable);
  g_assert_cmpint (finish_write (f, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_write_broken_pipe (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fill (f->a_out);
  g_output_stream_write_async (f->a_out, "more", 4, G_PRIORITY_DEFAULT, NULL, ended_cb, f);
  assert_still_waits (f);
  g_clear_object (&f->b);
  g_assert_cmpint (finish_write (f, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE);
}

static void
test_close_async (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_io_stream_close_async (f->a, G_PRIORITY_DEFAULT, NULL, ended_cb, f);
  g_assert_null (f->result);
  run_until_ended (f);
  g_assert_true (g_io_stream_close_finish (f->a, f->result, &error));
  g_assert_no_error (error);
  g_clear_object (&f->result);
  g_assert_true (g_io_stream_is_closed (f->a));
  start_read (f, NULL);
  assert_finish_reads (f, "");
}

static void
test_flush_async (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_output_stream_flush_async (f->a_out, G_PRIORITY_DEFAULT, NULL, ended_cb, f);
  run_until_ended (f);
  g_assert_true (g_output_stream_flush_finish (f->a_out, f->result, &error));
  g_assert_no_error (error);
}

/* --- sources -------------------------------------------------------------------- */

static gboolean
pollable_cb (GObject *stream, gpointer data)
{
  Fixture *f = data;

  g_assert_true (stream == G_OBJECT (f->b_in) || stream == G_OBJECT (f->a_out));
  f->n_ready++;
  return G_SOURCE_CONTINUE;
}

static GSource *
attach (Fixture *f, GSource *source)
{
  g_source_set_callback (source, G_SOURCE_FUNC (pollable_cb), f, NULL);
  g_source_attach (source, NULL);
  return source;
}

static guint
turn (Fixture *f)
{
  f->n_ready = 0;
  for (guint i = 0; i < 10; i++)
    g_main_context_iteration (NULL, FALSE);
  return f->n_ready;
}

static void
test_readable_source (Fixture *f, gconstpointer data)
{
  GSource *source = attach (f, g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (f->b_in), NULL));

  g_assert_cmpuint (turn (f), ==, 0);
  g_assert_cmpint (g_output_stream_write (f->a_out, "x", 1, NULL, NULL), ==, 1);
  g_assert_cmpuint (turn (f), >, 0);
  drain (f->b_in, 1);
  turn (f);
  g_assert_cmpuint (turn (f), ==, 0);
  g_assert_true (g_output_stream_close (f->a_out, NULL, NULL));
  g_assert_cmpuint (turn (f), >, 0);
  g_source_destroy (source);
  g_source_unref (source);
}

static void
test_writable_source (Fixture *f, gconstpointer data)
{
  GSource *source = attach (f, g_pollable_output_stream_create_source (G_POLLABLE_OUTPUT_STREAM (f->a_out), NULL));
  gsize total;

  g_assert_cmpuint (turn (f), >, 0);
  total = fill (f->a_out);
  turn (f);
  g_assert_cmpuint (turn (f), ==, 0);
  drain (f->b_in, total);
  g_assert_cmpuint (turn (f), >, 0);
  g_source_destroy (source);
  g_source_unref (source);
}

static void
test_source_cancellable (Fixture *f, gconstpointer data)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  GSource *source = attach (f, g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (f->b_in), cancellable));

  g_assert_cmpuint (turn (f), ==, 0);
  g_cancellable_cancel (cancellable);
  g_assert_cmpuint (turn (f), >, 0);
  g_source_destroy (source);
  g_source_unref (source);
}

static void
test_source_of_missing_half (void)
{
  g_autoptr (GIOStream) stream = G_IO_STREAM (chan_byte_stream_new_for_pipes (NULL, NULL, CHAN_OBJECT_LIVE));
  Fixture f = { .b_in = g_io_stream_get_input_stream (stream) };
  GSource *source = attach (&f, g_pollable_input_stream_create_source (G_POLLABLE_INPUT_STREAM (f.b_in), NULL));

  g_assert_cmpuint (turn (&f), >, 0);
  g_source_destroy (source);
  g_source_unref (source);
}

/* --- splices -------------------------------------------------------------------- */

static void
count_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  guint *n = data;
  GError *error = NULL;

  g_output_stream_splice_finish (G_OUTPUT_STREAM (source), result, &error);
  g_assert_no_error (error);
  ++*n;
}

static guint
count_threads (void)
{
  GDir *dir = g_dir_open ("/proc/self/task", 0, NULL);
  guint n = 0;

  g_assert_nonnull (dir);
  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static GBytes *
bulk_new (void)
{
  guint8 *bulk = g_malloc (BULK_BYTES);
  guint32 x = 12345;

  for (gsize i = 0; i < BULK_BYTES; i++)
    {
      x = x * 1664525u + 1013904223u;
      bulk[i] = (guint8) (x >> 24);
    }
  return g_bytes_new_take (bulk, BULK_BYTES);
}

/* There, echoed, and back: both directions at once. */
static void
test_splice (Fixture *f, gconstpointer data)
{
  const GOutputStreamSpliceFlags close_both = G_OUTPUT_STREAM_SPLICE_CLOSE_SOURCE | G_OUTPUT_STREAM_SPLICE_CLOSE_TARGET;
  g_autoptr (GBytes) bulk = bulk_new ();
  g_autoptr (GInputStream) from = g_memory_input_stream_new_from_bytes (bulk);
  g_autoptr (GOutputStream) to = g_memory_output_stream_new_resizable ();
  g_autoptr (GBytes) received = NULL;
  g_autofree char *sent_sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, bulk);
  g_autofree char *sum = NULL;
  guint n_threads, n_ended = 0;

  /* GTask has GLib's own worker thread started. */
  g_type_ensure (G_TYPE_TASK);
  n_threads = count_threads ();
  g_output_stream_splice_async (f->a_out, from, close_both, G_PRIORITY_DEFAULT, NULL, count_cb, &n_ended);
  g_output_stream_splice_async (f->b_out, f->b_in, close_both, G_PRIORITY_DEFAULT, NULL, count_cb, &n_ended);
  g_output_stream_splice_async (to, f->a_in, close_both, G_PRIORITY_DEFAULT, NULL, count_cb, &n_ended);
  while (n_ended < 3)
    {
      g_main_context_iteration (NULL, TRUE);
      g_assert_cmpuint (count_threads (), <=, n_threads);
    }
  received = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (to));
  sum = g_compute_checksum_for_bytes (G_CHECKSUM_SHA256, received);
  g_assert_cmpuint (g_bytes_get_size (received), ==, BULK_BYTES);
  g_assert_cmpstr (sum, ==, sent_sum);
}

#define ADD(name, func) g_test_add ("/byte-pipe-async/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("splice-both-ways-without-threads", test_splice);
  ADD ("read-waits-for-bytes", test_read_waits);
  ADD ("read-of-what-is-there", test_read_ready);
  ADD ("read-sees-the-end", test_read_end);
  ADD ("read-sees-dropped-writer", test_read_dropped_writer);
  ADD ("cancelled-read-lost-nothing", test_read_cancelled);
  ADD ("close-ends-a-waiting-read", test_read_closed);
  ADD ("callback-in-own-context", test_own_context);
  ADD ("write-waits-for-room", test_write_waits);
  ADD ("write-waits-again", test_write_waits_again);
  ADD ("write-sees-broken-pipe", test_write_broken_pipe);
  ADD ("close-async-closes-both", test_close_async);
  ADD ("flush-async-ends", test_flush_async);
  ADD ("readable-source", test_readable_source);
  ADD ("writable-source", test_writable_source);
  ADD ("source-ready-when-cancelled", test_source_cancellable);
  g_test_add_func ("/byte-pipe-async/source-of-missing-half", test_source_of_missing_half);
  return g_test_run ();
}
