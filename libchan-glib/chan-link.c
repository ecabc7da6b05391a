/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-link.h"

#include "chan-byte-stream-private.h"
#include "chan-link-private.h"
#include "chan-live.h"
#include "chan-receiver-private.h"
#include "chan-words.h"

/**
 * ChanLink:
 *
 * What a transport makes: a carrier of many streams between two peers. The
 * core calls its slots, and it tells what comes in with the `deliver` methods.
 * docs/new-transport.md shows how to write one.
 *
 * Since: 0.1
 */

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (ChanLink, chan_link, G_TYPE_OBJECT)

ChanLinkPrivate *
chan_link_private (ChanLink *self)
{
  return chan_link_get_instance_private (self);
}

static void
chan_link_finalize (GObject *object)
{
  g_clear_pointer (&chan_link_private (CHAN_LINK (object))->reactor, chan_reactor_unref);
  g_clear_pointer (&chan_link_private (CHAN_LINK (object))->fd_quota, chan_fd_quota_unref);
  g_clear_error (&chan_link_private (CHAN_LINK (object))->cut_error);
  chan_live_add (CHAN_LIVE_LINK, -1);
  G_OBJECT_CLASS (chan_link_parent_class)->finalize (object);
}

static void
chan_link_constructed (GObject *object)
{
  /* Not in init(): there the class is still that of the parent. */
  chan_link_private (CHAN_LINK (object))->flags = CHAN_LINK_GET_CLASS (object)->flags;
  G_OBJECT_CLASS (chan_link_parent_class)->constructed (object);
}

static void
chan_link_class_init (ChanLinkClass *klass)
{
  G_OBJECT_CLASS (klass)->constructed = chan_link_constructed;
  G_OBJECT_CLASS (klass)->finalize = chan_link_finalize;
}

static void
chan_link_init (ChanLink *self)
{
  ChanLinkPrivate *priv = chan_link_private (self);

  priv->fd = -1;
  priv->want = G_IO_IN;
  priv->deadline = G_MAXINT64;
  chan_live_add (CHAN_LIVE_LINK, 1);
}

/* Everything below: under the session's lock, inside a slot. */

ChanStream *
chan_link_lookup (ChanLink *self, guint64 stream, ChanLater **later)
{
  ChanSessionCore *session = chan_link_private (self)->session;

  if (session == NULL)
    return NULL;
  *later = session->reactor->later;
  return chan_session_core_lookup (session, stream);
}

/**
 * chan_link_ready:
 * @self: a link
 *
 * Says that the link can be used: it is connected, and knows who the peer is.
 *
 * Since: 0.1
 */
void
chan_link_ready (ChanLink *self)
{
  ChanSessionCore *session = chan_link_private (self)->session;

  if (session != NULL)
    chan_session_core_ready (session, session->reactor->later);
}

static void
offer_channel (ChanSessionCore *session, ChanStream *stream, const ChanOpenInfo *info, ChanLater *later)
{
  ChanPipe *pipe = chan_pipe_core_new (CHAN_ITEM_MESSAGE, info->capacity > 0 ? info->capacity : session->capacity, session->reactor);

  pipe->name = g_strdup (info->name);
  pipe->receiver_side = CHAN_SIDE_RESERVED;
  chan_stream_bind_in (stream, pipe, later);
  chan_pipe_push (session->accepts, chan_receiver_new_for_pipe (pipe, CHAN_OBJECT_TRANSIT), 0, later);
  chan_pipe_unref (pipe);
}

/**
 * chan_link_deliver_open:
 * @self: a link
 * @info: what the peer says of the stream
 *
 * Says that the peer opened a stream. A top-level channel (no parent) is
 * offered to the application; any other waits for the message that names it
 * ([method@Chan.Link.import_end]).
 *
 * Returns: the number of the stream in the core, or 0 if it must be refused: there are too many, or its name is no UTF-8 or
 *   longer than 8 KiB
 *
 * Since: 0.1
 */
