/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz-input.h"
#include "fuzz-spdy-output.h"

G_BEGIN_DECLS

/* The first bytes of an input: who uses the connection, and how. */
typedef struct
{
  ChanSpdyRole role;
  ChanSpdyDialect dialect;
  gboolean small_limits;  /* so that few bytes reach them */
  gboolean drains;        /* its output is read after every event, else at the end only */
  gboolean consumes;      /* takes DATA as it comes, else at its end only */
  gboolean sends_settings;
  gboolean decides_late;  /* on the dialect: with the first event */
  gsize cuts[2];          /* of the bytes that follow */
  guint8 actions[15];     /* one after each event that is not DATA, over and over */
  guint n_actions, n_early; /* how many of them are done before the first byte too */
} FuzzSpdyPlan;

void fuzz_spdy_plan_read (FuzzSpdyPlan *self, FuzzInput *input);

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
