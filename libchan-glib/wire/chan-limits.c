/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-limits.h"

#define KIB 1024u
#define MIB (1024u * 1024u)

const ChanLimits chan_limits_default = {
  .control_frame_bytes = 16 * KIB,
  .data_frame_bytes = 16 * KIB,
  .settings_entries = 32,
  .header_block_bytes = 32 * KIB,
  .header_pairs = 64,
  .header_name_bytes = 256,
  .header_value_bytes = 8 * KIB,
  .message_bytes = 4 * MIB,
  .message_memory = 16 * MIB,
  .message_nodes = 262144,
  .message_depth = 64,
  .message_handles = 64,
  .message_fds = 16,
  .session_fds = 256,
  .name_bytes = 8 * KIB,
  .peer_streams = 1024,
  .unclaimed_streams = 1024,
  .text_bytes = 1 * KIB,
  .stream_window = 64 * KIB,
  .stream_window_max = 1 * MIB,
  .session_window = 4 * MIB,
  .unread_bytes = 32 * MIB,
  .queue_bytes = 256 * KIB,
  .output_high_water = 1 * MIB,
  .queued_replies = 1000,
  .reset_burst = 1000,
  .reset_rate = 33,
  .glitch_burst = 10000,
  .glitch_rate = 330,
  .tiny_frames = 10000,
  .tiny_bytes = 4,
  .ping_burst = 1000,
  .ping_rate = 10,
  .settings_burst = 10,
  .settings_rate = 1,
};
