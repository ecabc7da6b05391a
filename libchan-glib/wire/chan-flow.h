/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Window arithmetic (SPDY/3 2.6.8) in absolute 64-bit offsets: both sides count
 * from the first byte of a stream, so that nothing wraps and nothing drifts. */

#define CHAN_FLOW_WINDOW_MAX 0x7fffffffu

/* What we may send. */
typedef struct
{
  guint64 used;  /* bytes sent */
  guint64 limit; /* bytes the peer allowed in all; below `used` if it took some back */
} ChanFlowSend;

/* What the peer may send. */
typedef struct
{
  guint64 received; /* bytes of frames that have begun */
  guint64 consumed; /* bytes the application took */
  guint64 limit;    /* bytes we allowed in all */
  guint64 grown_at; /* `consumed` when the window last grew */
  guint32 window;   /* how far `limit` shall be ahead of `consumed` */
} ChanFlowReceive;

static inline guint64
chan_flow_send_available (const ChanFlowSend *self)
{
  return self->limit > self->used ? self->limit - self->used : 0;
}

/* WINDOW_UPDATE. FALSE: the window would pass 2^31-1, and is as before. */
gboolean chan_flow_send_raise (ChanFlowSend *self, guint32 delta);
/* The peer's initial window changed for streams that are open already: the
 * window may become negative. FALSE as above. */
gboolean chan_flow_send_shift (ChanFlowSend *self, guint32 before, guint32 now);

void     chan_flow_receive_init (ChanFlowReceive *self, guint32 limit, guint32 window);

static inline guint64
chan_flow_receive_available (const ChanFlowReceive *self)
{
  return self->limit > self->received ? self->limit - self->received : 0;
}

/* Bytes received and not consumed. */
static inline guint64
chan_flow_receive_backlog (const ChanFlowReceive *self)
{
  return self->received - self->consumed;
}

/* More than what was received is not consumed. Returns what was. */
gsize    chan_flow_receive_consume (ChanFlowReceive *self, gsize bytes);
/* What a WINDOW_UPDATE should grant, or 0: nothing below half a window, unless `now`. */
guint32  chan_flow_receive_due     (const ChanFlowReceive *self, gboolean now);
/* Doubles the window up to `max`, if a whole one was consumed since it last
 * grew and the reader keeps up. */
void     chan_flow_receive_grow    (ChanFlowReceive *self, guint32 max);

G_END_DECLS
