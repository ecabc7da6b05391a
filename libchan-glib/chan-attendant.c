/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-attendant.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chan-fd-margin.h"
#include "chan-reactor.h"

/* How long a session may be between two blocking calls before the attendant
 * begins to watch it: longer than any pause inside a busy exchange, shorter
 * than what a peer would notice. */
#define PATIENCE_MS 50

/* How long it looks every millisecond after the last burst: waking it costs
 * more than looking a few times in vain. */
#define FAST_TICKS 20

typedef struct
{
  ChanPoller *poller;
  int wake_fd;
  gint missing;      /* atomic: the thread was left behind by fork() */
  GMutex lock;       /* leaf; guards: */
  GPtrArray *noted;  /* reactors to look after, each with a reference */
  gboolean ticking;  /* the thread wakes up every PATIENCE_MS */
  int fast;          /* atomic: or every millisecond, for batched output; how many times more */
  GArray *timers;    /* of AttendantTimer, unsorted: they are few */
  GSequence *alarms; /* of ChanReactor, each with a reference, by alarm_at */
} ChanAttendant;

typedef struct
{
  gint64 when;
  ChanLaterItem item;
} AttendantTimer;

static ChanAttendant *attendant;

static void
attendant_wake (ChanPoller *poller)
{
  static const guint64 one = 1;

  if (write (attendant->wake_fd, &one, sizeof one) < 0)
    g_critical ("libchan-glib: cannot wake the attendant");
}

static void
attendant_wake_later (gpointer data)
{
  attendant_wake (NULL);
}

/* TRUE: still to be looked after. */
static gboolean
attendant_look_after (ChanReactor *reactor)
{
  ChanLater later;
  gboolean keep;

  chan_later_init (&later);
  chan_reactor_lock (reactor);
  keep = chan_reactor_attend (reactor, attendant->poller, PATIENCE_MS * 1000, &later);
  if (!keep)
    reactor->at_attendant = FALSE;
  chan_reactor_unlock (reactor, &later);
  return keep;
}

static void
attendant_tick (void)
{
  g_autoptr (GPtrArray) batch = NULL;

  g_mutex_lock (&attendant->lock);
  batch = g_steal_pointer (&attendant->noted);
  attendant->noted = g_ptr_array_new ();
  g_mutex_unlock (&attendant->lock);
  for (guint i = 0; i < batch->len; i++)
    {
      ChanReactor *reactor = batch->pdata[i];

      if (attendant_look_after (reactor))
        {
          g_mutex_lock (&attendant->lock);
          g_ptr_array_add (attendant->noted, reactor);
          g_mutex_unlock (&attendant->lock);
        }
      else
        chan_reactor_unref (reactor);
    }
}

/* One timer that is due. */
static gboolean
take_due_timer (ChanLaterItem *ret_item)
{
  gint64 now = g_get_monotonic_time ();
  gboolean found = FALSE;

  g_mutex_lock (&attendant->lock);
  for (guint i = 0; i < attendant->timers->len && !found; i++)
    {
      AttendantTimer *timer = &g_array_index (attendant->timers, AttendantTimer, i);

      if (timer->when > now)
        continue;
      *ret_item = timer->item;
      g_array_remove_index_fast (attendant->timers, i);
      found = TRUE;
    }
  g_mutex_unlock (&attendant->lock);
  return found;
}

static gint64
first_alarm (void)
{
  GSequenceIter *first = g_sequence_get_begin_iter (attendant->alarms);

  return g_sequence_iter_is_end (first) ? G_MAXINT64 : ((ChanReactor *) g_sequence_get (first))->alarm_at;
}

/* One reactor whose alarm is due; its reference is the caller's. */
static ChanReactor *
take_due_alarm (void)
{
  gint64 now = g_get_monotonic_time ();
  ChanReactor *reactor = NULL;

  g_mutex_lock (&attendant->lock);
  if (first_alarm () <= now)
    {
      reactor = g_sequence_get (g_sequence_get_begin_iter (attendant->alarms));
      g_sequence_remove (reactor->alarm);
      reactor->alarm = NULL;
    }
  g_mutex_unlock (&attendant->lock);
  return reactor;
}

static int
attendant_timeout (void)
{
  gint64 deadline = chan_poller_get_deadline (attendant->poller);
  int timeout = -1;

  /* A turn of the run queue has a budget: what is left of it woke nobody. */
  if (chan_poller_has_queue (attendant->poller))
    return 0;
  g_mutex_lock (&attendant->lock);
  deadline = MIN (deadline, first_alarm ());
  for (guint i = 0; i < attendant->timers->len; i++)
    deadline = MIN (deadline, g_array_index (attendant->timers, AttendantTimer, i).when);
  attendant->ticking = attendant->noted->len > 0;
  if (attendant->ticking)
    timeout = g_atomic_int_get (&attendant->fast) > 0 ? 1 : PATIENCE_MS;
  g_mutex_unlock (&attendant->lock);
  if (deadline != G_MAXINT64)
    {
      gint64 wait_ms = CLAMP ((deadline - g_get_monotonic_time ()) / 1000 + 1, 1, G_MAXINT);

      timeout = timeout < 0 ? (int) wait_ms : (int) MIN (timeout, wait_ms);
    }
  return timeout;
}

