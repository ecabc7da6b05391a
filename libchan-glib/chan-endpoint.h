/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-options.h"

G_BEGIN_DECLS

/* What a URI or @NAME stands for: URIs to try, and the options of each. */
typedef struct
{
  ChanConfig *config;
  char *name;  /* as given */
  char **uris; /* NULL-terminated, at least one */
} ChanEndpoint;

ChanEndpoint *chan_endpoint_new   (const char *uri_or_name, GError **error);
void          chan_endpoint_free  (ChanEndpoint *self);
/* One of the URIs, with its options: configuration, then query. */
GUri         *chan_endpoint_parse (ChanEndpoint *self, const char *text, ChanOptions **ret_options, GError **error);

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

GCancellable *chan_block_begin   (ChanBlock *self, gint64 deadline, GCancellable *cancellable);
void          chan_block_done    (GObject *source, GAsyncResult *result, gpointer block);
GAsyncResult *chan_block_end     (ChanBlock *self);
/* Says TIMED_OUT if that was why; passes the result through. */
gpointer      chan_block_session (ChanBlock *self, gpointer result, GError **error);

G_END_DECLS
