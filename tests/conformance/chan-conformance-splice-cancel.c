/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-splice.h"

#include "chan-conformance-bytes.h"
#include "chan-conformance-pair.h"

/* Cancelling gives both ends back; handles pass through; sessions and transports on either side. */

static void
test_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  splice.cancellable = cancellable;
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 5);
  chan_test_take (splice.rx, 0, 5);
  chan_test_thread_assert_waits (&splice.thread);
  g_cancellable_cancel (cancellable);
  chan_test_splice_join_error (&splice, G_IO_ERROR, G_IO_ERROR_CANCELLED);

  chan_test_send (splice.tx, 5, 2);
  chan_test_take (splice.from, 5, 2);
  chan_test_send (splice.to, 20, 2);
  chan_test_take (splice.rx, 20, 2);

  splice.cancellable = NULL;
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 30, 1);
  chan_test_take (splice.rx, 30, 1);
  chan_sender_close (splice.tx);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
}

static void
test_deadline (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  splice.deadline = g_get_monotonic_time () + 100 * G_TIME_SPAN_MILLISECOND;
  chan_test_splice_start (&splice);
  chan_test_splice_join_error (&splice, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time (), >=, splice.deadline);

  chan_test_send (splice.tx, 0, 2);
  chan_test_take (splice.from, 0, 2);
  chan_test_send (splice.to, 5, 2);
  chan_test_take (splice.rx, 5, 2);
}

/* Cancelled while its target is full: what it could not forward is still in the source, in order. */
static void
test_cancelled_full (ChanConformanceFixture *f)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 4);
  splice.cancellable = cancellable;
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 8);
  chan_test_thread_assert_waits (&splice.thread);
  g_cancellable_cancel (cancellable);
  chan_test_splice_join_error (&splice, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  splice.cancellable = NULL;
  chan_test_take (splice.rx, 0, 4);
  chan_test_assert_nothing_comes (splice.rx);
  chan_test_take (splice.from, 4, 4);
  chan_test_assert_nothing_comes (splice.from);
}

typedef struct
{
  ChanTestThread thread;
  ChanReceiver *rx;
  guint64 n;
  GError *end;
} Counting;

static void
count_run (gpointer data)
{
  Counting *self = data;

  self->n = chan_test_take_until_end (self->rx, 0, &self->end);
}

