/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-receiver-private.h"

#include "chan-dispatcher.h"
#include "chan-fd-credit.h"
#include "chan-handle.h"
#include "chan-live.h"

/* Forwards one channel to another, as long as the application wants. A relay
 * (chan-relay.c) does the same for ends that moved; this one has a home, can be
 * cancelled, and leaves both ends with the application. */

/* Messages forwarded in one turn of the main context. */
#define BATCH 64

typedef struct
{
  gatomicrefcount ref_count;      /* the task's, one for each watch, one while queued */
  ChanReceiver *receiver;         /* references */
  ChanSender *sender;
  ChanPipe *from, *to;
  ChanPoller *poller;             /* of the context in which everything below is used */
  ChanRunItem run_item;
  gint queued;                    /* atomic: run_item holds a reference */
  gint cancelled;                 /* atomic */
  gulong cancel_id;
  GTask *task;                    /* NULL: over */
  ChanMessage *held;              /* taken, and not accepted yet */
  ChanWatch from_watch, to_watch; /* each under its pipe's lock, with the interest */
  ChanReactor *from_interest, *to_interest;
} ChanSplice;

static void
splice_unref (gpointer data)
{
  ChanSplice *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_object_unref (self->receiver);
  g_object_unref (self->sender);
  g_clear_pointer (&self->from_interest, chan_reactor_unref);
  g_clear_pointer (&self->to_interest, chan_reactor_unref);
  chan_poller_unref (self->poller);
  chan_live_add (CHAN_LIVE_SPLICE, -1);
  g_free (self);
}

static void
splice_queue (ChanSplice *self, ChanLater *later)
{
  if (!g_atomic_int_compare_and_exchange (&self->queued, FALSE, TRUE))
    return;
  g_atomic_ref_count_inc (&self->ref_count);
  chan_poller_queue (self->poller, &self->run_item, later);
}

static void
from_notify (ChanWatch *watch, ChanLater *later)
{
  splice_queue ((ChanSplice *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanSplice, from_watch)), later);
}

static void
to_notify (ChanWatch *watch, ChanLater *later)
{
  splice_queue ((ChanSplice *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanSplice, to_watch)), later);
}

static void
add_interest (ChanSplice *self, ChanReactor **interest, ChanReactor *reactor, ChanLater *later)
{
  if (*interest != NULL || reactor == NULL)
    return;
  *interest = chan_reactor_ref (reactor);
  chan_reactor_add_interest (reactor, self->poller, later);
}

static void
from_attached (ChanWatch *watch, ChanReactor *reactor, ChanLater *later)
{
  ChanSplice *self = (ChanSplice *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanSplice, from_watch));

  add_interest (self, &self->from_interest, reactor, later);
}

static void
to_attached (ChanWatch *watch, ChanReactor *reactor, ChanLater *later)
{
  ChanSplice *self = (ChanSplice *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanSplice, to_watch));

  add_interest (self, &self->to_interest, reactor, later);
}

/* --- the end ---------------------------------------------------------------- */

static void
leave_source (ChanSplice *self)
{
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->from);
  chan_pipe_remove_watch (self->from, &self->from_watch);
  if (self->from_interest != NULL)
    chan_reactor_drop_interest (self->from_interest, self->poller, &later);
  g_atomic_int_set (chan_receiver_state (self->receiver), CHAN_OBJECT_LIVE);
  if (self->held != NULL)
    chan_pipe_unget (self->from, g_steal_pointer (&self->held), &later);
  chan_pipe_unlock (self->from, &later);
}

static void
leave_target (ChanSplice *self)
{
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->to);
  chan_pipe_remove_watch (self->to, &self->to_watch);
  self->to->forwarded = FALSE;
  /* What waits for credit goes back: others of the application may carry no descriptors. */
  if (self->to->out != NULL)
    chan_fd_credit_retry (self->to->out);
  chan_pipe_notify_senders (self->to, &later);
  if (self->to_interest != NULL)
    chan_reactor_drop_interest (self->to_interest, self->poller, &later);
  g_atomic_int_set (chan_sender_state (self->sender), CHAN_OBJECT_LIVE);
  chan_pipe_unlock (self->to, &later);
}

/* Takes error; NULL: the channel was closed and all of it went on. */
static void
splice_over (ChanSplice *self, GError *error)
{
  g_autoptr (GTask) task = g_steal_pointer (&self->task);

  if (self->cancel_id != 0)
    g_cancellable_disconnect (g_task_get_cancellable (task), self->cancel_id);
  leave_source (self);
  leave_target (self);
  /* Woken once more meanwhile: the context may not be there for that turn. */
  if (g_atomic_int_compare_and_exchange (&self->queued, TRUE, FALSE))
    {
      chan_poller_unqueue (self->poller, &self->run_item);
      splice_unref (self);
    }
  if (error != NULL)
    g_task_return_error (task, error);
  else
    g_task_return_boolean (task, TRUE);
  splice_unref (self);
}

