/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-private.h"

#include "chan-fd-credit.h"
#include "chan-handle.h"
#include "chan-sender-private.h"
#include "chan-stream.h"
#include "wire/chan-limits.h"

/* What the two sides do: send and close, take and close. */

/* --- sending side --- */

static gboolean
within_capacity (ChanPipe *self)
{
  if (self->kind != CHAN_ITEM_MESSAGE || !chan_stream_reports_taken (self->out))
    return TRUE;
  return self->sent - self->taken < MAX (self->capacity, 1);
}

/* Capacity 0: somebody who takes the message at once. */
static ChanOp *
find_receiver (ChanPipe *self, gboolean claim)
{
  for (ChanOp *op = self->receivers.first; op != NULL; op = op->next)
    {
      if (op->peeks || (op->claim != NULL && op->claim == self->serving))
        continue;
      if (claim ? chan_op_claim (op) : chan_op_is_claimable (op))
        return op;
    }
  return NULL;
}

static gboolean
has_room (ChanPipe *self)
{
  if (self->sender_error != NULL || self->end != CHAN_END_OPEN)
    return FALSE;
  if (self->receiver_side == CHAN_SIDE_LINKED)
    return self->out != NULL && self->n_items == 0 && within_capacity (self) && chan_stream_has_room (self->out);
  if (self->kind == CHAN_ITEM_BYTES)
    return self->n_bytes < self->capacity;
  if (self->capacity == 0)
    return self->n_items == 0 && (find_receiver (self, FALSE) != NULL || (self->forwarded && self->asked));
  return self->n_items < self->capacity && self->n_bytes < CHAN_PIPE_BYTES;
}

gboolean
chan_pipe_has_room (ChanPipe *self)
{
  return has_room (self) && (self->out == NULL || !self->out->wants_fds);
}

gboolean
chan_pipe_has_room_for_fds (ChanPipe *self, guint n_fds)
{
  return has_room (self) && (self->out == NULL || chan_fd_credit_allows (self->out, n_fds));
}

static ChanAccept
accept_linked (ChanPipe *self, gpointer item, ChanLater *later, GError **error)
{
  if (!chan_stream_may_send (self->out, self->kind, item))
    return CHAN_ACCEPT_WAIT;
  if (!chan_stream_send (self->out, self->kind, item, later, error))
    return CHAN_ACCEPT_FAILED;
  self->sent++;
  chan_pipe_drop_item (self, item, later);
  if (self->kind == CHAN_ITEM_MESSAGE && self->capacity == 0 && chan_stream_reports_taken (self->out))
    return CHAN_ACCEPT_FLYING;
  return CHAN_ACCEPT_OK;
}

static ChanAccept
accept_local (ChanPipe *self, gpointer item, ChanLater *later)
{
  ChanOp *receiver = NULL;

  if (self->capacity == 0 && (receiver = find_receiver (self, TRUE)) == NULL && !(self->forwarded && self->asked))
    return CHAN_ACCEPT_WAIT;
  self->asked = FALSE;
  self->sent++;
  chan_pipe_enqueue (self, item, 0);
  if (receiver != NULL)
    chan_pipe_serve_receiver (self, receiver, later);
  else
    chan_pipe_notify_receivers (self, later);
  return CHAN_ACCEPT_OK;
}

ChanAccept
chan_pipe_accept (ChanPipe *self, gpointer item, ChanLater *later, GError **error)
{
  if (self->sender_error != NULL)
    {
      g_propagate_error (error, g_error_copy (self->sender_error));
      return CHAN_ACCEPT_FAILED;
    }
  if (self->kind == CHAN_ITEM_MESSAGE && self->out == NULL && chan_message_get_size (item) > chan_limits_default.message_bytes)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE, "The message has %" G_GSIZE_FORMAT " bytes; at most %u are allowed",
                   chan_message_get_size (item), chan_limits_default.message_bytes);
      return CHAN_ACCEPT_FAILED;
    }
  if (!has_room (self))
    return CHAN_ACCEPT_WAIT;
  if (self->receiver_side == CHAN_SIDE_LINKED)
    return accept_linked (self, item, later, error);
  return accept_local (self, item, later);
}

/* What waits to be sent will not be; what is out may still be taken. */
static void
fail_pending_sends (ChanPipe *self, gboolean flying_too, ChanLater *later)
{
  ChanOp *next;

  for (ChanOp *op = self->senders.first; op != NULL; op = next)
    {
      next = op->next;
      if ((op->state == CHAN_OP_FLYING && !flying_too) || !chan_op_claim (op))
        continue;
      op->error = g_error_copy (self->sender_error);
      chan_op_end (&self->senders, op, CHAN_OP_DONE, later);
    }
  chan_pipe_notify_senders (self, later);
}

