/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-stream-link-private.h"

#include <string.h>

#include "chan-link-private.h"
#include "chan-message-private.h"

/* What DATA becomes: bytes, or messages with their handles. A message may name
 * a stream that is not there yet, and a stream may come before the message that
 * names it: both wait for the other, within limits. */

/* --- reassembly slots --- */

/* A message larger than the window needs credit beyond it, or nobody could ever
 * finish one; only two at a time get it, so memory stays bounded
 * (docs/architecture.md, "Messages larger than a window"). */
static ChanStream *
known_stream (ChanStreamLink *self, LinkStream *stream)
{
  ChanLater *later;

  return chan_link_lookup (CHAN_LINK (self), stream->id, &later);
}

static void
want_slot (ChanStreamLink *self, LinkStream *stream)
{
  if (stream->reassembles || g_ptr_array_find (self->slot_queue, stream, NULL))
    return;
  /* One large message a channel may be unread: the next waits, and asks again when it was taken. */
  if ((gint32) (stream->n_large - stream->n_taken) > 0)
    return;
  g_ptr_array_add (self->slot_queue, stream);
  chan_stream_link_serve_slots (self);
  if (stream->reassembles)
    return;
  known_stream (self, stream)->starves = TRUE;
  chan_stream_link_look_again (self);
}

static void
give_back_early (ChanStreamLink *self, LinkStream *stream)
{
  gsize held = chan_decoder_held (&stream->decoder);

  if (held <= stream->early)
    return;
  chan_spdy_conn_grant_now (self->conn, stream->sid, held - stream->early);
  stream->early = held;
}

static void
serve_slot (ChanStreamLink *self, guint index)
{
  LinkStream *next = g_ptr_array_steal_index (self->slot_queue, index);

  self->n_slots++;
  next->reassembles = TRUE;
  give_back_early (self, next);
}

void
chan_stream_link_serve_slots (ChanStreamLink *self)
{
  while (self->slot_queue->len > 0 && chan_stream_link_large_fits (self, FALSE))
    serve_slot (self, 0);
  for (guint i = 0; i < self->slot_queue->len && chan_stream_link_large_fits (self, TRUE); i++)
    {
      ChanStream *known = known_stream (self, self->slot_queue->pdata[i]);

      if (known == NULL || known->in == NULL || !chan_pipe_has_reader (known->in))
        continue;
      serve_slot (self, i);
      i--;
    }
}

void
chan_stream_link_drop_slot (ChanStreamLink *self, LinkStream *stream)
{
  g_ptr_array_remove (self->slot_queue, stream);
  if (!stream->reassembles)
    return;
  stream->reassembles = FALSE;
  self->n_slots--;
  chan_stream_link_serve_slots (self);
}

void
chan_stream_link_go_on (ChanStreamLink *self, LinkStream *stream)
{
  guint32 low = self->limits.stream_window / 4;

  if (chan_decoder_held (&stream->decoder) == 0)
    return;
  if (!stream->reassembles && (chan_spdy_conn_receive_window (self->conn, stream->sid) <= low ||
                               chan_spdy_conn_session_receive_window (self->conn) <= low))
    want_slot (self, stream);
  if (stream->reassembles)
    give_back_early (self, stream);
}

/* --- the ends of streams --- */

/* The channel is broken on our side of the wire: the peer hears why, and so does the application. */
void
chan_stream_link_end_stream (ChanStreamLink *self, LinkStream *stream, const GError *error)
{
  ChanLinkClass *klass = CHAN_LINK_GET_CLASS (self);
  guint64 id = stream->id;

  klass->reset (CHAN_LINK (self), id, (ChanChannelError) error->code, error->message);
  chan_link_deliver_reset (CHAN_LINK (self), id, (ChanChannelError) error->code, error->message);
}

void
chan_stream_link_reset_up (ChanStreamLink *self, LinkStream *stream)
{
  g_autofree char *text = g_steal_pointer (&stream->reset_text);

  chan_link_deliver_reset (CHAN_LINK (self), stream->id, (ChanChannelError) stream->reset_code, text);
}

void
chan_stream_link_fin (ChanStreamLink *self, LinkStream *stream)
{
  g_autoptr (GError) error = NULL;

  if (!stream->bound || stream->waiting != NULL)
    {
      stream->fin_held = TRUE;
      return;
    }
  if (chan_decoder_held (&stream->decoder) == 0)
    {
      chan_link_deliver_finish (CHAN_LINK (self), stream->id);
      return;
    }
  error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "The channel ended in the middle of a message");
  chan_stream_link_end_stream (self, stream, error);
}

/* --- streams that wait --- */

static void
hold (ChanStreamLink *self, LinkStream *stream, const guint8 *data, gsize len)
{
  g_autoptr (GError) error = NULL;

  if (stream->held == NULL)
    stream->held = g_byte_array_new ();
  if (stream->held->len + len > MAX (self->limits.queue_bytes, self->limits.stream_window_max))
    {
      error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "Too much data on a channel that no message has named");
      chan_stream_link_end_stream (self, stream, error);
      return;
    }
  g_byte_array_append (stream->held, data, (guint) len);
  chan_stream_link_check_stuck (self, stream);
}

