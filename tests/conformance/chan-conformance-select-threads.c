/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-select.h"

/* Selects and plain calls that compete in several threads for the same channels:
 * nothing is lost, nothing comes twice, and each sees its channels in their order. */

#define N_CHANNELS 3
#define CHANNEL_SHIFT 24

typedef struct
{
  ChanTestThread thread;
  ChanTestChannels *channels;
  int plain;     /* the channel of a plain receiver, or -1: a select on all */
  guint impatient; /* give up at random, after at most so many microseconds; 0: never */
  GArray *numbers;
  guint n_given_up;
} Taker;

static void
taker_note (Taker *self, ChanMessage *message)
{
  guint64 number = chan_test_number (message);

  g_array_append_val (self->numbers, number);
}

static void
take_plain (Taker *self)
{
  for (;;)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ChanMessage) message = NULL;

      message = chan_receiver_receive_until (self->channels->rx[self->plain], chan_test_deadline (), NULL, &error);
      g_assert_no_error (error);
      if (message == NULL)
        return;
      taker_note (self, message);
    }
}

static gboolean
take_selected (Taker *self, ChanSelector *selector, GRand *random, guint *n_open)
{
  gint64 soon = self->impatient == 0 ? 0 : g_get_monotonic_time () + g_rand_int_range (random, 0, self->impatient);
  g_autoptr (GError) error = NULL;
  g_autoptr (ChanMessage) message = NULL;
  int which = chan_selector_wait_until (selector, soon != 0 ? soon : chan_test_deadline (), NULL, &error);

  if (which < 0 && soon != 0 && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    {
      self->n_given_up++;
      return TRUE;
    }
  g_assert_no_error (error);
  message = chan_test_outcome (selector);
  if (message != NULL)
    {
      g_assert_cmpuint (chan_test_number (message) >> CHANNEL_SHIFT, ==, which);
      taker_note (self, message);
      return TRUE;
    }
  chan_selector_remove (selector, (guint) which);
  *n_open -= 1;
  return *n_open > 0;
}

static void
take_run (gpointer data)
{
  Taker *self = data;
  g_autoptr (ChanSelector) selector = NULL;
  g_autoptr (GRand) random = g_rand_new_with_seed (self->impatient);
  guint n_open = N_CHANNELS;

  if (self->plain >= 0)
    {
      take_plain (self);
      return;
    }
  selector = chan_selector_new ();
  for (guint i = 0; i < N_CHANNELS; i++)
    chan_selector_add_receiver (selector, self->channels->rx[i]);
  while (take_selected (self, selector, random, &n_open))
    ;
}

/* Each number of each channel once; each taker saw a channel's numbers grow, `writers` series in each. */
static void
check_takers (Taker *takers, guint n_takers, guint per_channel, guint writers)
{
  g_autofree guint8 *seen = g_malloc0 (N_CHANNELS * per_channel);

  for (guint i = 0; i < n_takers; i++)
    {
      gint64 last[N_CHANNELS][8];

      memset (last, -1, sizeof last);
      for (guint j = 0; j < takers[i].numbers->len; j++)
        {
          guint64 number = g_array_index (takers[i].numbers, guint64, j);
          guint channel = (guint) (number >> CHANNEL_SHIFT);
          guint n = (guint) (number & ((1 << CHANNEL_SHIFT) - 1));
          guint writer = n / (per_channel / writers);

          g_assert_cmpuint (channel, <, N_CHANNELS);
          g_assert_cmpuint (n, <, per_channel);
          g_assert_cmpuint (seen[channel * per_channel + n], ==, 0);
          g_assert_cmpint (n, >, last[channel][writer]);
          seen[channel * per_channel + n] = 1;
          last[channel][writer] = n;
        }
    }
  for (guint i = 0; i < N_CHANNELS * per_channel; i++)
    g_assert_cmpuint (seen[i], ==, 1);
}

static void
takers_start (Taker *takers, guint n, ChanTestChannels *channels, guint n_selectors, guint impatient)
{
  for (guint i = 0; i < n; i++)
    {
      takers[i] = (Taker){ .channels = channels, .plain = i < n_selectors ? -1 : (int) (i - n_selectors) % N_CHANNELS };
      takers[i].impatient = impatient == 0 ? 0 : impatient + i;
      takers[i].numbers = g_array_new (FALSE, FALSE, sizeof (guint64));
      chan_test_thread_start (&takers[i].thread, take_run, &takers[i]);
    }
}

static void
takers_check (Taker *takers, guint n, guint per_channel, guint writers)
{
  for (guint i = 0; i < n; i++)
    chan_test_thread_join (&takers[i].thread);
  check_takers (takers, n, per_channel, writers);
  for (guint i = 0; i < n; i++)
    g_array_unref (takers[i].numbers);
}

static void
compete (ChanConformanceFixture *f, guint capacity, guint per_channel, guint n_selectors, guint n_plain, guint impatient)
{
  ChanTestChannels channels = { 0 };
  ChanTestSending sending[N_CHANNELS] = { 0 };
  Taker takers[8];

  g_assert_cmpuint (n_selectors + n_plain, <=, G_N_ELEMENTS (takers));
  chan_test_channels_init (&channels, f, N_CHANNELS, capacity);
  takers_start (takers, n_selectors + n_plain, &channels, n_selectors, impatient);
  for (guint i = 0; i < N_CHANNELS; i++)
    chan_test_sending_start (&sending[i], channels.tx[i], (guint64) i << CHANNEL_SHIFT, per_channel, TRUE);
  for (guint i = 0; i < N_CHANNELS; i++)
    {
      chan_test_sending_join (&sending[i]);
      g_assert_no_error (sending[i].error);
    }
  takers_check (takers, n_selectors + n_plain, per_channel, 1);
  chan_test_channels_clear (&channels);
}

/* Where a message costs little; elsewhere fewer show the same. */
static guint
many (ChanConformanceFixture *f)
{
  return f->shape == CHAN_CONFORMANCE_PIPE || f->shape == CHAN_CONFORMANCE_OPENED ? 33334 : 2000;
}

static void
test_two (ChanConformanceFixture *f)
{
  compete (f, 64, many (f), 2, 2, 0);
}

static void
test_three (ChanConformanceFixture *f)
{
  compete (f, 64, many (f), 3, 3, 0);
}

static void
test_rendezvous (ChanConformanceFixture *f)
{
  compete (f, 0, 500, 2, 2, 0);
}

static void
test_impatient (ChanConformanceFixture *f)
{
  compete (f, 8, 1500, 3, 1, 200);
}

/* --- selects that send ------------------------------------------------------------------------- */

typedef struct
{
  ChanTestThread thread;
  ChanTestChannels *channels;
  guint first, n;  /* the numbers of this writer on each channel */
  GRand *impatient; /* nullable */
} Writer;

static void
writer_offer (Writer *self, ChanSelector *selector, guint channel, guint n)
{
  g_autoptr (ChanMessage) message = NULL;

  message = chan_test_message (((guint64) channel << CHANNEL_SHIFT) + self->first + n);
  chan_selector_set_message (selector, channel, n < self->n ? message : NULL);
}

static int
writer_wait (Writer *self, ChanSelector *selector)
{
  for (;;)
    {
      g_autoptr (GError) error = NULL;
      gint64 soon = g_get_monotonic_time ();
      int which = -1;

      soon += self->impatient == NULL ? 20 * G_TIME_SPAN_SECOND : g_rand_int_range (self->impatient, 0, 200);
      which = chan_selector_wait_until (selector, soon, NULL, &error);
      if (which >= 0)
        return which;
      if (self->impatient == NULL)
        g_assert_no_error (error);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
    }
}

static void
write_run (gpointer data)
{
  Writer *self = data;
  g_autoptr (ChanSelector) selector = chan_selector_new ();
  guint next[N_CHANNELS] = { 0 };

  for (guint i = 0; i < N_CHANNELS; i++)
    {
      chan_selector_add_sender (selector, self->channels->tx[i], NULL);
      writer_offer (self, selector, i, 0);
    }
  for (guint i = 0; i < N_CHANNELS * self->n; i++)
    {
      int which = writer_wait (self, selector);

      chan_test_assert_sent (selector);
      next[which]++;
      writer_offer (self, selector, (guint) which, next[which]);
    }
}

static void
write_many (ChanConformanceFixture *f, guint capacity, guint each, guint n_selectors, guint n_plain, gboolean impatient)
{
  ChanTestChannels channels = { 0 };
  ChanTestSending sending[N_CHANNELS] = { 0 };
  Writer writers[2] = { 0 };
  Taker takers[8];

  chan_test_channels_init (&channels, f, N_CHANNELS, capacity);
  takers_start (takers, n_selectors + n_plain, &channels, n_selectors, 0);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      writers[i] = (Writer){ .channels = &channels, .first = i * each, .n = each };
      writers[i].impatient = impatient ? g_rand_new_with_seed (i) : NULL;
      chan_test_thread_start (&writers[i].thread, write_run, &writers[i]);
    }
  for (guint i = 0; i < N_CHANNELS; i++)
    chan_test_sending_start (&sending[i], channels.tx[i], ((guint64) i << CHANNEL_SHIFT) + 2 * each, each, FALSE);
  for (guint i = 0; i < G_N_ELEMENTS (writers); i++)
    {
      chan_test_thread_join (&writers[i].thread);
      g_clear_pointer (&writers[i].impatient, g_rand_free);
    }
  for (guint i = 0; i < N_CHANNELS; i++)
    {
      chan_test_sending_join (&sending[i]);
      g_assert_no_error (sending[i].error);
      chan_sender_close (channels.tx[i]);
    }
  takers_check (takers, n_selectors + n_plain, 3 * each, 3);
  chan_test_channels_clear (&channels);
}

