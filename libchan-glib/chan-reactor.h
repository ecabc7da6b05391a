/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-poller.h"

G_BEGIN_DECLS

#define CHAN_EXTRA_FDS 2

/* The lock of a session, and the answer to "who reads its socket now": a
 * blocking caller, a main context, or the attendant; never two. See
 * docs/architecture.md, "Who does the I/O". */

typedef enum
{
  CHAN_HOLD_FREE,  /* nobody; noted for the attendant */
  CHAN_HOLD_HELD,  /* a blocking caller polls the fd */
  CHAN_HOLD_ARMED, /* `poller` watches the fd */
} ChanHold;

/* A thread that blocks. Lives on its stack. Guarded by the lock of what it waits for. */
typedef struct _ChanWaiter ChanWaiter;
struct _ChanWaiter
{
  ChanWaiter *next, *prev; /* in the reactor's ring */
  int event_fd;            /* the thread's */
  gboolean asleep;         /* in poll(), or about to be: needs a write to event_fd */
  gboolean holds;          /* polls the reactor's fd */
  gint noted;              /* atomic: to be looked at again; for one that spins before it sleeps */
};

typedef struct
{
  /* All under the lock. service: read, decode, deliver, write; FALSE: the fd
   * is no longer wanted. flush: write what waits. */
  void (*service) (gpointer owner, GIOCondition ready, ChanLater *later);
  void (*flush)   (gpointer owner, ChanLater *later);
} ChanReactorFuncs;

struct _ChanReactor
{
  gatomicrefcount ref_count;
  GMutex lock; /* "S". Order: S, then the own mutex of a pipe, only to attach it.
                * Never two S. Leaf locks (a poller's) may be taken under it. Guards: */
  const ChanReactorFuncs *funcs;
  gpointer owner;             /* borrowed; NULL when the owner is gone */
  int fd;                     /* -1: nothing to poll */
  const guint *extra_fds;     /* CHAN_EXTRA_FDS of the owner's besides it, each plus one; 0: none. NULL: none */
  gboolean accepts;           /* a listener's */
  GList fork_link;            /* chan-fork.c */
  GIOCondition want;
  gint64 deadline;            /* monotonic µs at which service() wants to be called; G_MAXINT64 */
  gint64 alarm_at;            /* when the attendant looks at that; G_MAXINT64: not */
  GSequenceIter *alarm;       /* in the attendant's list, under its lock; or NULL */
  ChanHold hold;
  ChanPoller *poller;         /* ARMED: by whom */
  ChanWaiter waiters;         /* ring of blocked threads */
  GArray *interests;          /* of ChanInterest: contexts with pending work, oldest first; or NULL */
  GPtrArray *watched_by;      /* pollers that know the fd; or NULL */
  gint64 free_since;
  gboolean at_attendant;      /* in the attendant's list of reactors to look after */
  gboolean urgent;            /* it need not wait to see whether somebody comes back */
  gboolean flush_queued;      /* in a poller's to_flush */
  gboolean lazy_output;       /* credit that nobody waits for: it goes with the next output */
  gboolean batched_output;    /* messages that wait for more of their kind, see chan_reactor_output_batched() */
  gboolean hold_back;         /* who serves now writes soon: service() need not */
  gboolean held_back;         /* and did not */
  gsize unwritten;            /* bytes of these, about */
  gint64 written_at;          /* monotonic µs of the last message */
  const char *sent_by;        /* the thread that sent it */
  gboolean sent;              /* and has not waited since */
  guint8 quick_waits;         /* how often in a row it waited at once */
  gboolean servicing;         /* in service(), which writes at its end */
  ChanLater *later;           /* of the caller who has the lock, for what comes up from a link */
};

ChanReactor *chan_reactor_new    (const ChanReactorFuncs *funcs, gpointer owner, int fd);
ChanReactor *chan_reactor_ref    (ChanReactor *self);
void         chan_reactor_unref  (ChanReactor *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ChanReactor, chan_reactor_unref)

static inline void
chan_reactor_lock (ChanReactor *self)
{
  g_mutex_lock (&self->lock);
}

/* Unlocks, then does what was put off. */
static inline void
chan_reactor_unlock (ChanReactor *self, ChanLater *later)
{
  g_mutex_unlock (&self->lock);
  chan_later_run (later);
}

/* --- under the lock --- */

/* What to poll for has changed. */
void chan_reactor_set_poll       (ChanReactor *self, GIOCondition want, gint64 deadline, ChanLater *later);
/* The fd is about to be closed: nobody polls it any more. */
void chan_reactor_close          (ChanReactor *self, ChanLater *later);
void chan_reactor_add_interest   (ChanReactor *self, ChanPoller *poller, ChanLater *later);
void chan_reactor_drop_interest  (ChanReactor *self, ChanPoller *poller, ChanLater *later);
/* There is output: written now, or at the end of this thread's turn of its main context. */
void chan_reactor_output         (ChanReactor *self, ChanLater *later);
/* The same for messages: in a burst they are written together, when 16 KiB are
 * there, this thread waits, or a millisecond has passed. The first goes at once,
 * but not what has no bytes: the end of a channel mostly follows a message. */
void chan_reactor_output_batched (ChanReactor *self, gsize bytes, ChanLater *later);
/* The same for what can wait a little: credit that is not urgent. */
void chan_reactor_output_soon    (ChanReactor *self, ChanLater *later);
void chan_reactor_flush_locked   (ChanReactor *self, ChanLater *later);
/* A thread is about to wait: what it put off must be on its way before it sleeps. */
void chan_reactor_begin_wait     (ChanReactor *self, ChanLater *later);
void chan_reactor_add_waiter     (ChanReactor *self, ChanWaiter *waiter);
void chan_reactor_remove_waiter  (ChanReactor *self, ChanWaiter *waiter, ChanLater *later);
/* Takes the right to poll the fd if nobody blocks in it. */
gboolean chan_reactor_try_hold   (ChanReactor *self, ChanWaiter *waiter);
void chan_reactor_do_service     (ChanReactor *self, GIOCondition ready, ChanLater *later);
void chan_waiter_wake            (ChanWaiter *waiter);
/* What who polls the fd has to wake up for: a time that is far is the attendant's
 * affair, for a timer in every poll() costs as much as poll() itself. */
gint64 chan_reactor_poll_deadline (ChanReactor *self, ChanLater *later);
/* By the attendant: takes over what nobody serves for so long. TRUE: look again. */
gboolean chan_reactor_attend     (ChanReactor *self, ChanPoller *attendant, gint64 patience_us, ChanLater *later);

/* --- no lock held --- */

/* Called by a poller whose fd is ready (or its time has come). Returns the deadline. */
gint64 chan_reactor_service_from (ChanReactor *self, ChanPoller *poller, GIOCondition ready);
void   chan_reactor_flush        (ChanReactor *self);
/* The time that was far has come, or may have. */
void   chan_reactor_ring         (ChanReactor *self);
/* A main context goes away. */
void   chan_reactor_leave_poller (ChanReactor *self, ChanPoller *poller);

G_END_DECLS
