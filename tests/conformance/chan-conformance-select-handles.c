/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-select.h"

/* Handles in what a select sends or takes; ends that are in use; asynchronous selects. */

static void
test_loser_keeps (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 1);
  chan_pipe_new (8, &tx, &rx);
  message = chan_test_message_handle (rx);
  chan_test_send (channels.tx[0], 0, 1);
  chan_selector_add_sender (selector, channels.tx[0], message);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_select_nothing (selector);
  chan_test_send (channels.tx[1], 5, 1);
  chan_test_select_number (selector, 1, 5);

  g_assert_true (chan_message_get_handle (message, 0) == G_OBJECT (rx));
  chan_test_send (tx, 10, 2);
  chan_test_take (rx, 10, 1);
  chan_test_take (channels.rx[0], 0, 1);
  g_assert_cmpuint (chan_test_select (selector), ==, 0);
  chan_test_assert_sent (selector);
  g_assert_null (chan_message_get_handle (message, 0));
  chan_test_assert_moved_receiver (rx);
  arrived = chan_test_receive (channels.rx[0]);
  moved = CHAN_RECEIVER (chan_message_steal_handle (arrived, 0));
  chan_test_take (moved, 11, 1);
  chan_test_channels_clear (&channels);
}

/* One message for whoever has room first: its handles go there, and nowhere before. */
static void
test_offered_on_several (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL, moved = NULL;
  g_autoptr (ChanMessage) message = NULL, arrived = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 3, 1);
  chan_pipe_new (8, &tx, &rx);
  message = chan_test_message_handle (rx);
  for (guint i = 0; i < 3; i++)
    {
      chan_test_send (channels.tx[i], 0, 1);
      chan_selector_add_sender (selector, channels.tx[i], message);
    }
  chan_test_select_nothing (selector);
  chan_test_send (tx, 1, 2);
  chan_test_take (rx, 1, 1);
  chan_test_take (channels.rx[1], 0, 1);
  g_assert_cmpuint (chan_test_select (selector), ==, 1);
  chan_test_assert_sent (selector);
  chan_test_assert_moved_receiver (rx);
  arrived = chan_test_receive (channels.rx[1]);
  moved = CHAN_RECEIVER (chan_message_steal_handle (arrived, 0));
  chan_test_take (moved, 2, 1);
  chan_test_take (channels.rx[0], 0, 1);
  chan_test_take (channels.rx[2], 0, 1);
  for (guint i = 0; i < 3; i++)
    chan_test_assert_nothing_comes (channels.rx[i]);
  g_assert_cmpuint (chan_test_select (selector), !=, 1);
  g_assert_null (chan_selector_steal_message (selector, NULL));
  chan_test_channels_clear (&channels);
}

/* One message may not carry an end over its own channel, wherever else it may go. */
static void
test_offered_over_itself (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 1, 1);
  chan_pipe_new (8, &tx, &rx);
  message = chan_test_message_handle (rx);
  chan_test_send (channels.tx[0], 0, 1);
  chan_selector_add_sender (selector, channels.tx[0], message);
  chan_selector_add_sender (selector, tx, message);
  chan_test_select_error (selector, 1, CHAN_CHANNEL_ERROR_FAILED);
  chan_test_take (channels.rx[0], 0, 1);
  chan_test_assert_nothing_comes (channels.rx[0]);
  chan_test_send (tx, 1, 1);
  chan_test_take (rx, 1, 1);
  chan_test_channels_clear (&channels);
}

/* Handles wait in one message: the second case that offers them cannot, and says so. */
static void
test_offered_twice (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 1);
  chan_pipe_new (8, &tx, &rx);
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_handle (rx);

      chan_test_send (channels.tx[i], 0, 1);
      chan_selector_add_sender (selector, channels.tx[i], message);
    }
  chan_test_select (selector);
  g_assert_null (chan_selector_steal_message (selector, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  chan_test_take (channels.rx[0], 0, 1);
  chan_test_take (channels.rx[1], 0, 1);
  moved = chan_test_carry (channels.tx[1], channels.rx[1], rx);
  chan_test_send (tx, 3, 1);
  chan_test_take (CHAN_RECEIVER (moved), 3, 1);
  chan_test_assert_nothing_comes (channels.rx[0]);
  chan_test_channels_clear (&channels);
}

static void
test_taken_with_handle (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_pipe_new (8, &tx, &rx);
  message = chan_test_message_handle (rx);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_send_message (channels.tx[1], message);
  g_assert_cmpuint (chan_test_select (selector), ==, 1);
  arrived = chan_test_steal (selector);
  moved = CHAN_RECEIVER (chan_message_steal_handle (arrived, 0));
  chan_test_send (tx, 0, 2);
  chan_test_take (moved, 0, 2);
  chan_test_channels_clear (&channels);
}

/* Taken, and never stolen: it goes with the selector, and its handle with it. */
static void
test_not_stolen (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 1, 64);
  chan_pipe_new (8, &tx, &rx);
  message = chan_test_message_handle (rx);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_test_send_message (channels.tx[0], message);
  g_assert_cmpuint (chan_test_select (selector), ==, 0);
  g_clear_pointer (&selector, chan_selector_unref);
  chan_test_assert_peer_closed (tx);
  chan_test_channels_clear (&channels);
}

