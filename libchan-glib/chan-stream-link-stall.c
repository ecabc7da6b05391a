/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include "chan-leftover.h"
#include "chan-link-private.h"

/* What arrived and was not taken (docs/architecture.md, "Backpressure").
 *
 * `unread` is what the application can take. A peer that obeys no window (libchan
 * for Go) is stopped by not reading from its socket; one of our own kind stops at
 * its windows. `large` is what large messages hold beyond the windows, and `kept`
 * what streams that are over have left in their queues. `stuck` is what nobody can
 * take: part of a message, or data that waits for a handle; waiting longer would
 * not help, so there the channel ends. */

gsize
chan_stream_link_count_unread (ChanStreamLink *self)
{
  return self->unread + self->kept + self->large + self->stuck;
}

static gsize
large_max (ChanStreamLink *self)
{
  gsize window = MIN (self->limits.session_window, self->limits.unread_bytes);

  /* A message of any size that is allowed can come through each slot, and one is kept for who waits for it. */
  return MAX (self->limits.unread_bytes - window, (CHAN_REASSEMBLY_SLOTS + 1) * (gsize) self->limits.message_bytes);
}

gsize
chan_stream_link_unread_max (ChanStreamLink *self)
{
  return self->limits.session_window + large_max (self);
}

gboolean
chan_stream_link_large_fits (ChanStreamLink *self, gboolean for_reader)
{
  gsize n = self->n_slots + (for_reader ? 1 : 2);

  return self->n_slots < CHAN_REASSEMBLY_SLOTS && self->large + n * self->limits.message_bytes <= large_max (self);
}

/* Windows and slots bound bytes, but not into how many messages a peer cuts them. */
static gboolean
is_over_budget (ChanStreamLink *self)
{
  return self->n_unread > 0 && chan_stream_link_count_unread (self) + self->n_unread * CHAN_MESSAGE_OVERHEAD > chan_stream_link_unread_max (self);
}

/* opening: of the session's window, what the peer is about to hear of. */
static gboolean
is_stalled (ChanStreamLink *self, guint64 opening)
{
  if (is_over_budget (self))
    return TRUE;
  /* Who keeps to windows is not stopped for one full channel: credit for what we
   * send is behind what is not read, and might be what the channel waits for. */
  if (self->dialect != CHAN_SPDY_DIALECT_GLIB)
    return (self->n_full > 0 && !chan_spdy_conn_obeys_windows (self->conn)) || self->unread + self->kept > self->limits.session_window;
  /* The rest of a large message waits until others are taken. */
  if (self->slot_queue->len > 0 && self->large > 0 && self->n_slots < CHAN_REASSEMBLY_SLOTS && !chan_stream_link_large_fits (self, FALSE))
    return TRUE;
  return self->unread + self->kept > 0
         && chan_spdy_conn_session_receive_window (self->conn) + opening <= self->limits.stream_window / 4;
}

static void
look (ChanStreamLink *self)
{
  gboolean stalled = self->state >= LINK_RUNNING && is_stalled (self, 0);
  gboolean was_paused = self->paused;

  if (!stalled)
    self->reset_deadline = 0;
  else if (self->reset_deadline == 0 && self->stall_reset_sec > 0)
    self->reset_deadline = g_get_monotonic_time () + (gint64) self->stall_reset_sec * G_USEC_PER_SEC;
  self->paused = stalled && (self->dialect != CHAN_SPDY_DIALECT_GLIB || is_over_budget (self));
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
chan_stream_link_look_again (ChanStreamLink *self)
{
  gboolean was_paused = self->paused;

  look (self);
  if (was_paused && !self->paused && self->state != LINK_DEAD)
    chan_stream_link_update_poll (self);
}

void
chan_stream_link_took (ChanStreamLink *self, LinkStream *stream, gsize bytes)
{
  gboolean was_paused = self->paused;

  set_unread (self, stream, stream->unread - MIN (bytes, stream->unread));
  if (was_paused && !self->paused && self->state != LINK_DEAD)
    chan_stream_link_update_poll (self);
}

void
chan_stream_link_messages_taken (ChanStreamLink *self, guint n)
{
  self->n_unread -= n;
  chan_stream_link_look_again (self);
}

/* --- large messages, beyond the window --- */

void
chan_stream_link_large_came (ChanStreamLink *self, LinkStream *stream)
{
  if (stream->early == 0)
    return;
  stream->n_large = stream->n_delivered + 1;
  stream->large = stream->early;
  self->large += stream->early;
}

static void
forget_large (ChanStreamLink *self, gsize bytes)
{
  if (bytes == 0)
    return;
  self->large -= bytes;
  if (self->state != LINK_DEAD)
    chan_stream_link_serve_slots (self);
  chan_stream_link_look_again (self);
}

void
chan_stream_link_large_taken (ChanStreamLink *self, LinkStream *stream)
{
  gsize large = stream->large;

  if (large == 0 || (gint32) (stream->n_large - stream->n_taken) > 0)
    return;
  stream->large = 0;
  forget_large (self, large);
}

/* --- of streams that are over (chan-leftover.h) --- */

gsize
chan_stream_link_keep (ChanLink *link, guint64 id, gsize bytes, guint n_messages)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);
  LinkStream *stream = chan_link_get_stream_data (link, id);
  gsize large;

  if (stream == NULL)
    return 0;
  chan_spdy_conn_keep (self->conn, stream->sid, bytes);
  self->kept += bytes;
  self->n_unread += n_messages;
  /* It came, and so is counted, but may still wait for a stream that it names. */
  if (stream->waiting != NULL)
    return 0;
  large = stream->large;
  stream->large = 0;
  return large;
}

