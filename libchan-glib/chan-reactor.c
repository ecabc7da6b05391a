/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-reactor.h"

#include <unistd.h>

#include "chan-attendant.h"
#include "chan-dispatcher.h"
#include "chan-fork.h"
#include "chan-live.h"
#include "chan-wait.h"

#define NEAR_US (2 * G_USEC_PER_SEC)

typedef struct
{
  ChanPoller *poller; /* a reference */
  guint count;
} ChanInterest;

static void
interest_clear (gpointer data)
{
  ChanInterest *interest = data;

  chan_poller_unref (interest->poller);
}

ChanReactor *
chan_reactor_new (const ChanReactorFuncs *funcs, gpointer owner, int fd)
{
  ChanReactor *self = g_new0 (ChanReactor, 1);

  chan_live_add (CHAN_LIVE_REACTOR, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  self->funcs = funcs;
  self->owner = owner;
  self->fd = fd;
  self->want = G_IO_IN;
  self->deadline = self->alarm_at = G_MAXINT64;
  self->waiters.next = self->waiters.prev = &self->waiters;
  chan_fork_add_reactor (self);
  return self;
}

ChanReactor *
chan_reactor_ref (ChanReactor *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_reactor_unref (ChanReactor *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_fork_remove_reactor (self);
  g_assert (self->waiters.next == &self->waiters);
  g_clear_pointer (&self->interests, g_array_unref);
  g_clear_pointer (&self->watched_by, g_ptr_array_unref);
  g_mutex_clear (&self->lock);
  chan_live_add (CHAN_LIVE_REACTOR, -1);
  g_free (self);
}

void
chan_waiter_wake (ChanWaiter *waiter)
{
  if (!waiter->asleep)
    return;
  waiter->asleep = FALSE;
  chan_wait_ring (waiter->event_fd);
}

gint64
chan_reactor_poll_deadline (ChanReactor *self, ChanLater *later)
{
  if (self->deadline == G_MAXINT64 || self->alarm_at <= self->deadline)
    return G_MAXINT64;
  if (self->deadline < g_get_monotonic_time () + NEAR_US)
    return self->deadline;
  chan_attendant_set_alarm (self, self->deadline, later);
  return G_MAXINT64;
}

void
chan_reactor_ring (ChanReactor *self)
{
  ChanPoller *poller = NULL;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self);
  if (self->alarm == NULL)
    self->alarm_at = G_MAXINT64;
  if (self->fd >= 0 && chan_reactor_poll_deadline (self, &later) != G_MAXINT64)
    {
      for (ChanWaiter *w = self->waiters.next; w != &self->waiters; w = w->next)
        if (w->holds)
          chan_waiter_wake (w);
      if (self->hold == CHAN_HOLD_ARMED)
        {
          poller = chan_poller_ref (self->poller);
          chan_poller_watch (poller, self, self->fd, self->want, self->deadline);
        }
    }
  chan_reactor_unlock (self, &later);
  if (poller == NULL)
    return;
  poller->wake (poller);
  chan_poller_unref (poller);
}

static void
reactor_watch (ChanReactor *self, ChanPoller *poller, ChanLater *later)
{
  self->hold = CHAN_HOLD_ARMED;
  self->poller = poller;
  if (self->watched_by == NULL)
    self->watched_by = g_ptr_array_new_with_free_func ((GDestroyNotify) chan_poller_unref);
  if (!g_ptr_array_find (self->watched_by, poller, NULL))
    g_ptr_array_add (self->watched_by, chan_poller_ref (poller));
  chan_poller_watch (poller, self, self->fd, self->want, chan_reactor_poll_deadline (self, later));
}

static void
reactor_disarm (ChanReactor *self)
{
  if (self->hold != CHAN_HOLD_ARMED)
    return;
  chan_poller_pause (self->poller, self, self->fd);
  self->poller = NULL;
  self->hold = CHAN_HOLD_FREE;
}

static ChanPoller *
reactor_home (ChanReactor *self)
{
  if (self->interests == NULL || self->interests->len == 0)
    return NULL;
  return g_array_index (self->interests, ChanInterest, 0).poller;
}

static void
poller_wake_later (gpointer data)
{
  ChanPoller *poller = data;

  poller->wake (poller);
  chan_poller_unref (poller);
}

/* Nobody polls: somebody must be found (rule 1.7: a promotion is never lost). */
static void
reactor_pass_on (ChanReactor *self, ChanLater *later)
{
  ChanPoller *home;

  if (self->hold != CHAN_HOLD_FREE || self->fd < 0)
    return;
  if (self->waiters.next != &self->waiters)
    {
      chan_waiter_wake (self->waiters.next);
      return;
    }
  home = reactor_home (self);
  if (home != NULL)
    {
      reactor_watch (self, home, later);
      if (self->alarm_at > self->deadline)
        chan_later_add (later, poller_wake_later, chan_poller_ref (home));
      return;
    }
  chan_attendant_note (self, (self->want & G_IO_OUT) != 0, later);
}

void
chan_reactor_set_poll (ChanReactor *self, GIOCondition want, gint64 deadline, ChanLater *later)
{
  gboolean sooner = deadline < self->deadline;

  if (want == self->want && !sooner)
    {
      self->deadline = deadline;
      return;
    }
  self->want = want;
  self->deadline = deadline;
  switch (self->hold)
    {
    case CHAN_HOLD_ARMED:
      chan_poller_watch (self->poller, self, self->fd, want, chan_reactor_poll_deadline (self, later));
      if (sooner && self->alarm_at > deadline)
        chan_later_add (later, poller_wake_later, chan_poller_ref (self->poller));
      break;
    case CHAN_HOLD_HELD:
      for (ChanWaiter *w = self->waiters.next; w != &self->waiters; w = w->next)
        if (w->holds)
          chan_waiter_wake (w);
      break;
    case CHAN_HOLD_FREE:
    default:
      reactor_pass_on (self, later);
      break;
    }
}

void
chan_reactor_close (ChanReactor *self, ChanLater *later)
{
  for (guint i = 0; self->watched_by != NULL && i < self->watched_by->len; i++)
    chan_poller_forget (self->watched_by->pdata[i], self, self->fd, later);
  g_clear_pointer (&self->watched_by, g_ptr_array_unref);
  self->poller = NULL;
  self->hold = CHAN_HOLD_FREE;
  self->fd = -1;
  self->extra_fds = NULL;
  self->deadline = G_MAXINT64;
  if (self->alarm_at != G_MAXINT64)
    chan_attendant_set_alarm (self, G_MAXINT64, later);
  for (ChanWaiter *w = self->waiters.next; w != &self->waiters; w = w->next)
    {
      w->holds = FALSE;
      chan_waiter_wake (w);
    }
}

void
chan_reactor_add_interest (ChanReactor *self, ChanPoller *poller, ChanLater *later)
{
  ChanInterest added = { poller, 1 };

  if (self->interests == NULL)
    {
      self->interests = g_array_sized_new (FALSE, FALSE, sizeof (ChanInterest), 1);
      g_array_set_clear_func (self->interests, interest_clear);
    }
  for (guint i = 0; i < self->interests->len; i++)
    {
      ChanInterest *interest = &g_array_index (self->interests, ChanInterest, i);

      if (interest->poller == poller)
        {
          interest->count++;
          return;
        }
    }
  chan_poller_ref (poller);
  g_array_append_val (self->interests, added);
  /* The attendant gives way to a context at once, and so does a context that has no interest left: perhaps nobody
   * iterates it any more. */
  if (self->hold == CHAN_HOLD_ARMED && (g_atomic_pointer_get (&self->poller->context) == NULL || reactor_home (self) == poller))
    reactor_disarm (self);
  reactor_pass_on (self, later);
}

void
chan_reactor_drop_interest (ChanReactor *self, ChanPoller *poller, ChanLater *later)
{
  for (guint i = 0; self->interests != NULL && i < self->interests->len; i++)
    {
      ChanInterest *interest = &g_array_index (self->interests, ChanInterest, i);

      if (interest->poller != poller)
        continue;
      if (--interest->count > 0)
        return;
      /* Disarmed lazily if it is the only one: another operation is likely
       * (service_from() notices a spurious dispatch). */
      if (self->interests->len > 1 && self->hold == CHAN_HOLD_ARMED && self->poller == poller)
        {
          reactor_disarm (self);
          g_array_remove_index (self->interests, i);
          reactor_pass_on (self, later);
        }
      else
        {
          g_array_remove_index (self->interests, i);
          if (self->hold == CHAN_HOLD_ARMED)
            chan_attendant_note (self, FALSE, later);
        }
      return;
    }
}

void
chan_reactor_add_waiter (ChanReactor *self, ChanWaiter *waiter)
{
  waiter->prev = self->waiters.prev;
  waiter->next = &self->waiters;
  self->waiters.prev->next = waiter;
  self->waiters.prev = waiter;
}

void
chan_reactor_remove_waiter (ChanReactor *self, ChanWaiter *waiter, ChanLater *later)
{
  waiter->prev->next = waiter->next;
  waiter->next->prev = waiter->prev;
  waiter->next = waiter->prev = NULL;
  if (waiter->holds)
    {
      waiter->holds = FALSE;
      self->hold = CHAN_HOLD_FREE;
    }
  reactor_pass_on (self, later);
}

gboolean
chan_reactor_try_hold (ChanReactor *self, ChanWaiter *waiter)
{
  if (waiter->holds)
    return TRUE;
  if (self->fd < 0 || self->hold == CHAN_HOLD_HELD)
    return FALSE;
  reactor_disarm (self);
  self->hold = CHAN_HOLD_HELD;
  waiter->holds = TRUE;
  return TRUE;
}

void
chan_reactor_do_service (ChanReactor *self, GIOCondition ready, ChanLater *later)
{
  if (self->owner == NULL || self->fd < 0)
    return;
  self->servicing = TRUE;
  self->held_back = FALSE;
  self->funcs->service (self->owner, ready, later);
  self->servicing = self->hold_back = FALSE;
}

gint64
chan_reactor_service_from (ChanReactor *self, ChanPoller *poller, GIOCondition ready)
{
  ChanLater later;
  gint64 deadline = G_MAXINT64;

  chan_later_init (&later);
  chan_reactor_lock (self);
  if (self->hold == CHAN_HOLD_ARMED && self->poller == poller)
    {
      if (ready != 0 || self->deadline <= g_get_monotonic_time ())
        {
          /* Callbacks of this turn will add to it. */
          self->hold_back = g_atomic_pointer_get (&poller->context) != NULL && chan_dispatcher_get_running () == poller;
          chan_reactor_do_service (self, ready, &later);
          if (self->held_back)
            chan_reactor_output (self, &later);
        }
      /* The last interest may be gone: then the attendant's turn begins. */
      if (g_atomic_pointer_get (&poller->context) != NULL && self->hold == CHAN_HOLD_ARMED && reactor_home (self) != poller)
        {
          reactor_disarm (self);
          reactor_pass_on (self, &later);
        }
      else
        deadline = chan_reactor_poll_deadline (self, &later);
    }
  chan_reactor_unlock (self, &later);
  return deadline;
}

gboolean
chan_reactor_attend (ChanReactor *self, ChanPoller *attendant, gint64 patience_us, ChanLater *later)
{
  if (self->fd < 0)
    return FALSE;
  /* Its sender did not wait after all. */
  if (self->batched_output)
    {
      self->quick_waits = 0;
      chan_reactor_flush_locked (self, later);
    }
  if (!self->urgent && g_get_monotonic_time () - self->free_since < patience_us)
    return TRUE;
  self->urgent = FALSE;
  if (self->flush_queued || self->lazy_output)
    chan_reactor_flush_locked (self, later);
  /* A main context whose last operation ended is not waited for. */
  if (self->hold == CHAN_HOLD_ARMED && self->poller != attendant && reactor_home (self) == NULL)
    reactor_disarm (self);
  /* What was flushed may have ended the session. */
  if (self->hold == CHAN_HOLD_FREE && self->fd >= 0)
    reactor_watch (self, attendant, later);
  return FALSE;
}

void
chan_reactor_leave_poller (ChanReactor *self, ChanPoller *poller)
{
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self);
  if (self->watched_by != NULL && g_ptr_array_find (self->watched_by, poller, NULL))
    {
      if (self->hold == CHAN_HOLD_ARMED && self->poller == poller)
        reactor_disarm (self);
      for (guint i = 0; self->interests != NULL && i < self->interests->len; i++)
        if (g_array_index (self->interests, ChanInterest, i).poller == poller)
          {
            g_array_remove_index (self->interests, i);
            break;
          }
      chan_poller_forget (poller, self, self->fd, &later);
      g_ptr_array_remove (self->watched_by, poller);
      reactor_pass_on (self, &later);
    }
  chan_reactor_unlock (self, &later);
}
