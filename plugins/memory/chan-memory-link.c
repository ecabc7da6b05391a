/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "plugins/memory/chan-memory-link.h"

#include "libchan-glib/chan-fd.h"
#include "libchan-glib/chan-link-private.h"
#include "libchan-glib/chan-message-private.h"
#include "plugins/memory/chan-memory-pair.h"
#include "plugins/memory/chan-memory-stream.h"

struct _ChanMemoryLink
{
  ChanLink parent_instance;

  ChanMemoryPair *pair;
  guint side; /* 0: the client's */
  guint64 bytes_in, bytes_out;
};

G_DEFINE_FINAL_TYPE (ChanMemoryLink, chan_memory_link, CHAN_TYPE_LINK)

/* NULL: it is gone, or its session has ended. */
static ChanLink *
peer_of (ChanMemoryLink *self)
{
  ChanMemoryPair *pair = self->pair;

  return pair->ended[!self->side] || pair->ended[self->side] ? NULL : (ChanLink *) pair->ends[!self->side];
}

static ChanMemoryStream *
lookup (ChanMemoryLink *self, guint64 id)
{
  return chan_link_get_stream_data (CHAN_LINK (self), id);
}

static gboolean
fail_closed (GError **error)
{
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CLOSED, "The session is closed");
  return FALSE;
}

static ChanMemoryStream *
stream_new (ChanLink *link, guint64 id, guint64 peer, const ChanOpenInfo *info)
{
  ChanMemoryStream *stream = g_new0 (ChanMemoryStream, 1);

  stream->peer = peer;
  stream->capacity = info->capacity;
  stream->bytes = info->kind != CHAN_STREAM_SENDER && info->kind != CHAN_STREAM_RECEIVER;
  chan_link_set_stream_data (link, id, stream);
  return stream;
}

static gboolean
memory_link_open (ChanLink *link, guint64 id, const ChanOpenInfo *info, GError **error)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanLink *peer = peer_of (self);
  ChanMemoryStream *parent = info->parent != 0 ? lookup (self, info->parent) : NULL;
  ChanOpenInfo there = *info;
  guint64 peer_id;

  if (peer == NULL || (info->parent != 0 && parent == NULL))
    return fail_closed (error);
  if (parent != NULL)
    there.parent = parent->peer;
  peer_id = chan_link_deliver_open (peer, &there);
  if (peer_id == 0)
    {
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "The peer takes no more channels");
      return FALSE;
    }
  stream_new (link, id, peer_id, info);
  stream_new (peer, peer_id, id, info);
  return TRUE;
}

/* The peer's ends for the handles of a message. */
static GObject **
import_all (ChanMemoryLink *self, ChanLink *peer, const ChanHandleRef *refs, gsize n_refs)
{
  GObject **handles = g_new0 (GObject *, n_refs);

  for (gsize i = 0; i < n_refs; i++)
    {
      ChanMemoryStream *stream = lookup (self, refs[i].stream);
      ChanOpenInfo info = { .kind = refs[i].kind };

      if (refs[i].kind == CHAN_STREAM_FD)
        continue;
      if (stream != NULL)
        {
          info.capacity = stream->capacity;
          handles[i] = chan_link_import_end (peer, stream->peer, &info);
        }
      if (handles[i] != NULL)
        continue;
      /* Their streams are reset by the core; their objects may lock. */
      while (i-- > 0)
        if (handles[i] != NULL)
          chan_later_add (self->pair->reactor->later, g_object_unref, handles[i]);
      g_free (handles);
      return NULL;
    }
  /* These are ours only when all others are there. */
  for (gsize i = 0; i < n_refs; i++)
    if (refs[i].kind == CHAN_STREAM_FD)
      handles[i] = G_OBJECT (chan_fd_new (refs[i].fd));
  return handles;
}

static gboolean
memory_link_send (ChanLink *link, guint64 id, ChanMessage *message, const ChanHandleRef *refs, gsize n_refs,
                  gsize *cost, GError **error)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);
  ChanLink *peer = peer_of (self);
  GObject **handles = NULL;

  if (peer == NULL || stream == NULL)
    return fail_closed (error);
  if (n_refs > 0)
    {
      handles = import_all (self, peer, refs, n_refs);
      if (handles == NULL)
        return fail_closed (error);
      message = chan_message_new_received (chan_body_ref (chan_message_peek_body (message)), handles, n_refs);
    }
  else
    chan_message_ref (message);
  *cost = chan_message_get_size (message);
  self->bytes_out += *cost;
  CHAN_MEMORY_LINK (peer)->bytes_in += *cost;
  self->pair->sending++;
  chan_link_deliver_message (peer, stream->peer, message, *cost);
  self->pair->sending--;
  return TRUE;
}

static gboolean
memory_link_write (ChanLink *link, guint64 id, GBytes *bytes, GError **error)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);
  ChanLink *peer = peer_of (self);
  gsize size = g_bytes_get_size (bytes);

  if (peer == NULL || stream == NULL)
    return fail_closed (error);
  stream->out += size;
  self->bytes_out += size;
  CHAN_MEMORY_LINK (peer)->bytes_in += size;
  self->pair->sending++;
  chan_link_deliver_bytes (peer, stream->peer, g_bytes_ref (bytes));
  self->pair->sending--;
  return TRUE;
}

