/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-reactor.h"
#include "chan-spin.h"

G_BEGIN_DECLS

/* The lock of something one waits for: its own, until it is attached to a
 * session; then the session's, for good. */
typedef struct
{
  GMutex own;
  ChanReactor *reactor; /* atomic; set once, under both locks; a reference */
  ChanSpinLuck luck;    /* under the lock */
} ChanGuard;

void chan_guard_init   (ChanGuard *self, ChanReactor *reactor);
void chan_guard_clear  (ChanGuard *self);
void chan_guard_lock   (ChanGuard *self);
void chan_guard_unlock (ChanGuard *self, ChanLater *later);

/* --- operations --- */

typedef enum
{
  CHAN_OP_IDLE,     /* not begun, or taken back */
  CHAN_OP_PENDING,  /* in a ring */
  CHAN_OP_FLYING,   /* send with capacity 0: the message is out, not yet taken */
  CHAN_OP_RESERVED, /* asynchronous receive: a message is kept for it */
  CHAN_OP_DONE,     /* item or error is set (or neither: the end) */
} ChanOpState;

/* A selection: operations in several rings, under several locks, of which
 * exactly one may end. Who is about to end one claims it first, and gives the
 * claim back if that was in vain; whoever could not claim it meanwhile leaves a
 * note, so that the owner looks again. */
typedef struct
{
  gint claimed, missed; /* both atomic */
} ChanClaim;

/* Something that waits in a ring, for a blocked thread or for a callback.
 * Guarded by the lock of the ring. */
typedef struct _ChanOp ChanOp;
struct _ChanOp
{
  ChanOp *next, *prev;
  ChanOpState state;
  ChanClaim *claim;   /* NULL: it is the only one */
  gboolean won;       /* of its selection */
  gboolean reserves;  /* receive: reserve only, the item is taken at finish */
  gboolean peeks;     /* receive: ends when there is something to take, and takes nothing */
  void (*wake) (ChanOp *self, ChanLater *later); /* when it stops waiting */
  void (*attached) (ChanOp *self, ChanReactor *reactor, ChanLater *later); /* what it waits for joined a session */
  gpointer item;
  guint64 number;     /* FLYING: ends when so many are taken */
  GError *error;
};

typedef struct
{
  ChanOp *first, *last;
} ChanOpRing;

void    chan_op_ring_append (ChanOpRing *ring, ChanOp *op);
void    chan_op_ring_remove (ChanOpRing *ring, ChanOp *op);
void    chan_op_ring_prepend (ChanOpRing *ring, ChanOp *op);
/* FALSE: another of its selection ends, or may. */
gboolean chan_op_claim      (ChanOp *op);
void    chan_op_unclaim     (ChanOp *op, ChanLater *later);
gboolean chan_op_is_claimable (ChanOp *op); /* now; the next moment may be another */
void    chan_op_attached    (ChanOp *op, ChanReactor *reactor, ChanLater *later);
/* Takes it from the ring and ends its wait. */
void    chan_op_end         (ChanOpRing *ring, ChanOp *op, ChanOpState state, ChanLater *later);

/* --- a blocked thread --- */

typedef struct
{
  ChanOp op;
  ChanWaiter waiter;
  gboolean spins;     /* for a moment before it sleeps: its peer is likely to be another thread that is busy with it */
} ChanSyncOp;

typedef enum
{
  CHAN_WAIT_ENDED,     /* op.state is RESERVED or DONE */
  CHAN_WAIT_CANCELLED,
  CHAN_WAIT_TIMED_OUT,
} ChanWaitResult;

/* The eventfd of this thread; -1 if the process can open no more. */
int            chan_wait_thread_fd (void);
/* Wakes the thread, unless it has none. */
void           chan_wait_ring (int fd);
/* The deadline, or a near one for a thread that cannot be woken. */
gint64         chan_wait_look_again_at (int fd, gint64 deadline);
/* In the child of a fork(). */
void           chan_wait_forked  (void);
void           chan_sync_op_init (ChanSyncOp *self);
/* Called and returns with the guard locked; the op is in a ring. Serves the
 * session's socket while it waits, if nobody else does. deadline: monotonic µs,
 * or 0 for none. */
ChanWaitResult chan_sync_op_wait (ChanSyncOp *self, ChanGuard *guard, gint64 deadline,
                                  GCancellable *cancellable, ChanLater *later);
/* Sets G_IO_ERROR_CANCELLED or G_IO_ERROR_TIMED_OUT. */
void           chan_wait_set_error (ChanWaitResult result, GError **error);

G_END_DECLS
