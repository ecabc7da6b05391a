/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-block.h"

static void
block_cancel (GCancellable *cancellable, gpointer limit)
{
  g_cancellable_cancel (limit);
}

static gboolean
block_timed_out (gpointer data)
{
  ChanBlock *self = data;

  self->timed_out = TRUE;
  g_cancellable_cancel (self->limit);
  return G_SOURCE_REMOVE;
}

GCancellable *
chan_block_begin (ChanBlock *self, gint64 deadline, GCancellable *cancellable)
{
  memset (self, 0, sizeof *self);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->limit = g_cancellable_new ();
  if (cancellable != NULL)
    {
      self->cancellable = g_object_ref (cancellable);
      self->cancel_id = g_cancellable_connect (cancellable, G_CALLBACK (block_cancel), g_object_ref (self->limit), g_object_unref);
    }
  if (deadline > 0)
    {
      gint64 left = MAX ((deadline - g_get_monotonic_time ()) / 1000 + 1, 0);

      self->timeout = g_timeout_source_new ((guint) MIN (left, G_MAXINT));
      g_source_set_static_name (self->timeout, "libchan-glib deadline");
      g_source_set_callback (self->timeout, block_timed_out, self, NULL);
      g_source_attach (self->timeout, self->context);
    }
  return g_object_ref (self->limit);
}

void
chan_block_done (GObject *source, GAsyncResult *result, gpointer block)
{
  ((ChanBlock *) block)->result = g_object_ref (result);
}

GAsyncResult *
chan_block_end (ChanBlock *self)
{
  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);
  if (self->timeout != NULL)
    {
      g_source_destroy (self->timeout);
      g_source_unref (self->timeout);
    }
  if (self->cancel_id != 0)
    g_cancellable_disconnect (self->cancellable, self->cancel_id);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->limit);
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
  return g_steal_pointer (&self->result);
}

gboolean
chan_block_expired (ChanBlock *self, GError **error)
{
  if (!self->timed_out || error == NULL || !g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return FALSE;
  g_clear_error (error);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The deadline passed");
  return TRUE;
}
