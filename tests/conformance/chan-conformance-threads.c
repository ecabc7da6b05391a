/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Any number of threads, channels and readers of different patience. */

#define N_SENDERS 8
#define N_RECEIVERS 4
#define PER_SENDER 500

typedef struct
{
  ChanTestThread thread;
  ChanReceiver *rx;
  GArray *numbers; /* in the order in which this thread got them */
} Collector;

static void
collect_run (gpointer data)
{
  Collector *self = data;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = chan_receiver_receive_until (self->rx, chan_test_deadline (), NULL, &error);
      guint64 number = 0;

      g_assert_no_error (error);
      if (message == NULL)
        return;
      number = chan_test_number (message);
      g_array_append_val (self->numbers, number);
    }
}

/* Each number once, and the numbers of each sender in its order, as far as one thread can tell. */
static void
check_collected (Collector *collectors)
{
  g_autofree guint8 *seen = g_malloc0 (N_SENDERS * PER_SENDER);

  for (guint i = 0; i < N_RECEIVERS; i++)
    {
      gint64 last[N_SENDERS];

      for (guint j = 0; j < N_SENDERS; j++)
        last[j] = -1;
      for (guint j = 0; j < collectors[i].numbers->len; j++)
        {
          guint64 number = g_array_index (collectors[i].numbers, guint64, j);
          guint sender = (guint) (number / PER_SENDER);

          g_assert_cmpuint (number, <, N_SENDERS * PER_SENDER);
          g_assert_cmpuint (seen[number], ==, 0);
          g_assert_cmpint ((gint64) number, >, last[sender]);
          seen[number] = 1;
          last[sender] = (gint64) number;
        }
    }
  for (guint i = 0; i < N_SENDERS * PER_SENDER; i++)
    g_assert_cmpuint (seen[i], ==, 1);
}

static void
many_threads (ChanConformanceFixture *f, guint capacity)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestSending sending[N_SENDERS] = { 0 };
  Collector collectors[N_RECEIVERS] = { 0 };

  chan_conformance_channel (f, capacity, &tx, &rx);
  for (guint i = 0; i < N_RECEIVERS; i++)
    {
      collectors[i].rx = rx;
      collectors[i].numbers = g_array_new (FALSE, FALSE, sizeof (guint64));
      chan_test_thread_start (&collectors[i].thread, collect_run, &collectors[i]);
    }
  for (guint i = 0; i < N_SENDERS; i++)
    chan_test_sending_start (&sending[i], tx, i * PER_SENDER, PER_SENDER, FALSE);
  for (guint i = 0; i < N_SENDERS; i++)
    {
      chan_test_sending_join (&sending[i]);
      g_assert_no_error (sending[i].error);
      chan_test_sending_clear (&sending[i]);
    }
  chan_sender_close (tx);
  for (guint i = 0; i < N_RECEIVERS; i++)
    chan_test_thread_join (&collectors[i].thread);
  check_collected (collectors);
  for (guint i = 0; i < N_RECEIVERS; i++)
    g_array_unref (collectors[i].numbers);
}

static void
test_many (ChanConformanceFixture *f)
{
  many_threads (f, 64);
}

static void
test_many_rendezvous (ChanConformanceFixture *f)
{
  many_threads (f, 0);
}

/* --- many channels ------------------------------------------------------------------------ */

#define N_CHANNELS 200

static void
test_channels (ChanConformanceFixture *f)
{
  ChanSender *tx[N_CHANNELS];
  ChanReceiver *rx[N_CHANNELS];

  for (guint i = 0; i < N_CHANNELS; i++)
    chan_conformance_channel (f, 64, &tx[i], &rx[i]);
  for (guint round = 0; round < 5; round++)
    {
      for (guint i = 0; i < N_CHANNELS; i++)
        chan_test_send (tx[i], i * 1000 + round * 3, 3);
      for (guint i = 0; i < N_CHANNELS; i++)
        chan_test_take (rx[N_CHANNELS - 1 - i], (N_CHANNELS - 1 - i) * 1000 + round * 3, 3);
    }
  for (guint i = 0; i < N_CHANNELS; i++)
    {
      chan_sender_close (tx[i]);
      chan_test_assert_closed (rx[i]);
      g_object_unref (tx[i]);
      g_object_unref (rx[i]);
    }
}

/* Threads that each use a channel of their own, all by one session */
static void
pair_run (gpointer data)
{
  gpointer *ends = data;
  g_auto (ChanTestSending) sending = { 0 };

  chan_test_sending_start (&sending, ends[0], 0, 300, TRUE);
  chan_test_take (ends[1], 0, 300);
  chan_test_assert_closed (ends[1]);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
}