/* What was held goes up now: data, then the end. */
static void
release (ChanStreamLink *self, LinkStream *stream)
{
  g_autoptr (GByteArray) held = g_steal_pointer (&stream->held);
  guint64 id = stream->id;

  if (held != NULL)
    chan_stream_link_check_stuck (self, stream);
  if (held != NULL && held->len > 0)
    chan_stream_link_data (self, stream, held->data, held->len);
  /* That may have ended the stream, or met a message that waits. */
  if (chan_link_get_stream_data (CHAN_LINK (self), id) != stream || stream->waiting != NULL)
    return;
  if (stream->fin_held)
    {
      stream->fin_held = FALSE;
      chan_stream_link_fin (self, stream);
    }
  if (chan_link_get_stream_data (CHAN_LINK (self), id) == stream && stream->reset_held)
    chan_stream_link_reset_up (self, stream);
}

/* The peer's streams that were opened for messages which now nobody will read. */
void
chan_stream_link_cancel_children (ChanStreamLink *self, LinkStream *stream)
{
  guint64 ref;

  if (self->unbound->len == 0 || !stream->carries)
    return;
  ref = chan_spdy_conn_get_ref (self->conn, stream->sid);
  for (guint i = self->unbound->len; i-- > 0;)
    {
      LinkStream *child = self->unbound->pdata[i];
      g_autoptr (GError) error = NULL;

      if (child == stream || child->parent_ref != ref)
        continue;
      error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The channel of the message that named this one ended");
      chan_stream_link_end_stream (self, child, error);
      i = MIN (i, self->unbound->len);
    }
}

/* --- messages --- */

static GObject *
import (ChanStreamLink *self, LinkStream *stream, ChanWireKind kind)
{
  ChanOpenInfo info = { .kind = (ChanStreamKind) kind, .capacity = stream->capacity >= 0 ? (guint) stream->capacity : 64 };
  GObject *end;

  stream->bytes = kind < CHAN_WIRE_SENDER;
  stream->carries = kind == CHAN_WIRE_RECEIVER;
  g_ptr_array_remove_fast (self->unbound, stream);
  if (kind == CHAN_WIRE_SENDER && chan_spdy_conn_is_pushed (self->conn, stream->sid))
    chan_spdy_conn_send_message (self->conn, stream->sid, &(ChanSpdySegment) { (const guint8 *) CHAN_HTTP_HEAD, strlen (CHAN_HTTP_HEAD), NULL }, 1);
  end = chan_link_import_end (CHAN_LINK (self), stream->id, &info);
  stream->bound = end != NULL;
  return end;
}

/* All handles of a message, or none: UNKNOWN says that one must be waited for. */
static ChanSpdyClaim
claim_all (ChanStreamLink *self, ChanDecoded *message, LinkStream **streams)
{
  for (gsize i = 0; i < message->n_handles; i++)
    {
      guint32 sid;
      ChanSpdyClaim claim;

      streams[i] = NULL;
      if (message->handles[i].kind == CHAN_WIRE_FD)
        continue;
      claim = chan_spdy_conn_lookup_ref (self->conn, message->handles[i].ref, &sid);
      if (claim != CHAN_SPDY_CLAIM_OK)
        return claim;
      streams[i] = chan_spdy_conn_get_stream_data (self->conn, sid);
      if (streams[i] == NULL || streams[i]->bound)
        return CHAN_SPDY_CLAIM_TWICE;
      for (gsize k = 0; k < i; k++)
        if (streams[k] == streams[i])
          return CHAN_SPDY_CLAIM_TWICE;
    }
  for (gsize i = 0; i < message->n_handles; i++)
    {
      guint32 sid;

      if (streams[i] != NULL)
        chan_spdy_conn_claim (self->conn, message->handles[i].ref, &sid);
    }
  return CHAN_SPDY_CLAIM_OK;
}

static void
deliver (ChanStreamLink *self, LinkStream *stream, ChanDecoded *decoded, LinkStream **streams)
{
  GObject **handles = decoded->n_handles > 0 ? g_new (GObject *, decoded->n_handles) : NULL;
  guint64 ids[256];
  gsize cost = decoded->n_bytes - MIN (decoded->n_bytes, stream->early);

  stream->n_delivered++;
  stream->early = 0;
  for (gsize i = 0; i < decoded->n_handles; i++)
    {
      if (streams[i] == NULL)
        {
          handles[i] = chan_stream_link_take_fd (self, decoded->handles[i].ref);
          continue;
        }
      ids[i] = streams[i]->id;
      handles[i] = import (self, streams[i], decoded->handles[i].kind);
    }
  self->n_unread++;
  chan_stream_link_add_unread (self, stream, MAX (cost, 1));
  chan_link_deliver_message (CHAN_LINK (self), stream->id, chan_message_new_received (decoded->body, handles, decoded->n_handles), cost);
  for (gsize i = 0; i < decoded->n_handles; i++)
    if (streams[i] != NULL && chan_link_get_stream_data (CHAN_LINK (self), ids[i]) == streams[i])
      release (self, streams[i]);
  g_free (decoded->handles);
}