void
chan_stream_link_wanted (ChanLink *link, guint64 id)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  if (self->state != LINK_DEAD)
    chan_stream_link_serve_slots (self);
}

void
chan_stream_link_release (ChanLink *link, gsize bytes, gsize beyond, guint n_messages)
{
  ChanStreamLink *self = CHAN_STREAM_LINK (link);

  self->kept -= bytes;
  self->n_unread -= n_messages;
  chan_spdy_conn_discard (self->conn, bytes);
  forget_large (self, beyond);
  chan_stream_link_look_again (self);
}

/* --- what nobody can take --- */

gboolean
chan_stream_link_check_stuck (ChanStreamLink *self, LinkStream *stream)
{
  gsize limit = self->limits.session_window + CHAN_REASSEMBLY_SLOTS * (gsize) self->limits.message_bytes;
  gsize stuck = chan_decoder_held (&stream->decoder);
  g_autoptr (GError) error = NULL;

  stuck += stream->held != NULL ? stream->held->len : 0;
  /* What of it was beyond the window is counted as such. */
  stuck += stream->waiting != NULL ? stream->waiting->n_bytes - MIN (stream->waiting->n_bytes, stream->large) : 0;
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
  gsize large = stream->large;

  self->stuck -= stream->stuck;
  stream->stuck = stream->large = 0;
  self->n_unread -= stream->n_delivered - stream->n_taken;
  stream->n_taken = stream->n_delivered;
  forget_large (self, large);
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

      if (stream != NULL && (fullest == NULL || stream->unread + stream->large > fullest->unread + fullest->large))
        fullest = stream;
    }
  return fullest;
}

/* What is left are the first n messages, which somebody has begun to take. */
static void
large_dropped (ChanStreamLink *self, LinkStream *stream, guint n)
{
  gsize large = stream->large;

  if (large == 0 || stream->n_large - stream->n_taken <= n)
    return;
  stream->large = 0;
  forget_large (self, large);
}

/* Its queue goes with it: what stays there would hold up the others as before. FALSE: somebody takes what stays, and
 * makes room soon. */
static gboolean
drop_stream (ChanStreamLink *self, LinkStream *stream, const GError *error)
{
  ChanSessionCore *session = chan_link_private (CHAN_LINK (self))->session;
  ChanStream *known = chan_session_core_lookup (session, stream->id);
  gboolean all = TRUE;

  if (known->in != NULL)
    {
      chan_pipe_fail_queue (known->in, error, session->reactor->later);
      large_dropped (self, stream, known->in->n_items);
      all = known->in->n_items == 0;
    }
  chan_stream_link_end_stream (self, stream, error);
  return all;
}

/* stall-policy=reset: those who hold up the others go, at last those that are over but for their queues. */
void
chan_stream_link_break_stall (ChanStreamLink *self)
{
  g_autoptr (GError) error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT,
                                                  "Nobody read this channel, and it held up the others");
  ChanLinkPrivate *link = chan_link_private (CHAN_LINK (self));
  gboolean goes_on = TRUE;

  while (goes_on && self->state != LINK_DEAD && is_stalled (self, chan_spdy_conn_open_session_window (self->conn)))
    {
      LinkStream *stream = find_fullest (self);

      if (stream != NULL && stream->unread + stream->large > 0)
        goes_on = drop_stream (self, stream, error);
      else
        goes_on = chan_leftover_drop_oldest (link->session, error, link->session->reactor->later);
    }
  self->reset_deadline = 0;
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
