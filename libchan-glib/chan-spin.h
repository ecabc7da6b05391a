/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Two threads that hand messages to each other are faster if one that finds
 * nothing looks again for a moment, rather than sleep and be woken: that costs
 * both of them system calls. Never on a single CPU, where it keeps the other
 * thread from running. */

static inline void
chan_spin_pause (void)
{
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause ();
#elif defined(__aarch64__)
  __asm__ volatile ("yield");
#endif
}

/* Whether another thread may run meanwhile. */
gboolean chan_spin_helps    (void);
void     chan_spin_contend  (GMutex *mutex);
/* FALSE: `flag` (atomic) was not set in the time that sleeping would cost. */
gboolean chan_spin_for_flag (gint *flag);

/* For locks that are held for a few hundred nanoseconds. */
static inline void
chan_spin_lock (GMutex *mutex)
{
  if (!g_mutex_trylock (mutex))
    chan_spin_contend (mutex);
}

/* Whether it is worth while in one place: by what happened there last. Zeroed, it begins with a try. */
typedef struct
{
  guint8 luck;    /* 0: not now */
  guint8 skipped; /* since it was tried last */
} ChanSpinLuck;

gboolean chan_spin_luck_try  (ChanSpinLuck *self);
void     chan_spin_luck_note (ChanSpinLuck *self, gboolean success);

G_END_DECLS
