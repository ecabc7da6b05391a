/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-select.h"

void
chan_test_channels_init (ChanTestChannels *self, ChanConformanceFixture *f, guint n, guint capacity)
{
  g_assert_cmpuint (n, <=, CHAN_TEST_MAX_CHANNELS);
  self->n = n;
  for (guint i = 0; i < n; i++)
    chan_conformance_channel (f, capacity, &self->tx[i], &self->rx[i]);
}

void
chan_test_channels_clear (ChanTestChannels *self)
{
  for (guint i = 0; i < self->n; i++)
    {
      g_clear_object (&self->tx[i]);
      g_clear_object (&self->rx[i]);
    }
}

guint
chan_test_select (ChanSelector *selector)
{
  g_autoptr (GError) error = NULL;
  int which = chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpint (which, >=, 0);
  return (guint) which;
}

ChanMessage *
chan_test_outcome (ChanSelector *selector)
{
  g_autoptr (GError) error = NULL;
  ChanMessage *message = chan_selector_steal_message (selector, &error);

  g_assert_no_error (error);
  return message;
}

ChanMessage *
chan_test_steal (ChanSelector *selector)
{
  ChanMessage *message = chan_test_outcome (selector);

  g_assert_nonnull (message);
  return message;
}

void
chan_test_drop (ChanSelector *selector)
{
  g_autoptr (ChanMessage) message = chan_test_steal (selector);

  g_assert_nonnull (message);
}

void
chan_test_assert_sent (ChanSelector *selector)
{
  g_assert_null (chan_test_outcome (selector));
}

void
chan_test_select_number (ChanSelector *selector, guint index, guint64 number)
{
  g_autoptr (ChanMessage) message = NULL;

  g_assert_cmpuint (chan_test_select (selector), ==, index);
  message = chan_test_steal (selector);
  g_assert_cmpuint (chan_test_number (message), ==, number);
}

void
chan_test_select_closed (ChanSelector *selector, guint index)
{
  g_assert_cmpuint (chan_test_select (selector), ==, index);
  g_assert_null (chan_test_outcome (selector));
}

void
chan_test_select_error (ChanSelector *selector, guint index, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (chan_test_select (selector), ==, index);
  g_assert_null (chan_selector_steal_message (selector, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, code);
}

void
chan_test_select_nothing (ChanSelector *selector)
{
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_soon (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* The answer to a ping comes after what was sent before it, and the context gives a relay time to carry it on. */
void
chan_test_wait_queued (ChanConformanceFixture *f, ChanReceiver *rx)
{
  g_autoptr (ChanMessage) first = chan_test_receive (rx);
  ChanSession *sessions[] = { f->a, f->b, f->hop[0] };

  for (guint i = 0; i < G_N_ELEMENTS (sessions); i++)
    if (sessions[i] != NULL)
      g_assert_true (chan_session_ping_until (sessions[i], chan_test_deadline (), NULL, NULL, NULL));
  chan_test_iterate_a_while (f->context);
}
