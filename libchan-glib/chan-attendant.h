/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-poller.h"

G_BEGIN_DECLS

/* One thread of the library, started at first need, that looks after reactors
 * which nobody serves: left-over output, keepalive, handshakes of incoming
 * sessions, draining. It never runs code of the application. */

/* Under the reactor's lock: nobody serves it (or its output waits for a main
 * context). Taken over after 50 ms, or at once if urgent. */
void        chan_attendant_note (ChanReactor *reactor, gboolean urgent, ChanLater *later);
/* The same: it has batched output, to be written in about a millisecond. */
void        chan_attendant_note_batch (ChanReactor *reactor, ChanLater *later);
ChanPoller *chan_attendant_get  (void);
/* Around fork(): its thread does not exist in the child, and is started again at need. */
void        chan_attendant_before_fork (void);
void        chan_attendant_after_fork  (void);
void        chan_attendant_forked      (void);
/* Under the reactor's lock: chan_reactor_ring() is called at `when`, instead of
 * any earlier or later time set before; G_MAXINT64: never. */
void        chan_attendant_set_alarm (ChanReactor *reactor, gint64 when, ChanLater *later);
/* Calls func once at (about) the monotonic time `when`, without locks. Any lock may be held. */
void        chan_attendant_call_at (gint64 when, ChanLaterFunc func, gpointer data, ChanLater *later);

G_END_DECLS
