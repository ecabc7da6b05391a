/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-endpoint.h"

#include "chan-config-data.h"
#include "chan-config-private.h"
#include "chan-uri-check.h"

ChanEndpoint *
chan_endpoint_new (const char *uri_or_name, GError **error)
{
  g_autoptr (ChanConfig) config = chan_config_dup_default (error);
  g_auto (GStrv) uris = NULL;
  ChanEndpoint *self;

  if (config == NULL)
    return NULL;
  uris = chan_config_resolve (config, uri_or_name, error);
  if (uris == NULL)
    return NULL;
  self = g_new0 (ChanEndpoint, 1);
  self->config = g_steal_pointer (&config);
  self->name = g_strdup (uri_or_name);
  self->uris = g_steal_pointer (&uris);
  return self;
}

void
chan_endpoint_free (ChanEndpoint *self)
{
  g_object_unref (self->config);
  g_free (self->name);
  g_strfreev (self->uris);
  g_free (self);
}

GUri *
chan_endpoint_parse (ChanEndpoint *self, const char *text, ChanOptions **ret_options, GError **error)
{
  g_autoptr (GError) bad = NULL;
  g_autoptr (GUri) uri = NULL;
  g_autoptr (ChanOptions) options = NULL;

  if (!chan_uri_check_escapes (text, error))
    return NULL;
  uri = g_uri_parse (text, G_URI_FLAGS_ENCODED_QUERY, &bad);
  if (uri == NULL)
    {
      chan_config_set_error (error, "“%s” is not a URI: %s", text, bad->message);
      return NULL;
    }
  options = chan_config_dup_options (self->config, *self->name == '@' ? self->name : text, g_uri_get_scheme (uri), error);
  if (options == NULL || !chan_options_set_from_uri (options, uri, error))
    return NULL;
  *ret_options = g_steal_pointer (&options);
  return g_steal_pointer (&uri);
}

/* --- waiting without the caller's main context --- */

static void
block_cancel (GCancellable *cancellable, gpointer limit)
{
  g_cancellable_cancel (limit);
}

static gboolean
block_timed_out (gpointer data)
{
  ChanBlock *self = data;

  self->timed_out = TRUE;
  g_cancellable_cancel (self->limit);
  return G_SOURCE_REMOVE;
}

GCancellable *
chan_block_begin (ChanBlock *self, gint64 deadline, GCancellable *cancellable)
{
  memset (self, 0, sizeof *self);
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);
  self->limit = g_cancellable_new ();
  if (cancellable != NULL)
    {
      self->cancellable = g_object_ref (cancellable);
      self->cancel_id = g_cancellable_connect (cancellable, G_CALLBACK (block_cancel), g_object_ref (self->limit), g_object_unref);
    }
  if (deadline > 0)
    {
      gint64 left = MAX ((deadline - g_get_monotonic_time ()) / 1000 + 1, 0);

      self->timeout = g_timeout_source_new ((guint) MIN (left, G_MAXINT));
      g_source_set_static_name (self->timeout, "libchan-glib deadline");
      g_source_set_callback (self->timeout, block_timed_out, self, NULL);
      g_source_attach (self->timeout, self->context);
    }
  return g_object_ref (self->limit);
}

void
chan_block_done (GObject *source, GAsyncResult *result, gpointer block)
{
  ((ChanBlock *) block)->result = g_object_ref (result);
}

GAsyncResult *
chan_block_end (ChanBlock *self)
{
  while (self->result == NULL)
    g_main_context_iteration (self->context, TRUE);
  if (self->timeout != NULL)
    {
      g_source_destroy (self->timeout);
      g_source_unref (self->timeout);
    }
  if (self->cancel_id != 0)
    g_cancellable_disconnect (self->cancellable, self->cancel_id);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->limit);
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
  return g_steal_pointer (&self->result);
}

gpointer
chan_block_session (ChanBlock *self, gpointer result, GError **error)
{
  if (result == NULL && self->timed_out && error != NULL && *error != NULL)
    {
      g_clear_error (error);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT, "The deadline passed");
    }
  return result;
}
