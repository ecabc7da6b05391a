/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <string.h>

#include "chan-conformance-pair.h"
#include "chan-conformance-util.h"

/* An end that came over the transport under test goes on over another, with the same truth at both ends;
 * what a channel says about its end, in every code; and what a peer does not allow. */

typedef struct
{
  ChanSender *tx;
  ChanReceiver *rx;
} Ends;

static void
ends_clear (Ends *self)
{
  g_clear_object (&self->tx);
  g_clear_object (&self->rx);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Ends, ends_clear)

static GObject *
carry_on (ChanConformanceFixture *f, GObject *end)
{
  g_autoptr (GObject) local = end;
  g_autoptr (GObject) once = NULL;

  chan_conformance_sessions (f);
  if (f->hop[0] == NULL && f->transport->make_second_pair != NULL)
    f->transport->make_second_pair (f->test->parameters, &f->hop[0], &f->hop[1]);
  else if (f->hop[0] == NULL)
    chan_conformance_connect_other (f->transport, &f->hop[0], &f->hop[1]);
  once = chan_conformance_move (f->a, f->b, local);
  return chan_conformance_move (f->hop[0], f->hop[1], once);
}

static void
make_ends (ChanConformanceFixture *f, guint capacity, gboolean sender_moves, Ends *ends)
{
  chan_pipe_new (capacity, &ends->tx, &ends->rx);
  if (sender_moves)
    ends->tx = CHAN_SENDER (carry_on (f, G_OBJECT (ends->tx)));
  else
    ends->rx = CHAN_RECEIVER (carry_on (f, G_OBJECT (ends->rx)));
  chan_conformance_watch (f, ends->tx);
  chan_conformance_watch (f, ends->rx);
}

static void
test_close (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 2; i++)
    {
      g_auto (Ends) ends = { 0 };
      g_auto (ChanTestSending) sending = { 0 };

      make_ends (f, 64, i == 1, &ends);
      chan_test_sending_start (&sending, ends.tx, 0, 2000, TRUE);
      chan_test_take (ends.rx, 0, 2000);
      chan_test_assert_closed (ends.rx);
      chan_test_sending_join (&sending);
      g_assert_no_error (sending.error);
    }
}

static void
test_errors (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 2; i++)
    {
      g_auto (Ends) dropped = { 0 };
      g_auto (Ends) aborted = { 0 };
      g_auto (Ends) closed = { 0 };
      g_autoptr (GError) reason = g_error_new (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION, "by order");
      g_autoptr (GError) end = NULL;

      make_ends (f, 64, i == 1, &dropped);
      make_ends (f, 64, i == 1, &aborted);
      make_ends (f, 64, i == 1, &closed);
      chan_test_send (dropped.tx, 0, 10);
      g_clear_object (&dropped.tx);
      chan_test_take (dropped.rx, 0, 10);
      chan_test_assert_ended (dropped.rx, CHAN_CHANNEL_ERROR_RESET);
      chan_sender_abort (aborted.tx, reason);
      g_assert_cmpuint (chan_test_take_until_end (aborted.rx, 0, &end), ==, 0);
      g_assert_error (end, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PERMISSION);
      g_assert_nonnull (strstr (end->message, "by order"));
      chan_receiver_close (closed.rx);
      chan_test_assert_peer_closed (closed.tx);
    }
}

/* Sends until nothing more is accepted, from `n` on: how many there are then. */
static guint
fill (ChanSender *tx, guint n)
{
  for (;; n++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (n);
      g_autoptr (GError) error = NULL;

      if (chan_sender_send_until (tx, message, g_get_monotonic_time () + 200000, NULL, &error))
        continue;
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
      return n;
    }
}

/* Nobody takes anything: what is accepted has a bound on the whole way. Then each message that is taken makes room
 * for one, and no more: its credit comes back over both transports. */
static void
test_bounded (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 2; i++)
    {
      g_auto (Ends) ends = { 0 };
      guint n;

      make_ends (f, 4, i == 1, &ends);
      n = fill (ends.tx, 0);
      g_assert_cmpuint (n, <=, 4 * 64);
      for (guint taken = 0; taken < 2 * n; taken++)
        {
          chan_test_take (ends.rx, taken, 1);
          chan_test_send (ends.tx, n + taken, 1);
        }
      g_assert_cmpuint (fill (ends.tx, 3 * n), ==, 3 * n);
      chan_sender_close (ends.tx);
      chan_test_take (ends.rx, 2 * n, n);
      chan_test_assert_closed (ends.rx);
    }
}

static void
assert_sends_fail (ChanSender *tx)
{
  gint64 deadline = chan_test_deadline ();
  g_autoptr (GError) error = NULL;

  while (g_get_monotonic_time () < deadline)
    {
      g_autoptr (ChanMessage) message = chan_test_message (1);

      if (!chan_sender_send_until (tx, message, deadline, NULL, &error))
        break;
      g_usleep (1000);
    }
  g_assert_nonnull (error);
  g_assert_true (error->domain == CHAN_CHANNEL_ERROR);
}

/* The other transport of a pair can be cut too; else it is one in which sessions are aborted. */
static void
end_hop (ChanConformanceFixture *f, gboolean first)
{
  if (f->transport->kill_link != NULL && first)
    f->transport->kill_link (f->a, f->b);
  else if (f->transport->kill_link != NULL && f->transport->make_second_pair != NULL)
    f->transport->kill_link (f->hop[0], f->hop[1]);
  else
    chan_session_abort (first ? f->a : f->hop[1]);
}

