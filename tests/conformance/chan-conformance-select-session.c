/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-select.h"

#include "chan-conformance-pair.h"

/* Selects over two sessions of different transports, cancelling from elsewhere, and sessions that die meanwhile. */

/* f->a and f->b over the transport under test, f->hop over another. */
static void
two_transports (ChanConformanceFixture *f)
{
  chan_conformance_sessions (f);
  chan_conformance_connect_other (f->transport, &f->hop[0], &f->hop[1]);
}

static void
two_channels (ChanConformanceFixture *f, ChanTestChannels *channels)
{
  two_transports (f);
  channels->n = 2;
  chan_conformance_open (f->a, f->b, NULL, &channels->tx[0], &channels->rx[0]);
  chan_conformance_open (f->hop[0], f->hop[1], NULL, &channels->tx[1], &channels->rx[1]);
  for (guint i = 0; i < 2; i++)
    {
      chan_conformance_watch (f, channels->tx[i]);
      chan_conformance_watch (f, channels->rx[i]);
    }
}

/* A select in a thread of its own */
typedef struct
{
  ChanTestThread thread;
  ChanSelector *selector;
  GCancellable *cancellable;
  int which;
  GError *error;
} Selecting;

static void
selecting_run (gpointer data)
{
  Selecting *self = data;

  self->which = chan_selector_wait_until (self->selector, chan_test_deadline (), self->cancellable, &self->error);
}

static void
selecting_start (Selecting *self, ChanSelector *selector, GCancellable *cancellable)
{
  *self = (Selecting){ .selector = selector, .cancellable = cancellable };
  chan_test_thread_start (&self->thread, selecting_run, self);
}

static void
selecting_join (Selecting *self, guint which)
{
  chan_test_thread_join (&self->thread);
  g_assert_no_error (self->error);
  g_assert_cmpint (self->which, ==, which);
}

static void
test_two_transports (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  two_channels (f, &channels);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = NULL;
      Selecting selecting;

      selecting_start (&selecting, selector, NULL);
      if (i < 4)
        chan_test_thread_assert_waits (&selecting.thread);
      chan_test_send (channels.tx[i % 2], i, 1);
      selecting_join (&selecting, i % 2);
      message = chan_test_steal (selector);
      g_assert_cmpuint (chan_test_number (message), ==, i);
    }
  chan_test_select_nothing (selector);
  chan_test_channels_clear (&channels);
}

static void
test_two_transports_many (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };
  ChanTestSending sending[2] = { 0 };
  guint next[2] = { 0 };

  two_channels (f, &channels);
  for (guint i = 0; i < 2; i++)
    {
      chan_selector_add_receiver (selector, channels.rx[i]);
      chan_test_sending_start (&sending[i], channels.tx[i], 0, 5000, TRUE);
    }
  for (guint n_open = 2; n_open > 0;)
    {
      guint which = chan_test_select (selector);
      g_autoptr (ChanMessage) message = chan_test_outcome (selector);

      if (message == NULL)
        {
          chan_selector_remove (selector, which);
          n_open--;
          continue;
        }
      g_assert_cmpuint (chan_test_number (message), ==, next[which]);
      next[which]++;
    }
  for (guint i = 0; i < 2; i++)
    {
      chan_test_sending_join (&sending[i]);
      g_assert_no_error (sending[i].error);
      g_assert_cmpuint (next[i], ==, 5000);
    }
  chan_test_channels_clear (&channels);
}

static void
fill (ChanSender *tx)
{
  for (guint i = 0;; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (i);
      g_autoptr (GError) error = NULL;

      if (chan_sender_send_until (tx, message, chan_test_soon (), NULL, &error))
        continue;
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      return;
    }
}

/* A send on one session or a receive on the other, whichever can. */
static void
test_two_transports_both_ways (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanMessage) offer = chan_test_message (1000);
  ChanTestChannels channels = { 0 };
  Selecting selecting;

  two_channels (f, &channels);
  fill (channels.tx[0]);
  chan_selector_add_sender (selector, channels.tx[0], offer);
  chan_selector_add_receiver (selector, channels.rx[1]);
  selecting_start (&selecting, selector, NULL);
  chan_test_thread_assert_waits (&selecting.thread);
  chan_test_send (channels.tx[1], 7, 1);
  selecting_join (&selecting, 1);
  chan_test_drop (selector);
  selecting_start (&selecting, selector, NULL);
  chan_test_thread_assert_waits (&selecting.thread);
  chan_test_take (channels.rx[0], 0, 64);
  selecting_join (&selecting, 0);
  chan_test_assert_sent (selector);
  chan_test_take (channels.rx[0], 1000, 1);
  chan_test_channels_clear (&channels);
}

