/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* An asynchronous operation waited for in a main context of its own: the
 * caller's is not iterated. */
typedef struct
{
  GMainContext *context;
  GAsyncResult *result;
  GCancellable *limit;     /* given to the operation */
  GCancellable *cancellable;
  gulong cancel_id;
  GSource *timeout;
  gboolean timed_out;
} ChanBlock;

/* Gives what the operation is to be cancelled with: the deadline, 0 for none, and the caller's own. */
GCancellable *chan_block_begin   (ChanBlock *self, gint64 deadline, GCancellable *cancellable);
void          chan_block_done    (GObject *source, GAsyncResult *result, gpointer block);
GAsyncResult *chan_block_end     (ChanBlock *self);
/* It failed: if that was because the deadline passed, the error says so. */
gboolean      chan_block_expired (ChanBlock *self, GError **error);

G_END_DECLS
