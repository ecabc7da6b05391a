/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-bytes.h"

/* How sessions end: drained, aborted, cut; and the quiet afterwards. */

static void
close_run (gpointer data)
{
  g_autoptr (GError) error = NULL;

  gboolean closed = chan_session_close_until (data, chan_test_deadline (), NULL, &error);

  g_assert_no_error (error);
  g_assert_true (closed);
}

static void
assert_no_more_channels (ChanSession *session)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (chan_session_accept_channel_until (session, chan_test_deadline (), NULL, &error));
      g_assert_no_error (error);
    }
}

static void
test_close (ChanConformanceFixture *f)
{
  ChanTestThread thread;

  chan_conformance_sessions (f);
  chan_test_thread_start (&thread, close_run, f->a);
  assert_no_more_channels (f->b);
  chan_test_thread_join (&thread);
  g_assert_cmpint (chan_session_get_state (f->a), ==, CHAN_SESSION_CLOSED);
}

static void
test_close_drains (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestThread thread;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &tx, &rx);
  chan_test_send (tx, 0, 50);
  chan_sender_close (tx);
  chan_test_thread_start (&thread, close_run, f->a);
  chan_test_take (rx, 0, 50);
  chan_test_assert_closed (rx);
  assert_no_more_channels (f->b);
  chan_test_thread_join (&thread);
}

/* More than the credit there is when the session closes. */
static void
test_close_drains_moved (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;
  ChanTestThread thread;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &carrier_tx, &carrier_rx);
  chan_pipe_new (40, &tx, &rx);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_bytes (100000 + i);

      chan_test_send_message (tx, message);
    }
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_test_thread_start (&thread, close_run, f->a);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_receive (moved);

      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, 100000 + i);
    }
  chan_test_assert_closed (moved);
  chan_test_thread_join (&thread);
}

