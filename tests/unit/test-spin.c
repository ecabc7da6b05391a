/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libchan-glib/chan-spin.h"

static guint
count_tries (ChanSpinLuck *luck, guint n, gboolean success)
{
  guint tries = 0;

  for (guint i = 0; i < n; i++)
    {
      if (!chan_spin_luck_try (luck))
        continue;
      tries++;
      chan_spin_luck_note (luck, success);
    }
  return tries;
}

static void
test_gives_up_where_it_is_fruitless (void)
{
  ChanSpinLuck luck = { 0 };

  /* Not for good: what happens there may change. */
  g_assert_cmpuint (count_tries (&luck, 10, FALSE), <, 10);
  g_assert_cmpuint (count_tries (&luck, 10000, FALSE), >, 0);
  g_assert_cmpuint (count_tries (&luck, 10000, FALSE), <, 1000);
}

static void
test_goes_on_where_it_pays (void)
{
  ChanSpinLuck luck = { 0 };

  g_assert_cmpuint (count_tries (&luck, 10000, TRUE), ==, 10000);
  /* One failure is no reason to give up. */
  g_assert_cmpuint (count_tries (&luck, 1, FALSE), ==, 1);
  g_assert_cmpuint (count_tries (&luck, 10, TRUE), ==, 10);
}

/* Two threads may try where there is luck for one. */
static void
test_two_failures_of_one_try (void)
{
  ChanSpinLuck luck = { 1, 1 };

  chan_spin_luck_note (&luck, FALSE);
  chan_spin_luck_note (&luck, FALSE);
  g_assert_false (chan_spin_luck_try (&luck));
}

static void
test_flag (void)
{
  gint flag = FALSE;
  gint64 start = g_get_monotonic_time ();

  g_assert_false (chan_spin_for_flag (&flag));
  g_assert_cmpint (g_get_monotonic_time () - start, >, 0);
  flag = TRUE;
  g_assert_true (chan_spin_for_flag (&flag));
}

#define ROUNDS 100000

typedef struct
{
  GMutex lock;
  guint n; /* under the lock */
} Counter;

static gpointer
count_up (gpointer data)
{
  Counter *counter = data;

  for (guint i = 0; i < ROUNDS; i++)
    {
      chan_spin_lock (&counter->lock);
      counter->n++;
      g_mutex_unlock (&counter->lock);
    }
  return NULL;
}

static void
test_lock (void)
{
  Counter counter = { 0 };
  GThread *threads[3];

  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    threads[i] = g_thread_new ("count", count_up, &counter);
  for (guint i = 0; i < G_N_ELEMENTS (threads); i++)
    g_thread_join (threads[i]);
  g_assert_cmpuint (counter.n, ==, ROUNDS * G_N_ELEMENTS (threads));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/spin/gives-up-where-it-is-fruitless", test_gives_up_where_it_is_fruitless);
  g_test_add_func ("/spin/goes-on-where-it-pays", test_goes_on_where_it_pays);
  g_test_add_func ("/spin/two-failures-of-one-try", test_two_failures_of_one_try);
  g_test_add_func ("/spin/flag", test_flag);
  g_test_add_func ("/spin/lock-excludes", test_lock);
  return g_test_run ();
}
