/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-stream.h"

G_BEGIN_DECLS

/* What a stream brought and nobody has taken when the stream is over: it stays
 * in the queue of its pipe, and stays counted as the session's unread bytes
 * (docs/architecture.md, "Backpressure"). Else a peer that resets its streams
 * could fill the memory. File descriptors count apart from then on, for the peer
 * has forgotten them: as many may stay as it has credit for, and a queue with
 * more is cut off there. Everything under the session's lock. */

/* The session, as long as it lives: queues may outlive it. */
typedef struct _ChanLeftoverHome ChanLeftoverHome;
struct _ChanLeftoverHome
{
  gatomicrefcount ref_count;
  ChanSessionCore *session; /* borrowed; NULL: it has ended */
  GQueue pipes;             /* ChanPipe, references: which have leftovers, the oldest first */
};

void     chan_leftover_home_unref (ChanLeftoverHome *self);
/* The session has ended: what it left in queues is no longer counted. */
void     chan_leftover_home_left  (ChanLeftoverHome *self, ChanLater *later);
/* All that is left in the queue which has waited longest is dropped; what its receiver gets is the error. FALSE: there is none. */
gboolean chan_leftover_drop_oldest (ChanSessionCore *session, const GError *error, ChanLater *later);

/* The stream is about to be forgotten by its link. */
void     chan_leftover_begin      (ChanStream *stream, ChanLater *later);
/* Gives nothing back. Any lock may be held. */
void     chan_leftover_free       (ChanLeftover *self);
/* So much of it left the queue. TRUE: that was the last of it, and self is freed. */
gboolean chan_leftover_took       (ChanLeftover *self, gsize bytes, guint n_messages, ChanLater *later);

G_END_DECLS
