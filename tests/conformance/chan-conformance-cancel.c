/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* A cancelled send sent nothing and its handles are still the caller's;
 * a cancelled receive loses no message. */

static void
test_before_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (ChanMessage) message = chan_test_message (99);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  g_cancellable_cancel (cancelled);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  chan_test_reply_init (&reply, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, cancelled, chan_test_reply_cb, &reply);
  chan_test_reply_wait (&reply);
  g_assert_false (chan_sender_send_finish (tx, reply.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_send (tx, 0, 3);
  chan_test_take (rx, 0, 3);
  chan_test_assert_nothing_comes (rx);
}

static void
test_waiting_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ChanTestSending) sending = { .cancellable = cancellable };

  chan_conformance_channel (f, 1, &tx, &rx);
  chan_test_send (tx, 0, 1);
  chan_test_sending_start (&sending, tx, 99, 1, FALSE);
  chan_test_thread_assert_waits (&sending.thread);
  g_cancellable_cancel (cancellable);
  chan_test_sending_join (&sending);
  g_assert_error (sending.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_take (rx, 0, 1);
  chan_test_send (tx, 1, 1);
  chan_test_take (rx, 1, 1);
  chan_test_assert_nothing_comes (rx);
}

static void
test_pending_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ChanMessage) cancelled = chan_test_message (99);
  g_autoptr (ChanMessage) next = chan_test_message (1);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) first = { 0 };
  g_auto (ChanTestReply) second = { 0 };

  chan_conformance_channel (f, 1, &tx, &rx);
  chan_test_send (tx, 0, 1);
  chan_test_reply_init (&first, f->context);
  chan_test_reply_init (&second, f->context);
  chan_sender_send_async (tx, cancelled, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &first);
  chan_sender_send_async (tx, next, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &second);
  chan_test_iterate_a_while (f->context);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&first);
  g_assert_false (chan_sender_send_finish (tx, first.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_cmpuint (second.n_calls, ==, 0);
  chan_test_take (rx, 0, 2);
  chan_test_reply_wait (&second);
  g_assert_true (chan_sender_send_finish (tx, second.result, &error));
  g_assert_no_error (error);
}

static void
test_rendezvous_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ChanTestSending) sending = { .cancellable = cancellable };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_test_sending_start (&sending, tx, 99, 1, FALSE);
  chan_test_thread_assert_waits (&sending.thread);
  g_cancellable_cancel (cancellable);
  chan_test_sending_join (&sending);
  g_assert_error (sending.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_assert_nothing_comes (rx);
  chan_test_sending_clear (&sending);
  sending.cancellable = NULL;
  chan_test_sending_start (&sending, tx, 1, 1, FALSE);
  chan_test_take (rx, 1, 1);
}

