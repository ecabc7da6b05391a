/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Every quantity that a peer controls, in one place. Defaults in chan-limits.c,
 * documented in docs/wire.md ("Limits"), each with a test that reaches it. */
typedef struct
{
  /* frames */
  guint32 control_frame_bytes;   /* payload of a control frame: 16 KiB */
  guint32 data_frame_bytes;      /* payload of a DATA frame we send: 16 KiB */
  guint32 settings_entries;      /* 32 */
  guint32 header_block_bytes;    /* inflated: 32 KiB */
  guint32 header_pairs;          /* 64 */
  guint32 header_name_bytes;     /* 256 */
  guint32 header_value_bytes;    /* 8 KiB */
  /* messages */
  guint32 message_bytes;         /* encoded: 4 MiB */
  guint32 message_memory;        /* decoded: 16 MiB */
  guint32 message_nodes;         /* values: 262144 */
  guint32 message_depth;         /* 64 */
  guint32 message_handles;       /* 64 */
  guint32 message_fds;           /* of these, file descriptors: 16 */
  guint32 session_fds;           /* file descriptors received and not yet taken, whole session: 256 */
  /* streams */
  guint32 name_bytes;            /* of a channel's name: 8 KiB */
  guint32 peer_streams;          /* opened by the peer and alive: 1024 */
  guint32 unclaimed_streams;     /* opened by the peer, not yet named in a message: 1024 */
  guint32 text_bytes;            /* kept of what the peer says of an error: 1 KiB */
  guint32 stream_window;         /* bytes, to begin with: 64 KiB */
  guint32 stream_window_max;     /* what it grows to: 1 MiB */
  guint32 session_window;        /* bytes received and not taken, whole session: 4 MiB */
  guint32 unread_bytes;          /* received and not taken, all of it, whole session: 32 MiB */
  guint32 queue_bytes;           /* a channel's queue towards a peer without credit: 256 KiB */
  guint32 output_high_water;     /* stop accepting messages: 1 MiB */
  guint32 queued_replies;        /* unsent PING, RST, SYN_REPLY, WINDOW_UPDATE frames: 1000 */
  /* rates: a bucket of `burst`, refilled with `rate` a second */
  guint32 reset_burst, reset_rate;       /* 1000, 33 */
  guint32 glitch_burst, glitch_rate;     /* 10000, 330 */
  guint32 tiny_frames, tiny_bytes;       /* 10000, 4: of so many DATA frames, fewer than that on average */
  guint32 ping_burst, ping_rate;         /* 1000, 10 */
  guint32 settings_burst, settings_rate; /* 10, 1 */
} ChanLimits;

extern const ChanLimits chan_limits_default;

G_END_DECLS
