/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Order, no gap, no duplicate: what was received is a prefix of what was accepted. */

#define MANY 2000

static void
test_sync (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, MANY, TRUE);
  chan_test_take (rx, 0, MANY);
  chan_test_assert_closed (rx);
  chan_test_sending_join (&sending);
  g_assert_no_error (sending.error);
}

static void
test_one_thread (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < 50; i++)
    {
      chan_test_send (tx, i * 10, 10);
      chan_test_take (rx, i * 10, 10);
    }
}

/* Two chains of asynchronous calls in one context */
typedef struct
{
  ChanSender *tx;
  ChanReceiver *rx;
  guint n_sent, n_received;
} Chains;

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Chains *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;

  if (result != NULL)
    {
      g_assert_true (chan_sender_send_finish (self->tx, result, &error));
      g_assert_no_error (error);
      self->n_sent++;
    }
  if (self->n_sent == MANY)
    return;
  message = chan_test_message (self->n_sent);
  chan_sender_send_async (self->tx, message, G_PRIORITY_DEFAULT, NULL, sent_cb, self);
}

static void
received_cb (GObject *source, GAsyncResult *result, gpointer user_data)
{
  Chains *self = user_data;
  g_autoptr (GError) error = NULL;

  if (result != NULL)
    {
      g_autoptr (ChanMessage) message = chan_receiver_receive_finish (self->rx, result, &error);

      g_assert_no_error (error);
      g_assert_cmpuint (chan_test_number (message), ==, self->n_received);
      self->n_received++;
    }
  if (self->n_received < MANY)
    chan_receiver_receive_async (self->rx, G_PRIORITY_DEFAULT, NULL, received_cb, self);
}

static void
test_async (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  Chains chains = { 0 };

  chan_conformance_channel (f, 16, &tx, &rx);
  chains = (Chains){ tx, rx, 0, 0 };
  sent_cb (NULL, NULL, &chains);
  received_cb (NULL, NULL, &chains);
  chan_test_iterate_until (f->context, &chains.n_received, MANY);
  chan_test_iterate_until (f->context, &chains.n_sent, MANY);
}

static void
test_pending_receives (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestReply replies[10];

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      chan_test_reply_init (&replies[i], f->context);
      chan_receiver_receive_async (rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &replies[i]);
    }
  chan_test_send (tx, 0, G_N_ELEMENTS (replies));
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = NULL;

      chan_test_reply_wait (&replies[i]);
      message = chan_receiver_receive_finish (rx, replies[i].result, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (chan_test_number (message), ==, i);
      chan_test_reply_clear (&replies[i]);
    }
}

static void
test_pending_sends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestReply replies[100];

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (i);

      chan_test_reply_init (&replies[i], f->context);
      chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &replies[i]);
    }
  chan_test_take (rx, 0, G_N_ELEMENTS (replies));
  for (guint i = 0; i < G_N_ELEMENTS (replies); i++)
    {
      g_autoptr (GError) error = NULL;

      chan_test_reply_wait (&replies[i]);
      g_assert_true (chan_sender_send_finish (tx, replies[i].result, &error));
      g_assert_no_error (error);
      chan_test_reply_clear (&replies[i]);
    }
}

static void
test_prefix_of_abort (ChanConformanceFixture *f)
{
  g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "enough");

  for (guint round = 0; round < 10; round++)
    {
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;
      g_auto (ChanTestSending) sending = { 0 };
      g_autoptr (GError) end = NULL;
      guint64 n = 0;

      chan_conformance_channel (f, 64, &tx, &rx);
      chan_test_sending_start (&sending, tx, 0, G_MAXUINT, FALSE);
      chan_test_take (rx, 0, 20 * round);
      chan_sender_abort (tx, reason);
      n = chan_test_take_until_end (rx, 20 * round, &end);
      g_assert_nonnull (end);
      chan_test_sending_join (&sending);
      g_assert_error (sending.error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
      /* One more may be on its way: accepted, and not yet counted by the thread that sends. */
      g_assert_cmpuint (20 * round + n, <=, sending.n_sent + 1);
    }
}

