/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "chan-inet.h"

#include <libchan-glib/chan-error.h>

ChanByteIO *
chan_inet_wrap_socket (const ChanInetWrap *self, int fd, ChanSessionRole role, const char *host, GError **error)
{
  if (self->wrap != NULL)
    return self->wrap (self->data, fd, role, host, error);
  return chan_socket_io_new (fd);
}

void
chan_inet_wrap_clear (ChanInetWrap *self)
{
  if (self->data_free != NULL)
    self->data_free (self->data);
  self->data = NULL;
  self->data_free = NULL;
}

char *
chan_inet_dup_text (GUri *uri, int port)
{
  return g_uri_join (G_URI_FLAGS_NONE, g_uri_get_scheme (uri), NULL, g_uri_get_host (uri), port, "", NULL, NULL);
}

gboolean
chan_inet_check_uri (GUri *uri, GError **error)
{
  const char *host = g_uri_get_host (uri);
  const char *path = g_uri_get_path (uri);

  if (g_uri_get_userinfo (uri) != NULL || (*path != '\0' && !g_str_equal (path, "/")))
    {
      g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s: has no user and no path: write %s://HOST:PORT",
                   g_uri_get_scheme (uri), g_uri_get_scheme (uri));
      return FALSE;
    }
  if (g_uri_get_port (uri) >= 0 && host != NULL)
    return TRUE;
  g_set_error (error, CHAN_CHANNEL_ERROR, CHAN_CHANNEL_ERROR_BAD_CONFIG, "%s://%s needs a %s: write %s://HOST:PORT",
               g_uri_get_scheme (uri), host != NULL ? host : "", host != NULL ? "port" : "host", g_uri_get_scheme (uri));
  return FALSE;
}
