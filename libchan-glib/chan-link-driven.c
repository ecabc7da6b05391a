/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-link-private.h"

#include "chan-message-private.h"

/* For driven links: how they are polled, their own data, and the messages that they make. */

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
 * chan_link_set_fd_credit: (skip)
 * @self: a link with %CHAN_LINK_FDS and %CHAN_LINK_TAKEN
 * @n: how many file descriptors may be there that the peer's application has not taken; not 0
 *
 * Says what the peer takes: a message that would exceed it waits. Without this there is no bound. Of what the peer says at
 * most 256 is used, the default of the option `session-fds`: the kernel bounds what is under way of all a user's processes,
 * and a peer that reads none of it is not to use that up.
 *
 * Since: 0.1
 */
void
chan_link_set_fd_credit (ChanLink *self, guint n)
{
  chan_link_private (self)->fd_credit = MIN (n, chan_limits_default.session_fds);
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
 * Gets what was kept with [method@Chan.Link.set_stream_data].
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

/**
 * chan_link_import_fd: (skip)
 * @self: a link
 * @fd: a file descriptor that came from the peer
 * @max: how many of the session may wait to be taken by the application
 *
 * Makes the handle for a file descriptor, for a message to carry.
 *
 * Returns: (transfer full) (nullable): a [class@Chan.Fd], which owns @fd; or
 *   %NULL if there are too many, and then @fd is still the caller's
 *
 * Since: 0.1
 */
GObject *
chan_link_import_fd (ChanLink *self, int fd, guint max)
{
  ChanLinkPrivate *priv = chan_link_private (self);

  if (priv->fd_quota == NULL)
    priv->fd_quota = chan_fd_quota_new (max);
  if ((guint) g_atomic_int_get (&priv->fd_quota->n) >= max)
    return NULL;
  return G_OBJECT (chan_fd_new_received (fd, priv->fd_quota));
}

/**
 * chan_link_make_message: (skip)
 * @self: a link
 * @body: what came, checked: every value of type `h` is an index into @handles
 * @handles: (transfer full) (array length=n_handles) (nullable): made with
 *   [method@Chan.Link.import_end] and [method@Chan.Link.import_fd]
 * @n_handles: how many there are
 *
 * Makes the message for [method@Chan.Link.deliver_message] of a body and the
 * handles that came with it. One that is dropped unread cancels its handles.
 *
 * Returns: (transfer full): a new message
 *
 * Since: 0.1
 */
ChanMessage *
chan_link_make_message (ChanLink *self, GVariant *body, GObject **handles, gsize n_handles)
{
  return chan_message_new_received (chan_body_new_variant (body), g_memdup2 (handles, n_handles * sizeof *handles), n_handles);
}
