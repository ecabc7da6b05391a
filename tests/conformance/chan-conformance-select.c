/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-select.h"

/* A select does exactly one thing; the other channels neither lose nor get anything. */

static void
test_takes_one (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 3, 64);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpuint (chan_selector_add_receiver (selector, channels.rx[i]), ==, i);
  for (guint i = 0; i < 9; i++)
    {
      guint which = (i * 2) % 3;

      chan_test_send (channels.tx[which], i, 1);
      chan_test_select_number (selector, which, i);
    }
  for (guint i = 0; i < 3; i++)
    chan_test_assert_nothing_comes (channels.rx[i]);
  chan_test_channels_clear (&channels);
}

/* Taken by selects and by receives in turn: each channel's own order, without a gap. */
static void
test_order_of_each (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };
  guint next[3] = { 0 };

  chan_test_channels_init (&channels, f, 3, 64);
  for (guint i = 0; i < 3; i++)
    {
      chan_selector_add_receiver (selector, channels.rx[i]);
      chan_test_send (channels.tx[i], i * 100, 40);
    }
  for (guint n = 0; n < 120; n++)
    {
      g_autoptr (ChanMessage) message = NULL;
      guint i = n % 3;

      if (n % 2 == 0 || next[i] == 40)
        {
          i = chan_test_select (selector);
          message = chan_test_steal (selector);
        }
      else
        {
          message = chan_test_receive (channels.rx[i]);
        }
      g_assert_cmpuint (chan_test_number (message), ==, i * 100 + next[i]);
      next[i]++;
    }
  for (guint i = 0; i < 3; i++)
    chan_test_assert_nothing_comes (channels.rx[i]);
  chan_test_channels_clear (&channels);
}

static void
assert_turns (ChanSelector *selector, guint n_cases, guint rounds)
{
  guint counts[8] = { 0 };

  for (guint i = 0; i < n_cases * rounds; i++)
    {
      counts[chan_test_select (selector)]++;
      chan_test_drop (selector);
      if ((i + 1) % n_cases == 0)
        for (guint j = 0; j < n_cases; j++)
          g_assert_cmpuint (counts[j], ==, (i + 1) / n_cases);
    }
}

static void
test_turns_of_receivers (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 4, 64);
  for (guint i = 0; i < 4; i++)
    {
      chan_selector_add_receiver (selector, channels.rx[i]);
      chan_test_send (channels.tx[i], 0, 11);
    }
  for (guint i = 0; i < 4; i++)
    chan_test_wait_queued (f, channels.rx[i]);
  assert_turns (selector, 4, 10);
  chan_test_channels_clear (&channels);
}

static void
test_turns_of_senders (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (5);
  ChanTestChannels channels = { 0 };
  guint counts[4] = { 0 };

  chan_test_channels_init (&channels, f, 4, 64);
  for (guint i = 0; i < 4; i++)
    chan_selector_add_sender (selector, channels.tx[i], message);
  for (guint i = 0; i < 40; i++)
    {
      guint which = chan_test_select (selector);

      chan_test_assert_sent (selector);
      counts[which]++;
      chan_selector_set_message (selector, which, message);
      if (i % 4 == 3)
        for (guint j = 0; j < 4; j++)
          g_assert_cmpuint (counts[j], ==, i / 4 + 1);
    }
  for (guint i = 0; i < 4; i++)
    for (guint n = 0; n < 10; n++)
      chan_test_take (channels.rx[i], 5, 1);
  chan_test_channels_clear (&channels);
}

/* A new selector for each wait: with a fixed first case the others would starve. */
static void
test_new_each_time (ChanConformanceFixture *f)
{
  ChanTestChannels channels = { 0 };
  guint counts[2] = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  for (guint i = 0; i < 2; i++)
    chan_test_send (channels.tx[i], 0, 60);
  for (guint i = 0; i < 2; i++)
    chan_test_wait_queued (f, channels.rx[i]);
  /* Never as many as wait on one of them. One in 2^39 that it is always the same. */
  for (guint i = 0; i < 40; i++)
    {
      g_autoptr (ChanSelector) selector = chan_selector_new ();

      for (guint j = 0; j < 2; j++)
        chan_selector_add_receiver (selector, channels.rx[j]);
      counts[chan_test_select (selector)]++;
      chan_test_drop (selector);
    }
  g_assert_cmpuint (counts[0], >, 0);
  g_assert_cmpuint (counts[1], >, 0);
  chan_test_channels_clear (&channels);
}

/* --- ends ------------------------------------------------------------------------------ */

static void
test_closed (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_send (channels.tx[1], 0, 2);
  chan_sender_close (channels.tx[1]);
  chan_test_select_number (selector, 1, 0);
  chan_test_select_number (selector, 1, 1);
  for (guint i = 0; i < 3; i++)
    chan_test_select_closed (selector, 1);
  chan_selector_remove (selector, 1);
  chan_test_select_nothing (selector);
  chan_test_send (channels.tx[0], 7, 1);
  chan_test_select_number (selector, 0, 7);
  chan_test_assert_closed (channels.rx[1]);
  chan_test_channels_clear (&channels);
}

