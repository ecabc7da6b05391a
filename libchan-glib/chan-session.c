/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-session-private.h"

#include <string.h>

#include "chan-enum-types.h"

#include "chan-async-result.h"
#include "chan-handle.h"
#include "chan-link-private.h"
#include "chan-live.h"
#include "chan-loan.h"
#include "chan-pipe-receive.h"
#include "chan-sender-private.h"
#include "wire/chan-limits.h"

/**
 * ChanSession:
 *
 * Two peers with any number of channels between them.
 *
 * A session is made with [func@Chan.connect] or accepted by a
 * [class@Chan.Listener]. When the application has dropped the object and every
 * channel, the session drains and ends by itself; [method@Chan.Session.close]
 * does it now, and tells whether everything was delivered.
 *
 * All methods may be called from any thread.
 *
 * Since: 0.1
 */
struct _ChanSession
{
  GObject parent_instance;

  ChanSessionCore *core;
  char *uri;
  GMainContext *context; /* where signals fire */
  ChanLoan loan;         /* the reactor's lock */
};

enum { PROP_0, PROP_URI, PROP_STATE, PROP_RENDEZVOUS, N_PROPS };
enum { SIGNAL_CLOSED, N_SIGNALS };

static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ChanSession, chan_session, G_TYPE_OBJECT)

static void
chan_session_dispose (GObject *object)
{
  ChanSession *self = CHAN_SESSION (object);
  ChanLater later;

  if (self->core != NULL)
    {
      chan_later_init (&later);
      chan_reactor_lock (self->core->reactor);
      self->core->object = NULL;
      chan_loan_keep (&self->loan, self);
      /* Channels that nobody accepted are not waited for. */
      chan_pipe_close_receiver (self->core->accepts, CHAN_CHANNEL_ERROR_CLOSED, "The session was dropped", &later);
      chan_session_core_maybe_retire (self->core, &later);
      chan_reactor_unlock (self->core->reactor, &later);
    }
  G_OBJECT_CLASS (chan_session_parent_class)->dispose (object);
}

static void
chan_session_finalize (GObject *object)
{
  ChanSession *self = CHAN_SESSION (object);

  g_clear_pointer (&self->core, chan_session_core_unref);
  g_free (self->uri);
  g_clear_pointer (&self->context, g_main_context_unref);
  chan_live_add (CHAN_LIVE_SESSION, -1);
  G_OBJECT_CLASS (chan_session_parent_class)->finalize (object);
}

