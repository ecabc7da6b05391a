/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-relay.h"

#include "chan-handle.h"
#include "chan-live.h"
#include "chan-stream.h"

/* One runner at a time, whoever is there: the thread in which one of the two
 * pipes became ready. Pops under the source's lock, pushes under the target's,
 * never holds both. Lives until both pipes have ended. */

typedef enum
{
  RELAY_IDLE,
  RELAY_RUNNING,
  RELAY_AGAIN, /* something happened while it ran */
} RelayState;

struct _ChanRelay
{
  gatomicrefcount ref_count; /* one for each watch, one while on the way to a run */
  ChanPipe *from;            /* we are its receiver */
  ChanPipe *to;              /* we are its sender */
  ChanWatch from_watch, to_watch; /* under the pipe's lock */
  gint state;                /* RelayState, atomic */
  gpointer held;             /* taken from `from`, not yet accepted by `to`; the runner's */
  ChanPipe *other_from, *other_to; /* of the relay of the other direction; references; NULL: there is none */
};

static void
relay_unref (gpointer data)
{
  ChanRelay *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_pipe_unref (self->from);
  chan_pipe_unref (self->to);
  g_clear_pointer (&self->other_from, chan_pipe_unref);
  g_clear_pointer (&self->other_to, chan_pipe_unref);
  chan_live_add (CHAN_LIVE_RELAY, -1);
  g_free (self);
}

typedef enum { RELAY_WAIT, RELAY_MORE, RELAY_OVER } RelayStep;

/* Whether `to` can take no more; then `from` hears why. */
static gboolean
pass_back (ChanPipe *from, ChanPipe *to)
{
  g_autoptr (GError) error = NULL;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (to);
  if (to->sender_error != NULL)
    error = g_error_copy (to->sender_error);
  chan_pipe_unlock (to, &later);
  if (error == NULL)
    return FALSE;
  chan_pipe_lock (from);
  chan_pipe_close_receiver (from, error->domain == CHAN_CHANNEL_ERROR ? (ChanChannelError) error->code : CHAN_CHANNEL_ERROR_CLOSED,
                            error->message, &later);
  chan_pipe_unlock (from, &later);
  return TRUE;
}

/* Both directions of an end: the target's goes back to the source... */
static gboolean
relay_target_gone (ChanRelay *self)
{
  return pass_back (self->from, self->to);
}

/* ...and the source's on to the target. An error ends a whole byte stream, both
 * ways: what its other direction knows by then is passed on before, for that
 * came first, and its relay may run in another thread. */
static void
relay_end (ChanRelay *self, ChanTake take, const GError *error)
{
  ChanLater later;

  if (take != CHAN_TAKE_CLOSED && self->other_to != NULL)
    pass_back (self->other_from, self->other_to);
  chan_later_init (&later);
  chan_pipe_lock (self->to);
  if (take == CHAN_TAKE_CLOSED)
    chan_pipe_close_sender (self->to, &later);
  else
    chan_pipe_fail_sender (self->to, error, FALSE, &later);
  chan_pipe_unlock (self->to, &later);
}

static ChanTake
relay_take (ChanRelay *self, GError **error)
{
  ChanTake take;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->from);
  take = chan_pipe_take (self->from, FALSE, &self->held, &later, error);
  chan_pipe_unlock (self->from, &later);
  return take;
}

/* Handles of a message are carried on by relays of their own. */
static ChanMessage *
relay_repack (ChanRelay *self, ChanMessage *message, GError **error)
{
  ChanMessage *packed;

  if (chan_message_get_n_handles (message) == 0)
    return message;
  chan_message_arrived (message);
  packed = chan_message_pack (message, self->to, error);
  if (packed == NULL)
    return NULL;
  chan_message_commit (message);
  chan_message_unref (message);
  return packed;
}

static RelayStep
relay_put (ChanRelay *self)
{
  g_autoptr (GError) error = NULL;
  ChanAccept accept = CHAN_ACCEPT_FAILED;
  gpointer item = g_steal_pointer (&self->held);
  ChanLater later;

  if (self->from->kind == CHAN_ITEM_MESSAGE)
    {
      ChanMessage *packed = relay_repack (self, item, &error);

      if (packed == NULL)
        chan_message_unref (item);
      item = packed;
    }
  chan_later_init (&later);
  chan_pipe_lock (self->to);
  if (item != NULL)
    accept = chan_pipe_accept (self->to, item, &later, &error);
  if (accept == CHAN_ACCEPT_WAIT)
    self->held = item;
  else if (accept == CHAN_ACCEPT_FAILED)
    {
      if (item != NULL)
        chan_pipe_drop_item (self->to, item, &later);
      /* If the target just closed, that is passed back: an error would end the other direction of a byte stream too. */
      if (self->to->sender_error == NULL)
        chan_pipe_fail_sender (self->to, error, FALSE, &later);
    }
  chan_pipe_unlock (self->to, &later);
  return accept == CHAN_ACCEPT_WAIT ? RELAY_WAIT : RELAY_MORE;
}

