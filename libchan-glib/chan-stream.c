/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream.h"

#include "chan-fd-credit.h"
#include "chan-link-private.h"
#include "chan-stream-handles.h"

/* Between the pipes and the link: one stream. */

/* Bytes taken by the application after which the peer hears of it at once. */
#define TELL_BYTES 32768

ChanStream *
chan_stream_new (ChanSessionCore *session, gboolean ours, ChanStreamKind kind)
{
  return chan_session_core_add (session, ours, kind);
}

static ChanLinkClass *
link_class (ChanStream *self, ChanLater *later)
{
  self->session->reactor->later = later;
  return CHAN_LINK_GET_CLASS (self->session->link);
}

gboolean
chan_stream_has_room (ChanStream *self)
{
  return !self->out_over && self->session->state <= CHAN_SESSION_DRAINING && self->session->state != CHAN_SESSION_CONNECTING &&
         CHAN_LINK_GET_CLASS (self->session->link)->has_room (self->session->link, self->id);
}

gboolean
chan_stream_may_send (ChanStream *self, ChanItemKind kind, gpointer item)
{
  return kind != CHAN_ITEM_MESSAGE || chan_fd_credit_allows (self, chan_fd_credit_count (item));
}

gboolean
chan_stream_reports_taken (ChanStream *self)
{
  return self != NULL && (chan_link_private (self->session->link)->flags & CHAN_LINK_TAKEN) != 0;
}

static void
maybe_remove (ChanStream *self, ChanLater *later)
{
  if (self->in_over && self->out_over)
    chan_session_core_remove (self->session, self, later);
}

/* --- down --- */

static gboolean
send_message (ChanStream *self, ChanMessage *message, gsize *cost, ChanLater *later, GError **error)
{
  ChanStreamHandles handles;
  guint n_fds = chan_fd_credit_count (message);

  if (chan_message_get_size (message) > self->session->max_message_bytes)
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE,
                   "The message has %" G_GSIZE_FORMAT " bytes; at most %" G_GSIZE_FORMAT " are allowed",
                   chan_message_get_size (message), self->session->max_message_bytes);
      return FALSE;
    }
  if (!chan_fd_credit_check (self, n_fds, error))
    return FALSE;
  if (!chan_stream_handles_open (&handles, self, message, later, error))
    return FALSE;
  if (!link_class (self, later)->send (self->session->link, self->id, message, handles.refs, handles.n, cost, error))
    {
      chan_stream_handles_take_back (&handles, later);
      return FALSE;
    }
  chan_stream_handles_export (&handles, message, self->session->reactor, later);
  self->session->n_messages_out++;
  chan_fd_credit_sent (self, n_fds);
  return TRUE;
}

gboolean
chan_stream_send (ChanStream *self, ChanItemKind kind, gpointer item, ChanLater *later, GError **error)
{
  gsize cost = 0;
  gboolean ok;

  if (kind == CHAN_ITEM_MESSAGE)
    ok = send_message (self, item, &cost, later, error);
  else
    {
      cost = g_bytes_get_size (item);
      ok = link_class (self, later)->write (self->session->link, self->id, item, error);
    }
  chan_session_core_output_batched (self->session, cost, later);
  return ok;
}

void
chan_stream_took (ChanStream *self, gsize bytes, guint n_messages, ChanLater *later)
{
  guint enough = self->in != NULL && self->in->kind == CHAN_ITEM_MESSAGE ? self->in->capacity / 2 : 0;

  self->n_taken += n_messages;
  self->bytes_untold += (guint32) bytes;
  link_class (self, later)->grant (self->session->link, self->id, bytes, self->n_taken);
  /* The peer may be waiting for this: told now if it is much, else with the next output. */
  if ((n_messages > 0 && self->n_taken - self->n_told >= MAX (enough, 1)) || self->bytes_untold >= TELL_BYTES)
    {
      self->n_told = self->n_taken;
      self->bytes_untold = 0;
      chan_session_core_output (self->session, later);
    }
  else if (self->session->reactor->owner == self->session)
    chan_reactor_output_soon (self->session->reactor, later);
}

void
chan_stream_wanted (ChanStream *self, ChanLater *later)
{
  ChanLinkPrivate *link = chan_link_private (self->session->link);

  if (self->in_over || link->wanted == NULL)
    return;
  self->session->reactor->later = later;
  link->wanted (self->session->link, self->id);
  chan_session_core_output (self->session, later);
}

void
chan_stream_finish (ChanStream *self, ChanLater *later)
{
  if (self->out_over)
    return;
  self->out_over = TRUE;
  link_class (self, later)->finish (self->session->link, self->id);
  chan_session_core_output_batched (self->session, 0, later);
  if (self->in_over)
    maybe_remove (self, later);
  else if (self->session->state == CHAN_SESSION_DRAINING)
    chan_session_core_drain (self->session, later);
}

void
chan_stream_end_seen (ChanStream *self, ChanLater *later)
{
  if (self->out == NULL)
    chan_stream_finish (self, later);
}

