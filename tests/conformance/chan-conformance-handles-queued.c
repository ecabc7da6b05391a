/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"
#include "chan-conformance-util.h"

/* Ends that move with messages in them, or inside messages nobody reads; requests and replies. */

static void
test_queued_move (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (16, &tx, &rx);
  chan_test_send (tx, 0, 10);
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_test_send (tx, 10, 5);
  chan_sender_close (tx);
  chan_test_take (moved, 0, 15);
  chan_test_assert_closed (moved);
}

/* The capacity of the pipe is more than any credit at the start of a stream. */
static void
test_many_queued (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (3000, &tx, &rx);
  chan_test_send (tx, 0, 3000);
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  g_clear_object (&tx);
  chan_test_take (moved, 0, 3000);
  chan_test_assert_ended (moved, CHAN_CHANNEL_ERROR_RESET);
}

/* What is queued has no credit yet when its sender closes. */
static void
test_closed_behind_queue (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  /* As much as it holds: more than a link takes at once. */
  chan_pipe_new (3000, &tx, &rx);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_bytes (100000 + i);

      chan_test_send_message (tx, message);
    }
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_sender_close (tx);
  for (guint i = 0; i < 10; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_receive (moved);

      g_assert_cmpuint (g_bytes_get_size (chan_message_get_bytes (message)), ==, 100000 + i);
    }
  chan_test_assert_closed (moved);
}

static void
ended_before_moved (ChanConformanceFixture *f, gboolean close)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (16, &tx, &rx);
  chan_test_send (tx, 0, 3);
  if (close)
    chan_sender_close (tx);
  g_clear_object (&tx);
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_test_take (moved, 0, 3);
  if (close)
    chan_test_assert_closed (moved);
  else
    chan_test_assert_ended (moved, CHAN_CHANNEL_ERROR_RESET);
}

static void
test_closed_before (ChanConformanceFixture *f)
{
  ended_before_moved (f, TRUE);
}

static void
test_dropped_before (ChanConformanceFixture *f)
{
  ended_before_moved (f, FALSE);
}

static void
test_moves_under_load (ChanConformanceFixture *f)
{
  for (guint round = 0; round < 5; round++)
    {
      g_autoptr (ChanSender) carrier_tx = NULL;
      g_autoptr (ChanReceiver) carrier_rx = NULL;
      g_autoptr (ChanSender) tx = NULL;
      g_autoptr (ChanReceiver) rx = NULL;
      g_autoptr (ChanReceiver) moved = NULL;
      g_auto (ChanTestSending) sending = { 0 };

      chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
      chan_pipe_new (8, &tx, &rx);
      chan_test_sending_start (&sending, tx, 0, 500, TRUE);
      chan_test_take (rx, 0, 30 * round);
      moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
      chan_test_take (moved, 30 * round, 500 - 30 * round);
      chan_test_assert_closed (moved);
      chan_test_sending_join (&sending);
      g_assert_no_error (sending.error);
    }
}

/* A send that waits when the other end moves goes on there. */
static void
test_waiting_send_survives (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;
  g_auto (ChanTestSending) sending = { 0 };

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (1, &tx, &rx);
  chan_test_sending_start (&sending, tx, 0, 10, TRUE);
  chan_test_thread_assert_waits (&sending.thread);
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_test_take (moved, 0, 10);
  chan_test_assert_closed (moved);
}

static void
test_waiting_receive_survives (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanSender) moved = NULL;
  g_auto (ChanTestReceiving) receiving = { 0 };

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (1, &tx, &rx);
  chan_test_receiving_start (&receiving, rx, NULL);
  chan_test_thread_assert_waits (&receiving.thread);
  moved = CHAN_SENDER (chan_test_carry (carrier_tx, carrier_rx, tx));
  chan_test_send (moved, 7, 1);
  chan_test_thread_join (&receiving.thread);
  g_assert_no_error (receiving.error);
  g_assert_cmpuint (chan_test_number (receiving.message), ==, 7);
}

