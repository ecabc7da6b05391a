/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-flow.h"

gboolean
chan_flow_send_raise (ChanFlowSend *self, guint32 delta)
{
  if (self->limit + delta > self->used + CHAN_FLOW_WINDOW_MAX)
    return FALSE;
  self->limit += delta;
  return TRUE;
}

gboolean
chan_flow_send_shift (ChanFlowSend *self, guint32 before, guint32 now)
{
  /* limit is the initial window plus all raises, so it cannot pass zero. */
  guint64 limit = self->limit - before + now;

  if (limit > self->used + CHAN_FLOW_WINDOW_MAX)
    return FALSE;
  self->limit = limit;
  return TRUE;
}

void
chan_flow_receive_init (ChanFlowReceive *self, guint32 limit, guint32 window)
{
  *self = (ChanFlowReceive) { .limit = limit, .window = window };
}

gsize
chan_flow_receive_consume (ChanFlowReceive *self, gsize bytes)
{
  gsize taken = (gsize) MIN ((guint64) bytes, chan_flow_receive_backlog (self));

  self->consumed += taken;
  return taken;
}

guint32
chan_flow_receive_due (const ChanFlowReceive *self, gboolean now)
{
  guint64 target = self->consumed + self->window;
  guint64 due = target > self->limit ? target - self->limit : 0;

  if (!now && due < self->window / 2)
    return 0;
  return (guint32) MIN (due, CHAN_FLOW_WINDOW_MAX);
}

void
chan_flow_receive_grow (ChanFlowReceive *self, guint32 max)
{
  if (self->window >= max || self->consumed - self->grown_at < self->window)
    return;
  self->grown_at = self->consumed;
  if (chan_flow_receive_backlog (self) <= self->window / 4)
    self->window = self->window > max / 2 ? max : self->window * 2;
}
