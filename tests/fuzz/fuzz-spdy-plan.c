/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz-spdy-plan.h"

#include <string.h>

void
fuzz_spdy_plan_read (FuzzSpdyPlan *self, FuzzInput *input)
{
  guint8 flags = fuzz_input_byte (input);
  guint8 counts;

  memset (self, 0, sizeof *self);
  self->role = flags & 1 ? CHAN_SPDY_CLIENT : CHAN_SPDY_SERVER;
  self->dialect = (ChanSpdyDialect) (flags >> 1 & 3);
  self->small_limits = (flags & 8) != 0;
  self->drains = (flags & 16) != 0;
  self->consumes = (flags & 32) != 0;
  self->sends_settings = (flags & 64) != 0;
  self->decides_late = (flags & 128) != 0;
  self->cuts[0] = fuzz_input_byte (input);
  self->cuts[1] = self->cuts[0] + fuzz_input_byte (input);
  counts = fuzz_input_byte (input);
  self->n_actions = counts & 15;
  self->n_early = MIN (counts >> 4, self->n_actions);
  for (guint i = 0; i < self->n_actions; i++)
    self->actions[i] = fuzz_input_byte (input);
}

static void
make_small (ChanLimits *limits)
{
  limits->control_frame_bytes = 512;
  limits->data_frame_bytes = 1024;
  limits->settings_entries = 3;
  limits->header_block_bytes = 256;
  limits->header_pairs = 5;
  limits->header_name_bytes = 24;
  limits->header_value_bytes = 40;
  limits->peer_streams = 4;
  limits->unclaimed_streams = 2;
  limits->stream_window = 1024;
  limits->stream_window_max = 4096;
  limits->output_high_water = 16384;
  limits->queued_replies = 6;
  limits->reset_burst = 4;
  limits->glitch_burst = 6;
  limits->tiny_frames = 8;
  limits->ping_burst = 12;
  limits->settings_burst = 3;
}

void
fuzz_spdy_plan_limits (const FuzzSpdyPlan *self, ChanLimits *ret_limits)
{
  *ret_limits = chan_limits_default;
  if (self->small_limits)
    make_small (ret_limits);
}