static void
test_cancelled_elsewhere (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  two_channels (f, &channels);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  for (guint i = 0; i < 200; i++)
    {
      g_autoptr (GCancellable) cancellable = g_cancellable_new ();
      g_autoptr (ChanMessage) message = NULL;
      Selecting selecting;

      selecting_start (&selecting, selector, cancellable);
      if (i % 4 == 0)
        g_usleep (i);
      chan_test_send (channels.tx[i % 2], i, 1);
      if (i % 8 == 1)
        g_usleep (i);
      g_cancellable_cancel (cancellable);
      chan_test_thread_join (&selecting.thread);
      if (selecting.which >= 0)
        {
          g_assert_cmpint (selecting.which, ==, i % 2);
          message = chan_test_steal (selector);
          g_assert_cmpuint (chan_test_number (message), ==, i);
          continue;
        }
      g_assert_error (selecting.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
      g_clear_error (&selecting.error);
      chan_test_take (channels.rx[i % 2], i, 1);
    }
  chan_test_channels_clear (&channels);
}

static void
test_second_wait (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };
  Selecting selecting;

  two_channels (f, &channels);
  chan_selector_add_receiver (selector, channels.rx[0]);
  selecting_start (&selecting, selector, NULL);
  chan_test_thread_assert_waits (&selecting.thread);
  g_assert_cmpint (chan_selector_wait_until (selector, chan_test_deadline (), NULL, &error), ==, -1);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  chan_test_send (channels.tx[0], 1, 1);
  selecting_join (&selecting, 0);
  chan_test_drop (selector);
  chan_test_channels_clear (&channels);
}

/* --- a session dies -------------------------------------------------------------------------------- */

static void
assert_dead (ChanSelector *selector)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (chan_selector_steal_message (selector, &error));
  g_assert_nonnull (error);
  g_assert_true (error->domain == CHAN_CHANNEL_ERROR);
  g_assert_cmpint (error->code, !=, CHAN_CHANNEL_ERROR_CLOSED);
}

/* One is waited on by a receiver of each session, one by a sender that is full. */
static void
session_dies (ChanConformanceFixture *f, void (*kill) (ChanSession *a, ChanSession *b))
{
  g_autoptr (ChanSelector) receiving = chan_selector_new ();
  g_autoptr (ChanSelector) sending = chan_selector_new ();
  g_autoptr (ChanMessage) offer = chan_test_message (1);
  g_autoptr (ChanSender) full_tx = NULL;
  g_autoptr (ChanReceiver) full_rx = NULL;
  ChanTestChannels channels = { 0 };
  Selecting receiver, sender;

  two_channels (f, &channels);
  chan_conformance_open (f->a, f->b, NULL, &full_tx, &full_rx);
  fill (full_tx);
  chan_selector_add_receiver (receiving, channels.rx[1]);
  chan_selector_add_receiver (receiving, channels.rx[0]);
  chan_selector_add_sender (sending, full_tx, offer);
  selecting_start (&receiver, receiving, NULL);
  selecting_start (&sender, sending, NULL);
  chan_test_thread_assert_waits (&receiver.thread);
  chan_test_thread_assert_waits (&sender.thread);
  kill (f->a, f->b);
  selecting_join (&receiver, 1);
  assert_dead (receiving);
  selecting_join (&sender, 0);
  assert_dead (sending);

  chan_selector_remove (receiving, 1);
  chan_test_select_nothing (receiving);
  chan_test_send (channels.tx[1], 9, 1);
  chan_test_select_number (receiving, 0, 9);
  chan_test_channels_clear (&channels);
}

static void
abort_one (ChanSession *a, ChanSession *b)
{
  chan_session_abort (a);
}

static void
test_aborted (ChanConformanceFixture *f)
{
  session_dies (f, abort_one);
}

static void
test_killed (ChanConformanceFixture *f)
{
  session_dies (f, f->transport->kill_link);
}

/* What had arrived is selected first, then the error, as it is received. */
static void
test_arrived_first (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  ChanTestChannels channels = { 0 };

  two_channels (f, &channels);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_test_send (channels.tx[0], 0, 5);
  g_assert_true (chan_session_ping_until (f->a, chan_test_deadline (), NULL, NULL, NULL));
  f->transport->kill_link (f->a, f->b);
  for (guint i = 0; i < 5; i++)
    chan_test_select_number (selector, 1, i);
  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpuint (chan_test_select (selector), ==, 1);
      assert_dead (selector);
    }
  chan_test_channels_clear (&channels);
}

static void
test_async_dies (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_auto (ChanTestReply) reply = { 0 };
  g_autoptr (GError) error = NULL;
  ChanTestChannels channels = { 0 };

  two_channels (f, &channels);
  chan_selector_add_receiver (selector, channels.rx[0]);
  chan_selector_add_receiver (selector, channels.rx[1]);
  chan_test_reply_init (&reply, f->context);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (reply.n_calls, ==, 0);
  chan_session_abort (f->hop[0]);
  chan_test_reply_wait (&reply);
  g_assert_cmpint (chan_selector_wait_finish (selector, reply.result, &error), ==, 1);
  g_assert_no_error (error);
  assert_dead (selector);
  chan_test_channels_clear (&channels);
}

#define SESSION CHAN_CONFORMANCE_SESSION

const ChanConformanceTest chan_conformance_select_session[] = {
  { "select/two-transports-at-once", test_two_transports, SESSION },
  { "select/two-transports-with-many-messages-in-order", test_two_transports_many, SESSION },
  { "select/sending-on-one-transport-or-receiving-on-another", test_two_transports_both_ways, SESSION },
  { "select/cancelled-by-another-thread-loses-nothing", test_cancelled_elsewhere, SESSION },
  { "select/second-wait-from-another-thread-is-refused", test_second_wait, SESSION },
  { "select/session-that-is-aborted-ends-it-with-an-error", test_aborted, SESSION },
  { "select/session-that-dies-ends-it-with-an-error", test_killed, SESSION, CHAN_CONFORMANCE_NEEDS_KILL },
  { "select/what-had-arrived-comes-before-the-error", test_arrived_first, SESSION, CHAN_CONFORMANCE_NEEDS_KILL },
  { "select/async-and-the-session-dies", test_async_dies, SESSION },
  { NULL },
};
