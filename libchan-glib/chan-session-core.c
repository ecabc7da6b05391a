/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-session-core.h"

#include "chan-attendant.h"
#include "chan-handle.h"
#include "chan-leftover.h"
#include "chan-link-private.h"
#include "chan-live.h"
#include "chan-session-private.h"
#include "chan-words.h"

/* The table of streams, and the life of a session. Its object: chan-session.c. */

static void core_service (gpointer owner, GIOCondition ready, ChanLater *later);
static void core_flush (gpointer owner, ChanLater *later);

static const ChanReactorFuncs core_funcs = { core_service, core_flush };

ChanSessionCore *
chan_session_core_new (ChanLink *link, ChanSessionRole role, ChanOptions *options)
{
  ChanLinkPrivate *priv = chan_link_private (link);
  ChanSessionCore *self = g_new0 (ChanSessionCore, 1);

  chan_live_add (CHAN_LIVE_SESSION_CORE, 1);
  g_atomic_ref_count_init (&self->ref_count);
  self->link = g_object_ref (link);
  self->role = role;
  self->reactor = priv->reactor != NULL ? chan_reactor_ref (priv->reactor) : chan_reactor_new (&core_funcs, self, -1);
  self->streams = g_ptr_array_new ();
  self->free_slots = g_array_new (FALSE, FALSE, sizeof (guint));
  self->capacity = (guint) chan_options_get_int (options, "capacity");
  self->max_unaccepted = (guint) chan_options_get_int (options, "max-streams");
  self->max_message_bytes = (gsize) chan_options_get_int (options, "max-message-bytes");
  self->drain_timeout_sec = (guint) chan_options_get_int (options, "drain-timeout-sec");
  self->accepts = chan_pipe_core_new (CHAN_ITEM_OBJECT, G_MAXUINT, self->reactor);
  self->accepts->sender_side = CHAN_SIDE_LINKED;
  self->link_deadline = self->drain_deadline = G_MAXINT64;
  chan_guard_init (&self->guard, self->reactor);
  return self;
}

