/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-session-private.h"

#include "chan-async-result.h"
#include "chan-config-private.h"
#include "chan-link-private.h"
#include "chan-stream-io.h"
#include "chan-stream-link.h"

/* Closing, asking, and what a session tells of itself. */

/* Under the lock. TRUE: wait in the ring; FALSE: over already, perhaps with an error. */
typedef gboolean (*SessionBegin) (ChanSessionCore *core, ChanLater *later, GError **error);

static gboolean
session_wait (ChanSessionCore *core, ChanOpRing *ring, SessionBegin begin, gint64 deadline,
              GCancellable *cancellable, GError **error)
{
  g_autoptr (GError) failed = NULL;
  ChanSyncOp wait;
  ChanLater later;

  if (g_cancellable_set_error_if_cancelled (cancellable, error))
    return FALSE;
  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  if (begin (core, &later, &failed))
    {
      ChanWaitResult result;

      chan_sync_op_init (&wait);
      chan_op_ring_append (ring, &wait.op);
      result = chan_sync_op_wait (&wait, &core->guard, deadline, cancellable, &later);
      if (result != CHAN_WAIT_ENDED)
        {
          chan_op_ring_remove (ring, &wait.op);
          chan_wait_set_error (result, &failed);
        }
      else
        failed = g_steal_pointer (&wait.op.error);
    }
  chan_reactor_unlock (core->reactor, &later);
  if (failed == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&failed));
  return FALSE;
}

static void
session_wait_async (ChanSession *self, ChanOpRing *ring, SessionBegin begin, gpointer tag,
                    GCancellable *cancellable, GAsyncReadyCallback callback, gpointer user_data)
{
  ChanSessionCore *core = chan_session_get_core (self);
  ChanAsyncResult *result = chan_async_result_new (self, tag, cancellable, callback, user_data);
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  if (!g_cancellable_set_error_if_cancelled (cancellable, &result->op.error) && begin (core, &later, &result->op.error))
    chan_async_result_wait (result, &core->guard, ring, chan_session_core_ref (core),
                            (GDestroyNotify) chan_session_core_unref, &later);
  else
    {
      result->op.state = CHAN_OP_DONE;
      chan_async_result_ready (result, &later);
    }
  chan_reactor_unlock (core->reactor, &later);
  chan_async_result_begun (result);
}

static gboolean
session_wait_finish (ChanSession *self, gpointer tag, GAsyncResult *result, GError **error)
{
  ChanAsyncResult *op;

  if (!chan_async_result_begin_finish (result, self, tag))
    return FALSE;
  op = CHAN_ASYNC_RESULT (result);
  if (op->op.error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&op->op.error));
  return FALSE;
}

/* --- close --- */

static gboolean
begin_close (ChanSessionCore *core, ChanLater *later, GError **error)
{
  if (core->state < CHAN_SESSION_CLOSED)
    chan_session_core_drain (core, later);
  if (core->state < CHAN_SESSION_CLOSED)
    return TRUE;
  if (core->error != NULL)
    g_propagate_error (error, g_error_copy (core->error));
  return FALSE;
}

/**
 * chan_session_close:
 * @self: a session
 * @cancellable: (nullable): to give up waiting; the session goes on closing
 * @error: return location for an error
 *
 * Ends the session without losing anything: every end that this side still has
 * is closed as if by [method@Chan.Sender.close] or [method@Chan.Receiver.close],
 * then it waits until everything that was accepted has gone to the peer, for at
 * most the option `drain-timeout-sec`. The peer's application may still have to
 * take it, and may end a channel without taking all, or refuse a message of it,
 * over any transport: who must know uses a reply channel.
 *
 * Returns: %TRUE if everything was delivered
 *
 * Since: 0.1
 */
gboolean
chan_session_close (ChanSession *self, GCancellable *cancellable, GError **error)
{
  return chan_session_close_until (self, 0, cancellable, error);
}

/**
 * chan_session_close_until:
 * @self: a session
 * @deadline: monotonic time in microseconds at which to give up waiting, or 0 for never
 * @cancellable: (nullable): to give up waiting; the session goes on closing
 * @error: return location for an error
 *
 * Like [method@Chan.Session.close], with a deadline.
 *
 * Returns: %TRUE if everything was delivered
 *
 * Since: 0.1
 */
gboolean
chan_session_close_until (ChanSession *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  ChanSessionCore *core;

  g_return_val_if_fail (CHAN_IS_SESSION (self), FALSE);

  core = chan_session_get_core (self);
  return session_wait (core, &core->close_ops, begin_close, deadline, cancellable, error);
}

/**
 * chan_session_close_async:
 * @self: a session
 * @io_priority: the I/O priority of the request; not used
 * @cancellable: (nullable): to give up waiting; the session goes on closing
 * @callback: (scope async) (nullable): called when the session has ended
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Session.close].
 *
 * Since: 0.1
 */
