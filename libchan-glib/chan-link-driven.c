/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-link-private.h"

/* For driven links: how they are polled, and their own data. */

/**
 * chan_link_set_poll: (skip)
 * @self: a link
 * @fd: the file descriptor to poll, always the same; -1: none
 * @want: what to poll it for
 * @deadline: monotonic time in microseconds at which to call `service` anyway; %G_MAXINT64: never
 *
 * Says how a driven link is to be served.
 *
 * Since: 0.1
 */
void
chan_link_set_poll (ChanLink *self, int fd, GIOCondition want, gint64 deadline)
{
  ChanLinkPrivate *priv = chan_link_private (self);

  priv->fd = fd;
  priv->want = want;
  priv->deadline = deadline;
  if (priv->session == NULL)
    return;
  priv->session->link_deadline = deadline;
  chan_session_core_set_deadlines (priv->session, want, priv->session->reactor->later);
}

/**
 * chan_link_set_flags: (skip)
 * @self: a link
 * @flags: what this link can do, now that it knows its peer
 *
 * Changes the flags of the class for this link.
 *
 * Since: 0.1
 */
void
chan_link_set_flags (ChanLink *self, ChanLinkFlags flags)
{
  chan_link_private (self)->flags = flags;
}

/**
 * chan_link_set_stream_data: (skip)
 * @self: a link
 * @stream: a stream
 * @data: anything
 *
 * Keeps the link's own data of a stream, until `forget`.
 *
 * Since: 0.1
 */
void
chan_link_set_stream_data (ChanLink *self, guint64 stream, gpointer data)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  if (known != NULL)
    known->link_data = data;
}

/**
 * chan_link_get_stream_data: (skip)
 * @self: a link
 * @stream: a stream
 *
 * Gets what was kept with chan_link_set_stream_data().
 *
 * Returns: (nullable): the data
 *
 * Since: 0.1
 */
gpointer
chan_link_get_stream_data (ChanLink *self, guint64 stream)
{
  ChanLater *later = NULL;
  ChanStream *known = chan_link_lookup (self, stream, &later);

  return known != NULL ? known->link_data : NULL;
}

/**
 * chan_link_pair: (skip)
 * @self: a link
 * @peer: the link at the other end, in this process
 *
 * Makes the sessions of two links share one lock, so that each may call the
 * other's `deliver` methods directly. Before either is used.
 *
 * Since: 0.1
 */
void
chan_link_pair (ChanLink *self, ChanLink *peer)
{
  ChanReactor *reactor = chan_reactor_new (NULL, NULL, -1);

  chan_link_private (self)->reactor = reactor;
  chan_link_private (peer)->reactor = chan_reactor_ref (reactor);
}