static void
set_sender_error (ChanPipe *self, ChanChannelError code, const char *text)
{
  if (self->sender_error == NULL)
    self->sender_error = g_error_new_literal (CHAN_CHANNEL_ERROR, (int) code, text);
}

/* The end goes out after the last queued item (chan_pipe_drain). */
static void
end_linked (ChanPipe *self, gboolean at_once, ChanLater *later)
{
  if (self->out == NULL || self->n_items > 0)
    return;
  if (self->end == CHAN_END_CLOSED)
    chan_stream_finish (self->out, later);
  else if (at_once)
    chan_stream_reset (self->out, self->error, later);
  else
    chan_stream_reset_behind (self->out, self->error, later);
}

void
chan_pipe_close_sender (ChanPipe *self, ChanLater *later)
{
  if (self->sender_side == CHAN_SIDE_CLOSED)
    return;
  self->sender_side = CHAN_SIDE_CLOSED;
  set_sender_error (self, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
  fail_pending_sends (self, FALSE, later);
  if (self->end != CHAN_END_OPEN)
    return;
  self->end = CHAN_END_CLOSED;
  if (self->receiver_side == CHAN_SIDE_LINKED)
    end_linked (self, FALSE, later);
  else
    chan_pipe_notify_receivers (self, later);
}

void
chan_pipe_fail_sender (ChanPipe *self, const GError *error, gboolean at_once, ChanLater *later)
{
  if (self->sender_side == CHAN_SIDE_CLOSED)
    return;
  self->sender_side = CHAN_SIDE_CLOSED;
  set_sender_error (self, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
  if (self->end == CHAN_END_OPEN)
    {
      self->end = CHAN_END_FAILED;
      self->error = g_error_copy (error);
    }
  if (at_once)
    chan_pipe_drop_queue (self, later);
  fail_pending_sends (self, TRUE, later);
  if (self->receiver_side == CHAN_SIDE_LINKED)
    end_linked (self, at_once, later);
  else
    chan_pipe_notify_receivers (self, later);
}

/* --- receiving side --- */

void
chan_pipe_pull (ChanPipe *self, ChanLater *later)
{
  for (ChanOp *op = self->senders.first; op != NULL; op = op->next)
    {
      if (op->item == NULL || (op->claim != NULL && op->claim == self->serving) || !chan_op_claim (op))
        continue;
      self->sent++;
      chan_pipe_enqueue (self, g_steal_pointer (&op->item), 0);
      chan_op_end (&self->senders, op, CHAN_OP_DONE, later);
      return;
    }
}

static void
account_taken (ChanPipe *self, gsize cost, ChanLater *later)
{
  self->taken++;
  if (cost > 0 && (self->in != NULL || self->leftover != NULL))
    chan_pipe_give_back (self, cost, self->kind == CHAN_ITEM_MESSAGE ? 1 : 0, later);
  else if (self->senders.first != NULL || self->watches != NULL)
    chan_pipe_notify_senders (self, later);
}

/* Capacity 0: one that forwards takes nothing from its source before somebody is here to take it. Handlers, sources and
 * who polls are not in the ring of receivers: that they found nothing says that they are here. */
void
chan_pipe_ask (ChanPipe *self, ChanLater *later)
{
  if (self->capacity > 0 || self->asked || self->receiver_side == CHAN_SIDE_LINKED)
    return;
  self->asked = TRUE;
  if (self->forwarded)
    chan_pipe_notify_senders (self, later);
}

void
chan_pipe_gave_up (ChanPipe *self)
{
  self->asked = FALSE;
}

static ChanTake
take_end (ChanPipe *self, ChanLater *later, GError **error)
{
  switch ((ChanEnd) self->end)
    {
    case CHAN_END_CLOSED:
      if (self->in != NULL)
        chan_stream_end_seen (self->in, later);
      return CHAN_TAKE_CLOSED;
    case CHAN_END_FAILED:
      g_propagate_error (error, g_error_copy (self->error));
      return CHAN_TAKE_ERROR;
    case CHAN_END_OPEN:
    default:
      chan_pipe_ask (self, later);
      return CHAN_TAKE_EMPTY;
    }
}

ChanTake
chan_pipe_take (ChanPipe *self, gboolean reserved, gpointer *item, ChanLater *later, GError **error)
{
  guint n;
  ChanItem head;

  if (reserved && self->n_reserved > 0)
    self->n_reserved--;
  if (self->receiver_side == CHAN_SIDE_CLOSED)
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
      return CHAN_TAKE_ERROR;
    }
  if (self->capacity == 0 && self->n_items <= self->n_reserved)
    chan_pipe_pull (self, later);
  n = self->n_items - MIN (self->n_items, reserved ? 0 : self->n_reserved);
  if (n == 0)
    return take_end (self, later, error);
  head = chan_pipe_dequeue (self);
  *item = head.data;
  if (self->kind == CHAN_ITEM_MESSAGE)
    chan_message_taken (head.data);
  account_taken (self, head.cost, later);
  return CHAN_TAKE_MESSAGE;
}

gsize
chan_pipe_take_bytes (ChanPipe *self, guint8 *buffer, gsize len, ChanLater *later)
{
  gsize done = 0;
  gsize given_back = 0;

  while (done < len && self->n_items > 0)
    {
      ChanItem *head = &self->slots[self->head];
      gsize size;
      const guint8 *data = g_bytes_get_data (head->data, &size);
      gsize n = MIN (len - done, size - self->offset);

      memcpy (buffer + done, data + self->offset, n);
      done += n;
      given_back += head->cost > 0 ? n : 0;
      if (self->offset + n == size)
        chan_pipe_drop_item (self, chan_pipe_dequeue (self).data, later);
      else
        {
          self->offset += n;
          self->n_bytes -= n;
        }
    }
  if (given_back > 0)
    chan_pipe_give_back (self, given_back, 0, later);
  if (done > 0)
    chan_pipe_notify_senders (self, later);
  return done;
}

void
chan_pipe_unreserve (ChanPipe *self, ChanLater *later)
{
  if (self->n_reserved > 0)
    self->n_reserved--;
  chan_pipe_notify_receivers (self, later);
}

void
chan_pipe_close_receiver (ChanPipe *self, ChanChannelError code, const char *text, ChanLater *later)
{
  ChanOp *next;
  gboolean ended = self->end == CHAN_END_CLOSED;

  if (self->receiver_side == CHAN_SIDE_CLOSED)
    return;
  self->receiver_side = CHAN_SIDE_CLOSED;
  for (ChanOp *op = self->receivers.first; op != NULL; op = next)
    {
      next = op->next;
      if (!chan_op_claim (op))
        continue;
      op->error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "This end of the channel is closed");
      chan_op_end (&self->receivers, op, CHAN_OP_DONE, later);
    }
  chan_pipe_drop_queue (self, later);
  if (self->watches != NULL)
    chan_pipe_notify_receivers (self, later);
  if (self->in != NULL && ended)
    chan_stream_end_seen (self->in, later);
  else if (self->in != NULL)
    {
      g_autoptr (GError) reason = g_error_new_literal (CHAN_CHANNEL_ERROR, (int) code, text);

      chan_stream_stop (self->in, reason, later);
    }
  else if (self->sender_side != CHAN_SIDE_LINKED)
    {
      gboolean news = self->sender_error == NULL;

      set_sender_error (self, code, text);
      fail_pending_sends (self, TRUE, later);
      if (news)
        chan_sender_peer_closed (self, later);
    }
}

