/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-listener-private.h"

#include "chan-session-private.h"

/**
 * ChanListener:
 *
 * Accepts sessions at an address. Sessions are taken with
 * [method@Chan.Listener.accept], or, if somebody is connected to it, by the
 * signal [signal@Chan.Listener::incoming]. Connections are accepted and their
 * handshakes done in the background.
 *
 * Dropping the last reference stops listening.
 *
 * Since: 0.1
 */
enum { SIGNAL_AUTHORIZE, SIGNAL_INCOMING, N_SIGNALS };

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (ChanListener, chan_listener, G_TYPE_OBJECT)

static void
listener_stop (ChanListener *self, const GError *error)
{
  gboolean was_listening;
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  was_listening = self->listening;
  self->listening = FALSE;
  if (error != NULL)
    chan_pipe_fail_sender (self->accepts, error, FALSE, &later);
  else
    chan_pipe_close_sender (self->accepts, &later);
  chan_pipe_unlock (self->accepts, &later);
  if (was_listening)
    chan_transport_unlisten (self->transport, self);
}

static void
chan_listener_dispose (GObject *object)
{
  ChanListener *self = CHAN_LISTENER (object);
  ChanLater later;

  listener_stop (self, NULL);
  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  chan_pipe_close_receiver (self->accepts, CHAN_CHANNEL_ERROR_CLOSED, "The listener was dropped", &later);
  chan_pipe_unlock (self->accepts, &later);
  G_OBJECT_CLASS (chan_listener_parent_class)->dispose (object);
}

static void
chan_listener_finalize (GObject *object)
{
  ChanListener *self = CHAN_LISTENER (object);

  g_clear_object (&self->transport);
  g_clear_object (&self->options);
  g_clear_pointer (&self->context, g_main_context_unref);
  chan_pipe_unref (self->accepts);
  g_ptr_array_unref (self->old_uris);
  g_free (self->uri);
  G_OBJECT_CLASS (chan_listener_parent_class)->finalize (object);
}

/* Who says no has the last word. */
static gboolean
all_must_agree (GSignalInvocationHint *hint, GValue *result, const GValue *answer, gpointer data)
{
  g_value_copy (answer, result);
  return g_value_get_boolean (answer);
}

static void
chan_listener_class_init (ChanListenerClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = chan_listener_dispose;
  G_OBJECT_CLASS (klass)->finalize = chan_listener_finalize;

  /**
   * ChanListener::authorize:
   * @self: the listener
   * @session: the session, whose credentials, certificate and address can be read
   *
   * Asks whether a session may be used, before anything that its peer sent
   * reaches the application. If any handler returns %FALSE the session is
   * aborted, and neither [signal@Chan.Listener::incoming] nor
   * [method@Chan.Listener.accept] gives it. The peers that the transport itself
   * refuses (TLS verification, user ids of a Unix socket) are not asked about.
   * Emitted in the thread-default main context in which the listener was made,
   * which must therefore be iterated; a program that only blocks in
   * [method@Chan.Listener.accept] looks at the session it got instead.
   *
   * Returns: %TRUE to let it in
   *
   * Since: 0.1
   */
  signals[SIGNAL_AUTHORIZE] = g_signal_new ("authorize", CHAN_TYPE_LISTENER, G_SIGNAL_RUN_LAST, 0, all_must_agree, NULL, NULL,
                                            G_TYPE_BOOLEAN, 1, CHAN_TYPE_SESSION);

  /**
   * ChanListener::incoming:
   * @self: the listener
   * @session: the session
   *
   * A session came. While somebody is connected to this signal, sessions are
   * given here and not to [method@Chan.Listener.accept]. Emitted in the
   * thread-default main context in which the listener was made.
   *
   * Since: 0.1
   */
  signals[SIGNAL_INCOMING] = g_signal_new ("incoming", CHAN_TYPE_LISTENER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                           G_TYPE_NONE, 1, CHAN_TYPE_SESSION);
}

static void
chan_listener_init (ChanListener *self)
{
  GMainContext *context = g_main_context_get_thread_default ();

  if (context != NULL)
    self->context = g_main_context_ref (context);
  self->accepts = chan_pipe_core_new (CHAN_ITEM_OBJECT, G_MAXUINT, NULL);
  self->old_uris = g_ptr_array_new_with_free_func (g_free);
}

ChanPipe *
chan_listener_get_accepts (ChanListener *self)
{
  return self->accepts;
}

ChanOptions *
chan_listener_get_options (ChanListener *self)
{
  return self->options;
}

/* --- from the transport --- */

typedef struct
{
  ChanListener *listener; /* a reference */
  ChanSessionCore *core;  /* a reference */
  ChanSession *session;
  gboolean failed;
} Incoming;

static void
incoming_free (gpointer data)
{
  Incoming *self = data;

  g_clear_object (&self->session);
  g_clear_pointer (&self->core, chan_session_core_unref);
  g_object_unref (self->listener);
  g_free (self);
}

