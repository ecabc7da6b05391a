/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-reactor.h"

G_BEGIN_DECLS

/* fork(): the child has copies of the descriptors of all sessions, and of the
 * epoll sets of all main contexts, but what it did to them would happen to its
 * parent's. So in the child each is replaced at once: a session's connection by
 * one that has ended, a listener by one where nobody comes, an epoll set and an
 * eventfd by new ones. Sessions that are made in the child are whole.
 *
 * No lock of the library is held by another thread at the moment of the fork. */

void  chan_fork_add_reactor    (ChanReactor *reactor);
void  chan_fork_remove_reactor (ChanReactor *reactor);
void  chan_fork_add_poller     (ChanPoller *poller);
void  chan_fork_remove_poller  (ChanPoller *poller);
/* How many forks lie between the first process and this one. */
guint chan_fork_generation     (void);

G_END_DECLS
