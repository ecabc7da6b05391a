/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Handles move: what may, what may not, and who has them when. */

/* A carrier, and a pipe of which an end is to move */
typedef struct
{
  ChanSender *carrier_tx;
  ChanReceiver *carrier_rx;
  ChanSender *tx;
  ChanReceiver *rx;
} Ends;

static void
ends_init (Ends *self, ChanConformanceFixture *f)
{
  chan_conformance_channel (f, 64, &self->carrier_tx, &self->carrier_rx);
  chan_pipe_new (16, &self->tx, &self->rx);
  chan_conformance_watch (f, self->tx);
  chan_conformance_watch (f, self->rx);
}

static void
ends_clear (Ends *self)
{
  g_clear_object (&self->carrier_tx);
  g_clear_object (&self->carrier_rx);
  g_clear_object (&self->tx);
  g_clear_object (&self->rx);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ends, ends_clear)

static ChanReceiver *
move_rx (ChanConformanceFixture *f, Ends *ends)
{
  GObject *moved = chan_test_carry (ends->carrier_tx, ends->carrier_rx, ends->rx);

  chan_conformance_watch (f, moved);
  return CHAN_RECEIVER (moved);
}

static ChanSender *
move_tx (ChanConformanceFixture *f, Ends *ends)
{
  GObject *moved = chan_test_carry (ends->carrier_tx, ends->carrier_rx, ends->tx);

  chan_conformance_watch (f, moved);
  return CHAN_SENDER (moved);
}

static void
test_receiver (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanReceiver) moved = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  ends_init (&ends, f);
  moved = move_rx (f, &ends);
  chan_test_sending_start (&sending, ends.tx, 0, 200, TRUE);
  chan_test_take (moved, 0, 200);
  chan_test_assert_closed (moved);
}

static void
test_sender (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanSender) moved = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  ends_init (&ends, f);
  moved = move_tx (f, &ends);
  chan_test_sending_start (&sending, moved, 0, 200, TRUE);
  chan_test_take (ends.rx, 0, 200);
  chan_test_assert_closed (ends.rx);
}

static void
test_truth_of_dropped (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanSender) moved = NULL;

  ends_init (&ends, f);
  moved = move_tx (f, &ends);
  chan_test_send (moved, 0, 3);
  g_clear_object (&moved);
  chan_test_take (ends.rx, 0, 3);
  chan_test_assert_ended (ends.rx, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_moved_receiver_closes (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanReceiver) moved = NULL;

  ends_init (&ends, f);
  moved = move_rx (f, &ends);
  chan_test_send (ends.tx, 0, 3);
  chan_test_take (moved, 0, 1);
  chan_receiver_close (moved);
  chan_test_assert_peer_closed (ends.tx);
}

static void
test_nested (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GVariant) expected = NULL;
  GObject *handles[2];
  GObject *found = NULL;

  ends_init (&ends, f);
  handles[0] = G_OBJECT (ends.tx);
  handles[1] = G_OBJECT (ends.rx);
  expected = g_variant_ref_sink (
      g_variant_new_parsed ("{'Cmd': <'ls'>, 'Return': <handle 0>, 'Deep': <[<{'x': <(1, [<handle 1>])>}>]>}"));
  message = chan_message_new_with_handles (expected, handles, 2);
  chan_test_send_message (ends.carrier_tx, message);
  arrived = chan_test_receive (ends.carrier_rx);
  g_assert_cmpvariant (chan_message_get_body (arrived), expected);
  g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, 2);
  found = chan_message_lookup_handle (arrived, "Return");
  g_assert_true (CHAN_IS_SENDER (found));
  g_assert_true (chan_message_get_handle (arrived, 0) == found);
  g_assert_true (CHAN_IS_RECEIVER (chan_message_get_handle (arrived, 1)));
  chan_test_send (CHAN_SENDER (found), 5, 1);
  chan_test_take (CHAN_RECEIVER (chan_message_get_handle (arrived, 1)), 5, 1);
}

static void
test_streams (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GIOStream) near = NULL;
  g_autoptr (GIOStream) far = NULL;
  g_autoptr (GObject) moved = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_byte_pipe_new (&near, &far);
  moved = chan_test_carry (tx, rx, far);
  g_assert_true (G_IS_IO_STREAM (moved));
}

/* --- how many --------------------------------------------------------------------------------- */

/* A message with n senders; their receivers are in `stayed`. */
static ChanMessage *
message_with (guint n, GPtrArray *stayed)
{
  g_autoptr (GPtrArray) handles = g_ptr_array_new_with_free_func (g_object_unref);
  GVariantBuilder builder;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("ah"));
  for (guint i = 0; i < n; i++)
    {
      ChanSender *tx = NULL;
      ChanReceiver *rx = NULL;

      chan_pipe_new (2, &tx, &rx);
      g_ptr_array_add (handles, tx);
      g_ptr_array_add (stayed, rx);
      g_variant_builder_add (&builder, "h", (gint32) i);
    }
  return chan_message_new_with_handles (g_variant_builder_end (&builder), (GObject **) handles->pdata, n);
}

