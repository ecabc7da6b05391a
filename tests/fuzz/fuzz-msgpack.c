/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages of generations 1 and 2. The first byte: dialect, and the size of pieces. */
#include "fuzz-decode.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  if (len > 0)
    fuzz_decode ((data[0] & 1) != 0 ? CHAN_SPDY_DIALECT_GEN1 : CHAN_SPDY_DIALECT_GEN2,
                 data + 1, len - 1, 1 + (gsize) (data[0] >> 1));
  return 0;
}
