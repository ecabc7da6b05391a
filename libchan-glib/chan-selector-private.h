/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-async-result.h"
#include "chan-pipe-private.h"
#include "chan-selector.h"

G_BEGIN_DECLS

/* A select waits in the ring of each of its channels, like any other who waits,
 * with one claim for all: so those who came first are served first, and what
 * happens to one of the operations happens to no other. */

typedef struct
{
  ChanOp op;            /* in the pipe's ring while it waits, then guarded by its lock */
  ChanSelector *selector;
  GObject *end;         /* a ChanReceiver or ChanSender, with a reference; NULL: removed */
  ChanPipe *pipe;       /* the end's */
  ChanMessage *message; /* to send; NULL: receives, or has nothing to send now */
  gboolean sends;
  ChanMessage *packed;  /* the message while it waits */
  ChanReactor *interest; /* asynchronous: the session that is homed; a reference */
} ChanSelectorCase;

struct _ChanSelector
{
  gatomicrefcount ref_count;
  GPtrArray *cases;
  ChanClaim claim;
  guint turn;           /* the case that is looked at first next time */
  gint waiting;         /* atomic: until it is finished. Who set it may touch the rest */
  ChanMessage *message; /* what the last wait brought */
  GError *error;
  /* Somebody ended one of the operations, or could not: any lock may be held. */
  void (*wake) (ChanSelector *self, ChanLater *later);
  int event_fd;         /* blocking: the thread's */
  gint woken;           /* atomic: it was written to */
  ChanAsyncResult *result; /* asynchronous; borrowed: it owns the selector */
};

/* FALSE: nothing to wait for, or it waits already; then nothing of it may be touched. */
/* Says that it waits; FALSE if it cannot. Whoever entered leaves. */
gboolean          chan_selector_enter    (ChanSelector *self, GError **error);
void              chan_selector_leave    (ChanSelector *self);
/* After the one above, and when `wake` is set. */
void              chan_selector_begin (ChanSelector *self);
/* Which operation ended, or NULL; looks again at all if one could not be claimed meanwhile. */
ChanSelectorCase *chan_selector_look  (ChanSelector *self);
/* Nothing has happened and nothing will. FALSE: too late. */
gboolean          chan_selector_give_up (ChanSelector *self);
/* None waits any more; handles that were to be sent are where they belong. */
void              chan_selector_end   (ChanSelector *self);
/* Keeps what the operation brought, for steal_message(). */
int               chan_selector_conclude (ChanSelector *self, ChanSelectorCase *winner);

G_END_DECLS
