/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-bucket.h"

#define TOKEN 1000000u /* a second is a million microseconds: rate x elapsed needs no division */

gboolean
chan_bucket_take (ChanBucket *self, guint32 burst, guint32 rate, gint64 now_us)
{
  if (now_us > self->last_us)
    {
      guint64 elapsed = (guint64) (now_us - self->last_us);

      if (rate > 0)
        self->spent = elapsed > self->spent / rate ? 0 : self->spent - elapsed * rate;
      self->last_us = now_us;
    }
  if (self->spent + TOKEN > (guint64) burst * TOKEN)
    return FALSE;
  self->spent += TOKEN;
  return TRUE;
}
