/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libchan-glib/chan-reactor.h"
#include "plugins/memory/chan-memory-link.h"

G_BEGIN_DECLS

/* What the two links of a memory session share.
 *
 * Most events are delivered at once, inside the slot. Two kinds must not be,
 * since the caller of the slot has not yet noted what it did: what the peer
 * took, while its message is still being sent, and the end of the session.
 * These wait until the lock was given up. */

typedef struct
{
  guint side;         /* who is told */
  guint64 stream;     /* its number there */
  gsize bytes;
  guint messages;
} ChanMemoryGrant;

typedef struct
{
  gatomicrefcount ref_count;
  ChanReactor *reactor;     /* its lock guards everything below */
  ChanMemoryLink *ends[2];  /* borrowed; NULL: gone */
  gboolean started[2];      /* its session is there */
  gboolean ended[2];        /* its session ends: the other one must */
  gboolean clean[2];        /* it ended by draining */
  gboolean told[2];         /* that the other side ended */
  guint sending;            /* how many send and write slots are running */
  gboolean queued;          /* chan_memory_pair_run() will be called */
  GArray *grants;           /* of ChanMemoryGrant, that wait */
} ChanMemoryPair;

ChanMemoryPair *chan_memory_pair_new   (ChanReactor *reactor);
ChanMemoryPair *chan_memory_pair_ref   (ChanMemoryPair *self);
void            chan_memory_pair_unref (ChanMemoryPair *self);

/* --- under the lock --- */

void chan_memory_pair_start (ChanMemoryPair *self, guint side);
void chan_memory_pair_grant (ChanMemoryPair *self, const ChanMemoryGrant *grant, ChanLater *later);
void chan_memory_pair_end   (ChanMemoryPair *self, guint side, gboolean clean, ChanLater *later);

G_END_DECLS
