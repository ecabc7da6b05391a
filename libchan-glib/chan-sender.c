/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-sender-private.h"

#include "chan-dispatcher.h"
#include "chan-handle.h"
#include "chan-live.h"
#include "chan-loan.h"
#include "chan-pipe-source.h"
#include "chan-stream.h"

/**
 * ChanSender:
 *
 * The sending end of a channel.
 *
 * Messages are received in the order in which they were accepted, each at most
 * once. The receiver sees the channel's end only if [method@Chan.Sender.close]
 * was called and everything was delivered; dropping the last reference without
 * it ends the channel with an error. A sender can itself be sent, inside a
 * [struct@Chan.Message]; it is then moved-from, and every use of it is an error.
 *
 * All methods may be called from any thread.
 *
 * Since: 0.1
 */
struct _ChanSender
{
  GObject parent_instance;

  ChanPipe *pipe;
  gint state;            /* ChanObjectState, atomic */
  ChanLoan loan;         /* the pipe's lock */
  GMainContext *context; /* where signals fire: the thread's default when the application got it */
};

enum { PROP_0, PROP_NAME, PROP_CAPACITY, PROP_CLOSED, PROP_PEER_CLOSED, N_PROPS };
enum { SIGNAL_PEER_CLOSED, N_SIGNALS };

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ChanSender, chan_sender, G_TYPE_OBJECT)

static void
chan_sender_dispose (GObject *object)
{
  ChanSender *self = CHAN_SENDER (object);
  g_autoptr (GError) dropped = NULL;
  ChanLater later;

  if (self->pipe != NULL && (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE || chan_loan_any (&self->loan)))
    {
      chan_later_init (&later);
      chan_pipe_lock (self->pipe);
      chan_loan_keep (&self->loan, self);
      if (self->pipe->sender_object == self)
        self->pipe->sender_object = NULL;
      if (g_atomic_int_get (&self->state) == CHAN_OBJECT_LIVE && self->pipe->sender_side == CHAN_SIDE_LOCAL)
        {
          dropped = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_RESET,
                                         "The sender went away without closing the channel");
          chan_pipe_fail_sender (self->pipe, dropped, FALSE, &later);
        }
      chan_pipe_unlock (self->pipe, &later);
    }
  G_OBJECT_CLASS (chan_sender_parent_class)->dispose (object);
}

static void
chan_sender_finalize (GObject *object)
{
  ChanSender *self = CHAN_SENDER (object);

  g_clear_pointer (&self->pipe, chan_pipe_unref);
  g_clear_pointer (&self->context, g_main_context_unref);
  chan_live_add (CHAN_LIVE_SENDER, -1);
  G_OBJECT_CLASS (chan_sender_parent_class)->finalize (object);
}

