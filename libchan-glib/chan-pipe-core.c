/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-private.h"

#include "chan-fd-credit.h"
#include "chan-handle.h"
#include "chan-leftover.h"
#include "chan-live.h"
#include "chan-stream.h"

/* The queue, and who waits for it. How a side moves to a stream: chan-pipe-link.c. */

ChanPipe *
chan_pipe_core_new (ChanItemKind kind, guint capacity, ChanReactor *reactor)
{
  ChanPipe *self = g_new0 (ChanPipe, 1);

  chan_live_add (CHAN_LIVE_PIPE, 1);
  g_atomic_ref_count_init (&self->ref_count);
  chan_guard_init (&self->guard, reactor);
  self->kind = (guint8) kind;
  self->capacity = capacity;
  return self;
}

ChanPipe *
chan_pipe_ref (ChanPipe *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
item_free (ChanItemKind kind, gpointer item)
{
  switch (kind)
    {
    case CHAN_ITEM_MESSAGE:
      chan_message_cancel_handles (item);
      chan_message_unref (item);
      break;
    case CHAN_ITEM_BYTES:
      g_bytes_unref (item);
      break;
    case CHAN_ITEM_OBJECT:
    default:
      chan_handle_cancel (item);
      g_object_unref (item);
      break;
    }
}

void
chan_pipe_unref (ChanPipe *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_assert (self->receivers.first == NULL && self->senders.first == NULL && self->watches == NULL);
  /* Its receiver was closed before, and that gave all back: or else it stays counted. */
  g_clear_pointer (&self->leftover, chan_leftover_free);
  while (self->n_items > 0)
    item_free (self->kind, chan_pipe_dequeue (self).data);
  g_free (self->slots);
  g_clear_error (&self->error);
  g_clear_error (&self->sender_error);
  g_free (self->name);
  chan_guard_clear (&self->guard);
  chan_live_add (CHAN_LIVE_PIPE, -1);
  g_free (self);
}

/* --- the ring --- */

static void
make_slot (ChanPipe *self)
{
  guint n = MAX (4, self->n_slots * 2);
  ChanItem *slots;

  if (self->n_items < self->n_slots)
    return;
  slots = g_new (ChanItem, n);
  for (guint i = 0; i < self->n_items; i++)
    slots[i] = self->slots[(self->head + i) & (self->n_slots - 1)];
  g_free (self->slots);
  self->slots = slots;
  self->n_slots = n;
  self->head = 0;
}

/* Messages that came over a link are bounded there. */
static gsize
bytes_of (ChanPipe *self, const ChanItem *item)
{
  if (self->kind == CHAN_ITEM_BYTES)
    return g_bytes_get_size (item->data);
  return self->kind == CHAN_ITEM_MESSAGE && item->cost == 0 ? chan_message_get_size (item->data) : 0;
}

void
chan_pipe_enqueue (ChanPipe *self, gpointer item, gsize cost)
{
  ChanItem added = { item, cost };

  make_slot (self);
  self->slots[(self->head + self->n_items) & (self->n_slots - 1)] = added;
  self->n_items++;
  self->n_bytes += bytes_of (self, &added);
}

void
chan_pipe_unget (ChanPipe *self, gpointer item, ChanLater *later)
{
  if (self->receiver_side == CHAN_SIDE_CLOSED)
    {
      chan_pipe_drop_item (self, item, later);
      return;
    }
  make_slot (self);
  self->head = (self->head - 1) & (self->n_slots - 1);
  self->slots[self->head] = (ChanItem){ item, 0 };
  self->n_items++;
  self->n_bytes += bytes_of (self, &self->slots[self->head]);
  self->taken--;
  chan_pipe_notify_receivers (self, later);
}

ChanItem
chan_pipe_dequeue (ChanPipe *self)
{
  ChanItem item = self->slots[self->head];

  self->head = (self->head + 1) & (self->n_slots - 1);
  self->n_items--;
  self->n_bytes -= bytes_of (self, &item) - self->offset;
  self->offset = 0;
  /* A burst must not be paid for by an idle channel. */
  if (self->n_items == 0 && self->n_slots > 64)
    {
      g_clear_pointer (&self->slots, g_free);
      self->n_slots = self->head = 0;
    }
  return item;
}

static void
free_message_later (gpointer item)
{
  item_free (CHAN_ITEM_MESSAGE, item);
}

static void
free_object_later (gpointer item)
{
  item_free (CHAN_ITEM_OBJECT, item);
}

void
chan_pipe_drop_item (ChanPipe *self, gpointer item, ChanLater *later)
{
  if (self->kind == CHAN_ITEM_MESSAGE)
    {
      chan_message_taken (item);
      chan_later_add (later, free_message_later, item);
    }
  else if (self->kind == CHAN_ITEM_BYTES)
    chan_later_add (later, (ChanLaterFunc) g_bytes_unref, item);
  else
    chan_later_add (later, free_object_later, item);
}

gboolean
chan_pipe_has_reader (ChanPipe *self)
{
  if (self->receivers.first != NULL)
    return TRUE;
  for (ChanWatch *watch = self->watches; watch != NULL; watch = watch->next)
    if (!watch->of_sender)
      return TRUE;
  return FALSE;
}

gboolean
chan_pipe_is_watched (ChanPipe *self)
{
  for (ChanOp *op = self->receivers.first; op != NULL; op = op->next)
    if (op->peeks)
      return TRUE;
  return self->watches != NULL;
}

void
chan_pipe_wanted (ChanPipe *self, ChanLater *later)
{
  if (self->in != NULL && self->in->starves)
    chan_stream_wanted (self->in, later);
}

gsize
chan_pipe_owed (ChanPipe *self, guint *n_messages)
{
  gsize owed = 0;

  *n_messages = 0;
  for (guint i = 0; i < self->n_items; i++)
    {
      gsize cost = self->slots[(self->head + i) & (self->n_slots - 1)].cost;

      owed += cost - MIN (cost, i == 0 ? self->offset : 0);
      *n_messages += cost > 0 && self->kind == CHAN_ITEM_MESSAGE;
    }
  return owed;
}

void
chan_pipe_give_back (ChanPipe *self, gsize bytes, guint n_messages, ChanLater *later)
{
  if (self->in != NULL)
    chan_stream_took (self->in, bytes, n_messages, later);
  else if (self->leftover != NULL && chan_leftover_took (self->leftover, bytes, n_messages, later))
    self->leftover = NULL;
}

static void
drop_unread (ChanPipe *self, const ChanItem *item, gsize taken, ChanLater *later)
{
  /* Dropped is not taken: whoever waits for that must not be told so. */
  if (self->in != NULL && item->cost > 0)
    chan_stream_took (self->in, item->cost - taken, 0, later);
  else if (item->cost > 0)
    chan_pipe_give_back (self, item->cost - taken, 1, later);
  chan_pipe_drop_item (self, item->data, later);
}

void
chan_pipe_drop_queue (ChanPipe *self, ChanLater *later)
{
  while (self->n_items > 0)
    {
      gsize taken = self->offset;
      ChanItem item = chan_pipe_dequeue (self);

      drop_unread (self, &item, taken, later);
    }
}

void
chan_pipe_cut_queue (ChanPipe *self, guint n, GError *error, ChanLater *later)
{
  g_clear_error (&self->error);
  self->error = error;
  self->end = CHAN_END_FAILED;
  while (self->n_items > n)
    {
      ChanItem item = self->slots[(self->head + --self->n_items) & (self->n_slots - 1)];

      self->n_bytes -= bytes_of (self, &item);
      drop_unread (self, &item, 0, later);
    }
}

void
chan_pipe_fail_queue (ChanPipe *self, const GError *error, ChanLater *later)
{
  guint n_reserved = self->n_reserved;

  if (self->kind == CHAN_ITEM_BYTES)
    {
      chan_pipe_drop_queue (self, later);
      n_reserved = 0;
    }
  chan_pipe_cut_queue (self, n_reserved, g_error_copy (error), later);
  /* Who still waits is told here: when the stream ends, the pipe has ended already, and tells nobody. */
  chan_pipe_notify_receivers (self, later);
}

/* --- who waits --- */

static guint
available (ChanPipe *self)
{
  guint n = self->n_items;

  /* Capacity 0: what waits to be sent is there to be taken. */
  if (self->capacity == 0 && self->receiver_side != CHAN_SIDE_LINKED)
    for (ChanOp *op = self->senders.first; op != NULL; op = op->next)
      n += chan_op_is_claimable (op);
  return n - MIN (n, self->n_reserved);
}

gboolean
chan_pipe_is_readable (ChanPipe *self)
{
  return self->receiver_side == CHAN_SIDE_CLOSED || self->end != CHAN_END_OPEN || available (self) > 0;
}

static void
notify_watches (ChanPipe *self, gboolean of_sender, ChanLater *later)
{
  for (ChanWatch *watch = self->watches; watch != NULL; watch = watch->next)
    if (watch->of_sender == of_sender)
      watch->notify (watch, later);
}

static gboolean
reserve_for (ChanPipe *self, ChanOp *op, ChanLater *later)
{
  /* Capacity 0: committed to, so the sender's part is done. */
  if (self->capacity == 0 && self->n_items <= self->n_reserved)
    chan_pipe_pull (self, later);
  if (self->n_items > self->n_reserved)
    {
      self->n_reserved++;
      chan_op_end (&self->receivers, op, CHAN_OP_RESERVED, later);
      return TRUE;
    }
  if (self->end == CHAN_END_OPEN)
    return FALSE;
  chan_op_end (&self->receivers, op, CHAN_OP_DONE, later);
  return TRUE;
}

gboolean
chan_pipe_serve_receiver (ChanPipe *self, ChanOp *op, ChanLater *later)
{
  const ChanClaim *before = self->serving;
  gboolean served = TRUE;

  self->serving = op->claim;
  if (self->kind == CHAN_ITEM_BYTES || op->peeks)
    chan_op_end (&self->receivers, op, CHAN_OP_DONE, later);
  else if (op->reserves)
    served = reserve_for (self, op, later);
  else
    {
      /* Taking makes room, and that may bring more for those who wait. */
      chan_op_ring_remove (&self->receivers, op);
      served = chan_pipe_take (self, FALSE, &op->item, later, &op->error) != CHAN_TAKE_EMPTY;
      if (served)
        {
          op->state = CHAN_OP_DONE;
          op->wake (op, later);
        }
      else
        chan_op_ring_prepend (&self->receivers, op);
    }
  self->serving = before;
  return served;
}

static ChanOp *
claim_receiver (ChanPipe *self)
{
  for (ChanOp *op = self->receivers.first; op != NULL; op = op->next)
    if (chan_op_claim (op))
      return op;
  return NULL;
}

void
chan_pipe_notify_receivers (ChanPipe *self, ChanLater *later)
{
  ChanOp *op;

  while ((self->end != CHAN_END_OPEN || available (self) > 0) && (op = claim_receiver (self)) != NULL)
    if (!chan_pipe_serve_receiver (self, op, later))
      {
        chan_op_unclaim (op, later);
        break;
      }
  if (self->watches != NULL && chan_pipe_is_readable (self))
    notify_watches (self, FALSE, later);
}

static ChanOp *
claim_sender (ChanPipe *self)
{
  for (ChanOp *op = self->senders.first; op != NULL && op->state == CHAN_OP_PENDING; op = op->next)
    if (chan_op_claim (op))
      return op;
  return NULL;
}

gboolean
chan_pipe_fly (ChanPipe *self, ChanOp *op)
{
  /* Writing it may have ended the session: then nobody will say that it was taken. */
  if (self->sender_error != NULL)
    {
      op->error = g_error_copy (self->sender_error);
      return FALSE;
    }
  chan_op_ring_prepend (&self->senders, op);
  op->state = CHAN_OP_FLYING;
  op->number = self->sent;
  return TRUE;
}

static ChanAccept
serve_sender (ChanPipe *self, ChanOp *op, ChanLater *later)
{
  const ChanClaim *before = self->serving;
  ChanAccept accept = CHAN_ACCEPT_OK;

  self->serving = op->claim;
  /* Not in the ring meanwhile: a receiver who takes it makes room, and looks there. */
  chan_op_ring_remove (&self->senders, op);
  /* A writer of bytes looks for himself. */
  if (op->item != NULL)
    accept = chan_pipe_accept (self, op->item, later, &op->error);
  self->serving = before;
  if (accept == CHAN_ACCEPT_OK || accept == CHAN_ACCEPT_FLYING)
    op->item = NULL;
  if (accept == CHAN_ACCEPT_WAIT)
    {
      chan_op_ring_prepend (&self->senders, op);
      return accept;
    }
  if (accept == CHAN_ACCEPT_FLYING && chan_pipe_fly (self, op))
    return accept;
  op->state = CHAN_OP_DONE;
  op->wake (op, later);
  return accept;
}

void
chan_pipe_notify_senders (ChanPipe *self, ChanLater *later)
{
  ChanOp *op;

  /* Perhaps by one that waits no longer; else it is said again. */
  if (self->out != NULL && self->out->wants_fds)
    chan_fd_credit_retry (self->out);
  while ((self->sender_error != NULL || chan_pipe_has_room (self)) && (op = claim_sender (self)) != NULL)
    if (serve_sender (self, op, later) == CHAN_ACCEPT_WAIT)
      {
        chan_op_unclaim (op, later);
        break;
      }
  if (self->watches != NULL && (self->sender_error != NULL || chan_pipe_has_room (self)))
    notify_watches (self, TRUE, later);
}

void
chan_pipe_add_watch (ChanPipe *self, ChanWatch *watch)
{
  watch->next = self->watches;
  self->watches = watch;
}

void
chan_pipe_remove_watch (ChanPipe *self, ChanWatch *watch)
{
  for (ChanWatch **at = &self->watches; *at != NULL; at = &(*at)->next)
    if (*at == watch)
      {
        *at = watch->next;
        return;
      }
}
