/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-request.h"

#include <string.h>

/* One message there, one answer back; or an error, and the one who works on it hears that nobody waits. */

static void
test_answer (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestServing) serving = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_serving_start (&serving, rx);
  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (ChanMessage) request = chan_test_request (i);
      g_autoptr (ChanMessage) answer = NULL;
      g_autoptr (GError) error = NULL;

      answer = chan_sender_request_until (tx, request, "R", chan_test_deadline (), NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (chan_test_number (answer), ==, i);
    }
  chan_sender_close (tx);
}

/* Eight threads on one channel: each gets its own answers. */
static void
asking_run (gpointer data)
{
  gpointer *args = data;
  guint first = GPOINTER_TO_UINT (args[1]);

  for (guint i = 0; i < 50; i++)
    {
      g_autoptr (ChanMessage) request = chan_test_request (first + i);
      g_autoptr (ChanMessage) answer = NULL;
      g_autoptr (GError) error = NULL;

      answer = chan_sender_request_until (args[0], request, "R", chan_test_deadline (), NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (chan_test_number (answer), ==, first + i);
    }
}

static void
test_threads (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestServing) serving = { 0 };
  ChanTestThread threads[8];
  gpointer args[8][2];

  chan_conformance_channel (f, 4, &tx, &rx);
  chan_test_serving_start (&serving, rx);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      args[i][0] = tx;
      args[i][1] = GUINT_TO_POINTER (i * 1000);
      chan_test_thread_start (&threads[i], asking_run, args[i]);
    }
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    chan_test_thread_join (&threads[i]);
  chan_sender_close (tx);
}

/* All under way before the first answer, which come in the opposite order. */
#define N_AT_ONCE 50

static void
test_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestReply replies[N_AT_ONCE];
  ChanMessage *arrived[N_AT_ONCE];

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < N_AT_ONCE; i++)
    {
      g_autoptr (ChanMessage) request = chan_test_request (i);

      chan_test_reply_init (&replies[i], f->context);
      chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &replies[i]);
      g_assert_cmpuint (replies[i].n_calls, ==, 0);
    }
  for (guint i = 0; i < N_AT_ONCE; i++)
    arrived[i] = chan_test_receive (rx);
  for (guint i = N_AT_ONCE; i-- > 0;)
    {
      chan_test_answer (arrived[i]);
      chan_message_unref (arrived[i]);
    }
  for (guint i = 0; i < N_AT_ONCE; i++)
    {
      g_autoptr (ChanMessage) answer = NULL;
      g_autoptr (GError) error = NULL;

      chan_test_reply_wait (&replies[i]);
      answer = chan_sender_request_finish (tx, replies[i].result, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (chan_test_number (answer), ==, i);
      chan_test_reply_clear (&replies[i]);
    }
}

/* Who iterates a context need not make it the thread's default, which it was for the call only. */
static void
test_context (ChanConformanceFixture *f)
{
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (7);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  ChanTestReply reply;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, context);
  g_main_context_push_thread_default (context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  g_main_context_pop_thread_default (context);
  arrived = chan_test_receive (rx);
  chan_test_answer (arrived);
  chan_test_reply_wait (&reply);
  answer = chan_sender_request_finish (tx, reply.result, NULL);
  g_assert_cmpuint (chan_test_number (answer), ==, 7);
  chan_test_reply_clear (&reply);
}

static void
test_no_callback (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (ChanMessage) arrived = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, NULL, NULL);
  arrived = chan_test_receive (rx);
  chan_test_answer (arrived);
  chan_test_iterate_a_while (f->context);
}

/* --- no answer ------------------------------------------------------------------------------- */

/* Asks asynchronously; the request as it arrived. */
static ChanMessage *
ask (ChanConformanceFixture *f, ChanSender *tx, ChanReceiver *rx, GCancellable *cancellable, ChanTestReply *reply)
{
  g_autoptr (ChanMessage) request = chan_test_request (1);

  chan_test_reply_init (reply, f->context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, reply);
  return chan_test_receive (rx);
}

