/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-receiver-private.h"

#include "chan-handle.h"
#include "chan-live.h"
#include "chan-pipe-receive.h"
#include "chan-pipe-source.h"
#include "chan-receiver-handler.h"

/**
 * ChanReceiver:
 *
 * The receiving end of a channel.
 *
 * What is received is always a prefix of what was sent, in order and without
 * a gap. Then comes exactly one end, which stays: %NULL without an error if
 * the sender closed the channel and everything was delivered, else an error
 * that says why.
 *
 * All methods may be called from any thread.
 *
 * Since: 0.1
 */
struct _ChanReceiver
{
  GObject parent_instance;

  ChanPipe *pipe;
  gint state;                   /* ChanObjectState, atomic */
  ChanReceiverHandler *handler; /* guarded by the pipe's lock */
};

enum { PROP_0, PROP_NAME, PROP_CAPACITY, PROP_CLOSED, N_PROPS };

static GParamSpec *props[N_PROPS];

G_DEFINE_FINAL_TYPE (ChanReceiver, chan_receiver, G_TYPE_OBJECT)

static void
close_with (ChanReceiver *self, const char *text)
{
  gint state = g_atomic_int_get (&self->state);
  ChanLater later;

  if (self->pipe == NULL || (state != CHAN_OBJECT_LIVE && state != CHAN_OBJECT_SPLICED))
    return;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  if (self->pipe->receiver_side == CHAN_SIDE_LOCAL)
    chan_pipe_close_receiver (self->pipe, CHAN_CHANNEL_ERROR_CLOSED, text, &later);
  chan_pipe_unlock (self->pipe, &later);
}

static void
chan_receiver_dispose (GObject *object)
{
  close_with (CHAN_RECEIVER (object), "The receiver went away");
  G_OBJECT_CLASS (chan_receiver_parent_class)->dispose (object);
}

static void
chan_receiver_finalize (GObject *object)
{
  ChanReceiver *self = CHAN_RECEIVER (object);

  g_clear_pointer (&self->pipe, chan_pipe_unref);
  chan_live_add (CHAN_LIVE_RECEIVER, -1);
  G_OBJECT_CLASS (chan_receiver_parent_class)->finalize (object);
}

static void
chan_receiver_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  ChanReceiver *self = CHAN_RECEIVER (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, chan_receiver_get_name (self));
      break;
    case PROP_CAPACITY:
      g_value_set_uint (value, chan_receiver_get_capacity (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, chan_receiver_get_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
chan_receiver_class_init (ChanReceiverClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = chan_receiver_dispose;
  object_class->finalize = chan_receiver_finalize;
  object_class->get_property = chan_receiver_get_property;

  /**
   * ChanReceiver:name:
   *
   * The channel's name, given by the one who opened it.
   *
   * Since: 0.1
   */
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanReceiver:capacity:
   *
   * How many messages the sender may have accepted beyond what was taken.
   *
   * Since: 0.1
   */
  props[PROP_CAPACITY] = g_param_spec_uint ("capacity", NULL, NULL, 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanReceiver:closed:
   *
   * Whether this end was closed or moved.
   *
   * Since: 0.1
   */
  props[PROP_CLOSED] = g_param_spec_boolean ("closed", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);
}

static void
chan_receiver_init (ChanReceiver *self)
{
  /* One that is not made by the library stands for nothing. */
  self->state = CHAN_OBJECT_MOVED;
  chan_live_add (CHAN_LIVE_RECEIVER, 1);
}

ChanReceiver *
chan_receiver_new_for_pipe (ChanPipe *pipe, ChanObjectState state)
{
  ChanReceiver *self = g_object_new (CHAN_TYPE_RECEIVER, NULL);

  self->pipe = chan_pipe_ref (pipe);
  self->state = (gint) state;
  return self;
}

ChanPipe *
chan_receiver_get_pipe (ChanReceiver *self)
{
  return self->pipe;
}

gint *
chan_receiver_state (ChanReceiver *self)
{
  return &self->state;
}

gboolean
chan_receiver_check_usable (ChanReceiver *self, GError **error)
{
  gint state = g_atomic_int_get (&self->state);

  if (state == CHAN_OBJECT_LIVE && self->handler == NULL)
    return TRUE;
  if (state == CHAN_OBJECT_LIVE || state == CHAN_OBJECT_SENDING || state == CHAN_OBJECT_SPLICED)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING,
                         state == CHAN_OBJECT_LIVE      ? "This receiver has a message handler"
                         : state == CHAN_OBJECT_SPLICED ? "This receiver's channel is being forwarded"
                                                        : "This receiver is in a message that is being sent");
  else
    g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED, "This receiver was sent away inside a message");
  return FALSE;
}

static gboolean
check_usable (gpointer source, GError **error)
{
  return chan_receiver_check_usable (source, error);
}

/**
 * chan_receiver_receive:
 * @self: a receiver
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Takes the next message, waiting for it.
 *
 * While it waits it serves the session itself; it never runs callbacks of the
 * caller's main context. A cancelled call takes no message.
 *
 * Returns: (transfer full) (nullable): the message; %NULL without an error
 *   when the sender closed the channel and everything was taken
 *
 * Since: 0.1
 */
ChanMessage *
chan_receiver_receive (ChanReceiver *self, GCancellable *cancellable, GError **error)
{
  return chan_receiver_receive_until (self, 0, cancellable, error);
}

/**
 * chan_receiver_receive_until:
 * @self: a receiver
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Receiver.receive], with a deadline: when it passes, the
 * call fails with %G_IO_ERROR_TIMED_OUT and took no message.
 *
 * Returns: (transfer full) (nullable): the message; %NULL without an error
 *   when the sender closed the channel and everything was taken
 *
 * Since: 0.1
 */
ChanMessage *
chan_receiver_receive_until (ChanReceiver *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, NULL);

  return chan_pipe_receive (self->pipe, self, check_usable, deadline, cancellable, error);
}

