/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-request.h"

/* The helpers of chan-conformance-request.c; requests that cannot be sent, and sessions that die. */

ChanMessage *
chan_test_request (guint64 number)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "P", "t", number);
  return chan_message_new (g_variant_dict_end (&dict));
}

ChanMessage *
chan_test_request_with (guint64 number, const char *key, gpointer handle)
{
  GObject *handles[] = { handle };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "P", "t", number);
  g_variant_dict_insert (&dict, key, "h", 0);
  return chan_message_new_with_handles (g_variant_dict_end (&dict), handles, 1);
}

void
chan_test_answer (ChanMessage *request)
{
  GObject *handle = chan_message_lookup_handle (request, "R");
  guint64 number = 0;

  g_assert_true (CHAN_IS_SENDER (handle));
  g_assert_true (g_variant_lookup (chan_message_get_body (request), "P", "t", &number));
  chan_test_send (CHAN_SENDER (handle), number, 1);
  chan_sender_close (CHAN_SENDER (handle));
}

static void
serving_run (gpointer data)
{
  ChanTestServing *self = data;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) request = chan_receiver_receive_until (self->rx, chan_test_deadline (), NULL, &error);

      g_assert_no_error (error);
      if (request == NULL)
        return;
      chan_test_answer (request);
    }
}

void
chan_test_serving_start (ChanTestServing *self, ChanReceiver *rx)
{
  self->rx = rx;
  chan_test_thread_start (&self->thread, serving_run, self);
}

void
chan_test_serving_clear (ChanTestServing *self)
{
  chan_test_thread_join (&self->thread);
}

/* --- bodies ------------------------------------------------------------------------------------ */

static void
assert_refused (ChanConformanceFixture *f, ChanSender *tx, ChanMessage *request)
{
  g_autoptr (GError) sync_error = NULL;
  g_autoptr (GError) async_error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  g_assert_null (chan_sender_request_until (tx, request, "R", chan_test_deadline (), NULL, &sync_error));
  g_assert_nonnull (sync_error);
  g_assert_false (g_error_matches (sync_error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
  chan_test_reply_init (&reply, f->context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  chan_test_reply_wait (&reply);
  g_assert_null (chan_sender_request_finish (tx, reply.result, &async_error));
  g_assert_error (async_error, sync_error->domain, sync_error->code);
}

/* There is no place for the channel in it: nothing is sent, and the channel is as before. */
static void
test_not_a_dictionary (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) number = chan_test_message (1);
  g_autoptr (ChanMessage) bytes = chan_test_message_bytes (10);
  g_autoptr (ChanMessage) strings = chan_message_new (g_variant_new_parsed ("{'a': 'b'}"));

  chan_conformance_channel (f, 64, &tx, &rx);
  assert_refused (f, tx, number);
  assert_refused (f, tx, bytes);
  assert_refused (f, tx, strings);
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
  chan_test_assert_nothing_comes (rx);
}

/* An empty dictionary, and keys of every kind beside it, arrive as they were. */
static void
test_other_keys (ChanConformanceFixture *f)
{
  static const char *const bodies[] = {
    "@a{sv} {}", "{'a': <1>, 'b': <[byte 1, 2]>}", "{'nested': <{'R': <'not this one'>}>, '': <@mi nothing>}",
  };
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  for (guint i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      g_autoptr (GVariant) body = g_variant_ref_sink (g_variant_new_parsed (bodies[i]));
      g_autoptr (ChanMessage) request = chan_message_new (body);
      g_autoptr (ChanMessage) arrived = NULL;
      g_autoptr (ChanMessage) answer = NULL;
      g_autoptr (GVariant) rest = NULL;
      g_autoptr (GError) error = NULL;
      g_auto (ChanTestReply) reply = { 0 };
      GVariantDict dict;

      chan_test_reply_init (&reply, f->context);
      chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
      arrived = chan_test_receive (rx);
      chan_test_send (CHAN_SENDER (chan_message_lookup_handle (arrived, "R")), i, 1);
      g_variant_dict_init (&dict, chan_message_get_body (arrived));
      g_assert_true (g_variant_dict_remove (&dict, "R"));
      rest = g_variant_ref_sink (g_variant_dict_end (&dict));
      g_assert_cmpuint (g_variant_n_children (rest), ==, g_variant_n_children (body));
      for (gsize j = 0; j < g_variant_n_children (body); j++)
        {
          g_autoptr (GVariant) entry = g_variant_get_child_value (body, j);
          g_autoptr (GVariant) value = NULL;
          g_autoptr (GVariant) found = NULL;
          const char *key = NULL;

          g_variant_get (entry, "{&sv}", &key, &value);
          found = g_variant_lookup_value (rest, key, NULL);
          g_assert_cmpvariant (found, value);
        }
      chan_test_reply_wait (&reply);
      answer = chan_sender_request_finish (tx, reply.result, &error);
      g_assert_no_error (error);
    }
}

/* --- ends ----------------------------------------------------------------------------------------- */

static void
test_closed_channel (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_receiver_close (rx);
  chan_test_assert_peer_closed (tx);
  g_assert_null (chan_sender_request_until (tx, request, "R", chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
assert_broken (GError *error)
{
  g_assert_nonnull (error);
  g_assert_true (error->domain == CHAN_CHANNEL_ERROR);
  g_assert_cmpint (error->code, !=, CHAN_CHANNEL_ERROR_CLOSED);
}

static void
session_dies (ChanConformanceFixture *f, void (*kill) (ChanSession *a, ChanSession *b))
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanMessage) request = chan_test_request (1);
  g_autoptr (ChanMessage) second = chan_test_request (2);
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_reply_init (&reply, f->context);
  chan_sender_request_async (tx, request, "R", G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  arrived = chan_test_receive (rx);
  kill (f->a, f->b);
  chan_test_reply_wait (&reply);
  g_assert_null (chan_sender_request_finish (tx, reply.result, &error));
  assert_broken (error);
  g_clear_error (&error);
  g_assert_null (chan_sender_request_until (tx, second, "R", chan_test_deadline (), NULL, &error));
  assert_broken (error);
}

static void
abort_one (ChanSession *a, ChanSession *b)
{
  chan_session_abort (b);
}

static void
test_session_aborted (ChanConformanceFixture *f)
{
  session_dies (f, abort_one);
}

static void
test_session_killed (ChanConformanceFixture *f)
{
  session_dies (f, f->transport->kill_link);
}

const ChanConformanceTest chan_conformance_request_bodies[] = {
  { "request/that-is-no-dictionary-is-refused", test_not_a_dictionary, CHAN_CONFORMANCE_ALL },
  { "request/other-keys-arrive-as-they-were", test_other_keys, CHAN_CONFORMANCE_ALL },
  { "request/on-a-channel-that-its-receiver-closed-is-closed", test_closed_channel, CHAN_CONFORMANCE_ALL },
  { "request/session-that-is-aborted-ends-it-with-an-error", test_session_aborted, CHAN_CONFORMANCE_SESSION },
  { "request/session-that-dies-ends-it-with-an-error", test_session_killed, CHAN_CONFORMANCE_SESSION,
    CHAN_CONFORMANCE_NEEDS_KILL },
  { NULL },
};