static void
test_64 (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GPtrArray) stayed = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (ChanMessage) message = message_with (64, stayed);
  g_autoptr (ChanMessage) arrived = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_send_message (tx, message);
  arrived = chan_test_receive (rx);
  g_assert_cmpuint (chan_message_get_n_handles (arrived), ==, 64);
  for (guint i = 0; i < 64; i++)
    {
      g_autoptr (ChanSender) moved = CHAN_SENDER (chan_message_steal_handle (arrived, i));

      chan_test_send (moved, i, 1);
      chan_sender_close (moved);
      chan_test_take (stayed->pdata[i], i, 1);
      chan_test_assert_closed (stayed->pdata[i]);
    }
}

static void
test_65 (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GPtrArray) stayed = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (ChanMessage) message = message_with (65, stayed);
  g_autoptr (GError) error = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX);
  chan_test_send (tx, 0, 1);
  chan_test_take (rx, 0, 1);
  chan_test_assert_nothing_comes (rx);
  for (guint i = 0; i < 65; i++)
    {
      chan_test_send (CHAN_SENDER (chan_message_get_handle (message, i)), i, 1);
      chan_test_take (stayed->pdata[i], i, 1);
    }
}

/* --- what may not ------------------------------------------------------------------------------- */

static void
test_moved_from (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanReceiver) moved_rx = NULL;
  g_autoptr (ChanSender) moved_tx = NULL;
  g_autoptr (ChanMessage) message = chan_test_message (1);
  g_autoptr (GError) sent = NULL;
  g_autoptr (GError) received = NULL;
  g_auto (ChanTestReply) send = { 0 };
  g_auto (ChanTestReply) receive = { 0 };

  ends_init (&ends, f);
  moved_rx = move_rx (f, &ends);
  moved_tx = move_tx (f, &ends);
  chan_test_assert_moved_receiver (ends.rx);
  chan_test_assert_moved_sender (ends.tx);

  chan_test_reply_init (&send, f->context);
  chan_test_reply_init (&receive, f->context);
  chan_sender_send_async (ends.tx, message, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &send);
  chan_receiver_receive_async (ends.rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &receive);
  chan_test_reply_wait (&send);
  chan_test_reply_wait (&receive);
  g_assert_false (chan_sender_send_finish (ends.tx, send.result, &sent));
  g_assert_error (sent, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  g_assert_null (chan_receiver_receive_finish (ends.rx, receive.result, &received));
  g_assert_error (received, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);

  /* Closing or dropping what is left of them changes nothing. */
  chan_sender_close (ends.tx);
  chan_receiver_close (ends.rx);
  g_clear_object (&ends.tx);
  g_clear_object (&ends.rx);
  chan_test_send (moved_tx, 0, 2);
  chan_sender_close (moved_tx);
  chan_test_take (moved_rx, 0, 2);
  chan_test_assert_closed (moved_rx);
}

static void
test_sent_twice (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) other = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GError) error = NULL;

  ends_init (&ends, f);
  message = chan_test_message_handle (ends.rx);
  chan_test_send_message (ends.carrier_tx, message);
  g_assert_null (chan_message_get_handle (message, 0));
  g_assert_false (chan_sender_send_until (ends.carrier_tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);
  g_clear_error (&error);

  other = chan_test_message_handle (ends.rx);
  g_assert_false (chan_sender_send_until (ends.carrier_tx, other, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED);

  arrived = chan_test_receive (ends.carrier_rx);
  g_assert_nonnull (chan_message_get_handle (arrived, 0));
  chan_test_assert_nothing_comes (ends.carrier_rx);
}

static void
assert_not_over_itself (ChanSender *tx, ChanReceiver *rx, gpointer end)
{
  g_autoptr (ChanMessage) message = chan_test_message_handle (end);
  g_autoptr (GError) error = NULL;

  g_assert_false (chan_sender_send_until (tx, message, chan_test_deadline (), NULL, &error));
  g_assert_nonnull (error);
  g_assert_false (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT));
  g_assert_true (chan_message_get_handle (message, 0) == end);
  chan_test_send (tx, 0, 2);
  chan_test_take (rx, 0, 2);
}

static void
test_over_itself (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;

  chan_conformance_channel (f, 16, &tx, &rx);
  assert_not_over_itself (tx, rx, tx);
  if (f->shape == CHAN_CONFORMANCE_PIPE)
    assert_not_over_itself (tx, rx, rx);
}

