/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-later.h"

void
chan_later_add (ChanLater *self, ChanLaterFunc func, gpointer data)
{
  ChanLaterItem item = { func, data };

  if (self->n < G_N_ELEMENTS (self->items))
    {
      self->items[self->n++] = item;
      return;
    }
  if (self->more == NULL)
    self->more = g_array_new (FALSE, FALSE, sizeof (ChanLaterItem));
  g_array_append_val (self->more, item);
  self->n++;
}

typedef struct
{
  GWeakRef object;
  ChanLaterFunc func;
} LaterObject;

static void
run_for_object (gpointer data)
{
  LaterObject *self = data;
  gpointer object = g_weak_ref_get (&self->object);

  if (object != NULL)
    self->func (object);
  g_weak_ref_clear (&self->object);
  g_free (self);
}

void
chan_later_add_object (ChanLater *self, ChanLaterFunc func, gpointer object)
{
  LaterObject *added = g_new (LaterObject, 1);

  g_weak_ref_init (&added->object, object);
  added->func = func;
  chan_later_add (self, run_for_object, added);
}

void
chan_later_run_all (ChanLater *self)
{
  /* An item may take a lock again and use its own list: this one is detached first. */
  while (self->n > 0)
    {
      ChanLater batch = *self;

      chan_later_init (self);
      for (guint i = 0; i < batch.n; i++)
        {
          ChanLaterItem *item = i < G_N_ELEMENTS (batch.items)
                                    ? &batch.items[i]
                                    : &g_array_index (batch.more, ChanLaterItem, i - G_N_ELEMENTS (batch.items));
          item->func (item->data);
        }
      g_clear_pointer (&batch.more, g_array_unref);
    }
}