guint
chan_pipe_first_fds (ChanPipe *self)
{
  if (self->kind != CHAN_ITEM_MESSAGE || self->n_items == 0)
    return 0;
  return chan_fd_credit_count (self->slots[self->head].data);
}

/* --- from a link --- */

void
chan_pipe_push (ChanPipe *self, gpointer item, gsize cost, ChanLater *later)
{
  if (self->receiver_side == CHAN_SIDE_CLOSED || self->end != CHAN_END_OPEN)
    {
      if (self->in != NULL)
        chan_stream_took (self->in, cost, 0, later);
      chan_pipe_drop_item (self, item, later);
      return;
    }
  self->sent++;
  chan_pipe_enqueue (self, item, cost);
  if (self->receivers.first != NULL || self->watches != NULL)
    chan_pipe_notify_receivers (self, later);
}

void
chan_pipe_finished (ChanPipe *self, ChanLater *later)
{
  if (self->end != CHAN_END_OPEN)
    return;
  self->end = CHAN_END_CLOSED;
  if (self->receiver_side == CHAN_SIDE_CLOSED && self->in != NULL)
    chan_stream_end_seen (self->in, later);
  chan_pipe_notify_receivers (self, later);
}

void
chan_pipe_failed (ChanPipe *self, const GError *error, ChanLater *later)
{
  if (self->sender_side == CHAN_SIDE_LINKED && self->end == CHAN_END_OPEN)
    {
      self->end = CHAN_END_FAILED;
      self->error = g_error_copy (error);
      chan_pipe_notify_receivers (self, later);
    }
  if (self->receiver_side == CHAN_SIDE_LINKED)
    {
      if (self->sender_error == NULL)
        self->sender_error = g_error_copy (error);
      chan_pipe_drop_queue (self, later);
      fail_pending_sends (self, TRUE, later);
      if (self->sender_side != CHAN_SIDE_CLOSED)
        chan_sender_peer_closed (self, later);
    }
}