/* More than any window holds, and its sender is gone before anybody reads. */
static void
test_dropped_behind (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) end = NULL;
  guint n_sent = 0;

  chan_conformance_channel (f, 200, &tx, &rx);
  for (; n_sent < 200; n_sent++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_bytes (60000);
      g_autoptr (GError) error = NULL;

      if (chan_sender_try_send (tx, message, &error))
        continue;
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
      break;
    }
  g_assert_cmpuint (n_sent, >, 0);
  g_clear_object (&tx);
  for (guint i = 0; i < n_sent; i++)
    {
      g_autoptr (ChanMessage) message = chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &end);

      g_assert_no_error (end);
      g_assert_nonnull (message);
      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, 60000);
    }
  g_assert_null (chan_receiver_receive_until (rx, chan_test_deadline (), NULL, &end));
  g_assert_nonnull (end);
}

static void
test_whole (ChanConformanceFixture *f)
{
  static const gsize sizes[] = { 0, 1, 16383, 16384, 16385, 65535, 65536, 65537, 1 << 20, 3 << 20 };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree guint8 *data = g_malloc (MAX (sizes[i], 1));
      g_autoptr (GBytes) bytes = NULL;
      g_autoptr (GBytes) got = NULL;
      g_autoptr (ChanMessage) message = NULL;
      g_autoptr (ChanMessage) arrived = NULL;
      ChanTestReply reply;

      for (gsize j = 0; j < sizes[i]; j++)
        data[j] = (guint8) (j * 31 + (j >> 8) * 7 + i);
      bytes = g_bytes_new (data, sizes[i]);
      message = chan_message_new_from_bytes (bytes);
      chan_test_reply_init (&reply, f->context);
      chan_sender_send_async (tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
      arrived = chan_test_receive (rx);
      got = g_bytes_ref (chan_message_get_bytes (arrived));
      g_assert_true (g_bytes_equal (bytes, got));
      chan_test_reply_wait (&reply);
      chan_test_reply_clear (&reply);
    }
}

static void
test_types (ChanConformanceFixture *f)
{
  static const char *const bodies[] = {
    "true", "byte 0x07", "int16 -3", "uint16 3", "int32 -70000", "uint32 70000", "int64 -5", "uint64 5", "1.5",
    "'text'", "objectpath '/a/b'", "signature 'a{sv}'", "<<1>>", "@mi nothing", "@mi 3", "@ai []", "[1, 2]",
    "@a{sv} {}", "{'a': <1>, 'b': <[byte 1, 2]>}", "(1, 'two', 3.0)", "@() ()", "b'bytes'", "[['a'], ['b', 'c']]",
    "{1: 'one'}", "{'k': 1}",
  };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_parsed (bodies[i]));
      g_autoptr (ChanMessage) message = chan_message_new (body);
      g_autoptr (ChanMessage) arrived = NULL;

      chan_test_send_message (tx, message);
      arrived = chan_test_receive (rx);
      g_assert_cmpvariant (chan_message_get_body (arrived), body);
    }
}

const ChanConformanceTest chan_conformance_order[] = {
  { "order/two-threads-receive-all-without-gap-or-duplicate", test_sync, CHAN_CONFORMANCE_ALL },
  { "order/one-thread-can-do-both-ends", test_one_thread, CHAN_CONFORMANCE_ALL },
  { "order/async-calls-keep-it", test_async, CHAN_CONFORMANCE_ALL },
  { "order/pending-receives-are-served-in-turn", test_pending_receives, CHAN_CONFORMANCE_ALL },
  { "order/pending-sends-are-served-in-turn", test_pending_sends, CHAN_CONFORMANCE_ALL },
  { "order/abort-in-the-middle-leaves-a-prefix", test_prefix_of_abort, CHAN_CONFORMANCE_DIRECT },
  { "order/dropped-sender-is-an-error-after-all-that-was-accepted", test_dropped_behind, CHAN_CONFORMANCE_ALL },
  { "order/messages-of-all-sizes-arrive-whole", test_whole, CHAN_CONFORMANCE_ALL },
  { "order/bodies-keep-their-types", test_types, CHAN_CONFORMANCE_ALL },
  { NULL },
};
