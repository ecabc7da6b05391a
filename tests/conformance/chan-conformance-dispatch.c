/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Main contexts: sources, message handlers, and what callbacks may do. */

/* --- sources ------------------------------------------------------------------------- */

typedef struct
{
  GMainContext *context;
  GObject *object;
  guint n_calls;
} Watch;

static gboolean
ready_cb (gpointer user_data)
{
  Watch *self = user_data;

  g_assert_true (g_main_context_is_owner (self->context));
  self->n_calls++;
  return G_SOURCE_REMOVE;
}

static void
watch_start (Watch *self, GMainContext *context, gpointer object, GSource *source)
{
  *self = (Watch){ context, object, 0 };
  g_source_set_callback (source, G_SOURCE_FUNC (ready_cb), self, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
}

static void
test_readable (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  Watch watch;

  chan_conformance_channel (f, 64, &tx, &rx);
  watch_start (&watch, f->context, rx, chan_receiver_create_source (rx, NULL));
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (watch.n_calls, ==, 0);
  chan_test_send (tx, 4, 1);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  g_assert_cmpint (chan_receiver_try_receive (rx, &message, &error), ==, CHAN_TAKE_MESSAGE);
  g_assert_cmpuint (chan_test_number (message), ==, 4);
  watch_start (&watch, f->context, rx, chan_receiver_create_source (rx, NULL));
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (watch.n_calls, ==, 0);
  chan_sender_close (tx);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_test_assert_closed (rx);
}

static void
test_readable_already (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Watch watch;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 2);
  chan_test_take (rx, 0, 1);
  watch_start (&watch, f->context, rx, chan_receiver_create_source (rx, NULL));
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_test_take (rx, 1, 1);
}

static void
test_writable (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Watch watch;

  chan_conformance_channel (f, 2, &tx, &rx);
  watch_start (&watch, f->context, tx, chan_sender_create_source (tx, NULL));
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_test_send (tx, 0, 2);
  watch_start (&watch, f->context, tx, chan_sender_create_source (tx, NULL));
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (watch.n_calls, ==, 0);
  chan_test_take (rx, 0, 1);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_test_send (tx, 2, 1);
}

static void
test_writable_at_end (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Watch watch;

  chan_conformance_channel (f, 2, &tx, &rx);
  chan_test_send (tx, 0, 2);
  watch_start (&watch, f->context, tx, chan_sender_create_source (tx, NULL));
  chan_receiver_close (rx);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_test_assert_peer_closed (tx);
}

static void
test_source_cancelled (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  Watch watch;

  chan_conformance_channel (f, 2, &tx, &rx);
  watch_start (&watch, f->context, rx, chan_receiver_create_source (rx, cancellable));
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (watch.n_calls, ==, 0);
  g_cancellable_cancel (cancellable);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
}

/* --- handlers ---------------------------------------------------------------------------- */

typedef struct
{
  ChanConformanceFixture *f;
  ChanSender *answers;     /* nullable: each number is sent there too */
  ChanReceiver *questions; /* nullable: something to wait for in the callback */
  guint close_at;          /* the handler closes the receiver at this number */
  guint n_messages, n_ends, n_destroyed;
  GError *end;
} Handler;

static void
handler_cb (ChanReceiver *receiver, ChanMessage *message, const GError *error, gpointer user_data)
{
  Handler *self = user_data;

  g_assert_true (g_main_context_is_owner (self->f->context));
  g_assert_cmpuint (self->n_ends, ==, 0);
  if (message == NULL)
    {
      self->n_ends++;
      self->end = error != NULL ? g_error_copy (error) : NULL;
      return;
    }
  g_assert_null (error);
  g_assert_cmpuint (chan_test_number (message), ==, self->n_messages);
  self->n_messages++;
  if (self->answers != NULL)
    chan_test_send_message (self->answers, message);
  if (self->questions != NULL)
    chan_test_take (self->questions, self->n_messages - 1, 1);
  if (self->n_messages == self->close_at)
    chan_receiver_close (receiver);
}

static void
destroyed_cb (gpointer user_data)
{
  Handler *self = user_data;

  self->n_destroyed++;
}

static void
test_handler (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  Handler handler = { f };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_sending_start (&sending, tx, 0, 500, TRUE);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 500);
  g_assert_no_error (handler.end);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (handler.n_ends, ==, 1);
  chan_test_sending_join (&sending);
  g_clear_object (&rx);
  chan_test_iterate_until (f->context, &handler.n_destroyed, 1);
  g_assert_cmpuint (handler.n_destroyed, ==, 1);
}

