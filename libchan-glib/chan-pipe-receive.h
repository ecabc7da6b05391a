/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-pipe-private.h"

G_BEGIN_DECLS

/* Taking one item of a pipe, blocking and asynchronous: for receivers, and for
 * the queues of incoming channels and sessions. No lock held. */

/* Under the lock: may the source receive now? */
typedef gboolean (*ChanReceiveCheck) (gpointer source, GError **error);

/* NULL without error: the end */
gpointer chan_pipe_receive        (ChanPipe *self, gpointer source, ChanReceiveCheck check, gint64 deadline,
                                   GCancellable *cancellable, GError **error);
void     chan_pipe_receive_async  (ChanPipe *self, gpointer source, ChanReceiveCheck check, gpointer tag,
                                   GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data);
gpointer chan_pipe_receive_finish (ChanPipe *self, gpointer source, gpointer tag, gpointer result, GError **error);
/* Until something can be taken, the end included; takes nothing. */
gboolean chan_pipe_wait_readable  (ChanPipe *self, gpointer source, ChanReceiveCheck check, gint64 deadline, GCancellable *cancellable);

G_END_DECLS