static void
chan_session_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  ChanSession *self = CHAN_SESSION (object);

  switch (id)
    {
    case PROP_URI:
      g_value_set_string (value, self->uri);
      break;
    case PROP_STATE:
      g_value_set_enum (value, chan_session_get_state (self));
      break;
    case PROP_RENDEZVOUS:
      g_value_set_boolean (value, chan_session_get_rendezvous (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
chan_session_class_init (ChanSessionClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = chan_session_dispose;
  object_class->finalize = chan_session_finalize;
  object_class->get_property = chan_session_get_property;

  /**
   * ChanSession:uri:
   *
   * The URI that it was connected to, or accepted at.
   *
   * Since: 0.1
   */
  props[PROP_URI] = g_param_spec_string ("uri", NULL, NULL, NULL, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanSession:state:
   *
   * How far the session's life is.
   *
   * Since: 0.1
   */
  props[PROP_STATE] = g_param_spec_enum ("state", NULL, NULL, CHAN_TYPE_SESSION_STATE, CHAN_SESSION_CONNECTING,
                                         G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  /**
   * ChanSession:rendezvous:
   *
   * Whether the peer reports what its application took, so that capacity 0
   * means that a send waits for its receiver.
   *
   * Since: 0.1
   */
  props[PROP_RENDEZVOUS] = g_param_spec_boolean ("rendezvous", NULL, NULL, FALSE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, props);

  /**
   * ChanSession::closed:
   * @self: the session
   *
   * The session has ended; [method@Chan.Session.get_state] says how. Emitted
   * once, in the thread-default main context in which the session was made.
   *
   * Since: 0.1
   */
  signals[SIGNAL_CLOSED] = g_signal_new ("closed", CHAN_TYPE_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
chan_session_init (ChanSession *self)
{
  chan_live_add (CHAN_LIVE_SESSION, 1);
}

ChanSession *
chan_session_new_for_core (ChanSessionCore *core, const char *uri)
{
  ChanSession *self = g_object_new (CHAN_TYPE_SESSION, NULL);
  ChanLater later;

  self->core = core;
  self->uri = g_strdup (uri);
  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  core->object = self;
  core->was_given = TRUE;
  chan_reactor_unlock (core->reactor, &later);
  return self;
}

void
chan_session_adopt (ChanSession *self)
{
  GMainContext *context = g_main_context_get_thread_default ();
  GMainContext *old;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (self->core->reactor);
  old = self->context;
  self->context = context != NULL ? g_main_context_ref (context) : NULL;
  chan_reactor_unlock (self->core->reactor, &later);
  g_clear_pointer (&old, g_main_context_unref);
}

static gboolean
emit_closed (gpointer data)
{
  g_signal_emit (data, signals[SIGNAL_CLOSED], 0);
  g_object_notify_by_pspec (data, props[PROP_STATE]);
  return G_SOURCE_REMOVE;
}

static void
ended_soon (ChanSession *self)
{
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "libchan-glib session closed");
  g_source_set_callback (source, emit_closed, g_object_ref (self), g_object_unref);
  g_source_attach (source, self->context);
  g_source_unref (source);
}

/* No lock held; self is lent. */
static void
ended_later (gpointer data)
{
  ChanSession *self = data;
  g_autoptr (ChanReactor) reactor = chan_reactor_ref (self->core->reactor);
  gboolean kept, drop;
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (reactor);
  kept = self->loan.kept;
  chan_reactor_unlock (reactor, &later);
  if (!kept)
    ended_soon (self);
  chan_reactor_lock (reactor);
  drop = chan_loan_end (&self->loan);
  chan_reactor_unlock (reactor, &later);
  if (drop)
    g_object_unref (self);
}

void
chan_session_ended (ChanSession *self, ChanLater *later)
{
  if (self == NULL || !g_signal_has_handler_pending (self, signals[SIGNAL_CLOSED], 0, FALSE))
    return;
  chan_loan_begin (&self->loan);
  chan_later_add (later, ended_later, self);
}

/* --- channels --- */

/* For every transport alike: over some, a longer one cannot be said. */
static gboolean
check_name (const char *name, GError **error)
{
  if (name == NULL || strlen (name) <= chan_limits_default.name_bytes)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_TOO_LARGE, "The name of a channel may have %u bytes, and this has %" G_GSIZE_FORMAT,
               chan_limits_default.name_bytes, strlen (name));
  return FALSE;
}

/* Under the lock. */
static ChanSender *
open_channel (ChanSessionCore *core, const char *name, ChanLater *later, GError **error)
{
  ChanOpenInfo info = { .kind = CHAN_STREAM_RECEIVER, .name = name, .capacity = core->capacity };
  ChanStream *stream;
  g_autoptr (ChanPipe) pipe = NULL;
  ChanSender *sender;

  if (!chan_session_core_check (core, error) || !check_name (name, error))
    return NULL;
  stream = chan_session_core_add (core, TRUE, CHAN_STREAM_RECEIVER);
  core->reactor->later = later;
  if (!CHAN_LINK_GET_CLASS (core->link)->open (core->link, stream->id, &info, error))
    {
      chan_session_core_remove (core, stream, later);
      return NULL;
    }
  pipe = chan_pipe_core_new (CHAN_ITEM_MESSAGE, core->capacity, core->reactor);
  pipe->name = g_strdup (name);
  sender = chan_sender_new_for_pipe (pipe, CHAN_OBJECT_LIVE);
  pipe->sender_object = sender;
  chan_stream_bind_out (stream, pipe, later);
  chan_session_core_output_batched (core, 0, later);
  return sender;
}

/**
 * chan_session_open_channel:
 * @self: a session
 * @name: (nullable): a name for the channel, which the peer sees; 8 KiB at most
 * @error: return location for an error
 *
 * Opens a channel to the peer, which gets its receiving end with
 * [method@Chan.Session.accept_channel]. Does not wait for the peer.
 *
 * A longer name fails with %CHAN_CHANNEL_ERROR_TOO_LARGE.
 *
 * Returns: (transfer full): the sending end
 *
 * Since: 0.1
 */
ChanSender *
chan_session_open_channel (ChanSession *self, const char *name, GError **error)
{
  ChanSender *sender;
  ChanLater later;

  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);
  g_return_val_if_fail (name == NULL || g_utf8_validate (name, -1, NULL), NULL);

  chan_later_init (&later);
  chan_reactor_lock (self->core->reactor);
  sender = open_channel (self->core, name, &later, error);
  chan_reactor_unlock (self->core->reactor, &later);
  return sender;
}

static gboolean
always (gpointer source, GError **error)
{
  return TRUE;
}

/**
 * chan_session_accept_channel:
 * @self: a session
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Waits for the peer to open a channel.
 *
 * Returns: (transfer full) (nullable): the receiving end; %NULL without an error
 *   when the session ended cleanly
 *
 * Since: 0.1
 */
ChanReceiver *
chan_session_accept_channel (ChanSession *self, GCancellable *cancellable, GError **error)
{
  return chan_session_accept_channel_until (self, 0, cancellable, error);
}

/**
 * chan_session_accept_channel_until:
 * @self: a session
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up waiting
 * @error: return location for an error
 *
 * Like [method@Chan.Session.accept_channel], with a deadline.
 *
 * Returns: (transfer full) (nullable): the receiving end; %NULL without an error
 *   when the session ended cleanly
 *
 * Since: 0.1
 */
ChanReceiver *
chan_session_accept_channel_until (ChanSession *self, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  return chan_pipe_receive (self->core->accepts, self, always, deadline, cancellable, error);
}

/**
 * chan_session_accept_channel_async:
 * @self: a session
 * @io_priority: the I/O priority of the request; calls are served in their order whatever it is
 * @cancellable: (nullable): to give up waiting
 * @callback: (scope async) (nullable): called when there is a channel, or the end
 * @user_data: data for @callback
 *
 * Asynchronous [method@Chan.Session.accept_channel].
 *
 * Since: 0.1
 */
void
chan_session_accept_channel_async (ChanSession *self, int io_priority, GCancellable *cancellable,
                                   GAsyncReadyCallback callback, gpointer user_data)
{
  g_return_if_fail (CHAN_IS_SESSION (self));

  chan_pipe_receive_async (self->core->accepts, self, always, chan_session_accept_channel_async, cancellable, callback, user_data);
}

/**
 * chan_session_accept_channel_finish:
 * @self: a session
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [method@Chan.Session.accept_channel_async].
 *
 * Returns: (transfer full) (nullable): the receiving end; %NULL without an error
 *   when the session ended cleanly
 *
 * Since: 0.1
 */
ChanReceiver *
chan_session_accept_channel_finish (ChanSession *self, GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  return chan_pipe_receive_finish (self->core->accepts, self, chan_session_accept_channel_async, result, error);
}

ChanSessionCore *
chan_session_get_core (ChanSession *self)
{
  return self->core;
}

/**
 * chan_session_get_uri:
 * @self: a session
 *
 * Gets the URI that the session was connected to, or accepted at.
 *
 * Returns: (nullable): the URI; %NULL for a stream of your own
 *
 * Since: 0.1
 */
const char *
chan_session_get_uri (ChanSession *self)
{
  g_return_val_if_fail (CHAN_IS_SESSION (self), NULL);

  return self->uri;
}
