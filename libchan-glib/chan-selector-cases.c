/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-selector-private.h"

#include "chan-handle.h"
#include "chan-receiver-private.h"
#include "chan-sender-private.h"

/* What blocking and asynchronous selects have in common: the operations. */

static void
case_wake (ChanOp *op, ChanLater *later)
{
  ChanSelector *selector = ((ChanSelectorCase *) op)->selector;

  selector->wake (selector, later);
}

/* Under the pipe's lock: it joined a session, or always was in one. */
static void
case_attached (ChanOp *op, ChanReactor *reactor, ChanLater *later)
{
  ChanSelectorCase *self = (ChanSelectorCase *) op;

  if (self->selector->result == NULL)
    self->selector->wake (self->selector, later);
  else if (self->interest == NULL)
    {
      self->interest = chan_reactor_ref (reactor);
      chan_reactor_add_interest (reactor, self->selector->result->poller, later);
    }
}

static ChanOpRing *
case_ring (ChanSelectorCase *self)
{
  return self->sends ? &self->pipe->senders : &self->pipe->receivers;
}

/* Under the pipe's lock: does what can be done. */
static void
case_notify (ChanSelectorCase *self, ChanLater *later)
{
  /* Capacity 0: a receiver who waits is room for a try_send(), a sender is something to take. */
  gboolean both = self->pipe->capacity == 0 && self->pipe->watches != NULL;

  if (self->sends || both)
    chan_pipe_notify_senders (self->pipe, later);
  if (!self->sends || both)
    chan_pipe_notify_receivers (self->pipe, later);
}

/* Under the pipe's lock, or before it waits. */
static gboolean
case_check (ChanSelectorCase *self, GError **error)
{
  if (self->sends)
    return chan_sender_check_usable (CHAN_SENDER (self->end), error);
  if (!chan_receiver_check_usable (CHAN_RECEIVER (self->end), error))
    return FALSE;
  if (self->pipe->receiver_side != CHAN_SIDE_CLOSED)
    return TRUE;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
  return FALSE;
}

/* One message may be offered on several channels. It is packed once, for its handles can be reserved only once; who
 * gets the claim has it. The packed one may be gone by now: only its address is looked at. */
static ChanMessage *
case_pack (ChanSelectorCase *self, GError **error)
{
  GPtrArray *cases = self->selector->cases;

  for (guint i = 0; i < cases->len; i++)
    {
      ChanSelectorCase *other = cases->pdata[i];

      if (other->packed != NULL && other->message == self->message)
        return chan_message_check_carrier (self->message, self->pipe, error) ? other->packed : NULL;
    }
  return chan_message_pack (self->message, self->pipe, error);
}

static void
case_begin (ChanSelectorCase *self)
{
  GError *error = NULL;
  ChanLater later;

  memset (&self->op, 0, sizeof self->op);
  self->op.claim = &self->selector->claim;
  self->op.wake = case_wake;
  self->op.attached = case_attached;
  if (self->pipe == NULL || (self->sends && self->message == NULL))
    return;
  if (self->sends && case_check (self, &error))
    self->op.item = self->packed = case_pack (self, &error);
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  if (error == NULL && (self->sends || case_check (self, &error)))
    {
      self->op.reserves = !self->sends && self->selector->result != NULL;
      chan_op_ring_append (case_ring (self), &self->op);
      if (self->selector->result != NULL && self->pipe->guard.reactor != NULL)
        case_attached (&self->op, self->pipe->guard.reactor, &later);
      if (!self->sends)
        chan_pipe_wanted (self->pipe, &later);
      case_notify (self, &later);
    }
  else if (chan_op_claim (&self->op))
    {
      /* An end that cannot be used is as good as one that has ended. */
      self->op.error = g_steal_pointer (&error);
      self->op.state = CHAN_OP_DONE;
      self->op.wake (&self->op, &later);
    }
  chan_pipe_unlock (self->pipe, &later);
  g_clear_error (&error);
}

gboolean
chan_selector_enter (ChanSelector *self, GError **error)
{
  guint n_live = 0;

  if (!g_atomic_int_compare_and_exchange (&self->waiting, FALSE, TRUE))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "This selector waits already");
      return FALSE;
    }
  for (guint i = 0; i < self->cases->len; i++)
    n_live += ((ChanSelectorCase *) self->cases->pdata[i])->pipe != NULL;
  if (n_live > 0)
    return TRUE;
  chan_selector_leave (self);
  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "This selector has nothing to wait for");
  return FALSE;
}

void
chan_selector_leave (ChanSelector *self)
{
  g_atomic_int_set (&self->waiting, FALSE);
}

