/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* To wait for a message and not to take it: everything stays as it was. */

typedef struct
{
  ChanTestThread thread;
  ChanReceiver *rx;
  GCancellable *cancellable;
  gboolean result;
} Waiting;

static void
waiting_run (gpointer data)
{
  Waiting *self = data;

  self->result = chan_receiver_wait_until (self->rx, chan_test_deadline (), self->cancellable);
}

static void
waiting_start (Waiting *self, ChanReceiver *rx, GCancellable *cancellable)
{
  self->rx = rx;
  self->cancellable = cancellable;
  chan_test_thread_start (&self->thread, waiting_run, self);
}

static gboolean
waiting_join (Waiting *self)
{
  chan_test_thread_join (&self->thread);
  return self->result;
}

/* For a new channel, on which nothing came yet. */
static void
begin_waiting (ChanConformanceFixture *f, Waiting *waiting, ChanSender **tx, ChanReceiver **rx)
{
  chan_conformance_channel (f, 64, tx, rx);
  waiting_start (waiting, *rx, NULL);
  chan_test_thread_assert_waits (&waiting->thread);
}

static void
test_message (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Waiting waiting = { 0 };

  begin_waiting (f, &waiting, &tx, &rx);
  chan_test_send (tx, 0, 2);
  g_assert_true (waiting_join (&waiting));
  g_assert_true (chan_receiver_wait_until (rx, 0, NULL));
  chan_test_take (rx, 0, 2);
  g_assert_false (chan_receiver_wait_until (rx, chan_test_soon (), NULL));
}

static void
test_end (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Waiting waiting = { 0 };

  begin_waiting (f, &waiting, &tx, &rx);
  chan_sender_close (tx);
  g_assert_true (waiting_join (&waiting));
  g_assert_true (chan_receiver_wait_until (rx, 0, NULL));
  chan_test_assert_closed (rx);
}

static void
test_reset (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Waiting waiting = { 0 };

  begin_waiting (f, &waiting, &tx, &rx);
  chan_sender_reset (tx);
  g_assert_true (waiting_join (&waiting));
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_closed_here (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Waiting waiting = { 0 };

  begin_waiting (f, &waiting, &tx, &rx);
  chan_receiver_close (rx);
  g_assert_true (waiting_join (&waiting));
  g_assert_true (chan_receiver_wait_until (rx, 0, NULL));
}

static void
test_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Waiting waiting = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  waiting_start (&waiting, rx, cancellable);
  chan_test_thread_assert_waits (&waiting.thread);
  g_cancellable_cancel (cancellable);
  g_assert_false (waiting_join (&waiting));
  g_assert_false (chan_receiver_wait_until (rx, 0, cancellable));
  g_cancellable_reset (cancellable);
  chan_test_send (tx, 0, 1);
  g_assert_true (chan_receiver_wait_until (rx, chan_test_deadline (), cancellable));
  chan_test_take (rx, 0, 1);
}

/* Who waits and who receives, of one channel: the one message goes to who receives, and the others wait for more. */
static void
test_several (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestReceiving) receiving = { 0 };
  Waiting waiting[3] = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 2; i++)
    waiting_start (&waiting[i], rx, NULL);
  chan_test_thread_assert_waits (&waiting[1].thread);
  chan_test_receiving_start (&receiving, rx, NULL);
  waiting_start (&waiting[2], rx, NULL);
  chan_test_thread_assert_waits (&waiting[2].thread);
  chan_test_send (tx, 0, 1);
  chan_test_thread_join (&receiving.thread);
  g_assert_no_error (receiving.error);
  g_assert_cmpuint (chan_test_number (receiving.message), ==, 0);
  chan_test_send (tx, 1, 1);
  for (guint i = 0; i < G_N_ELEMENTS (waiting); i++)
    g_assert_true (waiting_join (&waiting[i]));
  chan_test_take (rx, 1, 1);
  chan_test_assert_nothing_comes (rx);
}

/* One message at a time, each waited for: none is missed. */
static void
test_each (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  guint64 next = 0;

  chan_conformance_channel (f, 2, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, 500, TRUE);
  for (;;)
    {
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (GError) error = NULL;
      ChanTake take;

      g_assert_true (chan_receiver_wait_until (rx, chan_test_deadline (), NULL));
      take = chan_receiver_try_receive (rx, &message, &error);
      g_assert_no_error (error);
      if (take == CHAN_TAKE_CLOSED)
        break;
      g_assert_cmpint (take, ==, CHAN_TAKE_MESSAGE);
      g_assert_cmpuint (chan_test_number (message), ==, next++);
    }
  g_assert_cmpuint (next, ==, 500);
  chan_test_sending_join (&sending);
}

/* Capacity 0: who waits is not yet who takes. */
static void
test_rendezvous (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (9);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  Waiting waiting = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  waiting_start (&waiting, rx, NULL);
  chan_test_thread_assert_waits (&waiting.thread);
  g_assert_false (chan_sender_try_send (tx, message, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  chan_test_sending_start (&sending, tx, 3, 1, FALSE);
  g_assert_true (waiting_join (&waiting));
  chan_test_thread_assert_waits (&sending.thread);
  chan_test_take (rx, 3, 1);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
}

static void
ignore_message (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer user_data)
{
}

static void
test_not_usable (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_receiver_set_handler (rx, ignore_message, NULL, NULL);
  g_assert_true (chan_receiver_wait_until (rx, 0, NULL));
  g_assert_cmpint (chan_receiver_try_receive (rx, NULL, &error), ==, CHAN_TAKE_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  chan_receiver_set_handler (rx, NULL, NULL, NULL);
  g_assert_false (chan_receiver_wait_until (rx, chan_test_soon (), NULL));
}

#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_wait[] = {
  { "wait/ends-with-a-message-and-takes-nothing", test_message, CHAN_CONFORMANCE_ALL },
  { "wait/ends-with-the-channel", test_end, CHAN_CONFORMANCE_ALL },
  { "wait/ends-with-an-error", test_reset, CHAN_CONFORMANCE_ALL },
  { "wait/ends-when-the-receiver-is-closed-here", test_closed_here, CHAN_CONFORMANCE_ALL },
  { "wait/cancelled-loses-nothing", test_cancelled, CHAN_CONFORMANCE_ALL },
  { "wait/beside-who-receives-takes-nothing-from-them", test_several, CHAN_CONFORMANCE_ALL },
  { "wait/for-each-message-misses-none", test_each, CHAN_CONFORMANCE_ALL },
  { "wait/at-a-rendezvous-is-not-taking", test_rendezvous, COUNTED },
  { "wait/ends-at-once-where-nothing-can-be-taken", test_not_usable, CHAN_CONFORMANCE_ALL },
  { NULL },
};
