/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libchan-glib/wire/chan-output-queue.h"

#include <malloc.h>
#include <string.h>

static void
assert_no_memory (const ChanOutputQueue *queue)
{
  g_assert_cmpuint (queue->bytes, ==, 0);
  g_assert_cmpuint (queue->n, ==, 0);
  g_assert_null (queue->chunk);
  g_assert_true (queue->pieces == queue->inline_pieces);
}

static void
test_small_ones_join (void)
{
  ChanOutputQueue queue;
  ChanSpdySegment segments[4];

  chan_output_queue_init (&queue, FALSE);
  assert_no_memory (&queue);
  for (guint i = 0; i < 100; i++)
    chan_output_queue_append (&queue, (const guint8 *) "0123456789", 10);
  memcpy (chan_output_queue_reserve (&queue, 3), "abc", 3);
  g_assert_cmpuint (chan_output_queue_peek (&queue, segments, 4), ==, 1);
  g_assert_cmpuint (segments[0].len, ==, 1003);
  g_assert_cmpmem (segments[0].data + 998, 5, "89abc", 5);
  chan_output_queue_consume (&queue, 1001);
  g_assert_cmpuint (chan_output_queue_peek (&queue, segments, 4), ==, 1);
  g_assert_cmpmem (segments[0].data, (int) segments[0].len, "bc", 2);
  chan_output_queue_consume (&queue, 2);
  assert_no_memory (&queue);
}

/* A thousand peers that do not read yet must not cost 64 KiB each. */
static void
test_few_bytes_take_little (void)
{
  static ChanOutputQueue queues[1000];
  struct mallinfo2 before = mallinfo2 ();
  struct mallinfo2 after;

  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      chan_output_queue_init (&queues[i], FALSE);
      memset (chan_output_queue_reserve (&queues[i], 8), 0, 8);
    }
  after = mallinfo2 ();
  g_assert_cmpuint (after.uordblks + after.hblkhd - before.uordblks - before.hblkhd, <, G_N_ELEMENTS (queues) * 5000);
  for (guint i = 0; i < G_N_ELEMENTS (queues); i++)
    {
      /* What must always fit still does. */
      memset (chan_output_queue_reserve (&queues[i], CHAN_OUTPUT_QUEUE_RESERVE_MAX), 0, CHAN_OUTPUT_QUEUE_RESERVE_MAX);
      g_assert_cmpuint (queues[i].bytes, ==, 8 + CHAN_OUTPUT_QUEUE_RESERVE_MAX);
      chan_output_queue_clear (&queues[i]);
      assert_no_memory (&queues[i]);
    }
}

static void
test_large_ones_are_referenced (void)
{
  ChanOutputQueue queue;
  ChanSpdySegment segments[8];
  GBytes *bytes = g_bytes_new_take (g_malloc0 (100000), 100000);
  const guint8 *data = g_bytes_get_data (bytes, NULL);
  g_autoptr (GBytes) second = g_bytes_ref (bytes);

  chan_output_queue_init (&queue, FALSE);
  chan_output_queue_append (&queue, (const guint8 *) "head", 4);
  chan_output_queue_append_owned (&queue, data, 50000, bytes);
  chan_output_queue_append_owned (&queue, data + 50000, 50000, bytes);
  chan_output_queue_append (&queue, (const guint8 *) "tail", 4);
  g_bytes_unref (bytes);
  g_assert_cmpuint (chan_output_queue_peek (&queue, segments, 8), ==, 3);
  g_assert_true (segments[1].data == data);
  g_assert_cmpuint (segments[1].len, ==, 100000);
  g_assert_cmpmem (segments[2].data, (int) segments[2].len, "tail", 4);
  chan_output_queue_consume (&queue, 4 + 99999);
  g_assert_cmpuint (chan_output_queue_peek (&queue, segments, 1), ==, 1);
  g_assert_true (segments[0].data == data + 99999);
  chan_output_queue_consume (&queue, 5);
  assert_no_memory (&queue);
}

static void
test_clear_frees (void)
{
  ChanOutputQueue queue;
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (30000), 30000);

  chan_output_queue_init (&queue, TRUE);
  for (guint i = 0; i < 50; i++)
    {
      chan_output_queue_append (&queue, (const guint8 *) "head", 4);
      chan_output_queue_append_owned (&queue, g_bytes_get_data (bytes, NULL), 30000, bytes);
    }
  g_assert_cmpuint (queue.bytes, ==, 50 * 30004);
  chan_output_queue_clear (&queue);
  assert_no_memory (&queue);
}

/* Bytes are a running number, so that any loss, repetition or disorder shows. */
typedef struct
{
  ChanOutputQueue queue;
  guint32 written, read;
} Model;

static void
model_append (Model *self, GRand *rand)
{
  guint kind = g_rand_int_range (rand, 0, 3);
  gsize len = (gsize) g_rand_int_range (rand, 1, kind == 2 ? 100000 : 5000);
  guint8 *data = g_malloc (len);
  g_autoptr (GBytes) bytes = g_bytes_new_take (data, len);

  for (gsize i = 0; i < len; i++)
    data[i] = (guint8) ((self->written + i) % 251);
  if (kind == 0)
    memcpy (chan_output_queue_reserve (&self->queue, len), data, len);
  else if (kind == 1)
    chan_output_queue_append (&self->queue, data, len);
  else
    chan_output_queue_append_owned (&self->queue, data, len, bytes);
  self->written += (guint32) len;
}

static void
model_take (Model *self, GRand *rand)
{
  ChanSpdySegment segments[16];
  gsize n = chan_output_queue_peek (&self->queue, segments, (gsize) g_rand_int_range (rand, 1, 16));
  gsize total = 0, taken;

  for (gsize i = 0; i < n; i++)
    {
      for (gsize k = 0; k < segments[i].len; k++, total++)
        g_assert_cmpuint (segments[i].data[k], ==, (self->read + total) % 251);
    }
  taken = total > 0 ? (gsize) g_rand_int_range (rand, 0, (gint32) total + 1) : 0;
  chan_output_queue_consume (&self->queue, taken);
  self->read += (guint32) taken;
}

static void
run_model (gboolean small)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);
  Model model = { .written = 0 };

  chan_output_queue_init (&model.queue, small);
  for (guint i = 0; i < 2000; i++)
    {
      if (g_rand_int_range (rand, 0, 5) < 2)
        model_append (&model, rand);
      else
        model_take (&model, rand);
      g_assert_cmpuint (model.queue.bytes, ==, model.written - model.read);
    }
  while (model.queue.bytes > 0)
    model_take (&model, rand);
  g_assert_cmpuint (model.written, >, 1000000);
  g_assert_cmpuint (model.written, ==, model.read);
  assert_no_memory (&model.queue);
}

static void
test_model (void)
{
  run_model (FALSE);
  run_model (TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/output-queue/small-pieces-join-and-empty-owns-nothing", test_small_ones_join);
  g_test_add_func ("/output-queue/few-bytes-take-little-memory", test_few_bytes_take_little);
  g_test_add_func ("/output-queue/large-pieces-are-referenced", test_large_ones_are_referenced);
  g_test_add_func ("/output-queue/clear-frees-everything", test_clear_frees);
  g_test_add_func ("/output-queue/bytes-come-out-as-they-went-in", test_model);
  return g_test_run ();
}
