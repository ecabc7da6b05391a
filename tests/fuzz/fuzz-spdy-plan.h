/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fuzz-input.h"
#include "libchan-glib/wire/chan-spdy-conn.h"

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

void fuzz_spdy_plan_read   (FuzzSpdyPlan *self, FuzzInput *input);
void fuzz_spdy_plan_limits (const FuzzSpdyPlan *self, ChanLimits *ret_limits);

G_END_DECLS