/**
 * chan_receiver_try_receive:
 * @self: a receiver
 * @message: (out) (optional) (nullable) (transfer full): return location for the message
 * @error: return location for an error
 *
 * Takes the next message if there is one.
 *
 * Returns: what was found
 *
 * Since: 0.1
 */
ChanTake
chan_receiver_try_receive (ChanReceiver *self, ChanMessage **message, GError **error)
{
  gpointer item = NULL;
  ChanTake take = CHAN_TAKE_ERROR;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, CHAN_TAKE_ERROR);

  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  if (check_usable (self, error))
    take = chan_pipe_take (self->pipe, FALSE, &item, &later, error);
  chan_pipe_unlock (self->pipe, &later);
  if (item != NULL)
    chan_message_arrived (item);
  if (message != NULL)
    *message = item;
  else if (item != NULL)
    chan_message_unref (item);
  return take;
}

/**
 * chan_receiver_wait_until:
 * @self: a receiver
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 *
 * Waits until [method@Chan.Receiver.try_receive] would not return
 * %CHAN_TAKE_EMPTY, and takes nothing: for those who may be interrupted, as
 * language bindings are by signals, and then wait again. Somebody else may be
 * faster in taking what it waited for.
 *
 * Returns: %TRUE when there is a message, the end, or an error; %FALSE when the
 *   deadline passed or it was cancelled
 *
 * Since: 0.1
 */
gboolean
chan_receiver_wait_until (ChanReceiver *self, gint64 deadline, GCancellable *cancellable)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, FALSE);

  return chan_pipe_wait_readable (self->pipe, self, check_usable, deadline, cancellable);
}

/**
 * chan_receiver_receive_async:
 * @self: a receiver
 * @io_priority: the I/O priority of the request; operations of one channel keep their order whatever it is
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when there is a message, or the end
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Receiver.receive]. The message is kept for this
 * operation and taken in [method@Chan.Receiver.receive_finish]; if that is
 * never called, it goes to the next who receives. None is lost by cancelling.
 *
 * Since: 0.1
 */
void
chan_receiver_receive_async (ChanReceiver *self, int io_priority, GCancellable *cancellable,
                             GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL);

  chan_pipe_receive_async (self->pipe, self, check_usable, chan_receiver_receive_async, cancellable, callback, user_data);
}

/**
 * chan_receiver_receive_finish:
 * @self: a receiver
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Receiver.receive_async].
 *
 * Returns: (transfer full) (nullable): the message; %NULL without an error
 *   when the sender closed the channel and everything was taken
 *
 * Since: 0.1
 */
ChanMessage *
chan_receiver_receive_finish (ChanReceiver *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, NULL);

  return chan_pipe_receive_finish (self->pipe, self, chan_receiver_receive_async, result, error);
}