static void
chan_sender_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  ChanSender *self = CHAN_SENDER (object);

  switch (id)
    {
    case PROP_NAME:
      g_value_set_string (value, chan_sender_get_name (self));
      break;
    case PROP_CAPACITY:
      g_value_set_uint (value, chan_sender_get_capacity (self));
      break;
    case PROP_CLOSED:
      g_value_set_boolean (value, chan_sender_get_closed (self));
      break;
    case PROP_PEER_CLOSED:
      g_value_set_boolean (value, chan_sender_get_peer_closed (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
chan_sender_class_init (ChanSenderClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  chan_live_publish (CHAN_TYPE_SENDER);
  object_class->dispose = chan_sender_dispose;
  object_class->finalize = chan_sender_finalize;
  object_class->get_property = chan_sender_get_property;

  /**
   * ChanSender:name:
   *
   * The channel's name, given by the one who opened it.
   *
   * Since: 0.1
   */
  props[PROP_NAME] = g_param_spec_string ("name", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanSender:capacity:
   *
   * How many messages may be accepted and not yet taken. 0: each send waits
   * for its receiver.
   *
   * Since: 0.1
   */
  props[PROP_CAPACITY] = g_param_spec_uint ("capacity", NULL, NULL, 0, G_MAXUINT, 0, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanSender:closed:
   *
   * Whether this end was closed, aborted or moved.
   *
   * Since: 0.1
   */
  props[PROP_CLOSED] = g_param_spec_boolean ("closed", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanSender:peer-closed:
   *
   * Whether the receiving end is gone, so that every send fails.
   *
   * Since: 0.1
   */
  props[PROP_PEER_CLOSED] = g_param_spec_boolean ("peer-closed", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * ChanSender::peer-closed:
   * @self: the sender
   *
   * The receiving end went away: it was closed, dropped, or its session ended.
   * Emitted once, in the thread-default main context in which the sender was
   * made or received.
   *
   * Since: 0.1
   */
  signals[SIGNAL_PEER_CLOSED] = g_signal_new ("peer-closed", CHAN_TYPE_SENDER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
chan_sender_init (ChanSender *self)
{
  /* One that is not made by the library stands for nothing. */
  self->state = CHAN_OBJECT_MOVED;
  chan_live_add (CHAN_LIVE_SENDER, 1);
}

ChanSender *
chan_sender_new_for_pipe (ChanPipe *pipe, ChanObjectState state)
{
  ChanSender *self = g_object_new (CHAN_TYPE_SENDER, NULL);

  self->pipe = chan_pipe_ref (pipe);
  self->state = (gint) state;
  if (state == CHAN_OBJECT_LIVE)
    chan_sender_adopt (self);
  return self;
}

void
chan_sender_adopt (ChanSender *self)
{
  GMainContext *context = g_main_context_get_thread_default ();

  if (context != NULL && self->context == NULL)
    self->context = g_main_context_ref (context);
}

ChanPipe *
chan_sender_get_pipe (ChanSender *self)
{
  return self->pipe;
}

gint *
chan_sender_state (ChanSender *self)
{
  return &self->state;
}

static gboolean
emit_peer_closed (gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_PEER_CLOSED], 0);
  g_object_notify_by_pspec (data, props[PROP_PEER_CLOSED]);
  return G_SOURCE_REMOVE;
}

/* A signal nobody listens to costs no main context a turn. */
static void
peer_closed_soon (ChanSender *self)
{
  if (g_signal_has_handler_pending (self, signals[SIGNAL_PEER_CLOSED], 0, FALSE) ||
      g_signal_has_handler_pending (self, g_signal_lookup ("notify", G_TYPE_OBJECT), 0, FALSE))
    {
      GSource *source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_static_name (source, "libchan-glib peer-closed");
      g_source_set_callback (source, emit_peer_closed, g_object_ref (self), g_object_unref);
      g_source_attach (source, self->context);
      g_source_unref (source);
    }
}

/* No lock held; self is lent. */
static void
peer_closed_later (gpointer data)
{
  ChanSender *self = data;
  g_autoptr (ChanPipe) pipe = chan_pipe_ref (self->pipe);
  gboolean kept, drop;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (pipe);
  kept = self->loan.kept;
  chan_pipe_unlock (pipe, &later);
  if (!kept)
    peer_closed_soon (self);
  chan_pipe_lock (pipe);
  drop = chan_loan_end (&self->loan);
  chan_pipe_unlock (pipe, &later);
  if (drop)
    g_object_unref (self);
}

void
chan_sender_peer_closed (ChanPipe *pipe, ChanLater *later)
{
  ChanSender *self = pipe->sender_object;

  if (self == NULL)
    return;
  chan_loan_begin (&self->loan);
  chan_later_add (later, peer_closed_later, self);
}

/* --- sending --- */

gboolean
chan_sender_check_usable (ChanSender *self, GError **error)
{
  switch ((ChanObjectState) g_atomic_int_get (&self->state))
    {
    case CHAN_OBJECT_LIVE:
      return TRUE;
    case CHAN_OBJECT_SENDING:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "This sender is in a message that is being sent");
      return FALSE;
    case CHAN_OBJECT_SPLICED:
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PENDING, "A channel is being forwarded to this sender");
      return FALSE;
    default:
      g_set_error_literal (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_MOVED, "This sender was sent away inside a message");
      return FALSE;
    }
}

/* Under the lock. */
ChanAccept
chan_sender_send_now (ChanSender *self, ChanMessage *packed, ChanLater *later, GError **error)
{
  ChanPipe *pipe = self->pipe;

  /* Those who came first are served first. */
  if (pipe->senders.first != NULL && pipe->sender_error == NULL)
    return CHAN_ACCEPT_WAIT;
  return chan_pipe_accept (pipe, packed, later, error);
}

/* Under the lock. Waits until the message is accepted, or for good reason is
 * not. *packed is NULL when it was taken, which may be without success: it was
 * out, and was not received. */
static gboolean
send_waiting (ChanSender *self, ChanMessage **packed, ChanAccept accept, gint64 deadline,
              GCancellable *cancellable, ChanLater *later, GError **error)
{
  ChanSyncOp wait;
  ChanWaitResult result = CHAN_WAIT_ENDED;

  chan_sync_op_init (&wait);
  wait.spins = TRUE;
  if (accept == CHAN_ACCEPT_WAIT)
    {
      wait.op.item = *packed;
      chan_op_ring_append (&self->pipe->senders, &wait.op);
      /* Capacity 0: there is something to take now. */
      if (chan_pipe_is_watched (self->pipe))
        chan_pipe_notify_receivers (self->pipe, later);
    }
  if (accept == CHAN_ACCEPT_WAIT || chan_pipe_fly (self->pipe, &wait.op))
    result = chan_sync_op_wait (&wait, &self->pipe->guard, deadline, cancellable, later);
  *packed = wait.op.item;
  if (result != CHAN_WAIT_ENDED)
    {
      chan_op_ring_remove (&self->pipe->senders, &wait.op);
      chan_pipe_notify_senders (self->pipe, later);
      chan_wait_set_error (result, error);
      return FALSE;
    }
  if (wait.op.error == NULL)
    return TRUE;
  g_propagate_error (error, g_steal_pointer (&wait.op.error));
  return FALSE;
}

void
chan_sender_settle (ChanMessage *message, ChanMessage *packed)
{
  if (packed == NULL)
    chan_message_commit (message);
  else
    chan_message_unpack (message, packed);
}

/**
 * chan_sender_send:
 * @self: a sender
 * @message: the message
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Sends a message, waiting while the channel is full.
 *
 * Success means that the message is accepted: it will be delivered, or the
 * channel ends with an error. With capacity 0 it means that the receiver took
 * it. If it fails, nothing was sent and the handles in @message are still the
 * caller's.
 *
 * There is one exception: a message on a channel of capacity 0 to another
 * process cannot be called back once it is out. If the send fails then (it was
 * cancelled, its time passed, the connection was lost), the receiver may have
 * it or not, and the handles are gone with it: [method@Chan.Message.get_handle]
 * returns %NULL for them. Do not send such a message again.
 *
 * While it waits it serves the session itself; it never runs callbacks of the
 * caller's main context.
 *
 * Returns: %TRUE if the message was accepted
 *
 * Since: 0.1
 */
gboolean
chan_sender_send (ChanSender *self, ChanMessage *message, GCancellable *cancellable, GError **error)
{
  return chan_sender_send_until (self, message, 0, cancellable, error);
}

/**
 * chan_sender_send_until:
 * @self: a sender
 * @message: the message
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Sender.send], with a deadline: when it passes, the call
 * fails with %G_IO_ERROR_TIMED_OUT and nothing was sent, with the exception
 * told there.
 *
 * Returns: %TRUE if the message was accepted
 *
 * Since: 0.1
 */
gboolean
chan_sender_send_until (ChanSender *self, ChanMessage *message, gint64 deadline,
                        GCancellable *cancellable, GError **error)
{
  ChanMessage *packed;
  ChanAccept accept;
  ChanLater later;
  gboolean ok;

  g_return_val_if_fail (CHAN_IS_SENDER (self) && message != NULL, FALSE);

  if (!chan_sender_check_usable (self, error) || g_cancellable_set_error_if_cancelled (cancellable, error) ||
      (packed = chan_message_pack (message, self->pipe, error)) == NULL)
    return FALSE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  accept = chan_sender_send_now (self, packed, &later, error);
  ok = accept == CHAN_ACCEPT_OK;
  if (accept == CHAN_ACCEPT_WAIT || accept == CHAN_ACCEPT_FLYING)
    ok = send_waiting (self, &packed, accept, deadline, cancellable, &later, error);
  else if (ok)
    packed = NULL;
  chan_pipe_unlock (self->pipe, &later);
  chan_sender_settle (message, packed);
  return ok;
}

/**
 * chan_sender_try_send:
 * @self: a sender
 * @message: the message
 * @error: return location for an error
 *
 * Sends a message if it can be accepted at once; otherwise fails with
 * %G_IO_ERROR_WOULD_BLOCK. On a channel of capacity 0 to another process it
 * always does: whether its receiver is waiting cannot be known at once.
 *
 * Returns: %TRUE if the message was accepted
 *
 * Since: 0.1
 */
gboolean
chan_sender_try_send (ChanSender *self, ChanMessage *message, GError **error)
{
  ChanMessage *packed;
  ChanAccept accept;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_SENDER (self) && message != NULL, FALSE);

  if (!chan_sender_check_usable (self, error) || (packed = chan_message_pack (message, self->pipe, error)) == NULL)
    return FALSE;
  chan_later_init (&later);
  chan_pipe_lock (self->pipe);
  /* Capacity 0 over a link: whether somebody waits there cannot be known at once. */
  if (self->pipe->capacity == 0 && self->pipe->sender_error == NULL && chan_stream_reports_taken (self->pipe->out))
    accept = CHAN_ACCEPT_WAIT;
  else
    accept = chan_sender_send_now (self, packed, &later, error);
  chan_pipe_unlock (self->pipe, &later);
  if (accept == CHAN_ACCEPT_WAIT)
    g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The channel is full");
  if (accept == CHAN_ACCEPT_OK || accept == CHAN_ACCEPT_FLYING)
    packed = NULL;
  chan_sender_settle (message, packed);
  return packed == NULL;
}

/**
 * chan_sender_create_source:
 * @self: a sender
 * @cancellable: (nullable): makes the source ready too when cancelled
 *
 * Makes a source that is ready while [method@Chan.Sender.try_send] would not
 * fail with %G_IO_ERROR_WOULD_BLOCK. Its callback is a plain [callback@GLib.SourceFunc].
 *
 * Returns: (transfer full): the source, not attached
 *
 * Since: 0.1
 */
GSource *
chan_sender_create_source (ChanSender *self, GCancellable *cancellable)
{
  g_return_val_if_fail (CHAN_IS_SENDER (self), NULL);

  return chan_pipe_source_new (self->pipe, TRUE, cancellable);
}
