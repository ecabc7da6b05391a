/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "chan-later.h"

G_BEGIN_DECLS

/* One epoll set with a run queue: a GMainContext has one (chan-dispatcher), and
 * the attendant thread has one. It watches the reactors that nobody is
 * serving by a blocking call, and runs completions in its thread. */

typedef struct _ChanPoller ChanPoller;
typedef struct _ChanReactor ChanReactor;
typedef struct _ChanRunItem ChanRunItem;

/* Intrusive entry of a run queue: run() is called once per queueing, in the
 * poller's thread, without locks. */
struct _ChanRunItem
{
  ChanRunItem *next;
  void (*run) (ChanRunItem *self);
  gboolean queued; /* guarded by the poller's lock */
};

struct _ChanPoller
{
  gatomicrefcount ref_count;
  int epoll_fd;
  void (*wake) (ChanPoller *self); /* any thread, no lock held */
  GMainContext *context;           /* borrowed; atomic; NULL: the attendant, or the context is gone */

  GMutex lock;                     /* leaf: nothing is called under it. Guards: */
  GHashTable *reactors;            /* set of ChanReactor, each with a reference */
  gint64 next_deadline;            /* lower bound of the reactors' deadlines; G_MAXINT64 */
  ChanRunItem *run_head, **run_tail;
  int wake_fd;                     /* an eventfd in the epoll set; -1: woken otherwise */
  gboolean woken;                  /* it was written to */
  GList fork_link;                 /* chan-fork.c */
  GPtrArray *to_flush;             /* reactors with coalesced output, each with a reference */
};

ChanPoller *chan_poller_new         (void (*wake) (ChanPoller *self));
/* Makes the epoll set ready by wake_fd; chan_poller_service() ends that. */
void        chan_poller_add_wake_fd (ChanPoller *self);
void        chan_poller_ring        (ChanPoller *self);
/* In the child of a fork(), with the lock: all its descriptors are replaced. */
void        chan_poller_forked      (ChanPoller *self);
ChanPoller *chan_poller_ref         (ChanPoller *self);
void        chan_poller_unref       (ChanPoller *self);

/* Under the reactor's lock */
void        chan_poller_watch       (ChanPoller *self, ChanReactor *reactor, int fd, GIOCondition want, gint64 deadline);
void        chan_poller_pause       (ChanPoller *self, ChanReactor *reactor, int fd);
void        chan_poller_forget      (ChanPoller *self, ChanReactor *reactor, int fd, ChanLater *later);

/* Any lock held; wakes through later. */
void        chan_poller_queue       (ChanPoller *self, ChanRunItem *item, ChanLater *later);
/* Takes it back, if it is queued. */
void        chan_poller_unqueue     (ChanPoller *self, ChanRunItem *item);
gboolean    chan_poller_has_queue   (ChanPoller *self);

/* For chan_poller_flush(). Under the reactor's lock, and that of the contexts */
void        chan_poller_put_off     (ChanPoller *self, ChanReactor *reactor);

/* In the poller's thread, no lock held. */
void        chan_poller_service     (ChanPoller *self, int timeout_ms);
gboolean    chan_poller_run         (ChanPoller *self); /* TRUE: more is queued */
void        chan_poller_flush       (ChanPoller *self);
gint64      chan_poller_get_deadline (ChanPoller *self);

G_END_DECLS