ChanSessionCore *
chan_session_core_ref (ChanSessionCore *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

void
chan_session_core_unref (ChanSessionCore *self)
{
  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  g_assert (self->n_streams == 0);
  g_ptr_array_unref (self->streams);
  g_array_unref (self->free_slots);
  g_clear_error (&self->error);
  g_clear_pointer (&self->leftover_home, chan_leftover_home_unref);
  chan_pipe_unref (self->accepts);
  chan_guard_clear (&self->guard);
  chan_reactor_unref (self->reactor);
  g_object_unref (self->link);
  chan_live_add (CHAN_LIVE_SESSION_CORE, -1);
  g_free (self);
}

void
chan_session_core_start (ChanSessionCore *self)
{
  ChanLinkPrivate *priv = chan_link_private (self->link);
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  /* The link's reference: until the session has ended. */
  priv->session = chan_session_core_ref (self);
  self->reactor->later = &later;
  self->reactor->fd = priv->fd;
  self->reactor->extra_fds = priv->extra_fds;
  self->link_deadline = priv->deadline;
  if (priv->fd >= 0)
    {
      self->reactor->want = priv->want;
      self->reactor->deadline = priv->deadline;
      chan_attendant_note (self->reactor, TRUE, &later);
    }
  /* Once for every link: its session begins. */
  self->reactor->servicing = TRUE;
  core_service (self, 0, &later);
  self->reactor->servicing = FALSE;
  chan_reactor_unlock (self->reactor, &later);
}

gboolean
chan_session_core_check (ChanSessionCore *self, GError **error)
{
  if (self->state <= CHAN_SESSION_OPEN)
    return TRUE;
  if (self->error != NULL)
    g_propagate_error (error, g_error_copy (self->error));
  else
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The session is closed");
  return FALSE;
}

/* --- streams --- */

ChanStream *
chan_session_core_add (ChanSessionCore *self, gboolean ours, ChanStreamKind kind)
{
  ChanStream *stream = g_new0 (ChanStream, 1);
  guint slot;

  if (self->free_slots->len > 0)
    {
      slot = g_array_index (self->free_slots, guint, self->free_slots->len - 1);
      g_array_set_size (self->free_slots, self->free_slots->len - 1);
    }
  else
    {
      slot = self->streams->len;
      g_ptr_array_add (self->streams, NULL);
    }
  self->streams->pdata[slot] = stream;
  self->n_streams++;
  stream->id = ((guint64) ++self->serial << 32) | slot;
  stream->session = self;
  stream->ours = (guint8) ours;
  stream->kind = (guint8) kind;
  chan_live_add (CHAN_LIVE_STREAM, 1);
  chan_session_core_ref (self);
  return stream;
}

ChanStream *
chan_session_core_lookup (ChanSessionCore *self, guint64 id)
{
  guint slot = (guint) (id & G_MAXUINT32);
  ChanStream *stream = slot < self->streams->len ? self->streams->pdata[slot] : NULL;

  return stream != NULL && stream->id == id ? stream : NULL;
}

static void
unbind (ChanPipe *pipe, ChanStream **where, ChanLater *later)
{
  if (pipe == NULL)
    return;
  *where = NULL;
  chan_later_add (later, (ChanLaterFunc) chan_pipe_unref, pipe);
}

void
chan_session_core_remove (ChanSessionCore *self, ChanStream *stream, ChanLater *later)
{
  guint slot = (guint) (stream->id & G_MAXUINT32);

  if (self->streams->pdata[slot] != stream)
    return;
  self->reactor->later = later;
  chan_leftover_begin (stream, later);
  chan_fd_credit_forget (stream);
  CHAN_LINK_GET_CLASS (self->link)->forget (self->link, stream->id);
  self->streams->pdata[slot] = NULL;
  g_array_append_val (self->free_slots, slot);
  self->n_streams--;
  if (stream->in != NULL)
    unbind (stream->in, &stream->in->in, later);
  if (stream->out != NULL)
    unbind (stream->out, &stream->out->out, later);
  chan_live_add (CHAN_LIVE_STREAM, -1);
  chan_later_add (later, g_free, stream);
  chan_later_add (later, (ChanLaterFunc) chan_session_core_unref, self);
  if (self->fd_credit.n_waiting > 0)
    chan_fd_credit_serve (self, later);
  if (self->state == CHAN_SESSION_DRAINING)
    chan_session_core_drain (self, later);
  else if (self->object == NULL)
    chan_session_core_maybe_retire (self, later);
}

/* --- life --- */

static void
end_ops (ChanOpRing *ring, const GError *error, ChanLater *later)
{
  ChanOp *op;

  while ((op = ring->first) != NULL)
    {
      if (error != NULL)
        op->error = g_error_copy (error);
      chan_op_end (ring, op, CHAN_OP_DONE, later);
    }
}

static void
tell_ready (ChanSessionCore *self, const GError *error, ChanLater *later)
{
  if (self->on_ready != NULL)
    self->on_ready (self->on_ready_data, error, later);
  self->on_ready = NULL;
  end_ops (&self->ready_ops, error, later);
}

void
chan_session_core_ready (ChanSessionCore *self, ChanLater *later)
{
  /* A server's session is open before it knows its client, and so may be one that is closing. */
  if (self->state > CHAN_SESSION_DRAINING)
    return;
  if (self->state == CHAN_SESSION_CONNECTING)
    {
      self->state = CHAN_SESSION_OPEN;
      tell_ready (self, NULL, later);
    }
  for (guint i = 0; i < self->streams->len; i++)
    if (self->streams->pdata[i] != NULL)
      chan_stream_deliver_room (self->streams->pdata[i], later);
}

static void
close_local_sides (ChanStream *stream, ChanLater *later)
{
  g_autoptr (ChanPipe) in = stream->in != NULL ? chan_pipe_ref (stream->in) : NULL;
  g_autoptr (ChanPipe) out = stream->out != NULL ? chan_pipe_ref (stream->out) : NULL;

  if (out != NULL && out->sender_side == CHAN_SIDE_LOCAL && out->copied)
    {
      g_autoptr (GError) cut = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET,
                                                    "The session that carried this was closed before its end");

      chan_pipe_fail_sender (out, cut, FALSE, later);
    }
  else if (out != NULL && out->sender_side == CHAN_SIDE_LOCAL)
    chan_pipe_close_sender (out, later);
  if (in != NULL && in->receiver_side == CHAN_SIDE_LOCAL)
    chan_pipe_close_receiver (in, CHAN_CHANNEL_ERROR_CLOSED, "The session is closing", later);
}

