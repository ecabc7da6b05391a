/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz-spdy-output.h"
#include "fuzz-spdy-plan.h"

G_BEGIN_DECLS

/* The owner of one connection. It aborts if an event is not allowed where it
 * stands, and does what the plan says, in a way that does not depend on how DATA
 * is cut. */
typedef struct
{
  const FuzzSpdyPlan *plan;
  ChanSpdyConn *conn;
  FuzzSpdyOutput output;
  GPtrArray *streams;  /* every one it ever knew */
  GByteArray *trace;   /* what was reported; DATA without its pieces */
  guint32 traced_data; /* the stream whose DATA ends the trace, 0: none */
  gint64 now_us;
  guint next_action;
  gsize sent;
  guint32 last_peer_id;
  gboolean failed;
} FuzzSpdyOwner;

void fuzz_spdy_owner_init  (FuzzSpdyOwner *self, const FuzzSpdyPlan *plan);
void fuzz_spdy_owner_clear (FuzzSpdyOwner *self);
/* A FuzzPieceFunc. */
void fuzz_spdy_owner_feed  (const guint8 *data, gsize len, gpointer owner);
/* No more bytes come. */
void fuzz_spdy_owner_end   (FuzzSpdyOwner *self);

G_END_DECLS
