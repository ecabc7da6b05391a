/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Accepted is not delivered; bounded; capacity 0 is a rendezvous. */

static void
assert_holds_exactly (ChanSender *tx, ChanReceiver *rx, guint n)
{
  g_assert_cmpuint (chan_sender_get_capacity (tx), ==, n);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (i);
      g_autoptr (GError) error = NULL;

      g_assert_true (chan_sender_try_send (tx, message, &error));
      g_assert_no_error (error);
    }
  chan_test_assert_full (tx);
  chan_test_take (rx, 0, 1);
  chan_test_send (tx, n, 1);
  chan_test_assert_full (tx);
  chan_test_take (rx, 1, n);
  chan_test_assert_nothing_comes (rx);
}

static void
test_exact (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 5, &tx, &rx);
  assert_holds_exactly (tx, rx, 5);
}

static void
test_one (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 1, &tx, &rx);
  assert_holds_exactly (tx, rx, 1);
}

static void
test_default (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_cmpuint (chan_receiver_get_capacity (rx), ==, 64);
  assert_holds_exactly (tx, rx, 64);
}

/* Inside the process: by a MiB, and one that is larger fits all the same. */
static void
test_pipe_bytes (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) large = chan_test_message_bytes (3 << 20);
  g_autoptr (ChanMessage) message = chan_test_message_bytes (300 << 10);

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint round = 0; round < 3; round++)
    {
      chan_test_send_message (tx, large);
      chan_test_assert_full (tx);
      chan_message_unref (chan_test_receive (rx));
      for (guint i = 0; i < 4; i++)
        chan_test_send_message (tx, message);
      chan_test_assert_full (tx);
      chan_message_unref (chan_test_receive (rx));
      chan_test_send_message (tx, message);
      chan_test_assert_full (tx);
      for (guint i = 0; i < 4; i++)
        chan_message_unref (chan_test_receive (rx));
    }
}

static void
test_accepted (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 60);
  chan_test_take (rx, 0, 60);
}

/* Many times over what the channel holds: it comes back with every message taken. */
static void
test_given_back (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 3, &tx, &rx);
  for (guint i = 0; i < 100; i++)
    {
      chan_test_send (tx, i * 3, 3);
      chan_test_take (rx, i * 3, 3);
    }
}

/* Large messages are bounded by their bytes before their number counts. */
static void
test_bytes (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message_bytes (512 * 1024);
  g_autoptr (GError) error = NULL;
  guint n = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  while (n < 64 && chan_sender_send_until (tx, message, g_get_monotonic_time () + 300000, NULL, &error))
    n++;
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpuint (n, <=, 16);
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (ChanMessage) arrived = chan_test_receive (rx);

      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (arrived)), ==, 512 * 1024);
    }
  chan_test_send (tx, 1, 1);
  chan_test_take (rx, 1, 1);
}

static void
test_send_waits (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 2, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, 3, FALSE);
  chan_test_thread_assert_waits (&sending.thread);
  chan_test_take (rx, 0, 1);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_take (rx, 1, 2);
}

static void
test_async_send_waits (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (1);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 1, &tx, &rx);
  chan_test_send (tx, 0, 1);
  chan_test_reply_init (&reply, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  chan_test_take (rx, 0, 1);
  chan_test_reply_wait (&reply);
  g_assert_true (chan_sender_send_finish (tx, reply.result, &error));
  g_assert_no_error (error);
  chan_test_take (rx, 1, 1);
}

static void
test_try_receive (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  gint64 deadline = chan_test_deadline ();
  ChanTake take = CHAN_TAKE_EMPTY;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &error), ==, CHAN_TAKE_EMPTY);
  g_assert_no_error (error);
  g_assert_null (message);
  chan_test_send (tx, 7, 1);
  while (take == CHAN_TAKE_EMPTY && g_get_monotonic_time () < deadline)
    {
      take = chan_receiver_try_receive (rx, &message, &error);
      g_assert_no_error (error);
    }
  g_assert_cmpint (take, ==, CHAN_TAKE_MESSAGE);
  g_assert_cmpuint (chan_test_number (message), ==, 7);
}

/* --- rendezvous -------------------------------------------------------------------- */

static void
test_rendezvous (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  g_assert_cmpuint (chan_sender_get_capacity (tx), ==, 0);
  for (guint i = 0; i < 5; i++)
    {
      chan_test_sending_start (&sending, tx, i, 1, FALSE);
      chan_test_thread_assert_waits (&sending.thread);
      chan_test_take (rx, i, 1);
      chan_test_sending_join (&sending);
      g_assert_no_error (sending.error);
    }
}

