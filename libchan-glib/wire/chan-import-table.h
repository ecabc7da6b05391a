/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-spdy-stream.h"

G_BEGIN_DECLS

/* The streams a peer opened, by their libchan-ref. Our own are not in it: each
 * side numbers what it opens, and a message names its sender's. Keys are the
 * streams' own refs, so that an entry costs no memory of its own. */
typedef struct
{
  GHashTable *streams;
  guint n_unclaimed;
} ChanImportTable;

/* For tables whose keys a peer chooses: seeded, so that it cannot make them collide. */
guint           chan_import_hash         (guint64 key);

void            chan_import_table_init   (ChanImportTable *self);
void            chan_import_table_clear  (ChanImportTable *self);
/* FALSE: the ref is there already. A stream that is marked as claimed counts as such. */
gboolean        chan_import_table_add    (ChanImportTable *self, ChanSpdyStream *stream);
void            chan_import_table_remove (ChanImportTable *self, ChanSpdyStream *stream);
ChanSpdyStream *chan_import_table_lookup (ChanImportTable *self, guint64 ref);
/* Once for each stream, else FALSE. */
gboolean        chan_import_table_claim  (ChanImportTable *self, ChanSpdyStream *stream);

G_END_DECLS
