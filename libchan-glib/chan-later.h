/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What must not be done under a lock (callbacks, signals, last unrefs, waking
 * a main context) is noted here, on the caller's stack, and done in order
 * after the last unlock (docs/architecture.md, Locks). */

typedef void (*ChanLaterFunc) (gpointer data);

typedef struct
{
  ChanLaterFunc func;
  gpointer data;
} ChanLaterItem;

typedef struct
{
  guint n;
  GArray *more; /* of ChanLaterItem, beyond the first few */
  ChanLaterItem items[6];
} ChanLater;

static inline void
chan_later_init (ChanLater *self)
{
  self->n = 0;
  self->more = NULL;
}

void chan_later_add  (ChanLater *self, ChanLaterFunc func, gpointer data);
/* No lock held. What is added meanwhile is run too. */
void chan_later_run_all (ChanLater *self);

static inline void
chan_later_run (ChanLater *self)
{
  if (self->n > 0)
    chan_later_run_all (self);
}

G_END_DECLS