/* Fills the channel; a send of `message` that waits is cancelled. */
static void
cancel_one (ChanConformanceFixture *f, ChanSender *tx, ChanMessage *message)
{
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_test_reply_init (&reply, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_false (chan_sender_send_finish (tx, reply.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_handles_stay (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) local_tx = NULL;
  g_autoptr (ChanReceiver) local_rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 1, &tx, &rx);
  chan_pipe_new (8, &local_tx, &local_rx);
  message = chan_test_message_handle (local_rx);
  chan_test_send (tx, 0, 1);
  cancel_one (f, tx, message);
  g_assert_true (chan_message_get_handle (message, 0) == G_OBJECT (local_rx));
  chan_test_send (local_tx, 10, 1);
  chan_test_take (local_rx, 10, 1);

  chan_test_take (rx, 0, 1);
  chan_test_send_message (tx, message);
  arrived = chan_test_receive (rx);
  moved = CHAN_RECEIVER (chan_message_steal_handle (arrived, 0));
  chan_test_send (local_tx, 11, 2);
  chan_test_take (moved, 11, 2);
}

static void
test_after_acceptance (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ChanMessage) message = chan_test_message (0);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_true (chan_sender_send_until (tx, message, chan_test_deadline (), cancellable, &error));
  g_assert_no_error (error);
  g_cancellable_cancel (cancellable);
  chan_test_take (rx, 0, 1);
}

/* --- receiving ----------------------------------------------------------------------------- */

static void
test_before_receive (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 1);
  g_cancellable_cancel (cancelled);
  g_assert_null (chan_receiver_receive_until (rx, chan_test_deadline (), cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_take (rx, 0, 1);
}

static void
test_waiting_receive (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (ChanTestReceiving) receiving = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_receiving_start (&receiving, rx, cancellable);
  chan_test_thread_assert_waits (&receiving.thread);
  g_cancellable_cancel (cancellable);
  chan_test_thread_join (&receiving.thread);
  g_assert_error (receiving.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_send (tx, 0, 2);
  chan_test_take (rx, 0, 2);
}

/* Cancelling and sending at the same time: either the message or the error, never neither. */
static void
test_race (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_auto (ChanTestReceiving) receiving = { 0 };

      chan_test_receiving_start (&receiving, rx, cancellable);
      if (i % 4 == 0)
        g_usleep (i);
      chan_test_send (tx, i, 1);
      g_cancellable_cancel (cancellable);
      chan_test_thread_join (&receiving.thread);
      if (receiving.message != NULL)
        {
          g_assert_no_error (receiving.error);
          g_assert_cmpuint (chan_test_number (receiving.message), ==, i);
          continue;
        }
      g_assert_error (receiving.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      chan_test_take (rx, i, 1);
    }
}

static void
test_async_receive (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_null (chan_receiver_receive_finish (rx, reply.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_send (tx, 0, 2);
  chan_test_take (rx, 0, 2);
}

static void
test_async_race (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (ChanTestReply) reply = { 0 };

      chan_test_reply_init (&reply, f->context);
      chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
      chan_test_send (tx, i, 1);
      if (i % 2 == 0)
        g_main_context_iteration (f->context, FALSE);
      g_cancellable_cancel (cancellable);
      chan_test_reply_wait (&reply);
      message = chan_receiver_receive_finish (rx, reply.result, &error);
      if (message != NULL)
        {
          g_assert_cmpuint (chan_test_number (message), ==, i);
          continue;
        }
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      chan_test_take (rx, i, 1);
    }
}

static void
test_without_finish (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_send (tx, 0, 2);
  chan_test_reply_wait (&reply);
  chan_test_reply_clear (&reply);
  /* The callback's own reference goes when its dispatch is over. */
  chan_test_iterate_a_while (f->context);
  chan_test_take (rx, 0, 2);
}

static void
ignored_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  guint *n_calls = user_data;

  *n_calls += 1;
}

static void
test_without_finish_pending (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  guint n_ignored = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, ignored_cb, &n_ignored);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_send (tx, 0, 1);
  chan_test_iterate_until (f->context, &n_ignored, 1);
  chan_test_reply_wait (&reply);
  message = chan_receiver_receive_finish (rx, reply.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (message), ==, 0);
}

/* The callback of the one is still to run when the other looks. */
static void
test_kept (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 4, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_send (tx, 7, 1);
  g_assert_null (chan_receiver_receive_until (rx, chan_test_soon (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_clear_error (&error);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &error), ==, CHAN_TAKE_EMPTY);
  g_assert_no_error (error);
  chan_test_reply_wait (&reply);
  message = chan_receiver_receive_finish (rx, reply.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (message), ==, 7);
}

static void
test_deadline (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 3; i++)
    {
      gint64 start = g_get_monotonic_time ();

      chan_test_assert_nothing_comes (rx);
      g_assert_cmpint (g_get_monotonic_time () - start, >=, 49 * G_TIME_SPAN_MILLISECOND);
      chan_test_send (tx, i, 1);
      chan_test_take (rx, i, 1);
    }
}

#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_cancel[] = {
  { "cancel/cancelled-before-it-began-a-send-sends-nothing", test_before_send, CHAN_CONFORMANCE_ALL },
  { "cancel/waiting-send-cancelled-by-another-thread-sends-nothing", test_waiting_send, COUNTED },
  { "cancel/pending-async-send-sends-nothing-and-the-next-goes-on", test_pending_send, COUNTED },
  { "cancel/rendezvous-that-nobody-kept-sends-nothing", test_rendezvous_send, CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY | CHAN_CONFORMANCE_NEEDS_RECALL },
  { "cancel/send-leaves-its-handles-usable-and-can-be-repeated", test_handles_stay, COUNTED },
  { "cancel/after-acceptance-has-no-effect", test_after_acceptance, CHAN_CONFORMANCE_ALL },
  { "cancel/cancelled-before-it-began-a-receive-takes-nothing", test_before_receive, CHAN_CONFORMANCE_ALL },
  { "cancel/waiting-receive-loses-nothing", test_waiting_receive, CHAN_CONFORMANCE_ALL },
  { "cancel/receive-at-the-moment-of-a-send-loses-nothing", test_race, CHAN_CONFORMANCE_ALL },
  { "cancel/async-receive-loses-nothing", test_async_receive, CHAN_CONFORMANCE_ALL },
  { "cancel/async-receive-at-the-moment-of-a-send-loses-nothing", test_async_race, CHAN_CONFORMANCE_ALL },
  { "cancel/async-receive-without-finish-gives-its-message-back", test_without_finish, CHAN_CONFORMANCE_ALL },
  { "cancel/async-receive-without-finish-gives-its-message-to-the-next", test_without_finish_pending,
    CHAN_CONFORMANCE_ALL },
  { "cancel/message-kept-for-a-receive-is-not-taken-by-another", test_kept, CHAN_CONFORMANCE_ALL },
  { "deadline/a-receive-that-timed-out-loses-nothing", test_deadline, CHAN_CONFORMANCE_ALL },
  { NULL },
};
