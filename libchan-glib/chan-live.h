/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/* How many there are of what the library makes, for its tests, in builds for debugging alone (the option `debug` of
 * Meson): the conformance suite sees after each test that they are as few as before. Messages are left out, whose
 * number is the library's speed; what they carry is counted. */

#define CHAN_LIVE_QUARK "chan-live-counts" /* of CHAN_TYPE_SENDER: the counts, up to the one without a name */

typedef struct
{
  const char *name;
  int n; /* atomic */
} ChanLiveCount;

typedef enum
{
  CHAN_LIVE_SENDER,
  CHAN_LIVE_RECEIVER,
  CHAN_LIVE_SESSION,
  CHAN_LIVE_LINK,
  CHAN_LIVE_OPERATION,
  CHAN_LIVE_BYTE_STREAM,
  CHAN_LIVE_FD,
  CHAN_LIVE_PIPE,
  CHAN_LIVE_SESSION_CORE,
  CHAN_LIVE_STREAM,
  CHAN_LIVE_REACTOR,
  CHAN_LIVE_RELAY,
  CHAN_LIVE_SPLICE,
  CHAN_LIVE_PUMP,
  CHAN_LIVE_N,
} ChanLiveKind;

#ifdef CHAN_COUNT_LIVE
extern ChanLiveCount chan_live_counts[CHAN_LIVE_N + 1];

/* Before the first of them is there. */
void chan_live_publish (GType sender_type);

static inline void
chan_live_add (ChanLiveKind kind, int n)
{
  g_atomic_int_add (&chan_live_counts[kind].n, n);
}
#else
#define chan_live_publish(sender_type) G_STMT_START { } G_STMT_END
#define chan_live_add(kind, n) G_STMT_START { } G_STMT_END
#endif

G_END_DECLS