static void
memory_link_grant (ChanLink *link, guint64 id, gsize bytes, guint messages)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);

  if (stream != NULL)
    {
      ChanMemoryGrant grant = { !self->side, stream->peer, bytes, messages };

      chan_memory_pair_grant (self->pair, &grant, self->pair->reactor->later);
    }
}

static void
memory_link_finish (ChanLink *link, guint64 id)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);
  ChanLink *peer = peer_of (self);

  if (stream != NULL && peer != NULL)
    chan_link_deliver_finish (peer, stream->peer);
}

static void
memory_link_reset (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);
  ChanLink *peer = peer_of (self);

  if (stream != NULL && peer != NULL)
    chan_link_deliver_reset (peer, stream->peer, code, text);
}

static void
memory_link_stop (ChanLink *link, guint64 id, ChanChannelError code, const char *text)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);
  ChanLink *peer = peer_of (self);

  if (stream != NULL && peer != NULL)
    chan_link_deliver_stop (peer, stream->peer, code, text);
}

static void
memory_link_shutdown (ChanLink *link, gboolean drain)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);

  /* Everything was delivered when it was sent. A channel that is still open at
   * the peer makes this an error there. */
  chan_memory_pair_end (self->pair, self->side, drain, self->pair->reactor->later);
}

static gboolean
memory_link_service (ChanLink *link, GIOCondition ready, GError **error)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);

  /* Once, when its session begins. */
  if (!self->pair->started[self->side])
    chan_memory_pair_start (self->pair, self->side);
  return TRUE;
}

static gboolean
memory_link_has_room (ChanLink *link, guint64 id)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);
  ChanMemoryStream *stream = lookup (self, id);

  return stream != NULL && peer_of (self) != NULL && chan_memory_stream_has_room (stream);
}

static gboolean
memory_link_ping (ChanLink *link)
{
  if (peer_of (CHAN_MEMORY_LINK (link)) == NULL)
    return FALSE;
  chan_link_deliver_pong (link);
  return TRUE;
}

static void
memory_link_forget (ChanLink *link, guint64 id)
{
  ChanMemoryStream *stream = chan_link_get_stream_data (link, id);

  chan_link_set_stream_data (link, id, NULL);
  g_free (stream);
}

static void
memory_link_describe (ChanLink *link, ChanLinkInfo *info)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (link);

  info->bytes_in = self->bytes_in;
  info->bytes_out = self->bytes_out;
}

static void
chan_memory_link_dispose (GObject *object)
{
  ChanMemoryLink *self = CHAN_MEMORY_LINK (object);
  ChanLater later;

  if (self->pair != NULL)
    {
      chan_later_init (&later);
      chan_reactor_lock (self->pair->reactor);
      self->pair->ends[self->side] = NULL;
      chan_memory_pair_end (self->pair, self->side, FALSE, &later);
      chan_reactor_unlock (self->pair->reactor, &later);
    }
  g_clear_pointer (&self->pair, chan_memory_pair_unref);
  G_OBJECT_CLASS (chan_memory_link_parent_class)->dispose (object);
}

static void
chan_memory_link_class_init (ChanMemoryLinkClass *klass)
{
  ChanLinkClass *link_class = CHAN_LINK_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = chan_memory_link_dispose;
  link_class->flags = CHAN_LINK_DRIVEN | CHAN_LINK_OWN_WINDOWS | CHAN_LINK_BY_REFERENCE | CHAN_LINK_TAKEN | CHAN_LINK_FDS;
  link_class->open = memory_link_open;
  link_class->send = memory_link_send;
  link_class->write = memory_link_write;
  link_class->grant = memory_link_grant;
  link_class->finish = memory_link_finish;
  link_class->reset = memory_link_reset;
  link_class->stop = memory_link_stop;
  link_class->shutdown = memory_link_shutdown;
  link_class->service = memory_link_service;
  link_class->has_room = memory_link_has_room;
  link_class->ping = memory_link_ping;
  link_class->forget = memory_link_forget;
  link_class->describe = memory_link_describe;
}

static void
chan_memory_link_init (ChanMemoryLink *self)
{
}

void
chan_memory_link_new_pair (ChanLink **ret_client, ChanLink **ret_server)
{
  ChanMemoryLink *links[2];
  ChanMemoryPair *pair;

  for (guint side = 0; side < 2; side++)
    links[side] = g_object_new (CHAN_TYPE_MEMORY_LINK, NULL);
  chan_link_pair (CHAN_LINK (links[0]), CHAN_LINK (links[1]));
  pair = chan_memory_pair_new (chan_link_private (CHAN_LINK (links[0]))->reactor);
  for (guint side = 0; side < 2; side++)
    {
      links[side]->side = side;
      links[side]->pair = chan_memory_pair_ref (pair);
      pair->ends[side] = links[side];
    }
  chan_memory_pair_unref (pair);
  *ret_client = CHAN_LINK (links[0]);
  *ret_server = CHAN_LINK (links[1]);
}
