/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-live.h"

#ifdef CHAN_COUNT_LIVE

ChanLiveCount chan_live_counts[CHAN_LIVE_N + 1] = {
  [CHAN_LIVE_SENDER] = { .name = "ChanSender" },
  [CHAN_LIVE_RECEIVER] = { .name = "ChanReceiver" },
  [CHAN_LIVE_SESSION] = { .name = "ChanSession" },
  [CHAN_LIVE_LINK] = { .name = "ChanLink" },
  [CHAN_LIVE_OPERATION] = { .name = "ChanOperation" },
  [CHAN_LIVE_BYTE_STREAM] = { .name = "ChanByteStream" },
  [CHAN_LIVE_FD] = { .name = "ChanFd" },
  [CHAN_LIVE_PIPE] = { .name = "ChanPipe" },
  [CHAN_LIVE_SESSION_CORE] = { .name = "ChanSessionCore" },
  [CHAN_LIVE_STREAM] = { .name = "ChanStream" },
  [CHAN_LIVE_REACTOR] = { .name = "ChanReactor" },
  [CHAN_LIVE_RELAY] = { .name = "ChanRelay" },
  [CHAN_LIVE_SPLICE] = { .name = "ChanSplice" },
  [CHAN_LIVE_PUMP] = { .name = "ChanPump" },
};

void
chan_live_publish (GType sender_type)
{
  g_type_set_qdata (sender_type, g_quark_from_static_string (CHAN_LIVE_QUARK), chan_live_counts);
}

#endif