static void
test_write_plain (ChanConformanceFixture *f)
{
  write_many (f, 4, 400, 0, 3, FALSE);
}

static void
test_write_select (ChanConformanceFixture *f)
{
  write_many (f, 4, 400, 2, 1, FALSE);
}

static void
test_write_impatient (ChanConformanceFixture *f)
{
  write_many (f, 2, 300, 2, 1, TRUE);
}

static void
test_rendezvous_plain (ChanConformanceFixture *f)
{
  write_many (f, 0, 150, 0, 3, FALSE);
}

static void
test_rendezvous_select (ChanConformanceFixture *f)
{
  write_many (f, 0, 150, 3, 0, FALSE);
}

static void
test_rendezvous_impatient (ChanConformanceFixture *f)
{
  write_many (f, 0, 150, 2, 1, TRUE);
}

/* --- both roles at once ---------------------------------------------------------------------------- */

/* Two threads that each offer on one channel and take from the other, without a queue between:
 * each round one of them gives and the other takes, and both say the same about it. */
typedef struct
{
  ChanTestThread thread;
  ChanSender *tx;
  ChanReceiver *rx;
  guint n;
  guint64 given, taken;
  guint n_given, n_taken;
} Both;

static void
both_run (gpointer data)
{
  Both *self = data;
  g_autoptr (ChanSelector) selector = chan_selector_new ();

  chan_selector_add_sender (selector, self->tx, NULL);
  chan_selector_add_receiver (selector, self->rx);
  for (guint i = 0; i < self->n; i++)
    {
      g_autoptr (ChanMessage) offer = chan_test_message (i);
      g_autoptr (ChanMessage) message = NULL;
      guint which = 0;

      chan_selector_set_message (selector, 0, offer);
      which = chan_test_select (selector);
      message = chan_test_outcome (selector);
      g_assert_true ((which == 0) == (message == NULL));
      if (message == NULL)
        {
          self->n_given++;
          self->given += i;
          continue;
        }
      self->n_taken++;
      self->taken += chan_test_number (message);
    }
}