static gpointer
attendant_main (gpointer data)
{
  sigset_t broken_pipe;

  /* It writes to pipes of the application (chan-fd-pump.c): EPIPE says enough. */
  sigemptyset (&broken_pipe);
  sigaddset (&broken_pipe, SIGPIPE);
  pthread_sigmask (SIG_BLOCK, &broken_pipe, NULL);
  for (;;)
    {
      ChanReactor *reactor;
      ChanLaterItem timer;
      guint64 count;

      chan_poller_service (attendant->poller, attendant_timeout ());
      while (read (attendant->wake_fd, &count, sizeof count) == sizeof count)
        continue;
      while (take_due_timer (&timer))
        timer.func (timer.data);
      while ((reactor = take_due_alarm ()) != NULL)
        {
          chan_reactor_ring (reactor);
          chan_reactor_unref (reactor);
        }
      /* Counted down before looking: who finds it 0 wakes us, who does not is looked at now. */
      if (g_atomic_int_get (&attendant->fast) > 0)
        g_atomic_int_add (&attendant->fast, -1);
      attendant_tick ();
      chan_poller_run (attendant->poller);
    }
  return NULL;
}

static gsize once = 0;

static ChanAttendant *
attendant_ensure (void)
{

  if (g_once_init_enter (&once))
    {
      struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };

      attendant = g_new0 (ChanAttendant, 1);
      g_mutex_init (&attendant->lock);
      attendant->noted = g_ptr_array_new ();
      attendant->timers = g_array_new (FALSE, FALSE, sizeof (AttendantTimer));
      attendant->alarms = g_sequence_new (NULL);
      attendant->poller = chan_poller_new (attendant_wake);
      attendant->wake_fd = chan_fd_new_event ();
      if (epoll_ctl (attendant->poller->epoll_fd, EPOLL_CTL_ADD, attendant->wake_fd, &event) < 0)
        g_error ("libchan-glib: cannot start the attendant: %s", g_strerror (errno));
      g_thread_unref (g_thread_new ("chan-attendant", attendant_main, NULL));
      g_once_init_leave (&once, 1);
    }
  if (g_atomic_int_get (&attendant->missing) && g_atomic_int_compare_and_exchange (&attendant->missing, TRUE, FALSE))
    g_thread_unref (g_thread_new ("chan-attendant", attendant_main, NULL));
  return attendant;
}

void
chan_attendant_before_fork (void)
{
  if (once != 0)
    g_mutex_lock (&attendant->lock);
}

void
chan_attendant_after_fork (void)
{
  if (once != 0)
    g_mutex_unlock (&attendant->lock);
}

void
chan_attendant_forked (void)
{
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
  int wake;

  if (once == 0)
    return;
  wake = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
  dup3 (wake, attendant->wake_fd, O_CLOEXEC);
  close (wake);
  epoll_ctl (attendant->poller->epoll_fd, EPOLL_CTL_ADD, attendant->wake_fd, &event);
  attendant->missing = TRUE;
  /* Those that were noted are the parent's (chan-fork.c); to give back references is not for now. */
  attendant->noted = g_ptr_array_new ();
  attendant->ticking = FALSE;
  attendant->fast = 0;
}

ChanPoller *
chan_attendant_get (void)
{
  return attendant_ensure ()->poller;
}

void
chan_attendant_note (ChanReactor *reactor, gboolean urgent, ChanLater *later)
{
  ChanAttendant *self = attendant_ensure ();
  gboolean wake = urgent;

  reactor->free_since = g_get_monotonic_time ();
  reactor->urgent = reactor->urgent || urgent;
  if (!reactor->at_attendant)
    {
      reactor->at_attendant = TRUE;
      g_mutex_lock (&self->lock);
      g_ptr_array_add (self->noted, chan_reactor_ref (reactor));
      wake = wake || !self->ticking;
      self->ticking = TRUE;
      g_mutex_unlock (&self->lock);
    }
  if (wake)
    chan_later_add (later, attendant_wake_later, NULL);
}

void
chan_attendant_note_batch (ChanReactor *reactor, ChanLater *later)
{
  ChanAttendant *self = attendant_ensure ();
  gboolean slow = g_atomic_int_exchange (&self->fast, FAST_TICKS) == 0;

  chan_attendant_note (reactor, FALSE, later);
  if (slow)
    chan_later_add (later, attendant_wake_later, NULL);
}

void
chan_attendant_call_at (gint64 when, ChanLaterFunc func, gpointer data, ChanLater *later)
{
  ChanAttendant *self = attendant_ensure ();
  AttendantTimer timer = { when, { func, data } };

  g_mutex_lock (&self->lock);
  g_array_append_val (self->timers, timer);
  g_mutex_unlock (&self->lock);
  chan_later_add (later, attendant_wake_later, NULL);
}

static int
compare_alarms (gconstpointer a, gconstpointer b, gpointer data)
{
  gint64 at = ((const ChanReactor *) a)->alarm_at;
  gint64 other = ((const ChanReactor *) b)->alarm_at;

  return at < other ? -1 : at > other;
}

void
chan_attendant_set_alarm (ChanReactor *reactor, gint64 when, ChanLater *later)
{
  ChanAttendant *self = attendant_ensure ();
  gboolean had, sooner = FALSE;

  g_mutex_lock (&self->lock);
  had = reactor->alarm != NULL;
  if (had)
    g_sequence_remove (reactor->alarm);
  reactor->alarm = NULL;
  reactor->alarm_at = when;
  if (when != G_MAXINT64)
    {
      sooner = when < first_alarm ();
      reactor->alarm = g_sequence_insert_sorted (self->alarms, reactor, compare_alarms, NULL);
    }
  g_mutex_unlock (&self->lock);
  if (when != G_MAXINT64 && !had)
    chan_reactor_ref (reactor);
  if (when == G_MAXINT64 && had)
    chan_later_add (later, (ChanLaterFunc) chan_reactor_unref, reactor);
  if (sooner)
    chan_later_add (later, attendant_wake_later, NULL);
}
