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
