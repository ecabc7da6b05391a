/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-wait.h"

G_BEGIN_DECLS

/* The result of an asynchronous operation on a channel or a session: a light
 * GAsyncResult (a GTask costs a microsecond), completed in the main context
 * that was the thread's default when the operation began, never inline. */

#define CHAN_TYPE_ASYNC_RESULT (chan_async_result_get_type ())
G_DECLARE_FINAL_TYPE (ChanAsyncResult, chan_async_result, CHAN, ASYNC_RESULT, GObject)

struct _ChanAsyncResult
{
  GObject parent_instance;

  GObject *source;
  gpointer tag;                /* the _async function */
  GAsyncReadyCallback callback;
  gpointer user_data;
  ChanPoller *poller;
  ChanRunItem run_item;
  ChanOp op;                   /* guarded by guard's lock while it waits */
  ChanGuard *guard;            /* of what it waits for */
  ChanOpRing *ring;
  gpointer owner;              /* keeps guard and ring alive */
  GDestroyNotify owner_unref;
  ChanReactor *interest;       /* the session that this operation homes; a reference */
  gboolean (*is_over) (ChanAsyncResult *self); /* instead of guard and ring; no lock held; NULL: these */
  void (*abandon) (ChanAsyncResult *self); /* RESERVED or with an item, and never finished */
  gpointer origin;             /* send: the caller's message */
  GCancellable *cancellable;
  gulong cancel_id;
  gint cancelled;              /* atomic */
  gboolean completed;          /* guarded, with cancel_id, by a lock in chan-async-result.c */
  gboolean finished;
};

/* Two references: one until chan_async_result_begun(), one until it has completed. */
ChanAsyncResult *chan_async_result_new   (gpointer source, gpointer tag, GCancellable *cancellable,
                                          GAsyncReadyCallback callback, gpointer user_data);
/* Under the guard's lock: waits in the ring. Takes over a reference to owner. */
void             chan_async_result_wait  (ChanAsyncResult *self, ChanGuard *guard, ChanOpRing *ring,
                                          gpointer owner, GDestroyNotify owner_unref, ChanLater *later);
/* No lock held: what every operation does last. The result may have completed meanwhile. */
void             chan_async_result_begun (ChanAsyncResult *self);
/* Under any lock or none: op.state, item and error are set. */
void             chan_async_result_ready (ChanAsyncResult *self, ChanLater *later);
/* Checks source and tag, and that it is finished only once. */
gboolean         chan_async_result_begin_finish (gpointer result, gpointer source, gpointer tag);

G_END_DECLS
