/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-listener-private.h"

#include "chan-pipe-receive.h"

static gboolean
always (gpointer source, GError **error)
{
  return TRUE;
}

/**
 * chan_listener_accept:
 * @self: a listener
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Waits for a session.
 *
 * Returns: (transfer full) (nullable): the session; %NULL without an error when
 *   the listener was closed
 *
 * Since: 0.1
 */
ChanSession *
chan_listener_accept (ChanListener *self, GCancellable *cancellable, GError **error)
{
  return chan_listener_accept_until (self, 0, cancellable, error);
}

/**
 * chan_listener_accept_until:
 * @self: a listener
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Listener.accept], with a deadline.
 *
 * Returns: (transfer full) (nullable): the session; %NULL without an error when
 *   the listener was closed
 *
 * Since: 0.1
 */
ChanSession *
chan_listener_accept_until (ChanListener *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CHAN_IS_LISTENER (self), NULL);

  chan_listener_offer_early (self);
  return chan_pipe_receive (chan_listener_get_accepts (self), self, always, deadline, cancellable, error);
}

/**
 * chan_listener_accept_async:
 * @self: a listener
 * @io_priority: the I/O priority of the request; calls are served in their order whatever it is
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when there is a session, or the end
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Listener.accept].
 *
 * Since: 0.1
 */
void
chan_listener_accept_async (ChanListener *self, int io_priority, GCancellable *cancellable,
                            GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CHAN_IS_LISTENER (self));

  chan_listener_offer_early (self);
  chan_pipe_receive_async (chan_listener_get_accepts (self), self, always, chan_listener_accept_async, cancellable, callback, user_data);
}

/**
 * chan_listener_accept_finish:
 * @self: a listener
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Listener.accept_async].
 *
 * Returns: (transfer full) (nullable): the session; %NULL without an error when
 *   the listener was closed
 *
 * Since: 0.1
 */
ChanSession *
chan_listener_accept_finish (ChanListener *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CHAN_IS_LISTENER (self), NULL);

  return chan_pipe_receive_finish (chan_listener_get_accepts (self), self, chan_listener_accept_async, result, error);
}
