/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-leftover.h"

#include "chan-fd-private.h"
#include "chan-link-private.h"

struct _ChanLeftover
{
  ChanLeftoverHome *home; /* a reference */
  GList *place;           /* in the home's queue, unless the session has ended */
  gsize bytes;            /* of the session's window */
  gsize beyond;           /* of a large message, beyond the window */
  guint n_messages;
};

static ChanLeftoverHome *
get_home (ChanSessionCore *session)
{
  if (session->leftover_home == NULL)
    {
      session->leftover_home = g_new0 (ChanLeftoverHome, 1);
      g_atomic_ref_count_init (&session->leftover_home->ref_count);
      session->leftover_home->session = session;
    }
  g_atomic_ref_count_inc (&session->leftover_home->ref_count);
  return session->leftover_home;
}

void
chan_leftover_home_unref (ChanLeftoverHome *self)
{
  if (g_atomic_ref_count_dec (&self->ref_count))
    g_free (self);
}

void
chan_leftover_home_left (ChanLeftoverHome *self, ChanLater *later)
{
  ChanPipe *pipe;

  self->session = NULL;
  while ((pipe = g_queue_pop_head (&self->pipes)) != NULL)
    chan_later_add (later, (ChanLaterFunc) chan_pipe_unref, pipe);
}

gboolean
chan_leftover_drop_oldest (ChanSessionCore *session, const GError *error, ChanLater *later)
{
  for (GList *l = session->leftover_home != NULL ? session->leftover_home->pipes.head : NULL; l != NULL; l = l->next)
    {
      ChanPipe *pipe = l->data;

      if (pipe->n_items <= pipe->n_reserved)
        continue;
      chan_pipe_fail_queue (pipe, error, later);
      return TRUE;
    }
  return FALSE;
}

/* The sender has forgotten these, and has credit for as many again. What is beyond it does not stay. */
static void
leave_fds (ChanPipe *pipe, ChanLater *later)
{
  for (guint i = 0; i < pipe->n_items; i++)
    {
      ChanMessage *message = pipe->slots[(pipe->head + i) & (pipe->n_slots - 1)].data;

      if (chan_fd_leave_behind (message) || i < pipe->n_reserved)
        continue;
      chan_pipe_cut_queue (pipe, i, g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                                                         "Too many file descriptors of channels that are over wait to be taken"),
                           later);
      return;
    }
}

void
chan_leftover_begin (ChanStream *stream, ChanLater *later)
{
  ChanLink *link = stream->session->link;
  ChanLeftover *self;
  guint n_messages;
  gsize bytes;

  if (stream->in == NULL || stream->session->state >= CHAN_SESSION_CLOSED)
    return;
  if (stream->in->kind == CHAN_ITEM_MESSAGE)
    leave_fds (stream->in, later);
  if (CHAN_LINK_GET_CLASS (link)->keep == NULL)
    return;
  bytes = chan_pipe_owed (stream->in, &n_messages);
  if (bytes == 0)
    return;
  self = g_new (ChanLeftover, 1);
  *self = (ChanLeftover){ get_home (stream->session), NULL, bytes, 0, n_messages };
  g_queue_push_tail (&self->home->pipes, chan_pipe_ref (stream->in));
  self->place = self->home->pipes.tail;
  self->beyond = CHAN_LINK_GET_CLASS (link)->keep (link, stream->id, bytes, n_messages);
  stream->in->leftover = self;
}

void
chan_leftover_free (ChanLeftover *self)
{
  chan_leftover_home_unref (self->home);
  g_free (self);
}

static void
leave_home (ChanLeftover *self, ChanLater *later)
{
  chan_later_add (later, (ChanLaterFunc) chan_pipe_unref, self->place->data);
  g_queue_delete_link (&self->home->pipes, self->place);
}

gboolean
chan_leftover_took (ChanLeftover *self, gsize bytes, guint n_messages, ChanLater *later)
{
  ChanSessionCore *session = self->home->session;
  gboolean last = bytes >= self->bytes;

  bytes = MIN (bytes, self->bytes);
  n_messages = last ? self->n_messages : MIN (n_messages, self->n_messages);
  self->bytes -= bytes;
  self->n_messages -= n_messages;
  if (session != NULL)
    {
      if (last)
        leave_home (self, later);
      session->reactor->later = later;
      CHAN_LINK_GET_CLASS (session->link)->release (session->link, bytes, last ? self->beyond : 0, n_messages);
      chan_session_core_output_batched (session, bytes, later);
    }
  if (last)
    chan_leftover_free (self);
  return last;
}
