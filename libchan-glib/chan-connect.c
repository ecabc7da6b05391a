/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-session-private.h"

#include "chan-config-private.h"
#include "chan-block.h"
#include "chan-endpoint.h"
#include "chan-operation-private.h"
#include "chan-transport.h"

/* Connecting: the URIs of an endpoint in turn, until one gives a session that
 * is ready: transport, link, handshake, dialect. */

typedef struct
{
  ChanEndpoint *endpoint;
  guint next;              /* URI to try */
  GCancellable *attempt;   /* the caller's cancellable or the timeout */
  gulong cancel_id;
  GSource *timeout;
  gboolean timed_out;
  char *uri;               /* being tried */
  ChanOptions *options;
  GError *error;           /* of the last try */
  char *earlier;           /* what those before it said; nullable */
  GMainContext *context;
} Connector;

typedef struct
{
  GTask *task;
  ChanLink *link;
  ChanSessionCore *core;
  GError *error;
} Arrival;

static void connector_try (GTask *task);

static void
connector_stop_attempt (GTask *task, Connector *self)
{
  if (self->timeout != NULL)
    {
      g_source_destroy (self->timeout);
      g_clear_pointer (&self->timeout, g_source_unref);
    }
  if (self->cancel_id != 0)
    g_cancellable_disconnect (g_task_get_cancellable (task), self->cancel_id);
  self->cancel_id = 0;
  g_clear_object (&self->attempt);
  g_clear_object (&self->options);
}

static void
connector_free (gpointer data)
{
  Connector *self = data;

  chan_endpoint_free (self->endpoint);
  g_free (self->uri);
  g_clear_error (&self->error);
  g_free (self->earlier);
  g_main_context_unref (self->context);
  g_free (self);
}

/* The error of the last try, which also says why those before it failed: mostly it is the first that should work. */
static GError *
connector_steal_error (Connector *self)
{
  GError *error = g_steal_pointer (&self->error);

  if (self->earlier != NULL && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      char *text = g_strdup_printf ("%s (before that: %s)", error->message, self->earlier);

      g_free (error->message);
      error->message = text;
    }
  return error;
}

static void
connector_keep_error (Connector *self, GError *error)
{
  g_autoptr (GError) last = g_steal_pointer (&self->error);
  g_autofree char *earlier = g_steal_pointer (&self->earlier);

  self->error = error;
  if (last != NULL)
    self->earlier = g_strconcat (earlier != NULL ? earlier : "", earlier != NULL ? "; " : "", last->message, NULL);
}

/* One URI failed: the next, or what the last said. */
static void
connector_failed (GTask *task, GError *error)
{
  Connector *self = g_task_get_task_data (task);

  if (self->timed_out)
    {
      g_clear_error (&error);
      error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "Cannot connect to %s: no answer in time", self->uri);
    }
  connector_stop_attempt (task, self);
  self->timed_out = FALSE;
  connector_keep_error (self, error);
  if (g_cancellable_is_cancelled (g_task_get_cancellable (task)) || self->endpoint->uris[self->next] == NULL)
    {
      g_task_return_error (task, connector_steal_error (self));
      g_object_unref (task);
      return;
    }
  g_debug ("%s; trying %s", self->error->message, self->endpoint->uris[self->next]);
  connector_try (task);
}

/* --- the link is there --- */

static gboolean
ready_in_context (gpointer data)
{
  Arrival *arrival = data;
  GTask *task = arrival->task;
  Connector *self = g_task_get_task_data (task);
  ChanSession *session;

  if (arrival->error == NULL && self->timed_out)
    arrival->error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "");
  if (arrival->error != NULL)
    {
      chan_session_core_unref (arrival->core);
      connector_failed (task, arrival->error);
    }
  else
    {
      connector_stop_attempt (task, self);
      session = chan_session_new_for_core (arrival->core, self->uri);
      chan_session_adopt (session);
      g_task_return_pointer (task, session, g_object_unref);
      g_object_unref (task);
    }
  g_free (arrival);
  return G_SOURCE_REMOVE;
}

