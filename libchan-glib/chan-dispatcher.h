/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-poller.h"

G_BEGIN_DECLS

/* The poller of a GMainContext: one GSource, however many sessions and channels. */

/* Of the thread-default main context; made on first use. A new reference. */
ChanPoller *chan_dispatcher_ref_default (void);
ChanPoller *chan_dispatcher_ref_for_context (GMainContext *context);
/* The poller of a main context whose turn a blocking call of this thread holds up:
 * the one it is in, or its own thread-default. NULL: none. A new reference. */
ChanPoller *chan_dispatcher_ref_held_up (void);
/* The poller in whose turn this thread is: its prepare() will come, and flushes. NULL: none. */
ChanPoller *chan_dispatcher_get_running (void);
/* The reactor's output goes at the end of this thread's turn. FALSE: it is in none. Under the reactor's lock */
gboolean    chan_dispatcher_put_off     (ChanReactor *reactor);

G_END_DECLS