/* Everything was given to the link. One of our own peers has then got it all
 * before it sees our end; another stops reading at once when we go, so its own
 * end is awaited (docs/wire.md, "The end of a session"). Readers of byte streams
 * never tell theirs. */
static gboolean
is_drained (ChanSessionCore *self)
{
  ChanLinkPrivate *link = chan_link_private (self->link);
  gboolean waits = (link->flags & CHAN_LINK_TAKEN) == 0 && !link->asks_at_end && !link->unsaid;

  for (guint i = 0; i < self->streams->len; i++)
    {
      ChanStream *stream = self->streams->pdata[i];

      if (stream == NULL)
        continue;
      if (stream->out != NULL && !stream->out_over)
        return FALSE;
      if (waits && stream->kind >= CHAN_STREAM_SENDER && !stream->in_over)
        return FALSE;
    }
  return TRUE;
}

static void
end_undrained (ChanSessionCore *self, ChanLater *later)
{
  g_autoptr (GError) error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TIMED_OUT,
                                                  "The peer did not take everything in time");

  chan_session_core_end (self, error, later);
}

/* Without an fd nobody is called when the time has come. */
static void
drain_timed_out (gpointer data)
{
  ChanSessionCore *self = data;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->reactor);
  end_undrained (self, &later);
  chan_reactor_unlock (self->reactor, &later);
  chan_session_core_unref (self);
}

void
chan_session_core_drain (ChanSessionCore *self, ChanLater *later)
{
  self->reactor->later = later;
  if (self->state < CHAN_SESSION_DRAINING)
    {
      self->state = CHAN_SESSION_DRAINING;
      self->drain_deadline = g_get_monotonic_time () + (gint64) self->drain_timeout_sec * G_USEC_PER_SEC;
      chan_session_core_ref (self);
      for (guint i = 0; i < self->streams->len; i++)
        if (self->streams->pdata[i] != NULL)
          close_local_sides (self->streams->pdata[i], later);
      chan_later_add (later, (ChanLaterFunc) chan_session_core_unref, self);
      chan_session_core_set_deadlines (self, self->reactor->want, later);
      if (self->state != CHAN_SESSION_DRAINING)
        return;
      if (self->reactor->fd >= 0)
        chan_attendant_note (self->reactor, TRUE, later);
      else if (!is_drained (self))
        chan_attendant_call_at (self->drain_deadline, drain_timed_out, chan_session_core_ref (self), later);
    }
  if (is_drained (self))
    {
      CHAN_LINK_GET_CLASS (self->link)->shutdown (self->link, TRUE);
      chan_session_core_output (self, later);
    }
}

static void
fail_streams (ChanSessionCore *self, const GError *error, ChanLater *later)
{
  g_autoptr (GError) lost = error != NULL ? g_error_copy (error)
                                          : g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST,
                                                                 "The session ended before the channel did");

  for (guint i = 0; i < self->streams->len; i++)
    if (self->streams->pdata[i] != NULL)
      chan_stream_deliver_reset (self->streams->pdata[i], lost, later);
}

/* A half that the application uses and that has not ended. */
static gboolean
anything_cut (ChanSessionCore *self)
{
  for (guint i = 0; i < self->streams->len; i++)
    {
      ChanStream *stream = self->streams->pdata[i];

      if (stream == NULL)
        continue;
      if (stream->out != NULL && !stream->out_over)
        return TRUE;
      if (stream->in != NULL && !stream->in_over && stream->in->receiver_side != CHAN_SIDE_CLOSED)
        return TRUE;
    }
  return FALSE;
}

/* All that either side had to say is out and over: the peer did not stay to hear us say farewell. */
static gboolean
is_only_farewell (ChanSessionCore *self, const GError *error)
{
  ChanLinkPrivate *link = chan_link_private (self->link);

  return self->state == CHAN_SESSION_DRAINING && self->n_streams == 0 && !link->asks_at_end && !link->unsaid &&
         g_error_matches (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST);
}

