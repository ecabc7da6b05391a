/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-fd-credit.h"

#include "chan-link-private.h"

/* A message of a stream that carried descriptors and was not taken yet. */
typedef struct
{
  guint64 number; /* of the message, from 1 on */
  guint n_fds;
} SentFds;

guint
chan_fd_credit_count (ChanMessage *message)
{
  guint n = chan_message_get_n_handles (message);
  guint n_fds = 0;

  for (guint i = 0; i < n; i++)
    n_fds += CHAN_IS_FD (chan_message_get_handle (message, i));
  return n_fds;
}

/* 0: no bound. */
static guint
credit_of (ChanStream *stream)
{
  ChanLinkPrivate *link = chan_link_private (stream->session->link);

  return (link->flags & CHAN_LINK_FDS) != 0 ? link->fd_credit : 0;
}

static void
set_wants (ChanStream *self, gboolean wants)
{
  if (self->wants_fds == wants)
    return;
  self->wants_fds = wants != FALSE;
  if (wants)
    self->session->fd_credit.n_waiting++;
  else
    self->session->fd_credit.n_waiting--;
}

gboolean
chan_fd_credit_allows (ChanStream *stream, guint n_fds)
{
  guint credit = n_fds > 0 ? credit_of (stream) : 0;
  guint left = credit - MIN (credit, stream->session->fd_credit.n_out);
  /* One channel that nobody reads leaves as much to the others as it has. */
  gboolean fits = n_fds <= left && (stream->n_fds_out == 0 || stream->n_fds_out + n_fds <= left);
  gboolean waits = credit > 0 && n_fds <= credit && !fits;

  set_wants (stream, waits);
  return !waits;
}

void
chan_fd_credit_retry (ChanStream *stream)
{
  set_wants (stream, FALSE);
}

gboolean
chan_fd_credit_check (ChanStream *stream, guint n_fds, GError **error)
{
  guint credit = n_fds > 0 ? credit_of (stream) : 0;

  if (credit == 0 || n_fds <= credit)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_COMPLEX,
               "The message carries %u file descriptors; this peer takes at most %u at a time", n_fds, credit);
  return FALSE;
}

void
chan_fd_credit_sent (ChanStream *stream, guint n_fds)
{
  SentFds sent = { ++stream->n_sent, n_fds };

  if (n_fds == 0)
    return;
  if (stream->fds_sent == NULL)
    stream->fds_sent = g_array_new (FALSE, FALSE, sizeof (SentFds));
  g_array_append_val (stream->fds_sent, sent);
  stream->n_fds_out += n_fds;
  stream->session->fd_credit.n_out += n_fds;
}

void
chan_fd_credit_taken (ChanStream *stream, guint64 n_messages, ChanLater *later)
{
  guint n = 0;

  /* A peer that says it took what was never sent is not believed. */
  if (stream->fds_sent == NULL || n_messages > stream->n_sent)
    return;
  for (; n < stream->fds_sent->len; n++)
    {
      SentFds *sent = &g_array_index (stream->fds_sent, SentFds, n);

      if (sent->number > n_messages)
        break;
      stream->n_fds_out -= sent->n_fds;
      stream->session->fd_credit.n_out -= sent->n_fds;
    }
  if (n == 0)
    return;
  g_array_remove_range (stream->fds_sent, 0, n);
  chan_fd_credit_serve (stream->session, later);
}

void
chan_fd_credit_forget (ChanStream *stream)
{
  set_wants (stream, FALSE);
  stream->session->fd_credit.n_out -= stream->n_fds_out;
  stream->n_fds_out = 0;
  g_clear_pointer (&stream->fds_sent, g_array_unref);
}

static void
serve_once (ChanSessionCore *session, ChanLater *later)
{
  guint n = session->fd_credit.n_waiting;

  for (guint i = 0; i < session->streams->len && n > 0; i++)
    {
      ChanStream *stream = g_ptr_array_index (session->streams, i);

      if (stream == NULL || !stream->wants_fds)
        continue;
      n--;
      set_wants (stream, FALSE);
      chan_stream_deliver_room (stream, later);
    }
}

/* Whoever does not fit waits on, and lets others pass that do. */
void
chan_fd_credit_serve (ChanSessionCore *session, ChanLater *later)
{
  enum { NOT, ONCE, AGAIN };

  if (session->fd_credit.serving != NOT)
    {
      session->fd_credit.serving = AGAIN;
      return;
    }
  do
    {
      session->fd_credit.serving = ONCE;
      serve_once (session, later);
    }
  while (session->fd_credit.serving == AGAIN);
  session->fd_credit.serving = NOT;
}
