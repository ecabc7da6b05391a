/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-accept-loop.h"

G_BEGIN_DECLS

/* How many sessions a listener has, in all and of each peer. No lock of its own. */

struct _ChanAcceptPeer
{
  char *name;       /* an address, or a user; NULL: not counted by peer */
  guint n_sessions;
};

typedef struct
{
  guint max_sessions, max_per_peer, n_sessions;
  GHashTable *peers; /* name → ChanAcceptPeer, those with sessions */
} ChanAcceptLimit;

void            chan_accept_limit_init   (ChanAcceptLimit *self, ChanOptions *options);
void            chan_accept_limit_clear  (ChanAcceptLimit *self);
/* Counts the connection. NULL: it is one too many. */
ChanAcceptPeer *chan_accept_limit_add    (ChanAcceptLimit *self, int fd);
void            chan_accept_limit_remove (ChanAcceptLimit *self, ChanAcceptPeer *peer);

G_END_DECLS
