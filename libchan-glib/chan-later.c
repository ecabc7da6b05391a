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