static void
wait_for_handles (ChanStreamLink *self, LinkStream *stream, const ChanDecoded *decoded)
{
  stream->waiting = g_new (ChanDecoded, 1);
  *stream->waiting = *decoded;
  stream->waiting_until = self->now + (gint64) self->dangling_sec * G_USEC_PER_SEC;
  g_ptr_array_add (self->waiting, stream);
  chan_stream_link_check_stuck (self, stream);
}

/* FALSE: what follows on this stream must wait, or it is over. */
static gboolean
on_message (ChanStreamLink *self, LinkStream *stream, ChanDecoded *decoded)
{
  LinkStream *streams[256];
  g_autoptr (GError) error = NULL;
  guint64 id = stream->id;
  ChanSpdyClaim claim = CHAN_SPDY_CLAIM_TWICE;

  if (chan_stream_link_has_fds (self, stream, decoded, &error) && decoded->n_handles <= G_N_ELEMENTS (streams))
    claim = claim_all (self, decoded, streams);
  if (claim == CHAN_SPDY_CLAIM_OK)
    {
      deliver (self, stream, decoded, streams);
      return chan_link_get_stream_data (CHAN_LINK (self), id) == stream;
    }
  if (claim == CHAN_SPDY_CLAIM_UNKNOWN)
    {
      wait_for_handles (self, stream, decoded);
      return FALSE;
    }
  chan_body_unref (decoded->body);
  g_free (decoded->handles);
  if (error == NULL)
    error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_PROTOCOL, "A message names a channel that another message named before");
  chan_stream_link_end_stream (self, stream, error);
  return FALSE;
}

static void
decode (ChanStreamLink *self, LinkStream *stream, const guint8 *data, gsize len)
{
  guint64 id = stream->id;

  while (len > 0)
    {
      g_autoptr (GError) error = NULL;
      ChanDecoded decoded = { 0 };
      gsize consumed = 0;

      switch (chan_decoder_feed (&stream->decoder, self->dialect, &self->limits, data, len, &consumed, &decoded, &error))
        {
        case CHAN_DECODE_MORE:
          if (chan_stream_link_check_stuck (self, stream))
            chan_stream_link_go_on (self, stream);
          return;
        case CHAN_DECODE_ERROR:
          chan_stream_link_end_stream (self, stream, error);
          return;
        case CHAN_DECODE_MESSAGE:
        default:
          data += consumed;
          len -= consumed;
          chan_stream_link_large_came (self, stream);
          chan_stream_link_drop_slot (self, stream);
          if (stream->stuck > 0)
            chan_stream_link_check_stuck (self, stream);
          if (on_message (self, stream, &decoded))
            continue;
          if (chan_link_get_stream_data (CHAN_LINK (self), id) == stream && len > 0)
            hold (self, stream, data, len);
          return;
        }
    }
}

static void
take_data (ChanStreamLink *self, LinkStream *stream, const guint8 *data, gsize len)
{
  if (!stream->bound || stream->waiting != NULL)
    hold (self, stream, data, len);
  else if (stream->bytes)
    {
      chan_stream_link_add_unread (self, stream, len);
      chan_link_deliver_bytes (CHAN_LINK (self), stream->id, g_bytes_new (data, len));
    }
  else
    decode (self, stream, data, len);
}

void
chan_stream_link_data (ChanStreamLink *self, LinkStream *stream, const guint8 *data, gsize len)
{
  guint64 id = stream->id;
  gsize skip, begin;

  if (stream->head.over)
    {
      take_data (self, stream, data, len);
      return;
    }
  skip = chan_http_head_skip (&stream->head, data, len, &begin);
  chan_spdy_conn_consumed (self->conn, stream->sid, skip);
  if (begin > 0)
    take_data (self, stream, (const guint8 *) CHAN_HTTP_HEAD_BEGIN, begin);
  if (skip < len && chan_link_get_stream_data (CHAN_LINK (self), id) == stream)
    take_data (self, stream, data + skip, len - skip);
}

/* A stream came: perhaps a message waits for it. */
void
chan_stream_link_opened (ChanStreamLink *self)
{
  for (guint i = self->waiting->len; i-- > 0;)
    {
      LinkStream *stream = self->waiting->pdata[i];
      LinkStream *streams[256];
      ChanDecoded decoded = *stream->waiting;
      guint64 id = stream->id;
      ChanSpdyClaim claim = claim_all (self, &decoded, streams);
      g_autoptr (GError) error = NULL;

      if (claim == CHAN_SPDY_CLAIM_UNKNOWN)
        continue;
      g_ptr_array_remove_index_fast (self->waiting, i);
      g_clear_pointer (&stream->waiting, g_free);
      chan_stream_link_check_stuck (self, stream);
      if (claim == CHAN_SPDY_CLAIM_OK)
        {
          deliver (self, stream, &decoded, streams);
          if (chan_link_get_stream_data (CHAN_LINK (self), id) == stream)
            release (self, stream);
        }
      else
        on_message (self, stream, &decoded);
      i = MIN (i, self->waiting->len);
    }
}