static RelayStep
relay_step (ChanRelay *self)
{
  g_autoptr (GError) error = NULL;
  ChanTake take;

  if (relay_target_gone (self))
    return RELAY_OVER;
  if (self->held == NULL)
    {
      if (!chan_pipe_may_forward (self->from, self->to, NULL))
        return RELAY_WAIT;
      take = relay_take (self, &error);
      if (take == CHAN_TAKE_EMPTY)
        return RELAY_WAIT;
      if (take != CHAN_TAKE_MESSAGE)
        {
          relay_end (self, take, error);
          return RELAY_OVER;
        }
    }
  return relay_put (self);
}

static void
relay_stop (ChanRelay *self)
{
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->from);
  chan_pipe_remove_watch (self->from, &self->from_watch);
  chan_pipe_close_receiver (self->from, CHAN_CHANNEL_ERROR_CLOSED, "The channel's other end is gone", &later);
  chan_pipe_unlock (self->from, &later);
  chan_pipe_lock (self->to);
  chan_pipe_remove_watch (self->to, &self->to_watch);
  chan_pipe_unlock (self->to, &later);
  if (self->held != NULL)
    {
      chan_pipe_drop_item (self->from, g_steal_pointer (&self->held), &later);
      chan_later_run (&later);
    }
  relay_unref (self);
  relay_unref (self);
}

static void
relay_run (gpointer data)
{
  ChanRelay *self = data;
  RelayStep step = RELAY_WAIT;

  /* Somebody runs already: he looks again. */
  if (!g_atomic_int_compare_and_exchange (&self->state, RELAY_IDLE, RELAY_RUNNING))
    {
      g_atomic_int_compare_and_exchange (&self->state, RELAY_RUNNING, RELAY_AGAIN);
      if (!g_atomic_int_compare_and_exchange (&self->state, RELAY_IDLE, RELAY_RUNNING))
        {
          relay_unref (self);
          return;
        }
    }
  do
    {
      g_atomic_int_set (&self->state, RELAY_RUNNING);
      while ((step = relay_step (self)) == RELAY_MORE)
        continue;
    }
  while (step != RELAY_OVER && !g_atomic_int_compare_and_exchange (&self->state, RELAY_RUNNING, RELAY_IDLE));
  /* An ended relay stays RUNNING: nobody runs it again. */
  if (step == RELAY_OVER)
    relay_stop (self);
  relay_unref (self);
}

static void
relay_schedule (ChanRelay *self, ChanLater *later)
{
  g_atomic_ref_count_inc (&self->ref_count);
  chan_later_add (later, relay_run, self);
}

static void
from_notify (ChanWatch *watch, ChanLater *later)
{
  relay_schedule ((ChanRelay *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanRelay, from_watch)), later);
}

static void
to_notify (ChanWatch *watch, ChanLater *later)
{
  relay_schedule ((ChanRelay *) ((guint8 *) watch - G_STRUCT_OFFSET (ChanRelay, to_watch)), later);
}

static void
relay_start (gpointer data)
{
  ChanRelay *self = data;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->from);
  if (self->from->receiver_side == CHAN_SIDE_RESERVED)
    self->from->receiver_side = CHAN_SIDE_LOCAL;
  chan_pipe_add_watch (self->from, &self->from_watch);
  chan_pipe_wanted (self->from, &later);
  chan_pipe_unlock (self->from, &later);
  chan_pipe_lock (self->to);
  if (self->to->sender_side == CHAN_SIDE_RESERVED)
    self->to->sender_side = CHAN_SIDE_LOCAL;
  self->to->copied = self->to->forwarded = TRUE;
  chan_pipe_add_watch (self->to, &self->to_watch);
  chan_pipe_unlock (self->to, &later);
  g_atomic_int_set (&self->state, RELAY_IDLE);
  relay_run (self);
}

/* Takes over both references. */
static ChanRelay *
relay_new (ChanPipe *from, ChanPipe *to, ChanLater *later)
{
  ChanRelay *self = g_new0 (ChanRelay, 1);

  chan_live_add (CHAN_LIVE_RELAY, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_atomic_ref_count_inc (&self->ref_count);
  g_atomic_ref_count_inc (&self->ref_count);
  self->from = from;
  self->to = to;
  self->from_watch.notify = from_notify;
  self->to_watch.notify = to_notify;
  self->to_watch.of_sender = TRUE;
  /* Until both watches are there, nobody runs it and perhaps ends it. */
  self->state = RELAY_RUNNING;
  chan_later_add (later, relay_start, self);
  return self;
}

void
chan_relay_join (ChanRelay *a, ChanRelay *b)
{
  a->other_from = chan_pipe_ref (b->from);
  a->other_to = chan_pipe_ref (b->to);
  b->other_from = chan_pipe_ref (a->from);
  b->other_to = chan_pipe_ref (a->to);
}

ChanRelay *
chan_relay_export (ChanPipe *pipe, gboolean sender, ChanStream *stream, ChanReactor *reactor, ChanLater *later)
{
  ChanPipe *fresh = chan_pipe_core_new (pipe->kind, pipe->capacity, reactor);

  if (sender)
    {
      fresh->receiver_side = CHAN_SIDE_LOCAL;
      chan_stream_bind_in (stream, fresh, later);
      return relay_new (fresh, chan_pipe_ref (pipe), later);
    }
  fresh->sender_side = CHAN_SIDE_LOCAL;
  chan_stream_bind_out (stream, fresh, later);
  return relay_new (chan_pipe_ref (pipe), fresh, later);
}
