/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-async-result.h"

#include "chan-dispatcher.h"

static GMutex cancel_lock; /* guards `completed` and `cancel_id`; only a poller's is taken under it */

static void async_result_iface_init (GAsyncResultIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (ChanAsyncResult, chan_async_result, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_ASYNC_RESULT, async_result_iface_init))

static GObject *
async_result_get_source_object (GAsyncResult *result)
{
  ChanAsyncResult *self = CHAN_ASYNC_RESULT (result);

  return self->source != NULL ? g_object_ref (self->source) : NULL;
}

static gpointer
async_result_get_user_data (GAsyncResult *result)
{
  return CHAN_ASYNC_RESULT (result)->user_data;
}

static gboolean
async_result_is_tagged (GAsyncResult *result, gpointer tag)
{
  return CHAN_ASYNC_RESULT (result)->tag == tag;
}

static void
async_result_iface_init (GAsyncResultIface *iface)
{
  iface->get_source_object = async_result_get_source_object;
  iface->get_user_data = async_result_get_user_data;
  iface->is_tagged = async_result_is_tagged;
}

static void
chan_async_result_finalize (GObject *object)
{
  ChanAsyncResult *self = CHAN_ASYNC_RESULT (object);

  if (!self->finished && self->abandon != NULL)
    self->abandon (self);
  g_clear_error (&self->op.error);
  if (self->owner != NULL)
    self->owner_unref (self->owner);
  g_clear_object (&self->source);
  g_clear_object (&self->cancellable);
  g_clear_pointer (&self->interest, chan_reactor_unref);
  chan_poller_unref (self->poller);
  G_OBJECT_CLASS (chan_async_result_parent_class)->finalize (object);
}

static void
chan_async_result_class_init (ChanAsyncResultClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = chan_async_result_finalize;
}

static void
chan_async_result_init (ChanAsyncResult *self)
{
}

static ChanAsyncResult *
from_op (ChanOp *op)
{
  return (ChanAsyncResult *) ((guint8 *) op - G_STRUCT_OFFSET (ChanAsyncResult, op));
}

static void
op_wake (ChanOp *op, ChanLater *later)
{
  chan_async_result_ready (from_op (op), later);
}

static void
op_attached (ChanOp *op, ChanReactor *reactor, ChanLater *later)
{
  ChanAsyncResult *self = from_op (op);

  if (self->interest != NULL)
    return;
  self->interest = chan_reactor_ref (reactor);
  chan_reactor_add_interest (reactor, self->poller, later);
}

/* Under the guard's lock. FALSE: it still waits. */
static gboolean
stop_waiting (ChanAsyncResult *self, ChanLater *later)
{
  if (self->op.state == CHAN_OP_PENDING && g_atomic_int_get (&self->cancelled))
    {
      chan_op_ring_remove (self->ring, &self->op);
      self->op.state = CHAN_OP_DONE;
      g_set_error_literal (&self->op.error, G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
    }
  if (self->op.state != CHAN_OP_DONE && self->op.state != CHAN_OP_RESERVED)
    return FALSE;
  if (self->interest != NULL)
    chan_reactor_drop_interest (self->interest, self->poller, later);
  return TRUE;
}

static void
run_completion (ChanRunItem *item)
{
  ChanAsyncResult *self = (ChanAsyncResult *) ((guint8 *) item - G_STRUCT_OFFSET (ChanAsyncResult, run_item));
  gulong cancel_id;
  ChanLater later;

  if (self->is_over != NULL)
    {
      if (!self->is_over (self))
        return;
    }
  else if (self->guard != NULL)
    {
      gboolean over;

      chan_later_init (&later);
      chan_guard_lock (self->guard);
      over = stop_waiting (self, &later);
      chan_guard_unlock (self->guard, &later);
      if (!over)
        return;
    }
  else if (self->op.state != CHAN_OP_DONE)
    return;
  g_mutex_lock (&cancel_lock);
  self->completed = TRUE;
  cancel_id = self->cancel_id;
  self->cancel_id = 0;
  g_mutex_unlock (&cancel_lock);
  if (cancel_id != 0)
    g_cancellable_disconnect (self->cancellable, cancel_id);
  /* Cancelled, or woken in vain, since this run began: there is no other. */
  if (self->cancellable != NULL || self->is_over != NULL)
    chan_poller_unqueue (self->poller, &self->run_item);
  if (self->callback != NULL)
    self->callback (self->source, G_ASYNC_RESULT (self), self->user_data);
  g_object_unref (self);
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  ChanAsyncResult *self = data;
  ChanLater later;

  chan_later_init (&later);
  g_atomic_int_set (&self->cancelled, TRUE);
  g_mutex_lock (&cancel_lock);
  if (!self->completed)
    chan_poller_queue (self->poller, &self->run_item, &later);
  g_mutex_unlock (&cancel_lock);
  chan_later_run (&later);
}

ChanAsyncResult *
chan_async_result_new (gpointer source, gpointer tag, GCancellable *cancellable,
                       GAsyncReadyCallback callback, gpointer user_data)
{
  ChanAsyncResult *self = g_object_new (CHAN_TYPE_ASYNC_RESULT, NULL);

  self->source = source != NULL ? g_object_ref (source) : NULL;
  self->tag = tag;
  self->callback = callback;
  self->user_data = user_data;
  self->poller = chan_dispatcher_ref_default ();
  self->run_item.run = run_completion;
  self->op.wake = op_wake;
  self->op.attached = op_attached;
  if (cancellable != NULL)
    self->cancellable = g_object_ref (cancellable);
  return g_object_ref (self);
}

/* Connected last and without locks: it may call back at once. */
void
chan_async_result_begun (ChanAsyncResult *self)
{
  gulong id;

  if (self->cancellable != NULL)
    {
      id = g_cancellable_connect (self->cancellable, G_CALLBACK (cancelled_cb), g_object_ref (self), g_object_unref);
      g_mutex_lock (&cancel_lock);
      if (!self->completed)
        {
          self->cancel_id = id;
          id = 0;
        }
      g_mutex_unlock (&cancel_lock);
      if (id != 0)
        g_cancellable_disconnect (self->cancellable, id);
    }
  g_object_unref (self);
}

void
chan_async_result_wait (ChanAsyncResult *self, ChanGuard *guard, ChanOpRing *ring,
                        gpointer owner, GDestroyNotify owner_unref, ChanLater *later)
{
  self->guard = guard;
  self->ring = ring;
  self->owner = owner;
  self->owner_unref = owner_unref;
  chan_op_ring_append (ring, &self->op);
  if (guard->reactor != NULL)
    op_attached (&self->op, guard->reactor, later);
}

void
chan_async_result_ready (ChanAsyncResult *self, ChanLater *later)
{
  chan_poller_queue (self->poller, &self->run_item, later);
}

gboolean
chan_async_result_begin_finish (gpointer result, gpointer source, gpointer tag)
{
  ChanAsyncResult *self;

  g_return_val_if_fail (CHAN_IS_ASYNC_RESULT (result), FALSE);
  self = CHAN_ASYNC_RESULT (result);
  g_return_val_if_fail (self->source == source && self->tag == tag, FALSE);
  g_return_val_if_fail (!self->finished, FALSE);
  self->finished = TRUE;
  return TRUE;
}
