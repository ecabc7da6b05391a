/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-spin.h"

#define LOCK_ROUNDS 100
#define PAUSES 8        /* between two looks at the clock */
#define WAIT_US 6       /* about what sleeping and being woken costs */
#define LUCK_START 4    /* fruitless waits before it is given up */
#define LUCK_MAX 16
#define SKIP 64         /* waits, before it is tried again */

gboolean
chan_spin_helps (void)
{
  static gsize once;

  if (g_once_init_enter (&once))
    g_once_init_leave (&once, g_get_num_processors () > 1 ? 2 : 1);
  return once == 2;
}

void
chan_spin_contend (GMutex *mutex)
{
  for (guint i = 0; chan_spin_helps () && i < LOCK_ROUNDS; i++)
    {
      chan_spin_pause ();
      if (g_mutex_trylock (mutex))
        return;
    }
  g_mutex_lock (mutex);
}

gboolean
chan_spin_for_flag (gint *flag)
{
  gint64 until = g_get_monotonic_time () + WAIT_US;

  do
    for (guint i = 0; i < PAUSES; i++)
      {
        if (g_atomic_int_get (flag))
          return TRUE;
        chan_spin_pause ();
      }
  while (g_get_monotonic_time () < until);
  return FALSE;
}

gboolean
chan_spin_luck_try (ChanSpinLuck *self)
{
  if (self->luck > 0)
    return TRUE;
  if (self->skipped++ % SKIP != 0)
    return FALSE;
  self->luck = LUCK_START;
  return TRUE;
}

void
chan_spin_luck_note (ChanSpinLuck *self, gboolean success)
{
  if (success)
    self->luck = (guint8) MIN (self->luck + 1, LUCK_MAX);
  else if (self->luck > 0)
    self->luck--;
}
