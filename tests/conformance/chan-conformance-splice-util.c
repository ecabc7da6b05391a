/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-conformance-splice.h"

void
chan_test_splice_init (ChanTestSplice *self, ChanConformanceFixture *f, guint capacity)
{
  chan_conformance_channel (f, capacity, &self->tx, &self->from);
  chan_conformance_channel (f, capacity, &self->to, &self->rx);
}

static void
splice_run (gpointer data)
{
  ChanTestSplice *self = data;

  self->forwarded = chan_receiver_splice_until (self->from, self->to, self->deadline, self->cancellable, &self->error);
}

void
chan_test_splice_start (ChanTestSplice *self)
{
  g_clear_error (&self->error);
  self->forwarded = FALSE;
  chan_test_thread_start (&self->thread, splice_run, self);
}

void
chan_test_splice_join (ChanTestSplice *self)
{
  chan_test_thread_join (&self->thread);
  g_assert_no_error (self->error);
  g_assert_true (self->forwarded);
}

void
chan_test_splice_join_error (ChanTestSplice *self, GQuark domain, int code)
{
  chan_test_thread_join (&self->thread);
  g_assert_error (self->error, domain, code);
  g_assert_false (self->forwarded);
}

void
chan_test_splice_clear (ChanTestSplice *self)
{
  chan_test_thread_join (&self->thread);
  g_clear_object (&self->tx);
  g_clear_object (&self->from);
  g_clear_object (&self->to);
  g_clear_object (&self->rx);
  g_clear_error (&self->error);
}
