/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-reactor.h"

#include "chan-attendant.h"
#include "chan-dispatcher.h"

/* When output is written: see docs/architecture.md, "Who does the I/O". */

/* Messages that follow each other faster than this are a burst: a write costs
 * about as much as ten of them. */
#define BURST_US 20
#define BATCH_BYTES 16384
/* A thread that has waited so often right after sending will do it again: what
 * it sends goes with what it adds until then, such as the end of the channel. */
#define QUICK_US 50
#define HABIT 8

static __thread char this_thread; /* its address says which */

void
chan_reactor_flush_locked (ChanReactor *self, ChanLater *later)
{
  self->flush_queued = self->lazy_output = self->batched_output = FALSE;
  /* What the socket does not take now is polled for, held back before or not. */
  self->held_back = FALSE;
  self->unwritten = 0;
  if (self->owner != NULL && self->fd >= 0 && !self->servicing)
    {
      self->servicing = TRUE;
      self->funcs->flush (self->owner, later);
      self->servicing = FALSE;
    }
}

void
chan_reactor_flush (ChanReactor *self)
{
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self);
  chan_reactor_flush_locked (self, &later);
  chan_reactor_unlock (self, &later);
}

void
chan_reactor_output (ChanReactor *self, ChanLater *later)
{
  if (self->owner == NULL || self->fd < 0 || self->servicing)
    return;
  if (self->flush_queued && chan_dispatcher_get_running () != NULL)
    return;
  if (!chan_dispatcher_put_off (self))
    {
      chan_reactor_flush_locked (self, later);
      return;
    }
  self->flush_queued = TRUE;
  /* If that main context is never iterated again, the attendant writes it. */
  chan_attendant_note (self, FALSE, later);
}

void
chan_reactor_output_batched (ChanReactor *self, gsize bytes, ChanLater *later)
{
  gint64 now;

  if (self->owner == NULL || self->fd < 0 || self->servicing)
    return;
  if (chan_dispatcher_get_running () != NULL)
    {
      chan_reactor_output (self, later);
      return;
    }
  now = g_get_monotonic_time ();
  self->unwritten += bytes;
  if (self->sent_by != &this_thread)
    self->quick_waits = 0;
  if (bytes > 0)
    self->sent_by = &this_thread;
  self->sent = self->sent || bytes > 0;
  if (self->unwritten >= BATCH_BYTES || (bytes > 0 && now - self->written_at >= BURST_US && self->quick_waits < HABIT))
    {
      self->written_at = now;
      chan_reactor_flush_locked (self, later);
      return;
    }
  self->written_at = now;
  if (self->batched_output)
    return;
  self->batched_output = TRUE;
  chan_attendant_note_batch (self, later);
}

void
chan_reactor_begin_wait (ChanReactor *self, ChanLater *later)
{
  if (self->sent && self->sent_by == &this_thread)
    {
      gboolean quick = g_get_monotonic_time () - self->written_at < QUICK_US;

      self->quick_waits = (guint8) (quick ? MIN (self->quick_waits + 1, HABIT) : 0);
      self->sent = FALSE;
    }
  if (self->flush_queued || self->batched_output)
    chan_reactor_flush_locked (self, later);
}

void
chan_reactor_output_soon (ChanReactor *self, ChanLater *later)
{
  if (self->owner == NULL || self->fd < 0 || self->lazy_output)
    return;
  self->lazy_output = TRUE;
  chan_attendant_note (self, FALSE, later);
}