/* The selector's references keep what it waits on; its last one lets go. */
static void
test_drops_its_ends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_sender (selector, channels.tx[1], NULL);
  g_clear_object (&channels.rx[0]);
  g_clear_object (&channels.tx[1]);
  chan_test_send (channels.tx[0], 1, 1);
  chan_test_select_number (selector, 0, 1);
  chan_test_assert_nothing_comes (channels.rx[1]);
  g_clear_pointer (&selector, chan_selector_unref);
  chan_test_assert_peer_closed (channels.tx[0]);
  chan_test_assert_ended (channels.rx[1], CHAN_CHANNEL_ERROR_RESET);
  chan_test_channels_clear (&channels);
}

/* --- asynchronous ------------------------------------------------------------------------------ */

static guint
finish (ChanSelector *selector, ChanTestReply *reply)
{
  g_autoptr (GError) error = NULL;
  int which = -1;

  chan_test_reply_wait (reply);
  which = chan_selector_wait_finish (selector, reply->result, &error);
  g_assert_no_error (error);
  g_assert_cmpint (which, >=, 0);
  return (guint) which;
}

static void
test_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) offer = chan_test_message (100);
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 3, 1);
  chan_test_send (channels.tx[2], 0, 1);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_selector_add_sender (selector, channels.tx[2], offer);
  for (guint i = 0; i < 6; i++)
    {
      g_auto (ChanTestReply) reply = { 0 };
      g_autoptr (ChanMessage) message = NULL;

      chan_test_reply_init (&reply, f->context);
      chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
      if (i % 2 == 0)
        chan_test_iterate_a_while (f->context);
      g_assert_cmpuint (reply.n_calls, ==, 0);
      chan_test_send (channels.tx[i % 2], i, 1);
      g_assert_cmpuint (finish (selector, &reply), ==, i % 2);
      message = chan_test_steal (selector);
      g_assert_cmpuint (chan_test_number (message), ==, i);
    }
  chan_test_take (channels.rx[2], 0, 1);
  g_assert_cmpuint (chan_test_select (selector), ==, 2);
  chan_test_assert_sent (selector);
  chan_test_take (channels.rx[2], 100, 1);
  chan_test_channels_clear (&channels);
}

static void
test_async_end (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_auto (ChanTestReply) closed = { 0 };
  g_auto (ChanTestReply) dropped = { 0 };
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_reply_init (&closed, f->context);
  chan_test_reply_init (&dropped, f->context);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &closed);
  chan_sender_close (channels.tx[0]);
  g_assert_cmpuint (finish (selector, &closed), ==, 0);
  g_assert_null (chan_test_outcome (selector));
  chan_selector_remove (selector, 0);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &dropped);
  g_clear_object (&channels.tx[1]);
  g_assert_cmpuint (finish (selector, &dropped), ==, 1);
  g_assert_null (chan_selector_steal_message (selector, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  chan_test_channels_clear (&channels);
}

static void
test_async_cancel (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 60; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_auto (ChanTestReply) reply = { 0 };
      g_autoptr (GError) error = NULL;
      int which = -1;

      chan_test_reply_init (&reply, f->context);
      chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
      chan_test_send (channels.tx[i % 2], i, 1);
      if (i % 3 == 0)
        g_main_context_iteration (f->context, FALSE);
      g_cancellable_cancel (cancellable);
      chan_test_reply_wait (&reply);
      which = chan_selector_wait_finish (selector, reply.result, &error);
      if (which >= 0)
        {
          g_autoptr (ChanMessage) message = chan_test_steal (selector);

          g_assert_cmpint (which, ==, i % 2);
          g_assert_cmpuint (chan_test_number (message), ==, i);
          continue;
        }
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      chan_test_take (channels.rx[i % 2], i, 1);
    }
  chan_test_channels_clear (&channels);
}

static void
test_abandoned (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSelector) other = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  for (guint i = 0; i < 2; i++)
    {
      chan_selector_add_receiver (selector, channels.rx[i]);
      chan_selector_add_receiver (other, channels.rx[i]);
    }
  for (guint i = 0; i < 4; i++)
    {
      g_auto (ChanTestReply) reply = { 0 };

      chan_test_reply_init (&reply, f->context);
      chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
      chan_test_send (channels.tx[i % 2], i * 2, 2);
      chan_test_reply_wait (&reply);
      chan_test_reply_clear (&reply);
      /* The callback's own reference goes when its dispatch is over. */
      chan_test_iterate_a_while (f->context);
      if (i < 2)
        chan_test_take (channels.rx[i % 2], i * 2, 1);
      else
        chan_test_select_number (other, i % 2, i * 2);
      chan_test_take (channels.rx[i % 2], i * 2 + 1, 1);
    }
  chan_test_channels_clear (&channels);
}

