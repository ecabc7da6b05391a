/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From bytes to frames. A control frame is gathered up to its limit; DATA is
 * handed on as it arrives. No declared length allocates anything. */
#include "chan-spdy-conn-private.h"

#include <string.h>

void
chan_spdy_conn_feed_fds (ChanSpdyConn *self, guint n)
{
  if (chan_spdy_conn_is_over (self))
    return;
  self->n_fds += n;
  if (self->n_fds > CHAN_SPDY_FDS_MAX)
    chan_spdy_conn_fail (self, "too many file descriptors");
}

void
chan_spdy_conn_feed (ChanSpdyConn *self, const guint8 *data, gsize len)
{
  if (chan_spdy_conn_is_over (self))
    return;
  self->data = data;
  self->end = data + len;
}

gboolean
chan_spdy_conn_in_frame (ChanSpdyConn *self)
{
  if (self->input == CHAN_SPDY_INPUT_HEAD)
    return self->head_len > 0;
  return !chan_spdy_conn_is_over (self);
}

guint64
chan_spdy_conn_get_frame (ChanSpdyConn *self, gboolean *ret_is_data)
{
  *ret_is_data = self->input != CHAN_SPDY_INPUT_HEAD && !self->head.control;
  return chan_spdy_conn_in_frame (self) ? self->n_frames : 0;
}

static gsize
available (const ChanSpdyConn *self)
{
  return (gsize) (self->end - self->data);
}

/* --- what a frame does to a stream -------------------------------------- */

gboolean
chan_spdy_conn_reset_bad (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStatus status, ChanSpdyEvent *event)
{
  gboolean tell = !stream->forgotten;

  if (chan_spdy_stream_is_unanswered (stream))
    self->n_unanswered--;
  stream->state = CHAN_SPDY_STREAM_RESET_SENT;
  chan_spdy_conn_drop_due (self, stream);
  chan_spdy_conn_stop_sending (self, stream);
  chan_spdy_conn_write_pair (self, CHAN_SPDY_RST_STREAM, stream->id, status);
  if (tell)
    {
      chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_RESET, stream);
      event->status = status;
    }
  chan_spdy_conn_maybe_remove (self, stream);
  chan_spdy_conn_release_held (self);
  if (!chan_spdy_conn_count_reply (self))
    return FALSE;
  /* Answers to illegal frames count like the peer's own resets: "MadeYouReset", CVE-2025-8671. */
  if (!chan_bucket_take (&self->resets, self->limits.reset_burst, self->limits.reset_rate, self->now_us))
    return chan_spdy_conn_fail (self, "too many streams that had to be reset");
  return tell;
}

gboolean
chan_spdy_conn_peer_input (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyStreamInput input,
                           ChanSpdyEvent *event, gboolean *ret_event)
{
  gboolean was_over = chan_spdy_stream_is_over (stream);
  gboolean told;

  *ret_event = FALSE;
  switch (chan_spdy_conn_handle (self, stream, input))
    {
    case CHAN_SPDY_VERDICT_OK:
      return TRUE;
    case CHAN_SPDY_VERDICT_IGNORE:
      return FALSE;
    case CHAN_SPDY_VERDICT_GLITCH:
      chan_spdy_conn_glitch (self);
      return FALSE;
    case CHAN_SPDY_VERDICT_EARLY:
      *ret_event = chan_spdy_conn_reset_bad (self, stream, CHAN_SPDY_PROTOCOL_ERROR, event);
      return FALSE;
    case CHAN_SPDY_VERDICT_CLOSED:
      if (!chan_spdy_conn_glitch (self))
        return FALSE;
      told = chan_spdy_conn_reset_bad (self, stream, CHAN_SPDY_STREAM_ALREADY_CLOSED, event);
      /* To the owner a finished stream stays finished. */
      *ret_event = told && !was_over;
      return FALSE;
    default:
      g_return_val_if_reached (FALSE);
    }
}

/* --- steps -------------------------------------------------------------- */

typedef enum
{
  STEP_ON,      /* look at the new state */
  STEP_EVENT,
  STEP_STARVED, /* wants more bytes */
} Step;

static Step
skip_frame (ChanSpdyConn *self)
{
  self->input = self->left > 0 ? CHAN_SPDY_INPUT_SKIP : CHAN_SPDY_INPUT_HEAD;
  return STEP_ON;
}

static Step
give_up (ChanSpdyConn *self, const char *text)
{
  chan_spdy_conn_fail (self, text);
  return STEP_ON;
}