/* Opened, filled and closed, and nobody accepted it before the session closes. */
static void
test_close_drains_unaccepted (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;
  ChanTestThread thread;

  chan_conformance_sessions (f);
  tx = chan_session_open_channel (f->a, NULL, &error);
  g_assert_no_error (error);
  chan_test_send (tx, 0, 5);
  chan_sender_close (tx);
  chan_test_thread_start (&thread, close_run, f->a);
  g_usleep (30000);
  rx = chan_session_accept_channel_until (f->b, chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (rx);
  chan_test_take (rx, 0, 5);
  chan_test_assert_closed (rx);
  assert_no_more_channels (f->b);
  chan_test_thread_join (&thread);
}

static void
test_open_after_close (ChanConformanceFixture *f)
{
  g_autoptr (GError) error = NULL;
  ChanTestThread thread;

  chan_conformance_sessions (f);
  chan_test_thread_start (&thread, close_run, f->a);
  assert_no_more_channels (f->b);
  chan_test_thread_join (&thread);
  g_assert_null (chan_session_open_channel (f->a, NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  close_run (f->a);
}

/* --- everything that can wait -------------------------------------------------------------- */

/* One of each, on both sides; all must end, with an error, and none as a close. */
typedef struct
{
  ChanSender *tx, *full_tx, *waiting_tx;
  ChanReceiver *rx, *full_rx, *waiting_rx;
  GIOStream *near, *far;
  ChanTestReceiving receiving;
  ChanTestSending sending;
  ChanTestReading reading;
  ChanTestWriting writing;
  ChanTestReply accept;
} Pending;

static void
pending_start (Pending *self, ChanConformanceFixture *f)
{
  g_autoptr (GIOStream) local = NULL;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &self->tx, &self->rx);
  chan_conformance_open (f->a, f->b, NULL, &self->full_tx, &self->full_rx);
  chan_conformance_open (f->b, f->a, NULL, &self->waiting_tx, &self->waiting_rx);
  chan_byte_pipe_new (&self->near, &local);
  self->far = G_IO_STREAM (chan_conformance_move (f->a, f->b, G_OBJECT (local)));
  chan_test_send (self->tx, 0, 5);
  /* The answer to a ping comes after what was sent before it. */
  g_assert_true (chan_session_ping_until (f->a, chan_test_deadline (), NULL, NULL, NULL));

  chan_test_receiving_start (&self->receiving, self->waiting_rx, NULL);
  chan_test_sending_start (&self->sending, self->full_tx, 0, G_MAXUINT, FALSE);
  chan_test_reading_start (&self->reading, chan_test_input (self->near));
  chan_test_writing_start (&self->writing, chan_test_output (self->near), 64 << 20, FALSE);
  chan_test_reply_init (&self->accept, f->context);
  chan_session_accept_channel_async (f->b, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &self->accept);
  chan_test_iterate_a_while (f->context);
  chan_test_thread_assert_waits (&self->sending.thread);
}

static void
pending_assert_ended (Pending *self, ChanConformanceFixture *f)
{
  g_autoptr (GError) error = NULL;

  chan_test_thread_join (&self->receiving.thread);
  g_assert_null (self->receiving.message);
  g_assert_nonnull (self->receiving.error);
  chan_test_sending_join (&self->sending);
  g_assert_nonnull (self->sending.error);
  g_assert_true (self->sending.error->domain == CHAN_CHANNEL_ERROR);
  chan_test_thread_join (&self->reading.thread);
  g_assert_nonnull (self->reading.error);
  chan_test_thread_join (&self->writing.thread);
  g_assert_nonnull (self->writing.error);
  chan_test_reply_wait (&self->accept);
  g_assert_null (chan_session_accept_channel_finish (f->b, self->accept.result, &error));
  g_assert_nonnull (error);
  chan_test_assert_broken (self->waiting_rx);
}

static void
pending_clear (Pending *self)
{
  chan_test_receiving_clear (&self->receiving);
  chan_test_sending_clear (&self->sending);
  chan_test_reading_clear (&self->reading);
  chan_test_writing_clear (&self->writing);
  chan_test_reply_clear (&self->accept);
  g_clear_object (&self->tx);
  g_clear_object (&self->rx);
  g_clear_object (&self->full_tx);
  g_clear_object (&self->full_rx);
  g_clear_object (&self->waiting_tx);
  g_clear_object (&self->waiting_rx);
  g_clear_object (&self->near);
  g_clear_object (&self->far);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Pending, pending_clear)

static void
test_abort (ChanConformanceFixture *f)
{
  g_auto (Pending) pending = { 0 };
  g_autoptr (GError) end = NULL;

  pending_start (&pending, f);
  chan_session_abort (f->a);
  pending_assert_ended (&pending, f);
  g_assert_cmpuint (chan_test_take_until_end (pending.rx, 0, &end), <=, 5);
  g_assert_nonnull (end);
  chan_test_assert_broken (pending.rx);
  g_assert_cmpint (chan_session_get_state (f->a), >=, CHAN_SESSION_CLOSED);
}

static void
test_killed (ChanConformanceFixture *f)
{
  g_auto (Pending) pending = { 0 };

  pending_start (&pending, f);
  f->transport->kill_link (f->a, f->b);
  pending_assert_ended (&pending, f);
  chan_test_take (pending.rx, 0, 5);
  chan_test_assert_ended (pending.rx, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_error (pending.sending.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_error (pending.receiving.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_error (pending.reading.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
  g_assert_cmpint (chan_session_get_state (f->b), ==, CHAN_SESSION_FAILED);
}

/* What was complete and closed before the cut stays a close. */
static void
test_killed_after_close (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &tx, &rx);
  chan_test_send (tx, 0, 5);
  chan_sender_close (tx);
  g_assert_true (chan_session_ping_until (f->a, chan_test_deadline (), NULL, NULL, NULL));
  f->transport->kill_link (f->a, f->b);
  chan_test_take (rx, 0, 5);
  chan_test_assert_closed (rx);
}

/* The other end of a handle in a message that was accepted and never delivered */
static void
test_killed_handle (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) moved_tx = NULL;
  g_autoptr (ChanReceiver) stayed_rx = NULL;
  g_autoptr (ChanMessage) message = NULL;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &tx, &rx);
  chan_pipe_new (4, &moved_tx, &stayed_rx);
  message = chan_test_message_handle (moved_tx);
  chan_test_send_message (tx, message);
  f->transport->kill_link (f->a, f->b);
  chan_test_assert_ended (stayed_rx, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

/* A relay over a link that is cut tells the third party an error, and not a close. */
static void
test_killed_relay (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 16, &tx, &rx);
  chan_test_send (tx, 0, 5);
  chan_test_take (rx, 0, 5);
  f->transport->kill_link (f->a, f->b);
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

static void
test_new_calls_fail (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) opened = NULL;
  g_autoptr (GError) pinged = NULL;

  chan_conformance_sessions (f);
  chan_conformance_open (f->a, f->b, NULL, &tx, &rx);
  chan_session_abort (f->a);
  g_assert_null (chan_session_open_channel (f->a, NULL, &opened));
  g_assert_nonnull (opened);
  g_assert_false (chan_session_ping_until (f->a, chan_test_deadline (), NULL, NULL, &pinged));
  g_assert_nonnull (pinged);
  g_assert_false (g_error_matches (pinged, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
  chan_test_assert_broken (rx);
}

/* --- quiet ------------------------------------------------------------------------------------ */

typedef struct
{
  guint n_receives, n_closes, n_late;
} Quiet;

static void
receive_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Quiet *self = user_data;
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_receiver_receive_finish (CHAN_RECEIVER (source), result, &error));
  g_assert_nonnull (error);
  self->n_receives++;
  if (self->n_closes > 0)
    self->n_late++;
}

static void
closed_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Quiet *self = user_data;
  g_autoptr (GError) error = NULL;

  chan_session_close_finish (CHAN_SESSION (source), result, &error);
  self->n_closes++;
}

/* The peer closes its sender only by ending its session: the receives end before the close does. */
static void
test_quiet (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Quiet quiet = { 0 };

  chan_conformance_sessions (f);
  chan_conformance_open (f->b, f->a, NULL, &tx, &rx);
  for (guint i = 0; i < 5; i++)
    chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, receive_cb, &quiet);
  chan_test_iterate_a_while (f->context);
  chan_session_close_async (f->a, G_PRIORITY_DEFAULT, NULL, closed_cb, &quiet);
  chan_test_iterate_a_while (f->context);
  chan_session_abort (f->b);
  chan_test_iterate_until (f->context, &quiet.n_closes, 1);
  g_assert_cmpuint (quiet.n_receives, ==, 5);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (quiet.n_late, ==, 0);
  g_assert_cmpuint (quiet.n_closes, ==, 1);
}

static void
count_cb (gpointer user_data)
{
  guint *n_calls = user_data;

  *n_calls += 1;
}

static void
test_closed_signal (ChanConformanceFixture *f)
{
  g_autoptr (GError) error = NULL;
  guint n_calls = 0;

  chan_conformance_sessions (f);
  /* Its further parameters, if it has some, are not looked at. */
  g_signal_connect_swapped (f->b, "closed", G_CALLBACK (count_cb), &n_calls);
  chan_session_abort (f->a);
  g_assert_null (chan_session_accept_channel_until (f->b, chan_test_deadline (), NULL, &error));
  g_assert_nonnull (error);
  chan_test_iterate_until (f->context, &n_calls, 1);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (n_calls, ==, 1);
}

const ChanConformanceTest chan_conformance_session_end[] = {
  { "close/peer-accepts-no-more-without-error", test_close, CHAN_CONFORMANCE_SESSION },
  { "close/drains-what-was-accepted", test_close_drains, CHAN_CONFORMANCE_SESSION },
  { "close/drains-what-a-moved-channel-had-queued", test_close_drains_moved, CHAN_CONFORMANCE_SESSION },
  { "close/drains-a-channel-nobody-accepted-yet", test_close_drains_unaccepted, CHAN_CONFORMANCE_SESSION },
  { "close/then-nothing-opens-and-a-second-close-is-harmless", test_open_after_close, CHAN_CONFORMANCE_SESSION },
  { "abort/everything-that-waits-ends-with-an-error", test_abort, CHAN_CONFORMANCE_SESSION },
  { "abort/new-calls-fail", test_new_calls_fail, CHAN_CONFORMANCE_SESSION },
  { "cut/what-arrived-first-then-an-error-everywhere", test_killed, CHAN_CONFORMANCE_SESSION,
    CHAN_CONFORMANCE_NEEDS_KILL },
  { "cut/a-close-that-had-arrived-stays-a-close", test_killed_after_close, CHAN_CONFORMANCE_SESSION,
    CHAN_CONFORMANCE_NEEDS_KILL },
  { "cut/handle-of-an-undelivered-message-is-lost", test_killed_handle, CHAN_CONFORMANCE_SESSION,
    CHAN_CONFORMANCE_NEEDS_KILL },
  { "cut/relayed-channel-ends-with-the-error", test_killed_relay, CHAN_CONFORMANCE_RELAYED,
    CHAN_CONFORMANCE_NEEDS_KILL },
  { "quiet/after-close-no-callback-comes", test_quiet, CHAN_CONFORMANCE_SESSION },
  { "closed/signal-comes-once", test_closed_signal, CHAN_CONFORMANCE_SESSION },
  { NULL },
};
