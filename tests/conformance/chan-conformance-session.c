/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Sessions: opening and accepting channels, names, ping, limits on messages. */

static void
test_open (ChanConformanceFixture *f)
{
  g_autoptr (GError) error = NULL;

  chan_conformance_sessions (f);
  /* A server learns from its client's first frame who that is. */
  g_assert_true (chan_session_ping_until (f->b, chan_test_deadline (), NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (chan_session_get_state (f->a), ==, CHAN_SESSION_OPEN);
  g_assert_cmpint (chan_session_get_state (f->b), ==, CHAN_SESSION_OPEN);
  g_assert_cmpint (chan_session_get_rendezvous (f->a), ==, (f->transport->flags & CHAN_CONFORMANCE_RENDEZVOUS) != 0);
  g_assert_cmpint (chan_session_get_rendezvous (f->b), ==, (f->transport->flags & CHAN_CONFORMANCE_RENDEZVOUS) != 0);
}

static void
both_directions (ChanConformanceFixture *f, ChanSession *from, ChanSession *to)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_open (from, to, NULL, &tx, &rx);
  chan_test_send (tx, 0, 20);
  chan_sender_close (tx);
  chan_test_take (rx, 0, 20);
  chan_test_assert_closed (rx);
}

static void
test_directions (ChanConformanceFixture *f)
{
  chan_conformance_sessions (f);
  both_directions (f, f->a, f->b);
  both_directions (f, f->b, f->a);
}

static void
test_names (ChanConformanceFixture *f)
{
  static const char *const names[] = { "jobs", "with space", "Ünïcödé/☃", "a" };

  chan_conformance_sessions (f);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;

      chan_conformance_open (f->a, f->b, names[i], &tx, &rx);
      g_assert_cmpstr (chan_sender_get_name (tx), ==, names[i]);
      g_assert_cmpstr (chan_receiver_get_name (rx), ==, names[i]);
    }
}

static void
test_long_names (ChanConformanceFixture *f)
{
  g_autofree char *longest = g_strnfill (8192, 'n');
  g_autofree char *longer = g_strconcat (longest, "n", NULL);
  g_autoptr (GError) error = NULL;

  chan_conformance_sessions (f);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;

      g_assert_null (chan_session_open_channel (f->a, longer, &error));
      g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
      g_assert_nonnull (strstr (error->message, "8192 bytes"));
      g_clear_error (&error);
      chan_conformance_open (f->a, f->b, longest, &tx, &rx);
      g_assert_cmpstr (chan_receiver_get_name (rx), ==, longest);
    }
}

static void
test_accept_order (ChanConformanceFixture *f)
{
  ChanSender *tx[20];

  chan_conformance_sessions (f);
  for (guint i = 0; i < G_N_ELEMENTS (tx); i++)
    {
      g_autoptr (GError) error = NULL;

      tx[i] = chan_session_open_channel (f->a, NULL, &error);
      g_assert_no_error (error);
      chan_test_send (tx[i], i, 1);
    }
  for (guint i = 0; i < G_N_ELEMENTS (tx); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanReceiver) rx
          = chan_session_accept_channel_until (f->b, chan_test_deadline (), NULL, &error);

      g_assert_no_error (error);
      chan_test_take (rx, i, 1);
      g_object_unref (tx[i]);
    }
}

