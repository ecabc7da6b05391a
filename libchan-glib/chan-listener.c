/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-listener-private.h"

#include "chan-session-private.h"
#include "chan-transport.h"

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

guint chan_listener_signals[CHAN_LISTENER_N_SIGNALS];

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
  chan_listener_forget_early (self);
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
   * reaches the application; also about one that came before a handler was
   * connected, if nobody has taken it. If any handler returns %FALSE the session is
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
  chan_listener_signals[CHAN_LISTENER_AUTHORIZE]
    = g_signal_new ("authorize", CHAN_TYPE_LISTENER, G_SIGNAL_RUN_LAST, 0, all_must_agree, NULL, NULL, G_TYPE_BOOLEAN, 1, CHAN_TYPE_SESSION);

  /**
   * ChanListener::incoming:
   * @self: the listener
   * @session: the session
   *
   * A session came. While somebody is connected to this signal, sessions are
   * given here and not to [method@Chan.Listener.accept]; those too that came
   * before somebody was, and that nobody has accepted. Emitted in the
   * thread-default main context in which the listener was made.
   *
   * Since: 0.1
   */
  chan_listener_signals[CHAN_LISTENER_INCOMING]
    = g_signal_new ("incoming", CHAN_TYPE_LISTENER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1, CHAN_TYPE_SESSION);
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