/* Pipe in a message in a pipe in a message in a pipe, all before the outermost moves. */
static void
test_three_levels (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  ChanSender *tx[3] = { NULL };
  ChanReceiver *rx[3] = { NULL };
  g_autoptr (ChanReceiver) current = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  for (guint i = 0; i < 3; i++)
    {
      chan_pipe_new (4, &tx[i], &rx[i]);
      chan_conformance_watch (f, tx[i]);
      chan_conformance_watch (f, rx[i]);
      chan_test_send (tx[i], i * 10, 1);
    }
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message_handle (rx[i + 1]);

      chan_test_send_message (tx[i], message);
    }
  for (guint i = 0; i < 3; i++)
    chan_sender_close (tx[i]);
  current = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx[0]));
  for (guint i = 0; i < 3; i++)
    {
      chan_test_take (current, i * 10, 1);
      if (i < 2)
        {
          g_autoptr (ChanMessage) message = chan_test_receive (current);
          g_autoptr (ChanReceiver) next = CHAN_RECEIVER (chan_message_steal_handle (message, 0));

          chan_test_assert_closed (current);
          g_set_object (&current, next);
        }
      g_clear_object (&tx[i]);
      g_clear_object (&rx[i]);
    }
  chan_test_assert_closed (current);
}

/* --- messages nobody reads ----------------------------------------------------------------------- */

static void
test_arrived_unread (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) moved_tx = NULL;
  g_autoptr (ChanReceiver) stayed_rx = NULL;
  g_autoptr (ChanSender) stayed_tx = NULL;
  g_autoptr (ChanReceiver) moved_rx = NULL;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (ChanMessage) arrived = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (4, &moved_tx, &stayed_rx);
  chan_pipe_new (4, &stayed_tx, &moved_rx);
  message = chan_message_new_with_handles (g_variant_new ("(hh)", 0, 1),
                                           (GObject *[]){ G_OBJECT (moved_tx), G_OBJECT (moved_rx) }, 2);
  chan_test_send (moved_tx, 0, 1);
  chan_test_send_message (carrier_tx, message);
  arrived = chan_test_receive (carrier_rx);
  g_clear_pointer (&arrived, chan_message_unref);
  chan_test_take (stayed_rx, 0, 1);
  chan_test_assert_ended (stayed_rx, CHAN_CHANNEL_ERROR_CLOSED);
  chan_test_assert_peer_closed (stayed_tx);
}

static void
test_carrier_ends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) carrier_tx = NULL;
  g_autoptr (ChanReceiver) carrier_rx = NULL;
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (ChanReceiver) moved = NULL;

  chan_conformance_channel (f, 64, &carrier_tx, &carrier_rx);
  chan_pipe_new (4, &tx, &rx);
  moved = CHAN_RECEIVER (chan_test_carry (carrier_tx, carrier_rx, rx));
  chan_test_send (tx, 0, 2);
  g_clear_object (&carrier_tx);
  chan_test_assert_ended (carrier_rx, CHAN_CHANNEL_ERROR_RESET);
  g_clear_object (&carrier_rx);
  chan_test_send (tx, 2, 2);
  chan_sender_close (tx);
  chan_test_take (moved, 0, 4);
  chan_test_assert_closed (moved);
}

/* --- there and back --------------------------------------------------------------------------------- */

static void
test_comes_home (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GObject) there = NULL;
  g_autoptr (GObject) home = NULL;

  chan_conformance_sessions (f);
  chan_pipe_new (4, &tx, &rx);
  chan_test_send (tx, 0, 2);
  there = chan_conformance_move (f->a, f->b, G_OBJECT (rx));
  chan_test_send (tx, 2, 2);
  chan_test_take (CHAN_RECEIVER (there), 0, 1);
  home = chan_conformance_move (f->b, f->a, there);
  chan_conformance_watch (f, home);
  chan_test_take (CHAN_RECEIVER (home), 1, 3);
  chan_test_send (tx, 4, 1);
  g_clear_object (&tx);
  chan_test_take (CHAN_RECEIVER (home), 4, 1);
  chan_test_assert_ended (CHAN_RECEIVER (home), CHAN_CHANNEL_ERROR_RESET);
}

