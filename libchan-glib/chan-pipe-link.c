/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-pipe-private.h"

#include "chan-async-result.h"
#include "chan-stream.h"

/* A side of a pipe moves to a stream of a session: no pump, no extra hop. The
 * queue, its capacity and who waits at the other side stay as they are; the
 * session's lock becomes the pipe's. */

gboolean
chan_pipe_attach (ChanPipe *self, ChanReactor *reactor, ChanLater *later)
{
  g_mutex_lock (&self->guard.own);
  if (self->guard.reactor != NULL)
    {
      g_mutex_unlock (&self->guard.own);
      return FALSE;
    }
  g_atomic_pointer_set (&self->guard.reactor, chan_reactor_ref (reactor));
  /* Blocked threads wake to poll the socket too; asynchronous work gives the
   * session a home in its main context. */
  for (ChanOp *op = self->receivers.first; op != NULL; op = op->next)
    chan_op_attached (op, reactor, later);
  for (ChanOp *op = self->senders.first; op != NULL; op = op->next)
    chan_op_attached (op, reactor, later);
  for (ChanWatch *watch = self->watches; watch != NULL; watch = watch->next)
    if (watch->attached != NULL)
      watch->attached (watch, reactor, later);
  g_mutex_unlock (&self->guard.own);
  return TRUE;
}

void
chan_pipe_link_sender (ChanPipe *self, ChanStream *stream, ChanLater *later)
{
  self->sender_side = CHAN_SIDE_LINKED;
  self->sender_object = NULL;
  self->in = stream;
  /* It was dead before it moved: the far end must know. */
  if (self->receiver_side == CHAN_SIDE_CLOSED)
    {
      g_autoptr (GError) closed = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The receiver closed the channel");

      chan_stream_reset (stream, closed, later);
    }
}

void
chan_pipe_link_receiver (ChanPipe *self, ChanStream *stream, ChanLater *later)
{
  self->receiver_side = CHAN_SIDE_LINKED;
  self->receiver_object = NULL;
  self->out = stream;
  self->linked_at = self->taken;
  chan_pipe_drain (self, later);
}

/* A message that was accepted cannot be carried: the channel ends there (docs/architecture.md, Moving an end). */
static void
drain_failed (ChanPipe *self, const GError *error, ChanLater *later)
{
  chan_stream_reset_behind (self->out, error, later);
  chan_pipe_failed (self, error, later);
}

void
chan_pipe_drain (ChanPipe *self, ChanLater *later)
{
  while (self->n_items > 0 && self->out != NULL && chan_stream_has_room (self->out)
         && chan_stream_may_send (self->out, self->kind, self->slots[self->head].data))
    {
      g_autoptr (GError) error = NULL;
      gpointer item = self->slots[self->head].data;
      g_autoptr (GBytes) rest = NULL;

      if (self->kind == CHAN_ITEM_BYTES && self->offset > 0)
        item = rest = g_bytes_new_from_bytes (item, self->offset, g_bytes_get_size (item) - self->offset);
      if (!chan_stream_send (self->out, self->kind, item, later, &error))
        {
          drain_failed (self, error, later);
          return;
        }
      chan_pipe_drop_item (self, chan_pipe_dequeue (self).data, later);
    }
  if (self->out == NULL || self->n_items > 0)
    return;
  if (self->end == CHAN_END_CLOSED)
    chan_stream_finish (self->out, later);
  else if (self->end == CHAN_END_FAILED)
    chan_stream_reset_behind (self->out, self->error, later);
  else
    chan_pipe_notify_senders (self, later);
}

void
chan_pipe_peer_took (ChanPipe *self, guint64 count, ChanLater *later)
{
  guint64 taken = self->linked_at + count;

  /* A peer cannot have taken what was not sent, nor give any back. */
  if (taken <= self->taken || taken > self->sent)
    return;
  self->taken = taken;
  /* There is at most one. */
  for (ChanOp *op = self->senders.first; op != NULL; op = op->next)
    if (op->state == CHAN_OP_FLYING && taken >= op->number)
      {
        chan_op_end (&self->senders, op, CHAN_OP_DONE, later);
        break;
      }
  chan_pipe_notify_senders (self, later);
}

gboolean
chan_pipe_may_forward (ChanPipe *from, ChanPipe *to, GError **error)
{
  gboolean room;
  guint n_fds = 0;
  ChanLater later;

  chan_later_init (&later);
  if (from != NULL)
    {
      chan_pipe_lock (from);
      n_fds = chan_pipe_first_fds (from);
      chan_pipe_unlock (from, &later);
    }
  chan_pipe_lock (to);
  room = chan_pipe_has_room_for_fds (to, n_fds);
  if (to->sender_error != NULL)
    g_propagate_error (error, g_error_copy (to->sender_error));
  chan_pipe_unlock (to, &later);
  return room;
}