static GError *
fail (ChanSender *tx, ChanTestReply *reply)
{
  GError *error = NULL;

  chan_test_reply_wait (reply);
  g_assert_null (chan_sender_request_finish (tx, reply->result, &error));
  g_assert_nonnull (error);
  return error;
}

static void
test_closed (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, NULL, &reply);
  chan_sender_close (CHAN_SENDER (chan_message_lookup_handle (arrived, "R")));
  error = fail (tx, &reply);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
test_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, NULL, &reply);
  g_object_unref (chan_message_steal_handle (arrived, 0));
  error = fail (tx, &reply);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
}

/* The message was taken, and what is in it never was. */
static void
test_ignored (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, NULL, &reply);
  g_clear_pointer (&arrived, chan_message_unref);
  error = fail (tx, &reply);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

/* Nobody took it, and the channel that carried it is closed by its receiver. */
static void
test_unread (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  chan_receiver_close (rx);
  error = fail (tx, &reply);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
test_aborted (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "not for you");
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, NULL, &reply);
  chan_sender_abort (CHAN_SENDER (chan_message_lookup_handle (arrived, "R")), reason);
  error = fail (tx, &reply);
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
  g_assert_nonnull (strstr (error->message, "not for you"));
}

/* --- giving up --------------------------------------------------------------------------------- */

/* The other side hears that nobody waits for the answer any more. */
static void
assert_not_wanted (ChanMessage *arrived)
{
  g_autoptr (ChanSender) answer_tx = CHAN_SENDER (chan_message_steal_handle (arrived, 0));

  chan_test_assert_peer_closed (answer_tx);
}

