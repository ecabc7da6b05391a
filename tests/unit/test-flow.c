/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libchan-glib/wire/chan-flow.h"

static void
test_send_raise (void)
{
  ChanFlowSend flow = { .used = 0, .limit = 65536 };

  flow.used = 65536;
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 0);
  g_assert_true (chan_flow_send_raise (&flow, 100));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 100);
  g_assert_true (chan_flow_send_raise (&flow, CHAN_FLOW_WINDOW_MAX - 100));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, CHAN_FLOW_WINDOW_MAX);
  g_assert_false (chan_flow_send_raise (&flow, 1));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, CHAN_FLOW_WINDOW_MAX);
  flow.used++;
  g_assert_true (chan_flow_send_raise (&flow, 1));
}

static void
test_send_shift (void)
{
  ChanFlowSend flow = { .used = 60000, .limit = 65536 };

  /* The window becomes negative: raises are swallowed first. */
  g_assert_true (chan_flow_send_shift (&flow, 65536, 1000));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 0);
  g_assert_true (chan_flow_send_raise (&flow, 59000));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 0);
  g_assert_true (chan_flow_send_raise (&flow, 1));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 1);
  g_assert_true (chan_flow_send_shift (&flow, 1000, 65536));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 64537);
  g_assert_true (chan_flow_send_raise (&flow, 1000));
  g_assert_false (chan_flow_send_shift (&flow, 65536, CHAN_FLOW_WINDOW_MAX));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, 65537);
  g_assert_true (chan_flow_send_shift (&flow, 65536, CHAN_FLOW_WINDOW_MAX - 1));
  g_assert_cmpuint (chan_flow_send_available (&flow), ==, CHAN_FLOW_WINDOW_MAX);
}

static void
test_beyond_4_gib (void)
{
  ChanFlowSend flow = { .used = 0, .limit = 65536 };
  ChanFlowReceive receive;

  chan_flow_receive_init (&receive, 65536, 65536);
  for (guint i = 0; i < 100000; i++)
    {
      flow.used += 65536;
      receive.received += 65536;
      g_assert_cmpuint (chan_flow_receive_available (&receive), ==, 0);
      g_assert_cmpuint (chan_flow_receive_consume (&receive, 65536), ==, 65536);
      g_assert_cmpuint (chan_flow_receive_due (&receive, FALSE), ==, 65536);
      receive.limit += 65536;
      g_assert_true (chan_flow_send_raise (&flow, 65536));
      g_assert_cmpuint (chan_flow_send_available (&flow), ==, chan_flow_receive_available (&receive));
    }
  g_assert_cmpuint (flow.used, >, G_GUINT64_CONSTANT (1) << 32);
}

static void
test_due_at_half (void)
{
  ChanFlowReceive flow;

  chan_flow_receive_init (&flow, 1000, 1000);
  flow.received = 1000;
  chan_flow_receive_consume (&flow, 499);
  g_assert_cmpuint (chan_flow_receive_due (&flow, FALSE), ==, 0);
  g_assert_cmpuint (chan_flow_receive_due (&flow, TRUE), ==, 499);
  chan_flow_receive_consume (&flow, 1);
  g_assert_cmpuint (chan_flow_receive_due (&flow, FALSE), ==, 500);
  /* Nobody can take more than there is. */
  g_assert_cmpuint (chan_flow_receive_consume (&flow, 10000), ==, 500);
  g_assert_cmpuint (flow.consumed, ==, flow.received);
  g_assert_cmpuint (chan_flow_receive_backlog (&flow), ==, 0);
}

static void
test_window_smaller_than_limit (void)
{
  ChanFlowReceive flow;

  /* The session's: 256 KiB are given by the protocol, the limit says less. */
  chan_flow_receive_init (&flow, 1000, 100);
  flow.received = 1000;
  chan_flow_receive_consume (&flow, 900);
  g_assert_cmpuint (chan_flow_receive_due (&flow, TRUE), ==, 0);
  chan_flow_receive_consume (&flow, 60);
  g_assert_cmpuint (chan_flow_receive_due (&flow, FALSE), ==, 60);
}

static void
test_growth (void)
{
  ChanFlowReceive flow;

  chan_flow_receive_init (&flow, 1000, 1000);
  flow.received = 1000;
  chan_flow_receive_consume (&flow, 999);
  chan_flow_receive_grow (&flow, 4000);
  g_assert_cmpuint (flow.window, ==, 1000);
  chan_flow_receive_consume (&flow, 1);
  chan_flow_receive_grow (&flow, 4000);
  g_assert_cmpuint (flow.window, ==, 2000);
  /* A reader that lags does not get more. */
  flow.received += 4000;
  chan_flow_receive_consume (&flow, 2000);
  chan_flow_receive_grow (&flow, 4000);
  g_assert_cmpuint (flow.window, ==, 2000);
  chan_flow_receive_consume (&flow, 2000);
  chan_flow_receive_grow (&flow, 3500);
  g_assert_cmpuint (flow.window, ==, 3500);
  flow.received += 100000;
  chan_flow_receive_consume (&flow, 100000);
  chan_flow_receive_grow (&flow, 3500);
  g_assert_cmpuint (flow.window, ==, 3500);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flow/window-never-passes-2-31", test_send_raise);
  g_test_add_func ("/flow/initial-window-changes-afterwards", test_send_shift);
  g_test_add_func ("/flow/offsets-do-not-wrap", test_beyond_4_gib);
  g_test_add_func ("/flow/updates-at-half-a-window", test_due_at_half);
  g_test_add_func ("/flow/window-shrinks-by-not-granting", test_window_smaller_than_limit);
  g_test_add_func ("/flow/window-grows-while-the-reader-keeps-up", test_growth);
  return g_test_run ();
}
