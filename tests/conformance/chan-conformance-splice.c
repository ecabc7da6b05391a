/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-splice.h"

#include <string.h>

/* Everything is forwarded in order, and so are credit, the close and errors, both ways. */

static void
test_everything (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_sending_start (&sending, splice.tx, 0, 2000, TRUE);
  chan_test_take (splice.rx, 0, 2000);
  chan_test_assert_closed (splice.rx);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_splice_join (&splice);
}

/* Queued and closed before it began; and both ends are over afterwards. */
static void
test_queued (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_send (splice.tx, 0, 30);
  chan_sender_close (splice.tx);
  chan_test_splice_start (&splice);
  chan_test_take (splice.rx, 0, 30);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
  chan_test_assert_closed (splice.from);
  g_assert_true (chan_sender_get_closed (splice.to));
}

static void
test_large (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  for (guint i = 0; i < 6; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_bytes (700000 + i);
      g_autoptr (ChanMessage) arrived = NULL;

      chan_test_send_message (splice.tx, message);
      arrived = chan_test_receive (splice.rx);
      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (arrived)), ==, 700000 + i);
    }
  chan_sender_close (splice.tx);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
}

static void
test_rendezvous (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };

  chan_test_splice_init (&splice, f, 0);
  chan_test_splice_start (&splice);
  chan_test_sending_start (&sending, splice.tx, 0, 100, TRUE);
  chan_test_take (splice.rx, 0, 100);
  chan_test_assert_closed (splice.rx);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_splice_join (&splice);
}

/* From one splice into the next */
static void
test_chain (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) first = { 0 };
  g_auto (ChanTestSplice) second = { 0 };
  g_auto (ChanTestSending) sending = { 0 };

  chan_test_splice_init (&first, f, 8);
  second.from = g_object_ref (first.rx);
  chan_conformance_channel (f, 8, &second.to, &second.rx);
  chan_test_splice_start (&first);
  chan_test_splice_start (&second);
  chan_test_sending_start (&sending, first.tx, 0, 500, TRUE);
  chan_test_take (second.rx, 0, 500);
  chan_test_assert_closed (second.rx);
  chan_test_sending_join (&sending);
  chan_test_splice_join (&first);
  chan_test_splice_join (&second);
}

/* A slow end bounds what is accepted: the two channels' capacity, and no more. */
static void
test_backpressure (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  guint n = 0;

  chan_test_splice_init (&splice, f, 4);
  chan_test_splice_start (&splice);
  for (;; n++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (n);
      g_autoptr (GError) error = NULL;

      if (chan_sender_send_until (splice.tx, message, g_get_monotonic_time () + 200000, NULL, &error))
        continue;
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      break;
    }
  g_assert_cmpuint (n, ==, 8);
  for (guint i = 0; i < 20; i++)
    {
      chan_test_take (splice.rx, i, 1);
      chan_test_send (splice.tx, n + i, 1);
    }
  chan_test_take (splice.rx, 20, n);
  chan_sender_close (splice.tx);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
}

/* --- errors as errors ------------------------------------------------------------------------ */

static void
test_dropped (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 5);
  g_clear_object (&splice.tx);
  chan_test_take (splice.rx, 0, 5);
  chan_test_assert_ended (splice.rx, CHAN_CHANNEL_ERROR_RESET);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_aborted (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "out of paper");
  g_autoptr (GError) end = NULL;

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 3);
  chan_test_take (splice.rx, 0, 3);
  chan_sender_abort (splice.tx, reason);
  g_assert_cmpuint (chan_test_take_until_end (splice.rx, 3, &end), ==, 0);
  g_assert_error (end, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
  g_assert_nonnull (strstr (end->message, "out of paper"));
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
}

static void
test_target_closed (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 3);
  chan_test_take (splice.rx, 0, 2);
  chan_receiver_close (splice.rx);
  chan_test_assert_peer_closed (splice.tx);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

/* Nothing is sent: the news goes back by itself. */
static void
test_target_dropped (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  gint64 deadline = chan_test_deadline ();

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_thread_assert_waits (&splice.thread);
  g_clear_object (&splice.rx);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  /* Over a link the sender reads about it when its session is served. */
  while (!chan_sender_get_peer_closed (splice.tx) && g_get_monotonic_time () < deadline)
    chan_test_iterate_a_while (f->context);
  chan_test_assert_peer_closed (splice.tx);
}

static void
test_target_gone_before (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_receiver_close (splice.rx);
  chan_test_assert_peer_closed (splice.to);
  chan_test_splice_start (&splice);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_assert_peer_closed (splice.tx);
}