static gboolean
has_handler (Incoming *self, guint which)
{
  return g_signal_has_handler_pending (self->listener, signals[which], 0, FALSE);
}

static void
incoming_push (Incoming *self)
{
  ChanLater later;

  chan_later_init (&later);
  chan_pipe_lock (self->listener->accepts);
  chan_pipe_push (self->listener->accepts, g_steal_pointer (&self->session), 0, &later);
  chan_pipe_unlock (self->listener->accepts, &later);
}

static gboolean
incoming_emit (gpointer data)
{
  Incoming *self = data;
  gboolean allowed = TRUE;

  if (has_handler (self, SIGNAL_AUTHORIZE))
    g_signal_emit (self->listener, signals[SIGNAL_AUTHORIZE], 0, self->session, &allowed);
  if (!allowed)
    chan_session_abort (self->session);
  else if (has_handler (self, SIGNAL_INCOMING))
    {
      chan_session_adopt (self->session);
      g_signal_emit (self->listener, signals[SIGNAL_INCOMING], 0, self->session);
    }
  else
    incoming_push (self);
  return G_SOURCE_REMOVE;
}

static void
incoming_offer (Incoming *self)
{
  if (has_handler (self, SIGNAL_AUTHORIZE) || has_handler (self, SIGNAL_INCOMING))
    {
      GSource *source = g_idle_source_new ();

      g_source_set_priority (source, G_PRIORITY_DEFAULT);
      g_source_set_static_name (source, "libchan-glib incoming");
      g_source_set_callback (source, incoming_emit, self, incoming_free);
      g_source_attach (source, self->listener->context);
      g_source_unref (source);
      return;
    }
  incoming_push (self);
  incoming_free (self);
}

static void
incoming_ready (gpointer data)
{
  Incoming *self = data;

  if (self->failed)
    {
      incoming_free (self);
      return;
    }
  self->session = chan_session_new_for_core (g_steal_pointer (&self->core), chan_listener_get_uri (self->listener));
  incoming_offer (self);
}

/* Under the session's lock. */
static void
on_ready (gpointer data, const GError *error, ChanLater *later)
{
  Incoming *self = data;

  if (error != NULL)
    g_debug ("%s: an incoming session failed: %s", self->listener->uri, error->message);
  self->failed = error != NULL;
  chan_later_add (later, incoming_ready, self);
}

/**
 * chan_listener_deliver_link:
 * @self: a listener
 * @link: a link that came in; need not be ready
 *
 * For transports: offers a link. Any thread.
 *
 * Since: 0.1
 */
void
chan_listener_deliver_link (ChanListener *self, ChanLink *link)
{
  Incoming *incoming;
  ChanSessionCore *core;

  g_return_if_fail (CHAN_IS_LISTENER (self) && CHAN_IS_LINK (link));

  incoming = g_new0 (Incoming, 1);
  incoming->listener = g_object_ref (self);
  core = incoming->core = chan_session_core_new (link, CHAN_SESSION_SERVER, self->options);
  chan_session_core_ref (core);
  core->on_ready = on_ready;
  core->on_ready_data = incoming;
  chan_session_core_start (core);
  chan_session_core_unref (core);
}

/**
 * chan_listener_set_uri:
 * @self: a listener
 * @uri: where it really listens
 *
 * For transports: says where, with the port that was chosen.
 *
 * Since: 0.1
 */
void
chan_listener_set_uri (ChanListener *self, const char *uri)
{
  ChanLater later;

  g_return_if_fail (CHAN_IS_LISTENER (self) && uri != NULL);

  chan_later_init (&later);
  chan_pipe_lock (self->accepts);
  g_ptr_array_add (self->old_uris, self->uri);
  self->uri = g_strdup (uri);
  chan_pipe_unlock (self->accepts, &later);
}

/**
 * chan_listener_fail:
 * @self: a listener
 * @error: why
 *
 * For transports: says that no link can come any more.
 *
 * Since: 0.1
 */
void
chan_listener_fail (ChanListener *self, const GError *error)
{
  g_return_if_fail (CHAN_IS_LISTENER (self) && error != NULL);

  listener_stop (self, error);
}

/**
 * chan_listener_close:
 * @self: a listener
 *
 * Stops listening. Sessions that were accepted go on; waiting
 * [method@Chan.Listener.accept] calls get those that are there, then the end.
 *
 * Since: 0.1
 */
void
chan_listener_close (ChanListener *self)
{
  g_return_if_fail (CHAN_IS_LISTENER (self));

  listener_stop (self, NULL);
}

/**
 * chan_listener_get_uri:
 * @self: a listener
 *
 * Gets where it really listens, with the port that was chosen.
 *
 * Returns: the URI
 *
 * Since: 0.1
 */
const char *
chan_listener_get_uri (ChanListener *self)
{
  g_return_val_if_fail (CHAN_IS_LISTENER (self), NULL);

  return self->uri;
}