guint64
chan_link_deliver_open (ChanLink *self, const ChanOpenInfo *info)
{
  ChanSessionCore *session = chan_link_private (self)->session;
  ChanStream *stream;

  if (session == NULL || session->state > CHAN_SESSION_OPEN || !chan_words_is_name (info->name))
    return 0;
  if (info->parent == 0 && (session->accepts->receiver_side == CHAN_SIDE_CLOSED || session->accepts->n_items >= session->max_unaccepted))
    return 0;
  stream = chan_session_core_add (session, FALSE, info->kind);
  if (info->parent == 0)
    offer_channel (session, stream, info, session->reactor->later);
  return stream->id;
}

/**
 * chan_link_deliver_message:
 * @self: a link
 * @stream: a stream
 * @message: (transfer full): a whole message, its handles made with [method@Chan.Link.import_end]
 * @cost: the bytes to give back when it is taken
 *
 * Delivers a message of a channel.
 *
 * Since: 0.1
 */
void
chan_link_deliver_message (ChanLink *self, guint64 stream, ChanMessage *message, gsize cost)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    chan_stream_deliver_message (known, message, cost, later);
  else
    chan_message_unref (message);
}

/**
 * chan_link_deliver_bytes:
 * @self: a link
 * @stream: a stream
 * @bytes: (transfer full): what arrived
 *
 * Delivers bytes of a byte stream.
 *
 * Since: 0.1
 */
void
chan_link_deliver_bytes (ChanLink *self, guint64 stream, GBytes *bytes)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    chan_stream_deliver_bytes (known, bytes, later);
  else
    g_bytes_unref (bytes);
}

/**
 * chan_link_deliver_grant:
 * @self: a link
 * @stream: a stream
 * @bytes: bytes that the peer's application took
 * @messages: messages that it took, in all
 *
 * Says what the peer's application took.
 *
 * Since: 0.1
 */
void
chan_link_deliver_grant (ChanLink *self, guint64 stream, gsize bytes, guint messages)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    chan_stream_deliver_taken (known, messages, later);
}

/**
 * chan_link_deliver_finish:
 * @self: a link
 * @stream: a stream
 *
 * Says that the peer's half of the stream is complete: everything was delivered.
 *
 * Since: 0.1
 */
void
chan_link_deliver_finish (ChanLink *self, guint64 stream)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    chan_stream_deliver_finish (known, later);
}

static GError *
peer_error (ChanChannelError code, const char *text)
{
  g_autofree char *words = text != NULL ? chan_words_dup (text) : NULL;

  return g_error_new_literal (CHAN_CHANNEL_ERROR, (int) code,
                              words != NULL && *words != '\0' ? words
                              : code == CHAN_CHANNEL_ERROR_CLOSED ? "The other end of the channel was closed"
                              : "The other end of the channel went away");
}

/**
 * chan_link_deliver_reset:
 * @self: a link
 * @stream: a stream
 * @code: what the peer said, or the nearest
 * @text: (nullable): the peer's words, of which 1 KiB is kept
 *
 * Says that the peer ended both halves of the stream.
 *
 * Since: 0.1
 */
void
chan_link_deliver_reset (ChanLink *self, guint64 stream, ChanChannelError code, const char *text)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);
  g_autoptr (GError) error = peer_error (code, text);

  if (known != NULL)
    chan_stream_deliver_reset (known, error, later);
}

/**
 * chan_link_deliver_stop:
 * @self: a link
 * @stream: a stream
 * @code: what the peer said, or the nearest
 * @text: (nullable): the peer's words, of which 1 KiB is kept
 *
 * Says that the peer reads no more of a byte stream, though it may still write.
 *
 * Since: 0.1
 */
void
chan_link_deliver_stop (ChanLink *self, guint64 stream, ChanChannelError code, const char *text)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);
  g_autoptr (GError) error = peer_error (code, text);

  if (known != NULL)
    chan_stream_deliver_stop (known, error, later);
}

/**
 * chan_link_deliver_room:
 * @self: a link
 * @stream: a stream
 *
 * Says that a message may be sent on the stream again.
 *
 * Since: 0.1
 */