static void
test_busy (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) received = NULL;
  g_autoptr (ChanReceiver) moved = NULL;
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };

  ends_init (&ends, f);
  message = chan_test_message_handle (ends.rx);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (ends.rx, G_PRIORITY_DEFAULT, NULL, chan_test_reply_cb, &reply);
  g_assert_false (chan_sender_send_until (ends.carrier_tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_clear_error (&error);
  chan_test_send (ends.tx, 0, 2);
  chan_test_reply_wait (&reply);
  received = chan_receiver_receive_finish (ends.rx, reply.result, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (chan_test_number (received), ==, 0);
  chan_test_reply_clear (&reply);
  moved = move_rx (f, &ends);
  chan_test_take (moved, 1, 1);
}

/* All or none: one busy end keeps the idle one from moving. */
static void
test_one_busy (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  g_auto (ChanTestReply) reply = { 0 };
  GObject *handles[2];

  ends_init (&ends, f);
  handles[0] = G_OBJECT (ends.tx);
  handles[1] = G_OBJECT (ends.rx);
  message = chan_message_new_with_handles (g_variant_new ("(hh)", 0, 1), handles, 2);
  chan_test_reply_init (&reply, f->context);
  chan_receiver_receive_async (ends.rx, G_PRIORITY_DEFAULT, cancellable, chan_test_reply_cb, &reply);
  g_assert_false (chan_sender_send_until (ends.carrier_tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_PENDING);
  g_assert_true (chan_message_get_handle (message, 0) == handles[0]);
  g_cancellable_cancel (cancellable);
  chan_test_reply_wait (&reply);
  chan_test_send (ends.tx, 0, 1);
  chan_test_take (ends.rx, 0, 1);
}

static void
test_failed_send (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  ends_init (&ends, f);
  message = chan_test_message_handle (ends.rx);
  chan_sender_close (ends.carrier_tx);
  g_assert_false (chan_sender_send_until (ends.carrier_tx, message, chan_test_deadline (), NULL, &error));
  g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED);
  g_assert_true (chan_message_get_handle (message, 0) == G_OBJECT (ends.rx));
  chan_test_send (ends.tx, 0, 2);
  chan_test_take (ends.rx, 0, 2);
}

static void
test_claimed_once (ChanConformanceFixture *f)
{
  g_auto (Ends) ends = { 0 };
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;
  g_autoptr (GObject) moved = NULL;

  ends_init (&ends, f);
  message = chan_test_message_handle (ends.rx);
  chan_test_send_message (ends.carrier_tx, message);
  arrived = chan_test_receive (ends.carrier_rx);
  moved = chan_message_steal_handle (arrived, 0);
  g_assert_nonnull (moved);
  g_assert_null (chan_message_steal_handle (arrived, 0));
  g_assert_null (chan_message_get_handle (arrived, 0));
  g_clear_pointer (&arrived, chan_message_unref);
  chan_test_send (ends.tx, 0, 1);
  chan_test_take (CHAN_RECEIVER (moved), 0, 1);
}

const ChanConformanceTest chan_conformance_handles[] = {
  { "handles/receiver-moves", test_receiver, CHAN_CONFORMANCE_ALL },
  { "handles/sender-moves", test_sender, CHAN_CONFORMANCE_ALL },
  { "handles/byte-stream-moves", test_streams, CHAN_CONFORMANCE_ALL },
  { "handles/moved-sender-that-is-dropped-is-an-error-end", test_truth_of_dropped, CHAN_CONFORMANCE_ALL },
  { "handles/moved-receiver-that-closes-is-seen-by-the-sender", test_moved_receiver_closes, CHAN_CONFORMANCE_ALL },
  { "handles/nested-in-dictionaries-arrays-and-variants", test_nested, CHAN_CONFORMANCE_ALL },
  { "handles/sixty-four-fit", test_64, CHAN_CONFORMANCE_ALL },
  { "handles/sixty-five-are-too-complex-and-nothing-is-sent", test_65, CHAN_CONFORMANCE_ALL },
  { "handles/moved-from-ends-fail-and-do-no-harm", test_moved_from, CHAN_CONFORMANCE_ALL },
  { "handles/sent-twice-fails", test_sent_twice, CHAN_CONFORMANCE_ALL },
  { "handles/not-over-themselves", test_over_itself, CHAN_CONFORMANCE_ALL },
  { "handles/busy-end-does-not-move", test_busy, CHAN_CONFORMANCE_ALL },
  { "handles/all-move-or-none", test_one_busy, CHAN_CONFORMANCE_ALL },
  { "handles/failed-send-leaves-them-usable", test_failed_send, CHAN_CONFORMANCE_ALL },
  { "handles/are-claimed-once", test_claimed_once, CHAN_CONFORMANCE_ALL },
  { NULL },
};
