/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "chan-flow.h"
#include "chan-output-queue.h"

G_BEGIN_DECLS

/* The life of a stream, SPDY/3 sections 2.3.6 to 2.4.2. "Local" is our half,
 * "remote" the peer's. */
typedef enum
{
  CHAN_SPDY_STREAM_OPENING,      /* we opened it, no SYN_REPLY yet */
  CHAN_SPDY_STREAM_OPENING_DONE, /* the same, and our half is complete */
  CHAN_SPDY_STREAM_OPEN,
  CHAN_SPDY_STREAM_HALF_LOCAL,   /* our half is complete, the peer sends */
  CHAN_SPDY_STREAM_HALF_REMOTE,  /* the peer's half is complete, we send */
  CHAN_SPDY_STREAM_FINISHED,     /* both are */
  CHAN_SPDY_STREAM_RESET_SENT,
  CHAN_SPDY_STREAM_RESET_RECEIVED,
  CHAN_SPDY_STREAM_N_STATES,
} ChanSpdyStreamState;

typedef enum
{
  CHAN_SPDY_PEER_REPLY,
  CHAN_SPDY_PEER_DATA,
  CHAN_SPDY_PEER_FIN,
  CHAN_SPDY_PEER_RESET,
  CHAN_SPDY_OWN_DATA,
  CHAN_SPDY_OWN_FIN,
  CHAN_SPDY_OWN_RESET,
  CHAN_SPDY_STREAM_N_INPUTS,
} ChanSpdyStreamInput;

typedef enum
{
  CHAN_SPDY_VERDICT_OK,
  CHAN_SPDY_VERDICT_IGNORE, /* may happen to the honest: frames that crossed ours */
  CHAN_SPDY_VERDICT_GLITCH, /* wrong, harmless: ignore and count */
  CHAN_SPDY_VERDICT_EARLY,  /* wrong: before SYN_REPLY; reset the stream, PROTOCOL_ERROR */
  CHAN_SPDY_VERDICT_CLOSED, /* wrong: after FIN; reset the stream, STREAM_ALREADY_CLOSED */
} ChanSpdyVerdict;

/* Which of the connection's lists the stream is in, to send. */
typedef enum
{
  CHAN_SPDY_WAIT_NONE,
  CHAN_SPDY_WAIT_READY, /* has pending bytes, and its window is open */
  CHAN_SPDY_WAIT_ROOM,  /* waits for a ROOM event */
} ChanSpdyWait;

typedef struct
{
  ChanOutputQueue queue;
  GQueue lengths; /* GEN1: of each message, which must stay one frame */
} ChanSpdyPending;

/* How a stream ends after what is pending, if not with FIN */
typedef struct
{
  guint32 status, code;
  char *text;                /* or NULL */
} ChanSpdyAbort;

typedef struct
{
  guint32 id;
  guint8 state;              /* ChanSpdyStreamState */
  guint8 wait;               /* ChanSpdyWait */
  guint from_peer : 1;
  guint claimed : 1;
  guint forgotten : 1;       /* by the owner: no more events */
  guint finishing : 1;       /* our FIN, or `abort`, follows what is pending */
  guint wants_room : 1;
  guint taken_due : 1;       /* a TAKEN waits to be written */
  guint window_due : 1;      /* a WINDOW_UPDATE does */
  guint used : 1;            /* the owner took something */
  guint pushed : 1;          /* GEN1: opened by PUSH */
  guint held : 1;            /* GEN2: sends nothing until streams are answered */
  guint64 ref;
  gpointer data;
  ChanFlowSend send;
  ChanFlowReceive receive;
  guint32 taken;
  guint32 associated;        /* GEN1: of a PUSH of ours, the peer's stream */
  guint32 turn;              /* order in which streams began to have pending bytes */
  ChanSpdyPending *pending;  /* NULL: nothing */
  ChanSpdyAbort *abort;      /* NULL: FIN */
  GList send_link;
  GList due_link;
} ChanSpdyStream;

ChanSpdyStream *chan_spdy_stream_new    (guint32 id, ChanSpdyStreamState state);
void            chan_spdy_stream_free   (ChanSpdyStream *self);

/* Moves the state on. */
ChanSpdyVerdict chan_spdy_stream_handle (ChanSpdyStream *self, ChanSpdyStreamInput input);

/* Both halves are over. */
static inline gboolean
chan_spdy_stream_is_over (const ChanSpdyStream *self)
{
  return self->state >= CHAN_SPDY_STREAM_FINISHED;
}

/* Ours, and the peer has not replied. */
static inline gboolean
chan_spdy_stream_is_unanswered (const ChanSpdyStream *self)
{
  return self->state <= CHAN_SPDY_STREAM_OPENING_DONE;
}

static inline gboolean
chan_spdy_stream_may_send (const ChanSpdyStream *self)
{
  return self->state == CHAN_SPDY_STREAM_OPEN || self->state == CHAN_SPDY_STREAM_OPENING
         || self->state == CHAN_SPDY_STREAM_HALF_REMOTE;
}

static inline gboolean
chan_spdy_stream_may_receive (const ChanSpdyStream *self)
{
  return self->state == CHAN_SPDY_STREAM_OPEN || self->state == CHAN_SPDY_STREAM_HALF_LOCAL;
}

static inline gsize
chan_spdy_stream_pending_bytes (const ChanSpdyStream *self)
{
  return self->pending != NULL ? self->pending->queue.bytes : 0;
}

ChanSpdyPending *chan_spdy_stream_need_pending (ChanSpdyStream *self);
void             chan_spdy_stream_drop_pending (ChanSpdyStream *self);
void             chan_spdy_abort_free          (ChanSpdyAbort *self);

G_END_DECLS