static void
test_rendezvous_receiver_first (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 0, &tx, &rx);
  for (guint i = 0; i < 5; i++)
    {
      g_auto (ChanTestReceiving) receiving = { 0 };

      chan_test_receiving_start (&receiving, rx, NULL);
      chan_test_thread_assert_waits (&receiving.thread);
      chan_test_send (tx, i, 1);
      chan_test_thread_join (&receiving.thread);
      g_assert_no_error (receiving.error);
      g_assert_cmpuint (chan_test_number (receiving.message), ==, i);
    }
}

static void
test_rendezvous_would_block (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (1);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 0, &tx, &rx);
  g_assert_false (chan_sender_try_send (tx, message, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  chan_test_assert_nothing_comes (rx);
}

static void
test_rendezvous_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (9);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) sent = { 0 };
  g_auto (ChanTestReply) received = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_test_reply_init (&sent, f->context);
  chan_test_reply_init (&received, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &sent);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (sent.n_calls, ==, 0);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &received);
  chan_test_reply_wait (&received);
  arrived = chan_receiver_receive_finish (rx, received.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (arrived), ==, 9);
  chan_test_reply_wait (&sent);
  g_assert_true (chan_sender_send_finish (tx, sent.result, &error));
  g_assert_no_error (error);
}

static void
test_rendezvous_many (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, 500, TRUE);
  chan_test_take (rx, 0, 500);
  chan_test_assert_closed (rx);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
}

/* A message that is out and that nobody takes: once blocking, once not, once with a handle. */
static void
test_rendezvous_refused (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  g_auto (ChanTestReply) sent = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_pipe_new (1, &reply, &answers);
  message = chan_test_message_handle (reply);
  chan_test_sending_start (&sending, tx, 0, 1, FALSE);
  chan_test_thread_assert_waits (&sending.thread);
  chan_test_reply_init (&sent, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &sent);
  chan_test_iterate_a_while (f->context);
  chan_receiver_close (rx);
  chan_test_sending_join (&sending);
  g_assert_error (sending.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_reply_wait (&sent);
  g_assert_false (chan_sender_send_finish (tx, sent.result, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
test_rendezvous_refused_handle (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) sent = { 0 };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_pipe_new (1, &reply, &answers);
  message = chan_test_message_handle (reply);
  chan_test_reply_init (&sent, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &sent);
  chan_test_iterate_a_while (f->context);
  chan_receiver_close (rx);
  chan_test_reply_wait (&sent);
  g_assert_false (chan_sender_send_finish (tx, sent.result, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  /* Over a link it was out, and was dropped there with what it carried. */
  if (f->shape != CHAN_CONFORMANCE_PIPE)
    chan_test_assert_ended (answers, CHAN_CHANNEL_ERROR_CLOSED);
}

#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY
/* Through a third party each hop has room of its own, but what is taken must come back through all. */
#define COUNTED_ALL CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_CAPACITY
/* Default capacity: nothing to set, but takes must be reported. */
#define DEFAULT CHAN_CONFORMANCE_DIRECT

const ChanConformanceTest chan_conformance_capacity[] = {
  { "capacity/five-fit-and-one-more-when-one-is-taken", test_exact, COUNTED },
  { "capacity/one-fits-and-one-more-when-it-is-taken", test_one, COUNTED },
  { "capacity/is-64-for-an-opened-channel", test_default, DEFAULT },
  { "capacity/comes-back-with-every-message-taken", test_given_back, COUNTED_ALL },
  { "capacity/large-messages-are-bounded-by-their-bytes", test_bytes, DEFAULT, CHAN_CONFORMANCE_NEEDS_WINDOWS },
  { "capacity/inside-the-process-bytes-count-too", test_pipe_bytes, CHAN_CONFORMANCE_PIPE },
  { "capacity/send-waits-when-full-and-goes-on", test_send_waits, COUNTED },
  { "capacity/async-send-waits-when-full-and-goes-on", test_async_send_waits, COUNTED },
  { "accepted/is-not-delivered", test_accepted, CHAN_CONFORMANCE_ALL },
  { "try-receive/tells-empty-and-message", test_try_receive, CHAN_CONFORMANCE_ALL },
  { "rendezvous/send-ends-when-the-receiver-took-the-message", test_rendezvous, COUNTED },
  { "rendezvous/receiver-may-come-first", test_rendezvous_receiver_first, COUNTED },
  { "rendezvous/try-send-without-a-receiver-would-block", test_rendezvous_would_block, COUNTED },
  { "rendezvous/works-with-async-calls", test_rendezvous_async, COUNTED },
  { "rendezvous/receiver-closes-and-who-waits-fails", test_rendezvous_refused, COUNTED },
  { "rendezvous/receiver-closes-and-the-handle-is-cancelled", test_rendezvous_refused_handle, COUNTED },
  { "rendezvous/five-hundred-in-order-and-the-end", test_rendezvous_many, COUNTED_ALL },
  { NULL },
};