static void
ignored_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  guint *n_calls = user_data;

  *n_calls += 1;
}

/* A pending receive, and a pending select, get what another select got and never finished. */
static void
test_abandoned_pending (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSelector) other = chan_selector_new ();
  g_auto (ChanTestReply) receive = { 0 };
  g_auto (ChanTestReply) select = { 0 };
  g_autoptr (ChanMessage) first = NULL;
  g_autoptr (ChanMessage) second = NULL;
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };
  guint n_ignored = 0;

  chan_test_channels_init (&channels, f, 1, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (other, channels.rx[0]);
  chan_test_reply_init (&receive, f->context);
  chan_test_reply_init (&select, f->context);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, ignored_cb, &n_ignored);
  chan_receiver_receive_async (channels.rx[0], G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &receive);
  chan_test_send (channels.tx[0], 0, 1);
  chan_test_iterate_until (f->context, &n_ignored, 1);
  chan_test_reply_wait (&receive);
  first = chan_receiver_receive_finish (channels.rx[0], receive.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (first), ==, 0);

  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, ignored_cb, &n_ignored);
  chan_selector_wait_async (other, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &select);
  chan_test_send (channels.tx[0], 1, 1);
  chan_test_iterate_until (f->context, &n_ignored, 2);
  g_assert_cmpuint (finish (other, &select), ==, 0);
  second = chan_test_steal (other);
  g_assert_cmpuint (chan_test_number (second), ==, 1);
  chan_test_channels_clear (&channels);
}

/* --- in use ------------------------------------------------------------------------------------- */

static void
test_pending (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_auto (ChanTestReply) first = { 0 };
  g_auto (ChanTestReply) second = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 1, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_test_reply_init (&first, f->context);
  chan_test_reply_init (&second, f->context);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &first);
  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &second);
  chan_test_reply_wait (&second);
  g_assert_cmpint (chan_selector_wait_finish (selector, second.result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  chan_test_send (channels.tx[0], 0, 2);
  chan_test_reply_wait (&first);
  /* Over, but not finished: what it has kept must not be forgotten. */
  g_clear_error (&error);
  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_assert_cmpuint (finish (selector, &first), ==, 0);
  message = chan_test_steal (selector);
  g_assert_cmpuint (chan_test_number (message), ==, 0);
  chan_test_select_number (selector, 0, 1);
  chan_test_channels_clear (&channels);
}

/* An end that a select waits on cannot be sent away; afterwards it can. */
static void
test_busy (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_auto (ChanTestReply) reply = { 0 };
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GObject) moved = NULL;
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 1, 64);
  chan_pipe_new (4, &tx, &rx);
  message = chan_test_message_handle (rx);
  chan_selector_add_receiver (selector, rx);
  chan_test_reply_init (&reply, f->context);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  g_assert_false (chan_sender_send (channels.tx[0], message, NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  g_assert_cmpint (chan_selector_wait_finish (selector, reply.result, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  moved = chan_test_carry (channels.tx[0], channels.rx[0], rx);
  chan_test_send (tx, 0, 1);
  chan_test_take (CHAN_RECEIVER (moved), 0, 1);
  chan_test_channels_clear (&channels);
}

#define ALL CHAN_CONFORMANCE_ALL
#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_select_handles[] = {
  { "select/handle-of-a-message-that-was-not-sent-stays-usable", test_loser_keeps, COUNTED },
  { "select/one-message-offered-on-several-channels-goes-over-one", test_offered_on_several, COUNTED },
  { "select/one-message-offered-over-its-own-channel-too-is-refused-there", test_offered_over_itself, COUNTED },
  { "select/handle-in-two-messages-is-refused-and-stays-usable", test_offered_twice, COUNTED },
  { "select/taken-message-has-its-handles", test_taken_with_handle, ALL },
  { "select/message-that-nobody-stole-is-cancelled-with-the-selector", test_not_stolen, ALL },
  { "select/keeps-its-ends-and-drops-them-with-itself", test_drops_its_ends, ALL },
  { "select/async-takes-one-and-sends-nothing", test_async, COUNTED },
  { "select/async-tells-the-end", test_async_end, ALL },
  { "select/async-cancelled-at-the-moment-of-a-send-loses-nothing", test_async_cancel, ALL },
  { "select/async-without-finish-gives-its-message-back", test_abandoned, ALL },
  { "select/async-without-finish-gives-its-message-to-the-next", test_abandoned_pending, ALL },
  { "select/second-wait-is-refused-until-the-first-is-finished", test_pending, ALL },
  { "select/end-that-is-waited-on-does-not-move", test_busy, ALL },
  { NULL },
};
