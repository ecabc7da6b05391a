/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* An object of the application that was found under a lock, and is to be used
 * when it is released (chan-later.h). No reference can be taken under the lock:
 * who has a toggle reference (a binding's wrapper) would be called, and may wait
 * for a lock of its own. A GWeakRef would not do either: until GLib 2.80, one that
 * is cleared while the object is disposed of in another thread is written to
 * when it is gone. So dispose() sees that the object is lent, and keeps it.
 * Under the same lock as what the object was found by. */
typedef struct
{
  gint n;        /* how many have it; atomic, for chan_loan_any() */
  gboolean kept; /* the last reference is gone, but for the one that they are to drop */
} ChanLoan;

static inline void
chan_loan_begin (ChanLoan *self)
{
  g_atomic_int_inc (&self->n);
}

/* Without the lock: may it be lent? For an object by which it is found no more. */
static inline gboolean
chan_loan_any (const ChanLoan *self)
{
  return g_atomic_int_get (&self->n) > 0;
}

/* In dispose(). */
static inline void
chan_loan_keep (ChanLoan *self, gpointer object)
{
  if (g_atomic_int_get (&self->n) == 0 || self->kept)
    return;
  self->kept = TRUE;
  g_object_ref (object);
}

/* TRUE: the caller drops the reference, without the lock. Else the object may be gone when the lock is released. */
static inline gboolean
chan_loan_end (ChanLoan *self)
{
  gboolean drop = g_atomic_int_dec_and_test (&self->n) && self->kept;

  if (drop)
    self->kept = FALSE;
  return drop;
}

G_END_DECLS
