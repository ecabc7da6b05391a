/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-link-private.h"

/* What arrived and was not taken (docs/architecture.md, "Backpressure").
 *
 * `unread` is what the application can take. A peer that obeys no window (libchan
 * for Go) is stopped by not reading from its socket; one of our own kind stops at
 * its windows. `stuck` is what nobody can take: part of a message, or data that
 * waits for a handle; waiting longer would not help, so there the channel ends. */

static gboolean
is_stalled (ChanStreamLink *self)
{
  /* Who keeps to windows is not stopped for one full channel: credit for what we
   * send is behind what is not read, and might be what the channel waits for. */
  if (self->dialect != CHAN_SPDY_DIALECT_GLIB)
    return (self->n_full > 0 && !chan_spdy_conn_obeys_windows (self->conn)) || self->unread > self->limits.session_window;
  return self->unread > 0 && chan_spdy_conn_session_receive_window (self->conn) <= self->limits.stream_window / 4;
}

static void
look (ChanStreamLink *self)
{
  gboolean stalled = self->state >= LINK_RUNNING && is_stalled (self);
  gboolean was_paused = self->paused;

  if (!stalled)
    self->reset_deadline = 0;
  else if (self->reset_deadline == 0 && self->stall_reset_sec > 0)
    self->reset_deadline = g_get_monotonic_time () + (gint64) self->stall_reset_sec * G_USEC_PER_SEC;
  self->paused = stalled && self->dialect != CHAN_SPDY_DIALECT_GLIB;
  /* While nothing is read a peer cannot be heard, nor complete its frame. */
  if (self->paused)
    self->frame_deadline = 0;
  else if (was_paused)
    self->heard = self->now = g_get_monotonic_time ();
}

static void
set_unread (ChanStreamLink *self, LinkStream *stream, gsize unread)
{
  gboolean full = unread > self->limits.queue_bytes;

  self->unread = self->unread - stream->unread + unread;
  stream->unread = unread;
  if (full && !stream->full)
    self->n_full++;
  else if (!full && stream->full)
    self->n_full--;
  stream->full = full ? 1 : 0;
  look (self);
}

void
chan_stream_link_add_unread (ChanStreamLink *self, LinkStream *stream, gsize bytes)
{
  set_unread (self, stream, stream->unread + bytes);
}

void
chan_stream_link_took (ChanStreamLink *self, LinkStream *stream, gsize bytes)
{
  gboolean was_paused = self->paused;

  set_unread (self, stream, stream->unread - MIN (bytes, stream->unread));
  if (was_paused && !self->paused && self->state != LINK_DEAD)
    chan_stream_link_update_poll (self);
}

gboolean
chan_stream_link_check_stuck (ChanStreamLink *self, LinkStream *stream)
{
  gsize limit = self->limits.session_window + CHAN_REASSEMBLY_SLOTS * (gsize) self->limits.message_bytes;
  gsize stuck = chan_decoder_held (&stream->decoder);
  g_autoptr (GError) error = NULL;

  stuck += stream->held != NULL ? stream->held->len : 0;
  stuck += stream->waiting != NULL ? stream->waiting->n_bytes : 0;
  self->stuck = self->stuck - stream->stuck + stuck;
  stream->stuck = stuck;
  if (self->stuck <= limit)
    return TRUE;
  error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The peer has too many incomplete messages under way");
  chan_stream_link_end_stream (self, stream, error);
  return FALSE;
}

void
chan_stream_link_uncount (ChanStreamLink *self, LinkStream *stream)
{
  self->stuck -= stream->stuck;
  stream->stuck = 0;
  chan_stream_link_took (self, stream, stream->unread);
}

static LinkStream *
find_fullest (ChanStreamLink *self)
{
  GPtrArray *streams = chan_link_private (CHAN_LINK (self))->session->streams;
  LinkStream *fullest = NULL;

  for (guint i = 0; i < streams->len; i++)
    {
      ChanStream *known = streams->pdata[i];
      LinkStream *stream = known != NULL ? known->link_data : NULL;

      if (stream != NULL && (fullest == NULL || stream->unread > fullest->unread))
        fullest = stream;
    }
  return fullest;
}

/* stall-policy=reset: those who hold up the others go. */
void
chan_stream_link_break_stall (ChanStreamLink *self)
{
  g_autoptr (GError) error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                                                  "Nobody read this channel, and it held up the others");
  LinkStream *stream;

  while (self->state != LINK_DEAD && is_stalled (self) && (stream = find_fullest (self)) != NULL && stream->unread > 0)
    chan_stream_link_end_stream (self, stream, error);
  look (self);
}

/* Streams that we opened for the messages of one that the peer refused: nobody
 * will ever look at them. */
void
chan_stream_link_refused (ChanStreamLink *self, guint64 parent_ref, const char *text)
{
  GPtrArray *streams = chan_link_private (CHAN_LINK (self))->session->streams;

  for (guint i = 0; self->state != LINK_DEAD && i < streams->len; i++)
    {
      ChanStream *known = streams->pdata[i];
      LinkStream *stream = known != NULL ? known->link_data : NULL;
      g_autoptr (GError) error = NULL;

      if (stream == NULL || !known->ours || stream->parent_ref != parent_ref)
        continue;
      error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, text != NULL ? text : "The peer refused the channel of the message that carried this end");
      chan_stream_link_end_stream (self, stream, error);
    }
}