/* Closing one of the two ends that are spliced ends it. */
static void
test_own_receiver_closed (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 1);
  chan_test_take (splice.rx, 0, 1);
  chan_receiver_close (splice.from);
  chan_test_assert_peer_closed (splice.tx);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
test_own_sender_closed (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  chan_test_send (splice.tx, 0, 1);
  chan_test_take (splice.rx, 0, 1);
  chan_sender_close (splice.to);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join_error (&splice, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_assert_peer_closed (splice.tx);
}

/* --- refused ------------------------------------------------------------------------------------ */

static void
test_same_channel (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_pipe_new (4, &tx, &rx);
  g_assert_false (chan_receiver_splice (rx, tx, NULL, &error));
  g_assert_nonnull (error);
  g_clear_error (&error);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_splice_async (rx, tx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_reply_wait (&reply);
  g_assert_false (chan_receiver_splice_finish (rx, reply.result, &error));
  g_assert_nonnull (error);
  chan_test_send (tx, 0, 2);
  chan_test_take (rx, 0, 2);
}

static void
assert_receiver_busy (ChanConformanceFixture *f, ChanReceiver *rx)
{
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanSender) spare_tx = NULL;
  g_autoptr (ChanReceiver) spare_rx = NULL;
  GError *error = NULL;

  chan_pipe_new (4, &spare_tx, &spare_rx);
  g_assert_null (chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &error), ==, CHAN_TAKE_ERROR);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (chan_receiver_splice (rx, spare_tx, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  message = chan_test_message_handle (rx);
  g_assert_false (chan_sender_send (spare_tx, message, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
}

static void
assert_sender_busy (ChanConformanceFixture *f, ChanSender *tx)
{
  g_autoptr (ChanMessage) message = chan_test_message (77);
  g_autoptr (ChanMessage) itself = chan_test_message_handle (tx);
  g_autoptr (ChanSender) spare_tx = NULL;
  g_autoptr (ChanReceiver) spare_rx = NULL;
  GError *error = NULL;

  chan_pipe_new (4, &spare_tx, &spare_rx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (chan_sender_try_send (tx, message, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (chan_receiver_splice (spare_rx, tx, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_assert_false (chan_sender_send (spare_tx, itself, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  chan_test_send (spare_tx, 1, 1);
  chan_test_take (spare_rx, 1, 1);
}

/* Its thread may take long to begin. */
static void
wait_until_busy (ChanReceiver *rx)
{
  gint64 deadline = chan_test_deadline ();
  g_autoptr (GError) error = NULL;
  ChanMessage *message = NULL;

  while (chan_receiver_try_receive (rx, &message, &error) == CHAN_TAKE_EMPTY)
    {
      g_assert_cmpint (g_get_monotonic_time (), <, deadline);
      g_usleep (1000);
    }
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
}

static void
test_busy (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };

  chan_test_splice_init (&splice, f, 64);
  chan_test_splice_start (&splice);
  wait_until_busy (splice.from);
  chan_test_thread_assert_waits (&splice.thread);
  assert_receiver_busy (f, splice.from);
  assert_sender_busy (f, splice.to);
  chan_test_send (splice.tx, 0, 3);
  chan_test_take (splice.rx, 0, 3);
  chan_sender_close (splice.tx);
  chan_test_assert_closed (splice.rx);
  chan_test_splice_join (&splice);
}

#define ALL CHAN_CONFORMANCE_ALL
#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_splice[] = {
  { "splice/forwards-everything-in-order-and-the-close", test_everything, ALL },
  { "splice/forwards-what-was-queued-and-closed-before", test_queued, ALL },
  { "splice/forwards-large-messages", test_large, ALL },
  { "splice/works-without-queues", test_rendezvous, COUNTED },
  { "splice/into-another-splice", test_chain, ALL },
  { "splice/slow-end-bounds-what-is-accepted", test_backpressure, COUNTED },
  { "splice/dropped-sender-is-that-error-at-the-other-end", test_dropped, ALL },
  { "splice/abort-arrives-with-code-and-text", test_aborted, ALL, CHAN_CONFORMANCE_NEEDS_REASONS },
  { "splice/receiver-that-closes-is-seen-by-the-sender", test_target_closed, ALL },
  { "splice/receiver-that-goes-away-is-seen-though-nothing-is-sent", test_target_dropped, ALL },
  { "splice/receiver-that-was-gone-before-is-seen", test_target_gone_before, ALL },
  { "splice/closing-its-receiver-ends-it", test_own_receiver_closed, ALL },
  { "splice/closing-its-sender-ends-it", test_own_sender_closed, ALL },
  { "splice/channel-into-itself-is-refused", test_same_channel, ALL },
  { "splice/ends-are-in-use-meanwhile", test_busy, ALL },
  { NULL },
};