static void
invoke (GTask *task, GSourceFunc func, Arrival *arrival)
{
  Connector *self = g_task_get_task_data (task);
  /* Once attached, another thread may run it and drop everything; to unref a source locks its context. */
  g_autoptr (GMainContext) context = g_main_context_ref (self->context);
  GSource *source = g_idle_source_new ();

  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_static_name (source, "libchan-glib connect");
  g_source_set_callback (source, func, arrival, NULL);
  g_source_attach (source, context);
  g_source_unref (source);
}

static void
ready_later (gpointer data)
{
  Arrival *arrival = data;

  invoke (arrival->task, ready_in_context, arrival);
}

/* Under the session's lock. */
static void
on_ready (gpointer data, const GError *error, ChanLater *later)
{
  Arrival *arrival = data;

  arrival->error = error != NULL ? g_error_copy (error) : NULL;
  chan_later_add (later, ready_later, arrival);
}

static void
abort_attempt (GCancellable *cancellable, gpointer data)
{
  ChanSessionCore *core = data;
  g_autoptr (GError) cancelled = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CANCELLED, "Operation was cancelled");
  ChanLater later;

  chan_later_init (&later);
  chan_reactor_lock (core->reactor);
  if (core->state == CHAN_SESSION_CONNECTING)
    chan_session_core_end (core, cancelled, &later);
  chan_reactor_unlock (core->reactor, &later);
}

static gboolean
link_in_context (gpointer data)
{
  Arrival *arrival = data;
  GTask *task = arrival->task;
  Connector *self = g_task_get_task_data (task);

  if (arrival->error != NULL)
    {
      connector_failed (task, arrival->error);
      g_free (arrival);
      return G_SOURCE_REMOVE;
    }
  arrival->core = chan_session_core_new (arrival->link, CHAN_SESSION_CLIENT, self->options);
  arrival->core->on_ready = on_ready;
  arrival->core->on_ready_data = arrival;
  g_clear_object (&arrival->link);
  /* Its handshake is served by the attendant, whoever iterates this context. */
  chan_session_core_start (arrival->core);
  /* Only now: if the attempt was cancelled already, this aborts what has begun. */
  g_cancellable_connect (self->attempt, G_CALLBACK (abort_attempt), chan_session_core_ref (arrival->core),
                         (GDestroyNotify) chan_session_core_unref);
  return G_SOURCE_REMOVE;
}

/* Any thread. */
static void
on_link (ChanLink *link, const GError *error, gpointer data)
{
  Arrival *arrival = g_new0 (Arrival, 1);

  arrival->task = data;
  arrival->error = error != NULL ? g_error_copy (error) : NULL;
  arrival->link = link != NULL ? g_object_ref (link) : NULL;
  if (link == NULL && error == NULL)
    arrival->error = g_error_new_literal (CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_FAILED, "The transport made no link");
  invoke (arrival->task, link_in_context, arrival);
}

/* --- an attempt --- */

static void
cancel_attempt (GCancellable *cancellable, gpointer attempt)
{
  g_cancellable_cancel (attempt);
}

static gboolean
attempt_timed_out (gpointer data)
{
  Connector *self = data;

  self->timed_out = TRUE;
  g_cancellable_cancel (self->attempt);
  return G_SOURCE_REMOVE;
}

static void
connector_start_attempt (GTask *task, Connector *self)
{
  guint seconds = (guint) chan_options_get_int (self->options, "connect-timeout-sec");

  self->attempt = g_cancellable_new ();
  if (g_task_get_cancellable (task) != NULL)
    self->cancel_id = g_cancellable_connect (g_task_get_cancellable (task), G_CALLBACK (cancel_attempt),
                                             g_object_ref (self->attempt), g_object_unref);
  if (seconds == 0)
    return;
  self->timeout = g_timeout_source_new_seconds (seconds);
  g_source_set_static_name (self->timeout, "libchan-glib connect timeout");
  g_source_set_callback (self->timeout, attempt_timed_out, self, NULL);
  g_source_attach (self->timeout, self->context);
}

