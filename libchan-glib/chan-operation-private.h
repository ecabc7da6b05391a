/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-operation.h"

G_BEGIN_DECLS

/* Called once, in the thread of `return_*`, without locks: link or error, or neither (done). */
typedef void (*ChanOperationFunc) (ChanLink *link, const GError *error, gpointer data);

ChanOperation *chan_operation_new (GUri *uri, ChanOptions *options, GCancellable *cancellable,
                                   ChanOperationFunc func, gpointer data);

/* It failed at once: nothing is told any more. FALSE: it was ended all the same, which is what counts. */
gboolean       chan_operation_disown (ChanOperation *self);

G_END_DECLS
