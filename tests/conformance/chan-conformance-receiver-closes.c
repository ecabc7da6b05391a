/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* The receiver closes, or is dropped: pending and next sends fail with CLOSED,
 * peer-closed fires, queued messages are dropped and their handles cancelled. */

static void
test_next_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_false (chan_sender_get_peer_closed (tx));
  chan_receiver_close (rx);
  g_assert_true (chan_receiver_get_closed (rx));
  chan_test_assert_peer_closed (tx);
}

static void
test_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 5);
  g_clear_object (&rx);
  chan_test_assert_peer_closed (tx);
}

static void
test_half_read (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 10);
  chan_test_take (rx, 0, 5);
  chan_receiver_close (rx);
  chan_receiver_close (rx);
  chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_assert_peer_closed (tx);
}

static void
test_waiting_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 4, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, G_MAXUINT, FALSE);
  chan_test_thread_assert_waits (&sending.thread);
  chan_receiver_close (rx);
  chan_test_sending_join (&sending);
  g_assert_error (sending.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
test_async_send (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestReply replies[200];
  guint n_failed = 0;

  chan_conformance_channel (f, 4, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (i);

      chan_test_reply_init (&replies[i], f->context);
      chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &replies[i]);
    }
  chan_test_iterate_a_while (f->context);
  chan_receiver_close (rx);
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (GError) error = NULL;

      chan_test_reply_wait (&replies[i]);
      if (!chan_sender_send_finish (tx, replies[i].result, &error))
        {
          g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
          n_failed++;
        }
      else
        g_assert_cmpuint (n_failed, ==, 0);
      chan_test_reply_clear (&replies[i]);
    }
  g_assert_cmpuint (n_failed, >, 0);
}

static void
test_waiting_receive (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestReceiving) receiving = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_receiving_start (&receiving, rx, NULL);
  chan_test_thread_assert_waits (&receiving.thread);
  chan_receiver_close (rx);
  chan_test_thread_join (&receiving.thread);
  g_assert_null (receiving.message);
  g_assert_error (receiving.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

/* --- the signal ----------------------------------------------------------------------- */

typedef struct
{
  GMainContext *context;
  guint n_calls;
} Signal;

static void
peer_closed_cb (ChanSender *sender, gpointer user_data)
{
  Signal *self = user_data;

  g_assert_true (g_main_context_is_owner (self->context));
  g_assert_true (chan_sender_get_peer_closed (sender));
  self->n_calls++;
}

static void
test_signal (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Signal signal = { f->context, 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  g_signal_connect (tx, "peer-closed", G_CALLBACK (peer_closed_cb), &signal);
  chan_test_send (tx, 0, 1);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (signal.n_calls, ==, 0);
  chan_receiver_close (rx);
  chan_test_iterate_until (f->context, &signal.n_calls, 1);
  g_clear_object (&rx);
  chan_test_assert_peer_closed (tx);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (signal.n_calls, ==, 1);
}

static void
close_run (gpointer data)
{
  chan_receiver_close (data);
}

static void
test_signal_thread (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Signal signal = { f->context, 0 };
  ChanTestThread thread;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_signal_connect (tx, "peer-closed", G_CALLBACK (peer_closed_cb), &signal);
  chan_test_thread_start (&thread, close_run, rx);
  chan_test_iterate_until (f->context, &signal.n_calls, 1);
  chan_test_thread_join (&thread);
}

/* As a language binding does, whose own lock others may hold: it must not be called under one of ours. */
static void
toggled_cb (gpointer data, GObject *object, gboolean is_last)
{
  guint *n_toggles = data;

  g_atomic_int_inc ((gint *) n_toggles);
  /* Needs the lock. */
  chan_sender_get_peer_closed (CHAN_SENDER (object));
}

static void
test_toggle (ChanConformanceFixture *f)
{
  g_autoptr (ChanReceiver) rx = NULL;
  ChanSender *tx;
  Signal signal = { f->context, 0 };
  guint n_toggles = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_signal_connect (tx, "peer-closed", G_CALLBACK (peer_closed_cb), &signal);
  g_object_add_toggle_ref (G_OBJECT (tx), toggled_cb, &n_toggles);
  g_object_unref (tx);
  chan_receiver_close (rx);
  chan_test_iterate_until (f->context, &signal.n_calls, 1);
  g_assert_cmpuint (g_atomic_int_get ((gint *) &n_toggles), >, 1);
  g_object_remove_toggle_ref (G_OBJECT (tx), toggled_cb, &n_toggles);
}

static void
test_no_signal_of_close (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Signal signal = { f->context, 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  g_signal_connect (tx, "peer-closed", G_CALLBACK (peer_closed_cb), &signal);
  chan_sender_close (tx);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (signal.n_calls, ==, 0);
  chan_test_assert_closed (rx);
}

/* --- queued handles --------------------------------------------------------------------- */

/* Both ends of handles in a queue that nobody will read: the ends that stayed see CLOSED. */
static void
queued_handles (ChanConformanceFixture *f, gboolean drop)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) moved_tx = NULL;
  g_autoptr (ChanReceiver) stayed_rx = NULL;
  g_autoptr (ChanSender) stayed_tx = NULL;
  g_autoptr (ChanReceiver) moved_rx = NULL;
  g_autoptr (ChanMessage) first = NULL;
  g_autoptr (ChanMessage) second = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_pipe_new (8, &moved_tx, &stayed_rx);
  chan_pipe_new (8, &stayed_tx, &moved_rx);
  chan_conformance_watch (f, moved_tx);
  chan_conformance_watch (f, moved_rx);
  first = chan_test_message_handle (moved_tx);
  second = chan_test_message_handle (moved_rx);
  chan_test_send_message (tx, first);
  chan_test_send_message (tx, second);
  if (!drop)
    chan_receiver_close (rx);
  else
    g_clear_object (&rx);
  chan_test_assert_ended (stayed_rx, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_assert_peer_closed (stayed_tx);
}

static void
test_queued_handles_closed (ChanConformanceFixture *f)
{
  queued_handles (f, FALSE);
}

static void
test_queued_handles_dropped (ChanConformanceFixture *f)
{
  queued_handles (f, TRUE);
}

static void
test_after_end (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 2);
  chan_sender_close (tx);
  chan_test_take (rx, 0, 2);
  chan_test_assert_closed (rx);
  chan_receiver_close (rx);
}

const ChanConformanceTest chan_conformance_receiver_closes[] = {
  { "receiver-closes/next-send-fails-with-closed", test_next_send, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/dropping-it-is-the-same", test_dropped, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/half-read-and-its-own-receives-fail", test_half_read, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/waiting-send-fails-with-closed", test_waiting_send, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/pending-async-sends-fail-with-closed", test_async_send, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/a-receive-that-waits-elsewhere-fails-with-closed", test_waiting_receive, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/peer-closed-fires-once-in-the-context-of-the-sender", test_signal, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/peer-closed-fires-in-that-context-from-another-thread", test_signal_thread, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/peer-closed-takes-no-reference-under-a-lock", test_toggle, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/peer-closed-is-not-about-our-own-close", test_no_signal_of_close, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/handles-in-the-queue-are-cancelled", test_queued_handles_closed, CHAN_CONFORMANCE_ALL },
  { "receiver-dropped/handles-in-the-queue-are-cancelled", test_queued_handles_dropped, CHAN_CONFORMANCE_ALL },
  { "receiver-closes/after-the-end-it-is-harmless", test_after_end, CHAN_CONFORMANCE_ALL },
  { NULL },
};