/* A send that waits for its receiver is a message for a handler, and makes a receiver readable. */
static void
test_handler_rendezvous (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  Handler handler = { f };
  Watch watch;

  chan_conformance_channel (f, 0, &tx, &rx);
  watch_start (&watch, f->context, rx, chan_receiver_create_source (rx, NULL));
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (watch.n_calls, ==, 0);
  chan_test_sending_start (&sending, tx, 0, 50, TRUE);
  chan_test_iterate_until (f->context, &watch.n_calls, 1);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 50);
  g_assert_no_error (handler.end);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
}

/* The same with sends that are asynchronous, and a select. */
static void
test_handler_rendezvous_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) first = chan_test_message (0);
  g_autoptr (ChanMessage) second = chan_test_message (1);
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) sent = { 0 };
  g_auto (ChanTestReply) selected = { 0 };
  Handler handler = { f };

  chan_conformance_channel (f, 0, &tx, &rx);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_reply_init (&sent, f->context);
  chan_test_reply_init (&selected, f->context);
  chan_sender_send_async (tx, first, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &sent);
  chan_test_reply_wait (&sent);
  g_assert_true (chan_sender_send_finish (tx, sent.result, &error));
  g_assert_no_error (error);
  chan_test_iterate_until (f->context, &handler.n_messages, 1);
  chan_selector_add_sender (selector, tx, second);
  chan_selector_wait_async (selector, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &selected);
  chan_test_reply_wait (&selected);
  g_assert_cmpint (chan_selector_wait_finish (selector, selected.result, &error), ==, 0);
  g_assert_no_error (error);
  chan_test_iterate_until (f->context, &handler.n_messages, 2);
  chan_receiver_set_handler (rx, NULL, NULL, NULL);
}

static void
test_handler_queued (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Handler handler = { f };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 20);
  g_clear_object (&tx);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  g_assert_cmpuint (handler.n_messages, ==, 0);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 20);
  g_assert_error (handler.end, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET);
  g_clear_error (&handler.end);
}

/* The handler keeps its receiver alive until the end of the channel. */
static void
test_handler_keeps (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Handler handler = { f };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  g_clear_object (&rx);
  chan_test_send (tx, 0, 10);
  chan_sender_close (tx);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 10);
  g_assert_no_error (handler.end);
  chan_test_iterate_until (f->context, &handler.n_destroyed, 1);
}

static void
test_handler_closes (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Handler handler = { f, .close_at = 3 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send (tx, 0, 10);
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_iterate_until (f->context, &handler.n_messages, 3);
  chan_test_iterate_a_while (f->context);
  g_assert_cmpuint (handler.n_messages, ==, 3);
  g_assert_cmpuint (handler.n_ends, <=, 1);
  g_clear_error (&handler.end);
  chan_test_assert_peer_closed (tx);
}

static void
test_handler_sends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) answers_tx = NULL;
  g_autoptr (ChanReceiver) answers_rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  Handler handler = { f };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_conformance_channel (f, 64, &answers_tx, &answers_rx);
  handler.answers = answers_tx;
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_sending_start (&sending, tx, 0, 50, TRUE);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  chan_test_take (answers_rx, 0, 50);
}

/* A callback that waits: for a message on another channel of the same session. */
static void
test_handler_waits (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) questions_tx = NULL;
  g_autoptr (ChanReceiver) questions_rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };
  g_auto (ChanTestSending) questions = { 0 };
  Handler handler = { f };

  chan_conformance_channel (f, 4, &tx, &rx);
  chan_conformance_channel (f, 4, &questions_tx, &questions_rx);
  handler.questions = questions_rx;
  chan_receiver_set_handler (rx, handler_cb, &handler, destroyed_cb);
  chan_test_sending_start (&sending, tx, 0, 100, TRUE);
  chan_test_sending_start (&questions, questions_tx, 0, 100, FALSE);
  chan_test_iterate_until (f->context, &handler.n_ends, 1);
  g_assert_cmpuint (handler.n_messages, ==, 100);
  chan_test_sending_join (&sending);
  chan_test_sending_join (&questions);
  g_assert_no_error (sending.error);
  g_assert_no_error (questions.error);
}

/* --- contexts --------------------------------------------------------------------------------- */

typedef struct
{
  ChanReceiver *rx;
  guint64 sum;
  guint n;
} Share;

