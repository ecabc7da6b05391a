/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugins/memory/chan-memory-pair.h"

#include "plugins/memory/chan-memory-stream.h"

ChanMemoryPair *
chan_memory_pair_new (ChanReactor *reactor)
{
  ChanMemoryPair *self = g_new0 (ChanMemoryPair, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->reactor = chan_reactor_ref (reactor);
  self->grants = g_array_new (FALSE, FALSE, sizeof (ChanMemoryGrant));
  return self;
}

ChanMemoryPair *
chan_memory_pair_ref (ChanMemoryPair *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_memory_pair_unref (ChanMemoryPair *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_reactor_unref (self->reactor);
  g_array_unref (self->grants);
  g_free (self);
}

static void
pair_deliver_grant (ChanMemoryPair *self, const ChanMemoryGrant *grant)
{
  ChanLink *link = (ChanLink *) self->ends[grant->side];
  ChanMemoryStream *stream = link != NULL ? chan_link_get_stream_data (link, grant->stream) : NULL;

  if (stream == NULL)
    return;
  if (grant->messages > 0)
    chan_link_deliver_grant (link, grant->stream, grant->bytes, grant->messages);
  else if (chan_memory_stream_granted (stream, grant->bytes))
    chan_link_deliver_room (link, grant->stream);
}

/* The end of one session is that of the other. */
static void
pair_deliver_end (ChanMemoryPair *self, guint side)
{
  g_autoptr (GError) lost = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The peer went away");

  if (!self->ended[!side] || self->told[side] || !self->started[side] || self->ends[side] == NULL)
    return;
  self->told[side] = TRUE;
  if (self->clean[!side])
    chan_link_hang_up (CHAN_LINK (self->ends[side]));
  else
    chan_link_fail (CHAN_LINK (self->ends[side]), lost);
}

/* No lock held. */
static void
pair_run (gpointer data)
{
  ChanMemoryPair *self = data;
  g_autoptr (GArray) grants = NULL;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  self->reactor->later = &later;
  self->queued = FALSE;
  if (self->grants->len > 0)
    {
      grants = g_steal_pointer (&self->grants);
      self->grants = g_array_new (FALSE, FALSE, sizeof (ChanMemoryGrant));
    }
  for (guint i = 0; grants != NULL && i < grants->len; i++)
    pair_deliver_grant (self, &g_array_index (grants, ChanMemoryGrant, i));
  pair_deliver_end (self, 0);
  pair_deliver_end (self, 1);
  chan_reactor_unlock (self->reactor, &later);
  chan_memory_pair_unref (self);
}

static void
pair_queue (ChanMemoryPair *self, ChanLater *later)
{
  if (self->queued)
    return;
  self->queued = TRUE;
  chan_later_add (later, pair_run, chan_memory_pair_ref (self));
}

void
chan_memory_pair_start (ChanMemoryPair *self, guint side)
{
  self->started[side] = TRUE;
  if (self->ended[!side])
    pair_queue (self, self->reactor->later);
  else if (self->started[!side])
    for (guint i = 0; i < 2; i++)
      chan_link_ready (CHAN_LINK (self->ends[i]));
}

void
chan_memory_pair_grant (ChanMemoryPair *self, const ChanMemoryGrant *grant, ChanLater *later)
{
  if (self->sending == 0 && self->grants->len == 0)
    {
      pair_deliver_grant (self, grant);
      return;
    }
  g_array_append_vals (self->grants, grant, 1);
  pair_queue (self, later);
}

void
chan_memory_pair_end (ChanMemoryPair *self, guint side, gboolean clean, ChanLater *later)
{
  /* Who only follows ends as the other did. */
  if (!self->ended[side])
    self->clean[side] = self->ended[!side] ? self->clean[!side] : clean;
  self->ended[side] = TRUE;
  pair_queue (self, later);
}