static void
test_dropped (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_send (channels.tx[0], 0, 2);
  g_clear_object (&channels.tx[0]);
  chan_test_select_number (selector, 0, 0);
  chan_test_select_number (selector, 0, 1);
  for (guint i = 0; i < 3; i++)
    chan_test_select_error (selector, 0, CHAN_CHANNEL_ERROR_RESET);
  chan_selector_remove (selector, 0);
  chan_test_select_nothing (selector);
  chan_test_channels_clear (&channels);
}

static void
test_receiver_closed (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (3);
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_receiver_close (channels.rx[0]);
  chan_test_assert_peer_closed (channels.tx[0]);
  chan_selector_add_sender (selector, channels.tx[0], message);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 3; i++)
    chan_test_select_error (selector, 0, CHAN_CHANNEL_ERROR_CLOSED);
  chan_selector_remove (selector, 0);
  chan_test_send (channels.tx[1], 1, 1);
  chan_test_select_number (selector, 1, 1);
  chan_test_channels_clear (&channels);
}

/* An end that this side closed, or sent away, can do nothing any more either. */
static void
test_own_ends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (3);
  g_autoptr (ChanSender) moved_tx = NULL;
  g_autoptr (ChanReceiver) moved_rx = NULL;
  g_autoptr (GObject) arrived = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_pipe_new (4, &moved_tx, &moved_rx);
  arrived = chan_test_carry (channels.tx[0], channels.rx[0], moved_rx);
  chan_sender_close (channels.tx[0]);
  chan_receiver_close (channels.rx[1]);
  chan_selector_add_sender (selector, channels.tx[0], message);
  chan_test_select_error (selector, 0, CHAN_CHANNEL_ERROR_CLOSED);
  chan_selector_remove (selector, 0);
  g_assert_cmpuint (chan_selector_add_receiver (selector, channels.rx[1]), ==, 1);
  chan_test_select_error (selector, 1, CHAN_CHANNEL_ERROR_CLOSED);
  chan_selector_remove (selector, 1);
  g_assert_cmpuint (chan_selector_add_receiver (selector, moved_rx), ==, 2);
  chan_test_select_error (selector, 2, CHAN_CHANNEL_ERROR_MOVED);
  chan_test_channels_clear (&channels);
}

/* --- waiting ------------------------------------------------------------------------------ */

static void
test_deadline (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 3; i++)
    {
      gint64 start = g_get_monotonic_time ();

      chan_test_select_nothing (selector);
      g_assert_cmpint (g_get_monotonic_time () - start, >=, 49 * G_TIME_SPAN_MILLISECOND);
      chan_test_send (channels.tx[i % 2], i, 1);
      chan_test_take (channels.rx[i % 2], i, 1);
    }
  chan_test_channels_clear (&channels);
}

static void
test_try (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };
  gint64 deadline = chan_test_deadline ();
  gint64 start = g_get_monotonic_time ();
  int which = -1;

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 20; i++)
    {
      g_assert_cmpint (chan_selector_wait_until (selector, 1, NULL, &error), ==, -1);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      g_clear_error (&error);
    }
  g_assert_cmpint (g_get_monotonic_time () - start, <, 10 * G_TIME_SPAN_SECOND);
  chan_test_send (channels.tx[1], 4, 1);
  /* Over a link it has yet to arrive; trying must read it in the end. */
  while (which < 0 && g_get_monotonic_time () < deadline)
    which = chan_selector_wait_until (selector, 1, NULL, NULL);
  g_assert_cmpint (which, ==, 1);
  chan_test_drop (selector);
  chan_test_channels_clear (&channels);
}

static void
test_no_cases (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);
  chan_test_channels_init (&channels, f, 1, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_remove (selector, 0);
  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  chan_test_channels_clear (&channels);
}

/* What was cancelled before it began does nothing, whatever could go. */
static void
test_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (8);
  g_autoptr (GCancellable) cancelled = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_sender (selector, channels.tx[1], message);
  chan_test_send (channels.tx[0], 0, 1);
  g_cancellable_cancel (cancelled);
  g_assert_cmpint (chan_selector_wait (selector, cancelled, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  chan_test_take (channels.rx[0], 0, 1);
  chan_test_assert_nothing_comes (channels.rx[1]);
  chan_test_channels_clear (&channels);
}

/* --- cases --------------------------------------------------------------------------------- */

static void
test_sent_once (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) first = chan_test_message (0);
  g_autoptr (ChanMessage) second = chan_test_message (1);
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 64);
  g_assert_cmpuint (chan_selector_add_sender (selector, channels.tx[0], NULL), ==, 0);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_select_nothing (selector);
  chan_selector_set_message (selector, 0, first);
  g_assert_cmpuint (chan_test_select (selector), ==, 0);
  chan_test_assert_sent (selector);
  chan_test_select_nothing (selector);
  chan_selector_set_message (selector, 0, first);
  chan_selector_set_message (selector, 0, NULL);
  chan_test_select_nothing (selector);
  chan_selector_set_message (selector, 0, second);
  g_assert_cmpuint (chan_test_select (selector), ==, 0);
  chan_test_assert_sent (selector);
  chan_test_take (channels.rx[0], 0, 2);
  chan_test_assert_nothing_comes (channels.rx[0]);
  chan_test_channels_clear (&channels);
}

