/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* One end, and it tells the truth: NULL without error if and only if the sender closed. */

static void
test_close (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 40);
  chan_sender_close (tx);
  g_assert_true (chan_sender_get_closed (tx));
  chan_test_take (rx, 0, 40);
  chan_test_assert_closed (rx);
}

static void
test_close_and_drop (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 40);
  chan_sender_close (tx);
  g_clear_object (&tx);
  chan_test_take (rx, 0, 40);
  chan_test_assert_closed (rx);
}

static void
test_close_empty (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_sender_close (tx);
  chan_test_assert_closed (rx);
}

static void
test_close_twice (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (1);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 1);
  chan_sender_close (tx);
  chan_sender_close (tx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_take (rx, 0, 1);
  chan_test_assert_closed (rx);
}

static void
test_abort_after_close (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "too late");

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 3);
  chan_sender_close (tx);
  chan_test_take (rx, 0, 3);
  chan_test_assert_closed (rx);
  chan_sender_abort (tx, reason);
  chan_sender_reset (tx);
  g_clear_object (&tx);
  chan_test_assert_closed (rx);
}

static void
test_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 40);
  g_clear_object (&tx);
  chan_test_take (rx, 0, 40);
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_dropped_empty (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_clear_object (&tx);
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_reset (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) end = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 40);
  chan_sender_reset (tx);
  g_assert_cmpuint (chan_test_take_until_end (rx, 0, &end), <=, 40);
  g_assert_error (end, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_abort (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (1);
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "enough");
  g_autoptr (GError) end = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 40);
  chan_sender_abort (tx, reason);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_nonnull (error);
  g_assert_cmpuint (chan_test_take_until_end (rx, 0, &end), <=, 40);
  chan_test_assert_broken (rx);
}

static void
test_reason (ChanConformanceFixture *f)
{
  static const int codes[] = { CHAN_CHANNEL_ERROR_PERMISSION, CHAN_CHANNEL_ERROR_LIMIT, CHAN_CHANNEL_ERROR_FAILED,
                               CHAN_CHANNEL_ERROR_TIMED_OUT, CHAN_CHANNEL_ERROR_CONNECTION_LOST };

  for (guint i = 0; i < G_N_ELEMENTS (codes); i++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;
      g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, codes[i], "the disk of node %u is full", i);
      g_autoptr (GError) error = NULL;

      chan_conformance_channel (f, 64, &tx, &rx);
      chan_sender_abort (tx, reason);
      g_assert_null (chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &error));
      g_assert_error (error, CHAN_CHANNEL_ERROR, codes[i]);
      g_assert_nonnull (strstr (error->message, reason->message));
      chan_test_assert_ended (rx, codes[i]);
    }
}

/* --- ends that come while somebody waits --------------------------------------------- */

static void
test_waiting_close (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestReceiving) receiving = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_receiving_start (&receiving, rx, NULL);
  chan_test_thread_assert_waits (&receiving.thread);
  chan_sender_close (tx);
  chan_test_thread_join (&receiving.thread);
  g_assert_no_error (receiving.error);
  g_assert_null (receiving.message);
}

static void
test_waiting_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestReceiving) receiving = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_receiving_start (&receiving, rx, NULL);
  chan_test_thread_assert_waits (&receiving.thread);
  g_clear_object (&tx);
  chan_test_thread_join (&receiving.thread);
  g_assert_error (receiving.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

/* Two pending calls, one message, then the end: the second sees the end. */
static void
async_end (ChanConformanceFixture *f, gboolean close, int code)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) first = { 0 };
  g_auto (ChanTestReply) second = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&first, f->context);
  chan_test_reply_init (&second, f->context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &first);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &second);
  chan_test_send (tx, 0, 1);
  if (close)
    chan_sender_close (tx);
  g_clear_object (&tx);
  chan_test_reply_wait (&first);
  message = chan_receiver_receive_finish (rx, first.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (message), ==, 0);
  chan_test_reply_wait (&second);
  g_assert_null (chan_receiver_receive_finish (rx, second.result, &error));
  if (close)
    g_assert_no_error (error);
  else
    g_assert_error (error, CHAN_CHANNEL_ERROR, code);
}

static void
test_async_close (ChanConformanceFixture *f)
{
  async_end (f, TRUE, 0);
}

static void
test_async_dropped (ChanConformanceFixture *f)
{
  async_end (f, FALSE, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_all_waiting (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestReceiving receiving[4] = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (receiving); i++)
    chan_test_receiving_start (&receiving[i], rx, NULL);
  chan_test_thread_assert_waits (&receiving[0].thread);
  chan_sender_close (tx);
  for (guint i = 0; i < G_N_ELEMENTS (receiving); i++)
    {
      chan_test_thread_join (&receiving[i].thread);
      g_assert_no_error (receiving[i].error);
      g_assert_null (receiving[i].message);
      chan_test_receiving_clear (&receiving[i]);
    }
}

static void
large_run (gpointer data)
{
  ChanSender *tx = data;
  g_autoptr (ChanMessage) large = chan_test_message_bytes (1 << 20);

  chan_test_send (tx, 0, 1);
  chan_test_send_message (tx, large);
  chan_sender_close (tx);
}

static void
test_close_after_large (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  ChanTestThread thread;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_thread_start (&thread, large_run, tx);
  chan_test_take (rx, 0, 1);
  arrived = chan_test_receive (rx);
  g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (arrived)), ==, 1 << 20);
  chan_test_assert_closed (rx);
  chan_test_thread_join (&thread);
}

const ChanConformanceTest chan_conformance_end[] = {
  { "end/close-is-null-without-error-after-everything", test_close, CHAN_CONFORMANCE_ALL },
  { "end/dropping-a-closed-sender-changes-nothing", test_close_and_drop, CHAN_CONFORMANCE_ALL },
  { "end/close-of-an-empty-channel", test_close_empty, CHAN_CONFORMANCE_ALL },
  { "end/send-after-close-fails-and-a-second-close-is-harmless", test_close_twice, CHAN_CONFORMANCE_ALL },
  { "end/a-close-that-was-seen-stays", test_abort_after_close, CHAN_CONFORMANCE_ALL },
  { "end/dropped-sender-is-an-error-after-what-was-accepted", test_dropped, CHAN_CONFORMANCE_ALL },
  { "end/dropped-sender-of-an-empty-channel-is-an-error", test_dropped_empty, CHAN_CONFORMANCE_ALL },
  { "end/reset-is-an-error-after-a-prefix", test_reset, CHAN_CONFORMANCE_ALL },
  { "end/abort-is-an-error-after-a-prefix", test_abort, CHAN_CONFORMANCE_ALL },
  { "end/abort-tells-code-and-text", test_reason, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_REASONS },
  { "end/close-ends-a-waiting-receive", test_waiting_close, CHAN_CONFORMANCE_ALL },
  { "end/dropped-sender-ends-a-waiting-receive", test_waiting_dropped, CHAN_CONFORMANCE_ALL },
  { "end/close-ends-a-pending-async-receive", test_async_close, CHAN_CONFORMANCE_ALL },
  { "end/dropped-sender-ends-a-pending-async-receive", test_async_dropped, CHAN_CONFORMANCE_ALL },
  { "end/close-reaches-all-who-wait", test_all_waiting, CHAN_CONFORMANCE_ALL },
  { "end/close-waits-for-a-large-message", test_close_after_large, CHAN_CONFORMANCE_ALL },
  { NULL },
};