void
chan_session_core_end (ChanSessionCore *self, const GError *error, ChanLater *later)
{
  ChanLinkPrivate *priv = chan_link_private (self->link);
  g_autoptr (GError) cut = NULL;

  if (self->state >= CHAN_SESSION_CLOSED)
    return;
  if (is_only_farewell (self, error))
    error = NULL;
  /* It was clean only if nothing was cut off. */
  if (error == NULL && (self->state == CHAN_SESSION_CONNECTING || anything_cut (self)))
    error = cut = priv->cut_error != NULL ? g_steal_pointer (&priv->cut_error)
                                          : g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The peer closed the connection");
  if (error != NULL)
    error = self->error = chan_words_error (error);
  self->reactor->later = later;
  self->state = error != NULL ? CHAN_SESSION_FAILED : CHAN_SESSION_CLOSED;
  if (self->leftover_home != NULL)
    chan_leftover_home_left (self->leftover_home, later);
  fail_streams (self, error, later);
  if (error != NULL)
    chan_pipe_failed (self->accepts, error, later);
  else
    chan_pipe_finished (self->accepts, later);
  tell_ready (self, error, later);
  end_ops (&self->ping_ops, error, later);
  end_ops (&self->close_ops, error, later);
  if (self->reactor->owner == self)
    {
      chan_reactor_close (self->reactor, later);
      self->reactor->owner = NULL;
    }
  CHAN_LINK_GET_CLASS (self->link)->shutdown (self->link, FALSE);
  chan_session_ended (self->object, later);
  if (priv->session != NULL)
    {
      priv->session = NULL;
      chan_later_add (later, (ChanLaterFunc) chan_session_core_unref, self);
    }
}

static gboolean
has_local_side (ChanStream *stream)
{
  return (stream->out != NULL && stream->out->sender_side <= CHAN_SIDE_RESERVED) ||
         (stream->in != NULL && stream->in->receiver_side <= CHAN_SIDE_RESERVED);
}

void
chan_session_core_maybe_retire (ChanSessionCore *self, ChanLater *later)
{
  /* What came in may be over before the application has the session. */
  if (self->object != NULL || !self->was_given || self->state != CHAN_SESSION_OPEN)
    return;
  for (guint i = 0; i < self->streams->len; i++)
    if (self->streams->pdata[i] != NULL && has_local_side (self->streams->pdata[i]))
      return;
  chan_session_core_drain (self, later);
}

void
chan_session_core_pong (ChanSessionCore *self, ChanLater *later)
{
  if (self->ping_sent == 0)
    return;
  self->round_trip = MAX (g_get_monotonic_time () - self->ping_sent, 1);
  self->ping_sent = 0;
  end_ops (&self->ping_ops, NULL, later);
}

/* --- being served --- */

void
chan_session_core_set_deadlines (ChanSessionCore *self, GIOCondition want, ChanLater *later)
{
  if (self->reactor->owner == self)
    chan_reactor_set_poll (self->reactor, want, MIN (self->link_deadline, self->drain_deadline), later);
}

void
chan_session_core_output (ChanSessionCore *self, ChanLater *later)
{
  if (self->reactor->owner == self)
    chan_reactor_output (self->reactor, later);
}

void
chan_session_core_output_batched (ChanSessionCore *self, gsize bytes, ChanLater *later)
{
  if (self->reactor->owner == self)
    chan_reactor_output_batched (self->reactor, bytes, later);
}

static void
core_service (gpointer owner, GIOCondition ready, ChanLater *later)
{
  ChanSessionCore *self = owner;
  g_autoptr (GError) error = NULL;

  self->reactor->later = later;
  if (self->drain_deadline != G_MAXINT64 && g_get_monotonic_time () >= self->drain_deadline)
    {
      end_undrained (self, later);
      return;
    }
  CHAN_LINK_GET_CLASS (self->link)->service (self->link, ready, &error);
  if (error != NULL)
    chan_session_core_end (self, error, later);
}

static void
core_flush (gpointer owner, ChanLater *later)
{
  core_service (owner, G_IO_OUT, later);
}