static void
test_both_roles (ChanConformanceFixture *f)
{
  ChanTestChannels channels = { 0 };
  Both left = { .n = 3000 };
  Both right = { .n = 3000 };

  chan_test_channels_init (&channels, f, 2, 0);
  left.tx = channels.tx[0];
  left.rx = channels.rx[1];
  right.tx = channels.tx[1];
  right.rx = channels.rx[0];
  chan_test_thread_start (&left.thread, both_run, &left);
  chan_test_thread_start (&right.thread, both_run, &right);
  chan_test_thread_join (&left.thread);
  chan_test_thread_join (&right.thread);
  g_assert_cmpuint (left.n_given, ==, right.n_taken);
  g_assert_cmpuint (right.n_given, ==, left.n_taken);
  g_assert_cmpuint (left.given, ==, right.taken);
  g_assert_cmpuint (right.given, ==, left.taken);
  chan_test_channels_clear (&channels);
}

#define COUNTED CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY
#define RECALL CHAN_CONFORMANCE_DIRECT, CHAN_CONFORMANCE_NEEDS_CAPACITY | CHAN_CONFORMANCE_NEEDS_RECALL

const ChanConformanceTest chan_conformance_select_threads[] = {
  { "select/two-and-two-plain-receivers-share-a-hundred-thousand", test_two, CHAN_CONFORMANCE_ALL },
  { "select/three-and-three-plain-receivers-share-a-hundred-thousand", test_three, CHAN_CONFORMANCE_ALL },
  { "select/receiving-meets-plain-sends-without-a-queue", test_rendezvous, COUNTED },
  { "select/giving-up-at-random-loses-nothing", test_impatient, CHAN_CONFORMANCE_ALL },
  { "select/two-that-send-and-plain-senders-to-plain-receivers", test_write_plain, CHAN_CONFORMANCE_ALL },
  { "select/two-that-send-and-plain-senders-to-selects", test_write_select, CHAN_CONFORMANCE_ALL },
  { "select/sending-and-giving-up-at-random-doubles-nothing", test_write_impatient, CHAN_CONFORMANCE_ALL },
  { "select/sending-meets-plain-receives-without-a-queue", test_rendezvous_plain, COUNTED },
  { "select/sending-meets-receiving-selects-without-a-queue", test_rendezvous_select, COUNTED },
  { "select/sending-without-a-queue-and-giving-up-at-random", test_rendezvous_impatient, RECALL },
  { "select/two-that-send-or-receive-meet-without-a-queue", test_both_roles, RECALL },
  { NULL },
};
