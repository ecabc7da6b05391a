/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>

#include "chan-conformance-splice.h"

/* A splice without queues, into whatever takes at the other end: a handler, a source, polling, another splice. */

typedef struct
{
  ChanReceiver *rx; /* borrowed */
  guint n_messages, n_ends;
} Handler;

static void
handler_cb (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer data)
{
  Handler *self = data;

  g_assert_no_error (error);
  if (message == NULL)
    {
      self->n_ends++;
      return;
    }
  g_assert_cmpuint (chan_test_number (message), ==, self->n_messages);
  self->n_messages++;
}

static void
test_into_handler (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  Handler handler = { 0 };

  chan_test_splice_init (&splice, f, 0);
  chan_test_splice_start (&splice);
  chan_receiver_set_handler (splice.rx, handler_cb, &handler, NULL);
  chan_test_sending_start (&sending, splice.tx, 0, 100, TRUE);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 100);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_splice_join (&splice);
}

static gboolean
ready_cb (gpointer data)
{
  Handler *self = data;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  ChanTake take = chan_receiver_try_receive (self->rx, &message, &error);

  g_assert_no_error (error);
  if (take != CHAN_TAKE_EMPTY)
    handler_cb (self->rx, message, NULL, self);
  return take != CHAN_TAKE_CLOSED;
}

static void
test_into_source (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  g_autoptr (GSource) source = NULL;
  Handler handler = { 0 };

  chan_test_splice_init (&splice, f, 0);
  handler.rx = splice.rx;
  source = chan_receiver_create_source (splice.rx, NULL);
  g_source_set_callback (source, ready_cb, &handler, NULL);
  g_source_attach (source, f->context);
  chan_test_splice_start (&splice);
  chan_test_sending_start (&sending, splice.tx, 0, 100, TRUE);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 100);
  g_source_destroy (source);
  chan_test_sending_join (&sending);
  chan_test_splice_join (&splice);
}

static void
test_into_polling (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  Handler handler = { 0 };
  gint64 deadline = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  chan_test_splice_init (&splice, f, 0);
  handler.rx = splice.rx;
  chan_test_splice_start (&splice);
  chan_test_sending_start (&sending, splice.tx, 0, 50, TRUE);
  while (handler.n_ends == 0 && g_get_monotonic_time () < deadline)
    if (ready_cb (&handler))
      g_usleep (100);
  g_assert_cmpuint (handler.n_ends, ==, 1);
  g_assert_cmpuint (handler.n_messages, ==, 50);
  chan_test_sending_join (&sending);
  chan_test_splice_join (&splice);
}

static void
test_chain (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) first = { 0 };
  g_auto (ChanTestSplice) second = { 0 };
  g_auto (ChanTestSending) sending = { 0 };

  chan_test_splice_init (&first, f, 0);
  second.from = g_object_ref (first.rx);
  chan_conformance_channel (f, 0, &second.to, &second.rx);
  chan_test_splice_start (&first);
  chan_test_splice_start (&second);
  chan_test_sending_start (&sending, first.tx, 0, 100, TRUE);
  chan_test_take (second.rx, 0, 100);
  chan_test_assert_closed (second.rx);
  chan_test_sending_join (&sending);
  chan_test_splice_join (&first);
  chan_test_splice_join (&second);
}

static gint64
cpu_us (void)
{
  struct timespec now;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * G_USEC_PER_SEC + now.tv_nsec / 1000;
}

/* Nobody receives: nothing more is taken than a link has on its way, nobody turns in circles, and nothing is lost. */
static void
test_nobody_receives (ChanConformanceFixture *f)
{
  g_auto (ChanTestSplice) splice = { 0 };
  g_auto (ChanTestSending) sending = { 0 };
  gint64 before;

  chan_test_splice_init (&splice, f, 0);
  chan_test_splice_start (&splice);
  chan_test_sending_start (&sending, splice.tx, 0, 20, TRUE);
  chan_test_thread_assert_waits (&sending.thread);
  before = cpu_us ();
  g_usleep (300000);
  g_assert_cmpint (cpu_us () - before, <, 150000);
  g_assert_cmpint (g_atomic_int_get ((gint *) &sending.n_sent), <=, f->shape == CHAN_CONFORMANCE_PIPE ? 0 : 1);
  chan_test_take (splice.rx, 0, 20);
  chan_test_assert_closed (splice.rx);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
  chan_test_splice_join (&splice);
}

#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY

const ChanConformanceTest chan_conformance_splice_rendezvous[] = {
  { "splice/without-queues-into-a-handler", test_into_handler, COUNTED },
  { "splice/without-queues-into-a-source", test_into_source, COUNTED },
  { "splice/without-queues-into-polling", test_into_polling, COUNTED },
  { "splice/without-queues-into-another-splice", test_chain, COUNTED },
  { "splice/without-queues-and-without-a-receiver-takes-nothing", test_nobody_receives, COUNTED },
  { NULL },
};