static void
test_both_ends (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GObject) far_tx = NULL;
  g_autoptr (GObject) far_rx = NULL;

  chan_conformance_sessions (f);
  chan_pipe_new (4, &tx, &rx);
  far_tx = chan_conformance_move (f->a, f->b, G_OBJECT (tx));
  far_rx = chan_conformance_move (f->a, f->b, G_OBJECT (rx));
  for (guint i = 0; i < 20; i++)
    {
      chan_test_send (CHAN_SENDER (far_tx), i, 1);
      chan_test_take (CHAN_RECEIVER (far_rx), i, 1);
    }
  chan_sender_close (CHAN_SENDER (far_tx));
  chan_test_assert_closed (CHAN_RECEIVER (far_rx));
}

static void
serve_run (gpointer data)
{
  ChanReceiver *requests = data;

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) request = chan_receiver_receive_until (requests, chan_test_deadline (), NULL, &error);
      g_autoptr (ChanMessage) reply = NULL;
      g_autoptr (ChanSender) back = NULL;
      guint64 number = 0;

      g_assert_no_error (error);
      if (request == NULL)
        return;
      g_assert_true (g_variant_lookup (chan_message_get_body (request), "P", "t", &number));
      back = CHAN_SENDER (g_object_ref (chan_message_lookup_handle (request, "R")));
      reply = chan_test_message (number);
      chan_test_send_message (back, reply);
      chan_sender_close (back);
    }
}

static void
test_requests (ChanConformanceFixture *f)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  ChanTestThread thread;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_test_thread_start (&thread, serve_run, rx);
  for (guint64 i = 0; i < 1000; i++)
    {
      g_autoptr (ChanSender) back = NULL;
      g_autoptr (ChanReceiver) answer = NULL;
      g_autoptr (ChanMessage) request = NULL;

      chan_pipe_new (1, &back, &answer);
      request = chan_message_new_with_handles (
          g_variant_new_parsed ("{'P': <%t>, 'R': <handle 0>}", i), (GObject *[]){ G_OBJECT (back) }, 1);
      chan_test_send_message (tx, request);
      chan_test_take (answer, i, 1);
      /* Half of the answers are not read to their end. */
      if (i % 2 == 0)
        chan_test_assert_closed (answer);
    }
  chan_sender_close (tx);
  chan_test_thread_join (&thread);
}

const ChanConformanceTest chan_conformance_handles_queued[] = {
  { "handles/receiver-moves-with-its-messages-in-order", test_queued_move, CHAN_CONFORMANCE_ALL },
  { "handles/receiver-moves-with-more-messages-than-credit", test_many_queued, CHAN_CONFORMANCE_ALL },
  { "handles/close-after-the-move-comes-behind-what-is-queued", test_closed_behind_queue, CHAN_CONFORMANCE_ALL },
  { "handles/receiver-of-a-closed-sender-moves-with-the-truth", test_closed_before, CHAN_CONFORMANCE_ALL },
  { "handles/receiver-of-a-dropped-sender-moves-with-the-truth", test_dropped_before, CHAN_CONFORMANCE_ALL },
  { "handles/receiver-moves-while-its-sender-sends", test_moves_under_load, CHAN_CONFORMANCE_ALL },
  { "handles/waiting-send-survives-the-move-of-the-receiver", test_waiting_send_survives, CHAN_CONFORMANCE_ALL },
  { "handles/waiting-receive-survives-the-move-of-the-sender", test_waiting_receive_survives, CHAN_CONFORMANCE_ALL },
  { "handles/in-queued-messages-three-levels-deep", test_three_levels, CHAN_CONFORMANCE_ALL },
  { "handles/of-a-message-dropped-unread-are-cancelled", test_arrived_unread, CHAN_CONFORMANCE_ALL },
  { "handles/outlive-the-channel-that-carried-them", test_carrier_ends, CHAN_CONFORMANCE_ALL },
  { "handles/that-come-home-work-with-the-same-end", test_comes_home, CHAN_CONFORMANCE_SESSION },
  { "handles/both-ends-on-the-other-side", test_both_ends, CHAN_CONFORMANCE_SESSION },
  { "request/a-thousand-replies-on-fresh-channels", test_requests, CHAN_CONFORMANCE_ALL },
  { NULL },
};