/* The source's end goes on as what it is. */
static void
source_ended (ChanSplice *self, ChanTake take, GError *error)
{
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->to);
  if (take == CHAN_TAKE_CLOSED)
    chan_pipe_close_sender (self->to, &later);
  else
    chan_pipe_fail_sender (self->to, error, FALSE, &later);
  chan_pipe_unlock (self->to, &later);
  splice_over (self, error);
}

/* Nothing can go on: who sends to us hears why. */
static void
target_ended (ChanSplice *self, GError *error)
{
  ChanChannelError code = error->domain == CHAN_CHANNEL_ERROR ? (ChanChannelError) error->code : CHAN_CHANNEL_ERROR_CLOSED;
  ChanLater later;

  g_clear_pointer (&self->held, chan_message_unref);
  chan_later_init (&later);
  chan_pipe_lock (self->from);
  chan_pipe_close_receiver (self->from, code, error->message, &later);
  chan_pipe_unlock (self->from, &later);
  splice_over (self, error);
}

/* --- one message ------------------------------------------------------------- */

typedef enum { SPLICE_WAIT, SPLICE_MORE, SPLICE_OVER } SpliceStep;

/* A message that cannot be sent on ends both channels, with the reason. */
static SpliceStep
forward (ChanSplice *self)
{
  GError *error = NULL;
  ChanMessage *message = g_steal_pointer (&self->held);
  ChanMessage *packed = chan_message_pack (message, self->to, &error);
  ChanAccept accept = CHAN_ACCEPT_FAILED;
  ChanLater later;

  if (packed != NULL)
    {
      chan_later_init (&later);
      chan_pipe_lock (self->to);
      accept = chan_pipe_accept (self->to, packed, &later, &error);
      if (accept == CHAN_ACCEPT_FAILED)
        chan_pipe_fail_sender (self->to, error, FALSE, &later);
      chan_pipe_unlock (self->to, &later);
      chan_sender_settle (message, accept == CHAN_ACCEPT_OK || accept == CHAN_ACCEPT_FLYING ? NULL : packed);
    }
  if (accept == CHAN_ACCEPT_WAIT)
    {
      self->held = message;
      return SPLICE_WAIT;
    }
  chan_message_unref (message);
  if (accept != CHAN_ACCEPT_FAILED)
    return SPLICE_MORE;
  target_ended (self, error);
  return SPLICE_OVER;
}

static SpliceStep
splice_step (ChanSplice *self)
{
  g_autoptr (GError) error = NULL;
  gpointer item = NULL;
  ChanTake take;
  ChanLater later;

  if (!chan_pipe_may_forward (self->held == NULL ? self->from : NULL, self->to, &error) && error == NULL)
    return SPLICE_WAIT;
  if (error != NULL)
    {
      target_ended (self, g_steal_pointer (&error));
      return SPLICE_OVER;
    }
  if (self->held != NULL)
    return forward (self);
  chan_later_init (&later);
  chan_pipe_lock (self->from);
  take = chan_pipe_take (self->from, FALSE, &item, &later, &error);
  chan_pipe_unlock (self->from, &later);
  if (take == CHAN_TAKE_EMPTY)
    return SPLICE_WAIT;
  if (take != CHAN_TAKE_MESSAGE)
    {
      source_ended (self, take, g_steal_pointer (&error));
      return SPLICE_OVER;
    }
  chan_message_arrived (item);
  self->held = item;
  return forward (self);
}

static void
splice_run (ChanRunItem *item)
{
  ChanSplice *self = (ChanSplice *) ((guint8 *) item - G_STRUCT_OFFSET (ChanSplice, run_item));
  SpliceStep step = SPLICE_MORE;
  ChanLater later;

  g_atomic_int_set (&self->queued, FALSE);
  if (self->task == NULL)
    step = SPLICE_OVER;
  else if (g_atomic_int_get (&self->cancelled))
    {
      splice_over (self, g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled"));
      step = SPLICE_OVER;
    }
  for (guint n = 0; n < BATCH && step == SPLICE_MORE; n++)
    step = splice_step (self);
  if (step == SPLICE_MORE)
    {
      chan_later_init (&later);
      splice_queue (self, &later);
      chan_later_run (&later);
    }
  splice_unref (self);
}

/* --- the beginning ------------------------------------------------------------ */

/* The end is free, and the splice's from now on. */
static gboolean
reserve_source (ChanSplice *self, GError **error)
{
  gboolean ok;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->from);
  ok = chan_receiver_check_usable (self->receiver, error);
  if (ok && self->from->receivers.first != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "Somebody is receiving on this receiver");
      ok = FALSE;
    }
  if (ok)
    {
      g_atomic_int_set (chan_receiver_state (self->receiver), CHAN_OBJECT_SPLICED);
      chan_pipe_add_watch (self->from, &self->from_watch);
      chan_pipe_wanted (self->from, &later);
      add_interest (self, &self->from_interest, self->from->guard.reactor, &later);
    }
  chan_pipe_unlock (self->from, &later);
  return ok;
}

