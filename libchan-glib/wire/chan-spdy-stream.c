/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-spdy-stream.h"

/* For T12 of the performance targets: an idle channel is 250 bytes. */
G_STATIC_ASSERT (sizeof (ChanSpdyStream) <= 160);

typedef struct
{
  guint8 next;
  guint8 verdict;
} Transition;

#define GO(state, verdict) { CHAN_SPDY_STREAM_##state, CHAN_SPDY_VERDICT_##verdict }

static const Transition transitions[CHAN_SPDY_STREAM_N_STATES][CHAN_SPDY_STREAM_N_INPUTS] = {
  [CHAN_SPDY_STREAM_OPENING] = {
    [CHAN_SPDY_PEER_REPLY] = GO (OPEN, OK),
    /* SPDY/3 2.3.2: nothing comes before SYN_REPLY. */
    [CHAN_SPDY_PEER_DATA] = GO (RESET_SENT, EARLY),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_SENT, EARLY),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, OK),
    [CHAN_SPDY_OWN_DATA] = GO (OPENING, OK),
    [CHAN_SPDY_OWN_FIN] = GO (OPENING_DONE, OK),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, OK),
  },
  [CHAN_SPDY_STREAM_OPENING_DONE] = {
    [CHAN_SPDY_PEER_REPLY] = GO (HALF_LOCAL, OK),
    [CHAN_SPDY_PEER_DATA] = GO (RESET_SENT, EARLY),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_SENT, EARLY),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, OK),
    [CHAN_SPDY_OWN_DATA] = GO (OPENING_DONE, IGNORE),
    [CHAN_SPDY_OWN_FIN] = GO (OPENING_DONE, IGNORE),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, OK),
  },
  [CHAN_SPDY_STREAM_OPEN] = {
    [CHAN_SPDY_PEER_REPLY] = GO (OPEN, GLITCH),
    [CHAN_SPDY_PEER_DATA] = GO (OPEN, OK),
    [CHAN_SPDY_PEER_FIN] = GO (HALF_REMOTE, OK),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, OK),
    [CHAN_SPDY_OWN_DATA] = GO (OPEN, OK),
    [CHAN_SPDY_OWN_FIN] = GO (HALF_LOCAL, OK),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, OK),
  },
  [CHAN_SPDY_STREAM_HALF_LOCAL] = {
    [CHAN_SPDY_PEER_REPLY] = GO (HALF_LOCAL, GLITCH),
    [CHAN_SPDY_PEER_DATA] = GO (HALF_LOCAL, OK),
    [CHAN_SPDY_PEER_FIN] = GO (FINISHED, OK),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, OK),
    [CHAN_SPDY_OWN_DATA] = GO (HALF_LOCAL, IGNORE),
    [CHAN_SPDY_OWN_FIN] = GO (HALF_LOCAL, IGNORE),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, OK),
  },
  [CHAN_SPDY_STREAM_HALF_REMOTE] = {
    [CHAN_SPDY_PEER_REPLY] = GO (HALF_REMOTE, GLITCH),
    [CHAN_SPDY_PEER_DATA] = GO (RESET_SENT, CLOSED),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_SENT, CLOSED),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, OK),
    [CHAN_SPDY_OWN_DATA] = GO (HALF_REMOTE, OK),
    [CHAN_SPDY_OWN_FIN] = GO (FINISHED, OK),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, OK),
  },
  [CHAN_SPDY_STREAM_FINISHED] = {
    [CHAN_SPDY_PEER_REPLY] = GO (FINISHED, GLITCH),
    [CHAN_SPDY_PEER_DATA] = GO (RESET_SENT, CLOSED),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_SENT, CLOSED),
    [CHAN_SPDY_PEER_RESET] = GO (FINISHED, IGNORE),
    [CHAN_SPDY_OWN_DATA] = GO (FINISHED, IGNORE),
    [CHAN_SPDY_OWN_FIN] = GO (FINISHED, IGNORE),
    [CHAN_SPDY_OWN_RESET] = GO (FINISHED, IGNORE),
  },
  [CHAN_SPDY_STREAM_RESET_SENT] = {
    /* Sent before the peer saw our reset; a Go peer goes on for ever, and
     * nothing may be said to that. */
    [CHAN_SPDY_PEER_REPLY] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_PEER_DATA] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_OWN_DATA] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_OWN_FIN] = GO (RESET_SENT, IGNORE),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_SENT, IGNORE),
  },
  [CHAN_SPDY_STREAM_RESET_RECEIVED] = {
    [CHAN_SPDY_PEER_REPLY] = GO (RESET_RECEIVED, GLITCH),
    [CHAN_SPDY_PEER_DATA] = GO (RESET_RECEIVED, GLITCH),
    [CHAN_SPDY_PEER_FIN] = GO (RESET_RECEIVED, GLITCH),
    [CHAN_SPDY_PEER_RESET] = GO (RESET_RECEIVED, GLITCH),
    [CHAN_SPDY_OWN_DATA] = GO (RESET_RECEIVED, IGNORE),
    [CHAN_SPDY_OWN_FIN] = GO (RESET_RECEIVED, IGNORE),
    [CHAN_SPDY_OWN_RESET] = GO (RESET_RECEIVED, IGNORE),
  },
};

ChanSpdyStream *
chan_spdy_stream_new (guint32 id, ChanSpdyStreamState state)
{
  ChanSpdyStream *self = g_new0 (ChanSpdyStream, 1);

  self->id = id;
  self->state = (guint8) state;
  self->send_link.data = self;
  self->due_link.data = self;
  return self;
}

void
chan_spdy_stream_free (ChanSpdyStream *self)
{
  chan_spdy_stream_drop_pending (self);
  g_clear_pointer (&self->abort, chan_spdy_abort_free);
  g_free (self);
}

void
chan_spdy_abort_free (ChanSpdyAbort *self)
{
  g_free (self->text);
  g_free (self);
}

ChanSpdyVerdict
chan_spdy_stream_handle (ChanSpdyStream *self, ChanSpdyStreamInput input)
{
  const Transition *transition = &transitions[self->state][input];

  self->state = transition->next;
  return transition->verdict;
}

ChanSpdyPending *
chan_spdy_stream_need_pending (ChanSpdyStream *self)
{
  if (self->pending == NULL)
    {
      self->pending = g_new0 (ChanSpdyPending, 1);
      chan_output_queue_init (&self->pending->queue, TRUE);
    }
  return self->pending;
}

void
chan_spdy_stream_drop_pending (ChanSpdyStream *self)
{
  if (self->pending == NULL)
    return;
  chan_output_queue_clear (&self->pending->queue);
  g_queue_clear (&self->pending->lengths);
  g_clear_pointer (&self->pending, g_free);
}