static void
test_hop_dies (ChanConformanceFixture *f)
{
  for (guint i = 0; i < 4; i++)
    {
      g_auto (Ends) ends = { 0 };

      make_ends (f, 64, i % 2 == 1, &ends);
      chan_test_send (ends.tx, 0, 3);
      chan_test_take (ends.rx, 0, 3);
      end_hop (f, i < 2);
      chan_test_assert_broken (ends.rx);
      assert_sends_fail (ends.tx);
      g_clear_object (&f->hop[1]);
      g_clear_object (&f->hop[0]);
      g_clear_object (&f->b);
      g_clear_object (&f->a);
    }
}

/* --- reasons --------------------------------------------------------------------------------------- */

static void
abort_and_compare (ChanConformanceFixture *f, GError *reason, int code, const char *text)
{
  g_autoptr (ChanSender) tx = NULL;
  g_autoptr (ChanReceiver) rx = NULL;
  g_autoptr (GError) end = NULL;

  chan_conformance_channel (f, 64, &tx, &rx);
  chan_sender_abort (tx, reason);
  g_assert_cmpuint (chan_test_take_until_end (rx, 0, &end), ==, 0);
  g_assert_error (end, CHAN_CHANNEL_ERROR, code);
  g_assert_nonnull (strstr (end->message, text));
  g_assert_true (g_utf8_validate (end->message, -1, NULL));
}

static void
test_every_code (ChanConformanceFixture *f)
{
  for (int code = CHAN_CHANNEL_ERROR_FAILED; code <= CHAN_CHANNEL_ERROR_BAD_IDENTITY; code++)
    {
      g_autofree char *text = g_strdup_printf ("reason %d", code);
      g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, code, text);

      abort_and_compare (f, reason, code, text);
    }
}

/* An error of another kind is a reset with its text; a long text is cut between characters. */
static void
test_other_reasons (ChanConformanceFixture *f)
{
  g_autoptr (GError) other = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_NO_SPACE, "disk is full");
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) reason = NULL;
  g_autofree char *prefix = NULL;

  abort_and_compare (f, other, CHAN_CHANNEL_ERROR_RESET, "disk is full");
  g_string_append_c (text, '.');
  while (text->len < 1000)
    g_string_append (text, "\303\244");
  reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, text->str);
  prefix = g_strndup (text->str, 255);
  abort_and_compare (f, reason, CHAN_CHANNEL_ERROR_LIMIT, prefix);
}

/* --- what the peer does not allow -------------------------------------------------------------------- */

#define ALLOWED 8

static void
test_too_many_channels (ChanConformanceFixture *f)
{
  ChanSender *tx[ALLOWED + 4] = { 0 };
  guint n_refused = 0;

  chan_conformance_sessions (f);
  for (guint i = 0; i < G_N_ELEMENTS (tx); i++)
    {
      g_autoptr (GError) error = NULL;

      tx[i] = chan_session_open_channel (f->a, NULL, &error);
      if (tx[i] == NULL)
        g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
    }
  g_assert_true (chan_session_ping_until (f->a, chan_test_deadline (), NULL, NULL, NULL));
  for (guint i = 0; i < G_N_ELEMENTS (tx); i++)
    {
      g_autoptr (ChanMessage) message = chan_test_message (i);
      g_autoptr (GError) error = NULL;

      if (tx[i] != NULL && chan_sender_send_until (tx[i], message, chan_test_deadline (), NULL, &error))
        continue;
      n_refused++;
      if (tx[i] != NULL)
        g_assert_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT);
    }
  g_assert_cmpuint (n_refused, ==, 4);
  for (guint i = 0; i < ALLOWED; i++)
    {
      g_autoptr (ChanReceiver) rx = chan_session_accept_channel_until (f->b, chan_test_deadline (), NULL, NULL);

      chan_test_take (rx, i, 1);
      chan_sender_close (tx[i]);
      chan_test_assert_closed (rx);
    }
  for (guint i = 0; i < G_N_ELEMENTS (tx); i++)
    g_clear_object (&tx[i]);
}

#define SESSION CHAN_CONFORMANCE_SESSION
#define THIRD CHAN_CONFORMANCE_THIRD_PARTY

const ChanConformanceTest chan_conformance_third_party[] = {
  { "third-party/two-transports-keep-order-and-close", test_close, THIRD },
  { "third-party/two-transports-pass-errors-as-errors-both-ways", test_errors, THIRD, CHAN_CONFORMANCE_NEEDS_REASONS },
  { "third-party/two-transports-bound-what-is-accepted", test_bounded, THIRD, CHAN_CONFORMANCE_NEEDS_CAPACITY },
  { "third-party/hop-that-dies-is-an-error-at-both-ends", test_hop_dies, THIRD },
  { "end/abort-tells-every-code", test_every_code, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_REASONS },
  { "end/abort-with-another-error-or-a-long-text", test_other_reasons, CHAN_CONFORMANCE_ALL,
    CHAN_CONFORMANCE_NEEDS_REASONS },
  { "limit/channels-that-the-peer-does-not-allow-are-refused-with-limit", test_too_many_channels, SESSION,
    CHAN_CONFORMANCE_NEEDS_OPTIONS, "max-streams=8" },
  { NULL },
};