/**
 * chan_receiver_create_source:
 * @self: a receiver
 * @cancellable: (nullable): makes the source ready too when cancelled
 *
 * Makes a source that is ready while [method@Chan.Receiver.try_receive] would
 * not return %CHAN_TAKE_EMPTY. Its callback is a plain [callback@GLib.SourceFunc].
 *
 * Returns: (transfer full): the source, not attached
 *
 * Since: 0.1
 */
GSource *
chan_receiver_create_source (ChanReceiver *self, GCancellable *cancellable)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, NULL);

  return chan_pipe_source_new (self->pipe, FALSE, cancellable);
}

/**
 * chan_receiver_set_handler:
 * @self: a receiver
 * @handler: (nullable) (scope notified) (closure user_data) (destroy destroy): called for each message; %NULL: no handler any more
 * @user_data: data for @handler
 * @destroy: (nullable): called with @user_data when the handler is no longer needed
 *
 * Lets a function take every message, called from the main loop of the
 * thread-default main context of now: the fastest way to serve a channel. At
 * the end of the channel it is called once more, without a message, and then
 * forgotten. Until then the receiver is kept alive, and other ways to receive
 * fail with %G_IO_ERROR_PENDING.
 *
 * Since: 0.1
 */
void
chan_receiver_set_handler (ChanReceiver *self, ChanMessageFunc handler, gpointer user_data, GDestroyNotify destroy)
{
  ChanReceiverHandler *added = NULL;
  ChanReceiverHandler *old;
  ChanLater later;

  g_return_if_fail (CHAN_IS_RECEIVER (self));
  g_return_if_fail (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE);

  if (handler != NULL)
    added = chan_receiver_handler_new (self, self->pipe, handler, user_data, destroy);
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  old = self->handler;
  self->handler = added;
  if (old != NULL)
    chan_receiver_handler_stop (old, &later);
  if (added != NULL)
    chan_receiver_handler_start (added, &later);
  chan_pipe_unlock (self->pipe, &later);
}

/* Under the lock: the handler saw the end. */
void
chan_receiver_forget_handler (ChanReceiver *self, ChanReceiverHandler *handler)
{
  if (self->handler == handler)
    self->handler = NULL;
}

/**
 * chan_receiver_close:
 * @self: a receiver
 *
 * Says that nothing more will be taken: what is queued is dropped, and the
 * sender's waiting and next sends fail with %CHAN_CHANNEL_ERROR_CLOSED. Does
 * not wait; closing twice does nothing.
 *
 * Since: 0.1
 */
void
chan_receiver_close (ChanReceiver *self)
{
  g_return_if_fail (CHAN_IS_RECEIVER (self));

  if (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE)
    chan_receiver_set_handler (self, NULL, NULL, NULL);
  close_with (self, "The receiver closed the channel");
}

/**
 * chan_receiver_get_name:
 * @self: a receiver
 *
 * Gets the channel's name.
 *
 * Returns: (nullable): the name, or %NULL if it has none
 *
 * Since: 0.1
 */
const char *
chan_receiver_get_name (ChanReceiver *self)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self) && self->pipe != NULL, NULL);

  return self->pipe != NULL ? self->pipe->name : NULL;
}

/**
 * chan_receiver_get_capacity:
 * @self: a receiver
 *
 * Gets how many messages may be accepted and not yet taken.
 *
 * Returns: the capacity
 *
 * Since: 0.1
 */
guint
chan_receiver_get_capacity (ChanReceiver *self)
{
  g_return_val_if_fail (CHAN_IS_RECEIVER (self), 0);

  return self->pipe != NULL ? self->pipe->capacity : 0;
}

/**
 * chan_receiver_get_closed:
 * @self: a receiver
 *
 * Tells whether this end was closed or sent away.
 *
 * Returns: %TRUE if nothing can be received because of this end
 *
 * Since: 0.1
 */
gboolean
chan_receiver_get_closed (ChanReceiver *self)
{
  gboolean closed;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_RECEIVER (self), TRUE);

  if (g_atomic_int_get (&self->state) != CHAN_OBJECT_LIVE && g_atomic_int_get (&self->state) != CHAN_OBJECT_SPLICED)
    return TRUE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  closed = self->pipe->receiver_side == CHAN_SIDE_CLOSED;
  chan_pipe_unlock (self->pipe, &later);
  return closed;
}