static Step
begin_control (ChanSpdyConn *self)
{
  if (self->head.version != CHAN_SPDY_VERSION)
    return give_up (self, "not SPDY/3");
  self->introduced = TRUE;
  if (self->left > self->limits.control_frame_bytes)
    return give_up (self, "a control frame is too large");
  if (chan_spdy_conn_handles_type (self, self->head.type))
    {
      self->input = CHAN_SPDY_INPUT_CONTROL;
      return STEP_ON;
    }
  if (!chan_spdy_conn_glitch (self))
    return STEP_ON;
  return skip_frame (self);
}

/* DATA for a stream that is not there (any more). */
static Step
begin_stray_data (ChanSpdyConn *self)
{
  /* A peer may send on before it sees our reset, and a Go peer for ever. */
  gboolean harmless = chan_spdy_conn_knows_id (self, self->head.stream_id);

  /* Text of another protocol looks like this. */
  if (!harmless && !self->introduced)
    return give_up (self, "not SPDY/3");
  chan_spdy_conn_discard (self, self->left);
  if (!harmless && !chan_spdy_conn_glitch (self))
    return STEP_ON;
  return skip_frame (self);
}

/* A frame costs us more than its few bytes cost the peer. Our own kind is held
 * back by its credit for messages instead. */
static gboolean
check_tiny (ChanSpdyConn *self)
{
  gboolean small = self->left < self->limits.tiny_bytes;

  if (self->dialect == CHAN_SPDY_DIALECT_GLIB)
    return TRUE;
  self->data_bytes += self->left;
  if (++self->data_frames == self->limits.tiny_frames)
    {
      self->tiny = self->data_bytes < (guint64) self->limits.tiny_bytes * self->data_frames;
      self->data_frames = 0;
      self->data_bytes = 0;
    }
  return !self->tiny || !small || chan_spdy_conn_glitch (self);
}

static Step
begin_stream_data (ChanSpdyConn *self, ChanSpdyStream *stream, ChanSpdyEvent *event)
{
  gboolean fin = (self->head.flags & CHAN_SPDY_FLAG_FIN) != 0;
  gboolean has_event = FALSE;

  if (self->left == 0 && !fin && !chan_spdy_conn_glitch (self))
    return STEP_ON;
  if (self->left > 0 && !check_tiny (self))
    return STEP_ON;
  if ((self->left > 0 || !fin) && !chan_spdy_conn_peer_input (self, stream, CHAN_SPDY_PEER_DATA, event, &has_event))
    {
      if (chan_spdy_conn_is_over (self))
        return STEP_ON;
      chan_spdy_conn_discard (self, self->left);
      skip_frame (self);
      return has_event ? STEP_EVENT : STEP_ON;
    }
  if (!chan_spdy_conn_stream_take (self, stream, self->left))
    {
      chan_spdy_conn_discard (self, self->left);
      skip_frame (self);
      return chan_spdy_conn_reset_bad (self, stream, CHAN_SPDY_FLOW_CONTROL_ERROR, event) ? STEP_EVENT : STEP_ON;
    }
  self->data_stream = stream;
  self->input = self->left > 0 ? CHAN_SPDY_INPUT_DATA : fin ? CHAN_SPDY_INPUT_FIN : CHAN_SPDY_INPUT_HEAD;
  if (stream->forgotten)
    chan_spdy_conn_discard_unread (self, stream);
  return STEP_ON;
}

static Step
begin_data (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  ChanSpdyStream *stream;

  if (self->head.stream_id == 0)
    return give_up (self, "DATA for stream 0");
  if (!chan_spdy_conn_session_take (self, self->left))
    return give_up (self, "more DATA than the session's window allows");
  stream = chan_spdy_conn_lookup (self, self->head.stream_id);
  return stream != NULL ? begin_stream_data (self, stream, event) : begin_stray_data (self);
}

static Step
step_head (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  const guint8 *head = self->data;

  if (self->head_len == 0 && available (self) > 0)
    self->n_frames++;
  if (self->head_len == 0 && available (self) >= CHAN_SPDY_HEAD_SIZE)
    self->data += CHAN_SPDY_HEAD_SIZE;
  else
    {
      gsize part = MIN (available (self), CHAN_SPDY_HEAD_SIZE - self->head_len);

      if (part == 0)
        return STEP_STARVED;
      memcpy (self->head_bytes + self->head_len, self->data, part);
      self->data += part;
      self->head_len += (guint) part;
      if (self->head_len < CHAN_SPDY_HEAD_SIZE)
        return STEP_STARVED;
      self->head_len = 0;
      head = self->head_bytes;
    }
  chan_spdy_head_unpack (&self->head, head);
  self->left = self->head.length;
  return self->head.control ? begin_control (self) : begin_data (self, event);
}

