/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits on a channel when its other end is sent away learns that the channel belongs to a session now. It must then
 * look after the session's socket itself: without that the attendant would carry each message, late, and all would seem
 * to work. */
#include <gio/gio.h>

#include "chan-message.h"
#include "chan-pipe.h"
#include "chan-receiver-private.h"
#include "chan-sender-private.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

typedef struct
{
  ChanSender *tx;
  ChanReceiver *rx;
  ChanPipe *pipe; /* borrowed */
  ChanReactor *reactor;
} Fixture;

static void
service (gpointer owner, GIOCondition ready, ChanLater *later)
{
}

static void
flush (gpointer owner, ChanLater *later)
{
}

static const ChanReactorFuncs funcs = { service, flush };

static void
set_up (Fixture *f, gconstpointer data)
{
  chan_pipe_new (1, &f->tx, &f->rx);
  f->pipe = chan_receiver_get_pipe (f->rx);
  f->reactor = chan_reactor_new (&funcs, f, -1);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (f->reactor);
  chan_reactor_close (f->reactor, &later);
  f->reactor->owner = NULL;
  chan_reactor_unlock (f->reactor, &later);
  g_object_unref (f->tx);
  g_object_unref (f->rx);
  chan_reactor_unref (f->reactor);
}

static void
send_one (Fixture *f)
{
  g_autoptr (ChanMessage) message = chan_message_new (g_variant_new_string ("one"));
  g_autoptr (GError) error = NULL;

  chan_sender_send_until (f->tx, message, g_get_monotonic_time () + 2 * PATIENCE_US, NULL, &error);
  g_assert_no_error (error);
}

static void
receive_one (Fixture *f)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_until (f->rx, g_get_monotonic_time () + 2 * PATIENCE_US, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
}

static gpointer
send_thread (gpointer data)
{
  send_one (data);
  return NULL;
}

static gpointer
receive_thread (gpointer data)
{
  receive_one (data);
  return NULL;
}

static gboolean
somebody_sleeps (Fixture *f)
{
  return f->pipe->receivers.first != NULL || f->pipe->senders.first != NULL;
}

static gboolean
somebody_waits_for_the_session (Fixture *f)
{
  return f->reactor->waiters.next != &f->reactor->waiters;
}

static gboolean
has_a_home (Fixture *f)
{
  return f->reactor->interests != NULL && f->reactor->interests->len > 0;
}

static void
wait_until (Fixture *f, gboolean (*func) (Fixture *f))
{
  gint64 deadline = g_get_monotonic_time () + PATIENCE_US;
  gboolean done = FALSE;

  while (!done && g_get_monotonic_time () < deadline)
    {
      ChanLater later;

      chan_later_init (&later);
      chan_pipe_lock (f->pipe);
      done = func (f);
      chan_pipe_unlock (f->pipe, &later);
      if (!done)
        g_usleep (1000);
    }
  g_assert_true (done);
}

static void
attach (Fixture *f)
{
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (f->reactor);
  g_assert_true (chan_pipe_attach (f->pipe, f->reactor, &later));
  chan_reactor_unlock (f->reactor, &later);
}

static void
test_receive (Fixture *f, gconstpointer data)
{
  GThread *thread = g_thread_new ("receive", receive_thread, f);

  wait_until (f, somebody_sleeps);
  g_usleep (20000); /* in poll() */
  attach (f);
  wait_until (f, somebody_waits_for_the_session);
  send_one (f);
  g_thread_join (thread);
}

static void
test_send (Fixture *f, gconstpointer data)
{
  GThread *thread;

  send_one (f);
  thread = g_thread_new ("send", send_thread, f);
  wait_until (f, somebody_sleeps);
  g_usleep (20000);
  attach (f);
  wait_until (f, somebody_waits_for_the_session);
  receive_one (f);
  g_thread_join (thread);
}

static void
done_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = chan_receiver_receive_finish (CHAN_RECEIVER (source), result, &error);

  g_assert_no_error (error);
  g_assert_nonnull (message);
  *(gboolean *) data = TRUE;
}

static void
test_receive_async (Fixture *f, gconstpointer data)
{
  gboolean done = FALSE;

  chan_receiver_receive_async (f->rx, G_PRIORITY_DEFAULT, NULL, done_cb, &done);
  g_assert_false (has_a_home (f));
  attach (f);
  wait_until (f, has_a_home);
  send_one (f);
  while (!done)
    g_main_context_iteration (NULL, TRUE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add ("/attach/wakes-a-receive", Fixture, NULL, set_up, test_receive, tear_down);
  g_test_add ("/attach/wakes-a-send", Fixture, NULL, set_up, test_send, tear_down);
  g_test_add ("/attach/gives-an-asynchronous-receive-a-home", Fixture, NULL, set_up, test_receive_async, tear_down);
  return g_test_run ();
}