static void
test_channel_each (ChanConformanceFixture *f)
{
  ChanTestThread threads[6];
  gpointer ends[6][2];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    chan_conformance_channel (f, 8, (ChanSender **) &ends[i][0], (ChanReceiver **) &ends[i][1]);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    chan_test_thread_start (&threads[i], pair_run, ends[i]);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      chan_test_thread_join (&threads[i]);
      g_object_unref (ends[i][0]);
      g_object_unref (ends[i][1]);
    }
}

/* --- readers of different patience ------------------------------------------------------------ */

static void
test_slow_reader (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) slow_tx = NULL;
  g_autoptr (ChanReceiver) slow_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) slow = { 0 };
  g_auto (ChanTestSending) fast = { 0 };

  chan_conformance_channel (f, 64, &slow_tx, &slow_rx);
  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_sending_start (&slow, slow_tx, 0, 2000, TRUE);
  chan_test_thread_assert_waits (&slow.thread);
  chan_test_sending_start (&fast, tx, 0, 2000, TRUE);
  chan_test_take (rx, 0, 2000);
  chan_test_assert_closed (rx);
  g_assert_false (chan_test_thread_is_done (&slow.thread));
  chan_test_take (slow_rx, 0, 2000);
  chan_test_assert_closed (slow_rx);
}

/* The same with so many bytes that the window of the slow one is used up. */
typedef struct
{
  ChanTestThread thread;
  ChanSender *tx;
  guint n;
} Heavy;

static void
heavy_run (gpointer data)
{
  Heavy *self = data;
  g_autoptr (ChanMessage) message = chan_test_message_bytes (50000);

  for (guint i = 0; i < self->n; i++)
    chan_test_send_message (self->tx, message);
  chan_sender_close (self->tx);
}

static void
take_heavy (ChanReceiver *rx, guint n)
{
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_receive (rx);

      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, 50000);
    }
  chan_test_assert_closed (rx);
}

static void
test_slow_heavy_reader (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) slow_tx = NULL;
  g_autoptr (ChanReceiver) slow_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Heavy slow = { .n = 200 };
  Heavy fast = { .n = 200 };

  chan_conformance_channel (f, 64, &slow_tx, &slow_rx);
  chan_conformance_channel (f, 64, &tx, &rx);
  slow.tx = slow_tx;
  fast.tx = tx;
  chan_test_thread_start (&slow.thread, heavy_run, &slow);
  chan_test_thread_assert_waits (&slow.thread);
  chan_test_thread_start (&fast.thread, heavy_run, &fast);
  take_heavy (rx, 200);
  g_assert_false (chan_test_thread_is_done (&slow.thread));
  take_heavy (slow_rx, 200);
  chan_test_thread_join (&fast.thread);
  chan_test_thread_join (&slow.thread);
}

/* Eight large messages at once: more than two windows, and each must get through. */
static void
large_run (gpointer data)
{
  g_autoptr (ChanMessage) message = chan_test_message_bytes (3 << 20);

  chan_test_send_message (data, message);
}

static void
test_large_interleaved (ChanConformanceFixture *f)
{
  ChanSender *tx[8];
  ChanReceiver *rx[8];
  ChanTestThread threads[8];

  for (guint i = 0; i < 8; i++)
    {
      chan_conformance_channel (f, 64, &tx[i], &rx[i]);
      chan_test_thread_start (&threads[i], large_run, tx[i]);
    }
  for (guint i = 0; i < 8; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_receive (rx[i]);

      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, 3 << 20);
    }
  for (guint i = 0; i < 8; i++)
    {
      chan_test_thread_join (&threads[i]);
      g_object_unref (tx[i]);
      g_object_unref (rx[i]);
    }
}

const ChanConformanceTest chan_conformance_threads[] = {
  { "threads/eight-senders-and-four-receivers-lose-and-double-nothing", test_many, CHAN_CONFORMANCE_ALL },
  { "threads/eight-senders-and-four-receivers-meet-without-a-queue", test_many_rendezvous, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "threads/a-channel-for-each", test_channel_each, CHAN_CONFORMANCE_ALL },
  { "channels/two-hundred-at-once", test_channels, CHAN_CONFORMANCE_DIRECT },
  { "channels/slow-reader-does-not-stop-another", test_slow_reader, CHAN_CONFORMANCE_ALL },
  { "channels/slow-reader-of-large-messages-does-not-stop-another", test_slow_heavy_reader, CHAN_CONFORMANCE_ALL },
  { "channels/large-messages-on-eight-at-once-all-arrive", test_large_interleaved, CHAN_CONFORMANCE_DIRECT },
  { NULL },
};
