/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-listener-private.h"

#include "chan-block.h"
#include "chan-endpoint.h"
#include "chan-operation-private.h"

static void
on_listening (ChanLink *link, const GError *error, gpointer data)
{
  GTask *task = data;
  ChanListener *self = g_task_get_task_data (task);

  if (error != NULL)
    {
      self->listening = FALSE;
      g_task_return_error (task, g_error_copy (error));
    }
  else
    g_task_return_pointer (task, g_object_ref (self), g_object_unref);
  g_object_unref (task);
}

static gboolean
begin_listening (GTask *task, const char *text, GError **error)
{
  ChanEndpoint *endpoint = chan_endpoint_new (text, error);
  g_autoptr (GUri) uri = NULL;
  g_autoptr (ChanOperation) operation = NULL;
  g_autoptr (ChanListener) self = NULL;

  if (endpoint == NULL)
    return FALSE;
  self = g_object_new (CHAN_TYPE_LISTENER, NULL);
  uri = chan_endpoint_parse (endpoint, endpoint->uris[0], &self->options, error);
  self->uri = g_strdup (endpoint->uris[0]);
  chan_endpoint_free (endpoint);
  if (uri == NULL)
    return FALSE;
  self->transport = chan_transport_new_for_scheme (g_uri_get_scheme (uri), error);
  if (self->transport == NULL)
    return FALSE;
  self->listening = TRUE;
  g_task_set_task_data (task, g_object_ref (self), g_object_unref);
  operation = chan_operation_new (uri, self->options, g_task_get_cancellable (task), on_listening, task);
  if (chan_transport_listen (self->transport, self, operation, error))
    return TRUE;
  if (!chan_operation_disown (operation))
    {
      g_clear_error (error);
      return TRUE;
    }
  self->listening = FALSE;
  return FALSE;
}

/**
 * chan_listen_async:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration
 * @io_priority: the I/O priority of the request; not used
 * @cancellable: (nullable): to give up
 * @callback: (scope async) (nullable): called when it listens
 * @user_data: data for @callback
 *
 * Asynchronous [func@Chan.listen].
 *
 * Since: 0.1
 */
void
chan_listen_async (const char *uri, int io_priority, GCancellable *cancellable,
                   GAsyncReadyCallback callback, gpointer user_data)
{
  GTask *task;
  GError *error = NULL;

  g_return_if_fail (uri != NULL);

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_source_tag (task, chan_listen_async);
  g_task_set_name (task, "chan_listen");
  if (begin_listening (task, uri, &error))
    return;
  g_task_return_error (task, error);
  g_object_unref (task);
}

/**
 * chan_listen_finish:
 * @result: the result given to the callback
 * @error: return location for an error
 *
 * Finishes [func@Chan.listen_async].
 *
 * Returns: (transfer full): the listener
 *
 * Since: 0.1
 */
ChanListener *
chan_listen_finish (GAsyncResult *result, GError **error)
{
  g_return_val_if_fail (g_task_is_valid (result, NULL), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/**
 * chan_listen:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration (its first URI)
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Begins to listen. With port 0 a free port is chosen;
 * [method@Chan.Listener.get_uri] tells which.
 *
 * Returns: (transfer full): the listener
 *
 * Since: 0.1
 */
ChanListener *
chan_listen (const char *uri, GCancellable *cancellable, GError **error)
{
  return chan_listen_until (uri, 0, cancellable, error);
}

/**
 * chan_listen_until:
 * @uri: a URI, or `@NAME` of an endpoint in the configuration (its first URI)
 * @deadline: monotonic time in microseconds at which to give up, or 0 for never
 * @cancellable: (nullable): to give up
 * @error: return location for an error
 *
 * Like [func@Chan.listen], with a deadline: a bus may be slow to give a name.
 *
 * Returns: (transfer full): the listener
 *
 * Since: 0.1
 */
ChanListener *
chan_listen_until (const char *uri, gint64 deadline, GCancellable *cancellable, GError **error)
{
  g_autoptr (GAsyncResult) result = NULL;
  g_autoptr (GCancellable) limit = NULL;
  ChanListener *self;
  ChanBlock block;

  g_return_val_if_fail (uri != NULL, NULL);

  limit = chan_block_begin (&block, deadline, cancellable);
  chan_listen_async (uri, G_PRIORITY_DEFAULT, limit, chan_block_done, &block);
  result = chan_block_end (&block);
  self = chan_listen_finish (result, error);
  /* Its signals belong to the caller's main context, not to the one just used. */
  if (self != NULL)
    chan_listener_adopt (self, g_main_context_get_thread_default ());
  else
    chan_block_expired (&block, error);
  return self;
}