void
chan_selector_begin (ChanSelector *self)
{
  guint n = self->cases->len;

  self->claim = (ChanClaim){ FALSE, FALSE };
  g_clear_pointer (&self->message, chan_message_unref);
  g_clear_error (&self->error);
  /* Those that follow find the claim taken if one of them is lucky; so whose turn it is comes first. */
  for (guint i = 0; i < n; i++)
    case_begin (self->cases->pdata[(self->turn + i) % n]);
}

static ChanSelectorCase *
find_winner (ChanSelector *self)
{
  for (guint i = 0; i < self->cases->len; i++)
    {
      ChanSelectorCase *item = self->cases->pdata[i];
      gboolean ended;
      ChanLater later;

      if (item->pipe == NULL)
        continue;
      chan_later_init (&later);
      chan_pipe_lock (item->pipe);
      ended = item->op.won && (item->op.state == CHAN_OP_DONE || item->op.state == CHAN_OP_RESERVED);
      chan_pipe_unlock (item->pipe, &later);
      if (ended)
        return item;
    }
  return NULL;
}

ChanSelectorCase *
chan_selector_look (ChanSelector *self)
{
  /* While it is claimed the note stays: who gives the claim back reads it. */
  while (!g_atomic_int_get (&self->claim.claimed) && g_atomic_int_compare_and_exchange (&self->claim.missed, TRUE, FALSE))
    for (guint i = 0; i < self->cases->len; i++)
      {
        ChanSelectorCase *item = self->cases->pdata[i];
        ChanLater later;

        if (item->pipe == NULL)
          continue;
        chan_later_init (&later);
        chan_pipe_lock (item->pipe);
        if (item->op.state == CHAN_OP_PENDING)
          case_notify (item, &later);
        chan_pipe_unlock (item->pipe, &later);
      }
  return g_atomic_int_get (&self->claim.claimed) ? find_winner (self) : NULL;
}

gboolean
chan_selector_give_up (ChanSelector *self)
{
  return g_atomic_int_compare_and_exchange (&self->claim.claimed, FALSE, TRUE);
}

static void
case_leave (ChanSelectorCase *self)
{
  ChanLater later;

  if (self->pipe == NULL)
    return;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  if (self->op.state == CHAN_OP_PENDING || self->op.state == CHAN_OP_FLYING)
    {
      chan_op_ring_remove (case_ring (self), &self->op);
      /* Others were behind it. */
      if (self->sends)
        chan_pipe_notify_senders (self->pipe, &later);
    }
  if (self->interest != NULL)
    chan_reactor_drop_interest (self->interest, self->selector->result->poller, &later);
  chan_pipe_unlock (self->pipe, &later);
  g_clear_pointer (&self->interest, chan_reactor_unref);
}

/* Of all cases that offered it, one may have sent the message. */
static void
settle_message (ChanSelector *self, ChanMessage *message, ChanMessage *packed)
{
  ChanMessage *left = packed;

  for (guint i = 0; i < self->cases->len; i++)
    {
      ChanSelectorCase *item = self->cases->pdata[i];

      if (item->packed != packed || item->message != message)
        continue;
      if (item->op.item == NULL)
        {
          left = NULL;
          g_clear_pointer (&item->message, chan_message_unref);
        }
      item->packed = item->op.item = NULL;
    }
  chan_sender_settle (message, left);
}

void
chan_selector_end (ChanSelector *self)
{
  for (guint i = 0; i < self->cases->len; i++)
    case_leave (self->cases->pdata[i]);
  for (guint i = 0; i < self->cases->len; i++)
    {
      ChanSelectorCase *item = self->cases->pdata[i];
      g_autoptr (ChanMessage) message = item->packed != NULL ? chan_message_ref (item->message) : NULL;

      if (message != NULL)
        settle_message (self, message, item->packed);
    }
}

int
chan_selector_conclude (ChanSelector *self, ChanSelectorCase *winner)
{
  gpointer item = g_steal_pointer (&winner->op.item);
  guint index = 0;
  ChanLater later;

  g_ptr_array_find (self->cases, winner, &index);
  self->turn = index + 1;
  self->error = g_steal_pointer (&winner->op.error);
  if (winner->sends)
    return (int) index;
  /* An asynchronous one is taken only now; and an end is told now. */
  if (item == NULL && self->error == NULL)
    {
      chan_later_init (&later);
      chan_pipe_lock (winner->pipe);
      chan_pipe_take (winner->pipe, winner->op.state == CHAN_OP_RESERVED, &item, &later, &self->error);
      chan_pipe_unlock (winner->pipe, &later);
    }
  if (item != NULL)
    chan_message_arrived (item);
  self->message = item;
  return (int) index;
}