static gboolean
reserve_target (ChanSplice *self, GError **error)
{
  gboolean ok;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->to);
  ok = chan_sender_check_usable (self->sender, error);
  if (ok && self->to->senders.first != NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "Somebody is sending on this sender");
      ok = FALSE;
    }
  if (ok)
    {
      g_atomic_int_set (chan_sender_state (self->sender), CHAN_OBJECT_SPLICED);
      chan_pipe_add_watch (self->to, &self->to_watch);
      self->to->forwarded = TRUE;
      add_interest (self, &self->to_interest, self->to->guard.reactor, &later);
    }
  chan_pipe_unlock (self->to, &later);
  return ok;
}

static void
cancelled_cb (GCancellable *cancellable, gpointer data)
{
  ChanSplice *self = data;
  ChanLater later;

  chan_later_init (&later);
  g_atomic_int_set (&self->cancelled, TRUE);
  splice_queue (self, &later);
  chan_later_run (&later);
}

static ChanSplice *
splice_new (ChanReceiver *receiver, ChanSender *sender, GTask *task)
{
  ChanSplice *self = g_new0 (ChanSplice, 1);

  chan_live_add (CHAN_LIVE_SPLICE, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->receiver = g_object_ref (receiver);
  self->sender = g_object_ref (sender);
  self->from = chan_receiver_get_pipe (receiver);
  self->to = chan_sender_get_pipe (sender);
  self->poller = chan_dispatcher_ref_default ();
  self->run_item.run = splice_run;
  self->from_watch.notify = from_notify;
  self->from_watch.attached = from_attached;
  self->to_watch.notify = to_notify;
  self->to_watch.attached = to_attached;
  self->to_watch.of_sender = TRUE;
  self->task = g_object_ref (task);
  return self;
}

/**
 * chan_receiver_splice_async:
 * @self: a receiver
 * @sender: where everything goes
 * @io_priority: the I/O priority of the request; messages keep their order whatever it is
 * @cancellable: (nullable): to stop forwarding
 * @callback: (scope async) (nullable): called when the channel has ended, or on failure
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Receiver.splice].
 *
 * Since: 0.1
 */
void
chan_receiver_splice_async (ChanReceiver *self, ChanSender *sender, int io_priority, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  ChanSplice *splice;
  gboolean reserved;
  ChanLater later;

  g_return_if_fail (CHAN_IS_RECEIVER (self) && chan_receiver_get_pipe (self) != NULL);
  g_return_if_fail (CHAN_IS_SENDER (sender) && chan_sender_get_pipe (sender) != NULL);

  task = g_task_new (self, cancellable, callback, user_data);
  g_task_set_source_tag (task, chan_receiver_splice_async);
  g_task_set_priority (task, io_priority);
  /* What was forwarded is told even if it was cancelled just then. */
  g_task_set_check_cancellable (task, FALSE);
  splice = splice_new (self, sender, task);
  if (splice->from == splice->to)
    error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "A channel cannot be forwarded to itself");
  reserved = error == NULL && reserve_source (splice, &error);
  if (!reserved || !reserve_target (splice, &error))
    {
      if (reserved)
        leave_source (splice);
      g_clear_object (&splice->task);
      g_task_return_error (task, error);
      splice_unref (splice);
      return;
    }
  if (cancellable != NULL)
    {
      g_atomic_ref_count_inc (&splice->ref_count);
      splice->cancel_id = g_cancellable_connect (cancellable, G_CALLBACK (cancelled_cb), splice, splice_unref);
    }
  chan_later_init (&later);
  splice_queue (splice, &later);
  chan_later_run (&later);
}

/**
 * chan_receiver_splice_finish:
 * @self: a receiver
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Receiver.splice_async].
 *
 * Returns: %TRUE if the channel was closed and everything was forwarded
 *
 * Since: 0.1
 */
gboolean
chan_receiver_splice_finish (ChanReceiver *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