/* Removing drops the end: a sender that nobody else holds is dropped without a close. */
static void
test_removed (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (1);
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 3, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_sender (selector, channels.tx[1], message);
  chan_selector_add_receiver (selector, channels.rx[2]);
  g_clear_object (&channels.tx[1]);
  chan_selector_remove (selector, 1);
  chan_test_assert_ended (channels.rx[1], CHAN_CHANNEL_ERROR_RESET);
  chan_selector_remove (selector, 0);
  chan_test_send (channels.tx[0], 0, 1);
  chan_test_select_nothing (selector);
  chan_test_send (channels.tx[2], 6, 1);
  chan_test_select_number (selector, 2, 6);
  chan_test_take (channels.rx[0], 0, 1);
  g_assert_cmpuint (chan_selector_add_receiver (selector, channels.rx[0]), ==, 3);
  chan_test_send (channels.tx[0], 1, 1);
  chan_test_select_number (selector, 3, 1);
  chan_test_channels_clear (&channels);
}

/* The same channel in two cases, and in two selectors, still gives each message once. */
static void
test_twice (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSelector) other = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 1, 64);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (other, channels.rx[0]);
  chan_test_send (channels.tx[0], 0, 30);
  for (guint i = 0; i < 30; i++)
    {
      ChanSelector *turn = i % 3 == 0 ? other : selector;
      g_autoptr (ChanMessage) message = NULL;

      chan_test_select (turn);
      message = chan_test_steal (turn);
      g_assert_cmpuint (chan_test_number (message), ==, i);
    }
  chan_test_select_nothing (selector);
  chan_test_channels_clear (&channels);
}

static void
test_full (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) message = chan_test_message (1);
  ChanTestChannels channels = { 0 };

  chan_test_channels_init (&channels, f, 2, 1);
  chan_test_send (channels.tx[0], 0, 1);
  chan_test_send (channels.tx[1], 0, 1);
  chan_selector_add_sender (selector, channels.tx[0], message);
  chan_selector_add_sender (selector, channels.tx[1], message);
  chan_test_select_nothing (selector);
  chan_test_take (channels.rx[1], 0, 1);
  g_assert_cmpuint (chan_test_select (selector), ==, 1);
  chan_test_assert_sent (selector);
  chan_test_select_nothing (selector);
  chan_test_take (channels.rx[0], 0, 1);
  g_assert_cmpuint (chan_test_select (selector), ==, 0);
  chan_test_assert_sent (selector);
  chan_test_take (channels.rx[0], 1, 1);
  chan_test_take (channels.rx[1], 1, 1);
  chan_test_channels_clear (&channels);
}

#define ALL CHAN_CONFORMANCE_ALL

const ChanConformanceTest chan_conformance_select[] = {
  { "select/takes-from-the-one-that-has-a-message", test_takes_one, ALL },
  { "select/keeps-the-order-of-each-channel", test_order_of_each, ALL },
  { "select/receivers-that-are-ready-take-turns", test_turns_of_receivers, CHAN_CONFORMANCE_DIRECT },
  { "select/senders-that-are-ready-take-turns", test_turns_of_senders, ALL },
  { "select/new-ones-begin-anywhere", test_new_each_time, ALL },
  { "select/closed-channel-is-ready-until-it-is-removed", test_closed, ALL },
  { "select/channel-of-a-dropped-sender-is-ready-with-its-error", test_dropped, ALL },
  { "select/sender-whose-receiver-closed-is-ready-with-closed", test_receiver_closed, ALL },
  { "select/own-end-that-is-closed-or-moved-is-ready-with-that", test_own_ends, ALL },
  { "select/deadline-passes-and-nothing-is-lost", test_deadline, ALL },
  { "select/deadline-in-the-past-is-a-try", test_try, ALL },
  { "select/without-cases-is-refused", test_no_cases, ALL },
  { "select/cancelled-before-it-began-does-nothing", test_cancelled, ALL },
  { "select/message-is-sent-once", test_sent_once, ALL },
  { "select/removed-case-is-gone-and-the-others-keep-their-index", test_removed, ALL },
  { "select/channel-in-several-cases-gives-each-message-once", test_twice, ALL },
  { "select/full-sender-is-chosen-when-it-has-room", test_full, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { NULL },
};