void
chan_session_close_async (ChanSession *self, int io_priority, GCancellable *cancellable,
                          GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CHAN_IS_SESSION (self));

  session_wait_async (self, &chan_session_get_core (self)->close_ops, begin_close, chan_session_close_async,
                      cancellable, callback, user_data);
}

/**
 * chan_session_close_finish:
 * @self: a session
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Session.close_async].
 *
 * Returns: %TRUE if everything was delivered
 *
 * Since: 0.1
 */
gboolean
chan_session_close_finish (ChanSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), FALSE);

  return session_wait_finish (self, chan_session_close_async, result, error);
}

/**
 * chan_session_abort:
 * @self: a session
 *
 * Ends the session at once: every channel ends with an error on both sides.
 *
 * Since: 0.1
 */
void
chan_session_abort (ChanSession *self)
{
  g_autoptr (GError) reason = NULL;
  ChanSessionCore *core;
  ChanLater later;

  g_return_if_fail (CHAN_IS_SESSION (self));

  core = chan_session_get_core (self);
  reason = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_CONNECTION_LOST, "The session was aborted");
  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  chan_session_core_end (core, reason, &later);
  chan_reactor_unlock (core->reactor, &later);
}

/* --- ping --- */

static gboolean
begin_ping (ChanSessionCore *core, ChanLater *later, GError **error)
{
  if (!chan_session_core_check (core, error))
    return FALSE;
  if (core->ping_sent != 0)
    return TRUE;
  core->reactor->later = later;
  core->ping_sent = g_get_monotonic_time ();
  if (CHAN_LINK_GET_CLASS (core->link)->ping != NULL && CHAN_LINK_GET_CLASS (core->link)->ping (core->link))
    {
      chan_session_core_output (core, later);
      /* Over memory the answer is there already. */
      return core->ping_sent != 0;
    }
  core->ping_sent = 0;
  g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_UNSUPPORTED, "This session cannot ping its peer");
  return FALSE;
}

static gint64
round_trip (ChanSessionCore *core)
{
  ChanLater later;
  gint64 us;

  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  us = core->round_trip;
  chan_reactor_unlock (core->reactor, &later);
  return us;
}

/**
 * chan_session_ping:
 * @self: a session
 * @round_trip_us: (out) (optional): return location for the time it took, in microseconds
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Asks the peer's library, not its application, for an answer.
 *
 * Returns: %TRUE if the peer answered
 *
 * Since: 0.1
 */
gboolean
chan_session_ping (ChanSession *self, gint64 *round_trip_us, GCancellable *cancellable, GError **error)
{
  return chan_session_ping_until (self, 0, round_trip_us, cancellable, error);
}

/**
 * chan_session_ping_until:
 * @self: a session
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @round_trip_us: (out) (optional): return location for the time it took, in microseconds
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Session.ping], with a deadline.
 *
 * Returns: %TRUE if the peer answered
 *
 * Since: 0.1
 */
gboolean
chan_session_ping_until (ChanSession *self, gint64 deadline, gint64 *round_trip_us,
                         GCancellable *cancellable, GError **error)
{
  ChanSessionCore *core;

  g_return_val_if_fail (CHAN_IS_SESSION (self), FALSE);

  core = chan_session_get_core (self);
  if (!session_wait (core, &core->ping_ops, begin_ping, deadline, cancellable, error))
    return FALSE;
  if (round_trip_us != NULL)
    *round_trip_us = round_trip (core);
  return TRUE;
}

/**
 * chan_session_ping_async:
 * @self: a session
 * @io_priority: the I/O priority of the request; not used
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when the peer answered
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Session.ping].
 *
 * Since: 0.1
 */
void
chan_session_ping_async (ChanSession *self, int io_priority, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CHAN_IS_SESSION (self));

  session_wait_async (self, &chan_session_get_core (self)->ping_ops, begin_ping, chan_session_ping_async,
                      cancellable, callback, user_data);
}

/**
 * chan_session_ping_finish:
 * @self: a session
 * @result: the result given to the callback
 * @round_trip_us: (out) (optional): return location for the time it took, in microseconds
 * @error: return location for an error
 *
 * Finishes [method@Chan.Session.ping_async].
 *
 * Returns: %TRUE if the peer answered
 *
 * Since: 0.1
 */
gboolean
chan_session_ping_finish (ChanSession *self, GAsyncResult *result, gint64 *round_trip_us, GError **error)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), FALSE);

  if (!session_wait_finish (self, chan_session_ping_async, result, error))
    return FALSE;
  if (round_trip_us != NULL)
    *round_trip_us = round_trip (chan_session_get_core (self));
  return TRUE;
}