/* Receives asynchronously in the context of its own thread until the channel closes. */
static void
share_run (gpointer data)
{
  Share *self = data;

  for (;;)
    {
      g_auto (ChanTestReply) reply = { 0 };
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (GError) error = NULL;

      chan_test_reply_init (&reply, g_main_context_get_thread_default ());
      chan_receiver_receive_async (self->rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
      chan_test_reply_wait (&reply);
      message = chan_receiver_receive_finish (self->rx, reply.result, &error);
      g_assert_no_error (error);
      if (message == NULL)
        return;
      self->sum += chan_test_number (message);
      self->n++;
    }
}

static void
test_contexts (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Share shares[3] = { { NULL } };
  ChanTestThread threads[3];
  guint64 sum = 0;
  guint n = 0;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      shares[i].rx = rx;
      chan_test_thread_start (&threads[i], share_run, &shares[i]);
    }
  chan_test_send (tx, 0, 600);
  chan_sender_close (tx);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    {
      chan_test_thread_join (&threads[i]);
      sum += shares[i].sum;
      n += shares[i].n;
    }
  g_assert_cmpuint (n, ==, 600);
  g_assert_cmpuint (sum, ==, 600 * 599 / 2);
}

/* Nothing completes inside the call that starts it. */
static void
test_never_inline (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (0);
  g_autoptr (ChanMessage) arrived = NULL;
  g_auto (ChanTestReply) sent = { 0 };
  g_auto (ChanTestReply) received = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&sent, f->context);
  chan_test_reply_init (&received, f->context);
  chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &sent);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &received);
  g_assert_cmpuint (sent.n_calls, ==, 0);
  g_assert_cmpuint (received.n_calls, ==, 0);
  chan_test_reply_wait (&received);
  chan_test_reply_wait (&sent);
  arrived = chan_receiver_receive_finish (rx, received.result, NULL);
  g_assert_nonnull (arrived);
}

static void
receive_in (GMainContext *context, ChanSender *tx, ChanReceiver *rx)
{
  g_autoptr (ChanMessage) message = chan_test_message (0);
  g_autoptr (ChanMessage) arrived = NULL;
  g_auto (ChanTestReply) received = { 0 };

  g_main_context_push_thread_default (context);
  chan_test_reply_init (&received, context);
  chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &received);
  g_assert_true (chan_sender_try_send (tx, message, NULL));
  chan_test_reply_wait (&received);
  arrived = chan_receiver_receive_finish (rx, received.result, NULL);
  g_assert_nonnull (arrived);
  g_main_context_pop_thread_default (context);
}

/* What was served by one context, which has no more to wait for, is served by the next at once. */
static void
test_idle_context (ChanConformanceFixture *f)
{
  g_autoptr (GMainContext) idle = g_main_context_new ();
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  gint64 start;

  chan_conformance_channel (f, 64, &tx, &rx);
  receive_in (idle, tx, rx);
  start = g_get_monotonic_time ();
  receive_in (f->context, tx, rx);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 4 * G_USEC_PER_SEC);
}

const ChanConformanceTest chan_conformance_dispatch[] = {
  { "source/readable-fires-for-a-message-and-for-the-end-only", test_readable, CHAN_CONFORMANCE_ALL },
  { "source/readable-fires-for-what-is-there-already", test_readable_already, CHAN_CONFORMANCE_ALL },
  { "source/writable-fires-when-there-is-room-only", test_writable, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "source/writable-fires-when-the-receiver-closes", test_writable_at_end, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "source/fires-when-cancelled", test_source_cancelled, CHAN_CONFORMANCE_ALL },
  { "handler/every-message-in-order-and-the-end-once", test_handler, CHAN_CONFORMANCE_ALL },
  { "handler/without-a-queue-gets-what-waits-to-be-sent", test_handler_rendezvous, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "handler/without-a-queue-gets-what-async-calls-send", test_handler_rendezvous_async, CHAN_CONFORMANCE_DIRECT,
    CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "handler/what-is-queued-and-an-error-end", test_handler_queued, CHAN_CONFORMANCE_ALL },
  { "handler/keeps-its-receiver-until-the-end", test_handler_keeps, CHAN_CONFORMANCE_ALL },
  { "handler/closing-in-the-middle-stops-it", test_handler_closes, CHAN_CONFORMANCE_ALL },
  { "handler/may-send-on-the-same-session", test_handler_sends, CHAN_CONFORMANCE_ALL },
  { "handler/may-wait-for-another-channel-of-the-session", test_handler_waits, CHAN_CONFORMANCE_ALL },
  { "context/each-thread-gets-its-callbacks-in-its-own", test_contexts, CHAN_CONFORMANCE_ALL },
  { "context/one-that-nobody-iterates-any-more-gives-way", test_idle_context, CHAN_CONFORMANCE_DIRECT },
  { "context/callbacks-never-come-inside-the-call", test_never_inline, CHAN_CONFORMANCE_ALL },
  { NULL },
};