static gboolean
connector_open (GTask *task, Connector *self, GError **error)
{
  g_autoptr (GUri) uri = NULL;
  g_autoptr (ChanTransport) transport = NULL;
  g_autoptr (ChanOperation) operation = NULL;

  uri = chan_endpoint_parse (self->endpoint, self->uri, &self->options, error);
  if (uri == NULL)
    return FALSE;
  transport = chan_transport_new_for_scheme (g_uri_get_scheme (uri), error);
  if (transport == NULL)
    return FALSE;
  connector_start_attempt (task, self);
  operation = chan_operation_new (uri, self->options, self->attempt, on_link, task);
  if (chan_transport_open_link (transport, operation, error))
    return TRUE;
  if (chan_operation_disown (operation))
    return FALSE;
  g_clear_error (error);
  return TRUE;
}

static void
connector_try (GTask *task)
{
  Connector *self = g_task_get_task_data (task);
  GError *error = NULL;

  g_free (self->uri);
  self->uri = g_strdup (self->endpoint->uris[self->next++]);
  if (!connector_open (task, self, &error))
    connector_failed (task, error);
}

/**
 * chan_connect_async:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration
 * @io_priority: the I/O priority of the request; not used
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (nullable): called when the session is ready, or the last URI failed
 * @user_data: data for @callback
 *
 * Asynchronous [func@Chan.connect].
 *
 * Since: 0.1
 */
void
chan_connect_async (const char *uri, int io_priority, GCancellable *cancellable,
                    GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;
  Connector *self;
  GError *error = NULL;
  ChanEndpoint *endpoint;

  g_return_if_fail (uri != NULL);

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, chan_connect_async);
  g_task_set_name (task, "chan_connect");
  endpoint = chan_endpoint_new (uri, &error);
  if (endpoint == NULL || g_cancellable_set_error_if_cancelled (cancellable, &error))
    {
      g_clear_pointer (&endpoint, chan_endpoint_free);
      g_task_return_error (task, error);
      g_object_unref (task);
      return;
    }
  self = g_new0 (Connector, 1);
  self->endpoint = endpoint;
  self->context = g_main_context_ref_thread_default ();
  g_task_set_task_data (task, self, connector_free);
  connector_try (task);
}

/**
 * chan_connect_finish:
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [func@Chan.connect_async].
 *
 * Returns: (transfer full): the session
 *
 * Since: 0.1
 */
ChanSession *
chan_connect_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * chan_connect:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Connects to a peer and waits until the session is ready. An endpoint's
 * `Fallback=` URIs are tried in order when connecting fails; the error is that
 * of the last, and its message says why the others failed too.
 *
 * Never runs callbacks of the caller's main context.
 *
 * A session belongs to the process that made it. The child of a `fork()` gets
 * %CHAN_CHANNEL_ERROR_CONNECTION_LOST from it, and the parent's goes on
 * undisturbed; the child may make its own. No other thread should be using the
 * library at that moment.
 *
 * Returns: (transfer full): the session
 *
 * Since: 0.1
 */
ChanSession *
chan_connect (const char *uri, GCancellable *cancellable, GError **error)
{
  return chan_connect_until (uri, 0, cancellable, error);
}

/**
 * chan_connect_until:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Like [func@Chan.connect], with a deadline.
 *
 * Returns: (transfer full): the session
 *
 * Since: 0.1
 */
ChanSession *
chan_connect_until (const char *uri, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GCancellable) limit = NULL;
  ChanSession *session;
  ChanBlock block;

  g_return_val_if_fail (uri != NULL, NULL);

  limit = chan_block_begin (&block, deadline, cancellable);
  chan_connect_async (uri, G_PRIORITY_DEFAULT, limit, chan_block_done, &block);
  result = chan_block_end (&block);
  session = chan_connect_finish (result, error);
  if (session != NULL)
    chan_session_adopt (session);
  else
    chan_block_expired (&block, error);
  return session;
}
