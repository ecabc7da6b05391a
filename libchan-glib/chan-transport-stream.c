/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-transport.h"

#include "chan-accept-limit.h"
#include "chan-error.h"
#include "chan-listener-private.h"
#include "chan-stream-io.h"
#include "chan-stream-link.h"

/* Links over connected streams, for transports that are not written in C: these
 * cannot make a ChanByteIO. */

/* Takes over the stream, also if it fails. */
static ChanLink *
new_link (GIOStream *stream, ChanSessionRole role, ChanOptions *options, int *ret_fd, GError **error)
{
  ChanByteIO *io = chan_stream_io_new (stream, error);

  if (io == NULL)
    {
      g_io_stream_close (stream, NULL, NULL);
      return NULL;
    }
  *ret_fd = io->fd;
  return chan_stream_link_new (io, role, options, error);
}

/**
 * chan_operation_return_stream:
 * @self: an operation to open a link
 * @stream: a connected stream, as [ctor@Chan.Session.new_for_stream] takes it
 *
 * Ends the operation with a link over @stream, which it takes over: @stream must
 * not be used any more. If it cannot carry a session, the operation ends with
 * that error and @stream is closed. Any thread.
 *
 * Since: 0.1
 */
void
chan_operation_return_stream (ChanOperation *self, GIOStream *stream)
{
  g_autoptr (ChanLink) link = NULL;
  g_autoptr (GError) error = NULL;
  int fd = -1;

  g_return_if_fail (CHAN_IS_OPERATION (self) && G_IS_IO_STREAM (stream));

  link = new_link (stream, CHAN_SESSION_CLIENT, chan_operation_get_options (self), &fd, &error);
  if (link != NULL)
    chan_operation_return_link (self, link);
  else
    chan_operation_return_error (self, error);
}

/* --- what comes in ---------------------------------------------------------------- */

#define LIMIT_KEY "chan-stream-limit"

/* Outlives its listener while sessions do. */
typedef struct
{
  gatomicrefcount ref_count;
  GMutex lock; /* guards: */
  ChanAcceptLimit limit;
} StreamLimit;

typedef struct
{
  StreamLimit *limit; /* a reference */
  ChanAcceptPeer *peer;
} Living;

static gpointer
limit_ref (gpointer data, gpointer user_data)
{
  StreamLimit *self = data;

  if (self != NULL)
    g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
limit_unref (gpointer data)
{
  StreamLimit *self = data;

  if (!g_atomic_ref_count_dec (&self->ref_count))
    return;
  chan_accept_limit_clear (&self->limit);
  g_mutex_clear (&self->lock);
  g_free (self);
}

/* A reference to the one limit of the listener. */
static StreamLimit *
limit_of (ChanListener *listener)
{
  StreamLimit *self = g_object_dup_data (G_OBJECT (listener), LIMIT_KEY, limit_ref, NULL);

  if (self != NULL)
    return self;
  self = g_new0 (StreamLimit, 1);
  g_atomic_ref_count_init (&self->ref_count);
  g_mutex_init (&self->lock);
  chan_accept_limit_init (&self->limit, chan_listener_get_options (listener));
  if (g_object_replace_data (G_OBJECT (listener), LIMIT_KEY, NULL, self, limit_unref, NULL))
    return limit_ref (self, NULL);
  /* Another thread was quicker. */
  limit_unref (self);
  return g_object_dup_data (G_OBJECT (listener), LIMIT_KEY, limit_ref, NULL);
}

static void
link_disposed (gpointer data, GObject *link)
{
  Living *self = data;

  g_mutex_lock (&self->limit->lock);
  chan_accept_limit_remove (&self->limit->limit, self->peer);
  g_mutex_unlock (&self->limit->lock);
  limit_unref (self->limit);
  g_free (self);
}

/* FALSE: it is one too many. */
static gboolean
count_link (ChanListener *listener, ChanLink *link, int fd)
{
  Living *living = g_new (Living, 1);

  living->limit = limit_of (listener);
  g_mutex_lock (&living->limit->lock);
  living->peer = chan_accept_limit_add (&living->limit->limit, fd);
  g_mutex_unlock (&living->limit->lock);
  if (living->peer != NULL)
    {
      g_object_weak_ref (G_OBJECT (link), link_disposed, living);
      return TRUE;
    }
  limit_unref (living->limit);
  g_free (living);
  return FALSE;
}

/**
 * chan_listener_deliver_stream:
 * @self: a listener
 * @stream: a connected stream that came in, as [ctor@Chan.Session.new_for_stream] takes it
 * @error: return location for an error
 *
 * For transports: offers a link over @stream, which it takes over: @stream must
 * not be used any more. If it cannot carry a session, or the listener has as
 * many sessions as its options `max-sessions` and `max-sessions-per-peer` allow
 * (%CHAN_CHANNEL_ERROR_LIMIT), it is closed. Any thread.
 *
 * Returns: %TRUE, or %FALSE with @error set
 *
 * Since: 0.1
 */
gboolean
chan_listener_deliver_stream (ChanListener *self, GIOStream *stream, GError **error)
{
  g_autoptr (ChanLink) link = NULL;
  int fd = -1;

  g_return_val_if_fail (CHAN_IS_LISTENER (self) && G_IS_IO_STREAM (stream), FALSE);

  link = new_link (stream, CHAN_SESSION_SERVER, chan_listener_get_options (self), &fd, error);
  if (link == NULL)
    return FALSE;
  if (count_link (self, link, fd))
    {
      chan_listener_deliver_link (self, link);
      return TRUE;
    }
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_LIMIT, "%s has too many sessions, in all or of one peer",
               chan_listener_get_uri (self));
  return FALSE;
}