void
chan_link_deliver_room (ChanLink *self, guint64 stream)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    chan_stream_deliver_room (known, later);
}

/**
 * chan_link_deliver_pong:
 * @self: a link
 *
 * Says that the peer answered a ping.
 *
 * Since: 0.1
 */
void
chan_link_deliver_pong (ChanLink *self)
{
  ChanSessionCore *session = chan_link_private (self)->session;

  if (session != NULL)
    chan_session_core_pong (session, session->reactor->later);
}

static GObject *
import_channel (ChanSessionCore *session, ChanStream *stream, guint capacity, gboolean sender, ChanLater *later)
{
  g_autoptr (ChanPipe) pipe = chan_pipe_core_new (CHAN_ITEM_MESSAGE, capacity, session->reactor);

  if (sender)
    {
      pipe->sender_side = CHAN_SIDE_RESERVED;
      chan_stream_bind_out (stream, pipe, later);
      return G_OBJECT (chan_sender_new_for_pipe (pipe, CHAN_OBJECT_TRANSIT));
    }
  pipe->receiver_side = CHAN_SIDE_RESERVED;
  chan_stream_bind_in (stream, pipe, later);
  return G_OBJECT (chan_receiver_new_for_pipe (pipe, CHAN_OBJECT_TRANSIT));
}

static GObject *
import_bytes (ChanSessionCore *session, ChanStream *stream, ChanStreamKind kind, ChanLater *later)
{
  g_autoptr (ChanPipe) in = NULL;
  g_autoptr (ChanPipe) out = NULL;

  if (kind != CHAN_STREAM_BYTES_OUT)
    {
      in = chan_pipe_core_new (CHAN_ITEM_BYTES, CHAN_BYTE_PIPE_SIZE, session->reactor);
      in->receiver_side = CHAN_SIDE_RESERVED;
    }
  if (kind != CHAN_STREAM_BYTES_IN)
    {
      out = chan_pipe_core_new (CHAN_ITEM_BYTES, CHAN_BYTE_PIPE_SIZE, session->reactor);
      out->sender_side = CHAN_SIDE_RESERVED;
    }
  if (in != NULL)
    chan_stream_bind_in (stream, in, later);
  if (out != NULL)
    chan_stream_bind_out (stream, out, later);
  return G_OBJECT (chan_byte_stream_new_for_pipes (in, out, CHAN_OBJECT_TRANSIT));
}

/**
 * chan_link_import_end:
 * @self: a link
 * @stream: a stream that the peer opened
 * @info: its kind as the message says, and its capacity
 *
 * Makes the end that a message names, for the message to carry.
 *
 * Returns: (transfer full) (nullable): the end, or %NULL if there is no such
 *   stream or it was named before
 *
 * Since: 0.1
 */
GObject *
chan_link_import_end (ChanLink *self, guint64 stream, const ChanOpenInfo *info)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);
  ChanSessionCore *session = chan_link_private (self)->session;

  if (known == NULL || known->in != NULL || known->out != NULL || known->ours)
    return NULL;
  known->kind = (guint8) info->kind;
  if (info->kind == CHAN_STREAM_SENDER || info->kind == CHAN_STREAM_RECEIVER)
    return import_channel (session, known, info->capacity, info->kind == CHAN_STREAM_SENDER, later);
  return import_bytes (session, known, info->kind, later);
}

/**
 * chan_link_hang_up:
 * @self: a link
 *
 * Says that the peer ended the session, and everything it sent was delivered.
 *
 * Since: 0.1
 */
void
chan_link_hang_up (ChanLink *self)
{
  ChanSessionCore *session = chan_link_private (self)->session;

  if (session != NULL)
    chan_session_core_end (session, NULL, session->reactor->later);
}

/**
 * chan_link_fail:
 * @self: a link
 * @error: why
 *
 * Says that the link is broken.
 *
 * Since: 0.1
 */
void
chan_link_fail (ChanLink *self, const GError *error)
{
  ChanSessionCore *session = chan_link_private (self)->session;

  if (session != NULL)
    chan_session_core_end (session, error, session->reactor->later);
}
