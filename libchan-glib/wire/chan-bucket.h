/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A token bucket: `burst` at once, `rate` a second in the long run. All zero is
 * a full one. Time is given, so that tests and simulations own the clock. */
typedef struct
{
  guint64 spent; /* in millionths of a token */
  gint64 last_us;
} ChanBucket;

/* Takes one token. FALSE: there is none. */
gboolean chan_bucket_take (ChanBucket *self, guint32 burst, guint32 rate, gint64 now_us);

G_END_DECLS