/* Started and cancelled again and again while messages stream through: each comes once, in order. */
static void
test_random_cancels (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  Counting counting = { 0 };
  guint n_cancelled = 0;

  chan_test_splice_init (&splice, f, 8);
  counting.rx = splice.rx;
  chan_test_thread_start (&counting.thread, count_run, &counting);
  chan_test_sending_start (&sending, splice.tx, 0, 3000, TRUE);
  for (guint i = 0; !splice.forwarded; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();

      splice.cancellable = i < 150 ? cancellable : NULL;
      chan_test_splice_start (&splice);
      g_usleep ((i * 37) % 400);
      g_cancellable_cancel (cancellable);
      chan_test_thread_join (&splice.thread);
      splice.cancellable = NULL;
      if (splice.forwarded)
        break;
      g_assert_error (splice.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      n_cancelled++;
    }
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_thread_join (&counting.thread);
  g_assert_no_error (counting.end);
  g_assert_cmpuint (counting.n, ==, 3000);
  g_test_message ("cancelled %u times", n_cancelled);
}

static void
test_cancelled_before (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();

  chan_test_splice_init (&splice, f, 64);
  chan_test_send (splice.tx, 0, 2);
  g_cancellable_cancel (cancelled);
  g_assert_false (chan_receiver_splice (splice.from, splice.to, cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_take (splice.from, 0, 2);
  chan_test_assert_nothing_comes (splice.rx);
}

/* --- asynchronous ------------------------------------------------------------------------------- */

static void
test_async (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  g_auto (ChanTestReply) reply = { 0 };
  g_autoptr (GError) error = NULL;
  Counting counting = { 0 };

  chan_test_splice_init (&splice, f, 16);
  counting.rx = splice.rx;
  chan_test_reply_init (&reply, f->context);
  chan_receiver_splice_async (splice.from, splice.to, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  chan_test_thread_start (&counting.thread, count_run, &counting);
  chan_test_sending_start (&sending, splice.tx, 0, 1000, TRUE);
  chan_test_reply_wait (&reply);
  g_assert_true (chan_receiver_splice_finish (splice.from, reply.result, &error));
  g_assert_no_error (error);
  chan_test_thread_join (&counting.thread);
  g_assert_no_error (counting.end);
  g_assert_cmpuint (counting.n, ==, 1000);
}

static void
test_async_cancelled (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestReply) reply = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  chan_test_splice_init (&splice, f, 16);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_splice_async (splice.from, splice.to, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_false (chan_receiver_splice_finish (splice.from, reply.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_send (splice.tx, 0, 2);
  chan_test_take (splice.from, 0, 2);
  chan_test_send (splice.to, 5, 2);
  chan_test_take (splice.rx, 5, 2);
}

/* --- handles -------------------------------------------------------------------------------------- */

static void
test_handles (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  for (guint i = 0; i < 5; i++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;
      g_autoptr (GIOStream) near = NULL;
      g_autoptr (GIOStream) far = NULL;
      g_autoptr (GObject) moved_rx = NULL;
      g_autoptr (GObject) moved_far = NULL;

      chan_pipe_new (8, &tx, &rx);
      chan_byte_pipe_new (&near, &far);
      chan_test_send (tx, 0, 3);
      moved_rx = chan_test_carry (splice.tx, splice.rx, rx);
      moved_far = chan_test_carry (splice.tx, splice.rx, far);
      chan_test_send (tx, 3, 3);
      chan_test_take (CHAN_RECEIVER (moved_rx), 0, 6);
      chan_sender_close (tx);
      chan_test_assert_closed (CHAN_RECEIVER (moved_rx));
      chan_test_write (chan_test_output (near), "there");
      chan_test_read (chan_test_input (G_IO_STREAM (moved_far)), "there");
      chan_test_write (chan_test_output (G_IO_STREAM (moved_far)), "and back");
      chan_test_read (chan_test_input (near), "and back");
    }
  chan_sender_close (splice.tx);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
}

/* --- two sessions ----------------------------------------------------------------------------------- */

static void
over_two_transports (ChanConformanceFixture *f, ChanTestSplice *splice)
{
  chan_conformance_sessions (f);
  chan_conformance_connect_other (f->transport, &f->hop[0], &f->hop[1]);
  chan_conformance_open (f->a, f->b, NULL, &splice->tx, &splice->from);
  chan_conformance_open (f->hop[0], f->hop[1], NULL, &splice->to, &splice->rx);
}

static void
test_two_transports (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GObject) moved = NULL;

  over_two_transports (f, &splice);
  chan_test_splice_start (&splice);
  chan_pipe_new (8, &tx, &rx);
  moved = chan_test_carry (splice.tx, splice.rx, rx);
  chan_test_send (tx, 0, 5);
  chan_test_take (CHAN_RECEIVER (moved), 0, 5);
  chan_test_sending_start (&sending, splice.tx, 0, 2000, TRUE);
  chan_test_take (splice.rx, 0, 2000);
  chan_test_assert_closed (splice.rx);
  chan_test_sending_join (&sending);
  chan_test_splice_join (&splice);
}

static void
test_source_session_dies (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  over_two_transports (f, &splice);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 3);
  chan_test_take (splice.rx, 0, 3);
  chan_session_abort (f->a);
  chan_test_assert_broken (splice.rx);
  chan_test_thread_join (&splice.thread);
  g_assert_false (splice.forwarded);
  g_assert_true (splice.error->domain == CHAN_CHANNEL_ERROR);
}

static void
test_target_session_dies (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  gint64 deadline = chan_test_deadline ();

  over_two_transports (f, &splice);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 3);
  chan_test_take (splice.rx, 0, 3);
  chan_session_abort (f->hop[1]);
  chan_test_thread_join (&splice.thread);
  g_assert_false (splice.forwarded);
  g_assert_true (splice.error->domain == CHAN_CHANNEL_ERROR);
  while (!chan_sender_get_peer_closed (splice.tx) && g_get_monotonic_time () < deadline)
    chan_test_iterate_a_while (f->context);
  g_assert_true (chan_sender_get_peer_closed (splice.tx));
}

#define ALL CHAN_CONFORMANCE_ALL
#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_splice_cancel[] = {
  { "splice/cancelled-gives-both-ends-back", test_cancelled, ALL },
  { "splice/a-deadline-gives-both-ends-back", test_deadline, ALL },
  { "splice/cancelled-with-a-full-target-keeps-the-rest-in-order", test_cancelled_full, COUNTED },
  { "splice/cancelled-at-random-loses-and-doubles-nothing", test_random_cancels, ALL },
  { "splice/cancelled-before-it-began-forwards-nothing", test_cancelled_before, ALL },
  { "splice/async-forwards-everything", test_async, ALL },
  { "splice/async-cancelled-gives-both-ends-back", test_async_cancelled, ALL },
  { "splice/handles-in-what-it-forwards-work", test_handles, ALL },
  { "splice/from-one-transport-to-another", test_two_transports, CHAN_CONFORMANCE_SESSION },
  { "splice/session-of-the-source-dies-and-the-target-has-an-error", test_source_session_dies, CHAN_CONFORMANCE_SESSION },
  { "splice/session-of-the-target-dies-and-the-source-hears-of-it", test_target_session_dies, CHAN_CONFORMANCE_SESSION },
  { NULL },
};
