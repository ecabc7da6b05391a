/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance.h"

#include <fcntl.h>
#include <unistd.h>

#include "chan-conformance-bytes.h"

/* A session has more file descriptors to send than the other side keeps untaken: they wait, and no channel ends for it.
 * Where they go as byte streams, or by reference, the same programs work. */

#define N_CHANNELS 3
#define N_MESSAGES 6
#define N_FDS 4
/* What one channel may have of it: 3 messages */
#define LIMITS "session-fds=24&message-fds=4"
#define N_ALONE 3

typedef struct
{
  GMainContext *context;
  guint n_sent;
  int fds[2];
  ChanSender *tx[N_CHANNELS];
  ChanReceiver *rx[N_CHANNELS];
} Fds;

static void
set_up (Fds *self, ChanConformanceFixture *f)
{
  *self = (Fds){ .context = f->context };
  g_assert_cmpint (pipe2 (self->fds, O_CLOEXEC), ==, 0);
  for (guint i = 0; i < N_CHANNELS; i++)
    chan_conformance_channel (f, 64, &self->tx[i], &self->rx[i]);
}

static void
tear_down (Fds *self)
{
  for (guint i = 0; i < N_CHANNELS; i++)
    {
      g_clear_object (&self->tx[i]);
      g_clear_object (&self->rx[i]);
    }
  close (self->fds[0]);
  close (self->fds[1]);
}

static void
sent_cb (GObject *source, GAsyncResult *result, gpointer data)
{
  Fds *self = data;
  g_autoptr (GError) error = NULL;

  chan_sender_send_finish (CHAN_SENDER (source), result, &error);
  g_assert_no_error (error);
  self->n_sent++;
}

static void
send_later (Fds *self, guint channel)
{
  g_autoptr (ChanMessage) message = chan_test_message_fds (self->fds[1], N_FDS);

  chan_sender_send_async (self->tx[channel], message, G_PRIORITY_DEFAULT, NULL, sent_cb, self);
}

static void
take (Fds *self, guint channel)
{
  g_autoptr (ChanMessage) message = chan_test_receive (self->rx[channel]);

  g_assert_cmpuint (chan_message_get_n_handles (message), ==, N_FDS);
}

static void
send_many (Fds *self, guint channel, guint n)
{
  for (guint i = 0; i < n; i++)
    send_later (self, channel);
}

static void
take_many (Fds *self, guint channel, guint n)
{
  for (guint i = 0; i < n; i++)
    take (self, channel);
}

/* The first channel has all that one may have. */
static void
fill (Fds *self)
{
  send_many (self, 0, N_ALONE);
  chan_test_iterate_until (self->context, &self->n_sent, N_ALONE);
}

static void
test_wait (ChanConformanceFixture *f)
{
  Fds fds;

  set_up (&fds, f);
  for (guint i = 0; i < N_CHANNELS * N_MESSAGES; i++)
    send_later (&fds, i % N_CHANNELS);
  chan_test_iterate_a_while (f->context);
  for (guint i = 0; i < N_CHANNELS * N_MESSAGES; i++)
    take (&fds, i % N_CHANNELS);
  chan_test_iterate_until (f->context, &fds.n_sent, N_CHANNELS * N_MESSAGES);
  tear_down (&fds);
}

/* Those that carry none do not wait for those that do, but in their own channel. */
static void
test_others (ChanConformanceFixture *f)
{
  Fds fds;

  set_up (&fds, f);
  send_many (&fds, 0, N_MESSAGES);
  chan_test_iterate_a_while (f->context);
  chan_test_send (fds.tx[1], 0, 20);
  chan_test_take (fds.rx[1], 0, 20);
  take_many (&fds, 0, N_MESSAGES);
  chan_test_iterate_until (f->context, &fds.n_sent, N_MESSAGES);
  tear_down (&fds);
}

/* Nor does one channel that nobody reads keep all others waiting. */
static void
test_not_read (ChanConformanceFixture *f)
{
  Fds fds;

  set_up (&fds, f);
  send_many (&fds, 0, 5 * N_MESSAGES);
  chan_test_iterate_a_while (f->context);
  for (guint i = 0; i < N_MESSAGES; i++)
    {
      send_later (&fds, 1);
      take (&fds, 1);
    }
  take_many (&fds, 0, 5 * N_MESSAGES);
  chan_test_iterate_until (f->context, &fds.n_sent, 6 * N_MESSAGES);
  tear_down (&fds);
}

/* What nobody will take is not in the way of the others. */
static void
test_receiver_closes (ChanConformanceFixture *f)
{
  Fds fds;

  set_up (&fds, f);
  fill (&fds);
  send_many (&fds, 1, N_ALONE);
  chan_test_iterate_a_while (f->context);
  chan_receiver_close (fds.rx[0]);
  chan_test_iterate_until (f->context, &fds.n_sent, 2 * N_ALONE);
  take_many (&fds, 1, N_ALONE);
  tear_down (&fds);
}

/* Nor is what a sender left behind that is gone; it is still taken. */
static void
test_sender_goes (ChanConformanceFixture *f)
{
  Fds fds;

  set_up (&fds, f);
  fill (&fds);
  g_clear_object (&fds.tx[0]);
  chan_test_iterate_a_while (f->context);
  for (guint i = 0; i < 2 * N_ALONE; i++)
    send_later (&fds, 1 + i % 2);
  chan_test_iterate_a_while (f->context);
  for (guint i = 0; i < 2 * N_ALONE; i++)
    take (&fds, 1 + i % 2);
  chan_test_iterate_until (f->context, &fds.n_sent, 3 * N_ALONE);
  take_many (&fds, 0, N_ALONE);
  chan_test_assert_ended (fds.rx[0], CHAN_CHANNEL_ERROR_RESET);
  tear_down (&fds);
}

/* One that gives up leaves its place to the next. */
static void
test_gives_up (ChanConformanceFixture *f)
{
  Fds fds;
  g_autoptr (ChanMessage) message = NULL;
  g_autoptr (GError) error = NULL;
  gboolean sent;

  set_up (&fds, f);
  fill (&fds);
  message = chan_test_message_fds (fds.fds[1], N_FDS);
  sent = chan_sender_send_until (fds.tx[0], message, chan_test_soon (), NULL, &error);
  if (!sent)
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
  chan_test_send (fds.tx[0], 0, 1);
  take_many (&fds, 0, N_ALONE + (sent ? 1 : 0));
  chan_test_take (fds.rx[0], 0, 1);
  tear_down (&fds);
}

#define DIRECT (CHAN_CONFORMANCE_PIPE | CHAN_CONFORMANCE_OPENED)

const ChanConformanceTest chan_conformance_fd_credit[] = {
  { "fd-credit/more-than-the-peer-keeps-wait-and-arrive", test_wait, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_OPTIONS, LIMITS },
  { "fd-credit/messages-without-pass", test_others, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_OPTIONS, LIMITS },
  { "fd-credit/channel-that-nobody-reads-leaves-some-to-others", test_not_read, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_OPTIONS,
    "session-fds=32&message-fds=4" },
  { "fd-credit/receiver-that-closes-makes-room", test_receiver_closes, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_OPTIONS, LIMITS },
  { "fd-credit/sender-that-goes-makes-room", test_sender_goes, CHAN_CONFORMANCE_ALL, CHAN_CONFORMANCE_NEEDS_OPTIONS, LIMITS },
  { "fd-credit/send-that-gives-up-makes-way", test_gives_up, DIRECT, CHAN_CONFORMANCE_NEEDS_OPTIONS, LIMITS },
  { NULL },
};