void
chan_stream_stop (ChanStream *self, const GError *reason, ChanLater *later)
{
  ChanLinkClass *klass = link_class (self, later);

  if (self->out == NULL)
    {
      chan_stream_reset (self, reason, later);
      return;
    }
  /* A reset would take with it what we wrote: what still arrives is dropped. */
  if (klass->stop != NULL && !self->in_over)
    klass->stop (self->session->link, self->id, (ChanChannelError) reason->code, reason->message);
  chan_session_core_output_batched (self->session, 0, later);
}

static void
stream_reset (ChanStream *self, const GError *reason, gboolean behind, ChanLater *later)
{
  ChanLinkClass *klass = link_class (self, later);
  ChanChannelError code = CHAN_CHANNEL_ERROR_RESET;
  ChanSessionCore *session = self->session;
  g_autoptr (ChanPipe) in = self->in != NULL ? chan_pipe_ref (self->in) : NULL;
  g_autoptr (ChanPipe) out = self->out != NULL ? chan_pipe_ref (self->out) : NULL;

  if (reason != NULL && reason->domain == CHAN_CHANNEL_ERROR)
    code = (ChanChannelError) reason->code;
  (behind && klass->reset_behind != NULL ? klass->reset_behind : klass->reset)
    (session->link, self->id, code, reason != NULL ? reason->message : NULL);
  self->in_over = self->out_over = TRUE;
  chan_session_core_remove (session, self, later);
  /* The other direction of a byte stream ends too. */
  if (in != NULL && reason != NULL)
    chan_pipe_failed (in, reason, later);
  if (out != NULL && reason != NULL)
    chan_pipe_failed (out, reason, later);
  chan_session_core_output_batched (session, 0, later);
}

void
chan_stream_reset (ChanStream *self, const GError *reason, ChanLater *later)
{
  stream_reset (self, reason, FALSE, later);
}

void
chan_stream_reset_behind (ChanStream *self, const GError *reason, ChanLater *later)
{
  stream_reset (self, reason, TRUE, later);
}

void
chan_stream_bind_in (ChanStream *self, ChanPipe *pipe, ChanLater *later)
{
  self->in = chan_pipe_ref (pipe);
  /* Nothing of ours goes that way. */
  if (self->ours && self->kind == CHAN_STREAM_BYTES_OUT)
    chan_stream_finish (self, later);
  chan_pipe_link_sender (pipe, self, later);
}

void
chan_stream_bind_out (ChanStream *self, ChanPipe *pipe, ChanLater *later)
{
  self->out = chan_pipe_ref (pipe);
  chan_pipe_link_receiver (pipe, self, later);
}

/* --- up --- */

void
chan_stream_deliver_message (ChanStream *self, ChanMessage *message, gsize cost, ChanLater *later)
{
  if (self->in == NULL)
    {
      chan_stream_took (self, cost, 0, later);
      chan_later_add (later, (ChanLaterFunc) chan_message_unref, message);
      return;
    }
  self->session->n_messages_in++;
  chan_pipe_push (self->in, message, MAX (cost, 1), later);
}

void
chan_stream_deliver_bytes (ChanStream *self, GBytes *bytes, ChanLater *later)
{
  if (self->in == NULL)
    {
      chan_stream_took (self, g_bytes_get_size (bytes), 0, later);
      chan_later_add (later, (ChanLaterFunc) g_bytes_unref, bytes);
    }
  else
    chan_pipe_push (self->in, bytes, g_bytes_get_size (bytes), later);
}

void
chan_stream_deliver_finish (ChanStream *self, ChanLater *later)
{
  if (self->in_over)
    return;
  self->in_over = TRUE;
  /* finished() may end our half, and with it this stream. */
  if (self->in != NULL && !self->out_over)
    {
      chan_pipe_finished (self->in, later);
      return;
    }
  if (self->in != NULL)
    chan_pipe_finished (self->in, later);
  maybe_remove (self, later);
}

void
chan_stream_deliver_reset (ChanStream *self, const GError *error, ChanLater *later)
{
  g_autoptr (ChanPipe) in = self->in != NULL ? chan_pipe_ref (self->in) : NULL;
  g_autoptr (ChanPipe) out = self->out != NULL ? chan_pipe_ref (self->out) : NULL;

  self->in_over = self->out_over = TRUE;
  chan_session_core_remove (self->session, self, later);
  if (in != NULL)
    chan_pipe_failed (in, error, later);
  if (out != NULL)
    chan_pipe_failed (out, error, later);
}

void
chan_stream_deliver_stop (ChanStream *self, const GError *error, ChanLater *later)
{
  g_autoptr (ChanPipe) out = self->out != NULL ? chan_pipe_ref (self->out) : NULL;

  if (out == NULL || self->out_over)
    return;
  chan_pipe_failed (out, error, later);
  chan_stream_finish (self, later);
}

void
chan_stream_deliver_taken (ChanStream *self, guint64 count, ChanLater *later)
{
  if (self->out != NULL)
    chan_pipe_peer_took (self->out, count, later);
  chan_fd_credit_taken (self, count, later);
}

void
chan_stream_deliver_room (ChanStream *self, ChanLater *later)
{
  if (self->out != NULL)
    chan_pipe_drain (self->out, later);
}