static void
test_accept_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_sessions (f);
  chan_test_reply_init (&reply, f->context);
  chan_session_accept_channel_async (f->b, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  tx = chan_session_open_channel (f->a, "later", &error);
  g_assert_no_error (error);
  chan_test_reply_wait (&reply);
  rx = chan_session_accept_channel_finish (f->b, reply.result, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (chan_receiver_get_name (rx), ==, "later");
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
}

static void
test_accept_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_sessions (f);
  chan_test_reply_init (&reply, f->context);
  chan_session_accept_channel_async (f->b, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_null (chan_session_accept_channel_finish (f->b, reply.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (chan_session_accept_channel_until (f->b, chan_test_deadline (), cancellable, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_null (chan_session_accept_channel_until (f->b, chan_test_soon (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  chan_conformance_open (f->a, f->b, "not lost", &tx, &rx);
  g_assert_cmpstr (chan_receiver_get_name (rx), ==, "not lost");
}

static void
accept_run (gpointer data)
{
  gpointer *slots = data;
  g_autoptr (GError) error = NULL;

  slots[1] = chan_session_accept_channel_until (slots[0], chan_test_deadline (), NULL, &error);
  g_assert_no_error (error);
}

static void
test_accept_waits (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) error = NULL;
  gpointer slots[2] = { NULL };
  ChanTestThread thread;

  chan_conformance_sessions (f);
  slots[0] = f->b;
  chan_test_thread_start (&thread, accept_run, slots);
  chan_test_thread_assert_waits (&thread);
  tx = chan_session_open_channel (f->a, NULL, &error);
  g_assert_no_error (error);
  chan_test_thread_join (&thread);
  rx = slots[1];
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
}

/* Closed and dropped before anybody accepted it: the truth is still there. */
static void
test_ended_before_accept (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;
      g_autoptr (GError) error = NULL;

      chan_conformance_sessions (f);
      tx = chan_session_open_channel (f->a, NULL, &error);
      g_assert_no_error (error);
      chan_test_send (tx, 0, 3);
      if (i == 0)
        chan_sender_close (tx);
      g_clear_object (&tx);
      rx = chan_session_accept_channel_until (f->b, chan_test_deadline (), NULL, &error);
      g_assert_no_error (error);
      chan_test_take (rx, 0, 3);
      if (i == 0)
        chan_test_assert_closed (rx);
      else
        chan_test_assert_ended (rx, CHAN_CHANNEL_ERROR_RESET);
    }
}

static void
test_ping (ChanConformanceFixture *f)
{
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  gint64 round_trip = -1;

  chan_conformance_sessions (f);
  g_assert_true (chan_session_ping_until (f->a, chan_test_deadline (), &round_trip, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpint (round_trip, >=, 0);
  g_assert_true (chan_session_ping_until (f->b, chan_test_deadline (), NULL, NULL, &error));
  g_assert_no_error (error);
  chan_test_reply_init (&reply, f->context);
  chan_session_ping_async (f->a, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_reply_wait (&reply);
  round_trip = -1;
  g_assert_true (chan_session_ping_finish (f->a, reply.result, &round_trip, &error));
  g_assert_no_error (error);
  g_assert_cmpint (round_trip, >=, 0);
}

/* --- limits on messages ------------------------------------------------------------------------ */

static void
test_too_large (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message_bytes ((4 << 20) + 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GError) tried = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
  g_assert_false (chan_sender_try_send (tx, message, &tried));
  g_assert_error (tried, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
  chan_test_send (tx, 0, 5);
  chan_sender_close (tx);
  chan_test_take (rx, 0, 5);
  chan_test_assert_closed (rx);
}

static void
test_too_large_option (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) small = chan_test_message_bytes (1500);
  g_autoptr (ChanMessage) large = chan_test_message_bytes (2100);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send_message (tx, small);
  g_assert_false (chan_sender_send_until (tx, large, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
  arrived = chan_test_receive (rx);
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
}

/* A failed send of a large message leaves its handle where it was. */
static void
test_too_large_handle (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) local_tx = NULL;
  g_autoptr (ChanReceiver) local_rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GBytes) bytes = g_bytes_new_take (g_malloc0 (5 << 20), 5 << 20);
  g_autoptr (GVariant) body = NULL;
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_pipe_new (4, &local_tx, &local_rx);
  body = g_variant_ref_sink (
      g_variant_new ("(h@ay)", 0, g_variant_new_from_bytes (G_VARIANT_TYPE_BYTESTRING, bytes, TRUE)));
  message = chan_message_new_with_handles (body, (GObject *[]){ G_OBJECT (local_rx) }, 1);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE);
  chan_test_send (local_tx, 0, 2);
  chan_test_take (local_rx, 0, 2);
}

/* The smallest capacity that is not the default, given by a parameter of the URI */
static void
test_capacity_option (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_sessions (f);
  chan_conformance_open (f->b, f->a, NULL, &tx, &rx);
  g_assert_cmpuint (chan_sender_get_capacity (tx), ==, 3);
  g_assert_cmpuint (chan_receiver_get_capacity (rx), ==, 3);
  chan_test_send (tx, 0, 3);
  chan_test_assert_full (tx);
}

const ChanConformanceTest chan_conformance_session[] = {
  { "open/both-are-open-and-say-whether-takes-are-acknowledged", test_open, CHAN_CONFORMANCE_SESSION },
  { "open/channels-in-both-directions", test_directions, CHAN_CONFORMANCE_SESSION },
  { "open/names-arrive", test_names, CHAN_CONFORMANCE_SESSION },
  { "open/a-name-that-is-too-long-ends-nothing", test_long_names, CHAN_CONFORMANCE_SESSION },
  { "accept/in-the-order-of-opening", test_accept_order, CHAN_CONFORMANCE_SESSION },
  { "accept/async-waits-for-a-channel", test_accept_async, CHAN_CONFORMANCE_SESSION },
  { "accept/sync-waits-for-a-channel", test_accept_waits, CHAN_CONFORMANCE_SESSION },
  { "accept/cancelled-or-timed-out-loses-none", test_accept_cancelled, CHAN_CONFORMANCE_SESSION },
  { "accept/a-channel-that-ended-before-is-complete", test_ended_before_accept, CHAN_CONFORMANCE_SESSION },
  { "ping/tells-the-round-trip", test_ping, CHAN_CONFORMANCE_SESSION },
  { "limit/too-large-fails-before-anything-is-sent", test_too_large, CHAN_CONFORMANCE_ALL },
  { "limit/too-large-leaves-handles-usable", test_too_large_handle, CHAN_CONFORMANCE_ALL },
  { "limit/max-message-bytes-counts", test_too_large_option, CHAN_CONFORMANCE_OPENED, CHAN_CONFORMANCE_NEEDS_OPTIONS,
    "max-message-bytes=2048" },
  { "capacity/option-of-the-session-counts", test_capacity_option, CHAN_CONFORMANCE_SESSION,
    CHAN_CONFORMANCE_NEEDS_OPTIONS | CHAN_CONFORMANCE_NEEDS_CAPACITY, "capacity=3" },
  { NULL },
};
