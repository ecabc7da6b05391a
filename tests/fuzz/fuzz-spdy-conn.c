/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer's bytes, whole, in three pieces and byte by byte: the same is reported
 * and the same is answered. */
#include "fuzz-spdy-owner.h"

#include <string.h>

typedef enum
{
  FEED_WHOLE,
  FEED_PIECES,
  FEED_BYTES,
} Feed;

static void
run (FuzzSpdyOwner *owner, const FuzzSpdyPlan *plan, const FuzzInput *input, Feed feed)
{
  fuzz_spdy_owner_init (owner, plan);
  if (feed == FEED_BYTES)
    fuzz_input_feed_bytes (input, fuzz_spdy_owner_feed, owner);
  else
    fuzz_input_feed (input, plan->cuts, feed == FEED_PIECES ? 2 : 0, fuzz_spdy_owner_feed, owner);
  fuzz_spdy_owner_end (owner);
}

static void
assert_equal (const GByteArray *a, const GByteArray *b)
{
  g_assert (a->len == b->len);
  g_assert (a->len == 0 || memcmp (a->data, b->data, a->len) == 0);
}

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize len)
{
  FuzzInput input = { data, len };
  FuzzSpdyPlan plan;
  FuzzSpdyOwner whole;

  fuzz_spdy_plan_read (&plan, &input);
  run (&whole, &plan, &input, FEED_WHOLE);
  for (Feed feed = FEED_PIECES; feed <= FEED_BYTES; feed++)
    {
      FuzzSpdyOwner cut;

      run (&cut, &plan, &input, feed);
      assert_equal (whole.trace, cut.trace);
      assert_equal (whole.output.bytes, cut.output.bytes);
      fuzz_spdy_owner_clear (&cut);
    }
  fuzz_spdy_owner_clear (&whole);
  return 0;
}