static void
test_timed_out (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  gint64 start = g_get_monotonic_time ();

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_null (chan_sender_request_until (tx, request, "R", chan_test_soon (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_cmpint (g_get_monotonic_time () - start, >=, 49 * G_TIME_SPAN_MILLISECOND);
  arrived = chan_test_receive (rx);
  assert_not_wanted (arrived);
}

static void
cancel_soon_run (gpointer data)
{
  g_usleep (30000);
  g_cancellable_cancel (data);
}

static void
test_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  ChanTestThread thread;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_thread_start (&thread, cancel_soon_run, cancellable);
  g_assert_null (chan_sender_request (tx, request, "R", cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_thread_join (&thread);
  arrived = chan_test_receive (rx);
  assert_not_wanted (arrived);
}

static void
count_cb (ChanSender *sender, gpointer user_data)
{
  guint *n = user_data;

  *n += 1;
}

static void
test_async_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  guint n_signals = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, cancellable, &reply);
  g_signal_connect (chan_message_lookup_handle (arrived, "R"), "peer-closed", G_CALLBACK (count_cb), &n_signals);
  g_cancellable_cancel (cancellable);
  error = fail (tx, &reply);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_iterate_until (f->context, &n_signals, 1);
  assert_not_wanted (arrived);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (n_signals, ==, 1);
}

static void
test_cancelled_before (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_cancellable_cancel (cancelled);
  g_assert_null (chan_sender_request (tx, request, "R", cancelled, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_assert_nothing_comes (rx);
}

/* It never got as far as being sent: nothing arrives, and what it carries is the caller's. */
static void
test_full (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) local_tx = NULL;
  g_autoptr (ChanReceiver) local_rx = NULL;
  g_autoptr (ChanMessage) request = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 1, &tx, &rx);
  chan_pipe_new (4, &local_tx, &local_rx);
  request = chan_test_request_with (1, "In", local_rx);
  chan_test_send (tx, 0, 1);
  g_assert_null (chan_sender_request_until (tx, request, "R", chan_test_soon (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  g_assert_true (chan_message_get_handle (request, 0) == G_OBJECT (local_rx));
  chan_test_send (local_tx, 5, 1);
  chan_test_take (local_rx, 5, 1);
  chan_test_take (rx, 0, 1);
  chan_test_assert_nothing_comes (rx);
}

/* Sent at once or not at all; what comes back is as many answers as who answers sends. */
static void
test_try (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) answers = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (7);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanSender) reply = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 1, &tx, &rx);
  answers = chan_sender_try_request (tx, request, "R", &error);
  g_assert_no_error (error);
  g_assert_null (chan_sender_try_request (tx, request, "R", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
  arrived = chan_test_receive (rx);
  reply = CHAN_SENDER (g_object_ref (chan_message_lookup_handle (arrived, "R")));
  for (guint i = 0; i < 3; i++)
    {
      chan_test_send (reply, i, 1);
      chan_test_take (answers, i, 1);
    }
  chan_receiver_close (answers);
  chan_test_assert_peer_closed (reply);
  chan_test_assert_nothing_comes (rx);
}

/* --- what it carries ----------------------------------------------------------------------------- */

static void
test_handles (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) local_tx = NULL;
  g_autoptr (ChanReceiver) local_rx = NULL;
  g_autoptr (ChanMessage) request = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  g_autoptr (ChanMessage) with_handle = NULL;
  g_autoptr (ChanReceiver) back = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_pipe_new (8, &local_tx, &local_rx);
  request = chan_test_request_with (1, "In", local_rx);
  chan_test_reply_init (&reply, f->context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  arrived = chan_test_receive (rx);
  chan_test_send (local_tx, 0, 2);
  chan_test_take (CHAN_RECEIVER (chan_message_lookup_handle (arrived, "In")), 0, 1);

  /* And back: the rest of it in the answer. */
  with_handle = chan_test_message_handle (chan_message_lookup_handle (arrived, "In"));
  chan_test_send_message (CHAN_SENDER (chan_message_lookup_handle (arrived, "R")), with_handle);
  chan_test_reply_wait (&reply);
  answer = chan_sender_request_finish (tx, reply.result, &error);
  g_assert_no_error (error);
  chan_test_assert_moved_receiver (local_rx);
  g_assert_null (chan_message_get_handle (request, 0));
  back = CHAN_RECEIVER (chan_message_steal_handle (answer, 0));
  chan_test_take (back, 1, 1);
}

/* One answer is one answer: the channel for it is over then. */
static void
test_second_answer (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (ChanMessage) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  arrived = ask (f, tx, rx, NULL, &reply);
  chan_test_send (CHAN_SENDER (chan_message_lookup_handle (arrived, "R")), 9, 1);
  chan_test_reply_wait (&reply);
  answer = chan_sender_request_finish (tx, reply.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (answer), ==, 9);
  assert_not_wanted (arrived);
}

#define ALL CHAN_CONFORMANCE_ALL

const ChanConformanceTest chan_conformance_request[] = {
  { "request/gets-its-answer", test_answer, ALL },
  { "request/from-eight-threads-each-gets-its-own-answers", test_threads, ALL },
  { "request/fifty-at-once-answered-in-the-opposite-order", test_async, ALL },
  { "request/is-answered-in-its-context-though-that-is-not-the-default-one", test_context, ALL },
  { "request/without-a-callback-is-harmless", test_no_callback, ALL },
  { "request/channel-closed-without-an-answer-is-closed", test_closed, ALL },
  { "request/dropped-without-an-answer-is-an-error", test_dropped, ALL },
  { "request/ignored-and-dropped-with-its-message-is-closed", test_ignored, ALL },
  { "request/that-nobody-took-is-closed-with-its-channel", test_unread, ALL },
  { "request/abort-tells-code-and-text", test_aborted, ALL, CHAN_CONFORMANCE_NEEDS_REASONS },
  { "request/timed-out-closes-the-channel-for-the-answer", test_timed_out, ALL },
  { "request/cancelled-closes-the-channel-for-the-answer", test_cancelled, ALL },
  { "request/async-cancelled-is-signalled-to-who-works-on-it", test_async_cancelled, ALL },
  { "request/cancelled-before-it-began-sends-nothing", test_cancelled_before, ALL },
  { "request/that-found-no-room-sent-nothing-and-keeps-its-handles", test_full, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "request/tried-is-sent-at-once-or-not-at-all", test_try, CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "request/handles-move-with-it-and-with-its-answer", test_handles, ALL },
  { "request/second-answer-is-not-wanted", test_second_answer, ALL },
  { NULL },
};