static Step
step_control (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  gsize part = MIN (available (self), self->left);
  gboolean whole = part == self->left && self->gathered == NULL;
  g_autoptr (GByteArray) gathered = NULL;
  const guint8 *payload = self->data;
  gboolean has_event;

  self->data += part;
  self->left -= (guint32) part;
  if (!whole)
    {
      if (self->gathered == NULL)
        self->gathered = g_byte_array_new ();
      g_byte_array_append (self->gathered, payload, (guint) part);
      if (self->left > 0)
        return STEP_STARVED;
      gathered = g_steal_pointer (&self->gathered);
      payload = gathered->data;
    }
  self->input = CHAN_SPDY_INPUT_HEAD;
  has_event = chan_spdy_conn_handle_control (self, payload, self->head.length, event);
  if (!self->heard)
    {
      self->heard = TRUE;
      chan_spdy_conn_update_modes (self);
    }
  return has_event ? STEP_EVENT : STEP_ON;
}

static Step
step_data (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  ChanSpdyStream *stream = self->data_stream;
  gsize part = MIN (available (self), self->left);
  const guint8 *data = self->data;

  if (part == 0)
    return STEP_STARVED;
  self->data += part;
  self->left -= (guint32) part;
  if (self->left == 0)
    self->input = self->head.flags & CHAN_SPDY_FLAG_FIN ? CHAN_SPDY_INPUT_FIN : CHAN_SPDY_INPUT_HEAD;
  /* The owner may have reset or forgotten it in the middle of the frame. */
  if (stream == NULL || stream->forgotten || !chan_spdy_stream_may_receive (stream))
    return STEP_ON;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_DATA, stream);
  event->data = data;
  event->len = part;
  return STEP_EVENT;
}

static Step
step_fin (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  ChanSpdyStream *stream = g_steal_pointer (&self->data_stream);
  gboolean has_event, tell;

  self->input = CHAN_SPDY_INPUT_HEAD;
  if (stream == NULL)
    return STEP_ON;
  if (!chan_spdy_conn_peer_input (self, stream, CHAN_SPDY_PEER_FIN, event, &has_event))
    return has_event ? STEP_EVENT : STEP_ON;
  chan_spdy_conn_drop_window_due (self, stream);
  tell = !stream->forgotten;
  if (tell)
    chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_FIN, stream);
  chan_spdy_conn_maybe_remove (self, stream);
  return tell ? STEP_EVENT : STEP_ON;
}

static Step
step_skip (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  gsize part = MIN (available (self), self->left);

  self->data += part;
  self->left -= (guint32) part;
  if (self->left > 0)
    return STEP_STARVED;
  self->input = CHAN_SPDY_INPUT_HEAD;
  return STEP_ON;
}

static Step
step_failed (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  self->input = CHAN_SPDY_INPUT_OVER;
  chan_spdy_conn_init_event (event, CHAN_SPDY_EVENT_FAILED, NULL);
  event->status = CHAN_SPDY_PROTOCOL_ERROR;
  event->text = self->failure;
  return STEP_EVENT;
}

static Step
step_over (ChanSpdyConn *self, ChanSpdyEvent *event)
{
  return STEP_STARVED;
}

static Step (*const steps[CHAN_SPDY_INPUT_N_STATES]) (ChanSpdyConn *, ChanSpdyEvent *) = {
  [CHAN_SPDY_INPUT_HEAD] = step_head,
  [CHAN_SPDY_INPUT_CONTROL] = step_control,
  [CHAN_SPDY_INPUT_DATA] = step_data,
  [CHAN_SPDY_INPUT_FIN] = step_fin,
  [CHAN_SPDY_INPUT_SKIP] = step_skip,
  [CHAN_SPDY_INPUT_FAILED] = step_failed,
  [CHAN_SPDY_INPUT_OVER] = step_over,
};

gboolean
chan_spdy_conn_next_event (ChanSpdyConn *self, ChanSpdyEvent *ret_event)
{
  Step step;

  if (chan_spdy_conn_next_refused (self, ret_event))
    return TRUE;
  do
    step = steps[self->input](self, ret_event);
  while (step == STEP_ON);
  if (step == STEP_EVENT)
    return TRUE;
  /* Between two frames none may be left. */
  if (self->n_fds > 0 && !chan_spdy_conn_is_over (self) && !chan_spdy_conn_in_frame (self))
    {
      chan_spdy_conn_fail (self, "file descriptors came that were not announced");
      return chan_spdy_conn_next_event (self, ret_event);
    }
  return !chan_spdy_conn_is_over (self) && chan_spdy_conn_next_room (self, ret_event);
}
